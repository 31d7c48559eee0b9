/** `information_schema`: schemata, tables, columns and views of the user and of the system. */
import type { Datum, Row } from '../../../dataflow/value/datum.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { RelationColumn } from '../../sql/catalog-view.ts';
import { systemSchemas } from '../catalog.ts';
import { relations } from './pg-relations.ts';
import type { SystemContext, SystemRelation } from './relation.ts';
import { systemColumns } from './relation.ts';

function tableRows({ catalog, database }: SystemContext): readonly Row[] {
  const row = (schema: string, name: string, kind: string): Row => [
    database,
    schema,
    name,
    kind,
    null,
    null,
    null,
    null,
    null,
    kind === 'BASE TABLE' ? 'YES' : 'NO',
    'NO',
    null,
  ];
  return [
    ...relations(catalog).map((relation) =>
      row(
        relation.schema,
        relation.name,
        relation.kind === 'view'
          ? 'VIEW'
          : relation.kind === 'materialized view'
            ? 'MATERIALIZED VIEW'
            : 'BASE TABLE',
      ),
    ),
    ...catalog.systemRelations().map((relation) => row(relation.schema, relation.name, 'VIEW')),
  ];
}

const integerBits = new Map([
  ['int2', 16],
  ['int4', 32],
  ['int8', 64],
  ['float4', 24],
  ['float8', 53],
]);
const timeTypes = new Set(['date', 'time', 'timestamp', 'timestamptz', 'interval']);

/** character_maximum_length, octet length, numeric precision, radix, scale, datetime precision. */
function sizes({ type: { name, modifier } }: RelationColumn): readonly Datum[] {
  const length = (name === 'varchar' || name === 'bpchar') && modifier >= 0 ? modifier - 4 : null;
  const bits = integerBits.get(name) ?? null;
  const exact = name === 'numeric' && modifier >= 0;
  const precision = exact ? ((modifier - 4) >> 16) & 0xffff : bits;
  const scale = exact
    ? (modifier - 4) & 0xffff
    : name.startsWith('int') && bits !== null
      ? 0
      : null;
  const radix = name === 'numeric' ? 10 : bits === null ? null : 2;
  const datetime = timeTypes.has(name)
    ? name === 'date'
      ? 0
      : modifier >= 0
        ? modifier
        : 6
    : null;
  return [length, null, precision, radix, scale, datetime];
}

function columnRow(
  database: string,
  relation: { readonly schema: string; readonly name: string },
  column: RelationColumn,
  number: number,
  defaultText: string | null,
): Row {
  const type = typeInfo(column.type.name);
  return [
    database,
    relation.schema,
    relation.name,
    column.name,
    number,
    defaultText,
    column.nullable ? 'YES' : 'NO',
    type.element === undefined ? type.sqlName : 'ARRAY',
    ...sizes(column),
    database,
    'pg_catalog',
    type.name,
    String(number),
    'NO',
    'NO',
    'NEVER',
    null,
    'YES',
  ];
}

function columnRows({ catalog, database }: SystemContext): readonly Row[] {
  const user = relations(catalog).flatMap((relation) =>
    relation.columns.map((column, i) => {
      const text = relation.kind === 'table' ? (relation.defaultTexts[i] ?? null) : null;
      return columnRow(database, relation, column, i + 1, text);
    }),
  );
  const system = catalog
    .systemRelations()
    .flatMap((relation) =>
      relation.columns.map((column, i) => columnRow(database, relation, column, i + 1, null)),
    );
  return [...user, ...system];
}

function viewRows({ catalog, database }: SystemContext): readonly Row[] {
  return relations(catalog).flatMap((relation) =>
    relation.kind === 'view'
      ? [[database, relation.schema, relation.name, relation.queryText, 'NONE', 'NO', 'NO']]
      : [],
  );
}

function schemaRows({ catalog, database, user }: SystemContext): readonly Row[] {
  return [...systemSchemas, ...catalog.schemas()].map((schema) => [
    database,
    schema.name,
    user,
    null,
    null,
    null,
    null,
  ]);
}

export const informationSchema: readonly SystemRelation[] = [
  {
    oid: 13_010,
    schema: 'information_schema',
    name: 'tables',
    rows: tableRows,
    columns: systemColumns([
      ['table_catalog', 'text'],
      ['table_schema', 'text'],
      ['table_name', 'text'],
      ['table_type', 'text'],
      ['self_referencing_column_name', 'text'],
      ['reference_generation', 'text'],
      ['user_defined_type_catalog', 'text'],
      ['user_defined_type_schema', 'text'],
      ['user_defined_type_name', 'text'],
      ['is_insertable_into', 'text'],
      ['is_typed', 'text'],
      ['commit_action', 'text'],
    ]),
  },
  {
    oid: 13_011,
    schema: 'information_schema',
    name: 'columns',
    rows: columnRows,
    columns: systemColumns([
      ['table_catalog', 'text'],
      ['table_schema', 'text'],
      ['table_name', 'text'],
      ['column_name', 'text'],
      ['ordinal_position', 'int4'],
      ['column_default', 'text'],
      ['is_nullable', 'text'],
      ['data_type', 'text'],
      ['character_maximum_length', 'int4'],
      ['character_octet_length', 'int4'],
      ['numeric_precision', 'int4'],
      ['numeric_precision_radix', 'int4'],
      ['numeric_scale', 'int4'],
      ['datetime_precision', 'int4'],
      ['udt_catalog', 'text'],
      ['udt_schema', 'text'],
      ['udt_name', 'text'],
      ['dtd_identifier', 'text'],
      ['is_self_referencing', 'text'],
      ['is_identity', 'text'],
      ['is_generated', 'text'],
      ['generation_expression', 'text'],
      ['is_updatable', 'text'],
    ]),
  },
  {
    oid: 13_012,
    schema: 'information_schema',
    name: 'views',
    rows: viewRows,
    columns: systemColumns([
      ['table_catalog', 'text'],
      ['table_schema', 'text'],
      ['table_name', 'text'],
      ['view_definition', 'text'],
      ['check_option', 'text'],
      ['is_updatable', 'text'],
      ['is_insertable_into', 'text'],
    ]),
  },
  {
    oid: 13_013,
    schema: 'information_schema',
    name: 'schemata',
    rows: schemaRows,
    columns: systemColumns([
      ['catalog_name', 'text'],
      ['schema_name', 'text'],
      ['schema_owner', 'text'],
      ['default_character_set_catalog', 'text'],
      ['default_character_set_schema', 'text'],
      ['default_character_set_name', 'text'],
      ['sql_path', 'text'],
    ]),
  },
];
