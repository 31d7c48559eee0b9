/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): the checksum of Kafka's record batches.
 *
 * Slicing by 8: eight tables of 256 words, where `table[k * 256 + b]` is the checksum of byte `b`
 * followed by `k` zero bytes. Eight input bytes then cost eight independent loads. Tables lie in one
 * `Int32Array`, so that the loop has one base address.
 */

const polynomial = 0x82f63b78;

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
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

/** The checksum, an unsigned 32-bit integer, of `bytes[from, to)`. */
export function crc32c(bytes: Uint8Array, from = 0, to: number = bytes.length): number {
  const t = tables;
  let crc = -1;
  let at = from;
  for (const wideEnd = to - 7; at < wideEnd; at += 8) {
    crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    crc = t[1792 + (crc & 0xff)] ^ t[1536 + ((crc >>> 8) & 0xff)]
      ^ t[1280 + ((crc >>> 16) & 0xff)] ^ t[1024 + (crc >>> 24)]
      ^ t[768 + bytes[at + 4]] ^ t[512 + bytes[at + 5]]
      ^ t[256 + bytes[at + 6]] ^ t[bytes[at + 7]];
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]) & 0xff];
  return ~crc >>> 0;
}
