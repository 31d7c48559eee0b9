/**
 * Goal: folding keeps meaning: values are computed, NULL and undecided conditions keep their logic,
 * and what fails stays unevaluated. Method: expressions bound from SQL text, folded, and printed by
 * a small printer.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { testCatalog } from '../../../test/support/sql/tables.ts';
import { parseQuery } from '../../../test/support/sql/catalog.ts';
import { BindContext } from '../bind/context.ts';
import { bindQuery, topEnvironment } from '../bind/query.ts';
import { initializeParser } from '../parse/parse.ts';
import { children } from '../logical/scalar.ts';
import type { Scalar } from '../logical/scalar.ts';
import { foldPredicates, foldScalar } from './fold.ts';

beforeAll(initializeParser);

function bound(text: string): Scalar {
  const context = new BindContext(testCatalog(), 'once', { types: [], values: [] });
  const { rel } = bindQuery(parseQuery(`select ${text} from t, u`), topEnvironment(context));
  const output = rel.kind === 'project' ? rel.outputs[0] : undefined;
  if (output === undefined) throw new Error('a projection is expected');
  return output.expression;
}

function print(scalar: Scalar): string {
  switch (scalar.kind) {
    case 'column':
      return scalar.column.name;
    case 'constant':
      return scalar.value === null ? 'NULL' : String(scalar.value);
    case 'call':
      return `${scalar.name}(${children(scalar).map(print).join(' ')})`;
    default:
      return `${scalar.kind}(${children(scalar).map(print).join(' ')})`;
  }
}

const folded = (text: string): string => print(foldScalar(bound(text)));

describe('folding', () => {
  test.each([
    ['1 + 2 * 3', '7'],
    [`upper('a') || 'b'`, 'Ab'],
    ['a + (2 - 1)', '+(a 1)'],
    ['1 / 0', '/(1 0)'],
    ['a + 1 / 0', '+(a /(1 0))'],
    ['null + a', 'NULL'],
    ['a = null', 'NULL'],
    ['true and a = 1', '=(a 1)'],
    ['false and a = 1', 'false'],
    ['a = 1 and false', 'false'],
    ['null and false', 'false'],
    ['null and a = 1', 'and(NULL =(a 1))'],
    ['true or 1 / 0 = 1', 'true'],
    ['a = 1 or true', 'true'],
    ['not true', 'false'],
    ['null is null', 'true'],
    ['coalesce(null, 3, a)', '3'],
    ['coalesce(null, a, 3)', 'coalesce(a 3)'],
    ['case when false then 1 / 0 when true then 2 else 3 end', '2'],
    ['case when a = 1 then 1 when true then 2 else 1 / 0 end', 'case(=(a 1) 1 2)'],
    ['case when null then 1 end', 'NULL'],
  ])('%s → %s', (text, expected) => {
    expect(folded(text)).toBe(expected);
  });

  test('a conjunction with a part that is never true has no rows', () => {
    expect(foldPredicates([bound('false'), bound('a = 1')])).toBeUndefined();
    expect(foldPredicates([bound('1 = 1'), bound('a = 1')])?.map(print)).toEqual(['=(a 1)']);
    expect(foldPredicates([bound('1 / a = 1'), bound('null = 1')])).toBeUndefined();
  });
});
