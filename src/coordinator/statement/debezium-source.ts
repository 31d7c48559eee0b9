/**
 * The clauses of CREATE SOURCE … ENVELOPE DEBEZIUM. Columns are declared with a primary key, as
 * those of the table that the connector reads: columns of the primary key come from a record's key,
 * the others from the row in its event.
 */
import { sqlError, unsupported } from '../../base/error.ts';
import { schemaColumns } from '../../../connectors/format/avro/columns.ts';
import { parseSchema } from '../../../connectors/format/avro/parse.ts';
import { rowSchema } from '../../../connectors/format/debezium/avro-schema.ts';
import type {
  DecimalHandling,
  SourceColumn,
  SourceFormat,
} from '../../../connectors/format/decoder.ts';
import type { Statement } from '../../sql/ast.ts';
import { Options } from './option.ts';
import { relationColumns } from './table.ts';

type CreateSource = Extract<Statement, { kind: 'createSource' }>;

const decimalsOption = 'DECIMAL HANDLING MODE';
const unavailableOption = 'UNAVAILABLE VALUE PLACEHOLDER';

/** What the envelope's options say. Throws 0A000 for TRANSACTION METADATA, 22023, 42601. */
export function debeziumOptions({ envelope }: CreateSource): {
  readonly decimals?: DecimalHandling;
  readonly unavailable?: string;
} {
  const given = envelope?.options ?? [];
  const options = new Options('ENVELOPE DEBEZIUM', given);
  const position = given.find(({ name }) => name === decimalsOption)?.position ?? 0;
  const mode = options.string(decimalsOption)?.toLowerCase();
  const placeholder = options.string(unavailableOption);
  options.rest();
  const unavailable = placeholder === undefined ? {} : { unavailable: placeholder };
  // Numbers need no option: nothing else can be meant by them.
  if (mode === undefined || mode === 'double') return unavailable;
  if (mode === 'precise' || mode === 'string') return { decimals: mode, ...unavailable };
  throw sqlError('22023', `${decimalsOption} takes 'precise', 'string' or 'double'`, { position });
}

/** Throws 0A000 for formats in which events are not read. */
export function refuseOtherFormats({ keyFormat, valueFormat }: CreateSource): void {
  const isAvro = valueFormat?.name === 'AVRO';
  for (const format of [valueFormat, keyFormat]) {
    const isPlain = format?.name !== 'JSON' || format.options.length === 0;
    if (format === null || (format.name === (isAvro ? 'AVRO' : 'JSON') && isPlain)) continue;
    throw unsupported(
      `ENVELOPE DEBEZIUM with FORMAT ${format.name}`,
      format.position,
      'Its key and value are both read with FORMAT JSON, or both with FORMAT AVRO.',
    );
  }
}

/**
 * The columns of key and row: declared ones, or those of the schemas. Throws 0A000 and 42601
 * for clauses that do not fit.
 */
export function debeziumColumns(
  statement: CreateSource,
  avro: SourceFormat['avro'],
): readonly SourceColumn[] {
  const key = statement.include.find(({ item }) => item === 'KEY');
  if (key !== undefined) {
    throw unsupported(
      'INCLUDE KEY with ENVELOPE DEBEZIUM',
      key.position,
      'The columns of the primary key come from the key.',
    );
  }
  if (avro?.key !== undefined && avro.value !== undefined) {
    if (statement.columns.length > 0) {
      throw unsupported(
        'a column list with FORMAT AVRO',
        statement.position,
        'Columns and the primary key come from the schemas of value and key.',
      );
    }
    return schemaColumnsOf(avro.key.schema, avro.value.schema);
  }
  if (statement.columns.length === 0) return documentColumns;
  if (!statement.columns.some(({ primaryKey }) => primaryKey)) {
    throw sqlError('42601', 'ENVELOPE DEBEZIUM needs a column list with a PRIMARY KEY', {
      position: statement.envelope?.position ?? statement.position,
      hint: 'Declare the columns of the table and its primary key, as they are upstream.',
    });
  }
  return relationColumns(statement.columns).map(({ name, type, nullable }, i) => {
    const isKey = statement.columns[i]?.primaryKey === true;
    return {
      name,
      type: type.name,
      modifier: type.modifier,
      nullable: nullable && !isKey,
      origin: { kind: 'field', of: isKey ? 'key' : 'value', name },
    };
  });
}

/** Those of a collection of MongoDB: a document and its key, as text. */
const documentColumns: readonly SourceColumn[] = [
  {
    name: 'id',
    type: 'text',
    modifier: -1,
    nullable: false,
    origin: { kind: 'field', of: 'key', name: 'id' },
  },
  { name: 'data', type: 'jsonb', modifier: -1, nullable: false, origin: { kind: 'value' } },
];

/** The fields of the row in their order, those of the key as the key has them. */
function schemaColumnsOf(key: string, value: string): readonly SourceColumn[] {
  const keySchema = parseSchema(key);
  if (keySchema.kind !== 'record')
    throw unsupported('ENVELOPE DEBEZIUM with an Avro key that is no record');
  const ofKey = schemaColumns(keySchema, 'key', 'key').map((column) => ({
    ...column,
    nullable: false,
  }));
  const ofRow = schemaColumns(rowSchema(parseSchema(value)), 'value', 'row');
  const byName = new Map(ofKey.map((column) => [column.name, column]));
  const isInRow = new Set(ofRow.map(({ name }) => name));
  return [
    ...ofKey.filter(({ name }) => !isInRow.has(name)),
    ...ofRow.map((column) => byName.get(column.name) ?? column),
  ];
}
