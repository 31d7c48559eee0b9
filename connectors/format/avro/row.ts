/**
 * Avro records to rows of the staging by a `RowPlan`, value by value: the plain and complete way.
 * It defines what the generated reader must do, and says what is wrong with a record. The generated
 * reader comes before it, and calls for single values that it leaves.
 */
import { assert } from '../../../src/base/assert.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { Refusal } from '../json-fields.ts';
import type { Staging } from '../staging.ts';
import { writeCell } from './cell.ts';
import { AvroInput, BadAvro } from './input.ts';
import type { SlowReader, SlowValue } from './generate.ts';
import { FastReader, readerCode } from './generate.ts';
import type { Choice, RowPlan, Step } from './plan.ts';
import { readDatum, readJson } from './value.ts';

/** Reads records of one writer. */
export class RowReader implements SlowReader {
  /** Null where a plan is not for generated code. */
  readonly fast: FastReader | null;
  readonly #plan: RowPlan;
  readonly #staging: Staging;
  readonly #input = new AvroInput();
  readonly #defaults = new AvroInput();
  readonly #slow: readonly SlowValue[];
  readonly #start = new Int32Array(1);
  readonly #length = new Int32Array(1);
  #bytes: Uint8Array = new Uint8Array(0);

  /** `framed` says that the number of a schema comes before each record. */
  constructor(plan: RowPlan, staging: Staging, framed: boolean) {
    this.#plan = plan;
    this.#staging = staging;
    const code = readerCode(plan, staging, framed);
    this.fast = code === null ? null : new FastReader(code, staging, this);
    this.#slow = code?.slow ?? [];
  }

  /** Says which bytes the generated reader is to run on. */
  open(bytes: Uint8Array): void {
    this.#bytes = bytes;
  }

  value(index: number, at: number, end: number, row: number, top: number): number {
    const slow = this.#slow[index];
    const input = this.#input;
    this.#staging.heap.top = top;
    input.open(this.#bytes, at, end);
    try {
      if (slow.kind === 'skip') input.skip(slow.wire, 1);
      else if (slow.kind === 'missing') this.#initial(slow.initial, slow.step, row);
      else {
        this.#staging.staged[slow.column].setNull(row);
        this.#fill(slow.choice, slow.column, input, row);
      }
      // The generated reader goes on without looking for room.
      this.#staging.heap.reserve(end - input.at + (this.fast?.slackWords ?? 0) * 4);
      return input.at;
    } catch (error) {
      if (!(error instanceof BadAvro)) throw error;
      return -1;
    }
  }

  /**
   * Fills row `row`, the staging's next, from the record of `length` bytes at `at`, of which `head`
   * come before its fields: the number `id` of its schema. Answers why not, or null; the row is not
   * counted.
   */
  readNext(
    bytes: Uint8Array,
    at: number,
    head: number,
    length: number,
    id: number,
    row: number,
  ): Refusal | null {
    const { fast } = this;
    const staging = this.#staging;
    assert(staging.rows === row, 'a part fills the row that comes next');
    if (fast !== null) {
      staging.heap.reserve(length + fast.slackWords * 4);
      this.#start[0] = at;
      this.#length[0] = length;
      this.open(bytes);
      const isRead = fast.run(bytes, this.#start, this.#length, 0, 1, id) === 1;
      staging.rows = row;
      if (isRead) return null;
    }
    return this.read(bytes, at + head, at + length, row);
  }

  /** Fills row `row` from the record [at, end); answers why not, or null. */
  read(bytes: Uint8Array, at: number, end: number, row: number): Refusal | null {
    const { refusal, steps, missing } = this.#plan;
    if (refusal !== null) return { code: '42804', ...refusal };
    const input = this.#input;
    input.open(bytes, at, end);
    let name = '';
    try {
      for (const step of steps) {
        ({ name } = step);
        this.#step(step, input, row);
      }
      for (const { initial, step } of missing) {
        ({ name } = step);
        this.#initial(initial, step, row);
      }
    } catch (error) {
      if (!(error instanceof BadAvro)) throw error;
      return { code: error.code, field: name === '' ? null : name, reason: error.message };
    }
    const rest = end - input.at;
    return rest === 0
      ? null
      : { code: '22P03', field: null, reason: `${rest} bytes follow the record` };
  }

  #initial(initial: Uint8Array, step: Step, row: number): void {
    this.#defaults.open(initial, 0, initial.length);
    this.#step(step, this.#defaults, row);
  }

  #step(step: Step, input: AvroInput, row: number): void {
    if (step.columns.length === 0) return input.skip(step.wire, 1);
    const index = step.wire.kind === 'union' ? input.index(step.choices.length, 'branch') : 0;
    const { staged } = this.#staging;
    for (const column of step.columns) staged[column].setNull(row);
    const choice = step.choices[index];
    if (choice.column === null) return input.skip(choice.wire, 1);
    this.#fill(choice, choice.column, input, row);
  }

  #fill(choice: Choice, column: number, input: AvroInput, row: number): void {
    if (choice.plan.kind === 'null') return;
    const type: TypeName = this.#staging.columns[column].type;
    const datum =
      type === 'jsonb' ? readJson(choice.plan, input, 1) : readDatum(choice.plan, input, 1);
    if (datum === null) return;
    writeCell(type, datum, this.#staging.staged[column], row, this.#staging.heap);
  }
}
