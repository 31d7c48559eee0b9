/**
 * `idle`: how fast one busy view is when 200 views beside it have nothing to do, against no other
 * view. Both engines run in one process, in alternating rounds on CPU time; the busy view is
 * checked on both.
 */
import type { BenchOptions } from './run.ts';
import { Churn } from './support/churn.ts';
import { cpuMilliseconds, figure, median } from './support/figure.ts';
import type { Figure } from './support/figure.ts';
import { SqlEngine } from './support/sql-engine.ts';

const idleViews = 200;
const changesPerStep = 100;
const stepsPerRound = 200;

async function loaded(size: number, views: number): Promise<Churn> {
  const engine = await SqlEngine.open();
  if (views > 0) {
    await engine.sql(
      'CREATE TABLE quiet (k int8, v int8); INSERT INTO quiet VALUES (1, 2), (2, 3)',
    );
    for (let i = 0; i < views; i++) {
      await engine.sql(
        `CREATE MATERIALIZED VIEW idle_${i} AS SELECT k % ${i + 2} AS k, sum(v) AS v FROM quiet GROUP BY 1`,
      );
    }
  }
  const churn = await Churn.load(engine, size);
  await engine.subscribe('revenue', () => undefined);
  return churn;
}

/** Changed rows a CPU second. */
function round(churn: Churn): number {
  const before = cpuMilliseconds();
  for (let i = 0; i < stepsPerRound; i++) churn.engine.step([churn.changes(changesPerStep)]);
  return (stepsPerRound * changesPerStep * 1000) / (cpuMilliseconds() - before);
}

/** One figure. */
export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const size = options.quick ? 10_000 : 100_000;
  const rounds = options.quick ? 5 : 41;
  const alone = await loaded(size, 0);
  const crowded = await loaded(size, idleViews);
  const rates: [number[], number[]] = [[], []];
  for (const churn of [alone, crowded, alone, crowded]) round(churn);
  for (let r = 0; r < rounds; r++) {
    rates[0].push(round(alone));
    rates[1].push(round(crowded));
  }
  await alone.check();
  await crowded.check();
  return [
    figure(
      `busy view beside ${idleViews} idle ones`,
      median(rates[1]),
      median(rates[0]),
      'rows/CPU s',
      0.95,
    ),
  ];
}
