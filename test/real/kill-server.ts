/**
 * `millrace serve` on a data directory as a process of its own, to be killed: what it says, how it
 * ends, and nothing left running. A start that fails is an answer too.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import pg from 'pg';
import { root } from '../support/source-files.ts';

/** How a process ended before it listened. */
export interface Refusal {
  readonly code: number | null;
  readonly output: string;
}

const node = ['--disable-warning=ExperimentalWarning', join(root, 'src/cli/main.ts')];

export class KillServer {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #said: () => string;

  private constructor(port: number, child: ChildProcess, said: () => string) {
    this.port = port;
    this.#process = child;
    this.#said = said;
  }

  /** The last that it has said. */
  get said(): string {
    return this.#said();
  }

  /** Starts it; answers the server when it listens, or how it ended. */
  static start(directory: string): Promise<KillServer | Refusal> {
    const child = spawn(
      process.execPath,
      [...node, 'serve', '--data-directory', directory, '--port', '0'],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    return new Promise((resolve) => {
      let output = '';
      const read = (data: Buffer): void => {
        output = (output + data.toString()).slice(-20_000);
        const port = /listens on [^\s]*:(\d+)/.exec(output)?.[1];
        if (port !== undefined) resolve(new KillServer(Number(port), child, () => output));
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('close', (code) => resolve({ code, output }));
    });
  }

  /** The same, for a directory that must open. */
  static async open(directory: string): Promise<KillServer> {
    const started = await KillServer.start(directory);
    if (started instanceof KillServer) return started;
    throw new Error(`the server ended with ${started.code}: ${started.output}`);
  }

  async client(): Promise<pg.Client> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: this.port,
      user: 'materialize',
      database: 'materialize',
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** Stops the process where it is, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(signal);
  }

  /** Sends a signal; resolves to the exit status when the process is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null)
      return this.#process.exitCode;
    const gone = new Promise<number | null>((resolve) => this.#process.once('exit', resolve));
    this.#process.kill(signal);
    return gone;
  }
}

/** Runs `millrace inspect`; answers how it ended. */
export function runInspect(directory: string): Promise<Refusal> {
  const child = spawn(process.execPath, [...node, 'inspect', directory], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve) => {
    let output = '';
    const read = (data: Buffer): void => void (output += data.toString());
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('close', (code) => resolve({ code, output }));
  });
}
