/** JSON: access, tests, changes and construction of jsonb, and access to json. */
import { sqlError } from '../../../src/base/error.ts';
import { arrayOf } from '../../value/array.ts';
import type { Datum, Row } from '../../value/datum.ts';
import { canonicalJsonb, jsonQuote, jsonbArray, jsonbObject } from '../../value/json-text.ts';
import { numberOf, stringOf } from '../../value/scalar-words.ts';
import { formatDatum } from '../../value/text-output.ts';
import type { TypeName } from '../../value/type.ts';
import { utc } from '../../value/timezone.ts';
import type { Zone } from '../../value/timezone.ts';
import { typeInfo } from '../../value/type.ts';
import { utf8 } from '../../value/words.ts';
import type {
  CallSite,
  FunctionEntry,
  Options,
  SignatureType,
  Template,
} from '../function-entry.ts';
import { entry } from '../function-entry.ts';
import {
  changeAt,
  concatenate,
  contains,
  element,
  elements,
  follow,
  kindOf,
  member,
  members,
  pretty,
  stripNulls,
  textOf,
  withoutIndex,
  withoutKeys,
} from '../json-tree.ts';

const nullable: Options = { nullable: true };

function json(
  name: string,
  args: readonly SignatureType[],
  result: SignatureType,
  description: string,
  evaluate: (values: readonly Datum[], site: CallSite) => Datum,
  options: Options = {},
): FunctionEntry {
  return entry('JSON', name, args, result, description, evaluate, options);
}

/** The texts of a text[]. */
function texts(value: Datum): (string | null)[] {
  return arrayOf(value).elements.map((e) => (e === null ? null : stringOf(e)));
}

/** An element; a jsonb scalar counts as an array of itself here. */
function elementOf(type: 'jsonb' | 'json', text: string, index: number): string | null {
  const kind = kindOf(text);
  if (type === 'json' || kind === 'array' || kind === 'object') return element(text, index);
  return index === 0 || index === -1 ? text : null;
}

/** Access by a constant key walks the bytes of the value. */
function memberTemplate(kernel: 'jsonMember' | 'jsonMemberText'): Template {
  return {
    total: false,
    nullable: true,
    emit: ([j, key], emitter) => {
      if (typeof key.constant !== 'string') return undefined;
      const bytes = utf8(jsonQuote(key.constant));
      const number = emitter.key(bytes);
      return `X.${kernel}(X.heap, ${j.words}, ${j.value}, ${j.bytes}, X.keys[${number}])`;
    },
  };
}

function access(type: 'jsonb' | 'json'): FunctionEntry[] {
  const path = (values: readonly Datum[]): (string | null)[] =>
    values.slice(1).map((v) => (v === null ? null : stringOf(v)));
  return [
    json(
      '->',
      [type, 'text'],
      type,
      'The member of that key, or NULL.',
      ([j, key]) => member(stringOf(j), stringOf(key)),
      type === 'jsonb' ? { nullable: true, template: memberTemplate('jsonMember') } : nullable,
    ),
    json(
      '->',
      [type, 'int4'],
      type,
      'The element of that number (0 is the first, −1 the last), or NULL.',
      ([j, index]) => elementOf(type, stringOf(j), numberOf(index)),
      nullable,
    ),
    json(
      '->>',
      [type, 'text'],
      'text',
      'The member of that key as text, or NULL.',
      ([j, key]) => textOf(member(stringOf(j), stringOf(key))),
      type === 'jsonb' ? { nullable: true, template: memberTemplate('jsonMemberText') } : nullable,
    ),
    json(
      '->>',
      [type, 'int4'],
      'text',
      'The element of that number as text, or NULL.',
      ([j, index]) => textOf(elementOf(type, stringOf(j), numberOf(index))),
      nullable,
    ),
    json(
      '#>',
      [type, '_text'],
      type,
      'What lies at a path of keys and numbers, or NULL.',
      ([j, steps]) => follow(stringOf(j), texts(steps)),
      nullable,
    ),
    json(
      '#>>',
      [type, '_text'],
      'text',
      'What lies at a path of keys and numbers, as text, or NULL.',
      ([j, steps]) => textOf(follow(stringOf(j), texts(steps))),
      nullable,
    ),
    json(
      `${type}_extract_path`,
      [type],
      type,
      'What lies at a path given as arguments, or NULL.',
      (values) => follow(stringOf(values[0]), path(values)),
      { nullable: true, variadic: 'text' },
    ),
    json(
      `${type}_extract_path_text`,
      [type],
      'text',
      'What lies at a path given as arguments, as text, or NULL.',
      (values) => textOf(follow(stringOf(values[0]), path(values))),
      { nullable: true, variadic: 'text' },
    ),
    json(
      `${type}_typeof`,
      [type],
      'text',
      'What the value is: object, array, string, number, boolean or null.',
      ([j]) => kindOf(stringOf(j)),
    ),
    json(
      `${type}_array_length`,
      [type],
      'int4',
      'Number of elements of an array.',
      ([j]) => arrayElements(stringOf(j)).length,
    ),
  ];
}

/** The elements of what must be an array. */
function arrayElements(text: string): string[] {
  const kind = kindOf(text);
  if (kind === 'array') return elements(text);
  throw sqlError(
    '22023',
    kind === 'object'
      ? 'cannot get array length of a non-array'
      : 'cannot get array length of a scalar',
  );
}

/** Keys of an object, or strings that are elements of an array. */
function exists(text: string, key: string | null): boolean {
  if (key === null) return false;
  const kind = kindOf(text);
  if (kind === 'object') return members(text).has(key);
  if (kind === 'array')
    return elements(text).some((e) => kindOf(e) === 'string' && textOf(e) === key);
  return kind === 'string' && textOf(text) === key;
}

function tests(): FunctionEntry[] {
  return [
    json(
      '@>',
      ['jsonb', 'jsonb'],
      'bool',
      'Whether the left value contains the right one.',
      ([a, b]) => contains(stringOf(a), stringOf(b)),
    ),
    json(
      '<@',
      ['jsonb', 'jsonb'],
      'bool',
      'Whether the left value is contained in the right one.',
      ([a, b]) => contains(stringOf(b), stringOf(a)),
    ),
    json('?', ['jsonb', 'text'], 'bool', 'Whether the text is a key or an element.', ([j, key]) =>
      exists(stringOf(j), stringOf(key)),
    ),
    json(
      '?|',
      ['jsonb', '_text'],
      'bool',
      'Whether any of the texts is a key or an element.',
      ([j, keys]) => texts(keys).some((key) => exists(stringOf(j), key)),
    ),
    json(
      '?&',
      ['jsonb', '_text'],
      'bool',
      'Whether all of the texts are keys or elements.',
      ([j, keys]) => texts(keys).every((key) => key === null || exists(stringOf(j), key)),
    ),
  ];
}

function changes(): FunctionEntry[] {
  const set = 'The value with another one at a path.';
  const insert = 'The value with a new one before (or after) a path.';
  const setAt = ([j, path, value, create]: readonly Datum[]): string =>
    changeAt(stringOf(j), texts(path), {
      kind: 'set',
      value: stringOf(value),
      create: create !== false,
    });
  const insertAt = ([j, path, value, after]: readonly Datum[]): string =>
    changeAt(stringOf(j), texts(path), {
      kind: 'insert',
      value: stringOf(value),
      after: after === true,
    });
  return [
    json(
      '||',
      ['jsonb', 'jsonb'],
      'jsonb',
      'Two objects merged, or everything in one array.',
      ([a, b]) => concatenate(stringOf(a), stringOf(b)),
    ),
    json(
      '-',
      ['jsonb', 'text'],
      'jsonb',
      'Without the member of that key, or elements equal to the text.',
      ([j, key]) => withoutKeys(stringOf(j), [stringOf(key)]),
    ),
    json(
      '-',
      ['jsonb', '_text'],
      'jsonb',
      'Without the members of those keys, or elements equal to the texts.',
      ([j, keys]) => withoutKeys(stringOf(j), texts(keys)),
    ),
    json('-', ['jsonb', 'int4'], 'jsonb', 'Without the element of that number.', ([j, index]) =>
      withoutIndex(stringOf(j), numberOf(index)),
    ),
    json('#-', ['jsonb', '_text'], 'jsonb', 'Without what lies at a path.', ([j, path]) =>
      changeAt(stringOf(j), texts(path), { kind: 'delete' }),
    ),
    json('jsonb_set', ['jsonb', '_text', 'jsonb'], 'jsonb', set, setAt),
    json(
      'jsonb_set',
      ['jsonb', '_text', 'jsonb', 'bool'],
      'jsonb',
      `${set} Without a fourth true nothing is created.`,
      setAt,
    ),
    json('jsonb_insert', ['jsonb', '_text', 'jsonb'], 'jsonb', insert, insertAt),
    json('jsonb_insert', ['jsonb', '_text', 'jsonb', 'bool'], 'jsonb', insert, insertAt),
    json(
      'jsonb_strip_nulls',
      ['jsonb'],
      'jsonb',
      'Without object members that are null, at every depth.',
      ([j]) => stripNulls(stringOf(j)),
    ),
    json('jsonb_pretty', ['jsonb'], 'text', 'The value over many lines, indented.', ([j]) =>
      pretty(stringOf(j)),
    ),
  ];
}

/** A `T` between date and time, and minutes in the offset. */
function isoText(text: string): string {
  return text.replace(' ', 'T').replace(/(:.*[+-]\d\d)(?=$| BC$)/, '$1:00');
}

/** A value of any type as jsonb. */
export function toJsonb(type: TypeName, value: Datum, zone: Zone = utc): string {
  if (value === null) return 'null';
  const info = typeInfo(type);
  const { element: elementType } = info;
  if (elementType !== undefined) {
    return jsonbArray(arrayOf(value).elements.map((e) => toJsonb(elementType, e, zone)));
  }
  switch (type) {
    case 'bool':
      return value === true ? 'true' : 'false';
    case 'jsonb':
      return stringOf(value);
    case 'json':
      return canonicalJsonb(stringOf(value));
    case 'timestamp':
    case 'timestamptz':
      return jsonQuote(isoText(formatDatum(type, value, -1, { zone })));
    case 'int2':
    case 'int4':
    case 'int8':
    case 'float4':
    case 'float8':
    case 'numeric': {
      const text = formatDatum(type, value);
      return /[IN]/.test(text) ? jsonQuote(text) : canonicalJsonb(text);
    }
    default:
      return jsonQuote(formatDatum(type, value));
  }
}

/** A value as json: the same, but json keeps its text and numbers theirs. */
function toJson(type: TypeName, value: Datum, zone: Zone = utc): string {
  if (value === null) return 'null';
  const { element: elementType } = typeInfo(type);
  if (elementType !== undefined) {
    return `[${arrayOf(value)
      .elements.map((e) => toJson(elementType, e, zone))
      .join(',')}]`;
  }
  if (type === 'json') return stringOf(value);
  const text = formatDatum(type, value);
  const isNumber =
    (typeInfo(type).category === 'N' && typeInfo(type).physical !== 'i64') || type === 'int8';
  return isNumber && !/[IN]/.test(text) ? text : toJsonb(type, value, zone);
}

function keyText(values: readonly Datum[], k: number, site: CallSite): string {
  const value = values[k];
  if (value === null) throw sqlError('22023', `argument ${k + 1}: key must not be null`);
  const type = site.args[k];
  if (type === 'json' || type === 'jsonb' || typeInfo(type).element !== undefined) {
    throw sqlError('22023', 'key value must be scalar, not array, composite, or json');
  }
  const text = formatDatum(type, value);
  if (type === 'timestamp' || type === 'timestamptz') return isoText(text);
  return typeof value === 'boolean' ? String(value) : text;
}

function pairs(
  values: readonly Datum[],
  site: CallSite,
  of: (type: TypeName, value: Datum) => string,
): [string, string][] {
  if (values.length % 2 !== 0) {
    throw sqlError('22023', 'argument list must have even number of elements');
  }
  return Array.from({ length: values.length / 2 }, (_, k) => [
    keyText(values, 2 * k, site),
    of(site.args[2 * k + 1], values[2 * k + 1]),
  ]);
}

function construction(): FunctionEntry[] {
  const called: Options = { nullHandling: 'called', variadic: 'any' };
  return [
    json(
      'to_jsonb',
      ['anyelement'],
      'jsonb',
      'The value as jsonb.',
      ([v], { args }) => toJsonb(args[0], v),
      { inZone: ([v], zone, { args }) => toJsonb(args[0], v, zone) },
    ),
    json(
      'to_json',
      ['anyelement'],
      'json',
      'The value as json.',
      ([v], { args }) => toJson(args[0], v),
      { inZone: ([v], zone, { args }) => toJson(args[0], v, zone) },
    ),
    json(
      'array_to_json',
      ['anyarray'],
      'json',
      'The array as json.',
      ([v], { args }) => toJson(args[0], v),
      { inZone: ([v], zone, { args }) => toJson(args[0], v, zone) },
    ),
    json(
      'jsonb_build_array',
      [],
      'jsonb',
      'An array of the arguments.',
      (values, { args }) => jsonbArray(values.map((v, k) => toJsonb(args[k], v))),
      called,
    ),
    json(
      'json_build_array',
      [],
      'json',
      'An array of the arguments.',
      (values, { args }) => `[${values.map((v, k) => toJson(args[k], v)).join(', ')}]`,
      called,
    ),
    json(
      'jsonb_build_object',
      [],
      'jsonb',
      'An object of keys and values, given in turn.',
      (values, site) => jsonbObject(pairs(values, site, toJsonb)),
      called,
    ),
    json(
      'json_build_object',
      [],
      'json',
      'An object of keys and values, given in turn.',
      (values, site) =>
        `{${pairs(values, site, toJson)
          .map(([k, v]) => `${jsonQuote(k)} : ${v}`)
          .join(', ')}}`,
      called,
    ),
    json(
      'jsonb_object',
      ['_text'],
      'jsonb',
      'An object of texts: keys and values in turn.',
      ([v]) => {
        const all = texts(v);
        if (all.length % 2 !== 0)
          throw sqlError('2202E', 'array must have even number of elements');
        return jsonbObject(
          objectOf(
            all.filter((_, k) => k % 2 === 0),
            all.filter((_, k) => k % 2 === 1),
          ),
        );
      },
    ),
    json(
      'jsonb_object',
      ['_text', '_text'],
      'jsonb',
      'An object of an array of keys and an array of values.',
      ([keys, values]) => {
        if (texts(keys).length !== texts(values).length) {
          throw sqlError('2202E', 'mismatched array dimensions');
        }
        return jsonbObject(objectOf(texts(keys), texts(values)));
      },
    ),
  ];
}

function objectOf(
  keys: readonly (string | null)[],
  values: readonly (string | null)[],
): [string, string][] {
  return keys.map((key, k) => {
    if (key === null) throw sqlError('22004', 'null value not allowed for object key');
    const value = values[k];
    return [key, value === null ? 'null' : jsonQuote(value)];
  });
}

function rows(
  name: string,
  result: SignatureType,
  description: string,
  of: (text: string) => Row[],
  columns?: FunctionEntry['columns'],
): FunctionEntry {
  const type = name.startsWith('jsonb') ? 'jsonb' : 'json';
  return entry('JSON', name, [type], result, description, undefined, {
    setReturning: true,
    rows: ([j]) => of(stringOf(j)),
    ...(columns === undefined ? {} : { columns }),
  });
}

function objectMembers(text: string, name: string): Map<string, string> {
  const kind = kindOf(text);
  if (kind === 'object') return members(text);
  const what = kind === 'array' ? 'an array' : 'a scalar';
  throw sqlError(
    '22023',
    name.endsWith('object_keys')
      ? `cannot call ${name} on ${what}`
      : `cannot call ${name} on a non-object`,
  );
}

function elementRows(text: string, name: string): string[] {
  const kind = kindOf(text);
  if (kind === 'array') return elements(text);
  if (name.startsWith('json_')) {
    throw sqlError(
      '22023',
      `cannot call ${name} on a ${kind === 'object' ? 'non-array' : 'scalar'}`,
    );
  }
  throw sqlError(
    '22023',
    kind === 'object'
      ? 'cannot extract elements from an object'
      : 'cannot extract elements from a scalar',
  );
}

function setReturning(type: 'jsonb' | 'json'): FunctionEntry[] {
  const pair = (value: SignatureType): FunctionEntry['columns'] => [
    { name: 'key', type: 'text' },
    { name: 'value', type: value },
  ];
  return [
    rows(`${type}_object_keys`, 'text', 'The keys of an object, one a row.', (text) =>
      [...objectMembers(text, `${type}_object_keys`).keys()].map((key) => [key]),
    ),
    rows(`${type}_array_elements`, type, 'The elements of an array, one a row.', (text) =>
      elementRows(text, `${type}_array_elements`).map((e) => [e]),
    ),
    rows(
      `${type}_array_elements_text`,
      'text',
      'The elements of an array as texts, one a row.',
      (text) => elementRows(text, `${type}_array_elements_text`).map((e) => [textOf(e)]),
    ),
    rows(
      `${type}_each`,
      type,
      'The members of an object, one a row.',
      (text) => [...objectMembers(text, `${type}_each`)],
      pair(type),
    ),
    rows(
      `${type}_each_text`,
      'text',
      'The members of an object with their values as texts, one a row.',
      (text) =>
        Array.from(objectMembers(text, `${type}_each_text`), ([key, value]) => [
          key,
          textOf(value),
        ]),
      pair('text'),
    ),
  ];
}

export const jsonFunctions: readonly FunctionEntry[] = [
  ...access('jsonb'),
  ...access('json'),
  ...tests(),
  ...changes(),
  ...construction(),
  ...setReturning('jsonb'),
  ...setReturning('json'),
];
