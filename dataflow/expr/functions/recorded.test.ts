/**
 * Goal: date, interval and jsonb functions of the table answer as Postgres does. Method: a large
 * recorded table of calls over the product of functions and odd values, each evaluated through its
 * entry.
 */
import { expect, test } from 'vitest';
import { SqlError } from '../../../src/base/error.ts';
import type { ErrorFields } from '../../../src/base/error.ts';
import { parseDatum } from '../../value/text-input.ts';
import { formatDatum } from '../../value/text-output.ts';
import type { TypeName } from '../../value/type.ts';
import { types } from '../../value/type.ts';
import type { FunctionEntry } from '../function-entry.ts';
import { functionByKey } from '../function-table.ts';
import { datetimeCases } from './datetime-cases.ts';
import { jsonbCases } from './jsonb-cases.ts';

/** The names of the recorded calls and the keys of their entries. */
const keys = new Map<string, string>([
  ['extract timestamp', 'extract(text,timestamp)'],
  ['extract date', 'extract(text,date)'],
  ['extract time', 'extract(text,time)'],
  ['extract interval', 'extract(text,interval)'],
  ['trunc timestamp', 'date_trunc(text,timestamp)'],
  ['trunc interval', 'date_trunc(text,interval)'],
  ['timestamp + interval', '+(timestamp,interval)'],
  ['interval * float', '*(interval,float8)'],
  ['interval / float', '/(interval,float8)'],
  ['interval + interval', '+(interval,interval)'],
  ['interval - interval', '-(interval,interval)'],
  ['- interval', '-(interval)'],
  ['justify_hours', 'justify_hours(interval)'],
  ['justify_days', 'justify_days(interval)'],
  ['justify_interval', 'justify_interval(interval)'],
  ['time + interval', '+(time,interval)'],
  ['age', 'age(timestamp,timestamp)'],
  ['timestamp - timestamp', '-(timestamp,timestamp)'],
  ['make_date', 'make_date(int4,int4,int4)'],
  ['make_time', 'make_time(int4,int4,float8)'],
  ['make_timestamp', 'make_timestamp(int4,int4,int4,int4,int4,float8)'],
  ['make_interval', 'make_interval(int4,int4,int4,int4,int4,int4,float8)'],
  ['date_bin', 'date_bin(interval,timestamp,timestamp)'],
  ['->', '->(jsonb,text)'],
  ['->>', '->>(jsonb,text)'],
  ['?', '?(jsonb,text)'],
  ['- key', '-(jsonb,text)'],
  ['-> int', '->(jsonb,int4)'],
  ['->> int', '->>(jsonb,int4)'],
  ['- int', '-(jsonb,int4)'],
  ['- keys', '-(jsonb,_text)'],
  ['#>', '#>(jsonb,_text)'],
  ['#>>', '#>>(jsonb,_text)'],
  ['#-', '#-(jsonb,_text)'],
  ['set', 'jsonb_set(jsonb,_text,jsonb,bool)'],
  ['insert', 'jsonb_insert(jsonb,_text,jsonb,bool)'],
  ['typeof', 'jsonb_typeof(jsonb)'],
  ['length', 'jsonb_array_length(jsonb)'],
  ['strip', 'jsonb_strip_nulls(jsonb)'],
  ['pretty', 'jsonb_pretty(jsonb)'],
  ['to int', 'cast(jsonb,int4)'],
  ['to bool', 'cast(jsonb,bool)'],
  ['to numeric', 'cast(jsonb,numeric)'],
  ['@>', '@>(jsonb,jsonb)'],
  ['||', '||(jsonb,jsonb)'],
  ['<', '<(jsonb,jsonb)'],
]);

function typeNamed(name: string): TypeName {
  const found = types.find((type) => type.name === name);
  if (found === undefined) throw new Error(`no type ${name}`);
  return found.name;
}

function entryOf(key: string): FunctionEntry {
  const generic = key.replace('jsonb,jsonb', 'anyelement,anyelement');
  const found = functionByKey(key) ?? functionByKey(generic);
  if (found === undefined) throw new Error(`no function ${key}`);
  return found;
}

function answer(key: string, texts: readonly string[]): string | null | ErrorFields {
  const args = (/\((.*)\)/.exec(key)?.[1] ?? '').split(',').map(typeNamed);
  const fn = entryOf(key);
  const result = typeNamed(fn.result);
  try {
    const values = texts.map((text, k) => parseDatum(args[k] ?? 'text', text));
    const value = fn.evaluate?.(values, { args, result }) ?? null;
    if (value === null) return null;
    return result === 'bool' ? String(value) : formatDatum(result, value);
  } catch (error) {
    if (error instanceof SqlError) return error.fields;
    throw error;
  }
}

const cases = [...datetimeCases, ...jsonbCases];

test.each([...keys])('%s answers as Postgres does', (name, key) => {
  const mine = cases.filter(([called]) => called === name);
  expect(mine.length).toBeGreaterThan(0);
  expect(mine.map(([, args]) => [name, args, answer(key, args)])).toEqual(mine);
});

test('every recorded call is compared', () => {
  expect(cases.filter(([name]) => !keys.has(name))).toEqual([]);
});
