/**
 * `change`: what a change of one row costs when 10 K, 100 K, 1 M and 5 M rows are stored, as CPU
 * time of a whole step through a join, an aggregate, an index and a subscriber. The baseline is the
 * smallest size. Sizes are measured one after the other in rounds, the median of each is taken; the
 * view is checked at the end.
 */
import type { BenchOptions } from './run.ts';
import { Churn } from './support/churn.ts';
import { cpuMilliseconds, figure, median } from './support/figure.ts';
import type { Figure } from './support/figure.ts';
import { SqlEngine } from './support/sql-engine.ts';

const changesPerRound = 1_000;

async function loaded(size: number): Promise<Churn> {
  const engine = await SqlEngine.open();
  const churn = await Churn.load(engine, size);
  await engine.subscribe('revenue', () => undefined);
  return churn;
}

/** Microseconds of CPU for one change. */
function round(churn: Churn): number {
  const before = cpuMilliseconds();
  for (let i = 0; i < changesPerRound; i++) churn.engine.step([churn.changes(1)]);
  return ((cpuMilliseconds() - before) * 1000) / changesPerRound;
}

/** One figure a size above the smallest. */
export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const sizes = options.quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000, 5_000_000];
  const rounds = options.quick ? 5 : 21;
  const churns: Churn[] = [];
  for (const size of sizes) churns.push(await loaded(size));
  const costs = sizes.map((): number[] => []);
  for (const churn of churns) round(churn);
  for (let r = 0; r < rounds; r++) churns.forEach((churn, i) => costs[i]?.push(round(churn)));
  for (const churn of churns) await churn.check();
  const medians = costs.map(median);
  return sizes
    .slice(1)
    .map((size, i) =>
      figure(`change ${size}`, medians[i + 1] ?? NaN, medians[0] ?? NaN, 'µs', 1 / 1.5),
    );
}
