/**
 * Drives one operator through steps in the way the driver does, for tests: batches in as datum
 * rows, out as datum rows, errors counted, slabs checked.
 */
import { assert, defined } from '../../src/base/assert.ts';
import type { Context, DataError, Operator } from '../../dataflow/operators/operator.ts';
import { rowIdentity } from '../../dataflow/operators/reference-rows.ts';
import type { Batch } from '../../dataflow/value/batch.ts';
import { batchFromRows, rowsFromBatch } from '../../dataflow/value/datum-column.ts';
import type { Update } from '../../dataflow/value/datum.ts';
import { SlabPool } from '../../dataflow/value/slab.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';

/** What an operator gave out in one step, in order. */
export interface StepOutput {
  readonly rows: Update[];
  readonly errors: { readonly error: DataError; readonly weight: number }[];
}

/** Rows of one push: port and rows. */
export type Push = readonly [port: number, rows: readonly Update[]];

export class OperatorHarness {
  /** Called after each turn of the operator. */
  afterTurn: () => void = () => undefined;
  readonly pool: SlabPool;
  readonly operator: Operator;
  readonly #inputs: readonly (readonly ColumnType[])[];
  readonly #fuelRows: number;
  #step = 0;
  /** Accumulated output: rows and errors by identity, with summed weights. */
  readonly #rows = new Map<string, Update>();
  readonly #errors = new Map<string, number>();

  /**
   * `inputs`: columns of each port. `fuelRows`: rows of work after which fuel runs out, every time.
   */
  constructor(
    make: (pool: SlabPool) => Operator,
    inputs: readonly (readonly ColumnType[])[],
    fuelRows = Infinity,
  ) {
    this.pool = new SlabPool();
    this.operator = make(this.pool);
    this.#inputs = inputs;
    this.#fuelRows = fuelRows;
  }

  /** Runs one step: all pushes, then finish. */
  step(...pushes: readonly Push[]): StepOutput {
    this.#step++;
    const output: StepOutput = { rows: [], errors: [] };
    for (const [port, rows] of pushes) {
      const batch = batchFromRows(
        this.pool,
        defined(this.#inputs[port], `port ${port}`),
        rows,
        this.#step,
      );
      this.#drive(output, (context) => this.operator.push(port, batch, context));
      batch.slab.release();
    }
    this.#drive(output, (context) => this.operator.finish(context));
    this.#accumulate(output);
    return output;
  }

  /** Takes over what another one has given out so far: the operators go on from the same state. */
  follow(other: OperatorHarness): void {
    this.#step = other.#step;
    for (const [key, row] of other.#rows) this.#rows.set(key, row);
    for (const [key, weight] of other.#errors) this.#errors.set(key, weight);
  }

  /** Everything given out so far, summed up. */
  rows(): Update[] {
    return [...this.#rows.values()];
  }

  /** Errors that stand: code, message and weight, sorted. */
  errors(): string[] {
    return [...this.#errors].map(([text, weight]) => `${text} ${weight}`).sort();
  }

  #drive(output: StepOutput, call: (context: Context) => 'done' | 'more'): void {
    for (let calls = 0; ; calls++) {
      const done = call(this.#context(output)) === 'done';
      this.afterTurn();
      if (done) return;
      assert(calls < 1_000_000, 'an operator gets done');
    }
  }

  #context(output: StepOutput): Context {
    let fuel = this.#fuelRows;
    const emit = (batch: Batch): void => {
      assert(batch.step === this.#step, `a batch of step ${this.#step}, got ${batch.step}`);
      output.rows.push(...rowsFromBatch(batch, this.operator.columns));
      for (let c = 0; c < this.operator.columns.length; c++)
        checkNulls(batch, c, this.operator.columns[c]);
      batch.slab.release();
    };
    return {
      step: this.#step,
      pool: this.pool,
      fuel: { spend: (rows) => (fuel -= rows) > 0 },
      emit,
      fail: (error, weight) => void output.errors.push({ error, weight }),
    };
  }

  #accumulate(output: StepOutput): void {
    for (const { row, weight } of output.rows) {
      assert(weight !== 0, 'no row of weight 0 is given out');
      const key = rowIdentity(row);
      const sum = (this.#rows.get(key)?.weight ?? 0) + weight;
      if (sum === 0) this.#rows.delete(key);
      else this.#rows.set(key, { row, weight: sum });
    }
    for (const { error, weight } of output.errors) {
      const key = `${error.code} ${error.message}`;
      const sum = (this.#errors.get(key) ?? 0) + weight;
      if (sum === 0) this.#errors.delete(key);
      else this.#errors.set(key, sum);
    }
  }
}

function checkNulls(batch: Batch, column: number, type: ColumnType | undefined): void {
  const nulls = defined(batch.nulls[column], `column ${column}`);
  assert(nulls < 0 || type?.nullable === true, `column ${column} has no null bytes`);
}
