/**
 * CREATE SOURCE … FROM KAFKA: from clauses to a `SourceFormat` (what the decoder reads) and the
 * columns that SQL sees.
 *
 * Columns, in order: typed columns as declared, those of the schema or the CSV header, or `data` (JSON as one
 * jsonb), `text`, `data` (BYTES); for UPSERT the key comes first (`key`, or the fields of an Avro
 * record, or where INCLUDE KEY puts it); then INCLUDE items by their alias or default name.
 */
import { defined } from '../../base/assert.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { StartPosition } from '../../../connectors/connector.ts';
import type {
  ColumnOrigin,
  FormatName,
  SourceColumn,
  SourceFormat,
} from '../../../connectors/format/decoder.ts';
import { isFieldType } from '../../../connectors/format/field-value.ts';
import type { Format, Include, QualifiedName, Statement } from '../../sql/ast.ts';
import type { KafkaConnectionObject, SourceObject, SourceTopics } from '../../catalog/object.ts';
import { TopicPattern } from '../../../connectors/kafka/topic-pattern.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { Outcome } from '../session.ts';
import { debeziumColumns, debeziumOptions, refuseOtherFormats } from './debezium-source.ts';
import type { ExecutionContext } from './context.ts';
import { command } from './context.ts';
import { findItem, newName, skipExisting } from './naming.ts';
import { Options } from './option.ts';
import type { Readings } from './reading.ts';
import { keyPartColumns, partColumns, readings } from './reading.ts';
import { relationColumns } from './table.ts';

type CreateSource = Extract<Statement, { kind: 'createSource' }>;

function formatName(format: Format): FormatName {
  if (format.name === 'AVRO' || format.name === 'CSV') return format.name;
  new Options(`FORMAT ${format.name}`, format.options).rest();
  switch (format.name) {
    case 'TEXT':
    case 'BYTES':
    case 'JSON':
      return format.name;
    case 'PROTOBUF':
      throw unsupported(
        `FORMAT ${format.name}`,
        format.position,
        'Supported formats are TEXT, BYTES, JSON, AVRO and CSV.',
      );
  }
}

const wholeType: ReadonlyMap<FormatName, TypeName> = new Map([
  ['TEXT', 'text'],
  ['BYTES', 'bytea'],
  ['JSON', 'jsonb'],
]);

function wholeColumn(
  name: string,
  format: FormatName,
  of: 'key' | 'value',
  nullable: boolean,
): SourceColumn {
  return {
    name,
    type: wholeType.get(format) ?? 'bytea',
    modifier: -1,
    nullable,
    origin: { kind: of },
  };
}

/** Default name, type and origin of an INCLUDE item. */
function includeColumn(include: Include, keyFormat: FormatName | null): SourceColumn {
  const column = (
    name: string,
    type: TypeName,
    nullable: boolean,
    origin: ColumnOrigin,
  ): SourceColumn => ({ name: include.alias ?? name, type, modifier: -1, nullable, origin });
  switch (include.item) {
    case 'KEY':
      if (keyFormat === null) {
        throw sqlError('42601', 'INCLUDE KEY needs KEY FORMAT', { position: include.position });
      }
      return wholeColumn(include.alias ?? 'key', keyFormat, 'key', true);
    case 'PARTITION':
      return column('partition', 'int4', false, { kind: 'partition' });
    case 'OFFSET':
      return column('offset', 'int8', false, { kind: 'offset' });
    case 'TIMESTAMP':
      return column('timestamp', 'timestamptz', false, { kind: 'timestamp' });
    case 'HEADERS':
      return column('headers', 'jsonb', false, { kind: 'headers' });
    case 'TOPIC':
      return column('topic', 'text', false, { kind: 'topic' });
    case 'HEADER':
      throw unsupported(`INCLUDE ${include.item}`, include.position);
  }
}

function envelopeOf(statement: CreateSource): SourceFormat['envelope'] {
  const envelope = statement.envelope;
  if (envelope === null) return 'none';
  if (envelope.name === 'DEBEZIUM') return 'debezium';
  new Options(`ENVELOPE ${envelope.name}`, envelope.options).rest();
  if (envelope.name === 'NONE') return 'none';
  if (envelope.name === 'UPSERT') return 'upsert';
  throw unsupported(
    `ENVELOPE ${envelope.name}`,
    envelope.position,
    'Supported envelopes are NONE, UPSERT and DEBEZIUM.',
  );
}

/** Declared columns are fields of the value. Throws 0A000 for types that no field has. */
function declaredColumns(statement: CreateSource, value: FormatName): readonly SourceColumn[] {
  const columns = relationColumns(statement.columns);
  const other = columns.find(({ type }) => !isFieldType(type.name));
  if (other !== undefined)
    throw unsupported(`a ${value} field of type ${other.type.name}`, statement.position);
  return columns.map((column) => ({
    name: column.name,
    type: column.type.name,
    modifier: column.type.modifier,
    nullable: column.nullable,
    origin: { kind: 'field', of: 'value', name: column.name },
  }));
}

function refuseConstraints(statement: CreateSource): void {
  for (const column of statement.columns) {
    if (column.default !== null) throw unsupported('DEFAULT in CREATE SOURCE', column.position);
    if (column.primaryKey && envelopeOf(statement) !== 'debezium')
      throw unsupported('PRIMARY KEY without ENVELOPE DEBEZIUM', column.position);
  }
}

/** The formats of key and value, and whether the key is read by the value's clause. */
interface Formats {
  readonly key: FormatName | null;
  readonly value: FormatName;
  readonly impliedKey: boolean;
}

function formatsOf(statement: CreateSource): Formats {
  if (statement.valueFormat === null) {
    throw sqlError('42601', 'CREATE SOURCE needs FORMAT', { position: statement.position });
  }
  if (envelopeOf(statement) === 'debezium') refuseOtherFormats(statement);
  const value = formatName(statement.valueFormat);
  if (statement.keyFormat !== null)
    return { key: formatName(statement.keyFormat), value, impliedKey: false };
  const isRegistry = statement.valueFormat.options.some(({ name }) => name !== 'SCHEMA');
  const impliedKey =
    envelopeOf(statement) !== 'none' ||
    (value === 'AVRO' && isRegistry && statement.include.some(({ item }) => item === 'KEY'));
  if (impliedKey && (value === 'CSV' || (value === 'AVRO' && !isRegistry))) {
    const using = value === 'AVRO' ? ' USING SCHEMA' : '';
    throw sqlError('42601', `ENVELOPE UPSERT with FORMAT ${value}${using} needs KEY FORMAT`, {
      position: statement.valueFormat.position,
    });
  }
  return { key: impliedKey ? value : null, value, impliedKey };
}

function valueColumns(
  statement: CreateSource,
  value: FormatName,
  parts: Readings,
): readonly SourceColumn[] {
  if (envelopeOf(statement) === 'debezium') return debeziumColumns(statement);
  const typed = statement.columns.length > 0;
  if (typed && value !== 'JSON' && value !== 'CSV') {
    throw unsupported(
      `a column list with FORMAT ${value}`,
      statement.position,
      'Typed columns need FORMAT JSON or CSV.',
    );
  }
  if (typed) return declaredColumns(statement, value);
  const columns = partColumns(parts, 'value', 'data');
  if (columns !== null) return columns;
  const isNullable = envelopeOf(statement) !== 'upsert';
  return [wholeColumn(value === 'TEXT' ? 'text' : 'data', value, 'value', isNullable)];
}

/** The format and columns of a source. */
function sourceFormat(
  statement: CreateSource,
  { key, value }: Formats,
  parts: Readings,
): SourceFormat {
  refuseConstraints(statement);
  const envelope = envelopeOf(statement);
  const isUpsert = envelope === 'upsert';
  const options = envelope === 'debezium' ? debeziumOptions(statement) : {};
  const values = valueColumns(statement, value, parts);
  const others = statement.include.filter(({ item }) => item !== 'KEY');
  const taken = new Set([
    ...values.map(({ name }) => name),
    ...others.map((include) => includeColumn(include, key).name),
  ]);
  const keyColumns = (alias: string | null): readonly SourceColumn[] | null =>
    keyPartColumns(parts, taken, alias, !isUpsert);
  const includes = statement.include.flatMap((include) =>
    include.item === 'KEY'
      ? (keyColumns(include.alias) ?? [includeColumn(include, key)])
      : [includeColumn(include, key)],
  );
  const first =
    !isUpsert || key === null || includes.some(isKey)
      ? []
      : (keyColumns(null) ?? [wholeColumn('key', key, 'key', false)]);
  const columns = [...first, ...values, ...includes];
  requireDistinct(columns, statement.position);
  const { registry: _, ...reading } = parts;
  return {
    key,
    value,
    envelope,
    columns,
    ...options,
    ...reading,
    keyColumns:
      envelope !== 'none' ? columns.flatMap((column, i) => (isKey(column) ? [i] : [])) : [],
  };
}

function isKey({ origin }: SourceColumn): boolean {
  return origin.kind === 'key' || (origin.kind === 'field' && origin.of === 'key');
}

function requireDistinct(columns: readonly SourceColumn[], position: number): void {
  const seen = new Set<string>();
  for (const column of columns) {
    if (seen.has(column.name)) {
      throw sqlError('42701', `column "${column.name}" specified more than once`, {
        hint: 'Name included columns with AS.',
        position,
      });
    }
    seen.add(column.name);
  }
}

function startPosition(options: Options, now: number): StartPosition {
  const offsets = options.integers('START OFFSET');
  const timestamp = options.integer('START TIMESTAMP');
  if (offsets !== undefined && timestamp !== undefined) {
    throw sqlError('42601', 'START OFFSET and START TIMESTAMP exclude each other');
  }
  if (offsets !== undefined) {
    const bad = offsets.find((offset) => offset < 0n);
    if (bad !== undefined) throw sqlError('22023', `START OFFSET ${bad} is negative`);
    return { kind: 'offsets', offsets };
  }
  if (timestamp === undefined) return { kind: 'earliest' };
  const milliseconds = Number(timestamp);
  return {
    kind: 'timestamp',
    milliseconds: milliseconds < 0 ? Math.max(0, Math.floor(now) + milliseconds) : milliseconds,
  };
}

/** The topics of TOPIC or TOPIC PATTERN. Throws 42601, and 2201B for what is no pattern. */
function sourceTopics(options: Options, position: number): SourceTopics {
  const names = options.strings('TOPIC');
  const pattern = options.string('TOPIC PATTERN');
  if (names !== undefined && pattern !== undefined)
    throw sqlError('42601', 'TOPIC and TOPIC PATTERN exclude each other');
  if (pattern !== undefined) {
    // Whether it is one is said now.
    new TopicPattern(pattern);
    return { kind: 'pattern', pattern };
  }
  if (names === undefined || names.length === 0)
    throw sqlError('42601', 'CREATE SOURCE … FROM KAFKA needs TOPIC or TOPIC PATTERN', {
      position,
    });
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw sqlError('42601', `topic "${twice}" is given twice`);
  return { kind: 'names', names };
}

function requireOneTopic(topics: SourceTopics, start: StartPosition): void {
  if (start.kind !== 'offsets' || (topics.kind === 'names' && topics.names.length === 1)) return;
  throw sqlError('42601', 'START OFFSET is not understood for several topics', {
    detail: 'It gives offsets by partition, and does not say of which topic.',
    hint: 'Use START TIMESTAMP, or a source for each topic.',
  });
}

function missingConnection({ parts, position }: QualifiedName): Error {
  return sqlError('42704', `connection "${parts.join('.')}" does not exist`, { position });
}

function findKafka(context: ExecutionContext, name: QualifiedName): KafkaConnectionObject {
  const connection = findItem(context, name);
  if (connection?.kind !== 'connection') throw missingConnection(name);
  if (connection.type === 'kafka') return connection;
  throw sqlError('42809', `connection "${connection.name}" is not one to Kafka`, {
    position: name.position,
  });
}

function readingsOf(
  context: ExecutionContext,
  statement: CreateSource,
  topics: SourceTopics,
  { impliedKey }: Formats,
): Promise<Readings> {
  const topic = topics.kind === 'names' ? (topics.names[0] ?? null) : null;
  const value = defined(statement.valueFormat, 'the formats have been looked at');
  const declared = statement.columns.map(({ name }) => name);
  return readings(context, topic, { key: statement.keyFormat, value, impliedKey, declared });
}

/** After a wait: throws 42704 if what was found before has been dropped. */
function requireConnections(
  { coordinator: { catalog } }: ExecutionContext,
  kafka: { readonly oid: number },
  { registry }: { readonly registry: { readonly oid: number; readonly name: string } | null },
  name: QualifiedName,
): void {
  if (catalog.byOid(kafka.oid) === undefined) throw missingConnection(name);
  if (registry !== null && catalog.byOid(registry.oid) === undefined)
    throw sqlError('42704', `connection "${registry.name}" does not exist`);
}

/** Throws 42704 for a missing connection, 08001 if its cluster does not answer, 0A000 by name. */
export async function createSource(
  context: ExecutionContext,
  statement: CreateSource,
): Promise<Outcome> {
  const { coordinator } = context;
  context.session.transaction.refuseInBlock('CREATE SOURCE');
  if (statement.connector !== 'KAFKA' || statement.connection === null) {
    throw unsupported(
      `CREATE SOURCE FROM ${statement.connector}`,
      statement.position,
      'Only KAFKA sources are supported.',
    );
  }
  const at = newName(context, statement.name);
  if (skipExisting(context, at, statement.ifNotExists)) return command('CREATE SOURCE');
  const connection = findKafka(context, statement.connection);
  const options = new Options('CREATE SOURCE', statement.options);
  const topics = sourceTopics(options, statement.position);
  const start = startPosition(options, coordinator.clock.now());
  requireOneTopic(topics, start);
  options.rest();
  new Options('CREATE SOURCE', statement.with).rest();
  const formats = formatsOf(statement);
  const parts = await readingsOf(context, statement, topics, formats);
  const format = sourceFormat(statement, formats, parts);
  requireConnections(context, connection, parts, statement.connection);
  await context.cancellation.race(coordinator.connection(connection.oid).validate());
  context.cancellation.check();
  if (skipExisting(context, at, statement.ifNotExists)) return command('CREATE SOURCE');
  requireConnections(context, connection, parts, statement.connection);
  const source: SourceObject = {
    kind: 'source',
    oid: coordinator.catalog.nextOid(),
    ...at,
    connection: connection.oid,
    ...(parts.registry === null ? {} : { registry: parts.registry.oid }),
    topics,
    format,
    start,
    columns: format.columns.map((column) => ({
      name: column.name,
      type: { name: column.type, modifier: column.modifier },
      nullable: column.nullable,
    })),
    collection: coordinator.engine.nextNumber(),
    stored: format.envelope !== 'none',
  };
  coordinator.catalog.add(source);
  coordinator.startSource(source);
  return command('CREATE SOURCE');
}
