/**
 * A read of a stored collection at one step: by keys through an index, or a scan. It waits until
 * the collection is known at the step, holds the step while it reads, and works in slices between
 * the activations of dataflows, so a long scan disturbs nobody and a long step delays no read.
 */
import { assert } from '../../src/base/assert.ts';
import { SqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import type { Pairs, Position } from '../arrangement/arrangement.ts';
import { narrowed, startPosition } from '../arrangement/pairs.ts';
import { Mfp } from '../expr/mfp.ts';
import { range } from '../operators/gather.ts';
import type { Lookup } from '../plan/plan.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { Row } from '../value/datum.ts';
import { batchFromRows, compareDatums } from '../value/datum-column.ts';
import type { ColumnType } from '../value/type.ts';
import { AnswerRows } from './answer-rows.ts';
import type { Finishing } from './command.ts';
import { newestStep } from './command.ts';
import { firstError } from './error-rows.ts';
import type { CollectionHold, StoredCollection } from './stored-collection.ts';
import type { Surroundings } from './surroundings.ts';

export interface ReadRequest {
  readonly request: number;
  readonly at: number;
  readonly lookup: Omit<Lookup, 'collection'>;
  readonly finishing: Finishing;
}

/** What a read works with, made when it begins: many may wait. */
interface Tools {
  readonly mfp: Mfp;
  readonly gathered: BatchWriter;
  readonly output: BatchWriter;
  readonly answer: AnswerRows;
}

/** One read from its request to its last response. */
export class ReadTask {
  readonly request: number;
  readonly collection: StoredCollection;
  #at: number;
  readonly #lookup: Omit<Lookup, 'collection'>;
  readonly #around: Surroundings;
  readonly #finishing: Finishing;
  readonly #ownsCollection: boolean;
  readonly #position: Position = startPosition();
  readonly #pairs: Pairs;
  #hold: CollectionHold | null = null;
  #index: number | null = null;
  #keys: Batch | null = null;
  #tools: Tools | null = null;
  #begun = false;
  #state: 'waiting' | 'building' | 'reading' | 'sending' | 'ended' = 'waiting';

  /** `owns`: the collection is disposed of with the task. */
  constructor(
    { request, at, lookup, finishing }: ReadRequest,
    collection: StoredCollection,
    owns: boolean,
    around: Surroundings,
  ) {
    this.request = request;
    this.collection = collection;
    this.#at = at;
    this.#lookup = lookup;
    this.#around = around;
    this.#ownsCollection = owns;
    this.#finishing = finishing;
    this.#pairs = narrowed(around.scratch.scanned, collection.columns.length);
    this.#keepReadable();
  }

  /** The earliest frontier with which it can begin. */
  get #from(): number {
    return this.#at === newestStep ? 0 : this.#at;
  }

  /** The step that is read. */
  get #step(): number {
    return this.collection.exactFrom(Math.max(this.#at, this.collection.since));
  }

  /** Holds the step, or while it has not come, the latest one there is. */
  #keepReadable(): void {
    const frontier = this.collection.frontier();
    if (frontier < 0) return;
    this.collection.sealTo(frontier);
    this.#hold ??= this.collection.hold(Math.min(this.#at, frontier));
    this.#hold.advance(Math.min(this.#at, frontier));
  }

  /** True if a call of `run` would get further. */
  get ready(): boolean {
    return this.#state !== 'waiting' || this.collection.frontier() >= this.#from;
  }

  /** True once it has had a slice. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Works for one slice; true at the end, after the last response. A small read is one slice. */
  run(): boolean {
    this.#begun = true;
    try {
      while (true) {
        const result = this.#advance();
        if (result !== 'on') return result === 'ended';
      }
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.#around.respond({ kind: 'failed', request: this.request, error: error.fields });
      return true;
    }
  }

  /** Does the next piece of work: 'on' if that was little, 'pause' if it was a slice. */
  #advance(): 'on' | 'pause' | 'ended' {
    switch (this.#state) {
      case 'waiting':
        return this.#start();
      case 'building':
        if (this.#index !== null && !this.collection.buildIndex(this.#index, this.#around.rowsMax))
          return 'pause';
        this.#state = 'reading';
        return 'on';
      case 'reading':
        return this.#read();
      case 'sending':
        return this.#useTools().answer.finish() ? 'ended' : 'pause';
      case 'ended':
        return 'ended';
    }
  }

  #start(): 'on' | 'pause' {
    const frontier = this.collection.frontier();
    if (frontier < this.#from) return 'pause';
    if (this.#at === newestStep) this.#at = this.collection.exactTo(frontier);
    this.#keepReadable();
    const { errors } = this.collection;
    if (errors !== null) {
      const error = firstError(errors, this.#step, this.#around);
      if (error !== null) throw new SqlError(error);
    }
    const { key } = this.#lookup;
    if (key === null) {
      this.#state = 'reading';
    } else {
      this.#index = this.collection.useIndex(key.columns);
      this.#keys = keyBatch(key.values, key.columns, this.collection.columns, this.#around);
      this.#state = key.values.length === 0 ? 'sending' : 'building';
    }
    return 'on';
  }

  /** Reads a slice. */
  #read(): 'on' | 'pause' {
    if (this.#tools?.answer.waiting === true) {
      this.#tools.answer.sendSome();
      return 'pause';
    }
    assert(this.#hold !== null, 'a step that is read is held');
    const pairs = this.#pairs;
    const { arrangement } = this.collection;
    pairs.n = 0;
    const ended =
      this.#keys === null || this.#index === null
        ? arrangement.scan(this.#step, this.#position, pairs)
        : arrangement.probe(
            this.#index,
            this.#keys,
            range(this.#keys.column.length),
            false,
            this.#step,
            this.#position,
            pairs,
          );
    this.#take(0, pairs.n);
    if (!ended && !this.#useTools().answer.full) return 'pause';
    this.#state = 'sending';
    return 'on';
  }

  #useTools(): Tools {
    const { pool } = this.#around;
    const { program, columns } = this.#lookup;
    this.#tools ??= {
      mfp: new Mfp(this.collection.columns, program, columns, 'auto'),
      gathered: new BatchWriter(pool, this.collection.columns),
      output: new BatchWriter(pool, columns),
      answer: new AnswerRows(this.request, columns, this.#finishing, this.#around),
    };
    return this.#tools;
  }

  #take(first: number, n: number): void {
    if (n === 0) return;
    const { mfp, gathered: writer, output: outputWriter, answer } = this.#useTools();
    const pairs = this.#pairs;
    const { arrangement } = this.collection;
    const columns = range(this.collection.columns.length);
    const words = arrangement.varWordsOf(pairs.address, first, n, columns);
    if (words > limits.batchVarWordsMax && n > 1) {
      this.#take(first, n >> 1);
      this.#take(first + (n >> 1), n - (n >> 1));
      return;
    }
    writer.begin(n, words);
    arrangement.gather(pairs.address, first, n, columns, writer, 0);
    writer.slab.i32.set(pairs.weight.subarray(first, first + n), writer.weight);
    const gathered = writer.seal(this.#step, n);
    let failed: SqlError | null = null;
    try {
      mfp.each(
        gathered,
        outputWriter,
        this.#step,
        (_row, error) => (failed ??= new SqlError(error)),
        (output) => {
          if (failed === null) answer.add(output);
          else output.slab.release();
        },
      );
    } finally {
      gathered.slab.release();
    }
    if (failed !== null) throw failed;
  }

  /** Gives back everything; at any moment. */
  dispose(): void {
    this.#state = 'ended';
    this.#tools?.answer.dispose();
    this.#tools?.gathered.close();
    this.#tools?.output.close();
    this.#tools = null;
    this.#keys?.slab.release();
    this.#keys = null;
    if (this.#index !== null) this.collection.releaseIndex(this.#index);
    this.#index = null;
    this.#hold?.release();
    this.#hold = null;
    if (this.#ownsCollection) this.collection.dispose();
  }
}

/** The keys to look up as a batch, each once. */
function keyBatch(
  values: readonly Row[],
  columns: readonly number[],
  types: readonly ColumnType[],
  around: Surroundings,
): Batch {
  const keyTypes = columns.map((c) => ({ type: types[c].type, nullable: true }));
  const compare = (a: Row, b: Row): number => {
    for (let c = 0; c < keyTypes.length; c++) {
      const result = compareDatums(keyTypes[c].type, a[c], b[c]);
      if (result !== 0) return result;
    }
    return 0;
  };
  const sorted = values.length < 2 ? values : values.toSorted(compare);
  const distinct = sorted.filter((row, i) => i === 0 || compare(sorted[i - 1], row) !== 0);
  const updates = distinct.map((row) => ({ row, weight: 1 }));
  return batchFromRows(around.pool, keyTypes, updates, 0);
}
