/**
 * Schemas of Debezium's events in Avro, as Kafka Connect's converters write them.
 *
 * The types that Connect and Debezium add to Avro's stand in the property `connect.name`. Those
 * that have the same meaning as one of Avro's logical types, or one of ours, are given that one; a
 * name of Debezium comes before a logical type, which is the converter's guess.
 */
import { unsupported } from '../../../src/base/error.ts';
import type { AvroRecord, AvroType } from '../avro/schema.ts';

const logicalTypes: ReadonlyMap<string, string> = new Map([
  ['io.debezium.time.Date', 'date'],
  ['io.debezium.time.Time', 'time-millis'],
  ['io.debezium.time.MicroTime', 'time-micros'],
  ['io.debezium.time.Timestamp', 'local-timestamp-millis'],
  ['io.debezium.time.MicroTimestamp', 'local-timestamp-micros'],
  ['io.debezium.time.NanoTimestamp', 'local-timestamp-nanos'],
  ['io.debezium.time.ZonedTimestamp', 'zoned-timestamp'],
  ['io.debezium.data.Uuid', 'uuid'],
  ['io.debezium.data.Json', 'json'],
  ['org.apache.kafka.connect.data.Date', 'date'],
  ['org.apache.kafka.connect.data.Time', 'time-millis'],
  // Connect's timestamps are instants, but Debezium uses them for times without zone.
  ['org.apache.kafka.connect.data.Timestamp', 'local-timestamp-millis'],
]);

/** The text of a schema, with logical types where `connect.name` says the same. */
export function withLogicalTypes(text: string): string {
  return JSON.stringify(JSON.parse(text), (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('connect.name' in value)) return value;
    const name = value['connect.name'];
    const logicalType = typeof name === 'string' ? logicalTypes.get(name) : undefined;
    return logicalType === undefined ? value : { ...value, logicalType };
  });
}

/** Where the row of an event is. */
export interface Envelope {
  readonly record: AvroRecord;
  readonly row: AvroRecord;
}

/** The parts of an event's schema, or null if it is no event. */
export function envelopeOf(schema: AvroType): Envelope | null {
  if (schema.kind !== 'record') return null;
  const after = schema.fields.find(({ name }) => name === 'after')?.type;
  const hasOp = schema.fields.some(({ name, type }) => name === 'op' && type.kind === 'string');
  const branches = after?.kind === 'union' ? after.branches : after === undefined ? [] : [after];
  const row = branches.find((branch) => branch.kind === 'record');
  return row === undefined || !hasOp ? null : { record: schema, row };
}

/** The record that a row is, by the schema of its events. Throws 0A000 if that is no event. */
export function rowSchema(schema: AvroType): AvroRecord {
  const envelope = envelopeOf(schema);
  if (envelope !== null) return envelope.row;
  throw unsupported(
    'ENVELOPE DEBEZIUM with an Avro schema that has no record "after" and no string "op"',
  );
}
