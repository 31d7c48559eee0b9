/**
 * Rows as records in private memory, and where the columns of an answer lie in them: what a direct
 * read finds and what a protocol writes, without a batch in between.
 */
import type { Physical } from './type.ts';

/** Where a column of an answer lies in a record. */
export interface RecordField {
  readonly physical: Physical;
  /** Word of the value, or of the length of a var value, from the record's first. */
  readonly offset: number;
  /** Word address of a var value's bytes in the record at `at`. */
  readonly start: (words: Int32Array, at: number) => number;
  /** Word of the null bit, -1 if the column is never NULL, and the bit's number. */
  readonly nullWord: number;
  readonly nullBit: number;
}

/** Records that are the rows of one key; valid until the next read of the same lookup. */
export interface FoundRecords {
  /** The answer's columns: the same array for all reads of a lookup. */
  readonly fields: readonly RecordField[];
  readonly words: Int32Array;
  /** First word of each. */
  readonly places: Int32Array;
  readonly count: number;
}
