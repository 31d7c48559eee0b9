/**
 * Reads of one row by key through the Postgres protocol, prepared, with 1, 8 and 64 clients;
 * against Postgres itself. Both are driven by pgbench with the same script, in turns, on the same
 * machine. Part `busy` does the same while rows are inserted all the time, and gives the latency
 * that 99 of 100 reads stay below.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { Millrace } from '../src/cli/millrace.ts';
import { realClock, realEntropy, stderrLog } from '../src/base/real/seam.ts';
import type { BenchOptions } from './run.ts';
import { figure, median, percentile } from './support/figure.ts';
import type { Figure } from './support/figure.ts';
import { pgbench, postgresPort, startPostgres } from './support/postgres.ts';

const rows = 100_000;
const rounds = 3;

const script = `\\set aid random(1, ${rows})
SELECT abalance FROM accounts WHERE aid = :aid;
`;

async function load(at: number, database: string): Promise<void> {
  const client = new Client({ host: '127.0.0.1', port: at, user: 'postgres', database });
  await client.connect();
  await client.query('CREATE TABLE accounts (aid int PRIMARY KEY, abalance int, filler text)');
  await client.query(
    `INSERT INTO accounts SELECT g, 0, repeat('x', 84) FROM generate_series(1, ${rows}) AS x (g)`,
  );
  await client.query('CREATE TABLE events (id bigint, body text)');
  await client.end();
}

/** Inserts batches of rows with pauses in between until it is stopped; answers how many. */
function insertSteadily(at: number, database: string): () => Promise<number> {
  let stopped = false;
  let inserted = 0;
  const work = async (): Promise<void> => {
    const client = new Client({ host: '127.0.0.1', port: at, user: 'postgres', database });
    await client.connect();
    while (!stopped) {
      const begun = performance.now();
      await client.query(
        `INSERT INTO events SELECT g, 'event ' || g FROM generate_series(1, 1000) AS x (g)`,
      );
      inserted += 1000;
      // As long at rest as at work: half of what one writer can do.
      await new Promise((resolve) => setTimeout(resolve, performance.now() - begun));
    }
    await client.end();
  };
  const done = work();
  return async () => {
    stopped = true;
    await done;
    return inserted;
  };
}

/** Measures. */
export async function run({ quick, parts }: BenchOptions): Promise<readonly Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-peek-'));
  await chmod(directory, 0o777);
  await writeFile(join(directory, 'script.sql'), script);
  const stopPostgres = await startPostgres(directory);
  const millrace = await Millrace.start({
    host: '127.0.0.1',
    port: 0,
    clock: realClock,
    entropy: realEntropy,
    log: stderrLog,
  });
  const seconds = quick ? 1 : 5;
  const figures: Figure[] = [];
  try {
    await load(millrace.port, 'materialize');
    await load(postgresPort, 'postgres');
    for (const clients of [1, 8, 64]) {
      if (parts.length > 0 && !parts.includes(String(clients))) continue;
      const ours: number[] = [];
      const theirs: number[] = [];
      for (let round = 0; round < (quick ? 1 : rounds); round++) {
        ours.push(
          (await pgbench(directory, millrace.port, 'materialize', clients, seconds)).perSecond,
        );
        theirs.push(
          (await pgbench(directory, postgresPort, 'postgres', clients, seconds)).perSecond,
        );
      }
      figures.push(
        figure(`reads by key, ${clients} clients`, median(ours), median(theirs), 'reads/s', 1),
      );
    }
    if (parts.length === 0 || parts.includes('busy'))
      figures.push(await busy(directory, millrace.port, seconds));
  } finally {
    await millrace.stop();
    await stopPostgres();
    await rm(directory, { recursive: true, force: true });
  }
  return figures;
}

async function busy(directory: string, at: number, seconds: number): Promise<Figure> {
  const stop = insertSteadily(at, 'materialize');
  const { latencies } = await pgbench(directory, at, 'materialize', 8, seconds);
  const inserted = await stop();
  const name = `read by key while inserting ${Math.round(inserted / seconds)} rows/s, 8 clients, p99`;
  return figure(name, percentile(latencies, 0.99), 5, 'ms', 1);
}
