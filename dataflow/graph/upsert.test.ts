/**
 * Goal: an upsert collection holds the last value of each key, and an error for each key whose last
 * record failed; records that leave values out keep those of the key, and one that empties the whole
 * leaves nothing of what came before it. Method: random records in random cuts go through an engine
 * and into a plain map; after each step the collection's rows and errors must be those of the map.
 */
import { describe, expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { EngineRig, multiset } from '../../test/support/engine-rig.ts';
import { Random } from '../../test/support/random.ts';
import type { Row } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import type { ColumnType } from '../value/type.ts';

const columns: readonly ColumnType[] = [
  { type: 'text', nullable: true },
  { type: 'int4', nullable: true },
  { type: 'text', nullable: true },
];

type Record =
  | { readonly kind: 'value'; readonly key: string; readonly row: Row }
  | { readonly kind: 'tombstone' | 'failed'; readonly key: string }
  /** Columns at these positions are left out. */
  | { readonly kind: 'gaps'; readonly key: string; readonly row: Row; readonly gaps: number[] }
  | { readonly kind: 'lost' }
  | { readonly kind: 'truncate' };

function randomRecord(random: Random, keys: number): Record {
  const key = `key ${random.below(keys)}`;
  if (random.chance(0.2)) return { kind: 'tombstone', key };
  if (random.chance(0.1)) return { kind: 'failed', key };
  if (random.chance(0.02)) return { kind: 'lost' };
  if (random.chance(0.02)) return { kind: 'truncate' };
  const row = [key, random.below(4), 'v'.repeat(random.below(20))];
  if (random.chance(0.6)) return { kind: 'value', key, row };
  const gaps = random.pick([[1], [2], [1, 2]]);
  return { kind: 'gaps', key, row: row.map((value, c) => (gaps.includes(c) ? null : value)), gaps };
}

/** The last record of each key; what it means stands in the class. */
class Model {
  readonly rows = new Map<string, Row>();
  readonly errors = new Map<string, string>();
  lost = 0;

  take(record: Record): void {
    if (record.kind === 'lost') {
      this.lost++;
      return;
    }
    if (record.kind === 'truncate') {
      this.rows.clear();
      this.errors.clear();
      return;
    }
    const before = this.rows.get(record.key);
    this.rows.delete(record.key);
    this.errors.delete(record.key);
    if (record.kind === 'value') this.rows.set(record.key, record.row);
    if (record.kind === 'gaps' && before === undefined)
      this.errors.set(record.key, `no value of ${record.key}`);
    else if (record.kind === 'gaps')
      this.rows.set(
        record.key,
        record.row.map((value, c) => (record.gaps.includes(c) ? (before?.[c] ?? null) : value)),
      );
    if (record.kind === 'failed') this.errors.set(record.key, `bad value of ${record.key}`);
  }
}

/** A relation of errors, and what is in it of the record at an offset. */
const listedColumns: readonly ColumnType[] = [
  { type: 'text', nullable: true },
  { type: 'int4', nullable: true },
  { type: 'int8', nullable: true },
  { type: 'text', nullable: false },
];
const fullListed: Row = [null, null, null, 'there are more'];

function listedRow(offset: number): Row {
  return ['t', offset % 3, BigInt(offset), `offset ${offset} is bad`];
}

/** `first`: the offset of the first record. */
function feed(rig: EngineRig, collection: number, records: readonly Record[], first = 0): void {
  const listed = (record: Record): Row => listedRow(first + records.indexOf(record));
  const rows = records.flatMap((record) =>
    record.kind === 'lost' || record.kind === 'truncate' ? [] : [record],
  );
  const lastTruncate = records.findLastIndex(({ kind }) => kind === 'truncate');
  const truncated = records
    .slice(0, lastTruncate + 1)
    .filter(({ kind }) => kind !== 'lost' && kind !== 'truncate').length;
  const marks = [1, 2].map((c): [number, Uint8Array] => [
    c,
    Uint8Array.from(rows, (record) => Number(record.kind === 'gaps' && record.gaps.includes(c))),
  ]);
  const { engine } = rig;
  const updates = rows.map((record) => ({
    row: record.kind === 'value' || record.kind === 'gaps' ? record.row : [record.key, null, null],
    weight: 1,
  }));
  const batch = rows.length === 0 ? null : batchFromRows(engine.pool, columns, updates, 0);
  const errors = [
    ...rows
      .filter(({ kind }) => kind === 'failed')
      .map((one) => ({
        ...{ code: '22P02', message: `bad value of ${one.key}` },
        listed: listed(one),
      })),
    ...records
      .filter(({ kind }) => kind === 'lost')
      .map((one) => ({ code: '22P02', message: 'lost', listed: listed(one) })),
  ];
  engine.upsert(collection, [0], {
    batch,
    errors,
    tombstones: Uint8Array.from(rows, ({ kind }) => Number(kind === 'tombstone')),
    failed: Uint8Array.from(rows, ({ kind }) => Number(kind === 'failed')),
    unchanged: rows.some(({ kind }) => kind === 'gaps')
      ? {
          columns: new Map(marks),
          error: (row) => ({
            ...{ code: '0A000', message: `no value of ${rows[row].key}` },
            listed: listed(rows[row]),
          }),
        }
      : null,
    truncated: lastTruncate < 0 ? null : truncated,
  });
}

/**
 * Rows and errors through a subscription-free look: errors make a read fail, so they are counted.
 */
function check(rig: EngineRig, model: Model): void {
  const found = rig.read(1, rig.step);
  const { errors, rows } = rig.statistics().collections[0] ?? { errors: -1, rows: -1 };
  const expectedErrors = model.errors.size + (model.lost > 0 ? 1 : 0);
  expect(errors).toBe(expectedErrors);
  expect(rows).toBe(model.rows.size);
  if (expectedErrors > 0)
    expect(found[0]).toMatch(/^(22P02 (bad value of key|lost)|0A000 no value of)/);
  else expect(found).toEqual(multiset([...model.rows.values()].map((row) => ({ row, weight: 1 }))));
}

describe('the state of an upsert source', () => {
  for (const rowsMax of [3, 4096]) {
    test(`equals a map, ${rowsMax} rows at a time`, () => {
      for (let seed = 1; seed <= 30; seed++) {
        const random = new Random(seed);
        const rig = new EngineRig({ rowsMax });
        rig.table(1, columns);
        const model = new Model();
        for (let step = 0; step < 8; step++) {
          for (let cut = random.below(4); cut > 0; cut--) {
            const records = Array.from({ length: random.below(15) }, () =>
              randomRecord(random, 12),
            );
            for (const record of records) model.take(record);
            feed(rig, 1, records);
          }
          rig.seal(new Map());
          rig.settle();
          check(rig, model);
        }
      }
    });
  }

  test('heals when a failed key gets a value', () => {
    const rig = new EngineRig();
    rig.table(1, columns);
    feed(rig, 1, [
      { kind: 'value', key: 'a', row: ['a', 1, 'x'] },
      { kind: 'failed', key: 'a' },
    ]);
    rig.seal(new Map());
    expect(rig.read(1, 1)).toEqual(['22P02 bad value of a']);
    feed(rig, 1, [{ kind: 'value', key: 'a', row: ['a', 2, 'y'] }]);
    rig.seal(new Map());
    expect(rig.read(1, 2)).toEqual(['1 × (a, 2, y)']);
  });

  test('fails a key that has nothing to keep, and heals it', () => {
    const rig = new EngineRig();
    rig.table(1, columns);
    const gaps = (n: number): Record => ({
      kind: 'gaps',
      key: 'a',
      row: ['a', n, null],
      gaps: [2],
    });
    feed(rig, 1, [gaps(1)]);
    rig.seal(new Map());
    expect(rig.read(1, 1)).toEqual(['0A000 no value of a']);
    feed(rig, 1, [{ kind: 'value', key: 'a', row: ['a', 2, 'x'.repeat(9000)] }, gaps(3), gaps(4)]);
    rig.seal(new Map());
    expect(rig.read(1, 2)).toEqual([`1 × (a, 4, ${'x'.repeat(9000)})`]);
    feed(rig, 1, [gaps(5)]);
    rig.seal(new Map());
    expect(rig.read(1, 3)).toEqual([`1 × (a, 5, ${'x'.repeat(9000)})`]);
    expect(rig.statistics().slabsLive).toBe(0);
  });

  test('is emptied a slice at a time', () => {
    const rig = new EngineRig({ rowsMax: 3 });
    rig.table(2, columns);
    const before = rig.engine.arrangementBytes;
    rig.table(1, columns);
    feed(
      rig,
      1,
      Array.from({ length: 60 }, (_, n): Record => ({
        kind: n % 2 === 0 ? 'value' : 'failed',
        key: `k${n}`,
        row: [`k${n}`, n, 'v'],
      })),
    );
    rig.seal(new Map());
    rig.settle();
    feed(rig, 1, [{ kind: 'truncate' }, { kind: 'value', key: 'k1', row: ['k1', 0, 'w'] }]);
    rig.seal(new Map());
    let slices = 0;
    while (rig.engine.run(0)) slices++;
    expect(slices).toBeGreaterThan(20);
    expect(rig.read(1, 2)).toEqual(['1 × (k1, 0, w)']);
    feed(rig, 1, [{ kind: 'truncate' }]);
    rig.seal(new Map());
    for (let n = 0; n < 2; n++) rig.engine.run(0);
    rig.command({ kind: 'dropCollection', collection: 1 });
    rig.settle();
    expect(rig.engine.arrangementBytes).toBe(before);
    expect(rig.statistics().slabsLive).toBe(0);
  });

  test('leaves nothing behind when dropped in the middle of a step', () => {
    const rig = new EngineRig({ rowsMax: 3 });
    rig.table(2, columns);
    const before = rig.engine.arrangementBytes;
    rig.table(1, columns);
    const random = new Random(7);
    feed(
      rig,
      1,
      Array.from({ length: 50 }, () => randomRecord(random, 30)),
    );
    rig.seal(new Map());
    for (let n = 0; n < 5; n++) rig.engine.run(0);
    feed(
      rig,
      1,
      Array.from({ length: 50 }, () => randomRecord(random, 30)),
    );
    rig.command({ kind: 'dropCollection', collection: 1 });
    rig.settle();
    expect(rig.engine.arrangementBytes).toBe(before);
    expect(rig.statistics().slabsLive).toBe(0);
    expect(rig.statistics().collections.map(({ collection }) => collection)).toEqual([2]);
  });

  test('lists failed keys in its quarantine as a map does', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = new Random(seed);
      const rig = new EngineRig({ rowsMax: 3 });
      const quarantine = { collection: 9, columns: listedColumns };
      rig.quarantined({ collection: 1, columns }, quarantine, fullListed);
      const model = new Model();
      const offsets = new Map<string, number>();
      const keyless: number[] = [];
      let offset = 0;
      for (let step = 0; step < 8; step++) {
        const records = Array.from({ length: random.below(15) }, () => randomRecord(random, 12));
        for (const record of records) {
          const at = offset++;
          model.take(record);
          if (record.kind === 'lost') keyless.push(at);
          else if (record.kind !== 'truncate') offsets.set(record.key, at);
        }
        feed(rig, 1, records, offset - records.length);
        rig.seal(new Map());
        rig.settle();
        const failed = [...model.errors.keys()].map((key) => offsets.get(key) ?? -1);
        const listed = [...failed, ...keyless].map((at) => ({ row: listedRow(at), weight: 1 }));
        expect(rig.read(9, rig.step)).toEqual(multiset(listed));
        expect(rig.statistics().collections.find((one) => one.collection === 1)?.errors).toBe(0);
      }
      rig.command({ kind: 'dropCollection', collection: 1 });
      rig.command({ kind: 'dropCollection', collection: 9 });
      rig.settle();
      expect(rig.statistics().slabsLive).toBe(0);
    }
  });

  test('lists no more than so many failed keys, and says once that there are others', () => {
    const rig = new EngineRig();
    const quarantine = { collection: 9, columns: listedColumns };
    rig.quarantined({ collection: 1, columns }, quarantine, fullListed);
    const max = limits.quarantinedRecordsMax;
    const failed = (n: number): Record => ({ kind: 'failed', key: `key ${n}` });
    const step = (records: readonly Record[], offset: number): number => {
      feed(rig, 1, records, offset);
      rig.seal(new Map());
      rig.settle();
      return rig.statistics().collections.find((one) => one.collection === 9)?.rows ?? -1;
    };
    const many = Array.from({ length: max - 1 }, (_, n) => failed(n));
    expect(step(many, 0)).toBe(max - 1);
    expect(step([failed(max), failed(max + 1)], max)).toBe(max + 1);
    expect(step([failed(max + 2)], max + 2)).toBe(max + 1);
    // Those that are not listed heal too; there is room again when a listed one does.
    expect(step([{ kind: 'tombstone', key: `key ${max}` }], max + 3)).toBe(max + 1);
    expect(step([{ kind: 'tombstone', key: 'key 0' }], max + 4)).toBe(max);
    expect(rig.read(9, rig.step).filter((row) => row.includes('there are more'))).toHaveLength(1);
  });
});
