/**
 * Goal: every function answers as Postgres does. Method: tables of calls with the answers that
 * Postgres 15 gave (`cases/*.txt`, one call a line: name | type:argument … => type:result, or
 * !SQLSTATE message); each is looked up in the table, evaluated over datums and printed. Then the
 * table itself: documented, every entry covered by cases.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SqlError } from '../../../src/base/error.ts';
import type { Datum } from '../../value/datum.ts';
import { parseDatum } from '../../value/text-input.ts';
import { formatDatum } from '../../value/text-output.ts';
import type { TypeName } from '../../value/type.ts';
import { typeInfo, types } from '../../value/type.ts';
import type { CallSite, FunctionEntry, SignatureType } from '../function-entry.ts';
import {
  castBetween,
  functionByKey,
  functions,
  functionsNamed,
  operatorsNamed,
} from '../function-table.ts';

const folder = new URL('cases/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));

interface Case {
  readonly text: string;
  readonly name: string;
  readonly args: readonly (readonly [TypeName, string | null])[];
  readonly expected: string;
}

const escapes = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['\\', '\\'],
]);

function unescaped(text: string): string {
  return text.replace(/\\(u[0-9a-f]{4}|.)/g, (_, c: string) =>
    c.length > 1 ? String.fromCharCode(Number.parseInt(c.slice(1), 16)) : (escapes.get(c) ?? c),
  );
}

function typeNamed(name: string): TypeName {
  const found = types.find((type) => type.name === name);
  if (found === undefined) throw new RangeError(`no type ${name}`);
  return found.name;
}

function readCase(line: string): Case {
  const split = line.lastIndexOf(' => ');
  const [name, ...args] = line.slice(0, split).split(' | ');
  return {
    text: line,
    name,
    expected: line.slice(split + 4),
    args: args.map((arg) => {
      const colon = arg.indexOf(':');
      const value = arg.slice(colon + 1);
      return [typeNamed(arg.slice(0, colon)), value === '\\N' ? null : unescaped(value)];
    }),
  };
}

function cases(file: string): Case[] {
  return readFileSync(new URL(file, folder), 'utf8')
    .split('\n')
    .filter((l) => l !== '')
    .map(readCase);
}

function accepts(signature: SignatureType, type: TypeName): boolean {
  switch (signature) {
    case 'any':
    case 'anyelement':
    case 'anycompatible':
      return true;
    case 'anyarray':
    case 'anycompatiblearray':
      return typeInfo(type).element !== undefined;
    case 'anynonarray':
      return typeInfo(type).element === undefined;
    default:
      return signature === type;
  }
}

/** The element types that the placeholders of a signature stand for; one, if they agree. */
function placeholders(
  signature: readonly SignatureType[],
  args: readonly TypeName[],
): Set<TypeName> {
  return new Set(
    args.flatMap((type, k) => {
      switch (signature[k]) {
        case 'anyelement':
        case 'anycompatible':
          return [type];
        case 'anyarray':
        case 'anycompatiblearray':
          return [typeInfo(type).element ?? type];
        default:
          return [];
      }
    }),
  );
}

/** How well an entry fits: 0 not at all, 2 with equal types. */
function fit(fn: FunctionEntry, args: readonly TypeName[]): number {
  const signature =
    fn.variadic === undefined ? fn.args : args.map((_, k) => fn.args[k] ?? fn.variadic ?? 'any');
  if (signature.length !== args.length || args.length < fn.args.length) return 0;
  if (!args.every((type, k) => accepts(signature[k], type))) return 0;
  if (placeholders(signature, args).size > 1) return 0;
  const exact = fn.variadic === undefined && signature.every((type, k) => type === args[k]);
  return exact ? 2 : 1;
}

function lookUp({ name, args }: Case): FunctionEntry | undefined {
  const given = args.map(([type]) => type);
  if (name.startsWith('cast:')) {
    const cast = castBetween(given[0], typeNamed(name.slice(5)));
    return cast === undefined ? undefined : functionByKey(cast.key);
  }
  if (/ (any|all)$/.test(name)) return operatorsNamed(name)[0];
  const named = /^[a-z_]/.test(name) ? functionsNamed(name) : operatorsNamed(name);
  const [best] = [...named].sort((a, b) => fit(b, given) - fit(a, given));
  return best !== undefined && fit(best, given) > 0 ? best : undefined;
}

function show(type: TypeName, value: Datum): string {
  if (value === null) return '\\N';
  const named = new Map(Array.from(escapes, ([c, code]) => [code, `\\${c}`]));
  return formatDatum(type, value).replace(
    /[\\\x00-\x1f]/g,
    (c) => named.get(c) ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function answer(fn: FunctionEntry, test: Case): string {
  const result =
    types.find((type) => type.name === fn.result)?.name ??
    typeNamed(/^(\w+):/.exec(test.expected)?.[1] ?? 'text');
  const site: CallSite = { args: test.args.map(([type]) => type), result };
  try {
    const values = test.args.map(([type, text]) => (text === null ? null : parseDatum(type, text)));
    if (fn.setReturning) {
      const rows = [...(fn.rows?.(values, site) ?? [])];
      return `${result}: ${rows.map(([value]) => show(result, value)).join(' ; ')}`;
    }
    if (fn.nullHandling === 'strict' && values.includes(null)) return `${result}:\\N`;
    return `${result}:${show(result, fn.evaluate?.(values, site) ?? null)}`;
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return `!${error.fields.code} ${error.fields.message}`;
  }
}

test.each(files)('%s', (file) => {
  const wrong: string[] = [];
  for (const one of cases(file)) {
    const fn = lookUp(one);
    const got = fn === undefined ? 'no such function' : answer(fn, one);
    if (got !== one.expected) wrong.push(`${one.text}\n  got ${got}`);
  }
  expect(wrong).toEqual([]);
});

/** Chapters whose answers depend on the session or the catalog, or that have their own tests. */
const elsewhere = new Set(['system', 'internal', 'cast', 'type modifier']);

test('every function has three recorded answers', () => {
  const counts = new Map<string, number>();
  for (const one of files.flatMap(cases)) {
    const key = lookUp(one)?.key ?? '';
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const few = functions.filter(
    (fn) =>
      !elsewhere.has(fn.topic) &&
      !(fn.evaluate === undefined && !fn.setReturning) &&
      !/_each/.test(fn.name) &&
      (counts.get(fn.key) ?? 0) < 3,
  );
  expect(few.map((fn) => `${fn.key}: ${counts.get(fn.key) ?? 0}`)).toEqual([]);
});

test('members of objects are rows of key and value', () => {
  const rows = (key: string): unknown => {
    const fn = functionByKey(key);
    return [...(fn?.rows?.(['{"b": 1, "aa": "x"}'], { args: ['jsonb'], result: 'jsonb' }) ?? [])];
  };
  expect(rows('jsonb_each(jsonb)')).toEqual([
    ['b', '1'],
    ['aa', '"x"'],
  ]);
  expect(rows('json_each(json)')).toEqual([
    ['b', '1'],
    ['aa', '"x"'],
  ]);
  expect(rows('jsonb_each_text(jsonb)')).toEqual([
    ['b', '1'],
    ['aa', 'x'],
  ]);
  expect(rows('json_each_text(json)')).toEqual([
    ['b', '1'],
    ['aa', 'x'],
  ]);
});

test('every entry says what it does, in a sentence', () => {
  const silent = functions.filter(({ description }) => !/^[A-Z0-9e−–“"].*\.$/s.test(description));
  expect(silent.map((fn) => fn.key)).toEqual([]);
});
