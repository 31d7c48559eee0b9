/**
 * Numbers as ASCII digits, written straight into a sink without a JavaScript string: two digits at
 * a time from a table, least first, into room that was measured before.
 */
import type { ByteSink } from './byte-sink.ts';

const pairs = new Uint8Array(200);
for (let n = 0; n < 100; n++) {
  pairs[2 * n] = 0x30 + Math.floor(n / 10);
  pairs[2 * n + 1] = 0x30 + (n % 10);
}

const minus = 0x2d;
const zero = 0x30;
const billion = 1_000_000_000;

/** Decimal digits of a uint32. */
function digitsOf(n: number): number {
  if (n < 10_000) return n < 100 ? (n < 10 ? 1 : 2) : n < 1000 ? 3 : 4;
  if (n < 100_000_000) return n < 1_000_000 ? (n < 100_000 ? 5 : 6) : n < 10_000_000 ? 7 : 8;
  return n < billion ? 9 : 10;
}

/** Writes `n` < 2^32 with exactly `width` digits ending before `end`. */
export function putDigits(u8: Uint8Array, end: number, n: number, width: number): void {
  let rest = n >>> 0;
  let k = end;
  const start = end - width;
  while (k - start >= 2) {
    const next = (rest / 100) >>> 0;
    const pair = (rest - next * 100) * 2;
    u8[--k] = pairs[pair + 1];
    u8[--k] = pairs[pair];
    rest = next;
  }
  if (k > start) u8[start] = zero + (rest % 10);
}

/** Appends an int32. */
export function writeInt32Text(sink: ByteSink, value: number): void {
  sink.ensure(11);
  let magnitude = value;
  if (value < 0) {
    sink.u8[sink.at++] = minus;
    magnitude = -value;
  }
  const width = digitsOf(magnitude);
  sink.at += width;
  putDigits(sink.u8, sink.at, magnitude, width);
}

/** Appends a whole number below 2^53 in magnitude. */
export function writeWholeText(sink: ByteSink, value: number): void {
  sink.ensure(17);
  let magnitude = value;
  if (value < 0) {
    sink.u8[sink.at++] = minus;
    magnitude = -value;
  }
  writeMagnitude(sink, magnitude);
}

function writeMagnitude(sink: ByteSink, magnitude: number): void {
  if (magnitude < billion) {
    const width = digitsOf(magnitude);
    sink.at += width;
    putDigits(sink.u8, sink.at, magnitude, width);
    return;
  }
  const high = Math.floor(magnitude / billion);
  writeMagnitude(sink, high);
  sink.at += 9;
  putDigits(sink.u8, sink.at, magnitude - high * billion, 9);
}

/** Appends an int64 given as its two words. */
export function writeInt64Text(sink: ByteSink, low: number, high: number): void {
  if (high === low >> 31) return writeInt32Text(sink, low);
  if (high >= -0x200000 && high < 0x200000) {
    return writeWholeText(sink, high * 2 ** 32 + (low >>> 0));
  }
  sink.ascii(((BigInt(high) << 32n) | BigInt(low >>> 0)).toString());
}

/** Appends a whole number below 2^53 divided by 10^scale, with exactly `scale` decimals. */
export function writeScaledText(sink: ByteSink, value: number, scale: number): void {
  if (scale === 0) return writeWholeText(sink, value);
  sink.ensure(20 + scale);
  let magnitude = value;
  if (value < 0) {
    sink.u8[sink.at++] = minus;
    magnitude = -value;
  }
  const start = sink.at;
  writeMagnitude(sink, magnitude);
  const { u8 } = sink;
  const missing = scale + 1 - (sink.at - start);
  if (missing > 0) {
    u8.copyWithin(start + missing, start, sink.at);
    u8.fill(zero, start, start + missing);
    sink.at += missing;
  }
  const point = sink.at - scale;
  for (let k = sink.at; k > point; k--) u8[k] = u8[k - 1];
  u8[point] = 0x2e;
  sink.at++;
}

/** Appends the clock hh:mm:ss and as many decimals as the µs of the day have. */
export function writeClock(sink: ByteSink, microseconds: number): void {
  sink.ensure(15);
  const seconds = (microseconds / 1_000_000) | 0;
  const micro = microseconds - seconds * 1_000_000;
  const minutes = (seconds / 60) | 0;
  const hours = (minutes / 60) | 0;
  const { u8, at } = sink;
  putDigits(u8, at + 2, hours, 2);
  u8[at + 2] = 0x3a;
  putDigits(u8, at + 5, minutes - hours * 60, 2);
  u8[at + 5] = 0x3a;
  putDigits(u8, at + 8, seconds - minutes * 60, 2);
  sink.at = at + 8;
  if (micro === 0) return;
  u8[at + 8] = 0x2e;
  putDigits(u8, at + 15, micro, 6);
  sink.at = at + 15;
  while (u8[sink.at - 1] === zero) sink.at--;
}
