/**
 * The product as a process of its own, as users run it, for the suites on real services: a free
 * port, its log kept for failures, stopped by its process id.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import pg from 'pg';
import { root } from '../support/source-files.ts';

export class MillraceServer {
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#process = child;
  }

  /** Starts it, in memory or with a data directory; resolves when it names its port. */
  static start(directory: string | null = null): Promise<MillraceServer> {
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        join(root, 'src/cli/main.ts'),
        'serve',
        ...(directory === null ? ['--memory'] : ['--data-directory', directory]),
        '--port',
        '0',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    return new Promise((resolve, reject) => {
      let log = '';
      const read = (data: Buffer): void => {
        log = (log + data.toString()).slice(-20_000);
        const port = /listens on [^\s]*:(\d+)/.exec(log)?.[1];
        if (port !== undefined) resolve(new MillraceServer(Number(port), child));
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
    });
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  /** A client of its own, not yet connected. */
  client(): pg.Client {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: this.port,
      user: 'materialize',
      database: 'materialize',
    });
    client.on('error', () => undefined);
    return client;
  }

  /** Asks it to stop; resolves to its exit status. */
  async stop(): Promise<number | null> {
    if (this.#process.exitCode !== null) return this.#process.exitCode;
    const gone = new Promise<number | null>((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGTERM');
    return gone;
  }
}
