/**
 * `soak`: growth of memory over minutes of steady churn (`--minutes N`, 10 without). The state
 * keeps its size: orders change, a view is made and dropped, queries are answered by lookups and by
 * dataflows of their own, a subscriber takes every change. Memory after a full collection is
 * sampled 20 times; the first fifth is the warm-up; what counts is the mean of the last fifth over
 * the mean of the second.
 */
import { realClock } from '../src/base/real/seam.ts';
import type { BenchOptions } from './run.ts';
import { Churn } from './support/churn.ts';
import { figure } from './support/figure.ts';
import type { Figure } from './support/figure.ts';
import { liveBytes, residentBytes } from './support/memory.ts';
import { SqlEngine } from './support/sql-engine.ts';

const size = 100_000;
const changesPerStep = 100;
const stepsPerVisit = 100;
const samplesWanted = 20;

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What users do meanwhile. */
async function visit(engine: SqlEngine, turn: number): Promise<void> {
  await engine.rows(`SELECT * FROM orders WHERE id = ${turn % size}`);
  await engine.rows('SELECT count(*) FROM revenue WHERE orders > 1');
  await engine.rows(
    `CREATE MATERIALIZED VIEW passing AS SELECT region % 7 AS r, max(amount) AS m FROM revenue GROUP BY 1`,
  );
  await engine.rows('SELECT * FROM passing ORDER BY m DESC LIMIT 3');
  await engine.rows('DROP MATERIALIZED VIEW passing');
}

interface Sample {
  readonly live: number;
  readonly resident: number;
}

async function churnFor(churn: Churn, milliseconds: number): Promise<readonly Sample[]> {
  const start = realClock.monotonic();
  const samples: Sample[] = [];
  for (let turn = 0; samples.length < samplesWanted; turn++) {
    for (let i = 0; i < stepsPerVisit; i++) churn.engine.step([churn.changes(changesPerStep)]);
    await visit(churn.engine, turn);
    if (realClock.monotonic() - start < ((samples.length + 1) * milliseconds) / samplesWanted)
      continue;
    samples.push({
      live: liveBytes() + churn.engine.engine.arrangementBytes,
      resident: residentBytes(),
    });
  }
  return samples;
}

/** Two figures: live memory and the resident set. */
export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const engine = await SqlEngine.open();
  const churn = await Churn.load(engine, size);
  await engine.subscribe('revenue', () => undefined);
  const samples = await churnFor(churn, (options.quick ? 0.1 : options.minutes) * 60_000);
  await churn.check();
  const fifth = samplesWanted / 5;
  const compare = (name: string, of: (sample: Sample) => number, target?: number): Figure =>
    figure(
      name,
      mean(samples.slice(-fifth).map(of)),
      mean(samples.slice(fifth, 2 * fifth).map(of)),
      'bytes',
      target,
    );
  return [
    compare('live memory at the end, against the beginning', (s) => s.live, 1 / 1.02),
    compare('resident set', (s) => s.resident),
  ];
}
