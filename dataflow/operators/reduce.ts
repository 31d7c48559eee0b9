/**
 * Grouped aggregation: key columns, then aggregates, one row per key that has rows.
 *
 * Each group is a record of a `GroupTable`; its state words are
 *
 *     status | place of the row | published values, as fields | words of each aggregate
 *
 * A push only changes the aggregates' words and lists the groups that it touched. `finish` computes
 * the touched groups' values, compares them with the published ones, and for the groups that differ
 * takes back the published row, publishes, and gives out the new row. So an untouched group costs
 * nothing, an unchanged one emits nothing, and every value is computed once per step and group.
 *
 * A group has a row while its row count is positive. If one of its values cannot be computed (a sum
 * out of range) it has an error instead, until the value heals; other groups know nothing of it. A
 * group whose count is 0 and whose aggregates are empty gives its record back. (Count 0 with
 * something left over, or a negative count, can only come from retractions of rows that never were;
 * such a group has no row, and waits.)
 *
 * Where the result is kept as a collection and goes nowhere else, rows are not given out: they go
 * into the collection by their places, and the row there is the published one (kept-rows.ts).
 *
 * Invariants: the mark of a record is 1 exactly while it is in the touched list; published values
 * are those of the row that is downstream, if status says that there is one.
 */
import { assert, defined } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { Node } from '../plan/plan.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Accumulator } from './accumulator.ts';
import { makeAccumulator } from './accumulators.ts';
import { Cells, cellsMax, longCellsMax } from './cells.ts';
import { ErrorRegisters } from './error-registers.ts';
import { GroupTable, lookupRowsMax, recordCount } from './group-table.ts';
import type { KeepRows } from './kept-rows.ts';
import { KeptRows } from './kept-rows.ts';
import type { Context, DataError, Operator, OperatorState } from './operator.ts';
import { cellDiffers, publishCell, varWordsOfCells } from './publish.ts';
import type { Field } from './record-field.ts';
import type { Settle } from './reduce-kernel.ts';
import { canSettle, settleKernel } from './reduce-kernel.ts';
import { freeFields, gatherField, layFields, varWordsOfField } from './record-field.ts';
import { stateOf, together } from './registers.ts';
import { countingWeights } from './row-weights.ts';
import { StateMemory } from './state-memory.ts';
import { TouchedGroups } from './touched-groups.ts';

type ReduceNode = Extract<Node, { kind: 'reduce' }>;

const statusNone = 0;
const statusRow = 1;
const statusError = 2;

/** Rows of one group that go into a long value at a stretch. */
const aheadRows = 512;
/** Bytes of the values of one group from which on it is finished alone, in parts. */
const longBytes = 256 * 1024;

// One chunk of one operator is worked on at a time, and leaves nothing in these.
const groups = new Int32Array(lookupRowsMax);
const baseWeights = new Int32Array(lookupRowsMax);
const maskedWeights = new Int32Array(lookupRowsMax);
const newStatus = new Uint8Array(cellsMax);
const changed = new Uint8Array(cellsMax);
const before = new Int32Array(cellsMax);
const after = new Int32Array(cellsMax);
const afterCell = new Int32Array(cellsMax);
const ended = new Int32Array(cellsMax);

/** GROUP BY: one row per key, kept up to date. */
export class ReduceOperator implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state: OperatorState;
  readonly #node: ReduceNode;
  readonly #memory = new StateMemory();
  readonly #table: GroupTable;
  readonly #accumulators: readonly Accumulator[];
  readonly #published: readonly Field[];
  readonly #cells: readonly Cells[];
  readonly #writer: BatchWriter;
  /** Groups finished at once: few where each value may be as long as its group. */
  readonly #chunk: number;
  readonly #kernel: Settle | null;
  /** Where the rows go, if they are not given out. */
  readonly #kept: KeptRows | null;
  readonly #errors = new Map<number, DataError>();
  readonly #touched = new TouchedGroups();
  /** Where an interrupted push or finish goes on. */
  #next = 0;
  /** A group of long values whose old row has been given out; where `#next` is. */
  #long: { readonly changed: number; readonly afters: number; published: boolean } | null = null;

  /**
   * `input`: columns of the input rows; `keep`: the arrangement of the result, instead of output.
   */
  constructor(
    node: ReduceNode,
    input: readonly ColumnType[],
    pool: SlabPool,
    keep: KeepRows | null = null,
  ) {
    this.columns = node.columns;
    this.#node = node;
    const key = node.columns.slice(0, node.key.length);
    const values = node.columns.slice(node.key.length);
    assert(values.length === node.aggregates.length, 'key and aggregates make the row');
    this.#accumulators = node.aggregates.map((a) => makeAccumulator(this.#memory, a, input, pool));
    const shown = keep === null ? values : [];
    const fieldWords = layFields(shown, 0).end;
    const words = this.#accumulators.reduce((sum, a) => sum + a.words, 2 + fieldWords);
    this.#table = new GroupTable(this.#memory, key, words);
    this.#published = layFields(shown, this.#table.stateStart + 2).fields;
    let at = this.#table.stateStart + 2 + fieldWords;
    for (const accumulator of this.#accumulators) {
      accumulator.place(at);
      at += accumulator.words;
    }
    const settles = canSettle(this.#published);
    this.#kernel = settles
      ? settleKernel(this.#table.fields, this.#published, this.#table.stateStart)
      : null;
    this.#cells = values.map((column) => new Cells(column.type));
    this.#kept =
      keep === null
        ? null
        : new KeptRows(
            this.#memory,
            this.#table.fields,
            this.#cells,
            this.#table.stateStart + 1,
            keep,
          );
    this.#writer = new BatchWriter(pool, node.columns);
    const registers = this.#accumulators.map((accumulator) => accumulator.registers);
    this.state = stateOf(
      [this.#memory],
      [this.#table, together(registers), new ErrorRegisters(this.#errors)],
    );
    this.#chunk = node.aggregates.some(({ fn }) => fn.endsWith('_agg')) ? longCellsMax : cellsMax;
  }

  push(_port: number, batch: Batch, context: Context): 'done' | 'more' {
    while (this.#next < batch.rows) {
      const n = Math.min(lookupRowsMax, batch.rows - this.#next);
      this.#take(batch, this.#next, n);
      this.#next += n;
      if (!context.fuel.spend(n) && this.#next < batch.rows) return 'more';
    }
    this.#next = 0;
    return 'done';
  }

  finish(context: Context): 'done' | 'more' {
    const { count } = this.#touched;
    while (this.#next < count) {
      const n = this.#long === null ? this.#workAhead(this.#next, count, context) : 1;
      if (n === 0) return 'more';
      const bytes = n === 1 ? this.#bytesAhead(this.#next) : 0;
      const long = this.#long !== null || (bytes > longBytes && this.#kept === null);
      if (!long) this.#finishChunk(this.#next, n, context);
      else if (!this.#finishLong(this.#next, context)) {
        // A copy of a long value is an activation.
        context.fuel.spend(limits.activationRowsMax);
        return 'more';
      }
      this.#next += n;
      if (!context.fuel.spend(n + (bytes >> 10)) && this.#next < count) return 'more';
    }
    this.#next = 0;
    this.#touched.clear();
    for (const cells of this.#cells) cells.trim();
    this.#writer.close();
    return 'done';
  }

  bytes(): number {
    let bytes = this.#memory.bytes() + this.#table.bytes() + this.#touched.bytes();
    for (const cells of this.#cells) bytes += cells.bytes();
    for (const accumulator of this.#accumulators) bytes += accumulator.bytes();
    return bytes;
  }

  dispose(): void {
    this.#writer.close();
  }

  /** Takes rows first … first + n - 1 into their groups. */
  #take(batch: Batch, first: number, n: number): void {
    this.#table.lookup(batch, this.#node.key, first, n, groups);
    const at = batch.weight + first;
    const { i32 } = batch.slab;
    for (let i = 0; i < n; i++) baseWeights[i] = i32[at + i];
    this.#touched.weigh(this.#memory, groups, baseWeights, n, false);
    for (let a = 0; a < this.#accumulators.length; a++) {
      const accumulator = this.#accumulators[a];
      const { filter, argument } = this.#node.aggregates[a];
      const skipped = accumulator.skipsNulls ? argument : -1;
      const weights = countingWeights(batch, first, n, baseWeights, filter, skipped, maskedWeights);
      accumulator.add({ batch, first, n, groups, weights });
    }
  }

  /**
   * Makes the long values of the groups that come next, in slices; answers of how many all are
   * there: of one where they are long, 0 if the fuel is gone before.
   */
  #workAhead(first: number, count: number, context: Context): number {
    const n = Math.min(this.#chunk, count - first);
    if (this.#chunk === cellsMax) return n;
    let bytes = 0;
    for (let i = 0; i < n; i++) {
      const group = this.#touched.list[first + i];
      for (const accumulator of this.#accumulators) {
        if (accumulator.ahead === undefined) continue;
        for (let rows = aheadRows; rows >= aheadRows;) {
          rows = accumulator.ahead(group, aheadRows);
          if (rows > 0 && !context.fuel.spend(rows)) return 0;
        }
      }
      bytes += this.#bytesAhead(first + i);
      if (bytes > longBytes) return Math.max(1, i);
    }
    return n;
  }

  /** Bytes of the values of touched group `t` that were made ahead. */
  #bytesAhead(t: number): number {
    let bytes = 0;
    for (const accumulator of this.#accumulators) {
      bytes += accumulator.bytesAhead?.(this.#touched.list[t]) ?? 0;
    }
    return bytes;
  }

  /** Puts the values of groups into the cells. */
  #show(first: number, n: number): void {
    // Pushes do not mark: they change only groups that are visited here in the same step.
    this.#table.written(this.#touched.list, first, n);
    for (let a = 0; a < this.#cells.length; a++) {
      this.#cells[a].clear(n);
      this.#accumulators[a].finish(this.#touched.list, first, n, this.#cells[a]);
    }
  }

  #finishChunk(first: number, n: number, context: Context): void {
    this.#show(first, n);
    if (this.#kept !== null) {
      this.#keep(this.#kept, first, n, context);
      return;
    }
    const kernel = this.#kernel;
    const sound = this.#errors.size === 0 && this.#cells.every((cells) => cells.errors.size === 0);
    if (kernel !== null && sound) this.#finishQuickly(kernel, first, n, context);
    else this.#finishCarefully(first, n, context);
  }

  /** Into the collection of the result. */
  #keep(kept: KeptRows, first: number, n: number, context: Context): void {
    const { list } = this.#touched;
    const failed = this.#judgeStatus(first, n) || this.#errors.size > 0;
    kept.settle(context.step, list, first, n, newStatus);
    for (let i = 0; failed && i < n; i++) {
      if (newStatus[i] === statusError || this.#errors.has(list[first + i])) {
        this.#changeError(list[first + i], i, context);
      }
    }
    for (let i = 0; i < n; i++) if (newStatus[i] === statusNone) this.#end(list[first + i]);
  }

  /** By the generated loop: where no value is in error and all are of fixed width. */
  #finishQuickly(kernel: Settle, first: number, n: number, context: Context): void {
    const { i32, f64 } = this.#memory;
    const { list } = this.#touched;
    let words = 0;
    for (const field of this.#table.fields) words += varWordsOfField(i32, field, list, first, n);
    this.#writer.begin(2 * n, words);
    const call = { list, first, n, cells: this.#cells, writer: this.#writer, ended, endedCount: 0 };
    const rows = kernel(i32, f64, call);
    if (rows > 0) context.emit(this.#writer.seal(context.step, rows));
    for (let e = 0; e < call.endedCount; e++) this.#end(ended[e]);
  }

  /** By passes over the columns: errors and var values included. */
  #finishCarefully(first: number, n: number, context: Context): void {
    this.#judge(first, n);
    const beforeCount = this.#list(first, n, false);
    const afterCount = this.#list(first, n, true);
    this.#emit(beforeCount, afterCount, context);
    this.#settle(first, n, context);
  }

  /**
   * By passes for a group of long values, each of which copies one of them once: true after the
   * last. The old row goes first, then the new value is published, then the new row comes.
   */
  #finishLong(t: number, context: Context): boolean {
    const long = this.#long;
    if (long === null) {
      this.#show(t, 1);
      this.#judge(t, 1);
      const befores = this.#list(t, 1, false);
      this.#long = { changed: changed[0], afters: this.#list(t, 1, true), published: false };
      this.#emit(befores, 0, context);
      return false;
    }
    after[0] = this.#touched.list[t];
    afterCell[0] = 0;
    if (!long.published) {
      this.#publish(long.afters);
      long.published = true;
      return false;
    }
    this.#long = null;
    this.#emitPublished(long.afters, context);
    this.#judgeStatus(t, 1);
    changed[0] = long.changed;
    // A checkpoint may have copied the record since.
    this.#table.written(this.#touched.list, t, 1);
    this.#settle(t, 1, context);
    return true;
  }

  #publish(n: number): void {
    this.#published.forEach((field, a) => {
      publishCell(this.#memory, field, after, afterCell, n, this.#cells[a]);
    });
  }

  /** Gives out the rows of the first `n` groups of `after`, whose values are published. */
  #emitPublished(n: number, context: Context): void {
    if (n === 0) return;
    const { i32 } = this.#memory;
    let words = 0;
    for (const field of [...this.#table.fields, ...this.#published]) {
      words += varWordsOfField(i32, field, after, 0, n);
    }
    this.#writer.begin(n, words);
    this.#gather(after, n, 0, 1);
    context.emit(this.#writer.seal(context.step, n));
  }

  /** Sets `newStatus`, and `changed` where the row or error downstream is no longer right. */
  #judge(first: number, n: number): void {
    const { i32 } = this.#memory;
    const { list } = this.#touched;
    const status = this.#table.stateStart;
    this.#judgeStatus(first, n);
    changed.fill(0, 0, n);
    for (let a = 0; a < this.#cells.length; a++) {
      cellDiffers(i32, this.#published[a], list, first, n, this.#cells[a], changed);
    }
    for (let i = 0; i < n; i++) {
      const old = i32[list[first + i] + status];
      if (old !== newStatus[i]) changed[i] = 1;
      else if (old !== statusRow) changed[i] = old === statusError ? 1 : 0;
    }
  }

  /** Sets `newStatus`; answers whether a value is in error. */
  #judgeStatus(first: number, n: number): boolean {
    const { f64 } = this.#memory;
    const { list } = this.#touched;
    for (let i = 0; i < n; i++) {
      newStatus[i] = f64[(list[first + i] + recordCount) >> 1] > 0 ? statusRow : statusNone;
    }
    let failed = false;
    for (const { errors } of this.#cells) {
      if (errors.size === 0) continue;
      failed = true;
      for (const i of errors.keys()) if (newStatus[i] === statusRow) newStatus[i] = statusError;
    }
    return failed;
  }

  /** Lists the changed groups that had a row (or, `later`, that have one now); answers how many. */
  #list(first: number, n: number, later: boolean): number {
    const { i32 } = this.#memory;
    const { list } = this.#touched;
    const status = this.#table.stateStart;
    let count = 0;
    for (let i = 0; i < n; i++) {
      const group = list[first + i];
      if (changed[i] === 0) continue;
      if ((later ? newStatus[i] : i32[group + status]) !== statusRow) continue;
      if (later) {
        after[count] = group;
        afterCell[count++] = i;
      } else before[count++] = group;
    }
    return count;
  }

  /** Takes back the published rows of `before`, publishes and gives out those of `after`. */
  #emit(beforeCount: number, afterCount: number, context: Context): void {
    const rows = beforeCount + afterCount;
    if (rows === 0) return;
    const keys = this.#table.fields;
    let words = 0;
    for (const field of keys) {
      words += varWordsOfField(this.#memory.i32, field, before, 0, beforeCount);
      words += varWordsOfField(this.#memory.i32, field, after, 0, afterCount);
    }
    this.#published.forEach((field, a) => {
      words += varWordsOfField(this.#memory.i32, field, before, 0, beforeCount);
      words += varWordsOfCells(this.#cells[a], field, afterCell, afterCount);
    });
    this.#writer.begin(rows, words);
    this.#gather(before, beforeCount, 0, -1);
    this.#publish(afterCount);
    this.#gather(after, afterCount, beforeCount, 1);
    context.emit(this.#writer.seal(context.step, rows));
  }

  #gather(records: Int32Array, n: number, outRow: number, weight: number): void {
    const { i32 } = this.#memory;
    const keys = this.#table.fields;
    keys.forEach((field, c) => gatherField(i32, field, records, 0, n, this.#writer, c, outRow));
    this.#published.forEach((field, a) => {
      gatherField(i32, field, records, 0, n, this.#writer, keys.length + a, outRow);
    });
    const at = this.#writer.weight + outRow;
    this.#writer.slab.i32.fill(weight, at, at + n);
  }

  /** Errors of the changed groups, new statuses, and the end of groups that have nothing left. */
  #settle(first: number, n: number, context: Context): void {
    const status = this.#table.stateStart;
    for (let i = 0; i < n; i++) {
      const group = this.#touched.release(this.#memory.i32, first + i);
      if (changed[i] === 1) {
        if (this.#memory.i32[group + status] === statusError || newStatus[i] === statusError) {
          this.#changeError(group, i, context);
        }
        this.#memory.i32[group + status] = newStatus[i];
      }
      if (newStatus[i] === statusNone) this.#end(group);
    }
  }

  #changeError(group: number, i: number, context: Context): void {
    const old = this.#errors.get(group);
    const error = newStatus[i] === statusError ? this.#errorOf(i) : undefined;
    if (
      old !== undefined &&
      error !== undefined &&
      old.code === error.code &&
      old.message === error.message
    )
      return;
    if (old !== undefined) context.fail(old, -1);
    this.#errors.delete(group);
    if (error === undefined) return;
    context.fail(error, 1);
    this.#errors.set(group, error);
  }

  /** The first aggregate's error, in the order of the row. */
  #errorOf(i: number): DataError {
    const failed = this.#cells.find((cells) => cells.errors.has(i));
    return defined(failed?.errors.get(i), 'a failed group has an error');
  }

  /** Gives up a group without a row, if nothing is left in it. */
  #end(group: number): void {
    if (this.#memory.f64[(group + recordCount) >> 1] !== 0) return;
    for (const accumulator of this.#accumulators) if (!accumulator.isEmpty(group)) return;
    for (const accumulator of this.#accumulators) accumulator.release(group);
    freeFields(this.#memory, group, this.#published);
    this.#table.remove(group);
  }
}
