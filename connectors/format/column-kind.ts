/** SQL types of columns that a schema gives, whatever its language: what Avro and Protobuf share. */
import type { TypeName } from '../../dataflow/value/type.ts';

/** A type of SQL with its modifier. */
export interface ColumnKind {
  readonly type: TypeName;
  readonly modifier: number;
}

/** A type without modifier, if none is given. */
export function kind(type: TypeName, modifier = -1): ColumnKind {
  return { type, modifier };
}

/** The array types of elements that a schema can have. */
export const arrayTypes: ReadonlyMap<TypeName, TypeName> = new Map([
  ['text', '_text'],
  ['bool', '_bool'],
  ['int4', '_int4'],
  ['int8', '_int8'],
  ['float4', '_float4'],
  ['float8', '_float8'],
  ['bytea', '_bytea'],
  ['numeric', '_numeric'],
  ['uuid', '_uuid'],
  ['date', '_date'],
  ['interval', '_interval'],
  ['time', '_time'],
  ['timestamptz', '_timestamptz'],
  ['timestamp', '_timestamp'],
]);
