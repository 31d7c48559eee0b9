/**
 * The simulator's command: `node test/sim/run.ts --seeds 1000 --from 0` runs many seeds and says
 * which fail; `--sweep 50` stops scripts at every operation of the disk in turn; `--lines` prints
 * what happened in the one seed of `--from`.
 */
import { parseArgs } from 'node:util';
import { Marks } from './marks.ts';
import { Simulation } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '86400' },
    lines: { type: 'boolean', default: false },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const from = Number(values.from);
const marks = new Marks();
const began = performance.now();
let milliseconds = 0;
let stops = 0;
let seeds = 0;
const failed: number[] = [];
for (let seed = from; seed < from + Number(values.seeds); seed++) {
  if (performance.now() - began > Number(values.seconds) * 1000) break;
  const simulation = new Simulation(seed, { lives: 4, faults: true }, values.lines);
  try {
    const result = await simulation.run();
    milliseconds += result.milliseconds;
    stops += result.stops;
    if (values.lines) say(result.hash);
  } catch (error) {
    failed.push(seed);
    say(`seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  for (const line of simulation.lines ?? []) say(line);
  marks.add(simulation.marks);
  seeds++;
}
const minutes = (performance.now() - began) / 60_000;
say(marks.toString());
say(
  `${seeds} seeds, ${stops} stops, ${failed.length} failed${failed.length > 0 ? `: ${failed.slice(0, 50).join(' ')}` : ''}; ` +
    `${(milliseconds / 60_000 / minutes).toFixed(1)} simulated minutes a minute`,
);
process.exitCode = failed.length > 0 || (seeds >= 100 && marks.missing().length > 0) ? 1 : 0;
if (marks.missing().length > 0) say(`never happened: ${marks.missing().join('; ')}`);
