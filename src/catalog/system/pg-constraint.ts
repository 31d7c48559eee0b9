/**
 * `pg_constraint` and `information_schema`'s view of constraints: the primary keys of tables, which
 * are all the constraints that there are beside NOT NULL. A constraint has the oid of its index.
 */
import type { Datum, Row } from '../../../dataflow/value/datum.ts';
import type { IndexObject } from '../object.ts';
import { indexes, schemaOid } from './pg-relations.ts';
import type { SystemContext, SystemRelation } from './relation.ts';
import { systemColumns } from './relation.ts';

function primaryKeys({ catalog }: SystemContext): readonly IndexObject[] {
  return indexes(catalog).filter((index) => index.primary);
}

function constraintRows(context: SystemContext): readonly Row[] {
  return primaryKeys(context).map((index): Row => {
    const key: Datum = { kind: 'array', elements: index.key.map((column) => column + 1) };
    return [
      BigInt(index.oid),
      index.name,
      BigInt(schemaOid(context.catalog, index.schema)),
      'p',
      false,
      false,
      true,
      BigInt(index.on),
      0n,
      BigInt(index.oid),
      0n,
      0n,
      ' ',
      ' ',
      ' ',
      true,
      0,
      true,
      key,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
    ];
  });
}

function tableConstraintRows(context: SystemContext): readonly Row[] {
  const { catalog, database } = context;
  return primaryKeys(context).map((index) => [
    database,
    index.schema,
    index.name,
    database,
    index.schema,
    catalog.byOid(index.on)?.name ?? '',
    'PRIMARY KEY',
    'NO',
    'NO',
    'YES',
  ]);
}

function keyColumnRows(context: SystemContext): readonly Row[] {
  const { catalog, database } = context;
  return primaryKeys(context).flatMap((index) => {
    const table = catalog.byOid(index.on);
    if (table?.kind !== 'table') return [];
    return index.key.map((column, i): Row => [
      database,
      index.schema,
      index.name,
      database,
      table.schema,
      table.name,
      table.columns[column]?.name ?? '',
      i + 1,
      null,
    ]);
  });
}

export const pgConstraint: readonly SystemRelation[] = [
  {
    oid: 2606,
    schema: 'pg_catalog',
    name: 'pg_constraint',
    rows: constraintRows,
    columns: systemColumns([
      ['oid', 'oid'],
      ['conname', 'name'],
      ['connamespace', 'oid'],
      ['contype', 'char'],
      ['condeferrable', 'bool'],
      ['condeferred', 'bool'],
      ['convalidated', 'bool'],
      ['conrelid', 'oid'],
      ['contypid', 'oid'],
      ['conindid', 'oid'],
      ['conparentid', 'oid'],
      ['confrelid', 'oid'],
      ['confupdtype', 'char'],
      ['confdeltype', 'char'],
      ['confmatchtype', 'char'],
      ['conislocal', 'bool'],
      ['coninhcount', 'int4'],
      ['connoinherit', 'bool'],
      ['conkey', '_int2'],
      ['confkey', '_int2'],
      ['conpfeqop', '_oid'],
      ['conppeqop', '_oid'],
      ['conffeqop', '_oid'],
      ['confdelsetcols', '_int2'],
      ['conexclop', '_oid'],
      ['conbin', 'text'],
    ]),
  },
  {
    oid: 13_014,
    schema: 'information_schema',
    name: 'table_constraints',
    rows: tableConstraintRows,
    columns: systemColumns([
      ['constraint_catalog', 'text'],
      ['constraint_schema', 'text'],
      ['constraint_name', 'text'],
      ['table_catalog', 'text'],
      ['table_schema', 'text'],
      ['table_name', 'text'],
      ['constraint_type', 'text'],
      ['is_deferrable', 'text'],
      ['initially_deferred', 'text'],
      ['enforced', 'text'],
    ]),
  },
  {
    oid: 13_015,
    schema: 'information_schema',
    name: 'key_column_usage',
    rows: keyColumnRows,
    columns: systemColumns([
      ['constraint_catalog', 'text'],
      ['constraint_schema', 'text'],
      ['constraint_name', 'text'],
      ['table_catalog', 'text'],
      ['table_schema', 'text'],
      ['table_name', 'text'],
      ['column_name', 'text'],
      ['ordinal_position', 'int4'],
      ['position_in_unique_constraint', 'int4'],
    ]),
  },
];
