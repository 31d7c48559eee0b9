/**
 * A plain owner of rows: it keeps one row a key, remembers places and contents in maps, and has
 * batches staged to get at the words of a row. And the rows that tests let it write.
 */
import { assert } from '../../src/base/assert.ts';
import type { Random } from '../../test/support/random.ts';
import type { Row } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Arrangement } from './arrangement.ts';
import { Weights } from './arrangement.reference.ts';
import type { OwnedRows, RowOwner } from './owned-rows.ts';
import { Stage } from './stage.ts';

/** Columns of the rows. */
export const ownedColumns: readonly ColumnType[] = [
  { type: 'int8', nullable: false },
  { type: 'text', nullable: true },
  { type: 'int4', nullable: true },
];

/** Keeps one row a key and remembers its place; keys are tokens. */
export class Owner implements RowOwner {
  readonly places = new Map<number, number>();
  readonly contents = new Map<number, Row>();
  readonly #pool: SlabPool;
  readonly #rows: OwnedRows;
  readonly #stage = new Stage();
  moves = 0;

  constructor(pool: SlabPool, arrangement: Arrangement) {
    this.#pool = pool;
    this.#rows = arrangement.own(this);
  }

  moved(token: number, place: number): void {
    assert(this.places.has(token), 'only rows that are there move');
    this.places.set(token, place);
    this.moves++;
  }

  /** Puts rows, or takes them away, by key. */
  write(step: number, rows: ReadonlyMap<number, Row | null>): void {
    const tokens = Int32Array.from(rows.keys());
    const n = tokens.length;
    const olds = tokens.map((token) => this.places.get(token) ?? 0);
    const sizes = new Int32Array(n);
    const places = new Int32Array(n);
    const staged = [...rows.values()].map((row, k) => {
      const batch = batchFromRows(
        this.#pool,
        ownedColumns,
        [{ row: row ?? [0n, null, null], weight: 1 }],
        step,
      );
      this.#stage.load(this.#rows.layout, batch, 0, 1, new Int32Array(1));
      batch.slab.release();
      if (row !== null) sizes[k] = this.#stage.size[0];
      return this.#stage.words.slice(4, this.#stage.size[0]);
    });
    this.#rows.replace(step, olds, sizes, tokens, n, places);
    tokens.forEach((token, k) => {
      this.places.set(token, places[k]);
      if (places[k] !== 0) this.#rows.words.set(staged[k], places[k] - 1 + 4);
    });
    this.#rows.enter(places, n);
    for (const [token, row] of rows) {
      if (row === null) this.contents.delete(token);
      else this.contents.set(token, row);
    }
  }

  weights(): Weights {
    const weights = new Weights();
    for (const row of this.contents.values()) weights.add({ row, weight: 1 });
    return weights;
  }
}

/** A row of a key, larger with `drift`. */
export function randomRow(random: Random, key: number, drift: number): Row {
  const text = random.chance(0.1)
    ? null
    : 'x'.repeat(random.below(8 + drift)) + String(random.below(1e6));
  return [BigInt(key % 50), text, random.chance(0.1) ? null : key];
}
