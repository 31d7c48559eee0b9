/**
 * `restart`: a server with 100 MB or 1 GB of state (a table with a key, a view with a group for each
 * tenth row, an index) makes a checkpoint, is killed and starts again. Figures: how quickly a full
 * checkpoint is written; the latency of single inserts while one is, against without; the time from
 * the start of the process to the first answer, beyond that of a server that has nothing, against the
 * time to read the same files, all from a cold cache if the machine lets us; the time until all rows
 * were counted; the peak of memory at the start, against what it settles at. The answers after the
 * start are those before.
 */
import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { BenchOptions } from './run.ts';
import { figure, percentile } from './support/figure.ts';
import type { Figure } from './support/figure.ts';

const execute = promisify(execFile);
const port = 16_875;
/** Bytes that a row takes, in the table with its key, and its share of the view. */
const bytesPerRow = 150;
const rowsPerInsert = 200_000;

interface Server {
  readonly process: ChildProcess;
  readonly client: Client;
  /** Milliseconds from the start of the process to the first answer. */
  readonly milliseconds: number;
  /** The same to the number of all rows. */
  readonly counted: number;
}

async function start(directory: string): Promise<Server> {
  const begun = performance.now();
  const main = new URL('../src/cli/launch.ts', import.meta.url).pathname;
  const args = [main, 'serve', '--port', String(port), '--data-directory', directory];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  for (;;) {
    const client = new Client({ host: '127.0.0.1', port, user: 'bench', database: 'materialize' });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT k FROM t LIMIT 1').catch(() => undefined);
      const milliseconds = performance.now() - begun;
      await client.query('SELECT count(*) FROM t').catch(() => undefined);
      const counted = performance.now() - begun;
      return { process: child, client, milliseconds, counted };
    } catch {
      if (child.exitCode !== null) throw new Error('the server has ended');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

async function stop({ process: child, client }: Server, signal: NodeJS.Signals): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
  await client.end().catch(() => undefined);
}

/** Milliseconds that a server takes to start that has nothing. */
async function startEmpty(): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-restart-'));
  await forgetCache();
  const server = await start(directory);
  await stop(server, 'SIGKILL');
  await rm(directory, { recursive: true, force: true });
  return server;
}

async function fill({ client }: Server, rows: number): Promise<void> {
  await client.query('CREATE TABLE t (k int8 PRIMARY KEY, g int8, body text)');
  await client.query(
    'CREATE MATERIALIZED VIEW v AS SELECT g, count(*) AS n, sum(k) AS s FROM t GROUP BY g',
  );
  await client.query('CREATE INDEX v_g ON v (g)');
  for (let from = 0; from < rows; from += rowsPerInsert) {
    const to = Math.min(rows, from + rowsPerInsert);
    await client.query(
      `INSERT INTO t SELECT i, i / 10, 'what a row says, number ' || i
         FROM generate_series(${from}, ${to - 1}) AS x (i)`,
    );
  }
}

/** Milliseconds of single inserts, one after the other, while `meanwhile` goes on. */
async function inserts(
  { client }: Server,
  first: number,
  meanwhile: Promise<unknown>,
): Promise<number[]> {
  let over = false;
  const end = (): void => void (over = true);
  meanwhile.then(end, end);
  const taken: number[] = [];
  for (let k = first; !over; k--) {
    const begun = performance.now();
    await client.query(`INSERT INTO t VALUES (${k}, ${k}, 'late')`);
    taken.push(performance.now() - begun);
  }
  await meanwhile;
  return taken;
}

/** Lets the files be read from the disk, if we may. */
async function forgetCache(): Promise<boolean> {
  await execute('sync');
  return writeFile('/proc/sys/vm/drop_caches', '3').then(
    () => true,
    () => false,
  );
}

async function filesOf(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder);
  return names.map((name) => join(folder, name));
}

/** A figure of /proc in bytes. */
async function memoryOf({ process: { pid } }: Server, name: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const found = new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1];
  return Number(found) * 1024;
}

async function answers({ client }: Server): Promise<string> {
  const table = await client.query('SELECT count(*), sum(k), max(body) FROM t');
  const view = await client.query('SELECT count(*), sum(n), sum(s) FROM v');
  const one = await client.query('SELECT * FROM v WHERE g = 1234');
  return JSON.stringify([table.rows, view.rows, one.rows]);
}

async function measure(megabytes: number, seconds: number): Promise<readonly Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-restart-'));
  const figures: Figure[] = [];
  const name = `${megabytes} MB`;
  let server = await start(directory);
  try {
    await fill(server, Math.round((megabytes * 1e6) / bytesPerRow));
    const pause = new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    const alone = await inserts(server, -1, pause);
    const other = new Client({ host: '127.0.0.1', port, user: 'bench', database: 'materialize' });
    await other.connect();
    const begun = performance.now();
    const checkpoint = other.query('CHECKPOINT').then(() => performance.now() - begun);
    const beside = await inserts(server, -1 - alone.length, checkpoint);
    const took = await checkpoint;
    await other.end();
    const written = await filesOf(join(directory, 'checkpoints'));
    const sizes = await Promise.all(written.map(async (path) => (await stat(path)).size));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    figures.push(figure(`${name}, full checkpoint`, bytes / 1e3 / took, NaN, 'MB/s'));
    const p99 = (list: number[]): number => percentile(list, 0.99);
    figures.push(figure(`${name}, insert p99 beside it`, p99(beside), p99(alone), 'ms', 1 / 2));
    const before = await answers(server);
    await stop(server, 'SIGKILL');
    const cold = await forgetCache();
    const paths = (
      await Promise.all(['checkpoints', 'log'].map((folder) => filesOf(join(directory, folder))))
    ).flat();
    const readBegun = performance.now();
    await execute('sh', ['-c', 'cat "$@" > /dev/null', 'cat', ...paths]);
    const read = performance.now() - readBegun;
    const empty = await startEmpty();
    await forgetCache();
    server = await start(directory);
    const cache = cold ? 'cold' : 'warm';
    const more = Math.max(1, server.milliseconds - empty.milliseconds);
    figures.push(
      figure(`${name}, start beyond an empty one's, ${cache} cache`, more, read, 'ms', 1 / 2),
    );
    figures.push(
      figure(
        `${name}, start, against an empty one's`,
        server.milliseconds,
        empty.milliseconds,
        'ms',
      ),
      figure(
        `${name}, start and count of all rows, beyond an empty one's`,
        server.counted - empty.counted,
        read,
        'ms',
      ),
    );
    const peak = await memoryOf(server, 'VmHWM');
    if ((await answers(server)) !== before) throw new Error('answers changed by the restart');
    const steady = await memoryOf(server, 'VmRSS');
    figures.push(
      figure(`${name}, memory peak at the start`, peak / 1e6, steady / 1e6, 'bytes (MB)', 1 / 1.2),
    );
  } finally {
    await stop(server, 'SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
  return figures;
}

/** Measures. Parts are sizes in MB: 100 and 1000, or any. */
export async function run({ quick, parts }: BenchOptions): Promise<readonly Figure[]> {
  const sizes = parts.length > 0 ? parts.map(Number) : quick ? [30] : [100, 1_000];
  const figures: Figure[] = [];
  for (const megabytes of sizes) figures.push(...(await measure(megabytes, quick ? 1 : 5)));
  return figures;
}
