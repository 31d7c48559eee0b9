/** The statement that would make an object again, for SHOW CREATE. */
import { defined } from '../base/assert.ts';
import type { SourceColumn, SourceFormat } from '../../connectors/format/decoder.ts';
import type { StartPosition } from '../../connectors/connector.ts';
import { formatType } from '../sql/types/type-name.ts';
import type { RelationColumn } from '../sql/catalog-view.ts';
import type { Catalog } from './catalog.ts';
import type {
  IndexObject,
  RelationObject,
  SchemaItem,
  SourceObject,
  TableObject,
} from './object.ts';
import { isRelation } from './object.ts';
import { quoted } from './session-catalog.ts';

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function columnText(column: RelationColumn): string {
  return `${quoted(column.name)} ${formatType(column.type)}${column.nullable ? '' : ' NOT NULL'}`;
}

function tableColumnText(table: TableObject, column: number): string {
  const text = table.defaultTexts[column] ?? null;
  const definition = columnText(defined(table.columns[column], 'the table has the column'));
  return text === null ? definition : `${definition} DEFAULT ${text}`;
}

function startText(start: StartPosition): string {
  switch (start.kind) {
    case 'earliest':
      return '';
    case 'offsets':
      return `, START OFFSET (${start.offsets.join(', ')})`;
    case 'timestamp':
      return `, START TIMESTAMP ${start.milliseconds}`;
  }
}

const includeWords = new Map([
  ['key', 'KEY'],
  ['partition', 'PARTITION'],
  ['offset', 'OFFSET'],
  ['timestamp', 'TIMESTAMP'],
  ['headers', 'HEADERS'],
]);

function includeText(columns: readonly SourceColumn[], upsert: boolean): string {
  const items = columns.flatMap((column) => {
    const word = includeWords.get(column.origin.kind);
    if (word === undefined || (word === 'KEY' && upsert && column.name === 'key')) return [];
    return [`${word} AS ${quoted(column.name)}`];
  });
  return items.length === 0 ? '' : ` INCLUDE ${items.join(', ')}`;
}

function formatText(format: SourceFormat): string {
  const upsert = format.envelope === 'upsert';
  const formats =
    format.key === null
      ? `FORMAT ${format.value}`
      : `KEY FORMAT ${format.key} VALUE FORMAT ${format.value}`;
  return `${formats}${includeText(format.columns, upsert)} ENVELOPE ${format.envelope.toUpperCase()}`;
}

function sourceText(catalog: Catalog, source: SourceObject, name: string): string {
  const connection = catalog.byOid(source.connection);
  const connectionName =
    connection === undefined || connection.kind === 'schema'
      ? ''
      : `${quoted(connection.schema)}.${quoted(connection.name)}`;
  const typed = source.columns.filter((_, i) => source.format.columns[i]?.origin.kind === 'field');
  const list = typed.length === 0 ? '' : ` (${typed.map(columnText).join(', ')})`;
  const options = `(TOPIC ${literal(source.format.topic)}${startText(source.start)})`;
  const from = `KAFKA CONNECTION ${connectionName} ${options}`;
  return `CREATE SOURCE ${name}${list} FROM ${from} ${formatText(source.format)}`;
}

/** The names of columns, in parentheses. */
function namesText(relation: RelationObject, columns: readonly number[]): string {
  return `(${columns.map((column) => quoted(relation.columns[column]?.name ?? '')).join(', ')})`;
}

/** The definition of the constraint behind a primary key's index. */
export function constraintText(relation: RelationObject, index: IndexObject): string {
  return `PRIMARY KEY ${namesText(relation, index.key)}`;
}

function keyTexts(catalog: Catalog, table: TableObject): readonly string[] {
  return catalog
    .dependents(table.oid)
    .flatMap((index) =>
      index.kind === 'index' && index.primary
        ? [`CONSTRAINT ${quoted(index.name)} ${constraintText(table, index)}`]
        : [],
    );
}

/** One statement, without a semicolon. */
export function createText(catalog: Catalog, object: SchemaItem): string {
  const name = `${quoted(object.schema)}.${quoted(object.name)}`;
  switch (object.kind) {
    case 'connection':
      return `CREATE CONNECTION ${name} TO KAFKA (BROKER ${literal(object.brokers.join(','))})`;
    case 'table': {
      const columns = object.columns.map((_, i) => tableColumnText(object, i));
      return `CREATE TABLE ${name} (${[...columns, ...keyTexts(catalog, object)].join(', ')})`;
    }
    case 'source':
      return sourceText(catalog, object, name);
    case 'view':
      return `CREATE VIEW ${name} AS ${object.queryText}`;
    case 'materialized view':
      return `CREATE MATERIALIZED VIEW ${name} AS ${object.queryText}`;
    case 'index': {
      const on = catalog.byOid(object.on);
      if (on === undefined || !isRelation(on)) return '';
      const [word, method] = object.primary ? ['UNIQUE INDEX', 'btree'] : ['INDEX', 'arrangement'];
      const relation = `${quoted(on.schema)}.${quoted(on.name)}`;
      const key = namesText(on, object.key);
      return `CREATE ${word} ${quoted(object.name)} ON ${relation} USING ${method} ${key}`;
    }
  }
}
