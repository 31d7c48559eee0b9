/**
 * Finds the numbers of schemas that the records of a chunk name, without decoding them: a walk over
 * the records, decompressing where needed. A record that does not begin with byte 0 and a number
 * names none; the decoder will say what is wrong with it.
 */
import type { RawChunk } from '../../connector.ts';
import { frameBytes } from './part.ts';
import { RecordBatchWalker, RecordSlice } from '../../kafka/record-batch.ts';

/** Which parts of records name schemas. */
export interface FramedParts {
  readonly key: boolean;
  readonly value: boolean;
}

/** Scans one chunk after another. */
export class SchemaScan {
  readonly #parts: FramedParts;
  readonly #walker = new RecordBatchWalker();
  readonly #slice = new RecordSlice();
  /** The last number that was found: most records name the same. */
  #last = -1;

  constructor(parts: FramedParts) {
    this.#parts = parts;
  }

  /** Starts on a chunk. */
  open(chunk: RawChunk): void {
    this.#walker.open(chunk);
  }

  /**
   * Adds numbers that `known` does not have to `found`; answers false if it paused and there is
   * more.
   */
  run(known: ReadonlySet<number>, found: Set<number>): boolean {
    this.#last = -1;
    for (;;) {
      const next = this.#walker.next(this.#slice);
      if (next === 'end') return true;
      if (next === 'pause') return false;
      if (next === 'broken') continue;
      const { keyAt, keyBytes, valueAt, valueBytes } = this.#slice;
      if (this.#parts.key) this.#look(keyAt, keyBytes, known, found);
      if (this.#parts.value) this.#look(valueAt, valueBytes, known, found);
    }
  }

  #look(
    starts: Int32Array,
    lengths: Int32Array,
    known: ReadonlySet<number>,
    found: Set<number>,
  ): void {
    const { bytes, count } = this.#slice;
    let last = this.#last;
    for (let r = 0; r < count; r++) {
      const at = starts[r];
      if (lengths[r] < frameBytes || bytes[at] !== 0) continue;
      const id =
        ((bytes[at + 1] << 24) | (bytes[at + 2] << 16) | (bytes[at + 3] << 8) | bytes[at + 4]) >>>
        0;
      if (id === last) continue;
      last = id;
      if (!known.has(id)) found.add(id);
    }
    this.#last = last;
  }
}
