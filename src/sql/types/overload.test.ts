/**
 * Goal: overloads are chosen as chapter 10 of the Postgres manual says. Method: the manual's rules,
 * one case each, over the real function table; the outcomes are those of Postgres 15 (`pg_typeof`,
 * or its error).
 */
import { describe, expect, test } from 'vitest';
import { functionsNamed, operatorsNamed } from '../../../dataflow/expr/function-table.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { canCoerce } from './cast.ts';
import { chooseFunction, chooseOperator } from './overload.ts';
import type { Resolution } from './overload.ts';

function shown(resolution: Resolution): string {
  return typeof resolution === 'string'
    ? resolution
    : `(${resolution.args.join(', ')}) → ${resolution.result}`;
}

function operator(name: string, ...args: TypeName[]): string {
  return shown(chooseOperator(operatorsNamed(name), args));
}

function call(name: string, ...args: TypeName[]): string {
  return shown(chooseFunction(functionsNamed(name), args));
}

describe('operators', () => {
  test.each([
    ['exact types', operator('+', 'int4', 'int4'), '(int4, int4) → int4'],
    ['exact mixture', operator('+', 'int4', 'int8'), '(int4, int8) → int8'],
    [
      'an unknown operand takes the type of the other',
      operator('=', 'int8', 'unknown'),
      '(int8, int8) → bool',
    ],
    [
      'a mixture without entry goes to the preferred type',
      operator('+', 'float4', 'int4'),
      '(float4, float8) → float8',
    ],
    ['numeric takes integers', operator('*', 'numeric', 'int4'), '(numeric, numeric) → numeric'],
    [
      'unknown on both sides prefers text',
      operator('=', 'unknown', 'unknown'),
      '(text, text) → bool',
    ],
    ['unknown || unknown is text', operator('||', 'unknown', 'unknown'), '(text, text) → text'],
    ['several categories are ambiguous', operator('+', 'unknown', 'unknown'), 'ambiguous'],
    ['no entry', operator('+', 'text', 'int4'), 'none'],
    ['varchar goes as text', operator('||', 'varchar', 'text'), '(text, text) → text'],
    ['a date and an unknown', operator('-', 'date', 'unknown'), '(date, date) → int4'],
    ['arrays of one type', operator('||', '_int4', 'int4'), '(_int4, int4) → _int4'],
    ['arrays of compatible types', operator('||', '_int4', 'int8'), '(_int8, int8) → _int8'],
    ['arrays of strange types', operator('||', '_int4', 'bool'), 'none'],
  ])('%s', (_, got, expected) => {
    expect(got).toBe(expected);
  });
});

describe('functions', () => {
  test.each([
    ['exact', call('upper', 'text'), '(text) → text'],
    ['an unknown argument', call('length', 'unknown'), '(text) → int4'],
    ['the preferred type among several', call('round', 'int4'), '(float8) → float8'],
    [
      'the only one with as many arguments',
      call('round', 'unknown', 'int4'),
      '(numeric, int4) → numeric',
    ],
    ['no implicit cast', call('upper', 'int4'), 'none'],
    ['variadic', call('concat', 'text', 'int4', 'bool'), '(text, int4, bool) → text'],
    ['placeholders', call('array_length', '_text', 'int4'), '(_text, int4) → int4'],
    ['no such number of arguments', call('upper', 'text', 'text'), 'none'],
  ])('%s', (_, got, expected) => {
    expect(got).toBe(expected);
  });
});

test('casts know where they may be applied', () => {
  expect(canCoerce('int4', 'int8', 'implicit')).toBe(true);
  expect(canCoerce('int8', 'int4', 'implicit')).toBe(false);
  expect(canCoerce('int8', 'int4', 'assignment')).toBe(true);
  expect(canCoerce('int4', 'text', 'implicit')).toBe(false);
  expect(canCoerce('int4', 'text', 'assignment')).toBe(true);
  expect(canCoerce('text', 'int4', 'assignment')).toBe(false);
  expect(canCoerce('text', 'int4', 'explicit')).toBe(true);
  expect(canCoerce('bool', 'int8', 'explicit')).toBe(false);
  expect(canCoerce('varchar', 'text', 'implicit')).toBe(true);
});
