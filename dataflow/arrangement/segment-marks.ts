/**
 * What was written to since it was last copied, for each segment of a store: lines of 128 words,
 * one bit each, or the whole segment if nothing of it was copied yet. A segment is a block of at
 * most 128 lines that starts at a multiple of its size, so that an address alone says which bit
 * is a line's. Of a larger one, the block of a single record, only the first line is ever written to
 * twice.
 *
 * Marks are always set, as it costs less to set them than to ask whether anybody wants them.
 * Segments that go are only noted between `start` and `stop`.
 */

const lineShift = 7;
/** Words of a line. */
export const lineWords = 2 ** lineShift;
/** Words of weight, birth and death. */
const headerWords = 3;
/** Lines that a segment has at most. */
const linesMax = 128;
/** Words of bits of a segment. */
const bitWordsShift = 2;
const bitWords = linesMax / 32;

/** Which lines of which segments were written to. */
export class SegmentMarks {
  #bits = new Int32Array(8 * bitWords);
  /** By segment number: 1 if nothing of it was copied. */
  #fresh = new Uint8Array(8);
  /** First words of the segments that went; null if nobody wants to know. */
  #gone: Set<number> | null = null;

  /** All segments count as never copied, and those that go are noted. */
  start(): void {
    this.#fresh.fill(1);
    this.#gone = new Set();
  }

  /** Segments that go are not noted any more. */
  stop(): void {
    this.#gone = null;
  }

  /** A segment begins at `start`. */
  begins(segment: number, start: number): void {
    if (segment >= this.#fresh.length) this.#grow();
    this.#fresh[segment] = 1;
    this.#gone?.delete(start);
  }

  #grow(): void {
    const fresh = new Uint8Array(this.#fresh.length * 2);
    const bits = new Int32Array(this.#bits.length * 2);
    fresh.set(this.#fresh);
    bits.set(this.#bits);
    this.#fresh = fresh;
    this.#bits = bits;
  }

  /** The segment that began at `start` goes. */
  ends(start: number): void {
    this.#gone?.add(start);
  }

  /** The first words of the segments that went since the call before. */
  takeGone(): number[] {
    const gone = [...(this.#gone ?? [])];
    this.#gone?.clear();
    return gone;
  }

  /** Words 0 to 2 of the record at `at` change: weight, birth and death. */
  header(segment: number, at: number): void {
    const bits = this.#bits;
    const line = at >>> lineShift;
    bits[(segment << bitWordsShift) + ((line >>> 5) & (bitWords - 1))] |= 1 << (line & 31);
    const last = (at + headerWords - 1) >>> lineShift;
    if (last === line) return;
    bits[(segment << bitWordsShift) + ((last >>> 5) & (bitWords - 1))] |= 1 << (last & 31);
  }

  /**
   * A record that had died, which was marked, is freed. Whoever has it as it was knows that nobody
   * sees it, and how long it is: unless its header lies in two lines, of which one is copied anew.
   */
  buried(segment: number, at: number): void {
    if ((at & (lineWords - 1)) > lineWords - headerWords) this.header(segment, at);
  }

  /** All of the record of `size` words at `at` changes. */
  record(segment: number, at: number, size: number): void {
    const bits = this.#bits;
    const first = segment << bitWordsShift;
    for (let line = at >>> lineShift, last = (at + size - 1) >>> lineShift; line <= last; line++) {
      bits[first + ((line >>> 5) & (bitWords - 1))] |= 1 << (line & 31);
    }
  }

  /** Whether anything of a segment is to be copied. */
  has(segment: number): boolean {
    const bits = this.#bits;
    const at = segment << bitWordsShift;
    return (
      this.#fresh[segment] !== 0 || (bits[at] | bits[at + 1] | bits[at + 2] | bits[at + 3]) !== 0
    );
  }

  /** Whether nothing of a segment was copied. */
  isFresh(segment: number): boolean {
    return this.#fresh[segment] !== 0;
  }

  /** All of a segment is copied. */
  clear(segment: number): void {
    this.#fresh[segment] = 0;
    this.#bits.fill(0, segment << bitWordsShift, (segment + 1) << bitWordsShift);
  }

  /**
   * The next marked lines of a segment from word `from` (a multiple of `lineWords`) to its end at
   * word `end`: first and last word + 1 go to `out`. False if there are none.
   */
  next(segment: number, from: number, end: number, out: Int32Array): boolean {
    let at = from;
    while (at < end && !this.#isMarked(segment, at)) at += lineWords;
    if (at >= end) return false;
    out[0] = at;
    while (at < end && this.#isMarked(segment, at)) at += lineWords;
    out[1] = Math.min(at, end);
    return true;
  }

  #isMarked(segment: number, at: number): boolean {
    const line = at >>> lineShift;
    const word = this.#bits[(segment << bitWordsShift) + ((line >>> 5) & (bitWords - 1))];
    return ((word >>> (line & 31)) & 1) === 1;
  }

  bytes(): number {
    return this.#bits.byteLength + this.#fresh.byteLength;
  }
}
