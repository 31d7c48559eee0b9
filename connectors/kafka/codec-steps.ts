/**
 * Decompression in steps: a generator that pauses after a bounded amount of output, so that who
 * runs it can do other things in between, and returns the output at its end.
 */

import { assert } from '../../src/base/assert.ts';

/** See the head of this file. Throws `CodecError`. */
export type Steps = Generator<null, Uint8Array>;

/** Bytes of output after which there is a pause. */
export const stepBytes = 1024 * 1024;

/** Runs to the end without a break. */
export function finished(steps: Steps): Uint8Array {
  for (;;) {
    const { value, done } = steps.next();
    if (done === true) return value;
  }
}

/** Bytes that are copied at a stretch: about a millisecond. */
const copyBytes = 4 * stepBytes;

/** Copies the beginning of `source` to `target`, with pauses. */
export function* copySteps(
  source: Uint8Array,
  bytes: number,
  target: Uint8Array,
): Generator<null, void> {
  assert(bytes <= target.length, `${bytes} bytes fit into ${target.length}`);
  for (let at = 0; at < bytes; at += copyBytes) {
    if (at > 0) yield null;
    target.set(source.subarray(at, Math.min(bytes, at + copyBytes)), at);
  }
}

/** Puts pieces together, with pauses; `total` is their length. */
export function* joinSteps(pieces: readonly Uint8Array[], total: number): Steps {
  const whole = new Uint8Array(total);
  let at = 0;
  let pauseAt = copyBytes;
  for (const piece of pieces) {
    if (at >= pauseAt) {
      pauseAt = at + copyBytes;
      yield null;
    }
    whole.set(piece, at);
    at += piece.length;
  }
  assert(at === total, `pieces of ${at} bytes make ${total}`);
  return whole;
}
