/**
 * A program over batches by interpretation: reads each row's columns as datums, evaluates, and
 * writes what comes out. The reference of the generated loop, and quicker than it for few rows.
 */
import { SqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import type { Batch } from '../value/batch.ts';
import type { BatchWriter } from '../value/batch-writer.ts';
import type { Datum } from '../value/datum.ts';
import { readDatum, varWordsOfDatum, writeDatum } from '../value/datum-column.ts';
import type { ColumnType } from '../value/type.ts';
import type { ErrorListener } from './environment.ts';
import type { Program } from './expr.ts';
import { Interpreter, dataErrorOf, interpretRow } from './interpret.ts';

/** One program, run row by row. */
export class InterpretedProgram {
  readonly #input: readonly ColumnType[];
  readonly #program: Program;
  readonly #output: readonly ColumnType[];
  readonly #interpreter: Interpreter;
  readonly #row: Datum[];
  /** Columns that some node reads. */
  readonly #read: readonly number[];
  /** As in `Mfp`. */
  taken = 0;

  constructor(input: readonly ColumnType[], program: Program, output: readonly ColumnType[]) {
    this.#input = input;
    this.#program = program;
    this.#output = output;
    this.#interpreter = new Interpreter(program.nodes);
    this.#row = input.map(() => null);
    this.#read = [
      ...new Set(program.nodes.flatMap((n) => (n.kind === 'column' ? [n.column] : []))),
    ];
  }

  /** As `Mfp.run`. */
  run(input: Batch, writer: BatchWriter, step: number, onError: ErrorListener): Batch | null {
    const rows: Datum[][] = [];
    const weights: number[] = [];
    let varWords = 0;
    this.taken = input.rows;
    for (let i = 0; i < input.rows; i++) {
      const row = this.#evaluate(input, i, onError);
      if (row === null) continue;
      rows.push(row);
      weights.push(input.slab.i32[input.weight + i]);
      row.forEach((datum, k) => (varWords += varWordsOfDatum(this.#output[k].type, datum)));
      if (varWords > limits.batchVarWordsMax) {
        this.taken = i + 1;
        break;
      }
    }
    if (rows.length === 0) return null;
    writer.begin(rows.length, varWords);
    rows.forEach((row, r) => {
      row.forEach((datum, k) => writeDatum(writer, k, r, datum));
      writer.slab.i32[writer.weight + r] = weights[r];
    });
    return writer.seal(step, rows.length);
  }

  #evaluate(input: Batch, i: number, onError: ErrorListener): Datum[] | null {
    for (const c of this.#read) this.#row[c] = readDatum(input, c, i, this.#input[c].type);
    try {
      return interpretRow(this.#interpreter, this.#program, this.#row);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      onError(i, dataErrorOf(error));
      return null;
    }
  }
}
