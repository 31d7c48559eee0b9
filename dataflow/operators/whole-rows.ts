/**
 * What distinct and threshold share: one record per distinct row under SQL equality, with the sum
 * of the row's weights and the weight that is downstream. `finish` visits the rows that were
 * touched and gives out the difference between the weight that a row should have and the one that
 * it has.
 *
 * The row that stands for equal rows of different bytes is the one that came first; it stays until
 * the sum is 0 at the end of a step. State words: weight downstream (a double); or, where rows of
 * weight 1 go into the collection of the result (kept-rows.ts), the place of the row.
 */
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { cellsMax } from './cells.ts';
import { GroupTable, lookupRowsMax, recordCount } from './group-table.ts';
import type { KeepRows } from './kept-rows.ts';
import { KeptRows } from './kept-rows.ts';
import type { Context, Operator, OperatorState } from './operator.ts';
import { gatherField, varWordsOfField } from './record-field.ts';
import { stateOf } from './registers.ts';
import { StateMemory } from './state-memory.ts';
import { TouchedGroups } from './touched-groups.ts';

/** Weights in a batch are int32; larger differences take several rows. */
const weightMax = 2 ** 31 - 1;

// One chunk of one operator is worked on at a time, and leaves nothing in these.
const records = new Int32Array(lookupRowsMax);
const rowWeights = new Int32Array(lookupRowsMax);
const changed = new Int32Array(cellsMax);
const weights = new Int32Array(cellsMax);
const status = new Uint8Array(cellsMax);

/** Gives each row the weight `weightOf(sum of its weights)`. */
export abstract class WholeRowsOperator implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state: OperatorState;
  readonly #all: readonly number[];
  readonly #memory = new StateMemory();
  readonly #table: GroupTable;
  readonly #touched = new TouchedGroups();
  readonly #writer: BatchWriter;
  /** Where the rows go, if they are not given out. */
  readonly #kept: KeptRows | null;
  /** Where an interrupted push or finish goes on. */
  #next = 0;

  /** `keep`: the arrangement of the result, instead of output; then weights are 0 or 1. */
  constructor(columns: readonly ColumnType[], pool: SlabPool, keep: KeepRows | null = null) {
    this.columns = columns;
    this.#all = columns.map((_, c) => c);
    this.#table = new GroupTable(this.#memory, columns, 2);
    this.state = stateOf([this.#memory], [this.#table]);
    this.#writer = new BatchWriter(pool, columns);
    this.#kept =
      keep === null
        ? null
        : new KeptRows(this.#memory, this.#table.fields, [], this.#table.stateStart, keep);
  }

  /** Whether the output changes only where a sum changes between positive and not. */
  protected abstract readonly onlySigns: boolean;

  /** The weight of a row in the output by the sum of its weights in the input. */
  protected abstract weightOf(sum: number): number;

  push(_port: number, batch: Batch, context: Context): 'done' | 'more' {
    while (this.#next < batch.rows) {
      const n = Math.min(lookupRowsMax, batch.rows - this.#next);
      this.#table.lookup(batch, this.#all, this.#next, n, records);
      const at = batch.weight + this.#next;
      const { i32 } = batch.slab;
      for (let i = 0; i < n; i++) rowWeights[i] = i32[at + i];
      this.#table.written(records, 0, n);
      this.#touched.weigh(this.#memory, records, rowWeights, n, this.onlySigns);
      this.#next += n;
      if (!context.fuel.spend(n) && this.#next < batch.rows) return 'more';
    }
    this.#next = 0;
    return 'done';
  }

  finish(context: Context): 'done' | 'more' {
    const total = this.#touched.count;
    while (this.#next < total) {
      const done =
        this.#kept === null ? this.#finishChunk(context) : this.#keepChunk(this.#kept, context);
      if (!context.fuel.spend(done) && this.#next < total) return 'more';
    }
    this.#next = 0;
    this.#touched.clear();
    this.#writer.close();
    return 'done';
  }

  bytes(): number {
    return this.#memory.bytes() + this.#table.bytes() + this.#touched.bytes();
  }

  dispose(): void {
    this.#writer.close();
  }

  /** Visits touched rows until a batch is full; answers how many. */
  #finishChunk(context: Context): number {
    const { list, count } = this.#touched;
    const { f64 } = this.#memory;
    const state = this.#table.stateStart;
    const first = this.#next;
    let n = 0;
    while (this.#next < count && n < cellsMax) {
      const record = list[this.#next];
      const out = (record + state) >> 1;
      const difference = this.weightOf(f64[(record + recordCount) >> 1]) - f64[out];
      if (difference !== 0) {
        const step = Math.max(-weightMax, Math.min(weightMax, difference));
        f64[out] += step;
        changed[n] = record;
        weights[n++] = step;
        // What does not fit an int32 is given out in the next row.
        if (step !== difference) continue;
      }
      this.#next++;
    }
    if (n > 0) this.#emit(n, context);
    // The next one may be given out in part.
    this.#table.written(list, first, Math.min(this.#next + 1, count) - first);
    this.#settle(first);
    return this.#next - first + 1;
  }

  /** Settles a chunk of touched rows in the collection of the result; answers how many. */
  #keepChunk(kept: KeptRows, context: Context): number {
    const { list, count } = this.#touched;
    const { f64 } = this.#memory;
    const first = this.#next;
    const n = Math.min(cellsMax, count - first);
    this.#table.written(list, first, n);
    for (let i = 0; i < n; i++) {
      status[i] = this.weightOf(f64[(list[first + i] + recordCount) >> 1]);
    }
    kept.settle(context.step, list, first, n, status);
    this.#next += n;
    for (let i = 0; i < n; i++) {
      if (f64[(list[first + i] + recordCount) >> 1] === 0) this.#table.remove(list[first + i]);
    }
    return n;
  }

  #emit(n: number, context: Context): void {
    const { i32 } = this.#memory;
    const { fields } = this.#table;
    let words = 0;
    for (const field of fields) words += varWordsOfField(i32, field, changed, 0, n);
    this.#writer.begin(n, words);
    fields.forEach((field, c) => gatherField(i32, field, changed, 0, n, this.#writer, c, 0));
    const { slab, weight } = this.#writer;
    for (let i = 0; i < n; i++) slab.i32[weight + i] = weights[i];
    context.emit(this.#writer.seal(context.step, n));
  }

  /**
   * Unmarks the rows from `first` on that were visited, and removes those whose weights sum to 0.
   */
  #settle(first: number): void {
    for (let t = first; t < this.#next; t++) {
      const record = this.#touched.release(this.#memory.i32, t);
      if (this.#memory.f64[(record + recordCount) >> 1] === 0) this.#table.remove(record);
    }
  }
}
