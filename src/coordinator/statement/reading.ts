/**
 * What the FORMAT clauses of a source say together: how its key and value are read, by which schema
 * registry, and the columns that come from their fields.
 */
import { unsupported } from '../../base/error.ts';
import type { SourceColumn, SourceFormat } from '../../../connectors/format/decoder.ts';
import { schemaColumns } from '../../../connectors/format/avro/columns.ts';
import { parseSchema } from '../../../connectors/format/avro/parse.ts';
import { withLogicalTypes } from '../../../connectors/format/debezium/avro-schema.ts';
import { messageColumns, messageOf } from '../../../connectors/format/protobuf/columns.ts';
import { parseProtobuf } from '../../../connectors/format/protobuf/parse.ts';
import type { RegistryConnectionObject } from '../../catalog/object.ts';
import type { Format } from '../../sql/ast.ts';
import { avroReading } from './avro-source.ts';
import type { ExecutionContext } from './context.ts';
import { csvColumns, csvReading } from './csv-source.ts';
import { protobufReading } from './protobuf-source.ts';
import type { SchemaClause } from './schema-clause.ts';
import { refuseStrategy, schemaClause } from './schema-clause.ts';

type Part = 'key' | 'value';

/** The parts of a source, and the registry that both ask. */
export interface Readings extends Pick<SourceFormat, 'avro' | 'protobuf' | 'csv' | 'json'> {
  readonly registry: RegistryConnectionObject | null;
}

/** The FORMAT clauses; `impliedKey` says that the key is read as the value's clause has it. */
export interface FormatClauses {
  readonly key: Format | null;
  readonly value: Format;
  readonly impliedKey: boolean;
  /** Names of declared columns that are fields of the value. */
  readonly declared: readonly string[];
  /** Whether the values are Debezium's events. */
  readonly isEvents: boolean;
}

/** How one part is read. */
type PartReading = {
  readonly [Name in 'avro' | 'protobuf' | 'csv' | 'json']?: NonNullable<SourceFormat[Name]>[Part];
};

/** Whether a format reads records by schemas. */
export function hasSchema(format: Format | null): boolean {
  return format?.name === 'AVRO' || format?.name === 'PROTOBUF' || isFramedJson(format);
}

function isFramedJson(format: Format | null): boolean {
  return format?.name === 'JSON' && format.options.length > 0;
}

/** Reads the clauses, with what the registry says. Throws as the formats do. */
export async function readings(
  context: ExecutionContext,
  topic: string | null,
  { key, value, impliedKey, declared, isEvents }: FormatClauses,
): Promise<Readings> {
  const keyFormat = impliedKey ? value : key;
  const valueClause = hasSchema(value) ? schemaClause(context, value) : null;
  const keyClause =
    keyFormat === value
      ? valueClause
      : keyFormat !== null && hasSchema(keyFormat)
        ? schemaClause(context, keyFormat)
        : null;
  if (keyClause !== null && keyClause !== valueClause) refuseStrategy(keyClause, 'value');
  if (valueClause !== null && keyClause !== valueClause) refuseStrategy(valueClause, 'key');
  const registry = keyClause?.registry ?? valueClause?.registry ?? null;
  for (const clause of [keyClause, valueClause]) {
    const isOther = (clause?.registry?.oid ?? registry?.oid) !== registry?.oid;
    if (clause !== null && isOther)
      throw unsupported('a source of two schema registries', clause.position);
  }
  const ofKey =
    keyFormat === null ? {} : await partReading(context, topic, 'key', keyFormat, keyClause, []);
  const ofValue = await partReading(context, topic, 'value', value, valueClause, declared);
  const parts = isEvents ? joined(ofEvents(ofKey), ofEvents(ofValue)) : joined(ofKey, ofValue);
  return { ...parts, registry };
}

async function partReading(
  context: ExecutionContext,
  topic: string | null,
  part: Part,
  format: Format,
  clause: SchemaClause | null,
  declared: readonly string[],
): Promise<PartReading> {
  if (format.name === 'CSV') return { csv: csvReading(format, declared) };
  if (clause === null) return {};
  if (clause.format === 'AVRO') return { avro: await avroReading(context, topic, part, clause) };
  if (clause.format === 'PROTOBUF')
    return { protobuf: await protobufReading(context, topic, part, clause) };
  // The schema says nothing that is needed: columns are declared, or the whole is one.
  if (clause.registry === null) throw unsupported('FORMAT JSON USING SCHEMA', clause.position);
  refuseStrategy(clause, part);
  return { json: { framing: 'registry' } };
}

/** The schema of events with the types that Debezium tells in its own way. */
function ofEvents(part: PartReading): PartReading {
  const { avro } = part;
  return avro === undefined ? part : { avro: { ...avro, schema: withLogicalTypes(avro.schema) } };
}

/** Key and value by format. */
function joined(key: PartReading, value: PartReading): Omit<Readings, 'registry'> {
  const pair = <Reading>(
    ofKey: Reading | undefined,
    ofValue: Reading | undefined,
  ): { readonly key?: Reading; readonly value?: Reading } | null =>
    ofKey === undefined && ofValue === undefined
      ? null
      : {
          ...(ofKey === undefined ? {} : { key: ofKey }),
          ...(ofValue === undefined ? {} : { value: ofValue }),
        };
  const [avro, protobuf, csv, json] = [
    pair(key.avro, value.avro),
    pair(key.protobuf, value.protobuf),
    pair(key.csv, value.csv),
    pair(key.json, value.json),
  ];
  return {
    ...(avro === null ? {} : { avro }),
    ...(protobuf === null ? {} : { protobuf }),
    ...(csv === null ? {} : { csv }),
    ...(json === null ? {} : { json }),
  };
}

/**
 * The columns that the schema of a part gives; null if it has none. `whole` names the one of a part
 * that is no record.
 */
export function partColumns(
  { avro, protobuf, csv }: Readings,
  of: Part,
  whole: string,
): readonly SourceColumn[] | null {
  const ofAvro = avro?.[of];
  if (ofAvro !== undefined) return schemaColumns(parseSchema(ofAvro.schema), of, whole);
  const ofProtobuf = protobuf?.[of];
  if (ofProtobuf !== undefined) {
    const schema = parseProtobuf(ofProtobuf.schema);
    return messageColumns(messageOf(schema, ofProtobuf.message), of);
  }
  const ofCsv = csv?.[of];
  return ofCsv === undefined ? null : csvColumns(ofCsv, of);
}

/**
 * The columns of the key, if its schema gives them: those of a record under their own names, unless
 * `taken` has them. They are nullable where the key may be.
 */
export function keyPartColumns(
  parts: Readings,
  taken: ReadonlySet<string>,
  alias: string | null,
  nullable: boolean,
): readonly SourceColumn[] | null {
  const columns = partColumns(parts, 'key', alias ?? 'key');
  if (columns === null) return null;
  if (alias !== null && columns.some((column) => column.origin.kind === 'field'))
    throw unsupported('INCLUDE KEY AS with a key that has fields');
  return columns.map((column) => ({
    ...column,
    name: taken.has(column.name) ? `key_${column.name}` : column.name,
    nullable: nullable || column.nullable,
  }));
}
