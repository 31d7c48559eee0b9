/**
 * JSON values one level at a time: the members or elements of a text as texts. jsonb is
 * canonical, so a part of it is canonical too and is put together again by `jsonbObject` and
 * `jsonbArray`.
 */
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import {
  firstEntry,
  jsonArray,
  jsonBoolean,
  jsonKind,
  jsonNull,
  jsonNumber,
  jsonObject,
  jsonString,
  nextEntry,
  skipBlank,
  skipString,
  skipValue,
  stringText,
  valueOfKey,
} from '../value/json-scan.ts';
import { compareJsonb } from '../value/jsonb.ts';
import { jsonbArray, jsonbObject } from '../value/json-text.ts';
import { utf8, utf8Text } from '../value/words.ts';

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';

const kinds = new Map<number, JsonKind>([
  [jsonObject, 'object'],
  [jsonArray, 'array'],
  [jsonString, 'string'],
  [jsonNumber, 'number'],
  [jsonBoolean, 'boolean'],
  [jsonNull, 'null'],
]);

/** What a JSON text is. */
export function kindOf(text: string): JsonKind {
  const bytes = utf8(text.slice(0, 1_000).trimStart().slice(0, 1));
  return kinds.get(jsonKind(bytes, 0)) ?? 'null';
}

/** The members of an object, in order; of equal keys (type json) the last counts. */
export function members(text: string): Map<string, string> {
  const u8 = utf8(text);
  const result = new Map<string, string>();
  for (let key = firstEntry(u8, skipBlank(u8, 0)); key >= 0;) {
    const value = valueOfKey(u8, key);
    const end = skipValue(u8, value);
    result.set(stringText(u8, key, skipString(u8, key)), utf8Text(u8.subarray(value, end)));
    key = nextEntry(u8, end);
  }
  return result;
}

/** The elements of an array. */
export function elements(text: string): string[] {
  const u8 = utf8(text);
  const result: string[] = [];
  for (let at = firstEntry(u8, skipBlank(u8, 0)); at >= 0;) {
    const end = skipValue(u8, at);
    result.push(utf8Text(u8.subarray(at, end)));
    at = nextEntry(u8, end);
  }
  return result;
}

/** The member of that key; null if there is none or the text is no object. */
export function member(text: string, key: string): string | null {
  return kindOf(text) === 'object' ? (members(text).get(key) ?? null) : null;
}

/** The element of that number (negative: from the end); null if there is none or it is no array. */
export function element(text: string, index: number): string | null {
  if (kindOf(text) !== 'array') return null;
  return elements(text).at(index) ?? null;
}

const integerShape = /^\s*[+-]?\d+$/;

/** A path element as an index of an array, or undefined. */
export function indexOf(step: string): number | undefined {
  const value = integerShape.test(step) ? Number(step) : Number.NaN;
  return Math.abs(value) <= 2 ** 31 ? value : undefined;
}

/** What lies at a path; null if nothing does. */
export function follow(text: string, path: readonly (string | null)[]): string | null {
  let at: string | null = text;
  for (const step of path) {
    if (at === null || step === null) return null;
    const kind = kindOf(at);
    const index = indexOf(step);
    at =
      kind === 'object'
        ? member(at, step)
        : kind === 'array' && index !== undefined
          ? element(at, index)
          : null;
  }
  return at;
}

/** A value as text: a string without its quotes, null for JSON's null. */
export function textOf(json: string | null): string | null {
  if (json === null) return null;
  const kind = kindOf(json);
  if (kind === 'null') return null;
  return kind === 'string' ? String(JSON.parse(json)) : json.trim();
}

function equal(a: string, b: string): boolean {
  return a === b || compareJsonb(utf8(a), utf8(b)) === 0;
}

function isScalar(kind: JsonKind): boolean {
  return kind !== 'object' && kind !== 'array';
}

/**
 * Whether `a` contains `b`; at the top an array also contains a scalar that is one of its
 * elements.
 */
export function contains(a: string, b: string): boolean {
  if (kindOf(a) === 'array' && isScalar(kindOf(b))) return elements(a).some((e) => equal(e, b));
  return containsDeep(a, b);
}

function containsDeep(a: string, b: string): boolean {
  const kind = kindOf(a);
  if (kind !== kindOf(b)) return false;
  if (isScalar(kind)) return equal(a, b);
  if (kind === 'object') {
    const have = members(a);
    for (const [key, value] of members(b)) {
      const own = have.get(key);
      if (own === undefined || !containsDeep(own, value)) return false;
    }
    return true;
  }
  const have = elements(a);
  return elements(b).every((value) => have.some((own) => containsDeep(own, value)));
}

/** jsonb || jsonb: objects merge, everything else becomes one array. */
export function concatenate(a: string, b: string): string {
  const [x, y] = [kindOf(a), kindOf(b)];
  if (x === 'object' && y === 'object') return jsonbObject([...members(a), ...members(b)]);
  const parts = (text: string, kind: JsonKind): string[] =>
    kind === 'array' ? elements(text) : [text];
  return jsonbArray([...parts(a, x), ...parts(b, y)]);
}

function scalarError(what: string): SqlError {
  return sqlError('22023', what);
}

/** Without the members of those keys, or the strings equal to them in an array. */
export function withoutKeys(text: string, keys: readonly (string | null)[]): string {
  const gone = new Set(keys);
  const kind = kindOf(text);
  if (isScalar(kind)) throw scalarError('cannot delete from scalar');
  if (kind === 'object') return jsonbObject([...members(text)].filter(([key]) => !gone.has(key)));
  return jsonbArray(elements(text).filter((e) => kindOf(e) !== 'string' || !gone.has(textOf(e))));
}

/** Without the element of that number. */
export function withoutIndex(text: string, index: number): string {
  const kind = kindOf(text);
  if (isScalar(kind)) throw scalarError('cannot delete from scalar');
  if (kind === 'object') throw scalarError('cannot delete from object using integer index');
  const all = elements(text);
  const at = index < 0 ? all.length + index : index;
  return jsonbArray(all.filter((_, k) => k !== at));
}

/** What is done at the end of a path. */
export type Change =
  | { readonly kind: 'set'; readonly value: string; readonly create: boolean }
  | { readonly kind: 'insert'; readonly value: string; readonly after: boolean }
  | { readonly kind: 'delete' };

/** The text with a change at a path. */
export function changeAt(text: string, path: readonly (string | null)[], change: Change): string {
  const kind = kindOf(text);
  if (isScalar(kind)) {
    throw scalarError(
      change.kind === 'delete' ? 'cannot delete path in scalar' : 'cannot set path in scalar',
    );
  }
  if (
    path.length === 0 ||
    ((change.kind === 'delete' || (change.kind === 'set' && !change.create)) && text.length === 2)
  ) {
    return text;
  }
  return changeLevel(text, path, 0, change);
}

function changeLevel(
  text: string,
  path: readonly (string | null)[],
  level: number,
  change: Change,
): string {
  const kind = kindOf(text);
  const step = path[level];
  if (isScalar(kind)) return text;
  if (step === null) throw sqlError('22004', `path element at position ${level + 1} is null`);
  return kind === 'object'
    ? changeMember(text, path, level, step, change)
    : changeElement(text, path, level, step, change);
}

function changeMember(
  text: string,
  path: readonly (string | null)[],
  level: number,
  step: string,
  change: Change,
): string {
  const all = members(text);
  const own = all.get(step);
  if (level < path.length - 1) {
    if (own !== undefined) all.set(step, changeLevel(own, path, level + 1, change));
    return jsonbObject(all);
  }
  switch (change.kind) {
    case 'delete':
      all.delete(step);
      break;
    case 'insert':
      if (own !== undefined) {
        throw sqlError('22023', 'cannot replace existing key');
      }
      all.set(step, change.value);
      break;
    case 'set':
      if (own !== undefined || change.create) all.set(step, change.value);
  }
  return jsonbObject(all);
}

function changeElement(
  text: string,
  path: readonly (string | null)[],
  level: number,
  step: string,
  change: Change,
): string {
  const index = indexOf(step);
  if (index === undefined) {
    throw sqlError('22P02', `path element at position ${level + 1} is not an integer: "${step}"`);
  }
  const all = elements(text);
  const at = index < 0 ? all.length + index : index;
  const exists = at >= 0 && at < all.length;
  if (level < path.length - 1) {
    if (exists) all[at] = changeLevel(all[at], path, level + 1, change);
    return jsonbArray(all);
  }
  if (change.kind === 'delete') return jsonbArray(all.filter((_, k) => k !== at));
  if (change.kind === 'set' && exists) all[at] = change.value;
  else if (change.kind === 'insert')
    all.splice(Math.max(0, exists && change.after ? at + 1 : at), 0, change.value);
  else if (change.kind === 'set' && change.create)
    all.splice(at < 0 ? 0 : all.length, 0, change.value);
  return jsonbArray(all);
}

/** Without object members that are null, at every depth. */
export function stripNulls(text: string): string {
  const kind = kindOf(text);
  if (kind === 'array') return jsonbArray(elements(text).map(stripNulls));
  if (kind !== 'object') return text;
  return jsonbObject(
    [...members(text)].flatMap(([key, value]) =>
      kindOf(value) === 'null' ? [] : [[key, stripNulls(value)] as const],
    ),
  );
}

/** With one member or element a line, indented by four blanks a level. */
export function pretty(text: string, indent = ''): string {
  const kind = kindOf(text);
  if (isScalar(kind)) return text;
  const deeper = `${indent}    `;
  const lines =
    kind === 'array'
      ? elements(text).map((e) => deeper + pretty(e, deeper))
      : Array.from(
          members(text),
          ([key, value]) => `${deeper}${JSON.stringify(key)}: ${pretty(value, deeper)}`,
        );
  const [open, close] = kind === 'array' ? '[]' : '{}';
  return lines.length === 0
    ? `${open}\n${indent}${close}`
    : `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}
