/**
 * The simulator's command: `node test/sim/run.ts --seeds 1000 --from 0` runs many seeds and says
 * which fail; `--sweep 50` stops scripts at every operation of the disk in turn, and the start
 * after it at one of its operations; `--lines` prints what happened in the one seed of `--from`;
 * `--first` ends at the first failure; `--seconds` ends it after so many seconds of processor. One
 * seed in a hundred is run twice: what happens must be the same. A crash point is a place at which
 * a machine, its process or its disk has stopped and another life went on from what was left.
 * Totals so far are said every minute, and in full at the end, by SIGTERM too.
 */
import { parseArgs } from 'node:util';
import { Marks } from './marks.ts';
import type { Plan, Result } from './simulation.ts';
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

const sayMilliseconds = 60_000;
/** Operations of a start, more or less, and a number that goes through all of them. */
const startOperations = 97;
const startStride = 37;
const from = Number(values.from);
const secondsMax = Number(values.seconds);
const scripts = Number(values.sweep);
const total = { seeds: 0, stops: 0, twice: 0, milliseconds: 0, scripts: 0, marks: new Marks() };
const failed: string[] = [];
let said = performance.now();
let terminated = false;
process.once('SIGTERM', () => {
  terminated = true;
});

/** Of processor, as the machine may be busy with other things. */
function secondsUsed(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
}

function totals(): string {
  const minutes = secondsUsed() / 60;
  const swept = scripts > 0 ? `${total.scripts} whole scripts, ` : '';
  return (
    `${total.seeds} ${scripts > 0 ? 'runs' : 'seeds'}, ${swept}${total.stops} crash points, ` +
    `${failed.length} failed, ${total.twice} run twice; ` +
    `${Math.round(total.seeds / minutes)} runs and ` +
    `${Math.round(total.stops / minutes)} crash points and ` +
    `${(total.milliseconds / 60_000 / minutes).toFixed(1)} simulated minutes a minute of processor`
  );
}

/** Whether to end; lets a signal in, and says how far it is. */
async function timeIsUp(): Promise<boolean> {
  await new Promise((resolve) => void setImmediate(resolve));
  const now = performance.now();
  if (now - said > sayMilliseconds) {
    said = now;
    say(`so far ${totals()}`);
  }
  if (values.first && failed.length > 0) return true;
  return terminated || secondsUsed() > secondsMax;
}

/** Runs one seed; null if it failed. */
async function one(seed: number, plan: Plan, name: string): Promise<Result | null> {
  const simulation = new Simulation(seed, plan, values.lines);
  let result: Result | null = null;
  try {
    result = await simulation.run();
    if (values.lines) say(result.hash);
    if (total.seeds % 100 === 0) {
      const again = await new Simulation(seed, plan).run();
      total.twice++;
      if (again.hash !== result.hash) throw new Error('the same seed gave another run');
    }
  } catch (error) {
    failed.push(name);
    say(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  for (const line of simulation.lines ?? []) say(line);
  total.marks.add(simulation.marks);
  total.milliseconds += result?.milliseconds ?? 0;
  total.stops += result?.stops ?? 1;
  total.seeds++;
  return result;
}

/** Stops a script, which is a seed's first life, at each operation in turn. */
async function sweep(script: number): Promise<void> {
  for (let stopAt = 0; !(await timeIsUp()); stopAt++) {
    const then = (script + stopAt * startStride) % startOperations;
    const plan: Plan = { lives: 3, faults: false, stopsAt: [stopAt, then] };
    const result = await one(script, plan, `script ${script}, operations ${stopAt} and ${then}`);
    if (result?.cameToStop !== false) continue;
    total.scripts++;
    return;
  }
}

if (scripts > 0)
  for (let script = from; script < from + scripts && !(await timeIsUp()); script++)
    await sweep(script);
else
  for (let seed = from; seed < from + Number(values.seeds) && !(await timeIsUp()); seed++)
    await one(seed, { lives: 4, faults: true }, `seed ${seed}`);
const missing = scripts > 0 || total.seeds < 500 ? [] : total.marks.missing();
say(total.marks.toString());
for (const mark of missing) say(`never happened: ${mark}`);
say(totals());
for (const name of failed.slice(0, 50)) say(`failed: ${name}`);
process.exitCode = failed.length > 0 || missing.length > 0 ? 1 : 0;
