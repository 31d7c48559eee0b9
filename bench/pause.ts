/**
 * `pause`: how long the dataflow does not look at its messages, at 5 M rows of state under churn. The
 * engine runs in turns of the length that the worker thread gives it; a pause is the wall time of one
 * turn, or of taking an input. Reported are the longest and the 99.9th percentile of all turns, with the
 * growth of the state from empty counted too. There is no baseline: the ratio is the limit over the pause.
 */
import { limits } from '../src/base/limits.ts';
import { realClock } from '../src/base/real/seam.ts';
import type { BenchOptions } from './run.ts';
import { Churn } from './support/churn.ts';
import { figure, percentile } from './support/figure.ts';
import type { Figure } from './support/figure.ts';
import { SqlEngine } from './support/sql-engine.ts';

const pauseMillisecondsMax = 20;
const changesPerStep = 500;

function longest(pauses: readonly number[]): number {
  return pauses.reduce((a, b) => Math.max(a, b), 0);
}

/** Three figures: longest pause while loading, longest and percentile under churn. */
export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const size = options.quick ? 100_000 : 5_000_000;
  const steps = options.quick ? 200 : 4_000;
  const engine = await SqlEngine.open();
  let pauses: number[] = [];
  engine.watchTurns(limits.turnMillisecondsMax, () => realClock.monotonic(), (milliseconds) => pauses.push(milliseconds));
  const churn = await Churn.load(engine, size);
  const loading = longest(pauses);
  pauses = [];
  await engine.subscribe('revenue', () => undefined);
  for (let i = 0; i < steps; i++) engine.step([churn.changes(changesPerStep)]);
  const churning = pauses;
  await churn.check();
  return [
    figure(`pause while loading ${size} rows`, loading, pauseMillisecondsMax, 'ms', 1),
    figure(`pause at ${size} rows, longest`, longest(churning), pauseMillisecondsMax, 'ms', 1),
    figure(`pause at ${size} rows, p99.9`, percentile(churning, 0.999), pauseMillisecondsMax, 'ms', 1),
  ];
}
