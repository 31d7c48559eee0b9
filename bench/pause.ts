/**
 * `pause`: how long the dataflow does not look at its messages, at 5 M rows of state under churn.
 * The engine runs in turns of the length that the worker thread gives it; a pause is the wall time
 * of one turn. Reported are the longest while the state grows from empty, and the longest and the
 * 99.9th percentile under churn; beside them the longest in CPU time of the thread, which other
 * programs on the machine do not lengthen. There is no baseline: the ratio is the limit over the
 * pause.
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

/** CPU time of this thread. */
function threadMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function longest(pauses: readonly number[]): number {
  return pauses.reduce((a, b) => Math.max(a, b), 0);
}

/** Figures of wall and CPU time while loading and under churn. */
export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const size = options.quick ? 100_000 : 5_000_000;
  const steps = options.quick ? 200 : 4_000;
  const engine = await SqlEngine.open();
  let pauses: number[] = [];
  let busy = 0;
  engine.watchTurns(limits.turnMillisecondsMax, (turn) => {
    const [wall, cpu] = [realClock.monotonic(), threadMilliseconds()];
    const more = turn();
    busy = Math.max(busy, threadMilliseconds() - cpu);
    pauses.push(realClock.monotonic() - wall);
    return more;
  });
  const churn = await Churn.load(engine, size);
  const loading = longest(pauses);
  const loadingBusy = busy;
  pauses = [];
  busy = 0;
  await engine.subscribe('revenue', () => undefined);
  for (let i = 0; i < steps; i++) engine.step([churn.changes(changesPerStep)]);
  const churning = pauses;
  await churn.check();
  return [
    figure(`pause while loading ${size} rows`, loading, pauseMillisecondsMax, 'ms', 1),
    figure('the same in CPU time', loadingBusy, pauseMillisecondsMax, 'ms'),
    figure(`pause at ${size} rows, longest`, longest(churning), pauseMillisecondsMax, 'ms', 1),
    figure(
      `pause at ${size} rows, p99.9`,
      percentile(churning, 0.999),
      pauseMillisecondsMax,
      'ms',
      1,
    ),
    figure(`pause at ${size} rows, longest in CPU time`, busy, pauseMillisecondsMax, 'ms'),
  ];
}
