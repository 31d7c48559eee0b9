/**
 * Primary keys: which collections have one, and the check that a write keeps it.
 *
 * The check compares the keys that a write adds with each other, and those that it does not also
 * take away with what the table holds, by lookups in the key's index at the newest complete step.
 * It holds only while nobody else writes to the table: so whoever calls `check` before a write does
 * both within `Coordinator.exclusively`, and every write to such a table goes that way.
 *
 * Unlike in Postgres, a statement is judged by its result: an UPDATE may exchange keys among rows.
 */
import { defined } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import { unpackBatch } from '../../dataflow/graph/packed-batch.ts';
import { SeenKeys } from '../../dataflow/graph/seen-keys.ts';
import type { Batch } from '../../dataflow/value/batch.ts';
import type { Datum } from '../../dataflow/value/datum.ts';
import { readDatum } from '../../dataflow/value/datum-column.ts';
import { formatDatum } from '../../dataflow/value/text-output.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';
import type { RelationColumn } from '../sql/catalog-view.ts';
import type { EngineClient } from './engine-client.ts';
import { GatheredKeys } from './gathered-keys.ts';

export interface UniqueKey {
  /** The name of the constraint. */
  readonly name: string;
  /** The table's columns. */
  readonly columns: readonly RelationColumn[];
  /** Positions of the key's columns. */
  readonly key: readonly number[];
}

/** One batch of a write; rows of negative weight go away. */
export interface TableInput {
  readonly collection: number;
  readonly batch: PackedBatch;
}

interface Row {
  readonly batch: Batch;
  readonly row: number;
}

/** The rows that a write adds to one collection and takes from it. */
interface Change {
  readonly added: readonly Batch[];
  readonly taken: readonly Batch[];
}

function weightOf(batch: Batch, row: number): number {
  return batch.slab.i32[batch.weight + row] ?? 0;
}

function rowCount(batches: readonly Batch[]): number {
  return batches.reduce((sum, batch) => sum + batch.rows, 0);
}

/** The keys of all tables that have one; see above. */
export class UniqueKeys {
  readonly #engine: EngineClient;
  readonly #keys = new Map<number, UniqueKey>();

  constructor(engine: EngineClient) {
    this.#engine = engine;
  }

  /** From now on writes to the collection are checked; it has an index on the key. */
  declare(collection: number, key: UniqueKey): void {
    this.#keys.set(collection, key);
  }

  forget(collection: number): void {
    this.#keys.delete(collection);
  }

  has(collection: number): boolean {
    return this.#keys.has(collection);
  }

  /**
   * Throws 23505 if the tables, as they are at step `at`, would hold a key twice after the write.
   */
  async check(inputs: readonly TableInput[], at: number): Promise<void> {
    for (const collection of new Set(inputs.map((input) => input.collection))) {
      const key = this.#keys.get(collection);
      if (key === undefined) continue;
      const change = changeOf(
        key,
        inputs.filter((input) => input.collection === collection),
      );
      const fresh = freshRows(key, change);
      for (let first = 0; first < fresh.length; first += limits.lookupKeysMax) {
        // The table may be dropped while its keys are looked up; then there is nothing to keep.
        if (!this.#keys.has(collection)) break;
        await this.#requireAbsent(
          collection,
          key,
          fresh.slice(first, first + limits.lookupKeysMax),
          at,
        );
      }
    }
  }

  /**
   * Throws 23505 if rows to be added have a key that the same transaction is to add already.
   * `gathered` holds those by collection, and these from now on.
   */
  gather(gathered: Map<number, GatheredKeys>, inputs: readonly TableInput[]): void {
    for (const input of inputs) {
      const key = this.#keys.get(input.collection);
      if (key === undefined) continue;
      const keys = gathered.get(input.collection) ?? new GatheredKeys(key.key, keyTypes(key));
      gathered.set(input.collection, keys);
      for (const batch of changeOf(key, [input]).added) {
        const row = keys.add(batch);
        if (row !== null) throw duplicate(key, keyOf(key, { batch, row }));
      }
    }
  }

  async #requireAbsent(
    collection: number,
    key: UniqueKey,
    rows: readonly Row[],
    at: number,
  ): Promise<void> {
    const types = keyTypes(key);
    const columns = types.map(({ type }, i) => ({
      kind: 'column' as const,
      column: defined(key.key[i], 'a type per column'),
      type,
    }));
    const answer = this.#engine.lookup(
      at,
      {
        collection,
        columns: types,
        key: { columns: key.key, values: rows.map((row) => keyOf(key, row)) },
        program: { nodes: columns, filters: [], outputs: columns.map((_, i) => i) },
      },
      { order: [], limit: 1, offset: 0, project: columns.map((_, i) => i) },
    );
    for (let batch = await answer.next(); batch !== null; batch = await answer.next()) {
      if (batch.rows === 0) continue;
      const found = unpackBatch(batch, types, at);
      throw duplicate(
        key,
        types.map(({ type }, i) => readDatum(found, i, 0, type)),
      );
    }
  }
}

function keyTypes(key: UniqueKey): readonly ColumnType[] {
  return key.key.map((column) => ({
    type: defined(key.columns[column], 'a key column exists').type.name,
    nullable: false,
  }));
}

function keyOf(key: UniqueKey, { batch, row }: Row): readonly Datum[] {
  return key.key.map((column) =>
    readDatum(batch, column, row, defined(key.columns[column], 'a key column exists').type.name),
  );
}

function changeOf(key: UniqueKey, inputs: readonly TableInput[]): Change {
  const types = key.columns.map((column): ColumnType => ({
    type: column.type.name,
    nullable: true,
  }));
  const batches = inputs
    .map(({ batch }) => unpackBatch(batch, types, 0))
    .filter((batch) => batch.rows > 0);
  return {
    added: batches.filter((batch) => weightOf(batch, 0) > 0),
    taken: batches.filter((batch) => weightOf(batch, 0) < 0),
  };
}

/**
 * Added rows whose key is not that of a row that goes. Throws 23505 for a key that is added twice.
 */
function freshRows(key: UniqueKey, { added, taken }: Change): readonly Row[] {
  const types = keyTypes(key);
  const own = new SeenKeys(key.key, types, rowCount(added));
  const all = new SeenKeys(key.key, types, rowCount(added) + rowCount(taken));
  for (const batch of taken) all.enterBackwards(batch, 0, batch.rows, () => undefined);
  const fresh: Row[] = [];
  for (const batch of added) {
    const once = new Set<number>();
    own.enterBackwards(batch, 0, batch.rows, (row) => void once.add(row));
    for (let row = 0; row < batch.rows; row++) {
      if (!once.has(row) || weightOf(batch, row) > 1)
        throw duplicate(key, keyOf(key, { batch, row }));
    }
    all.enterBackwards(batch, 0, batch.rows, (row) => void fresh.push({ batch, row }));
  }
  return fresh;
}

function duplicate(key: UniqueKey, values: readonly Datum[]): Error {
  const columns = key.key.map((column) => defined(key.columns[column], 'a key column exists'));
  const texts = columns.map(({ type }, i) =>
    formatDatum(type.name, values[i] ?? null, type.modifier),
  );
  return sqlError('23505', `duplicate key value violates unique constraint "${key.name}"`, {
    detail: `Key (${columns.map((column) => column.name).join(', ')})=(${texts.join(', ')}) already exists.`,
  });
}
