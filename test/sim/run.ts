/**
 * The simulator's command: `node test/sim/run.ts --seeds 1000 --from 0` runs many seeds and says
 * which fail; `--sweep 50` stops scripts at every operation of the disk in turn; `--lines` prints
 * what happened in the one seed of `--from`; `--first` ends at the first failure; `--seconds` ends
 * it after a while. One seed in a hundred is run twice: what happens must be the same. A crash point
 * is a place at which a machine, its process or its disk has stopped and another life went on from
 * what was left.
 */
import { parseArgs } from 'node:util';
import { Marks } from './marks.ts';
import type { Plan } from './simulation.ts';
import { Simulation } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '86400' },
    first: { type: 'boolean', default: false },
    sweep: { type: 'string', default: '0' },
    lines: { type: 'boolean', default: false },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const from = Number(values.from);
const secondsMax = Number(values.seconds);
const total = { seeds: 0, stops: 0, twice: 0, milliseconds: 0, marks: new Marks() };
const failed: string[] = [];
const began = performance.now();

function timeIsUp(): boolean {
  if (values.first && failed.length > 0) return true;
  return performance.now() - began > secondsMax * 1000;
}

/** Runs one seed; answers whether the machine stopped in it. */
async function one(seed: number, plan: Plan, name: string): Promise<boolean> {
  const simulation = new Simulation(seed, plan, values.lines);
  let stops = 0;
  try {
    const result = await simulation.run();
    total.milliseconds += result.milliseconds;
    ({ stops } = result);
    if (values.lines) say(result.hash);
    if (seed % 100 === 0) {
      const again = await new Simulation(seed, plan).run();
      total.twice++;
      if (again.hash !== result.hash) throw new Error('the same seed gave another run');
    }
  } catch (error) {
    failed.push(name);
    stops = 1;
    say(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  for (const line of simulation.lines ?? []) say(line);
  total.marks.add(simulation.marks);
  total.stops += stops;
  total.seeds++;
  return stops > 0;
}

/** Stops a script, which is a seed's first life, at each operation in turn. */
async function sweep(script: number): Promise<void> {
  for (let stopAt = 0; !timeIsUp(); stopAt++) {
    const plan = { lives: 2, faults: false, stopAt };
    if (!(await one(script, plan, `script ${script}, operation ${stopAt}`))) return;
  }
}

const scripts = Number(values.sweep);
if (scripts > 0) {
  for (let script = from; script < from + scripts && !timeIsUp(); script++) await sweep(script);
} else {
  for (let seed = from; seed < from + Number(values.seeds) && !timeIsUp(); seed++)
    await one(seed, { lives: 4, faults: true }, `seed ${seed}`);
}
const minutes = (performance.now() - began) / 60_000;
const missing = scripts > 0 || total.seeds < 500 ? [] : total.marks.missing();
say(total.marks.toString());
for (const mark of missing) say(`never happened: ${mark}`);
say(
  `${total.seeds} ${scripts > 0 ? 'runs' : 'seeds'}, ${total.stops} crash points, ${failed.length} failed, ` +
    `${total.twice} run twice; ${Math.round(total.seeds / minutes)} runs and ` +
    `${Math.round(total.stops / minutes)} crash points a minute, ` +
    `${(total.milliseconds / 60_000 / minutes).toFixed(1)} simulated minutes a minute`,
);
for (const name of failed.slice(0, 50)) say(`failed: ${name}`);
process.exitCode = failed.length > 0 || missing.length > 0 ? 1 : 0;
