/**
 * The words before those of a run, of which the pieces of an image consist (row-image.ts):
 *
 *     first word of the segment | its words, 0 if it is gone | offset | count
 */

/** Words of a run before those that it carries. */
export const runHeaderWords = 4;
/** Stands for the first word of a segment where all are gone. */
export const allSegments = -1;

/** Writes the words before those of a run; answers where these begin. */
export function writeRun(
  out: Int32Array,
  at: number,
  start: number,
  fill: number,
  offset: number,
  count: number,
): number {
  out[at] = start;
  out[at + 1] = fill;
  out[at + 2] = offset;
  out[at + 3] = count;
  return at + runHeaderWords;
}
