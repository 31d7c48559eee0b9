/**
 * The image of an arrangement: its rows, copied for a checkpoint while steps go on, and loaded
 * again (docs/design/checkpoints.md).
 *
 * What is visible at a held step stays where and what it is. So a checkpoint at step p only *pins*
 * p: it takes a hold and notes which segments were written to since they were last copied. These
 * are copied later as they lie then, at leisure, with rows that are newer or older than p; whoever
 * loads them leaves out what is not visible at p. Of a segment that was copied before, only the
 * lines that were written to since are copied (segment-marks.ts), those after the pin too: so what
 * is known of a segment is always what it was at one moment.
 *
 * A piece is a sequence of runs, each of four words and then its own:
 *
 *     first word of the segment | its words, 0 if it is gone | offset | count | so many words
 *
 * The first run of a copy of all rows says that all segments are gone, as whoever loads it may have
 * loaded others before. The first run of a segment says that another one that began there is gone.
 * What is copied of a segment stands in one piece, but for the blocks of very large rows. Addresses
 * only name segments: they are other ones where the image is loaded. The segments that went since
 * the pin before are named first, as others may begin where they did; one that goes before its turn
 * has no row that is visible at p, and is named instead of copied.
 */
import { assert } from '../../src/base/assert.ts';
import type { Saved } from '../value/saved.ts';
import type { Hold } from './arrangement.ts';
import type { KeyIndex } from './key-index.ts';
import type { RowOwner } from './owned-rows.ts';
import type { RowStore } from './row-store.ts';
import { segmentWordsMax } from './row-store.ts';
import { RowLoader } from './row-loader.ts';
import { allSegments, runHeaderWords, writeRun } from './row-run.ts';
import { lineWords } from './segment-marks.ts';

/** Words that a piece may have at least. */
export const pieceWordsMin = 2 ** 16;
/** Words that are copied of one segment at most: all, and a run for each second line. */
const copiedWordsMax = segmentWordsMax + runHeaderWords * (2 + segmentWordsMax / lineWords / 2);
/** First and last word + 1 of marked lines. */
const lines = new Int32Array(2);

/** Copying the rows of an arrangement as of one step, and loading them. */
export interface RowImage {
  /** From now on it is noted what is written to; the next pin is of all rows. */
  start(): void;
  /** Nothing is noted any more, and the pin is given up. */
  stop(): void;
  /**
   * Holds `step` and notes what was written to since the pin before: this is to be copied. Between
   * `start` and `stop`, after the pin before was given up.
   */
  pin(step: number): void;
  /**
   * Writes as much as fits of what is to be copied to `out`, which has at least `pieceWordsMin`
   * words; answers how many words. 0: all was written. Not while rows of an owner are being
   * entered.
   */
  copy(out: Int32Array): number;
  /**
   * Gives the pin up. If something is left to be copied the image is not whole, and the next pin is
   * of all rows; whoever loses what was copied calls `start`.
   */
  unpin(): void;
  /** What has to be known beside the rows, of the step that is pinned. */
  save(): Saved;
  /** Begins to load, into an arrangement without rows; XX001 if the rows are of another layout. */
  restore(saved: Saved): void;
  /**
   * Loads a piece, after those before it. Throws XX001 if it is none, 53200 if memory is full; then
   * the arrangement can only be disposed of.
   */
  load(piece: Int32Array): void;
  /**
   * After the last piece: makes the arrangement one whose rows are those visible at `step`, which
   * is complete and the earliest that can be read; holds move there. Works on about `rowsMax` rows;
   * true when all is done: rows can be scanned then, and steps be sealed. Errors as for `load`.
   */
  adopt(step: number, rowsMax: number): boolean;
  /**
   * Enters the rows that were adopted into the indexes; true when all are whole. Until then nothing
   * may be changed, and an index be probed only if `buildIndex` says that it is whole. Works on
   * about `rowsMax` rows. Throws 53200 if memory is full; it can be called again.
   */
  index(rowsMax: number): boolean;
  /** Whether rows are being loaded or adopted: until then nothing else may be done. */
  readonly loading: boolean;
  /** Whether rows were adopted that are not in all indexes. */
  readonly indexing: boolean;
}

/** What an image needs of its arrangement. */
export interface ImageHost {
  readonly store: RowStore;
  readonly owner: RowOwner | null;
  hold(step: number): Hold;
  readonly complete: number;
  /** Rows at `complete`. */
  readonly rows: number;
  readonly hasTwins: boolean;
  /** The indexes; one is made if rows cannot be found without. */
  indexes(): readonly KeyIndex[];
  /** All rows and indexes are in place. */
  adopted(step: number, rows: number, hasTwins: boolean): void;
}

/** The implementation over a row store. */
export class StoreImage implements RowImage {
  readonly #host: ImageHost;
  #started = false;
  #pinned: Hold | null = null;
  /** Whether the next piece begins with that nothing is known. */
  #anew = false;
  /** First words of segments that went before the pin and are still to be named. */
  #gone: number[] = [];
  /** By order: number, generation and first word at the pin of the segments to be copied. */
  #pending = new Int32Array(0);
  /** Place in `#pending`, and words that were copied of the segment there. */
  #next = 0;
  #offset = 0;
  #loader: RowLoader | null = null;
  /** Rows were adopted that are not in all indexes. */
  #indexing = false;

  constructor(host: ImageHost) {
    this.#host = host;
  }

  get loading(): boolean {
    return this.#loader !== null;
  }

  get indexing(): boolean {
    return this.#indexing;
  }

  start(): void {
    assert(this.#pinned === null, 'a pin is given up before all begins anew');
    this.#started = true;
    this.#beginAnew();
  }

  /** Nothing that was copied counts. */
  #beginAnew(): void {
    this.#anew = true;
    this.#host.store.marks.start();
  }

  stop(): void {
    this.#release();
    this.#started = false;
    this.#host.store.marks.stop();
  }

  pin(step: number): void {
    assert(this.#started && this.#pinned === null, 'one pin at a time, between start and stop');
    assert(!this.loading, 'what is pinned is not being loaded');
    const { store } = this.#host;
    this.#pinned = this.#host.hold(step);
    this.#gone = store.marks.takeGone();
    const pending: number[] = [];
    for (let segment = 0; segment < store.segments; segment++) {
      if (store.start(segment) < 0 || !store.marks.has(segment)) continue;
      pending.push(segment, store.generation(segment), store.start(segment));
    }
    this.#pending = Int32Array.from(pending);
    this.#next = 0;
    this.#offset = 0;
  }

  copy(out: Int32Array): number {
    assert(this.#pinned !== null, 'what is copied is pinned');
    assert(out.length >= pieceWordsMin, `a piece has ${pieceWordsMin} words, got ${out.length}`);
    let at = 0;
    if (this.#anew) at = writeRun(out, at, allSegments, 0, 0, 0);
    this.#anew = false;
    while (this.#gone.length > 0 && at + runHeaderWords <= out.length) {
      at = writeRun(out, at, this.#gone.pop() ?? 0, 0, 0, 0);
    }
    if (this.#gone.length > 0) return at;
    while (this.#next < this.#pending.length && out.length - at >= copiedWordsMax) {
      at = this.#copySegment(out, at);
    }
    return at;
  }

  /** Writes what is to be copied of the next segment, or as much as there is room for. */
  #copySegment(out: Int32Array, at: number): number {
    const { store } = this.#host;
    const segment = this.#pending[this.#next];
    const start = this.#pending[this.#next + 2];
    if (store.generation(segment) !== this.#pending[this.#next + 1] || store.start(segment) < 0) {
      this.#finishSegment();
      return writeRun(out, at, start, 0, 0, 0);
    }
    let into = at;
    if (this.#offset === 0) {
      if (!store.marks.isFresh(segment)) {
        into = this.#copyLines(out, at, segment);
        store.marks.clear(segment);
        this.#finishSegment();
        return into;
      }
      into = writeRun(out, into, start, 0, 0, 0);
      // Now, not at its end: what changes at the beginning meanwhile is to be copied again.
      store.marks.clear(segment);
    }
    const fill = store.fill(segment);
    const count = Math.min(fill - this.#offset, out.length - into - runHeaderWords);
    into = this.#copyWords(out, into, segment, this.#offset, count);
    this.#offset += count;
    if (this.#offset === fill) this.#finishSegment();
    return into;
  }

  /** Writes the lines of a segment that were written to since it was copied. */
  #copyLines(out: Int32Array, at: number, segment: number): number {
    const { store } = this.#host;
    const start = store.start(segment);
    const end = start + store.fill(segment);
    // Of a block that is larger than a segment only the first line changes.
    const marked = Math.min(end, start + segmentWordsMax);
    let into = at;
    for (let from = start; store.marks.next(segment, from, marked, lines); from = lines[1]) {
      into = this.#copyWords(out, into, segment, lines[0] - start, lines[1] - lines[0]);
    }
    return into;
  }

  #copyWords(out: Int32Array, at: number, segment: number, offset: number, count: number): number {
    const { store } = this.#host;
    const start = store.start(segment);
    const into = writeRun(out, at, start, store.fill(segment), offset, count);
    const { i32 } = store.region;
    out.set(i32.subarray(start + offset, start + offset + count), into);
    return into + count;
  }

  #finishSegment(): void {
    this.#next += 3;
    this.#offset = 0;
  }

  unpin(): void {
    assert(this.#pinned !== null, 'what is given up was pinned');
    const whole = !this.#anew && this.#gone.length === 0 && this.#next === this.#pending.length;
    this.#release();
    if (!whole) this.#beginAnew();
  }

  #release(): void {
    this.#pinned?.release();
    this.#pinned = null;
    this.#gone = [];
    this.#pending = new Int32Array(0);
    this.#next = 0;
  }

  save(): Saved {
    const { store, complete, rows, hasTwins } = this.#host;
    assert(this.#pinned !== null, 'what is saved is pinned');
    // How many rows there are is only known of the last step.
    return [layoutText(store), hasTwins ? 1 : 0, this.#pinned.step === complete ? rows : -1];
  }

  restore(saved: Saved): void {
    assert(this.#loader === null, 'an arrangement is loaded once');
    this.#loader = new RowLoader(this.#host, layoutText(this.#host.store), saved);
  }

  load(piece: Int32Array): void {
    assert(this.#loader !== null, 'what is loaded was begun with its registers');
    this.#loader.load(piece);
  }

  adopt(step: number, rowsMax: number): boolean {
    assert(this.#loader !== null, 'what is adopted was begun with its registers');
    if (!this.#loader.adopt(step, rowsMax)) return false;
    const { rows, hasTwins } = this.#loader;
    this.#loader = null;
    this.#host.adopted(step, rows, hasTwins);
    if (this.#host.store.total === 0) return true;
    this.#indexing = true;
    for (const index of this.#host.indexes()) index.startBuildingAtOnce(rows);
    return true;
  }

  index(rowsMax: number): boolean {
    assert(!this.loading, 'rows are adopted before they are indexed');
    if (!this.#indexing) return true;
    const next = this.#host.indexes().find((index) => index.buildingAtOnce);
    if (next === undefined) this.#indexing = false;
    else next.build(rowsMax);
    return !this.#indexing;
  }
}

/** Version of the form of records and pieces. */
const formVersion = 1;

/** All that says how the words of a record are to be read. */
function layoutText({ layout }: RowStore): string {
  const columns = layout.columns.map(({ type, nullable }) => `${type}${nullable ? '?' : ''}`);
  return `${formVersion} ${layout.payload} ${layout.fixedWords} ${columns.join(' ')}`;
}
