/**
 * `pg_class`, `pg_attribute`, `pg_index` and what hangs on them: the user's relations as Postgres
 * tools want to see them. Columns are those of Postgres 15, all of them, since tools select `*`.
 * Sources show as ordinary tables (relkind r), materialized views as m, indexes as i.
 */
import { defined } from '../../base/assert.ts';
import type { ArrayDatum, Datum, Row } from '../../../dataflow/value/datum.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { RelationColumn } from '../../sql/catalog-view.ts';
import type { Catalog } from '../catalog.ts';
import { systemSchemas } from '../catalog.ts';
import { createText } from '../create-text.ts';
import type { IndexObject, RelationObject } from '../object.ts';
import { isRelation } from '../object.ts';
import { classOid, ownerOid } from './oid.ts';
import type { SystemContext, SystemRelation } from './relation.ts';
import { systemColumns } from './relation.ts';

const heapAccessMethod = 2n;
const btreeAccessMethod = 403n;
const defaultCollation = 100n;

/** The oid of a schema by its name. */
export function schemaOid(catalog: Catalog, name: string): number {
  const system = systemSchemas.find((schema) => schema.name === name);
  return (
    system?.oid ??
    defined(
      catalog.schemas().find((s) => s.name === name),
      `schema ${name}`,
    ).oid
  );
}

/** User relations with their columns. */
export function relations(catalog: Catalog): readonly RelationObject[] {
  return catalog.objects().filter((object) => isRelation(object));
}

/** User indexes. */
export function indexes(catalog: Catalog): readonly IndexObject[] {
  return catalog.objects().filter((object) => object.kind === 'index');
}

function relationKind(relation: RelationObject): string {
  return relation.kind === 'view' ? 'v' : relation.kind === 'materialized view' ? 'm' : 'r';
}

interface ClassFacts {
  readonly oid: number;
  readonly name: string;
  readonly schema: number;
  readonly kind: string;
  readonly attributes: number;
  readonly hasIndex: boolean;
}

function classRow(facts: ClassFacts): Row {
  const access =
    facts.kind === 'i' ? btreeAccessMethod : facts.kind === 'v' ? 0n : heapAccessMethod;
  return [
    BigInt(facts.oid),
    facts.name,
    BigInt(facts.schema),
    0n,
    0n,
    BigInt(ownerOid),
    access,
    BigInt(facts.oid),
    0n,
    0,
    -1,
    0,
    0n,
    facts.hasIndex,
    false,
    'p',
    facts.kind,
    facts.attributes,
    0,
    facts.kind === 'v',
    false,
    false,
    false,
    false,
    true,
    facts.kind === 'i' ? 'n' : 'd',
    false,
    0n,
    0n,
    0n,
    null,
    null,
    null,
  ];
}

function classRows({ catalog }: SystemContext): readonly Row[] {
  const indexed = new Set(indexes(catalog).map((index) => index.on));
  return [
    ...relations(catalog).map((relation) =>
      classRow({
        oid: relation.oid,
        name: relation.name,
        schema: schemaOid(catalog, relation.schema),
        kind: relationKind(relation),
        attributes: relation.columns.length,
        hasIndex: indexed.has(relation.oid),
      }),
    ),
    ...indexes(catalog).map((index) =>
      classRow({
        oid: index.oid,
        name: index.name,
        schema: schemaOid(catalog, index.schema),
        kind: 'i',
        attributes: index.key.length,
        hasIndex: false,
      }),
    ),
    ...catalog.systemRelations().map((relation) =>
      classRow({
        oid: relation.oid,
        name: relation.name,
        schema: schemaOid(catalog, relation.schema),
        kind: relation.schema === 'pg_catalog' ? 'r' : 'v',
        attributes: relation.columns.length,
        hasIndex: false,
      }),
    ),
  ];
}

function attributeRow(
  oid: number,
  column: RelationColumn,
  number: number,
  hasDefault: boolean,
): Row {
  const type = typeInfo(column.type.name);
  const collation = type.category === 'S' ? defaultCollation : 0n;
  return [
    BigInt(oid),
    column.name,
    BigInt(type.oid),
    -1,
    type.length,
    number,
    type.element === undefined ? 0 : 1,
    -1,
    column.type.modifier,
    false,
    type.length < 0 ? 'i' : 'd',
    type.length < 0 ? 'x' : 'p',
    '',
    !column.nullable,
    hasDefault,
    false,
    '',
    '',
    false,
    true,
    0,
    collation,
    null,
    null,
    null,
    null,
  ];
}

function attributeRows({ catalog }: SystemContext): readonly Row[] {
  const user = relations(catalog).flatMap((relation) =>
    relation.columns.map((column, i) =>
      attributeRow(relation.oid, column, i + 1, hasDefault(relation, i)),
    ),
  );
  const keys = indexes(catalog).flatMap((index) => {
    const on = catalog.byOid(index.on);
    if (on === undefined || !isRelation(on)) return [];
    return index.key.map((column, i) =>
      attributeRow(index.oid, defined(on.columns[column], 'a key column'), i + 1, false),
    );
  });
  const system = catalog
    .systemRelations()
    .flatMap((relation) =>
      relation.columns.map((column, i) => attributeRow(relation.oid, column, i + 1, false)),
    );
  return [...user, ...keys, ...system];
}

function hasDefault(relation: RelationObject, column: number): boolean {
  return relation.kind === 'table' && (relation.defaults[column] ?? null) !== null;
}

function vector(elements: readonly Datum[]): ArrayDatum {
  return { kind: 'array', elements };
}

function indexRows({ catalog }: SystemContext): readonly Row[] {
  return indexes(catalog).map((index) => {
    const zeros = index.key.map(() => 0n);
    return [
      BigInt(index.oid),
      BigInt(index.on),
      index.key.length,
      index.key.length,
      index.primary,
      false,
      index.primary,
      false,
      true,
      false,
      true,
      false,
      true,
      true,
      false,
      vector(index.key.map((c) => c + 1)),
      vector(zeros),
      vector(zeros),
      vector(index.key.map(() => 0)),
      null,
      null,
    ];
  });
}

function defaultRows({ catalog }: SystemContext): readonly Row[] {
  return relations(catalog).flatMap((relation) =>
    relation.columns.flatMap((_, i) => {
      const text = relation.kind === 'table' ? (relation.defaultTexts[i] ?? null) : null;
      return text === null
        ? []
        : [[BigInt(relation.oid * 1_000 + i), BigInt(relation.oid), i + 1, text]];
    }),
  );
}

function namespaceRows({ catalog }: SystemContext): readonly Row[] {
  return [...systemSchemas, ...catalog.schemas()].map((schema) => [
    BigInt(schema.oid),
    schema.name,
    BigInt(ownerOid),
    null,
  ]);
}

function viewRows(kind: 'view' | 'materialized view'): (context: SystemContext) => readonly Row[] {
  return ({ catalog, user }) =>
    relations(catalog).flatMap((relation) => {
      if (
        relation.kind !== kind ||
        (relation.kind !== 'view' && relation.kind !== 'materialized view')
      )
        return [];
      return kind === 'view'
        ? [[relation.schema, relation.name, user, relation.queryText]]
        : [
            [
              relation.schema,
              relation.name,
              user,
              null,
              hasIndexes(catalog, relation.oid),
              true,
              relation.queryText,
            ],
          ];
    });
}

function hasIndexes(catalog: Catalog, oid: number): boolean {
  return indexes(catalog).some((index) => index.on === oid);
}

function tableRows({ catalog, user }: SystemContext): readonly Row[] {
  return relations(catalog).flatMap((relation) =>
    relation.kind === 'table' || relation.kind === 'source' || relation.kind === 'subsource'
      ? [
          [
            relation.schema,
            relation.name,
            user,
            null,
            hasIndexes(catalog, relation.oid),
            false,
            false,
            false,
          ],
        ]
      : [],
  );
}

function indexTextRows({ catalog }: SystemContext): readonly Row[] {
  return indexes(catalog).map((index) => {
    const on = catalog.byOid(index.on);
    return [
      index.schema,
      on === undefined ? '' : on.name,
      index.name,
      null,
      createText(catalog, index),
    ];
  });
}

export const pgRelations: readonly SystemRelation[] = [
  {
    oid: classOid,
    schema: 'pg_catalog',
    name: 'pg_class',
    rows: classRows,
    columns: systemColumns([
      ['oid', 'oid'],
      ['relname', 'name'],
      ['relnamespace', 'oid'],
      ['reltype', 'oid'],
      ['reloftype', 'oid'],
      ['relowner', 'oid'],
      ['relam', 'oid'],
      ['relfilenode', 'oid'],
      ['reltablespace', 'oid'],
      ['relpages', 'int4'],
      ['reltuples', 'float4'],
      ['relallvisible', 'int4'],
      ['reltoastrelid', 'oid'],
      ['relhasindex', 'bool'],
      ['relisshared', 'bool'],
      ['relpersistence', 'char'],
      ['relkind', 'char'],
      ['relnatts', 'int2'],
      ['relchecks', 'int2'],
      ['relhasrules', 'bool'],
      ['relhastriggers', 'bool'],
      ['relhassubclass', 'bool'],
      ['relrowsecurity', 'bool'],
      ['relforcerowsecurity', 'bool'],
      ['relispopulated', 'bool'],
      ['relreplident', 'char'],
      ['relispartition', 'bool'],
      ['relrewrite', 'oid'],
      ['relfrozenxid', 'int8'],
      ['relminmxid', 'int8'],
      ['relacl', '_text'],
      ['reloptions', '_text'],
      ['relpartbound', 'text'],
    ]),
  },
  {
    oid: 1249,
    schema: 'pg_catalog',
    name: 'pg_attribute',
    rows: attributeRows,
    columns: systemColumns([
      ['attrelid', 'oid'],
      ['attname', 'name'],
      ['atttypid', 'oid'],
      ['attstattarget', 'int4'],
      ['attlen', 'int2'],
      ['attnum', 'int2'],
      ['attndims', 'int4'],
      ['attcacheoff', 'int4'],
      ['atttypmod', 'int4'],
      ['attbyval', 'bool'],
      ['attalign', 'char'],
      ['attstorage', 'char'],
      ['attcompression', 'char'],
      ['attnotnull', 'bool'],
      ['atthasdef', 'bool'],
      ['atthasmissing', 'bool'],
      ['attidentity', 'char'],
      ['attgenerated', 'char'],
      ['attisdropped', 'bool'],
      ['attislocal', 'bool'],
      ['attinhcount', 'int4'],
      ['attcollation', 'oid'],
      ['attacl', '_text'],
      ['attoptions', '_text'],
      ['attfdwoptions', '_text'],
      ['attmissingval', 'text'],
    ]),
  },
  {
    oid: 2610,
    schema: 'pg_catalog',
    name: 'pg_index',
    rows: indexRows,
    columns: systemColumns([
      ['indexrelid', 'oid'],
      ['indrelid', 'oid'],
      ['indnatts', 'int2'],
      ['indnkeyatts', 'int2'],
      ['indisunique', 'bool'],
      ['indnullsnotdistinct', 'bool'],
      ['indisprimary', 'bool'],
      ['indisexclusion', 'bool'],
      ['indimmediate', 'bool'],
      ['indisclustered', 'bool'],
      ['indisvalid', 'bool'],
      ['indcheckxmin', 'bool'],
      ['indisready', 'bool'],
      ['indislive', 'bool'],
      ['indisreplident', 'bool'],
      ['indkey', 'int2vector'],
      ['indcollation', 'oidvector'],
      ['indclass', 'oidvector'],
      ['indoption', 'int2vector'],
      ['indexprs', 'text'],
      ['indpred', 'text'],
    ]),
  },
  {
    oid: 2604,
    schema: 'pg_catalog',
    name: 'pg_attrdef',
    rows: defaultRows,
    columns: systemColumns([
      ['oid', 'oid'],
      ['adrelid', 'oid'],
      ['adnum', 'int2'],
      ['adbin', 'text'],
    ]),
  },
  {
    oid: 2615,
    schema: 'pg_catalog',
    name: 'pg_namespace',
    rows: namespaceRows,
    columns: systemColumns([
      ['oid', 'oid'],
      ['nspname', 'name'],
      ['nspowner', 'oid'],
      ['nspacl', '_text'],
    ]),
  },
  {
    oid: 12_001,
    schema: 'pg_catalog',
    name: 'pg_views',
    rows: viewRows('view'),
    columns: systemColumns([
      ['schemaname', 'name'],
      ['viewname', 'name'],
      ['viewowner', 'name'],
      ['definition', 'text'],
    ]),
  },
  {
    oid: 12_002,
    schema: 'pg_catalog',
    name: 'pg_matviews',
    rows: viewRows('materialized view'),
    columns: systemColumns([
      ['schemaname', 'name'],
      ['matviewname', 'name'],
      ['matviewowner', 'name'],
      ['tablespace', 'name'],
      ['hasindexes', 'bool'],
      ['ispopulated', 'bool'],
      ['definition', 'text'],
    ]),
  },
  {
    oid: 12_004,
    schema: 'pg_catalog',
    name: 'pg_indexes',
    rows: indexTextRows,
    columns: systemColumns([
      ['schemaname', 'name'],
      ['tablename', 'name'],
      ['indexname', 'name'],
      ['tablespace', 'name'],
      ['indexdef', 'text'],
    ]),
  },
  {
    oid: 12_003,
    schema: 'pg_catalog',
    name: 'pg_tables',
    rows: tableRows,
    columns: systemColumns([
      ['schemaname', 'name'],
      ['tablename', 'name'],
      ['tableowner', 'name'],
      ['tablespace', 'name'],
      ['hasindexes', 'bool'],
      ['hasrules', 'bool'],
      ['hastriggers', 'bool'],
      ['rowsecurity', 'bool'],
    ]),
  },
];
