/**
 * Avro records to rows of the staging by a `RowPlan`, value by value: the plain and complete way.
 * It defines what the generated reader must do, and says what is wrong with a record.
 */
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { Refusal } from '../json-fields.ts';
import type { Staging } from '../staging.ts';
import { writeCell } from './cell.ts';
import { AvroInput, BadAvro } from './input.ts';
import type { Choice, RowPlan, Step } from './plan.ts';
import { readDatum, readJson } from './value.ts';

/** Reads records of one writer. */
export class RowReader {
  readonly #plan: RowPlan;
  readonly #staging: Staging;
  readonly #input = new AvroInput();
  readonly #defaults = new AvroInput();

  constructor(plan: RowPlan, staging: Staging) {
    this.#plan = plan;
    this.#staging = staging;
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
        this.#defaults.open(initial, 0, initial.length);
        this.#step(step, this.#defaults, row);
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
