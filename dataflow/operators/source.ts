/**
 * Where rows enter a dataflow. A stored import is read from its arrangement: all of it at the first
 * step, afterwards what changed between the two steps of the dataflow's clock, however many steps
 * lie between. A stream's live batches are pushed by the driver and only lose the columns that
 * nobody asked for. A constant gives its rows once.
 */
import { limits } from '../../src/base/limits.ts';
import type { Pairs } from '../arrangement/arrangement.ts';
import type { Batch } from '../value/batch.ts';
import { batchFromRows } from '../value/datum-column.ts';
import type { Update } from '../value/datum.ts';
import { savedInteger } from '../value/saved-parts.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Arranged } from './arranged.ts';
import { DeltaReader } from './arranged.ts';
import { projectBatch } from './gather.ts';
import type { Context, Operator, OperatorState } from './operator.ts';
import type { StepClock } from './step-clock.ts';

/** Reads a stored import. */
export class ArrangementSource implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state = null;
  readonly #reader: DeltaReader;

  /** `lonely`: see `DeltaReader`; for a single consumer. */
  constructor(
    arranged: Arranged,
    clock: StepClock,
    scanned: Pairs,
    pool: SlabPool,
    lonely: boolean,
  ) {
    this.columns = arranged.types;
    this.#reader = new DeltaReader(arranged, clock, scanned, pool, lonely);
  }

  push(): 'done' {
    return 'done';
  }

  finish(context: Context): 'done' | 'more' {
    let rows = 1;
    const take = (batch: Batch): void => {
      rows += batch.rows;
      context.emit(batch);
    };
    while (this.#reader.next(take)) {
      if (!context.fuel.spend(rows)) return 'more';
      rows = 1;
    }
    return 'done';
  }

  bytes(): number {
    return 0;
  }

  dispose(): void {
    this.#reader.restart();
  }
}

/** Passes a stream's batches on. */
export class StreamSource implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state = null;
  readonly #demand: readonly number[];

  constructor(columns: readonly ColumnType[], demand: readonly number[]) {
    this.columns = columns;
    this.#demand = demand;
  }

  push(_port: number, batch: Batch, context: Context): 'done' {
    batch.slab.retain();
    context.fuel.spend(batch.rows);
    context.emit(projectBatch(batch, this.#demand));
    return 'done';
  }

  finish(): 'done' {
    return 'done';
  }

  bytes(): number {
    return 0;
  }

  dispose(): void {
    // Nothing is held.
  }
}

/** Gives the rows of a constant at the first step. */
export class ConstantSource implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state: OperatorState;
  readonly #rows: readonly Update[];
  #next = 0;

  constructor(columns: readonly ColumnType[], rows: readonly Update[]) {
    this.columns = columns;
    this.#rows = rows.filter((update) => update.weight !== 0);
    this.state = {
      memories: [],
      save: () => this.#next,
      restore: (saved) => {
        this.#next = savedInteger(saved, 0, this.#rows.length);
      },
    };
  }

  push(): 'done' {
    return 'done';
  }

  finish(context: Context): 'done' | 'more' {
    while (this.#next < this.#rows.length) {
      const slice = this.#rows.slice(this.#next, this.#next + limits.activationRowsMax);
      this.#next += slice.length;
      context.emit(batchFromRows(context.pool, this.columns, slice, context.step));
      if (!context.fuel.spend(slice.length)) return 'more';
    }
    return 'done';
  }

  bytes(): number {
    return 0;
  }

  dispose(): void {
    // Nothing is held.
  }
}
