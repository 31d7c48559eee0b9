/**
 * MD5 (RFC 1321) of bytes, for the SQL function of that name; not for anything that must be
 * secure.
 */

const shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const sines = Int32Array.from(
  { length: 64 },
  (_, k) => Math.floor(Math.abs(Math.sin(k + 1)) * 2 ** 32) | 0,
);

/** The message, a one bit, zeros, and the length in bits in the last 8 bytes. */
function padded(bytes: Uint8Array): DataView {
  const size = (((bytes.length + 8) >> 6) + 1) << 6;
  const block = new Uint8Array(size);
  block.set(bytes);
  block[bytes.length] = 0x80;
  const view = new DataView(block.buffer);
  view.setUint32(size - 8, (bytes.length * 8) >>> 0, true);
  view.setUint32(size - 4, Math.floor(bytes.length / 2 ** 29), true);
  return view;
}

/** The round function and the message word of step `k`. */
function mixed(k: number, b: number, c: number, d: number): readonly [number, number] {
  switch (k >> 4) {
    case 0:
      return [(b & c) | (~b & d), k];
    case 1:
      return [(d & b) | (~d & c), (5 * k + 1) & 15];
    case 2:
      return [b ^ c ^ d, (3 * k + 5) & 15];
    default:
      return [c ^ (b | ~d), (7 * k) & 15];
  }
}

/** 32 hexadecimal digits. */
export function md5(bytes: Uint8Array): string {
  const view = padded(bytes);
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let at = 0; at < view.byteLength; at += 64) {
    let [a, b, c, d] = state;
    for (let k = 0; k < 64; k++) {
      const [f, word] = mixed(k, b, c, d);
      const sum = (a + f + sines[k] + view.getInt32(at + 4 * word, true)) | 0;
      const shift = shifts[((k >> 4) << 2) | (k & 3)];
      a = d;
      d = c;
      c = b;
      b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
  }
  return Array.from(new Uint8Array(state.buffer), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
