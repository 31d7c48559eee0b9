/**
 * `npm run fuzz -- decode [--seconds N] [--seed S]`: fuzzes decoding for a time and prints what was
 * tried. A failure names the seed; the same seed fails at the same record.
 */
import { parseArgs } from 'node:util';
import { assert } from '../../src/base/assert.ts';
import { DecodeFuzz } from './decode.ts';

/** Growth of memory over a run, beyond what warms up. */
const growthBytesMax = 512 * 1024 * 1024;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string' }, seed: { type: 'string' } },
});
assert(positionals[0] === 'decode', 'there is one kind of fuzzing: decode');
const seconds = Number(values.seconds ?? 10);
const seed = Number(values.seed ?? 1);
const fuzz = new DecodeFuzz(seed);
const memory = (): number => {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
for (let k = 0; k < 20; k++) fuzz.step();
const before = memory();
const end = performance.now() + seconds * 1000;
try {
  while (performance.now() < end) fuzz.step();
} catch (error) {
  process.stderr.write(`seed ${seed}, after ${JSON.stringify(fuzz.tried)}\n`);
  throw error;
}
const grown = memory() - before;
assert(grown < growthBytesMax, `memory does not grow, ${grown} bytes more`);
process.stdout.write(`seed ${seed}: ${JSON.stringify({ ...fuzz.tried, grownBytes: grown })}\n`);
