/**
 * The contract for a single writer that remembers where its rows are. An operator whose output is
 * an arrangement keeps one row a key and knows the row's address, so it ends an old row and opens a
 * new one without a search, and without an index, unless a reader asks for one.
 *
 * Addresses are given as *places*: address + 1, 0 for none. Each row carries a token of the
 * writer's (in the word in which others may keep a hash); when rows are moved together in
 * memory the writer is told the token and the new place.
 *
 * Duties of the writer: no row is opened and ended in one step; rows with equal tokens do not live
 * at once; the payload is written between `replace` and `enter` (it is zero then, but for the
 * lengths of var values, all of which are to be written), and nothing else is called in between.
 */
import type { RowLayout } from '../value/layout.ts';

/** The writer's end. */
export interface RowOwner {
  /** The live row with this token has moved. */
  moved(token: number, place: number): void;
}

/** The arrangement's end. */
export interface OwnedRows {
  readonly layout: RowLayout;
  /** The words that places refer to; asked for anew after `replace`. */
  readonly words: Int32Array;
  /**
   * For k < n: ends the row at olds[k] (0: none) and, if sizes[k] is not 0, opens one of that many
   * words (padded, see `paddedWords`) with weight 1 and token tokens[k], at places[k] (0: none).
   */
  replace(
    step: number,
    olds: Int32Array,
    sizes: Int32Array,
    tokens: Int32Array,
    n: number,
    places: Int32Array,
  ): void;
  /** The payloads of the rows at places[0 … n - 1] are written. */
  enter(places: Int32Array, n: number): void;
}
