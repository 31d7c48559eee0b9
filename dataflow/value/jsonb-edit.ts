/**
 * Making and changing jsonb: values of every type to JSON, concatenation, deletion, setting by path.
 * In and out go canonical texts; containers are taken apart into the texts of their entries and put
 * together again.
 */
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import { arrayOf } from './array.ts';
import type { Datum } from './datum.ts';
import type { DatetimeContext } from './datetime-text.ts';
import { plainContext } from './datetime-text.ts';
import { jsonArray, jsonKind, jsonObject } from './json-scan.ts';
import { canonicalJsonb, jsonQuote, jsonbArray, jsonbObject } from './json-text.ts';
import { elementsAt, membersAt } from './jsonb-access.ts';
import { bigintOf, elementOf, stringOf } from './scalar-words.ts';
import { formatDatum } from './text-output.ts';
import { offsetAt } from './timezone.ts';
import type { TypeName } from './type.ts';
import { typeInfo } from './type.ts';
import { utf8 } from './words.ts';

function invalidArgument(message: string, hint?: string): SqlError {
  return sqlError('22023', message, hint === undefined ? {} : { hint });
}

/** A jsonb taken apart one level. */
type Parts =
  | { readonly kind: 'object'; readonly members: [string, string][] }
  | { readonly kind: 'array'; readonly elements: string[] }
  | { readonly kind: 'scalar' };

function partsOf(jsonb: string): Parts {
  const u8 = utf8(jsonb);
  const kind = jsonKind(u8, 0);
  if (kind === jsonObject) return { kind: 'object', members: membersAt(u8, 0) };
  return kind === jsonArray ? { kind: 'array', elements: elementsAt(u8, 0) } : { kind: 'scalar' };
}

/** `to_jsonb`: the JSON of a value of any type; NULL is null. */
export function toJsonb(type: TypeName, datum: Datum, context: DatetimeContext = plainContext): string {
  if (datum === null) return 'null';
  switch (type) {
    case 'bool': return datum === true ? 'true' : 'false';
    case 'jsonb': return stringOf(datum);
    case 'json': return canonicalJsonb(stringOf(datum));
    case 'int2': case 'int4': case 'int8': return formatDatum(type, datum);
    case 'float4': case 'float8': case 'numeric': {
      const text = formatDatum(type, datum);
      return /[NI]/.test(text) ? jsonQuote(text) : canonicalJsonb(text);
    }
    case 'timestamp':
    case 'timestamptz': return jsonQuote(isoMoment(type, datum, context));
    default: break;
  }
  if (typeInfo(type).equality === 'array') {
    const element = elementOf(type);
    return jsonbArray(arrayOf(datum).elements.map((e) => toJsonb(element, e, context)));
  }
  return jsonQuote(formatDatum(type, datum, -1, context));
}

/** ISO 8601 with a T, and an offset that always has minutes. */
function isoMoment(type: 'timestamp' | 'timestamptz', datum: Datum, context: DatetimeContext): string {
  const text = formatDatum(type, datum, -1, context).replace(' ', 'T');
  if (type === 'timestamp' || text.endsWith('infinity')) return text;
  const short = offsetAt(context.zone, bigintOf(datum)) % 3600 === 0;
  return short ? text.replace(/([+-]\d\d)( BC)?$/, '$1:00$2') : text;
}

/** `a || b`: objects merge, everything else becomes one array. */
export function jsonbConcat(a: string, b: string): string {
  const x = partsOf(a);
  const y = partsOf(b);
  if (x.kind === 'object' && y.kind === 'object') return jsonbObject([...x.members, ...y.members]);
  const left = x.kind === 'array' ? x.elements : [a];
  const right = y.kind === 'array' ? y.elements : [b];
  return jsonbArray([...left, ...right]);
}

/** `jsonb - keys`: without these keys, or these strings among the elements. */
export function jsonbDelete(jsonb: string, keys: readonly string[]): string {
  const parts = partsOf(jsonb);
  if (parts.kind === 'scalar') throw invalidArgument('cannot delete from scalar');
  const gone = new Set(keys);
  if (parts.kind === 'object') return jsonbObject(parts.members.filter(([key]) => !gone.has(key)));
  const quoted = new Set(keys.map(jsonQuote));
  return jsonbArray(parts.elements.filter((element) => !quoted.has(element)));
}

/** `jsonb - index`: without this element, counted from the end if negative. */
export function jsonbDeleteIndex(jsonb: string, index: number): string {
  const parts = partsOf(jsonb);
  if (parts.kind === 'scalar') throw invalidArgument('cannot delete from scalar');
  if (parts.kind === 'object') throw invalidArgument('cannot delete from object using integer index');
  const at = index < 0 ? parts.elements.length + index : index;
  return jsonbArray(parts.elements.filter((_, k) => k !== at));
}

/** What happens at the end of a path. */
interface PathEdit {
  readonly path: readonly (string | null)[];
  /** The new value, or null to delete. */
  readonly value: string | null;
  /** Whether a missing last step is made. */
  readonly create: boolean;
  /** Insertion: beside an element, never over a key. */
  readonly insert?: 'before' | 'after';
}

/** `jsonb #- path`. */
export function jsonbDeletePath(jsonb: string, path: readonly (string | null)[]): string {
  return edit(jsonb, { path, value: null, create: false }, 'cannot delete path in scalar');
}

/** `jsonb_set`. */
export function jsonbSet(
  jsonb: string, path: readonly (string | null)[], value: string, create: boolean,
): string {
  return edit(jsonb, { path, value, create }, 'cannot set path in scalar');
}

/** `jsonb_insert`. */
export function jsonbInsert(
  jsonb: string, path: readonly (string | null)[], value: string, after: boolean,
): string {
  const insert = after ? 'after' : 'before';
  return edit(jsonb, { path, value, create: true, insert }, 'cannot set path in scalar');
}

function edit(jsonb: string, change: PathEdit, scalarMessage: string): string {
  if (partsOf(jsonb).kind === 'scalar') throw invalidArgument(scalarMessage);
  const nothingToDo = !change.create && (jsonb === '{}' || jsonb === '[]');
  return change.path.length === 0 || nothingToDo ? jsonb : editAt(jsonb, change, 0);
}

function editAt(jsonb: string, change: PathEdit, level: number): string {
  const parts = partsOf(jsonb);
  const step = change.path[level];
  if (step === null) throw sqlError('22004', `path element at position ${level + 1} is null`);
  if (parts.kind === 'object') return editObject(jsonb, parts.members, change, level, step);
  return parts.kind === 'array' ? editArray(parts.elements, change, level, step) : jsonb;
}

function editObject(
  jsonb: string, members: readonly [string, string][], change: PathEdit, level: number, key: string,
): string {
  const { path, value } = change;
  const last = level === path.length - 1;
  const known = members.some(([name]) => name === key);
  if (!known) {
    return last && change.create && value !== null ? jsonbObject([...members, [key, value]]) : jsonb;
  }
  if (last && change.insert !== undefined) {
    throw invalidArgument('cannot replace existing key', 'Try using the function jsonb_set to replace key value.');
  }
  if (last && value === null) return jsonbObject(members.filter(([name]) => name !== key));
  return jsonbObject(members.map(([name, old]): [string, string] => {
    if (name !== key) return [name, old];
    return [name, last && value !== null ? value : editAt(old, change, level + 1)];
  }));
}

function editArray(
  elements: readonly string[], change: PathEdit, level: number, step: string,
): string {
  const { path, value } = change;
  if (!/^\s*[+-]?\d+$/.test(step) || Math.abs(Number(step)) > 0x7fffffff) {
    throw sqlError('22P02', `path element at position ${level + 1} is not an integer: "${step}"`);
  }
  const asked = Number(step);
  const index = asked < 0 ? elements.length + asked : asked;
  const inside = index >= 0 && index < elements.length;
  const copy = [...elements];
  if (level < path.length - 1) {
    if (inside) copy[index] = editAt(elements[index], change, level + 1);
  } else if (inside && value === null) copy.splice(index, 1);
  else if (inside && value !== null && change.insert === undefined) copy[index] = value;
  else if (inside && value !== null) copy.splice(change.insert === 'after' ? index + 1 : index, 0, value);
  else if (change.create && value !== null) copy.splice(index < 0 ? 0 : copy.length, 0, value);
  return jsonbArray(copy);
}

/** `jsonb_strip_nulls`: objects at every level without their null members. */
export function jsonbStripNulls(jsonb: string): string {
  const parts = partsOf(jsonb);
  if (parts.kind === 'array') return jsonbArray(parts.elements.map(jsonbStripNulls));
  if (parts.kind === 'scalar') return jsonb;
  return jsonbObject(parts.members
    .filter(([, value]) => value !== 'null')
    .map(([key, value]): [string, string] => [key, jsonbStripNulls(value)]));
}

/** `jsonb_pretty`: one entry a line, four blanks a level. */
export function jsonbPretty(jsonb: string, indent = ''): string {
  const parts = partsOf(jsonb);
  if (parts.kind === 'scalar') return jsonb;
  const inner = `${indent}    `;
  const lines = parts.kind === 'array'
    ? parts.elements.map((element) => inner + jsonbPretty(element, inner))
    : parts.members.map(([key, value]) => `${inner}${jsonQuote(key)}: ${jsonbPretty(value, inner)}`);
  const [open, close] = parts.kind === 'array' ? ['[', ']'] : ['{', '}'];
  return lines.length === 0 ? `${open}\n${indent}${close}` : `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}
