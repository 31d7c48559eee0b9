/**
 * A set-returning function for each row: the input's columns, then the function's. Functions work
 * on datums and may give any number of rows (`generate_series`), so their results are taken one by
 * one, cut into batches, and the work stops in the middle of a row's results when fuel is short.
 *
 * A row that fails gives an error and nothing else. If it fails after some of its results went out,
 * these are taken back: the function is asked again for as many rows, which get the opposite
 * weight.
 */
import { assert, defined } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { CallSite, FunctionEntry } from '../expr/function-entry.ts';
import { functionByKey } from '../expr/function-table.ts';
import { dataErrorOf } from '../expr/interpret.ts';
import type { Node } from '../plan/plan.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { Datum, Row } from '../value/datum.ts';
import { readDatum, varWordsOfDatum, writeDatum } from '../value/datum-column.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { copyColumns, range, varWordsOfRow } from './gather.ts';
import type { Context, Operator } from './operator.ts';

type FlatMapNode = Extract<Node, { kind: 'flatMap' }>;

/** How far the results of one row have been given out, or, with sign −1, taken back. */
interface Progress {
  results: Iterator<Row>;
  sign: 1 | -1;
  /** Results that are out. */
  out: number;
}

/** Gives each row once for each result of a set-returning function. */
export class FlatMapOperator implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state = null;
  readonly #input: readonly ColumnType[];
  readonly #args: readonly number[];
  readonly #fn: FunctionEntry;
  readonly #rowsOf: (args: readonly Datum[], site: CallSite) => Iterable<Row>;
  readonly #site: CallSite;
  readonly #rowsMax: number;
  readonly #writer: BatchWriter;
  /** Next row of the batch that is being pushed, and its results so far. */
  #row = 0;
  #progress: Progress | null = null;
  /** Results to be written next, with their rows in the batch and their signs. */
  readonly #results: Row[] = [];
  readonly #rows: Int32Array;
  readonly #signs: Int32Array;
  #words = 0;

  /** `input`: types of the input's rows; `rowsMax`: rows of a batch. */
  constructor(node: FlatMapNode, input: readonly ColumnType[], rowsMax: number, pool: SlabPool) {
    assert(node.columns.length >= input.length, 'the results of a row come behind its columns');
    this.columns = node.columns;
    this.#input = input;
    this.#args = node.args;
    this.#fn = defined(functionByKey(node.fn), `function ${node.fn} is in the table`);
    this.#rowsOf = defined(this.#fn.rows, `function ${node.fn} gives rows`);
    const result = node.columns[input.length]?.type ?? 'unknown';
    this.#site = { args: node.args.map((c) => input[c].type), result };
    this.#rowsMax = rowsMax;
    this.#rows = new Int32Array(rowsMax);
    this.#signs = new Int32Array(rowsMax);
    this.#writer = new BatchWriter(pool, node.columns);
  }

  push(_port: number, batch: Batch, context: Context): 'done' | 'more' {
    while (this.#row < batch.rows) {
      const before = this.#row;
      this.#collect(batch, context);
      const n = this.#results.length;
      if (n > 0) this.#write(batch, context);
      if (!context.fuel.spend(n + this.#row - before) && this.#row < batch.rows) return 'more';
    }
    this.#row = 0;
    return 'done';
  }

  /** Takes results until an output batch is full or the input ends. */
  #collect(batch: Batch, context: Context): void {
    while (this.#row < batch.rows) {
      if (this.#results.length === this.#rowsMax || this.#words > limits.batchVarWordsMax) return;
      this.#progress ??= { results: this.#call(batch), sign: 1, out: 0 };
      if (this.#takeOne(batch, this.#progress, context)) continue;
      this.#progress = null;
      this.#row++;
    }
  }

  /** Results of the function for the current row; throws for bad data. */
  *#call(batch: Batch): Iterator<Row> {
    const args = this.#args.map((c) => readDatum(batch, c, this.#row, this.#input[c].type));
    if (this.#fn.nullHandling === 'strict' && args.includes(null)) return;
    yield* this.#rowsOf(args, this.#site);
  }

  /** Takes one result; false when the row is done with. */
  #takeOne(batch: Batch, progress: Progress, context: Context): boolean {
    if (progress.sign < 0 && progress.out === 0) return false;
    try {
      const { done, value } = progress.results.next();
      if (done === true) return false;
      this.#note(batch, value, progress.sign);
      progress.out += progress.sign;
    } catch (error) {
      context.fail(dataErrorOf(error), batch.slab.i32[batch.weight + this.#row]);
      progress.results = this.#call(batch);
      progress.sign = -1;
    }
    return true;
  }

  #note(batch: Batch, result: Row, sign: 1 | -1): void {
    const n = this.#results.push(result) - 1;
    this.#rows[n] = this.#row;
    this.#signs[n] = sign;
    const width = this.#input.length;
    this.#words += varWordsOfRow(batch, this.#input, this.#row, range(width));
    result.forEach((datum, c) => {
      this.#words += varWordsOfDatum(this.columns[width + c].type, datum) + 1;
    });
  }

  #write(batch: Batch, context: Context): void {
    const results = this.#results;
    const width = this.#input.length;
    const writer = this.#writer;
    writer.begin(results.length, this.#words);
    copyColumns(batch, this.#input, this.#rows, 0, results.length, range(width), writer, 0);
    results.forEach((result, n) => {
      result.forEach((datum, c) => writeDatum(writer, width + c, n, datum));
      const weight = batch.slab.i32[batch.weight + this.#rows[n]];
      writer.slab.i32[writer.weight + n] = weight * this.#signs[n];
    });
    const { length } = results;
    results.length = 0;
    this.#words = 0;
    context.emit(writer.seal(context.step, length));
  }

  finish(): 'done' {
    this.#writer.close();
    return 'done';
  }

  bytes(): number {
    return 0;
  }

  dispose(): void {
    this.#progress = null;
    this.#writer.close();
  }
}
