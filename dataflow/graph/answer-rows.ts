/**
 * The rows of one answer on their way to the coordinator: ordered, cut to OFFSET and LIMIT,
 * projected, packed. A row of weight n is n rows.
 *
 * Without an order rows pass straight through, a slice at a time, and reading stops when the limit
 * is reached. With one, every batch becomes a sorted run; the runs are merged by a heap when the
 * last batch has come, in slices. With a limit, runs that grow many are merged early and cut to the
 * rows that can still matter, so that a top-10 of a million rows keeps few of them.
 */
import { assert, defined } from '../../src/base/assert.ts';
import { sqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import { allRows, appendRow, range, varWordsOfRow, varWordsOfRows } from '../operators/gather.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { ColumnType } from '../value/type.ts';
import type { Finishing, PackedBatch } from './command.ts';
import { packWritten } from './packed-batch.ts';
import type { RowComparison } from './row-order.ts';
import { rowComparison } from './row-order.ts';
import type { Surroundings } from './surroundings.ts';

type Lent = Pick<Surroundings, 'pool' | 'rowsMax' | 'respond'>;

/** A sorted batch: `rows` from `next` on are still to come. */
interface Run {
  readonly batch: Batch;
  readonly rows: Int32Array;
  next: number;
  /** Times that row `next` was already given out. */
  given: number;
}

/** Runs that are merged early when a limit allows it. */
const runsMax = 64;

/** Collects, orders, cuts and sends the rows of one answer. */
export class AnswerRows {
  readonly #request: number;
  readonly #columns: readonly ColumnType[];
  readonly #finishing: Finishing;
  readonly #around: Lent;
  readonly #bytesMax: number;
  readonly #compare: RowComparison | null;
  readonly #writer: BatchWriter;
  readonly #projected: readonly ColumnType[];
  readonly #runs: Run[] = [];
  #heap: Run[] | null = null;
  /** The latest rows, held back until it is known whether they are the last. */
  #held: PackedBatch | null = null;
  #rowsHeld = 0;
  /** Bytes of what waits to be ordered, but for its fixed parts. */
  #bytesHeld = 0;
  #skip: number;
  #left: number;
  #sent = 0;
  #bytesSent = 0;

  /** `columns`: of the rows that come in. */
  constructor(
    request: number,
    columns: readonly ColumnType[],
    finishing: Finishing,
    around: Lent,
    bytesMax: number = limits.answerBytesMax,
  ) {
    this.#bytesMax = bytesMax;
    this.#request = request;
    this.#columns = columns;
    this.#finishing = finishing;
    this.#around = around;
    const { order, project, limit, offset } = finishing;
    this.#compare = order.length === 0 ? null : rowComparison(order, columns);
    this.#projected = project.map((c) => defined(columns[c], `column ${c} is in the answer`));
    this.#writer = new BatchWriter(around.pool, this.#projected);
    this.#skip = offset;
    this.#left = limit < 0 ? Infinity : limit;
  }

  /** True when no further row can change the answer. */
  get full(): boolean {
    return this.#left === 0;
  }

  /** Takes a batch with its use of the slab. */
  add(batch: Batch): void {
    const compare = this.#compare;
    const rows = allRows(batch.rows);
    const run = { batch, rows, next: 0, given: 0 };
    const valid = weightsArePositive(batch);
    if (!valid) {
      batch.slab.release();
      throw negativeWeight();
    }
    if (compare === null) {
      this.#runs.push(run);
      if (this.#runs.length === 1) this.sendSome();
      return;
    }
    rows.sort((i, j) => compare(batch, i, batch, j));
    this.#runs.push(run);
    this.#rowsHeld += batch.rows;
    this.#bytesHeld += this.#varBytes(batch);
    if (this.#runs.length > runsMax) this.#cut();
    if (this.#rowsHeld > limits.answerRowsMax) throw tooManyRows();
    if (this.#bytesHeld > this.#bytesMax) throw tooManyBytes(this.#bytesMax);
  }

  /** Rows without an order wait to be sent: a row of a large weight is many. */
  get waiting(): boolean {
    return this.#compare === null && this.#runs.length > 0;
  }

  /** Sends a slice of the rows that wait. */
  sendSome(): void {
    const run = defined(this.#runs[0], 'a run waits');
    if (this.#left > 0) this.#send([run]);
    if (run.next < run.rows.length && this.#left > 0) return;
    this.#runs.shift();
    run.batch.slab.release();
  }

  /** Keeps only the rows that can be in the answer, if a limit makes that worth while. */
  #cut(): void {
    const keep = this.#skip + this.#left;
    if (keep > this.#rowsHeld / 4) return;
    const heap = this.#heapOf(this.#runs);
    const columns = range(this.#columns.length);
    const writer = new BatchWriter(this.#around.pool, this.#columns);
    const kept: Run[] = [];
    let need = keep;
    while (heap.length > 0 && need > 0) {
      const run = this.#mergeSlice(heap, need, columns, writer);
      need -= run.batch.rows;
      kept.push(run);
    }
    writer.close();
    for (const { batch } of this.#runs) batch.slab.release();
    this.#runs.length = 0;
    this.#runs.push(...kept);
    this.#rowsHeld = kept.reduce((sum, run) => sum + run.batch.rows, 0);
    this.#bytesHeld = kept.reduce((sum, run) => sum + this.#varBytes(run.batch), 0);
    assert(this.#rowsHeld <= keep, `${this.#rowsHeld} rows can matter, more than ${keep}`);
  }

  #varBytes(batch: Batch): number {
    const columns = range(this.#columns.length);
    return 4 * varWordsOfRows(batch, this.#columns, allRows(batch.rows), 0, batch.rows, columns);
  }

  #mergeSlice(heap: Run[], rowsMax: number, columns: readonly number[], writer: BatchWriter): Run {
    const chosen = this.#choose(heap, Math.min(rowsMax, this.#around.rowsMax));
    const batch = this.#build(chosen, columns, writer);
    return { batch, rows: allRows(batch.rows), next: 0, given: 0 };
  }

  /** Sends a slice of what was collected; true at the end of the answer. */
  finish(): boolean {
    if (this.waiting) {
      this.sendSome();
      if (this.waiting) return false;
    }
    if (this.#compare !== null) {
      this.#heap ??= this.#heapOf(this.#runs);
      if (this.#heap.length > 0 && this.#left > 0) {
        this.#send(this.#heap);
        return false;
      }
    }
    this.#respond(this.#held ?? this.#nothing(), true);
    this.#held = null;
    this.dispose();
    return true;
  }

  #nothing(): PackedBatch {
    const writer = new BatchWriter(this.#around.pool, this.#projected);
    writer.begin(0, 0);
    return packWritten(writer, writer.seal(0, 0));
  }

  /** Sends up to a slice of rows in the order of the heap. */
  #send(heap: Run[]): void {
    if (this.#skip > 0) {
      this.#skip -= this.#choose(heap, Math.min(this.#skip, this.#around.rowsMax)).length;
      if (this.#skip > 0) return;
    }
    const rowsMax = Math.min(this.#around.rowsMax, this.#left);
    const chosen = this.#choose(heap, rowsMax);
    if (chosen.length === 0) return;
    this.#left -= chosen.length;
    this.#sent += chosen.length;
    if (this.#sent > limits.answerRowsMax) throw tooManyRows();
    const batch = this.#build(chosen, this.#finishing.project, this.#writer);
    if (this.#held !== null) this.#respond(this.#held, false);
    this.#held = packWritten(this.#writer, batch);
    this.#bytesSent += this.#held.buffer.byteLength;
    if (this.#bytesSent > this.#bytesMax) throw tooManyBytes(this.#bytesMax);
  }

  #respond(batch: PackedBatch, last: boolean): void {
    this.#around.respond({ kind: 'rows', request: this.#request, batch, last });
  }

  /** Takes up to `rowsMax` rows from the heap, fewer if their var bytes are many. */
  #choose(heap: Run[], rowsMax: number): { batch: Batch; row: number }[] {
    const chosen: { batch: Batch; row: number }[] = [];
    const columns = range(this.#columns.length);
    let words = 0;
    while (heap.length > 0 && chosen.length < rowsMax && words < limits.batchVarWordsMax) {
      const run = heap[0];
      const row = run.rows[run.next];
      chosen.push({ batch: run.batch, row });
      words += varWordsOfRow(run.batch, this.#columns, row, columns);
      run.given++;
      if (run.given === run.batch.slab.i32[run.batch.weight + row]) {
        run.next++;
        run.given = 0;
        this.#sink(heap);
      }
    }
    return chosen;
  }

  #build(
    chosen: readonly { batch: Batch; row: number }[],
    columns: readonly number[],
    writer: BatchWriter,
  ): Batch {
    let words = 0;
    for (const { batch, row } of chosen) {
      words += varWordsOfRow(batch, this.#columns, row, columns);
    }
    writer.begin(chosen.length, words);
    chosen.forEach(({ batch, row }, n) => {
      appendRow(batch, this.#columns, row, columns, writer, n);
    });
    return writer.seal(0, chosen.length);
  }

  #heapOf(runs: readonly Run[]): Run[] {
    // A sorted list is a heap.
    return runs.filter((run) => run.rows.length > 0).sort((a, b) => this.#compareRuns(a, b));
  }

  #compareRuns(a: Run, b: Run): number {
    return this.#compare === null
      ? 0
      : this.#compare(a.batch, a.rows[a.next], b.batch, b.rows[b.next]);
  }

  /** Restores the heap after its first run went on, or takes the run out at its end. */
  #sink(heap: Run[]): void {
    const first = heap[0];
    if (first.next === first.rows.length) {
      const last = heap.pop();
      if (last === first || last === undefined) return;
      heap[0] = last;
    }
    let at = 0;
    while (true) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && this.#compareRuns(heap[child], heap[least]) < 0) least = child;
      }
      if (least === at) return;
      [heap[at], heap[least]] = [heap[least], heap[at]];
      at = least;
    }
  }

  dispose(): void {
    for (const { batch } of this.#runs) batch.slab.release();
    this.#runs.length = 0;
    this.#heap = null;
    this.#writer.close();
  }
}

function weightsArePositive(batch: Batch): boolean {
  for (let row = 0; row < batch.rows; row++) {
    const weight = batch.slab.i32[batch.weight + row];
    assert(weight !== 0, 'a sealed batch has no row of weight 0');
    if (weight < 0) return false;
  }
  return true;
}

function negativeWeight(): Error {
  return sqlError('XX000', 'a row occurs a negative number of times');
}

function tooManyBytes(bytesMax: number): Error {
  return sqlError('54000', `result exceeds ${bytesMax} bytes`, {
    hint: 'Ask for fewer rows or columns, or subscribe to the query.',
  });
}

function tooManyRows(): Error {
  return sqlError('54000', `result exceeds ${limits.answerRowsMax} rows`, {
    hint: 'Add a LIMIT, or subscribe to the query.',
  });
}
