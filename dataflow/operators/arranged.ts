/**
 * A node's rows as they lie in an arrangement, and the reader of their changes. The arrangement may
 * hold more columns, in another order, than the node has (an import read through its `demand`), so
 * every reader goes through `columns`.
 */
import { limits } from '../../src/base/limits.ts';
import type { Arrangement, Pairs, Position } from '../arrangement/arrangement.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import { lonelySlab } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { narrowed, rewind, startPosition } from '../arrangement/pairs.ts';
import type { StepClock } from './step-clock.ts';
import { never } from './step-clock.ts';

export interface Arranged {
  readonly arrangement: Arrangement;
  /** Columns of the arrangement that make the node's row. */
  readonly columns: readonly number[];
  /** Types of the node's row. */
  readonly types: readonly ColumnType[];
}

/** An arranged node with an index on a key of it. */
export interface Keyed extends Arranged {
  readonly index: number;
  /** Columns of the node's row. */
  readonly key: readonly number[];
}

/**
 * The step to read at for the state at `step`: an arrangement to which nothing came is not sealed
 * any further, and its last state still holds.
 */
export function readableStep({ arrangement }: Arranged, step: number): number {
  return Math.min(step, arrangement.complete);
}

/**
 * Reads what changed between the two steps of a clock, in batches of the node's rows: all of it
 * while hydrating. One pass: `next` until it answers null, which also starts the reader over.
 */
export class DeltaReader {
  readonly #arranged: Arranged;
  readonly #clock: StepClock;
  readonly #scanned: Pairs;
  readonly #writer: BatchWriter;
  readonly #lonely: boolean;
  readonly #position: Position = startPosition();
  /** Rows of `scanned` that are not given out yet, when var bytes forced a cut. */
  #ended = false;

  /** `lonely`: each batch gets a slab of its own, which may be given away with it. */
  constructor(
    arranged: Arranged,
    clock: StepClock,
    scanned: Pairs,
    pool: SlabPool,
    lonely = false,
  ) {
    this.#lonely = lonely;
    this.#arranged = arranged;
    this.#clock = clock;
    this.#scanned = narrowed(scanned, arranged.types.length);
    this.#writer = new BatchWriter(pool, arranged.types);
  }

  /** The next batches, handed to `take` with a use of their slabs; false at the end. */
  next(take: (batch: Batch) => void): boolean {
    if (this.#ended) {
      this.restart();
      return false;
    }
    const pairs = this.#scanned;
    const { arrangement } = this.#arranged;
    const from = readableStep(this.#arranged, this.#clock.from);
    const to = readableStep(this.#arranged, this.#clock.to);
    pairs.n = 0;
    this.#ended =
      from === never
        ? arrangement.scan(to, this.#position, pairs)
        : from === to || arrangement.changes(from, to, this.#position, pairs);
    if (pairs.n > 0) this.#gather(0, pairs.n, take);
    return true;
  }

  #gather(first: number, n: number, take: (batch: Batch) => void): void {
    const { arrangement, columns } = this.#arranged;
    const pairs = this.#scanned;
    const words = arrangement.varWordsOf(pairs.address, first, n, columns);
    if (words > limits.batchVarWordsMax && n > 1) {
      const half = n >> 1;
      this.#gather(first, half, take);
      this.#gather(first + half, n - half, take);
      return;
    }
    const writer = this.#writer;
    const slab = this.#lonely ? lonelySlab(writer.wordsFor(n, words)) : undefined;
    writer.begin(n, words, slab);
    slab?.release();
    arrangement.gather(pairs.address, first, n, columns, writer, 0);
    const target = writer.slab.i32;
    const weight = writer.weight;
    for (let i = 0; i < n; i++) target[weight + i] = pairs.weight[first + i];
    take(writer.seal(this.#clock.to, n));
    if (this.#lonely) writer.close();
  }

  /** Starts over and gives up memory. */
  restart(): void {
    this.#ended = false;
    rewind(this.#position);
    this.#writer.close();
  }
}
