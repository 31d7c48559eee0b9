/**
 * The columns that a message gives: one a field. Integers of 32 bits without sign are int8, those
 * of 64 numeric(20), so that none loses anything; enums are text, messages and maps jsonb, repeated
 * values arrays. Timestamps, durations and wrappers are what they stand for.
 *
 * A column is NULL where the field is not there and that can be seen: branches of a oneof, optional
 * fields without a default, messages.
 */
import { sqlError, unsupported } from '../../../src/base/error.ts';
import { limits } from '../../../src/base/limits.ts';
import type { ColumnKind } from '../column-kind.ts';
import { arrayTypes, kind } from '../column-kind.ts';
import type { SourceColumn } from '../decoder.ts';
import type { ProtoEnum, ProtoField, ProtoMessage, ProtoSchema, ScalarName } from './schema.ts';
import { isMessage, recursiveName, wellKnown, wrapped } from './schema.ts';
import { ProtobufSchemaError } from './parse.ts';

/** numeric(20): integers of 64 bits without sign. */
const wideModifier = 20 * 65_536 + 4;

function plainKind(type: ScalarName | ProtoEnum): ColumnKind {
  if (typeof type !== 'string') return kind('text');
  switch (type) {
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return kind('int4');
    case 'uint32':
    case 'fixed32':
    case 'int64':
    case 'sint64':
    case 'sfixed64':
      return kind('int8');
    case 'uint64':
    case 'fixed64':
      return kind('numeric', wideModifier);
    case 'float':
      return kind('float4');
    case 'double':
      return kind('float8');
    case 'bool':
      return kind('bool');
    case 'string':
      return kind('text');
    case 'bytes':
      return kind('bytea');
  }
}

function columnKind({ type, label }: ProtoField): ColumnKind {
  if (label === 'map') return kind('jsonb');
  if (!isMessage(type)) {
    const plain = plainKind(type);
    return label === 'repeated'
      ? kind(arrayTypes.get(plain.type) ?? 'jsonb', plain.modifier)
      : plain;
  }
  if (label === 'repeated') return kind('jsonb');
  const scalar = wrapped(type);
  if (scalar !== null) return plainKind(scalar);
  const known = wellKnown(type);
  if (known === 'Timestamp') return kind('timestamptz');
  return kind(known === 'Duration' ? 'interval' : 'jsonb');
}

/** The message of a schema that records are. Throws ProtobufSchemaError. */
export function messageOf(schema: ProtoSchema, name: string | null): ProtoMessage {
  const plain = name?.replace(/^\./, '');
  const found = plain === undefined ? schema.messages[0] : schema.byName.get(plain);
  if (found !== undefined) return found;
  throw new ProtobufSchemaError(
    plain === undefined ? 'the schema has no message' : `the schema has no message "${plain}"`,
  );
}

/** The columns of the key or the value of records. Throws 0A000 for a recursive message, 54011. */
export function messageColumns(
  message: ProtoMessage,
  of: 'key' | 'value',
): readonly SourceColumn[] {
  const recursive = recursiveName(message);
  if (recursive !== null) throw unsupported(`the recursive Protobuf message "${recursive}"`);
  if (message.fields.length > limits.relationColumnsMax) {
    throw sqlError('54011', `the Protobuf message gives ${message.fields.length} columns`, {
      detail: `A source has at most ${limits.relationColumnsMax} columns.`,
    });
  }
  return message.fields.map((field) => ({
    name: field.name,
    ...columnKind(field),
    nullable: field.label === 'optional' && field.initial === null,
    origin: { kind: 'field', of, name: field.name },
  }));
}
