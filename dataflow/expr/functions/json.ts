/** JSON: access to jsonb and json by key, number and path; tests and changes of jsonb; rows. */
import { sqlError } from '../../../src/base/error.ts';
import type { Datum, Row } from '../../value/datum.ts';
import { jsonQuote } from '../../value/json-text.ts';
import { numberOf, stringOf } from '../../value/scalar-words.ts';
import { utf8 } from '../../value/words.ts';
import type { FunctionEntry, Options, SignatureType, Template } from '../function-entry.ts';
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
import { json, jsonConstruction, texts } from './json-construction.ts';

const nullable: Options = { nullable: true };

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

/** `->` and `->>`: one member or element. */
function access(type: 'jsonb' | 'json'): FunctionEntry[] {
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
  ];
}

/** What lies at a path of several steps. */
function pathAccess(type: 'jsonb' | 'json'): FunctionEntry[] {
  const path = (values: readonly Datum[]): (string | null)[] =>
    values.slice(1).map((v) => (v === null ? null : stringOf(v)));
  return [
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
  ];
}

function shape(type: 'jsonb' | 'json'): FunctionEntry[] {
  return [
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
  ...pathAccess('jsonb'),
  ...shape('jsonb'),
  ...access('json'),
  ...pathAccess('json'),
  ...shape('json'),
  ...tests(),
  ...changes(),
  ...jsonConstruction,
  ...setReturning('jsonb'),
  ...setReturning('json'),
];
