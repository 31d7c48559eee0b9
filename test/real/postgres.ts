/**
 * A real Postgres for tests, as the referee of what SQL means: a fresh cluster in a temporary
 * folder, a free port on loopback, no socket file, nothing flushed, stopped by its process id.
 * Postgres refuses to run as root, so root runs it as the user `postgres` that the Debian package
 * makes.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { assert } from '../../src/base/assert.ts';

const startTriesMax = 150;
const startPauseMilliseconds = 200;

/** The folder of `initdb` and `postgres`: the newest that Debian's packages installed. */
export function postgresPrograms(): string {
  const base = '/usr/lib/postgresql';
  const versions = existsSync(base)
    ? readdirSync(base)
        .map(Number)
        .filter((v) => v >= 15)
        .sort((a, b) => b - a)
    : [];
  assert(versions[0] !== undefined, 'Postgres 15 or later is installed');
  return join(base, String(versions[0]), 'bin');
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert(typeof address === 'object' && address !== null, 'a listening socket has a port');
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return address.port;
}

/** The words of a command that runs as a user whom Postgres accepts. */
function unprivileged(words: readonly string[]): readonly string[] {
  return process.getuid?.() === 0 ? ['runuser', '-u', 'postgres', '--', ...words] : words;
}

const settings = (port: number, more: string): string => `
port = ${port}
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
timezone = 'UTC'
datestyle = 'ISO, MDY'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = '32MB'
max_connections = 20
statement_timeout = '60s'
${more}`;

export class PostgresServer {
  readonly port: number;
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(port: number, folder: string, child: ChildProcess) {
    this.port = port;
    this.#folder = folder;
    this.#process = child;
  }

  /** Makes a cluster, with more lines of settings, and starts it; resolves when it answers. */
  static async start(more = ''): Promise<PostgresServer> {
    const bin = postgresPrograms();
    const folder = mkdtempSync(join(tmpdir(), 'millrace-postgres-'));
    if (process.getuid?.() === 0) spawnSync('chown', ['postgres', folder]);
    chmodSync(folder, 0o700);
    const data = join(folder, 'data');
    const [program = '', ...rest] = unprivileged([
      join(bin, 'initdb'),
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-N',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
    ]);
    const made = spawnSync(program, rest, { encoding: 'utf8', cwd: folder });
    assert(
      made.status === 0,
      `initdb makes a cluster: ${made.stdout}${made.stderr}${made.error ?? ''}`,
    );
    const port = await freePort();
    appendFileSync(join(data, 'postgresql.conf'), settings(port, more));
    const [command = '', ...args] = unprivileged([join(bin, 'postgres'), '-D', data]);
    const child = spawn(command, args, { cwd: folder, stdio: 'ignore' });
    const server = new PostgresServer(port, folder, child);
    await server.#answers();
    return server;
  }

  async #answers(): Promise<void> {
    for (let tries = 0; tries < startTriesMax; tries++) {
      assert(this.#process.exitCode === null, 'Postgres keeps running');
      const client = this.client();
      try {
        await client.connect();
        await client.end();
        return;
      } catch {
        await sleep(startPauseMilliseconds);
      }
    }
    throw new Error('Postgres did not start in time');
  }

  /** A client of its own, not yet connected. */
  client(): pg.Client {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: this.port,
      user: 'postgres',
      database: 'postgres',
    });
    client.on('error', () => undefined);
    return client;
  }

  /** Stops it at once and removes its data. */
  async stop(): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
    const pid = Number(
      readFileSync(join(this.#folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[0],
    );
    process.kill(pid, 'SIGQUIT');
    await gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
