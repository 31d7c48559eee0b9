/**
 * From the values of a group, in order, to what string_agg, array_agg, jsonb_agg and
 * jsonb_object_agg make of them. Cold by nature: the result is as long as the group.
 */
import { assert, unreachable } from '../../src/base/assert.ts';
import type { AggregateName } from '../plan/plan.ts';
import { array } from '../value/array.ts';
import type { Datum, Row } from '../value/datum.ts';
import { jsonbArray, jsonbObject } from '../value/json-text.ts';
import { bytesOf, stringOf } from '../value/scalar-words.ts';
import type { TypeName } from '../value/type.ts';
import { jsonKeyOf, jsonbOf } from './jsonb-of.ts';
import type { DataError } from './operator.ts';

/** The value over at least one row of arguments of the given types, or why there is none. */
export function collectedValue(
  fn: AggregateName,
  types: readonly TypeName[],
  rows: readonly Row[],
): { readonly value: Datum } | { readonly error: DataError } {
  switch (fn) {
    case 'array_agg':
      return { value: array(rows.map(([value]) => value)) };
    case 'jsonb_agg':
      return { value: jsonbArray(rows.map(([value]) => jsonbOf(types[0], value))) };
    case 'jsonb_object_agg':
      return objectOf(types, rows);
    case 'string_agg':
      return { value: types[0] === 'bytea' ? joinedBytes(rows) : joinedText(rows) };
    case 'count':
    case 'sum':
    case 'avg':
    case 'min':
    case 'max':
    case 'bool_and':
    case 'bool_or':
    case 'stddev_samp':
    case 'stddev_pop':
    case 'var_samp':
    case 'var_pop':
      assert(false, `${fn} does not collect`);
      break;
    default:
      return unreachable(fn);
  }
  return { value: null };
}

/** Later entries win over earlier ones of the same key. */
function objectOf(
  types: readonly TypeName[],
  rows: readonly Row[],
): { readonly value: Datum } | { readonly error: DataError } {
  const members = new Map<string, string>();
  for (const [key, value] of rows) {
    if (key === null) return { error: { code: '22023', message: 'field name must not be null' } };
    const name = jsonKeyOf(types[0], key);
    members.set(name, jsonbOf(types[1], value));
  }
  return { value: jsonbObject(members) };
}

/** Each value but the first comes after its own delimiter; a NULL delimiter is none. */
function joinedText(rows: readonly Row[]): string {
  return rows
    .map(
      ([value, delimiter], i) =>
        (i === 0 || delimiter === null ? '' : stringOf(delimiter)) + stringOf(value),
    )
    .join('');
}

function joinedBytes(rows: readonly Row[]): Uint8Array {
  const parts = rows.flatMap(([value, delimiter], i) =>
    i === 0 || delimiter === null ? [bytesOf(value)] : [bytesOf(delimiter), bytesOf(value)],
  );
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
