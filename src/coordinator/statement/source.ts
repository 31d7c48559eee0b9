/**
 * CREATE SOURCE … FROM KAFKA: from clauses to a `SourceFormat` (what the decoder reads) and the
 * columns that SQL sees.
 *
 * Columns, in order: typed columns as declared, those of the schema or the CSV header, or `data`
 * (JSON as one jsonb), `text`, `data` (BYTES); for UPSERT the key comes first (`key`, or the fields
 * of a record, or where INCLUDE KEY puts it); then INCLUDE items by their alias or default name.
 */
import { assert, defined } from '../../base/assert.ts';
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
import type {
  KafkaConnectionObject,
  SourceGroupObject,
  SourceObject,
  SourceTopics,
} from '../../catalog/object.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { Outcome } from '../session.ts';
import { debeziumColumns, debeziumOptions, refuseOtherFormats } from './debezium-source.ts';
import type { OnError } from './error-relation.ts';
import { errorsName, errorsOf, onErrorOf } from './error-relation.ts';
import type { ExecutionContext } from './context.ts';
import { command } from './context.ts';
import { findItem, newName, skipExisting } from './naming.ts';
import { Options } from './option.ts';
import type { Readings } from './reading.ts';
import { hasSchema, keyPartColumns, partColumns, readings } from './reading.ts';
import { resumeSource } from './resume-source.ts';
import { requireOneTopic, sourceTopics, startPosition } from './source-position.ts';
import { relationColumns } from './table.ts';
import { topicChoice } from '../topic-choice.ts';

type CreateSource = Extract<Statement, { kind: 'createSource' }>;
type ResumeSource = Extract<Statement, { kind: 'resumeSource' }>;
type CreateTableFrom = Extract<Statement, { kind: 'createTableFrom' }>;

function formatName(format: Format): FormatName {
  if (format.name === 'TEXT' || format.name === 'BYTES')
    new Options(`FORMAT ${format.name}`, format.options).rest();
  return format.name;
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
      if (include.alias === null)
        throw sqlError('42601', 'INCLUDE HEADER needs AS', { position: include.position });
      return column(include.alias, include.bytes ? 'bytea' : 'text', true, {
        kind: 'header',
        key: include.header ?? '',
      });
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
  const isRegistry = statement.valueFormat.options.some(({ name }) => name.endsWith('CONNECTION'));
  const impliedKey =
    envelopeOf(statement) !== 'none' ||
    (isRegistry && statement.include.some(({ item }) => item === 'KEY'));
  const isInline = hasSchema(statement.valueFormat) && !isRegistry;
  if (impliedKey && (value === 'CSV' || isInline)) {
    const using = isInline ? ' USING SCHEMA' : '';
    const envelope = envelopeOf(statement).toUpperCase();
    throw sqlError('42601', `ENVELOPE ${envelope} with FORMAT ${value}${using} needs KEY FORMAT`, {
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
  if (envelopeOf(statement) === 'debezium') return debeziumColumns(statement, parts.avro);
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
  onError: OnError,
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
    onError,
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
  const isEvents = envelopeOf(statement) === 'debezium';
  return readings(context, topic, {
    key: statement.keyFormat,
    value,
    impliedKey,
    declared,
    isEvents,
  });
}

/** After a wait: throws 42704 if what was found before has been dropped. */
function requireConnections(
  { coordinator: { catalog } }: ExecutionContext,
  kafka: { readonly oid: number; readonly name: string },
  { registry }: { readonly registry: { readonly oid: number; readonly name: string } | null },
): void {
  if (catalog.byOid(kafka.oid) === undefined)
    throw sqlError('42704', `connection "${kafka.name}" does not exist`);
  if (registry !== null && catalog.byOid(registry.oid) === undefined)
    throw sqlError('42704', `connection "${registry.name}" does not exist`);
}

/** Throws 42704 for a missing connection, 08001 if its cluster does not answer, 0A000 by name. */
export function defineSource(
  context: ExecutionContext,
  statement: CreateSource | CreateTableFrom | ResumeSource,
): Promise<Outcome> {
  switch (statement.kind) {
    case 'createSource':
      return createSource(context, statement);
    case 'createTableFrom':
      return createTableFrom(context, statement);
    case 'resumeSource':
      return resumeSource(context, statement);
  }
}

async function createSource(context: ExecutionContext, statement: CreateSource): Promise<Outcome> {
  const tag = 'CREATE SOURCE';
  context.session.transaction.refuseInBlock(tag);
  if (statement.connector !== 'KAFKA' || statement.connection === null) {
    throw unsupported(
      `CREATE SOURCE FROM ${statement.connector}`,
      statement.position,
      'Only KAFKA sources are supported.',
    );
  }
  const at = newName(context, statement.name);
  if (skipExisting(context, at, statement.ifNotExists)) return command(tag);
  const connection = findKafka(context, statement.connection);
  const options = new Options(tag, statement.options);
  const topics = sourceTopics(options);
  const start = startPosition(options, context.coordinator.clock.now());
  options.rest();
  const reads = { at, connection, start };
  if (statement.valueFormat === null) {
    new Options(tag, statement.with).rest();
    return makeGroup(context, statement, { ...reads, topics });
  }
  if (topics === null) {
    throw sqlError('42601', 'CREATE SOURCE … FROM KAFKA needs TOPIC or TOPIC PATTERN', {
      position: statement.position,
    });
  }
  return makeSource(context, statement, { ...reads, topics, tag });
}

/** What a source reads, and how it is called. */
interface Reads {
  readonly at: { readonly schema: string; readonly name: string };
  readonly connection: KafkaConnectionObject;
  readonly start: StartPosition;
}

interface SourceReads extends Reads {
  readonly topics: SourceTopics;
  /** The source without a format that it is a table of. */
  readonly group?: number;
  readonly tag: 'CREATE SOURCE' | 'CREATE TABLE';
}

async function makeSource(
  context: ExecutionContext,
  statement: CreateSource,
  { at, connection, topics, start, group, tag }: SourceReads,
): Promise<Outcome> {
  const { coordinator } = context;
  requireOneTopic(topics, start);
  const onError = onErrorOf(tag, statement.with);
  const formats = formatsOf(statement);
  const parts = await readingsOf(context, statement, topics, formats);
  const format = sourceFormat(statement, formats, parts, onError);
  const requireAll = (): void => {
    requireConnections(context, connection, parts);
    if (group !== undefined && coordinator.catalog.byOid(group) === undefined)
      throw sqlError('42704', 'the source of the table was dropped');
  };
  requireAll();
  await context.cancellation.race(coordinator.connection(connection.oid).validate());
  context.cancellation.check();
  if (skipExisting(context, at, statement.ifNotExists)) return command(tag);
  requireAll();
  const errorsAt = onError === 'QUARANTINE' ? errorsName(context, at) : null;
  const source: SourceObject = {
    kind: 'source',
    oid: coordinator.catalog.nextOid(),
    ...at,
    connection: connection.oid,
    ...(group === undefined ? {} : { group }),
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
  if (errorsAt !== null) coordinator.catalog.add(errorsOf(context, source, errorsAt));
  coordinator.startSource(source);
  return command(tag);
}

/** A source without FORMAT: it reads nothing itself. */
async function makeGroup(
  context: ExecutionContext,
  statement: CreateSource,
  { at, connection, topics, start }: Reads & { readonly topics: SourceTopics | null },
): Promise<Outcome> {
  const { columns, include, envelope, position } = statement;
  if (columns.length > 0 || include.length > 0 || envelope !== null) {
    throw sqlError('42601', 'CREATE SOURCE needs FORMAT', {
      hint: 'Without FORMAT, its tables say what their columns are: CREATE TABLE … FROM SOURCE.',
      position,
    });
  }
  if (start.kind === 'offsets' && topics === null) {
    throw sqlError('42601', 'START OFFSET needs TOPIC', {
      hint: 'It is not said which topic has these offsets.',
      position,
    });
  }
  if (topics !== null) requireOneTopic(topics, start);
  const { coordinator } = context;
  await context.cancellation.race(coordinator.connection(connection.oid).validate());
  context.cancellation.check();
  if (skipExisting(context, at, statement.ifNotExists)) return command('CREATE SOURCE');
  requireConnections(context, connection, { registry: null });
  coordinator.catalog.add({
    kind: 'source group',
    oid: coordinator.catalog.nextOid(),
    ...at,
    connection: connection.oid,
    topics,
    start,
  });
  return command('CREATE SOURCE');
}

/** A table that a source without FORMAT feeds. */
async function createTableFrom(
  context: ExecutionContext,
  statement: CreateTableFrom,
): Promise<Outcome> {
  const tag = 'CREATE TABLE';
  context.session.transaction.refuseInBlock(tag);
  const at = newName(context, statement.name);
  if (skipExisting(context, at, statement.ifNotExists)) return command(tag);
  const group = findGroup(context, statement.source);
  const options = new Options('CREATE TABLE … FROM SOURCE', statement.options);
  const topics = tableTopics(group, options, statement.source.position);
  options.rest();
  const connection = context.coordinator.catalog.byOid(group.connection);
  assert(
    connection?.kind === 'connection' && connection.type === 'kafka',
    'a source has its connection',
  );
  const create = { ...statement, connector: 'KAFKA', connection: null };
  const { start, oid } = group;
  const reads = { at, connection, start, topics, group: oid, tag } as const;
  return makeSource(context, { ...create, kind: 'createSource' }, reads);
}

function findGroup(context: ExecutionContext, name: QualifiedName): SourceGroupObject {
  const { parts, position } = name;
  const object = findItem(context, name);
  if (object === undefined)
    throw sqlError('42P01', `source "${parts.join('.')}" does not exist`, { position });
  if (object.kind === 'source group') return object;
  throw sqlError('42809', `"${object.name}" is not a source of tables`, {
    hint: 'That is one that was created without FORMAT.',
    position,
  });
}

/** The topics of a table: the one that it names, or else all of its source. */
function tableTopics(
  { name, topics, start }: SourceGroupObject,
  options: Options,
  position: number,
): SourceTopics {
  const reference = options.string('REFERENCE');
  if (reference === undefined) {
    if (topics !== null) return topics;
    throw sqlError('42601', `source "${name}" has no topic of its own: say REFERENCE`, {
      position,
    });
  }
  if (topics !== null && !topicChoice({ topics, start }).matches(reference))
    throw sqlError('22023', `topic "${reference}" is none of source "${name}"`, { position });
  return { kind: 'names', names: [reference] };
}
