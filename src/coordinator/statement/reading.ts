/**
 * What the FORMAT clauses of a source say together: how its key and value are read, by which schema
 * registry, and the columns that come from their fields.
 */
import { unsupported } from '../../base/error.ts';
import type { SourceColumn, SourceFormat } from '../../../connectors/format/decoder.ts';
import { schemaColumns } from '../../../connectors/format/avro/columns.ts';
import { parseSchema } from '../../../connectors/format/avro/parse.ts';
import type { RegistryConnectionObject } from '../../catalog/object.ts';
import type { Format } from '../../sql/ast.ts';
import { avroReadings } from './avro-source.ts';
import type { ExecutionContext } from './context.ts';
import { csvColumns, csvReading } from './csv-source.ts';

/** The parts of a source, and the registry that both ask. */
export interface Readings extends Pick<SourceFormat, 'avro' | 'csv'> {
  readonly registry: RegistryConnectionObject | null;
}

/** The FORMAT clauses; `impliedKey` says that the key is read as the value's clause has it. */
export interface FormatClauses {
  readonly key: Format | null;
  readonly value: Format;
  readonly impliedKey: boolean;
  /** Names of declared columns that are fields of the value. */
  readonly declared: readonly string[];
}

/** Reads the clauses, with what the registry says. Throws as the formats do. */
export async function readings(
  context: ExecutionContext,
  topic: string | null,
  clauses: FormatClauses,
): Promise<Readings> {
  const { key, value, impliedKey, declared } = clauses;
  const only = (format: Format | null, name: Format['name']): Format | null =>
    format?.name === name ? format : null;
  const isAvroKey = impliedKey && value.name === 'AVRO';
  const { registry, ...avro } = await avroReadings(
    context,
    topic,
    only(key, 'AVRO'),
    only(value, 'AVRO'),
    isAvroKey,
  );
  const [csvKey, csvValue] = [only(key, 'CSV'), only(value, 'CSV')];
  const csv = {
    ...(csvKey === null ? {} : { key: csvReading(csvKey, []) }),
    ...(csvValue === null ? {} : { value: csvReading(csvValue, declared) }),
  };
  return {
    ...(Object.keys(avro).length === 0 ? {} : { avro }),
    ...(Object.keys(csv).length === 0 ? {} : { csv }),
    registry,
  };
}

/**
 * The columns that the schema of a part gives; null if it has none. `whole` names the one of a part
 * that is no record.
 */
export function partColumns(
  { avro, csv }: Readings,
  of: 'key' | 'value',
  whole: string,
): readonly SourceColumn[] | null {
  const ofAvro = avro?.[of];
  if (ofAvro !== undefined) return schemaColumns(parseSchema(ofAvro.schema), of, whole);
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
