/**
 * Primary keys: which collections have one, and the check that a write keeps it.
 *
 * The check compares the keys that a write adds with each other, and those that it does not also
 * take away with what the table holds, by lookups in the key's index at the newest complete step.
 * It holds only while nobody else can add the same keys. A write that takes rows away too, or adds
 * many, runs alone (`check`). Others are inserts of few rows: they claim their keys (`added`,
 * key-claims.ts), look for them (`requireAbsent`), mostly in shared memory without asking the
 * engine, and write beside each other, in the same steps.
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
import { hashDatum, readDatum } from '../../dataflow/value/datum-column.ts';
import { formatDatum } from '../../dataflow/value/text-output.ts';
import type { ColumnType, TypeName } from '../../dataflow/value/type.ts';
import { mix } from '../../dataflow/value/words.ts';
import type { RelationColumn } from '../sql/catalog-view.ts';
import type { EngineClient } from './engine-client.ts';
import { GatheredKeys } from './gathered-keys.ts';
import type { HashedKey } from './key-claims.ts';
import type { RegisteredLookup, RegisteredLookups } from './registered-lookups.ts';
import type { WriteInput } from './write-groups.ts';
import { packedInput } from './write-groups.ts';

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

/** A key that a write adds. */
export interface AddedKey extends HashedKey {
  readonly values: readonly Datum[];
}

/** A key as it is declared, and how it is looked up. */
interface Declared extends UniqueKey {
  /** Of the key's columns. */
  readonly types: readonly ColumnType[];
  registered: RegisteredLookup | null;
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
  readonly #lookups: RegisteredLookups;
  readonly #catalogVersion: () => number;
  readonly #keys = new Map<number, Declared>();

  constructor(engine: EngineClient, lookups: RegisteredLookups, catalogVersion: () => number) {
    this.#engine = engine;
    this.#lookups = lookups;
    this.#catalogVersion = catalogVersion;
  }

  /** From now on writes to the collection are checked; it has an index on the key. */
  declare(collection: number, key: UniqueKey): void {
    this.#keys.set(collection, { ...key, types: keyTypes(key), registered: null });
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
   * The keys that a write adds, in those of the tables that have one; null if it also takes rows
   * away, or adds more than can be claimed. Throws 23505 for a key that it adds twice.
   */
  added(inputs: readonly WriteInput[]): readonly AddedKey[] | null {
    const keyed = inputs.filter(({ collection }) => this.#keys.has(collection));
    const [only] = keyed;
    if (keyed.length === 1 && only !== undefined && 'rows' in only && only.rows.length === 1) {
      const key = defined(this.#keys.get(only.collection), 'it has a key');
      const row = defined(only.rows[0], 'it has a row');
      return [addedKey(only.collection, key, (column) => row[column] ?? null)];
    }
    const rows = keyed.reduce((sum, one) => sum + rowsOf(one), 0);
    if (rows > limits.claimedKeysMax) return null;
    const added: AddedKey[] = [];
    for (const collection of new Set(keyed.map((input) => input.collection))) {
      const key = defined(this.#keys.get(collection), 'it has a key');
      const own = keyed.filter((input) => input.collection === collection);
      const change = changeOf(key, own.map(packedInput));
      if (change.taken.length > 0) return null;
      for (const row of freshRows(key, change)) {
        const { batch } = row;
        const type = (column: number): TypeName =>
          defined(key.columns[column], 'a key column exists').type.name;
        added.push(addedKey(collection, key, (c) => readDatum(batch, c, row.row, type(c))));
      }
    }
    return added;
  }

  /**
   * Throws 23505 if one of the keys is in its table at step `at`; resolves if none is, undefined:
   * at once.
   */
  requireAbsent(keys: readonly AddedKey[], at: number): Promise<unknown> | undefined {
    const unknown = keys.filter((added) => !this.isAbsent(added, at));
    if (unknown.length === 0) return undefined;
    return Promise.all(unknown.map((added) => this.#askForAbsence(added, at)));
  }

  /**
   * Whether a key is known not to be in its table at step `at`, without asking the engine. Throws
   * 23505 if it is known to be there.
   */
  isAbsent({ collection, values }: AddedKey, at: number): boolean {
    const key = this.#keys.get(collection);
    // The table was dropped: then there is nothing to keep.
    if (key === undefined) return true;
    const found = this.#registered(collection, key).direct?.read(values, at) ?? null;
    if (found !== null && found.count > 0) throw duplicate(key, values);
    return found !== null;
  }

  #registered(collection: number, key: Declared): RegisteredLookup {
    if (key.registered?.live === true) return key.registered;
    const { types, key: columns } = key;
    const nodes = types.map(({ type }, i) => ({
      kind: 'column' as const,
      column: defined(columns[i], 'a column per type'),
      type,
    }));
    const outputs = nodes.map((_, i) => i);
    const lookup = {
      collection,
      columns: types,
      key: { columns, values: [] },
      program: { nodes, filters: [], outputs },
    };
    const finishing = { order: [], limit: -1, offset: 0, project: outputs };
    return (key.registered = this.#lookups.register({ lookup, finishing }, this.#catalogVersion()));
  }

  /** Asks the engine. Rejects with 23505 if the key is there. */
  #askForAbsence({ collection, values }: AddedKey, at: number): Promise<void> {
    const key = this.#keys.get(collection);
    if (key === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#engine.lookupKey(this.#registered(collection, key).template, at, values, {
        answered(found) {
          if (found.some(({ rows }) => rows > 0)) reject(duplicate(key, values));
          else resolve();
        },
        failed: (error) => {
          if (this.#keys.get(collection) === key) reject(error);
          else resolve();
        },
      });
    });
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

function rowsOf(input: WriteInput): number {
  return 'rows' in input ? input.rows.length : input.batch.rows;
}

function addedKey(
  collection: number,
  { key, types }: Declared,
  valueOf: (column: number) => Datum,
): AddedKey {
  const values = key.map(valueOf);
  let hash = 0;
  types.forEach(({ type }, i) => {
    hash = mix(hash, hashDatum(type, values[i] ?? null));
  });
  return { collection, values, hash };
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
