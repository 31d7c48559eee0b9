/**
 * Goal: the laws of errors as data: without filters each input row is accounted for exactly once,
 * as a row or as an error; retracting an input retracts what came of it, error or row, to the byte;
 * both whichever executor runs and however the input is cut. Method: random programs over random
 * batches, each of them also negated and row by row.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { ProgramMaker, randomRows, randomTypes } from '../../test/support/random-program.ts';
import { rowIdentity } from '../operators/reference-rows.ts';
import type { Update } from '../value/datum.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import { batchFromRows, rowsFromBatch } from '../value/datum-column.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import type { Mode } from './mfp.ts';
import { Mfp } from './mfp.ts';

const slow = new Set(['power', 'pow', '^', 'exp', 'ln', 'log', 'log10']);
const modes: readonly Mode[] = ['interpret', 'compile'];

test.each([1, 2, 3])('rows and errors account for each input once, seed %i', (seed) => {
  const random = new Random(seed);
  const pool = new SlabPool();
  const input: ColumnType[] = randomTypes.map((type) => ({ type, nullable: true }));
  const maker = new ProgramMaker(
    random,
    input,
    ({ name, result }) => result !== 'numeric' || !slow.has(name),
  );
  let failures = 0;
  for (let p = 0; p < 60; p++) {
    const types: TypeName[] = [random.pick(randomTypes), random.pick(randomTypes)];
    const program = { ...maker.program(types, 3), filters: [] };
    const output = types.map((type) => ({ type, nullable: true }));
    const updates = randomRows(random, input, 12);
    const weigh = updates.reduce((sum, { weight }) => sum + weight, 0);
    const executors = modes.map((mode) => new Mfp(input, program, output, mode));
    /** What the program makes of a batch, by identity, with weights; and their sum. */
    const run = (mfp: Mfp, batch: readonly Update[], into: Map<string, number>): number => {
      const made = batchFromRows(pool, input, batch, 1);
      const writer = new BatchWriter(pool, output);
      let total = 0;
      const add = (key: string, weight: number): void => {
        total += weight;
        const sum = (into.get(key) ?? 0) + weight;
        if (sum === 0) into.delete(key);
        else into.set(key, sum);
      };
      const result = mfp.run(made, writer, 1, (row, error) => {
        failures++;
        add(JSON.stringify(error), batch[row]?.weight ?? 0);
      });
      if (result !== null) {
        for (const { row, weight } of rowsFromBatch(result, output)) add(rowIdentity(row), weight);
        result.slab.release();
      }
      writer.close();
      made.slab.release();
      return total;
    };
    for (const mfp of executors) {
      const state = new Map<string, number>();
      expect(run(mfp, updates, state)).toBe(weigh);
      for (const update of updates) run(mfp, [{ ...update, weight: -update.weight }], state);
      expect([...state]).toEqual([]);
    }
  }
  expect(failures).toBeGreaterThan(0);
  expect(pool.live).toBe(0);
});
