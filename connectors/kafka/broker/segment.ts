/**
 * A run of record batches of one partition, one after the other in one buffer that only grows at
 * its end: a fetch is a view of it. Beside it stand, by batch, where it begins, its first and last
 * offset and its greatest timestamp. Offsets and timestamps are doubles: no log in memory comes
 * near 2^53.
 */
import { assert } from '../../../src/base/assert.ts';

/** Batches in offset order. */
export class Segment {
  readonly #bytes: Uint8Array;
  #end = 0;
  readonly #at: number[] = [];
  readonly #first: number[] = [];
  readonly #last: number[] = [];
  readonly #time: number[] = [];
  #youngest = -1;

  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes);
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  get count(): number {
    return this.#at.length;
  }

  /** Offset of the last record; the segment must hold one. */
  get lastOffset(): number {
    return this.#last.at(-1) ?? -1;
  }

  get maxTimestamp(): number {
    return this.#youngest;
  }

  fits(bytes: number): boolean {
    return bytes <= this.#bytes.length - this.#end;
  }

  /** Copies a batch in and answers its place, where the caller may still patch it. */
  append(batch: Uint8Array, first: number, last: number, maxTimestamp: number): Uint8Array {
    assert(
      this.fits(batch.length),
      `a segment of ${this.#bytes.length} bytes takes ${batch.length} more`,
    );
    assert(first > this.lastOffset, `offset ${first} comes after ${this.lastOffset}`);
    this.#at.push(this.#end);
    this.#first.push(first);
    this.#last.push(last);
    this.#time.push(maxTimestamp);
    this.#youngest = Math.max(this.#youngest, maxTimestamp);
    const place = this.#bytes.subarray(this.#end, this.#end + batch.length);
    place.set(batch);
    this.#end += batch.length;
    return place;
  }

  /** Index of the first batch that holds `offset` or lies behind it; `count` if there is none. */
  indexOf(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#last[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index of the first batch, from `index` on, with a record as young as `timestamp`. */
  indexOfTime(timestamp: number): number {
    const found = this.#time.findIndex((time) => time >= timestamp);
    return found < 0 ? this.count : found;
  }

  /** First and last offset and greatest timestamp of a batch. */
  batch(index: number): {
    readonly first: number;
    readonly last: number;
    readonly maxTimestamp: number;
  } {
    return {
      first: this.#first[index] ?? 0,
      last: this.#last[index] ?? 0,
      maxTimestamp: this.#time[index] ?? -1,
    };
  }

  /**
   * Whole batches from `index` on that start below offset `limit`, at most `bytesMax` bytes, but at
   * least one if `always`.
   */
  read(index: number, limit: number, bytesMax: number, always: boolean): Uint8Array {
    const from = this.#at[index] ?? this.#end;
    let to = from;
    for (let k = index; k < this.count && (this.#first[k] ?? 0) < limit; k++) {
      const end = this.#at[k + 1] ?? this.#end;
      if (end - from > bytesMax && !(always && k === index)) break;
      to = end;
    }
    return this.#bytes.subarray(from, to);
  }

  /** Whether a run that `read` gave ends with the segment's last batch. */
  endsWith(run: Uint8Array): boolean {
    return run.byteOffset + run.length === this.#bytes.byteOffset + this.#end;
  }
}
