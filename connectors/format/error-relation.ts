/**
 * The relation of errors of a source (`<source>_errors`): a row for each record that does not
 * decode. Its first three columns name the record. Nothing in it depends on when the record was
 * read, so that a record that is read again gives the same row.
 */
import { limits } from '../../src/base/limits.ts';
import type { Row } from '../../dataflow/value/datum.ts';
import type { ColumnType, TypeName } from '../../dataflow/value/type.ts';
import type { DecodeError } from './decoder.ts';

interface ErrorColumn extends ColumnType {
  readonly name: string;
}

function column(name: string, type: TypeName, nullable = true): ErrorColumn {
  return { name, type, nullable };
}

/** The columns of the relation. */
export const errorRelation: readonly ErrorColumn[] = [
  column('topic', 'text'),
  column('partition', 'int4'),
  column('offset', 'int8'),
  column('timestamp', 'timestamptz'),
  column('key', 'bytea'),
  column('value', 'bytea'),
  column('schema_id', 'int4'),
  column('field', 'text'),
  column('message', 'text', false),
  column('sqlstate', 'text', false),
];

/** 2000-01-01, from which timestamps count, in milliseconds since the epoch. */
const epochMilliseconds = 946_684_800_000;
/** Later times are none: what a timestamp can be ends there. */
const timestampMillisecondsMax = 9_000_000_000_000_000;

/** The row of an error; null if there is no record that could be looked at. */
export function errorRow({ code, record }: DecodeError): Row | null {
  if (record === null) return null;
  const { topic, partition, offset, timestamp, key, value, schemaId, field, reason } = record;
  const isTime = timestamp >= 0 && timestamp <= timestampMillisecondsMax;
  const at = isTime ? BigInt(timestamp - epochMilliseconds) * 1000n : null;
  return [topic, partition, BigInt(offset), at, key, value, schemaId, field, reason, code];
}

/** The row that says that further records are not listed. */
export const fullRow: Row = [
  ...errorRelation.slice(0, -2).map(() => null),
  `more than ${limits.quarantinedRecordsMax} records cannot be decoded: others are counted, not listed`,
  '53400',
];
