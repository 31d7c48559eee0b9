/**
 * SHOW TABLES, SOURCES, VIEWS, … COLUMNS, CREATE: what exists, in few columns, as Materialize shows
 * it.
 */
import { sqlError, unsupported } from '../../base/error.ts';
import type { Row } from '../../../dataflow/value/datum.ts';
import type { QualifiedName, Statement } from '../../sql/ast.ts';
import type { ResultColumn } from '../../sql/planned.ts';
import { formatType } from '../../sql/types/type-name.ts';
import type { CatalogObject, RelationObject } from '../../catalog/object.ts';
import { isRelation, shownKind } from '../../catalog/object.ts';
import { createText } from '../../catalog/create-text.ts';
import { quoted } from '../../catalog/session-catalog.ts';
import { resultColumn, rowStream } from '../row-stream.ts';
import type { Outcome } from '../session.ts';
import { findItem, findRelation } from './naming.ts';
import type { ExecutionContext } from './context.ts';

type ShowObjects = Extract<Statement, { kind: 'showObjects' }>;

const kinds = new Map<string, readonly CatalogObject['kind'][]>([
  ['TABLES', ['table']],
  ['SOURCES', ['source', 'subsource']],
  ['VIEWS', ['view']],
  ['MATERIALIZED VIEWS', ['materialized view']],
  ['CONNECTIONS', ['connection']],
  ['SECRETS', ['secret']],
  ['INDEXES', ['index']],
  [
    'OBJECTS',
    ['table', 'source', 'subsource', 'view', 'materialized view', 'connection', 'secret', 'index'],
  ],
]);

/** Result columns of SHOW object. Throws 0A000 for objects that do not exist here. */
export function objectColumns(object: string): readonly ResultColumn[] {
  if (object.startsWith('CREATE ')) return [resultColumn('name'), resultColumn('create_sql')];
  switch (object) {
    case 'SCHEMAS':
    case 'DATABASES':
      return [resultColumn('name')];
    case 'COLUMNS':
      return [resultColumn('name'), resultColumn('nullable', 'bool'), resultColumn('type')];
    case 'INDEXES':
      return [resultColumn('name'), resultColumn('on'), resultColumn('key')];
    default:
      if (!kinds.has(object)) throw unsupported(`SHOW ${object}`);
      return [resultColumn('name'), resultColumn('type')];
  }
}

/** The objects of a schema, filtered by LIKE. Throws 3F000, 42P01, 0A000. */
export function showObjects(context: ExecutionContext, statement: ShowObjects): Outcome {
  const columns = objectColumns(statement.object);
  const like = statement.like === null ? null : likePattern(statement.like);
  const rows = rowsOf(context, statement).filter(
    ([name]) => like === null || (typeof name === 'string' && like.test(name)),
  );
  return rowStream(columns, rows, (n) => `SELECT ${n}`);
}

function rowsOf(context: ExecutionContext, statement: ShowObjects): readonly Row[] {
  const { object, name } = statement;
  if (object.startsWith('CREATE '))
    return [createRow(context, object.slice('CREATE '.length), name)];
  if (object === 'DATABASES') return [[context.session.database]];
  if (object === 'SCHEMAS')
    return context.coordinator.catalog.schemas().map((schema) => [schema.name]);
  if (object === 'COLUMNS') return columnRows(context, name);
  return object === 'INDEXES' ? indexRows(context, name) : objectRows(context, object, name);
}

/** LIKE's pattern as a regular expression over the whole name. */
function likePattern(pattern: string): RegExp {
  const body = [...pattern]
    .map((character) =>
      character === '%'
        ? '.*'
        : character === '_'
          ? '.'
          : character.replace(/[.*+?^${}()|[\]\\]/, '\\$&'),
    )
    .join('');
  return new RegExp(`^${body}$`, 's');
}

function schemaNamed(context: ExecutionContext, name: QualifiedName | null): string {
  const schema = name?.parts.at(-1) ?? context.session.catalog().currentSchema ?? 'public';
  if (!context.coordinator.catalog.hasSchema(schema))
    throw sqlError('3F000', `unknown schema '${schema}'`);
  return schema;
}

function objectRows(
  context: ExecutionContext,
  object: string,
  name: QualifiedName | null,
): readonly Row[] {
  const schema = schemaNamed(context, name);
  const wanted = kinds.get(object) ?? [];
  return context.coordinator.catalog
    .objects()
    .filter(
      (each) =>
        each.kind !== 'schema' && each.schema === schema && wanted.includes(shownKind(each)),
    )
    .map((each): Row => [each.name, shownKind(each).replace(' ', '-')])
    .sort(byName);
}

function indexRows(context: ExecutionContext, name: QualifiedName | null): readonly Row[] {
  const { catalog } = context.coordinator;
  const on = name === null ? null : findRelation(context, name).oid;
  return catalog
    .objects()
    .flatMap((index): readonly Row[] => {
      if (index.kind !== 'index' || (on !== null && index.on !== on)) return [];
      const relation = catalog.byOid(index.on);
      if (relation === undefined || !isRelation(relation)) return [];
      return [[index.name, relation.name, keyText(relation, index.key)]];
    })
    .sort(byName);
}

function keyText(relation: RelationObject, key: readonly number[]): string {
  return key.map((column) => quoted(relation.columns[column]?.name ?? '')).join(', ');
}

function columnRows(context: ExecutionContext, name: QualifiedName | null): readonly Row[] {
  if (name === null) throw sqlError('42601', 'SHOW COLUMNS needs a relation');
  const relation = context.session.catalog().relation(name.parts);
  if (relation === undefined)
    throw sqlError('42P01', `relation "${name.parts.join('.')}" does not exist`, {
      position: name.position,
    });
  return relation.columns.map((column) => [column.name, column.nullable, formatType(column.type)]);
}

function createRow(context: ExecutionContext, kind: string, name: QualifiedName | null): Row {
  if (name === null) throw sqlError('42601', `SHOW CREATE ${kind} needs a name`);
  const object = findItem(context, name);
  const shown = object?.kind === 'subsource' ? 'source' : object && shownKind(object);
  if (object === undefined || shown !== kind.toLowerCase()) {
    throw sqlError('42P01', `${kind.toLowerCase()} "${name.parts.join('.')}" does not exist`, {
      position: name.position,
    });
  }
  return [
    `${quoted(object.schema)}.${quoted(object.name)}`,
    createText(context.coordinator.catalog, object),
  ];
}

function byName(a: Row, b: Row): number {
  return String(a[0]) < String(b[0]) ? -1 : 1;
}
