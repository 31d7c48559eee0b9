/**
 * The door to an index: what another thread needs to probe it, in words of the region. The thread
 * of the arrangement keeps them up to date and never reads them; a reader needs the region's
 * buffer, the address of the door and the row layout, and no object of the other thread.
 *
 * A door begins with the head of the index's hash table (hash-table.ts). A slot's value says what
 * it is: above 0 address + 1 of a live row; from -2^30 up to -1 ~ number of a dead row, which only
 * readers of earlier steps need; below that a heavy key, whose rows lie in a table of its own. The
 * *cell* of a heavy key has the head of that table, whose tags are whole identity hashes, and the
 * key's hash.
 *
 * Words are plain: a reader sees to it by other means (a sequence word around everything that the
 * engine does) that what it has read belongs together, and must expect any nonsense until then.
 */
import type { RowLayout } from '../value/layout.ts';
import { headWords } from './hash-table.ts';

/** Bits of a tag that are bits of the key hash; the others are of the row's identity hash. */
export const doorTagMask = headWords;
/** Last sealed step. */
export const doorComplete = headWords + 1;
/** Step that is being applied, in which rows die that are visible at `complete`; or `complete`. */
export const doorOpen = headWords + 2;
/** Rows that died up to this step may be gone. */
export const doorSince = headWords + 3;
/** `doorWhole`, `doorBuilding` or `doorClosed`. */
export const doorState = headWords + 4;
/** Words of a door. */
export const doorWords = 16;

/** Values of `doorState`: every live row is in the index, some are missing, the index is gone. */
export const doorWhole = 1;
export const doorBuilding = 2;
export const doorClosed = 3;

/** Key hash of a heavy key, in its cell; its number with the arrangement's thread. */
export const cellHash = headWords;
export const cellNumber = headWords + 1;
/** Words of a cell, which starts at a multiple of them. */
export const cellWords = 8;
const cellShift = 3;

const heavyUnit = 2 ** 30;

/** Whether a slot's value, below 0, names a heavy key. */
export function isHeavy(value: number): boolean {
  return value < -heavyUnit;
}

/** First word of the cell of a heavy key. */
export function cellOf(value: number): number {
  return (~value - heavyUnit) << cellShift;
}

/** The value of the slot of a heavy key. */
export function heavyValue(cell: number): number {
  return ~((cell >> cellShift) + heavyUnit);
}

/** Where the door to an index is. */
export interface IndexDoor {
  readonly buffer: SharedArrayBuffer;
  /** Of the records; its columns alone do not say whether they have marks. */
  readonly layout: RowLayout;
  /** First word. */
  readonly at: number;
}
