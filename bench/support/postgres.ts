/**
 * A throw-away Postgres server made by initdb, and pgbench, which drives it and us with the same
 * script. Without these programs the benchmarks that need them cannot run.
 */
import { execFile } from 'node:child_process';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const runProgram = promisify(execFile);
const programs = '/usr/lib/postgresql/15/bin';

/** Port of the throw-away server. */
export const postgresPort = 54_327;

/** Runs a Postgres program, as the user postgres if we are root: it refuses root. */
async function program(name: string, args: readonly string[]): Promise<void> {
  const command = [`${programs}/${name}`, ...args];
  const root = process.getuid?.() === 0;
  await runProgram(
    root ? 'runuser' : (command[0] ?? name),
    root ? ['-u', 'postgres', '--', ...command] : command.slice(1),
  );
}

/** Starts a server below `directory`; the answer stops it. */
export async function startPostgres(directory: string): Promise<() => Promise<void>> {
  const data = join(directory, 'data');
  await program('initdb', ['-D', data, '-A', 'trust', '-U', 'postgres']);
  const options = `-p ${postgresPort} -k ${directory} -c listen_addresses=127.0.0.1 -c max_connections=300`;
  await program('pg_ctl', ['-D', data, '-w', '-l', join(directory, 'log'), '-o', options, 'start']);
  return () => program('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']);
}

/** What pgbench measured. */
export interface Load {
  readonly perSecond: number;
  /** Milliseconds of each read. */
  readonly latencies: readonly number[];
}

/** Runs `script.sql` of `directory`, prepared, with so many clients for so many seconds. */
export async function pgbench(
  directory: string,
  at: number,
  database: string,
  clients: number,
  seconds: number,
): Promise<Load> {
  const prefix = join(directory, `log-${at}`);
  const { stdout } = await runProgram(
    'pgbench',
    [
      '-n',
      '-h',
      '127.0.0.1',
      '-p',
      String(at),
      '-U',
      'postgres',
      '-M',
      'prepared',
      '-f',
      join(directory, 'script.sql'),
      '-c',
      String(clients),
      '-T',
      String(seconds),
      '-l',
      '--log-prefix',
      prefix,
      '--sampling-rate',
      '0.1',
      database,
    ],
    { maxBuffer: 1 << 24 },
  );
  const perSecond = Number(/tps = ([\d.]+)/.exec(stdout)?.[1] ?? NaN);
  const latencies: number[] = [];
  for (const name of await readdir(directory)) {
    if (!name.startsWith(`log-${at}`)) continue;
    const text = await readFile(join(directory, name), 'utf8');
    for (const line of text.split('\n'))
      if (line !== '') latencies.push(Number(line.split(' ')[2]) / 1000);
    await rm(join(directory, name));
  }
  return { perSecond, latencies };
}
