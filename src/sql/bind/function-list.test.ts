/**
 * Goal: the catalog of functions says what calls are resolved against, and its numbers are its own.
 * Method: compare the lists with the tables they are made from, and a few texts with Postgres'.
 */
import { describe, expect, it } from 'vitest';
import { functions } from '../../../dataflow/expr/function-table.ts';
import { castPath } from '../types/cast.ts';
import {
  argumentsText,
  definitionText,
  listedCasts,
  listedFunctions,
  listedOperators,
  resultText,
  signatureOid,
} from './function-list.ts';

describe('the list of functions', () => {
  it('has every number once, below those of user objects', () => {
    const oids = [...listedFunctions, ...listedOperators, ...listedCasts].map((each) => each.oid);
    expect(new Set(oids).size).toBe(oids.length);
    expect(Math.max(...oids)).toBeLessThan(16_384);
  });

  it('has every function that can be written and every operator', () => {
    const written = functions.filter(
      (entry) => entry.kind === 'function' && !entry.name.includes(' '),
    );
    const listed = new Set(listedFunctions.map((each) => each.entry));
    expect(written.filter((entry) => !listed.has(entry))).toEqual([]);
    const operators = functions.filter((entry) => entry.kind === 'operator');
    expect(listedOperators.map((each) => each.entry)).toEqual(operators);
  });

  it('knows the types of all signatures', () => {
    for (const { entry } of [...listedFunctions, ...listedOperators])
      for (const type of [...entry.args, entry.result]) expect(signatureOid(type)).not.toBe(0);
  });

  it('has no cast that the binder does not make, each once', () => {
    const pairs = listedCasts.map(({ from, to }) => `${from}>${to}`);
    expect(new Set(pairs).size).toBe(pairs.length);
    for (const { from, to, context, functionOid } of listedCasts) {
      const path = castPath(from, to);
      expect(path?.context).toBe(context);
      expect(path?.entry === null).toBe(functionOid === 0);
    }
  });

  it.each([
    ['lower', 'text', 'text'],
    ['generate_subscripts', 'anyarray, integer', 'SETOF integer'],
    ['concat_ws', 'text, VARIADIC "any"', 'text'],
    ['jsonb_each', 'jsonb, OUT key text, OUT value jsonb', 'SETOF record'],
  ])('prints %s as Postgres does', (name, args, result) => {
    const found = listedFunctions.filter((each) => each.name === name);
    expect(found.map((each) => `${argumentsText(each)} → ${resultText(each)}`)).toContain(
      `${args} → ${result}`,
    );
  });

  it('prints a definition', () => {
    const lower = listedFunctions.find((each) => each.name === 'lower');
    expect(lower === undefined ? '' : definitionText(lower)).toBe(
      'CREATE OR REPLACE FUNCTION pg_catalog.lower(text)\n RETURNS text\n LANGUAGE internal\n' +
        ' IMMUTABLE PARALLEL SAFE STRICT\nAS $function$lower$function$\n',
    );
  });
});
