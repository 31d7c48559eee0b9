/**
 * `durability`: acknowledged INSERTs of one row a second, each durable, with 1, 16 and 256 sessions;
 * against Postgres with synchronous_commit on. Both are driven by pgbench with the same script, in
 * turns, on the same disk. A last figure is the same on ours without a data directory: what being
 * durable costs. All rows that were acknowledged are there after a restart.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { RealDisk } from '../src/base/real/disk.ts';
import { realProcesses } from '../src/base/real/processes.ts';
import { realClock, realEntropy, stderrLog } from '../src/base/real/seam.ts';
import { Millrace } from '../src/cli/millrace.ts';
import type { BenchOptions } from './run.ts';
import { figure, median } from './support/figure.ts';
import type { Figure } from './support/figure.ts';
import { pgbench, postgresPort, startPostgres } from './support/postgres.ts';

const rounds = 3;
const script = `\\set id random(1, 1000000000)
INSERT INTO events VALUES (:id, 'a body of some length, as events have it');
`;

function start(directory: string | null): Promise<Millrace> {
  const seams = { clock: realClock, entropy: realEntropy, log: stderrLog };
  const data =
    directory === null ? {} : { data: { disk: new RealDisk(directory), processes: realProcesses } };
  return Millrace.start({ host: '127.0.0.1', port: 0, ...seams, ...data });
}

async function ask(at: number, database: string, text: string): Promise<readonly unknown[]> {
  const client = new Client({ host: '127.0.0.1', port: at, user: 'postgres', database });
  await client.connect();
  const { rows } = await client.query<{ n: unknown }>(text);
  await client.end();
  return rows.map(({ n }) => n);
}

const create = 'CREATE TABLE events (id bigint, body text)';

/** Measures. */
export async function run({ quick, parts }: BenchOptions): Promise<readonly Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-durability-'));
  await chmod(directory, 0o777);
  await writeFile(join(directory, 'script.sql'), script);
  const stopPostgres = await startPostgres(directory);
  const data = join(directory, 'millrace');
  const durable = await start(data);
  const memory = await start(null);
  const seconds = quick ? 1 : 5;
  const figures: Figure[] = [];
  try {
    for (const { port } of [durable, memory]) await ask(port, 'materialize', create);
    await ask(postgresPort, 'postgres', create);
    for (const clients of [1, 16, 256]) {
      if (parts.length > 0 && !parts.includes(String(clients))) continue;
      const rates = { ours: [] as number[], memory: [] as number[], theirs: [] as number[] };
      const load = async (at: number, database: string): Promise<number> =>
        (await pgbench(directory, at, database, clients, seconds)).perSecond;
      for (let round = 0; round < (quick ? 1 : rounds); round++) {
        rates.ours.push(await load(durable.port, 'materialize'));
        rates.theirs.push(await load(postgresPort, 'postgres'));
        rates.memory.push(await load(memory.port, 'materialize'));
      }
      const name = `durable inserts, ${clients} sessions`;
      figures.push(figure(name, median(rates.ours), median(rates.theirs), 'rows/s', 1));
      figures.push(
        figure(`${name}, against --memory`, median(rates.ours), median(rates.memory), 'rows/s'),
      );
    }
    await checkRestart(durable, data);
  } finally {
    await memory.stop();
    await stopPostgres();
    await rm(directory, { recursive: true, force: true });
  }
  return figures;
}

/** Throws unless the rows are there when it is started again. */
async function checkRestart(durable: Millrace, data: string): Promise<void> {
  const count = 'SELECT count(*) AS n FROM events';
  const before = await ask(durable.port, 'materialize', count);
  await durable.stop();
  const again = await start(data);
  const after = await ask(again.port, 'materialize', count);
  await again.stop();
  if (String(after) !== String(before))
    throw new Error(`${String(before)} rows, then ${String(after)}`);
}
