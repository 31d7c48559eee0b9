/**
 * Looking into json and jsonb: fields, elements, paths, keys, containment. The values are texts (see
 * jsonb.ts) and stay texts: a walk over the bytes finds where the part begins, and the answer is a
 * piece of the same bytes. Canonical text of a part of a jsonb is canonical again.
 *
 * Functions that say `json` serve both types; `…At` functions work on bytes for kernels over
 * columns: they take and answer indices, −1 for "not there".
 */
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import {
  countEntries, firstEntry, hasEscape, jsonArray, jsonKind, jsonObject, jsonString,
  nextEntry, skipBlank, skipString, skipValue, stringBytes, stringText, valueOfKey,
} from './json-scan.ts';
import { compareJsonb, compareRuns } from './jsonb.ts';
import { utf8, utf8Text } from './words.ts';

const kindNames = ['null', 'string', 'number', 'boolean', 'array', 'object'];

function invalidArgument(message: string): SqlError {
  return sqlError('22023', message);
}

/** Whether the key literal at `key` is `name` (UTF-8 of the text it stands for). */
function keyIs(u8: Uint8Array, key: number, name: Uint8Array): boolean {
  const end = skipString(u8, key);
  if (hasEscape(u8, key, end)) return compareRuns(stringBytes(u8, key, end), name) === 0;
  if (end - key - 2 !== name.length) return false;
  for (let k = 0; k < name.length; k++) if (u8[key + 1 + k] !== name[k]) return false;
  return true;
}

/**
 * Index of the value of member `name` in the object at `at`; −1 if it is not there or `at` is no
 * object. Of members with one key, which only json can have, the last one counts.
 */
export function fieldAt(u8: Uint8Array, at: number, name: Uint8Array): number {
  if (jsonKind(u8, at) !== jsonObject) return -1;
  let found = -1;
  for (let key = firstEntry(u8, at); key >= 0;) {
    const value = valueOfKey(u8, key);
    if (keyIs(u8, key, name)) found = value;
    key = nextEntry(u8, skipValue(u8, value));
  }
  return found;
}

/** Index of element `index` (negative: from the end) of the array at `at`; −1 if there is none. */
export function elementAt(u8: Uint8Array, at: number, index: number): number {
  if (jsonKind(u8, at) !== jsonArray) return -1;
  let left = index < 0 ? countEntries(u8, at) + index : index;
  if (left < 0) return -1;
  let k = firstEntry(u8, at);
  while (k >= 0 && left-- > 0) k = nextEntry(u8, skipValue(u8, k));
  return k;
}

/** Index of the value that `path` (keys, or indices in digits) leads to from `at`; −1 if none. */
export function pathAt(u8: Uint8Array, at: number, path: readonly string[]): number {
  let k = at;
  for (const step of path) {
    if (jsonKind(u8, k) === jsonObject) k = fieldAt(u8, k, utf8(step));
    else k = /^\s*[+-]?\d{1,10}$/.test(step) ? elementAt(u8, k, Number(step)) : -1;
    if (k < 0) return -1;
  }
  return k;
}

function piece(u8: Uint8Array, at: number): string | null {
  return at < 0 ? null : utf8Text(u8.subarray(at, skipValue(u8, at)));
}

function start(u8: Uint8Array): number {
  return skipBlank(u8, 0);
}

/** `json -> key`. */
export function jsonField(json: string, key: string): string | null {
  const u8 = utf8(json);
  return piece(u8, fieldAt(u8, start(u8), utf8(key)));
}

/** `json -> index`. */
export function jsonElement(json: string, index: number): string | null {
  const u8 = utf8(json);
  return piece(u8, elementAt(u8, start(u8), index));
}

/** `jsonb -> index`, to which a scalar is an array of one. */
export function jsonbElement(jsonb: string, index: number): string | null {
  const scalar = jsonKind(utf8(jsonb), 0) < jsonArray;
  return scalar && (index === 0 || index === -1) ? jsonb : jsonElement(jsonb, index);
}

/** `json #> path`; a NULL in the path leads nowhere. */
export function jsonPath(json: string, path: readonly (string | null)[]): string | null {
  const steps = path.filter((step) => step !== null);
  if (steps.length < path.length) return null;
  const u8 = utf8(json);
  return piece(u8, pathAt(u8, start(u8), steps));
}

/** What `->>` and `#>>` make of a value: strings lose their quotes, null is NULL. */
export function jsonAsText(json: string | null): string | null {
  if (json === null) return null;
  const first = json.trimStart();
  if (first.startsWith('"')) return String(JSON.parse(first));
  return first.trimEnd() === 'null' ? null : json;
}

/** `json_typeof`. */
export function jsonTypeof(json: string): string {
  const u8 = utf8(json);
  return kindNames[jsonKind(u8, start(u8))];
}

/** `json_array_length`. */
export function jsonArrayLength(json: string): number {
  const u8 = utf8(json);
  const kind = jsonKind(u8, start(u8));
  if (kind === jsonArray) return countEntries(u8, start(u8));
  throw invalidArgument(`cannot get array length of a ${kind === jsonObject ? 'non-array' : 'scalar'}`);
}

/** Members in order, keys as text and values as JSON; 22023 naming `caller` if it is no object. */
export function jsonMembers(json: string, caller: string): [string, string][] {
  const u8 = utf8(json);
  const at = start(u8);
  const kind = jsonKind(u8, at);
  if (kind === jsonObject) return membersAt(u8, at);
  const found = kind === jsonArray ? 'an array' : 'a scalar';
  throw invalidArgument(`cannot call ${caller} on ${caller.endsWith('_keys') ? found : 'a non-object'}`);
}

/** Members of the object at `at`. */
export function membersAt(u8: Uint8Array, at: number): [string, string][] {
  const found: [string, string][] = [];
  for (let key = firstEntry(u8, at); key >= 0;) {
    const value = valueOfKey(u8, key);
    const end = skipValue(u8, value);
    found.push([stringText(u8, key, skipString(u8, key)), utf8Text(u8.subarray(value, end))]);
    key = nextEntry(u8, end);
  }
  return found;
}

/** Elements in order, as JSON; 22023 naming `caller` if it is no array. */
export function jsonElements(json: string, caller: string): string[] {
  const u8 = utf8(json);
  const at = start(u8);
  const kind = jsonKind(u8, at);
  if (kind === jsonArray) return elementsAt(u8, at);
  if (caller.startsWith('jsonb')) {
    throw invalidArgument(`cannot extract elements from ${kind === jsonObject ? 'an object' : 'a scalar'}`);
  }
  throw invalidArgument(`cannot call ${caller} on a ${kind === jsonObject ? 'non-array' : 'scalar'}`);
}

/** Elements of the array at `at`. */
export function elementsAt(u8: Uint8Array, at: number): string[] {
  const found: string[] = [];
  for (let k = firstEntry(u8, at); k >= 0;) {
    const end = skipValue(u8, k);
    found.push(utf8Text(u8.subarray(k, end)));
    k = nextEntry(u8, end);
  }
  return found;
}

/** `jsonb ? key`: a key of the object, a string among the elements of the array, or the string itself. */
export function jsonbExists(jsonb: string, key: string): boolean {
  const u8 = utf8(jsonb);
  const name = utf8(key);
  const kind = jsonKind(u8, 0);
  if (kind === jsonObject) return fieldAt(u8, 0, name) >= 0;
  if (kind === jsonString) return keyIs(u8, 0, name);
  if (kind !== jsonArray) return false;
  for (let k = firstEntry(u8, 0); k >= 0; k = nextEntry(u8, skipValue(u8, k))) {
    if (jsonKind(u8, k) === jsonString && keyIs(u8, k, name)) return true;
  }
  return false;
}

/** `a @> b` on canonical texts. */
export function jsonbContains(a: string, b: string): boolean {
  const x = utf8(a);
  const y = utf8(b);
  const xKind = jsonKind(x, 0);
  const yKind = jsonKind(y, 0);
  if ((xKind === jsonObject) !== (yKind === jsonObject)) return false;
  if (xKind === jsonArray && yKind < jsonArray) return hasElement(x, 0, y, 0);
  return containsAt(x, 0, y, 0);
}

/** Whether the value at `p` contains the one at `q`; scalars contain their equals. */
function containsAt(a: Uint8Array, p: number, b: Uint8Array, q: number): boolean {
  const kind = jsonKind(a, p);
  if (kind !== jsonKind(b, q)) return false;
  if (kind === jsonObject) return containsMembers(a, p, b, q);
  if (kind !== jsonArray) return compareJsonb(a.subarray(p, skipValue(a, p)), b.subarray(q, skipValue(b, q))) === 0;
  for (let k = firstEntry(b, q); k >= 0; k = nextEntry(b, skipValue(b, k))) {
    if (!hasElement(a, p, b, k)) return false;
  }
  return true;
}

function hasElement(a: Uint8Array, p: number, b: Uint8Array, q: number): boolean {
  for (let k = firstEntry(a, p); k >= 0; k = nextEntry(a, skipValue(a, k))) {
    if (containsAt(a, k, b, q)) return true;
  }
  return false;
}

function containsMembers(a: Uint8Array, p: number, b: Uint8Array, q: number): boolean {
  for (let key = firstEntry(b, q); key >= 0;) {
    const wanted = valueOfKey(b, key);
    const found = fieldAt(a, p, stringBytes(b, key, skipString(b, key)));
    if (found < 0 || !containsAt(a, found, b, wanted)) return false;
    key = nextEntry(b, skipValue(b, wanted));
  }
  return true;
}

/** The type of a jsonb for a message about a cast: `cannot cast jsonb string to type numeric`. */
function cannotCast(u8: Uint8Array, sqlName: string): SqlError {
  const kind = kindNames[jsonKind(u8, 0)];
  return invalidArgument(`cannot cast jsonb ${kind === 'number' ? 'numeric' : kind} to type ${sqlName}`);
}

/** The digits of a jsonb number, for casts; 22023 naming the target type if it is none. */
export function jsonbNumberText(jsonb: string, sqlName: string): string {
  if (/^[-0-9]/.test(jsonb)) return jsonb;
  throw cannotCast(utf8(jsonb), sqlName);
}

/** The value of a jsonb boolean, for casts; 22023 if it is none. */
export function jsonbBoolean(jsonb: string): boolean {
  if (jsonb === 'true' || jsonb === 'false') return jsonb === 'true';
  throw cannotCast(utf8(jsonb), 'boolean');
}
