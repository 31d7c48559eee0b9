/**
 * Decompression in steps: a generator that pauses after a bounded amount of output, so that who
 * runs it can do other things in between, and returns the output at its end.
 */

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
