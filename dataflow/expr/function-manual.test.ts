/**
 * Goal: `docs/functions.md` says what the table says. Method: print the manual and compare; run
 * this test with `--update` after a change of the table to write the file anew.
 */
import { expect, test } from 'vitest';
import { functionManual } from './function-manual.ts';
import { functions } from './function-table.ts';

test('the manual is current', async () => {
  await expect(functionManual()).toMatchFileSnapshot('../../docs/functions.md');
});

test('the table holds what was promised', () => {
  const names = new Set(functions.map((fn) => fn.name));
  expect(names.size).toBeGreaterThan(200);
  expect(functions.filter((fn) => fn.kind !== 'cast').length).toBeGreaterThan(500);
});
