/** Base64 (RFC 4648, padded) in place: what it stands for is shorter than it is. */

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const padding = 0x3d;
/** Six bits of each byte that is a letter, -1 of others. */
const bitsOf = new Int8Array(256).fill(-1);
for (let k = 0; k < letters.length; k++) bitsOf[letters.charCodeAt(k)] = k;

/**
 * Replaces the `length` bytes at `from` by those that they stand for; answers how many these are,
 * or -1 if it is not base64, and then leaves them as they are.
 */
export function decodeBase64(bytes: Uint8Array, from: number, length: number): number {
  if (length % 4 !== 0) return -1;
  let letterEnd = from + length;
  if (length > 0 && bytes[letterEnd - 1] === padding) letterEnd--;
  if (length > 0 && bytes[letterEnd - 1] === padding) letterEnd--;
  for (let p = from; p < letterEnd; p++) if (bitsOf[bytes[p]] < 0) return -1;
  let to = from;
  let bits = 0;
  let held = 0;
  for (let p = from; p < letterEnd; p++) {
    held = ((held << 6) | bitsOf[bytes[p]]) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[to++] = held >>> bits;
  }
  return to - from;
}
