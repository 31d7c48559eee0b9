/**
 * Goal: the catalog's invariants hold whatever is made and dropped: names and objects point at each
 * other, dependencies are live, a cascade names dependents before what they stand on. Method:
 * random creation, replacement and cascades against a plain list of objects.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { Catalog } from './catalog.ts';
import type { CatalogObject, SchemaItem } from './object.ts';
import { dependenciesOf } from './object.ts';

const query = {
  kind: 'query',
  with: [],
  body: { kind: 'values', rows: [], position: 0 },
  order: [],
  limit: null,
  offset: null,
  position: 0,
} as const;

function view(
  oid: number,
  schema: string,
  name: string,
  dependencies: readonly number[],
): SchemaItem {
  return {
    kind: 'view',
    oid,
    schema,
    name,
    columns: [],
    query,
    queryText: '',
    searchPath: [],
    dependencies,
    indexed: null,
  };
}

function table(oid: number, schema: string, name: string): SchemaItem {
  return {
    kind: 'table',
    oid,
    schema,
    name,
    columns: [],
    defaults: [],
    defaultTexts: [],
    collection: oid,
  };
}

function code(act: () => void): string {
  try {
    act();
  } catch (error) {
    return error instanceof Error && 'fields' in error
      ? String(Reflect.get(Object(error.fields), 'code'))
      : String(error);
  }
  return 'none';
}

describe('Catalog', () => {
  it('keeps one namespace a schema, for names of any shape', () => {
    const catalog = new Catalog([]);
    for (const name of ['t', '__proto__', 'constructor', '', 'T "x"']) {
      catalog.add(table(catalog.nextOid(), 'public', name));
      expect(code(() => catalog.add(view(catalog.nextOid(), 'public', name, [])))).toBe('42P07');
      expect(catalog.item('public', name)?.kind).toBe('table');
    }
    expect(catalog.item('public', 'toString')).toBeUndefined();
    expect(code(() => catalog.add({ kind: 'schema', oid: 1, name: 'public' }))).toBe('42P06');
    expect(code(() => catalog.add({ kind: 'schema', oid: 1, name: 'pg_catalog' }))).toBe('42P06');
    expect(code(() => catalog.add(table(1, 'pg_catalog', 'x')))).toBe('42501');
    expect(code(() => catalog.add(table(1, 'nope', 'x')))).toBe('3F000');
  });

  it('refuses what would leave something without its ground', () => {
    const catalog = new Catalog([]);
    catalog.add(table(1, 'public', 't'));
    catalog.add(view(2, 'public', 'v', [1]));
    expect(code(() => catalog.remove(1))).toContain('nothing depends');
    expect(code(() => catalog.add(view(3, 'public', 'w', [99])))).toContain('is live');
    expect(catalog.item('public', 'w')).toBeUndefined();
  });

  it.each([1, 2, 3])('keeps its invariants (seed %i)', (seed) => {
    const random = new Random(seed);
    const catalog = new Catalog([]);
    const model = new Map<number, CatalogObject>(
      catalog.schemas().map((schema) => [schema.oid, schema]),
    );
    const add = (object: CatalogObject): void => {
      catalog.add(object);
      model.set(object.oid, object);
    };
    let { version } = catalog;
    for (let i = 0; i < 300; i++) {
      const schemas = [...model.values()].filter((object) => object.kind === 'schema');
      const items = [...model.values()].filter((object) => object.kind !== 'schema');
      const act = random.below(10);
      if (act === 0 || schemas.length === 0)
        add({ kind: 'schema', oid: catalog.nextOid(), name: `s${i}` });
      else if (act < 4) add(table(catalog.nextOid(), random.pick(schemas).name, `n${i}`));
      else if (act < 8 && items.length > 0) {
        const on = Array.from({ length: 1 + random.below(3) }, () => random.pick(items).oid);
        add(view(catalog.nextOid(), random.pick(schemas).name, `n${i}`, on));
      } else if (random.chance(0.6)) {
        const fallen = catalog.cascade(random.pick([...model.keys()]));
        fallen.forEach((object, at) => {
          for (const other of fallen.slice(at + 1))
            expect(dependenciesOf(other)).not.toContain(object.oid);
          catalog.remove(object.oid);
          model.delete(object.oid);
        });
      }
      expectSame(catalog, model);
      expect(catalog.version).toBeGreaterThanOrEqual(version);
      ({ version } = catalog);
    }
    expect(model.size).toBeGreaterThan(1);
  });
});

function expectSame(catalog: Catalog, model: ReadonlyMap<number, CatalogObject>): void {
  expect(catalog.objects()).toEqual([...model.values()].sort((a, b) => a.oid - b.oid));
  for (const object of model.values()) {
    if (object.kind === 'schema') {
      expect(catalog.hasSchema(object.name)).toBe(true);
      continue;
    }
    expect(catalog.item(object.schema, object.name)).toBe(object);
    expect(catalog.hasSchema(object.schema)).toBe(true);
    for (const oid of dependenciesOf(object)) expect(catalog.byOid(oid)).toBeDefined();
  }
}
