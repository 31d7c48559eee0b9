/**
 * The contract between the driver (graph/) and the tactics (this folder). An operator is an
 * algorithm over batches; ports, order, fuel, slab counts, frontiers and holds are the driver's.
 *
 * Life of a step e at one operator: any number of `push` calls, then one `finish`, by which time
 * all input of e has come. The driver drains the most downstream operator first, so that batches do
 * not pile up, and calls `finish` in topological order, only on operators that were pushed to at e.
 *
 * Contract:
 *  - `push` may emit at once (linear operators, joins) or only take note (reduce, top-k), and then
 *    `finish` emits. What is emitted during a step sums to the operator's output delta at that step.
 *  - 'more' means: fuel ran out; call the same method again with the same arguments. The operator
 *    remembers where it stands; the driver keeps the batch alive.
 *  - An operator that owns arrangements applies and seals them itself at e; imported ones are
 *    applied and sealed at e before the first push of e.
 *  - A row that fails becomes an error through `fail`; operators never throw for data.
 */
import type { Batch } from '../value/batch.ts';
import type { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Registers } from './registers.ts';
import type { StateMemory } from './state-memory.ts';

/** An error in data, before it becomes a row of the error collection. */
export interface DataError {
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
}

/** What a slice of the work on a long value, about a mebibyte, counts for. */
export const longSliceRows = 2048;

export interface Fuel {
  /** Counts `rows` of work; false when the activation should end soon. */
  spend(rows: number): boolean;
}

/** What the driver gives an operator for one call. */
export interface Context {
  readonly step: number;
  readonly pool: SlabPool;
  readonly fuel: Fuel;
  /** Hands a sealed batch (and its use of the slab) downstream; empty batches are dropped. */
  emit(batch: Batch): void;
  /** Adds an error row with a weight. */
  fail(error: DataError, weight: number): void;
}

/**
 * What an operator keeps from step to step, in a form that outlives the program: the words of its
 * memories, which are copied while it works (state-image.ts), and registers, all the rest.
 *
 * To restore, the memories of a fresh operator of the same plan get their registers, then their
 * words (`StateImage`). After that, and before the first push, `restore` is called, and an operator
 * whose rows lie in an arrangement of its own (kept-rows.ts) is told where each of them is now.
 */
export interface OperatorState extends Registers {
  /** The same number and order for a plan. Their images have registers of their own. */
  readonly memories: readonly StateMemory[];
}

export interface Operator {
  /** Types of the output rows. */
  readonly columns: readonly ColumnType[];
  /** null: nothing is kept from step to step that a checkpoint has to save beside arrangements. */
  readonly state: OperatorState | null;
  push(port: number, batch: Batch, context: Context): 'done' | 'more';
  finish(context: Context): 'done' | 'more';
  /** Bytes of state. */
  bytes(): number;
  /** Frees state; the driver calls it once. */
  dispose(): void;
}

/** A writer that an operator keeps; see BatchWriter. */
export type Output = BatchWriter;

/**
 * The error collection's columns: what a read of a broken view reports.
 */
export const errorColumns: readonly ColumnType[] = [
  { type: 'text', nullable: false },
  { type: 'text', nullable: false },
];
