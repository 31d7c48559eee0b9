/**
 * Batches: the unit that flows between operators. A batch is `rows` rows, all at one step, lying as
 * columns in one slab. It owns no memory: `column[c]` is a word offset into the slab.
 *
 *  - i32 column: `slab.i32[column[c] + row]`.
 *  - i64 column: offset is even; `slab.i64[(column[c] >> 1) + row]` (as int32 pairs wherever a
 *    value is only moved, hashed or compared for equality). f64: `slab.f64[(column[c] >> 1) +
 *    row]`.
 *  - var column: pairs; `slab.i32[column[c] + 2 * row]` is the word offset of the first byte in the
 *    same slab, `slab.i32[column[c] + 2 * row + 1]` the length in bytes. Bytes start on a word and
 *    are zero-padded to a word. Several columns and batches may point at the same bytes.
 *  - NULL: `nulls[c]` is -1 if the column has no NULL in this batch, else the *byte* offset of one
 *    byte a row: `slab.u8[nulls[c] + row]`, 1 = NULL, 0 = not. A NULL's value words are zero (var:
 *    length 0), so that moves need no branch.
 *  - weight: `slab.i32[weight + row]`, never 0 in a sealed batch.
 *
 * Laws: column.length = nulls.length = number of columns; a sealed batch never changes; a batch is
 * valid as long as its slab is retained (the driver's business, never an operator's).
 */

/** A piece of shared memory with its four views, handed out by a `SlabPool`. */
export interface Slab {
  readonly i32: Int32Array;
  readonly i64: BigInt64Array;
  readonly f64: Float64Array;
  readonly u8: Uint8Array;
  /** Size in words. */
  readonly words: number;
  /** Holds one batch, and its buffer may be given away with it. */
  readonly lonely: boolean;
  /** Words taken so far. */
  readonly used: number;
  /** Takes `words` words, aligned to 8 bytes; answers the word offset, or -1 if they do not fit. */
  take(words: number): number;
  /** One more user. */
  retain(): void;
  /** One user less; the last one gives the slab back to its pool. */
  release(): void;
}

export interface Batch {
  readonly step: number;
  readonly rows: number;
  readonly slab: Slab;
  readonly column: Int32Array;
  readonly nulls: Int32Array;
  readonly weight: number;
}
