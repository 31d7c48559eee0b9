/**
 * Goal: what a direct read answers is what the collection holds at the step, whenever it is asked;
 * and at rest it does answer. Method: an engine that works in slices of a few rows over random
 * changes to a table and to views over it; between the slices, and at steps that are held back, the
 * rows of random keys are read directly and compared with the table's history. Keys share hashes,
 * have many rows, are updated within a step, are texts, numbers of two spellings, or pairs.
 */
import { describe, expect, it } from 'vitest';
import { EngineRig, multiset } from '../../test/support/engine-rig.ts';
import { Random } from '../../test/support/random.ts';
import { projection } from '../expr/expr.ts';
import type { Lookup, Plan } from '../plan/plan.ts';
import type { Decimal, Row, Update } from '../value/datum.ts';
import { batchFromRows, readValueVar } from '../value/datum-column.ts';
import type { FoundRecords } from '../value/found-records.ts';
import { recordHash } from '../value/hash.ts';
import { recordWeight, rowLayout } from '../value/layout.ts';
import { readScalar } from '../value/scalar-words.ts';
import type { ColumnType } from '../value/type.ts';
import type { Finishing } from './command.ts';
import { DirectLookup } from './direct-lookup.ts';

const table = 1;
const view = 10;
const viewOfView = 11;
const columns: readonly ColumnType[] = [
  { type: 'int8', nullable: false },
  { type: 'text', nullable: true },
  { type: 'numeric', nullable: true },
  { type: 'int4', nullable: true },
];
const names = ['', 'a', 'ab', 'a longer text, of several words', 'ä'];
const numbers = ['1', '1.00', '-2.5', '123456789012345678901234567890'];

function decimal(text: string): Row[number] {
  const digits = text.replace('.', '');
  const scale = text.includes('.') ? text.length - text.indexOf('.') - 1 : 0;
  return { kind: 'decimal', form: 'finite', coefficient: BigInt(digits), scale };
}

/** Pairs of keys with one hash, by searching. */
function twins(): readonly bigint[] {
  const hash = recordHash(rowLayout(columns.slice(0, 1)), [0]);
  const { offset } = rowLayout(columns.slice(0, 1));
  const record = new Int32Array(16);
  const seen = new Map<number, bigint>();
  const found: bigint[] = [];
  const random = new Random(1);
  while (found.length < 4) {
    record[offset[0]] = random.next();
    record[offset[0] + 1] = random.next();
    const key = BigInt(record[offset[0] + 1]) * 2n ** 32n + BigInt(record[offset[0]] >>> 0);
    const known = seen.get(hash(record, 0));
    if (known !== undefined) found.push(known, key);
    seen.set(hash(record, 0), key);
  }
  return found;
}

const keys: readonly bigint[] = [1n, 2n, -3n, 4n, ...twins()];
const manyRows = 5n;

/** Reads of a collection by some of its columns. */
interface Reading {
  readonly template: number;
  readonly key: readonly number[];
  direct: DirectLookup | null;
}

const finishing: Finishing = { order: [], limit: -1, offset: 0, project: [3, 2, 1, 0] };

function get(collection: number): Plan {
  return { nodes: [{ kind: 'get', collection, demand: [0, 1, 2, 3], columns }], root: 0 };
}

class Case {
  readonly random: Random;
  readonly rig = new EngineRig({ rowsMax: 3, tick: 1 });
  readonly readings: Reading[] = [];
  /** Contents of the table by step. */
  readonly history: ReadonlyMap<string, Update>[] = [new Map()];
  answered = 0;
  refused = 0;
  #since = 0;
  #template = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.rig.table(table, columns);
    this.rig.view(view, get(table));
    this.rig.view(viewOfView, get(view));
    for (const collection of [table, view, viewOfView]) {
      for (const key of [[0], [1], [0, 2]]) this.#prepare(collection, key);
    }
  }

  #prepare(collection: number, key: readonly number[]): void {
    const template = ++this.#template;
    this.rig.command({ kind: 'createIndex', collection, key });
    const lookup: Lookup = {
      collection,
      key: { columns: key, values: [key.map(() => null)] },
      program: projection(columns, [0, 1, 2, 3]),
      columns,
    };
    this.rig.command({ kind: 'prepareLookup', template, lookup, finishing });
    this.rig.settle();
    const values = key.map((c) => (columns[c].type === 'text' ? 'a' : c === 0 ? 1n : decimal('1')));
    const asked = {
      kind: 'lookupKeys',
      template,
      at: 0,
      requests: [template],
      keys: [values],
    } as const;
    this.rig.command(asked);
    this.rig.settle();
    const told = this.rig.responses.find(
      (one) => one.kind === 'shared' && one.template === template,
    );
    if (told?.kind !== 'shared') throw new Error('an index that is whole is shared');
    // As another thread gets it.
    const direct = new DirectLookup(structuredClone(told.shared), lookup, finishing);
    this.readings.push({ template, key, direct });
  }

  row(): Row {
    const { random } = this;
    return [
      random.chance(0.2) ? manyRows : random.pick(keys),
      random.chance(0.1) ? null : random.pick(names),
      random.chance(0.1) ? null : decimal(random.pick(numbers)),
      random.chance(0.1) ? null : random.below(20),
    ];
  }

  /** Random changes that leave no negative weight, some of rows that come and go at once. */
  changes(): Update[] {
    const { random } = this;
    const now = new Map(this.history.at(-1));
    const updates: Update[] = [];
    for (let n = random.below(12); n > 0; n--) {
      const old = random.chance(0.5) && now.size > 0 ? random.pick([...now.values()]) : null;
      const update = {
        row: old?.row ?? this.row(),
        weight: old === null ? 1 + random.below(2) : -1,
      };
      const text = String(multiset([{ row: update.row, weight: 1 }]));
      const weight = (now.get(text)?.weight ?? 0) + update.weight;
      if (weight === 0) now.delete(text);
      else now.set(text, { row: update.row, weight });
      updates.push(update);
    }
    this.history.push(now);
    return updates;
  }

  seal(): void {
    if (this.random.chance(0.5)) {
      this.#since = Math.max(this.#since, this.complete - this.random.below(3));
    }
    this.rig.seal(new Map([[table, this.changes()]]), this.#since);
  }

  /** The last step that was reported complete. */
  get complete(): number {
    const last = this.rig.responses.findLast((one) => one.kind === 'complete');
    return last?.kind === 'complete' ? last.step : 0;
  }

  /** Reads a random key of every reading at a step that may be read. */
  check(atRest: boolean): void {
    const { random, complete } = this;
    const at = atRest ? complete : this.#since + random.below(complete - this.#since + 1);
    for (const { key, direct } of this.readings) {
      const wanted = key.map((c) => this.row()[c] ?? (c === 1 ? 'a' : decimal('1.0')));
      const found = direct?.read(wanted, at) ?? null;
      const rows = [...(this.history[at]?.values() ?? [])].filter(({ row }) =>
        key.every((c, i) => same(row[c], wanted[i])),
      );
      // Rows that are equal but for their weight are one; heavy keys are left to the engine.
      if (found === null) {
        this.refused++;
        if (atRest) expect(rows.length).toBeGreaterThan(12);
        continue;
      }
      this.answered++;
      expect(multiset(rowsOf(found))).toEqual(
        multiset(rows.map(({ row, weight }) => ({ row: [...row].reverse(), weight }))),
      );
    }
  }
}

function same(a: Row[number] | undefined, b: Row[number] | undefined): boolean {
  if (isDecimal(a) && isDecimal(b)) {
    const scale = Math.max(a.scale, b.scale);
    return (
      a.coefficient * 10n ** BigInt(scale - a.scale) ===
      b.coefficient * 10n ** BigInt(scale - b.scale)
    );
  }
  return a !== null && a === b;
}

function isDecimal(datum: Row[number] | undefined): datum is Decimal {
  return typeof datum === 'object' && datum !== null && 'kind' in datum && datum.kind === 'decimal';
}

function rowsOf({ fields, words, places, count }: FoundRecords): Update[] {
  const types = [...columns].reverse();
  return Array.from({ length: count }, (_, k) => {
    const place = places[k];
    const row = fields.map((field, c) => {
      const isNull =
        field.nullWord >= 0 && ((words[place + field.nullWord] >>> field.nullBit) & 1) !== 0;
      if (isNull) return null;
      const { type } = types[c];
      return field.physical === 'var'
        ? readValueVar(type, words, field.start(words, place), words[place + field.offset])
        : readScalar(type, words, place + field.offset, field.physical === 'i32' ? 4 : 8);
    });
    return { row, weight: words[place + recordWeight] };
  });
}

describe('direct reads', () => {
  it('are what the collection holds at the step, or nothing', () => {
    let answered = 0;
    let refused = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const one = new Case(seed);
      for (let step = 0; step < 40; step++) {
        one.seal();
        // Up to two steps are under way at once.
        for (let turn = one.random.below(20); turn > 0; turn--) {
          one.rig.engine.run(1);
          one.check(false);
        }
        if (one.random.chance(0.3)) {
          one.rig.settle();
          one.check(true);
        }
        one.rig.responses.splice(0, one.rig.responses.length - 50);
      }
      answered += one.answered;
      refused += one.refused;
    }
    // Both are common while there is work.
    expect(answered).toBeGreaterThan(5_000);
    expect(refused).toBeGreaterThan(1_000);
  });

  it('wait for errors to go, and end with the index and with the collection', () => {
    const rig = new EngineRig();
    rig.table(table, columns);
    const one = new Reader(rig);
    const step = (errors: readonly Update[]): number => {
      const types: readonly ColumnType[] = [
        { type: 'text', nullable: false },
        { type: 'text', nullable: false },
      ];
      if (errors.length > 0) {
        rig.engine.input(table, null, batchFromRows(rig.engine.pool, types, errors, 0));
      }
      const sealed = rig.seal(new Map([[table, [{ row: [1n, 'x', null, 1], weight: 1 }]]]));
      rig.settle();
      return sealed;
    };
    const error = ['22012', 'division by zero'];
    expect(one.read(step([]))).toBe(1);
    expect(one.read(step([{ row: error, weight: 1 }]))).toBeNull();
    expect(one.read(step([]))).toBeNull();
    expect(one.read(step([{ row: error, weight: -1 }]))).toBe(1);
    rig.command({ kind: 'dropIndex', collection: table, key: [0] });
    expect(one.read(step([]))).toBeNull();
    const other = new Reader(rig);
    expect(other.read(step([]))).toBe(1);
    rig.command({ kind: 'dropCollection', collection: table });
    expect(other.read(rig.step)).toBeNull();
  });
});

/** A direct reader of key 1 of the table, by an index that it creates. */
class Reader {
  static #next = 100;
  readonly #direct: DirectLookup;

  constructor(rig: EngineRig) {
    const template = Reader.#next++;
    const lookup: Lookup = {
      collection: table,
      key: { columns: [0], values: [[null]] },
      program: projection(columns, [0, 1, 2, 3]),
      columns,
    };
    rig.command({ kind: 'createIndex', collection: table, key: [0] });
    rig.settle();
    rig.command({ kind: 'prepareLookup', template, lookup, finishing });
    const asked = {
      kind: 'lookupKeys',
      template,
      at: 0,
      requests: [template],
      keys: [[1n]],
    } as const;
    rig.command(asked);
    rig.settle();
    const told = rig.responses.findLast((response) => response.kind === 'shared');
    if (told?.kind !== 'shared') throw new Error('an index that is whole is shared');
    this.#direct = new DirectLookup(told.shared, lookup, finishing);
  }

  /** How many records it finds, or null. */
  read(step: number): number | null {
    return this.#direct.read([1n], step)?.count ?? null;
  }
}
