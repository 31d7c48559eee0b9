/**
 * The row store: records of one layout in segments of a region.
 *
 * A segment is a block; its records lie one after the other from its start to its `fill`, live,
 * dead or free. The newest segment is filled from the front. A freed record becomes a *free record*
 * (birth = infinity, so no reader sees it; word 0 its size) on the list of its size class, doubly
 * linked through words 2 and 3, and is handed out again for exactly that size. No record is ever
 * split or merged, so a reader who stopped between two records finds the boundary again.
 *
 * Var-width rows of drifting size would leave more and more free records of sizes that nobody asks
 * for. So a segment less than half occupied is *thin*: its free records leave the lists, its live
 * rows are moved out (`nextThin`, the arrangement's business because a move is an update), and when
 * the last record goes the block goes back to the region. Its number may then be reused; the
 * generation tells readers.
 *
 * The region's `meta` maps addresses to segment numbers, one word a page of `pageWords`. A record
 * larger than a segment has a block of its own.
 *
 * Invariants: occupied = Σ sizes of records handed out in a segment; no record crosses a segment;
 * free records of thin segments are on no list.
 */
import { assert } from '../../src/base/assert.ts';
import type { RowLayout } from '../value/layout.ts';
import { infinity, recordBirth, recordDeath, recordMark, recordWeight } from '../value/layout.ts';
import type { RecordSize } from './record-size.ts';
import { recordSize } from './record-size.ts';
import type { Arena, Region } from './region.ts';
import { blockWords, blockWordsMin } from './region.ts';
import { SegmentMarks } from './segment-marks.ts';

const pageWords = 2 ** 10;
const pageShift = 10;
const pageBlocksShift = 3;
/** Words of a segment. */
export const segmentWordsMax = 2 ** 14;

const filling = 1;
const full = 2;
const thin = 3;
/** Thin, and every live row has moved out. */
const draining = 4;

/** Addresses in links and list heads are stored + 1; 0 is none, -1 a record on no list. */
const wordPrevious = recordDeath;
const wordNext = recordMark;

function classOf(size: number): number {
  return size <= 32 ? size : 28 + (size >> 3);
}

/** Records of one layout: room for them, and their room again when they are gone. */
export class RowStore {
  readonly layout: RowLayout;
  readonly region: Region;
  readonly sizeOf: RecordSize;
  /** What was written to since it was copied. */
  readonly marks = new SegmentMarks();
  readonly #arena: Arena;
  /** By segment number: first word (-1: no such segment), words, words filled, words occupied. */
  readonly #start: number[] = [];
  readonly #words: number[] = [];
  readonly #fill: number[] = [];
  readonly #occupied: number[] = [];
  readonly #state: number[] = [];
  readonly #generation: number[] = [];
  readonly #spare: number[] = [];
  readonly #thin: number[] = [];
  #heads = new Int32Array(40);
  #open = -1;
  #total = 0;

  constructor(arena: Arena, layout: RowLayout) {
    this.layout = layout;
    this.region = arena.region;
    this.#arena = arena;
    this.sizeOf = recordSize(layout);
  }

  /** Segment numbers in use are below this. */
  get segments(): number {
    return this.#start.length;
  }

  /** First word of a segment, -1 if the number is not in use. */
  start(segment: number): number {
    return this.#start[segment];
  }

  /** Words of a segment that hold records. */
  fill(segment: number): number {
    return this.#fill[segment];
  }

  /** Changes whenever a segment number means another segment; never 0. */
  generation(segment: number): number {
    return this.#generation[segment];
  }

  /** Words of all segments. */
  get total(): number {
    return this.#total;
  }

  /** Words of records handed out. */
  get occupied(): number {
    return this.#occupied.reduce((sum, words) => sum + words, 0);
  }

  /** Room for a record of `size` words (a padded size); may replace the region's views. */
  allocate(size: number): number {
    const kind = classOf(size);
    const head = kind < this.#heads.length ? this.#heads[kind] : 0;
    if (head !== 0) {
      const at = head - 1;
      this.#unlink(at, kind);
      const segment = this.#segmentOf(at);
      this.#occupied[segment] += size;
      this.marks.record(segment, at, size);
      return at;
    }
    if (size > segmentWordsMax) return this.#segment(size, full);
    let open = this.#open;
    if (open < 0 || this.#fill[open] + size > this.#words[open]) open = this.#nextSegment(size);
    const at = this.#start[open] + this.#fill[open];
    this.#fill[open] += size;
    this.#occupied[open] += size;
    this.marks.record(open, at, size);
    return at;
  }

  /** Notes that weight, birth or death of a record change. */
  mark(at: number): void {
    this.marks.header(this.#segmentOf(at), at);
  }

  /** Notes that all of a record changes; `allocate` does so for the one that it gives. */
  markWhole(at: number, size: number): void {
    this.marks.record(this.#segmentOf(at), at, size);
  }

  /** A segment of `fill` words that are to be written; its records are not known yet. */
  addLoaded(fill: number): number {
    const segment = this.#segmentOf(this.#segment(fill, full));
    this.#occupied[segment] = 0;
    return segment;
  }

  /** Lets a loaded segment have `fill` words, more or fewer; answers its number, maybe another. */
  resizeLoaded(segment: number, fill: number): number {
    if (fill <= this.#words[segment]) {
      this.#fill[segment] = fill;
      return segment;
    }
    const larger = this.addLoaded(fill);
    const from = this.#start[segment];
    this.region.i32.copyWithin(this.#start[larger], from, from + this.#fill[segment]);
    this.dropLoaded(segment);
    return larger;
  }

  /** Takes a segment back that was loaded and not settled. */
  dropLoaded(segment: number): void {
    assert(this.#occupied[segment] === 0, 'a segment that is loaded has no rows yet');
    this.#drop(segment);
  }

  /**
   * The records of a loaded segment are known: `occupied` words of rows, the others buried. The one
   * that has most room behind its records is filled next.
   */
  settleLoaded(segment: number, occupied: number): void {
    this.#occupied[segment] = occupied;
    const fill = this.#fill[segment];
    if (occupied === 0) {
      this.#drop(segment);
      return;
    }
    if (fill > segmentWordsMax) return;
    if (occupied * 2 < fill) {
      this.#state[segment] = thin;
      this.#thin.push(segment);
      return;
    }
    if (occupied < fill) this.#linkFree(segment);
    const open = this.#open;
    if (open >= 0 && this.#roomIn(open) >= this.#roomIn(segment)) return;
    if (open >= 0) this.#state[open] = full;
    this.#state[segment] = filling;
    this.#open = segment;
  }

  /** Words behind the records of a segment. */
  #roomIn(segment: number): number {
    return this.#words[segment] - this.#fill[segment];
  }

  /** Enters the buried records of a segment into the lists. */
  #linkFree(segment: number): void {
    const { i32 } = this.region;
    const end = this.#start[segment] + this.#fill[segment];
    for (let at = this.#start[segment]; at < end;) {
      const free = i32[at + recordBirth] === infinity;
      const size = free ? i32[at + recordWeight] : this.sizeOf(i32, at);
      if (free) this.#link(at, classOf(size));
      at += size;
    }
  }

  /** Takes a record back. */
  free(at: number, size: number): void {
    const segment = this.#segmentOf(at);
    const occupied = this.#occupied[segment] - size;
    assert(occupied >= 0, 'a record that is freed was handed out');
    this.#occupied[segment] = occupied;
    this.marks.buried(segment, at);
    this.bury(at, size);
    const state = this.#state[segment];
    if (state >= thin || size > segmentWordsMax) {
      if (occupied === 0) this.#drop(segment);
      return;
    }
    this.#link(at, classOf(size));
    if (state === full && occupied * 2 < this.#words[segment]) this.#thinOut(segment);
  }

  /** Whether the room of a record may be used again at once, without being freed. */
  reusable(at: number, size: number): boolean {
    return size <= segmentWordsMax && this.#state[this.#segmentOf(at)] < thin;
  }

  /** Makes a record invisible to every reader, before it is freed. */
  bury(at: number, size: number): void {
    const i32 = this.region.i32;
    i32[at + recordWeight] = size;
    i32[at + recordBirth] = infinity;
    i32[at + wordPrevious] = -1;
  }

  /** A thin segment whose rows should move out, or -1. */
  nextThin(): number {
    while (this.#thin.length > 0) {
      const segment = this.#thin[this.#thin.length - 1];
      if (this.#state[segment] === thin) return segment;
      this.#thin.pop();
    }
    return -1;
  }

  /** All live rows of the thin segment moved; it goes when its dead rows do. */
  doneThin(segment: number): void {
    assert(this.#state[segment] === thin, `segment ${segment} is thin`);
    this.#state[segment] = draining;
  }

  /** Gives everything back. */
  dispose(): void {
    this.#start.forEach((start, segment) => {
      if (start >= 0) this.#arena.free(start, this.#words[segment]);
    });
    this.#start.length = 0;
    this.#occupied.length = 0;
    this.#total = 0;
  }

  bytes(): number {
    return this.#heads.length * 4 + this.#start.length * 48 + this.marks.bytes();
  }

  #segmentOf(at: number): number {
    return this.region.meta[(at >>> pageShift) << pageBlocksShift];
  }

  #nextSegment(size: number): number {
    const open = this.#open;
    const doubling = Math.min(segmentWordsMax, Math.max(pageWords, this.#total / 2));
    const at = this.#segment(Math.max(size, doubling), filling);
    const segment = this.#segmentOf(at);
    this.#fill[segment] = 0;
    this.#occupied[segment] = 0;
    this.#open = segment;
    if (open >= 0) {
      this.#state[open] = full;
      if (this.#occupied[open] * 2 < this.#words[open]) this.#thinOut(open);
    }
    return segment;
  }

  /** A new segment of at least `words` words, wholly occupied; answers its first word. */
  #segment(words: number, state: number): number {
    const size = Math.max(pageWords, blockWords(words));
    const at = this.#arena.allocate(size);
    const segment = this.#spare.pop() ?? this.#start.length;
    this.#start[segment] = at;
    this.#words[segment] = size;
    this.#fill[segment] = words;
    this.#occupied[segment] = words;
    this.#state[segment] = state;
    this.#generation[segment] = (this.#generation[segment] ?? 0) + 1;
    this.marks.begins(segment, at);
    this.#total += size;
    const { meta } = this.region;
    const step = pageWords / blockWordsMin;
    for (let k = at / blockWordsMin, end = (at + size) / blockWordsMin; k < end; k += step) {
      meta[k] = segment;
    }
    return at;
  }

  #drop(segment: number): void {
    this.#arena.free(this.#start[segment], this.#words[segment]);
    this.#total -= this.#words[segment];
    this.marks.ends(this.#start[segment]);
    this.#start[segment] = -1;
    this.#fill[segment] = 0;
    this.#state[segment] = 0;
    this.#spare.push(segment);
  }

  /** Takes the free records of a segment off the lists, so that nothing new comes in. */
  #thinOut(segment: number): void {
    this.#state[segment] = thin;
    const i32 = this.region.i32;
    let at = this.#start[segment];
    const end = at + this.#fill[segment];
    while (at < end) {
      const free = i32[at + recordBirth] === infinity && i32[at + wordPrevious] >= 0;
      const size =
        i32[at + recordBirth] === infinity ? i32[at + recordWeight] : this.sizeOf(i32, at);
      if (free) this.#unlink(at, classOf(size));
      at += size;
    }
    if (this.#occupied[segment] === 0) this.#drop(segment);
    else this.#thin.push(segment);
  }

  #link(at: number, kind: number): void {
    if (kind >= this.#heads.length) {
      const heads = new Int32Array(kind * 2);
      heads.set(this.#heads);
      this.#heads = heads;
    }
    const i32 = this.region.i32;
    const next = this.#heads[kind];
    i32[at + wordPrevious] = 0;
    i32[at + wordNext] = next;
    if (next !== 0) i32[next - 1 + wordPrevious] = at + 1;
    this.#heads[kind] = at + 1;
  }

  #unlink(at: number, kind: number): void {
    const i32 = this.region.i32;
    const previous = i32[at + wordPrevious];
    const next = i32[at + wordNext];
    if (previous === 0) this.#heads[kind] = next;
    else i32[previous - 1 + wordNext] = next;
    if (next !== 0) i32[next - 1 + wordPrevious] = previous;
  }
}
