/**
 * The columns that a reader's schema gives: one a field of its record, and for a schema that is no
 * record one for the whole.
 *
 * A union of null and one type is a nullable column of that type; a union of several types is a
 * nullable column for each, named after field and type. Records, maps, and arrays of anything but
 * plain values are jsonb; arrays of plain values are arrays.
 */
import { sqlError, unsupported } from '../../../src/base/error.ts';
import { limits } from '../../../src/base/limits.ts';
import { numericScaleMax } from '../../../dataflow/value/decimal.ts';
import type { ColumnKind } from '../column-kind.ts';
import { arrayTypes, kind } from '../column-kind.ts';
import type { ColumnOrigin, SourceColumn } from '../decoder.ts';
import type { AvroType, Logical } from './schema.ts';
import { isVariableDecimal, partsOf, recursiveName, typeLabel } from './schema.ts';

/** Digits that a numeric column can be declared with. */
const declaredPrecisionMax = 1000;

function logicalKind(logical: Logical): ColumnKind {
  switch (logical.kind) {
    case 'decimal': {
      const { precision, scale } = logical;
      return kind(
        'numeric',
        precision > declaredPrecisionMax ? -1 : precision * 65_536 + scale + 4,
      );
    }
    case 'uuid':
      return kind('uuid');
    case 'date':
      return kind('date');
    case 'duration':
      return kind('interval');
    case 'time-millis':
    case 'time-micros':
      return kind('time');
    case 'timestamp-millis':
    case 'timestamp-micros':
    case 'timestamp-nanos':
    case 'zoned-timestamp':
      return kind('timestamptz');
    case 'json':
      return kind('jsonb');
    case 'local-timestamp-millis':
    case 'local-timestamp-micros':
    case 'local-timestamp-nanos':
      return kind('timestamp');
  }
}

/** The SQL type of a plain value; null for what has parts. */
export function plainKind(type: AvroType): ColumnKind | null {
  if ('logical' in type && type.logical !== null) return logicalKind(type.logical);
  switch (type.kind) {
    case 'null':
    case 'string':
    case 'enum':
      return kind('text');
    case 'boolean':
      return kind('bool');
    case 'int':
      return kind('int4');
    case 'long':
      return kind('int8');
    case 'float':
      return kind('float4');
    case 'double':
      return kind('float8');
    case 'bytes':
    case 'fixed':
      return kind('bytea');
    default:
      return null;
  }
}

/** The SQL type of a value that is no union. */
function columnKind(type: AvroType): ColumnKind {
  const plain = plainKind(type);
  if (plain !== null) return plain;
  if (isVariableDecimal(type)) return kind('numeric');
  if (type.kind !== 'array') return kind('jsonb');
  const items = type.items.kind === 'union' ? type.items.branches : [type.items];
  const [item, ...others] = items.filter((branch) => branch.kind !== 'null');
  const element = item === undefined || others.length > 0 ? null : plainKind(item);
  const array = element === null ? undefined : arrayTypes.get(element.type);
  return array === undefined ? kind('jsonb') : kind(array, element?.modifier);
}

/** A column before it has its place: `branch` is a position in the union, null if it is the only. */
interface Part extends ColumnKind {
  readonly suffix: string;
  readonly nullable: boolean;
  readonly branch: number | null;
}

function partsOfValue(type: AvroType): readonly Part[] {
  if (type.kind !== 'union')
    return [{ ...columnKind(type), suffix: '', nullable: type.kind === 'null', branch: null }];
  const branches = type.branches.flatMap((branch, index) =>
    branch.kind === 'null' ? [] : [{ branch, index }],
  );
  const nullable = branches.length < type.branches.length;
  const [first] = branches;
  if (first === undefined) return [{ ...kind('text'), suffix: '', nullable: true, branch: null }];
  if (branches.length === 1)
    return [{ ...columnKind(first.branch), suffix: '', nullable, branch: first.index }];
  return branches.map(({ branch, index }) => ({
    ...columnKind(branch),
    suffix: `_${typeLabel(branch)}`,
    nullable: true,
    branch: index,
  }));
}

/**
 * The columns of the key or the value of records read by `schema`; `whole` names the one of a
 * schema that is no record. Throws 0A000 for a recursive type.
 */
export function schemaColumns(
  schema: AvroType,
  of: 'key' | 'value',
  whole: string,
): readonly SourceColumn[] {
  const recursive = recursiveName(schema);
  if (recursive !== null) throw unsupported(`the recursive Avro type "${recursive}"`);
  requireScales(schema);
  const taken = new Set<string>();
  const columns = (
    name: string,
    type: AvroType,
    origin: (branch: number | null) => ColumnOrigin,
  ): readonly SourceColumn[] =>
    partsOfValue(type).map((part) => ({
      name: unused(`${name}${part.suffix}`, taken),
      type: part.type,
      modifier: part.modifier,
      nullable: part.nullable,
      origin: origin(part.branch),
    }));
  const made =
    schema.kind === 'record'
      ? schema.fields.flatMap(({ name, type }) =>
          columns(name, type, (branch) => ({ kind: 'field', of, name, branch })),
        )
      : columns(whole, schema, (branch) => ({ kind: of, branch }));
  if (made.length > limits.relationColumnsMax) {
    throw sqlError('54011', `the Avro schema gives ${made.length} columns`, {
      detail: `A source has at most ${limits.relationColumnsMax} columns.`,
    });
  }
  return made;
}

/** Two fields and branches may come to the same name. */
function unused(name: string, taken: Set<string>): string {
  let free = name;
  while (taken.has(free)) free += '_';
  taken.add(free);
  return free;
}

/** A numeric has a bounded number of decimals. */
function requireScales(schema: AvroType): void {
  const known = new Set<AvroType>();
  const visit = (type: AvroType): void => {
    if (known.has(type)) return;
    known.add(type);
    if (
      'logical' in type &&
      type.logical?.kind === 'decimal' &&
      type.logical.scale > numericScaleMax
    )
      throw unsupported(`an Avro decimal with scale ${type.logical.scale}`);
    for (const part of partsOf(type)) visit(part);
  };
  visit(schema);
}
