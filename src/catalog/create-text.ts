/** The statement that would make an object again, for SHOW CREATE. */
import { defined } from '../base/assert.ts';
import type { CsvReading, SourceColumn, SourceFormat } from '../../connectors/format/decoder.ts';
import type { StartPosition } from '../../connectors/connector.ts';
import { formatType } from '../sql/types/type-name.ts';
import type { RelationColumn } from '../sql/catalog-view.ts';
import type { Catalog } from './catalog.ts';
import type {
  IndexObject,
  KafkaConnectionObject,
  RelationObject,
  SchemaItem,
  SourceGroupObject,
  SourceObject,
  SourceTopics,
  TableObject,
  TextOrSecret,
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

function startText(start: StartPosition): readonly string[] {
  switch (start.kind) {
    case 'earliest':
      return [];
    case 'offsets':
      return [`START OFFSET (${start.offsets.join(', ')})`];
    case 'timestamp':
      return [`START TIMESTAMP ${start.milliseconds}`];
  }
}

function topicsText(topics: SourceTopics): string {
  return topics.kind === 'names'
    ? `TOPIC ${topics.names.map(literal).join(', ')}`
    : `TOPIC PATTERN ${literal(topics.pattern)}`;
}

const includeWords = new Map([
  ['key', 'KEY'],
  ['topic', 'TOPIC'],
  ['partition', 'PARTITION'],
  ['offset', 'OFFSET'],
  ['timestamp', 'TIMESTAMP'],
  ['headers', 'HEADERS'],
]);

function includeText({ columns, envelope }: SourceFormat): string {
  const upsert = envelope === 'upsert';
  const items = columns.flatMap((column, i) => {
    const { origin } = column;
    // An Avro key that is a record: all of its fields by one word.
    if (origin.kind === 'field' && origin.of === 'key') {
      if (envelope === 'debezium') return [];
      const isImplied = upsert && columns.slice(0, i + 1).every(isKeyField);
      return isImplied || (i > 0 && columns.slice(i - 1, i).every(isKeyField)) ? [] : ['KEY'];
    }
    if (origin.kind === 'header') {
      const bytes = column.type === 'bytea' ? ' BYTES' : '';
      return [`HEADER ${literal(origin.key)} AS ${quoted(column.name)}${bytes}`];
    }
    const word = includeWords.get(origin.kind);
    if (word === undefined || (word === 'KEY' && upsert && column.name === 'key')) return [];
    return [`${word} AS ${quoted(column.name)}`];
  });
  return items.length === 0 ? '' : ` INCLUDE ${items.join(', ')}`;
}

function isKeyField({ origin }: SourceColumn): boolean {
  return origin.kind === 'field' && origin.of === 'key';
}

/** A format with the schema that was fixed when the source was made. */
function partText(format: SourceFormat, part: 'key' | 'value', registry: string): string {
  const csv = format.csv?.[part];
  if (csv !== undefined) return csvText(csv, part);
  const using = `USING CONFLUENT SCHEMA REGISTRY CONNECTION ${registry}`;
  if (format.json?.[part] !== undefined) return `FORMAT JSON ${using}`;
  const reading = format.avro?.[part] ?? format.protobuf?.[part];
  if (reading === undefined) return `FORMAT ${format[part] ?? ''}`;
  const message = format.protobuf?.[part]?.message ?? null;
  const of = message === null ? '' : ` MESSAGE ${literal(message)}`;
  const name = `FORMAT ${format[part] ?? ''}${of}`;
  const schema = literal(reading.schema);
  if (reading.framing === 'none') return `${name} USING SCHEMA ${schema}`;
  return `${name} ${using} ${part.toUpperCase()} STRATEGY INLINE ${schema}`;
}

/** The fields of a value are the declared columns. */
function csvText(csv: CsvReading, part: 'key' | 'value'): string {
  const names = part === 'key' ? ` WITH HEADER (${csv.names.map(quoted).join(', ')})` : '';
  const options = [
    `DELIMITER ${literal(csv.delimiter)}`,
    `QUOTE ${literal(csv.quote)}`,
    `ESCAPE ${literal(csv.escape)}`,
    `NULL ${literal(csv.null)}`,
  ];
  return `FORMAT CSV${names} WITH (${options.join(', ')})`;
}

/** The options of ENVELOPE DEBEZIUM, if it has any. */
function debeziumOptions({ decimals, unavailable }: SourceFormat): string {
  const options = [
    ...(decimals === undefined ? [] : [`DECIMAL HANDLING MODE ${literal(decimals)}`]),
    ...(unavailable === undefined ? [] : [`UNAVAILABLE VALUE PLACEHOLDER ${literal(unavailable)}`]),
  ];
  return options.length === 0 ? '' : ` (${options.join(', ')})`;
}

function formatText(format: SourceFormat, registry: string): string {
  const value = partText(format, 'value', registry);
  const formats =
    format.key === null ? value : `KEY ${partText(format, 'key', registry)} VALUE ${value}`;
  const options = debeziumOptions(format);
  return `${formats}${includeText(format)} ENVELOPE ${format.envelope.toUpperCase()}${options}`;
}

function itemName(catalog: Catalog, oid: number | undefined): string {
  const item = oid === undefined ? undefined : catalog.byOid(oid);
  return item === undefined || item.kind === 'schema'
    ? ''
    : `${quoted(item.schema)}.${quoted(item.name)}`;
}

/** The options of a Kafka connection; secrets by their names. */
function kafkaOptions(catalog: Catalog, { brokers, security }: KafkaConnectionObject): string {
  const options = [`BROKER ${literal(brokers.join(','))}`];
  const add = (name: string, value: TextOrSecret | null | undefined): void => {
    if (!value) return;
    const text =
      'text' in value ? literal(value.text) : `SECRET ${itemName(catalog, value.secret)}`;
    options.push(`${name} = ${text}`);
  };
  add('SECURITY PROTOCOL', security && { text: security.protocol });
  add('SASL MECHANISMS', security?.sasl && { text: security.sasl.mechanism });
  add('SASL USERNAME', security?.sasl?.username);
  add('SASL PASSWORD', security?.sasl?.password);
  add('SSL CERTIFICATE AUTHORITY', security?.authority);
  add('SSL CERTIFICATE', security?.certificate);
  add('SSL KEY', security?.key);
  return options.join(', ');
}

function sourceText(catalog: Catalog, source: SourceObject, name: string): string {
  const { columns: origins, value, envelope, keyColumns } = source.format;
  const isEvents = envelope === 'debezium';
  const typed = source.columns.filter((_, i) => {
    const origin = origins[i]?.origin;
    return origin?.kind === 'field' && (isEvents || origin.of === 'value');
  });
  const isDeclared = (value === 'JSON' || value === 'CSV') && typed.length > 0;
  const key = isEvents ? `, PRIMARY KEY ${namesText(source, keyColumns)}` : '';
  const list = isDeclared ? ` (${typed.map(columnText).join(', ')}${key})` : '';
  const format = formatText(source.format, itemName(catalog, source.registry));
  const onError = `WITH (ON ERROR = ${source.format.onError ?? 'FAIL'})`;
  if (source.group !== undefined) {
    const { topics } = source;
    const reference =
      topics.kind === 'names' && topics.names.length === 1
        ? ` (REFERENCE ${quoted(topics.names[0] ?? '')})`
        : '';
    const group = itemName(catalog, source.group);
    return `CREATE TABLE ${name}${list} FROM SOURCE ${group}${reference} ${format} ${onError}`;
  }
  return `CREATE SOURCE ${name}${list} FROM ${kafkaText(catalog, source)} ${format} ${onError}`;
}

/** What a source reads, and from where on. */
function kafkaText(
  catalog: Catalog,
  { connection, topics, start }: Pick<SourceGroupObject, 'connection' | 'topics' | 'start'>,
): string {
  const options = [...(topics === null ? [] : [topicsText(topics)]), ...startText(start)];
  const list = options.length === 0 ? '' : ` (${options.join(', ')})`;
  return `KAFKA CONNECTION ${itemName(catalog, connection)}${list}`;
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
      return object.type === 'kafka'
        ? `CREATE CONNECTION ${name} TO KAFKA (${kafkaOptions(catalog, object)})`
        : `CREATE CONNECTION ${name} TO CONFLUENT SCHEMA REGISTRY (URL ${literal(object.url)})`;
    case 'secret':
      return `CREATE SECRET ${name} AS '<redacted>'`;
    case 'table': {
      const columns = object.columns.map((_, i) => tableColumnText(object, i));
      return `CREATE TABLE ${name} (${[...columns, ...keyTexts(catalog, object)].join(', ')})`;
    }
    case 'source':
      return sourceText(catalog, object, name);
    case 'source group':
      return `CREATE SOURCE ${name} FROM ${kafkaText(catalog, object)}`;
    case 'subsource':
      return `-- ${name} is made with source ${itemName(catalog, object.of)}`;
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
