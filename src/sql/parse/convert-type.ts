/** Type names of the grammar's tree to ours. */
import { defined } from '../../base/assert.ts';
import type { TypeReference } from '../ast.ts';
import { nameOf, refuse } from './conversion.ts';
import type { Conversion } from './conversion.ts';
import type { TypeName } from './postgres-grammar.ts';

/** Bits of interval's first modifier (Postgres' INTERVAL_MASK), in the order they are spelled. */
const fieldBits: readonly (readonly [string, number])[] = [
  ['year', 1 << 2],
  ['month', 1 << 1],
  ['day', 1 << 3],
  ['hour', 1 << 10],
  ['minute', 1 << 11],
  ['second', 1 << 12],
];

/** The mask that means all fields: none was written, only a precision. */
const allFields = 0x7fff;

/** A type name with its modifiers; SETOF and %TYPE are refused. */
export function convertType(c: Conversion, type: TypeName): TypeReference {
  const position = c.at(type.location);
  if (type.setof === true) throw refuse(c, 'SETOF', type.location);
  if (type.pct_type === true) throw refuse(c, '%TYPE', type.location);
  const name = nameOf(type.names, position);
  const modifiers = (type.typmods ?? []).map((node) => {
    if ('A_Const' in node && node.A_Const.ival !== undefined) return node.A_Const.ival.ival ?? 0;
    throw refuse(c, 'a type modifier that is not an integer', type.location);
  });
  const array = (type.arrayBounds ?? []).length > 0;
  if (
    name.parts.at(-1) !== 'interval' ||
    name.parts[0] !== 'pg_catalog' ||
    modifiers.length === 0
  ) {
    return { name, modifiers, array, fields: '', position };
  }
  const mask = defined(modifiers[0], 'an interval with modifiers has a mask');
  return { name, modifiers: modifiers.slice(1), array, fields: fieldsOf(mask), position };
}

/** `day to second`: the first and the last field of the mask. */
function fieldsOf(mask: number): string {
  if (mask === allFields) return '';
  const names = fieldBits.filter(([, bit]) => (mask & bit) !== 0).map(([name]) => name);
  const first = defined(names[0], 'an interval mask has a field');
  return names.length === 1 ? first : `${first} to ${defined(names.at(-1), 'there are two')}`;
}
