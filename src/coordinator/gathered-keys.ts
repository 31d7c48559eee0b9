/**
 * The keys that a transaction is going to add to one table, so that each of its statements is
 * compared with those before it at the cost of its own rows: a table of keys that is made anew,
 * twice as large, whenever it is full.
 */
import { assert } from '../base/assert.ts';
import { SeenKeys } from '../../dataflow/graph/seen-keys.ts';
import type { Batch } from '../../dataflow/value/batch.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';

const firstRoom = 64;

/** One per transaction and table. */
export class GatheredKeys {
  readonly #key: readonly number[];
  readonly #types: readonly ColumnType[];
  readonly #batches: Batch[] = [];
  #room = 0;
  #rows = 0;
  #seen: SeenKeys;

  /** `key`: positions of the key's columns, which are of `types`. */
  constructor(key: readonly number[], types: readonly ColumnType[]) {
    this.#key = key;
    this.#types = types;
    this.#seen = this.#made(firstRoom);
  }

  #made(room: number): SeenKeys {
    this.#room = room;
    const seen = new SeenKeys(this.#key, this.#types, room);
    for (const batch of this.#batches) seen.enterBackwards(batch, 0, batch.rows, () => undefined);
    return seen;
  }

  /**
   * Takes a batch in; answers a row of it whose key was there, or null. The batch must stay as it
   * is.
   */
  add(batch: Batch): number | null {
    this.#rows += batch.rows;
    if (this.#rows > this.#room) this.#seen = this.#made(2 * this.#rows);
    this.#batches.push(batch);
    const fresh = new Set<number>();
    this.#seen.enterBackwards(batch, 0, batch.rows, (row) => void fresh.add(row));
    assert(fresh.size <= batch.rows, 'a row is fresh once');
    for (let row = 0; row < batch.rows; row++) if (!fresh.has(row)) return row;
    return null;
  }
}
