/**
 * Goal: what once agreed with Postgres on a large foreign corpus of SQL goes on agreeing. Method:
 * run the corpus where it lies beside the checkout; every key of the committed list must pass
 * again. Where the corpus is not there, the list itself is checked, so that it stays what the
 * script writes.
 */
import { expect, it } from 'vitest';
import { corpusPresent, passing, passingList } from './slt.ts';

const keys = passingList();

it('keeps its list sorted, without doubles, in the form of the runner', () => {
  expect(keys).toEqual([...new Set(keys)].sort());
  expect(keys.filter((key) => !/^[\w./-]+:\d+(#mv)?$/.test(key))).toEqual([]);
  expect(keys.length).toBeGreaterThan(1_000);
});

if (corpusPresent()) {
  it('passes every record of the corpus that passed before', async () => {
    const now = await passing();
    expect(keys.filter((key) => !now.has(key))).toEqual([]);
  }, 600_000);
}
