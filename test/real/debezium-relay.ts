/**
 * A real Debezium for tests: its engine with the connector for Postgres, in a Java process of its
 * own that writes the events to Kafka (`Relay.java`). It notes its offsets in a file, as a Connect
 * worker does in a topic, and can be killed and started again: it goes on where it last noted, so
 * events come again.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert } from '../../src/base/assert.ts';
import { classPath, compiled } from './maven.ts';

const version = '3.6.1.Final';
const logging = 'org.slf4j:slf4j-simple:1.7.36';

export class DebeziumRelay {
  readonly #folder: string;
  readonly #classes: string;
  #process: ChildProcess | null = null;
  #output = '';

  /** Not yet started; `settings` are those of the connector. */
  constructor(brokers: string, settings: Readonly<Record<string, string>>) {
    this.#folder = mkdtempSync(join(tmpdir(), 'millrace-debezium-'));
    const all = {
      name: 'relay',
      'relay.brokers': brokers,
      'offset.storage': 'org.apache.kafka.connect.storage.FileOffsetBackingStore',
      'offset.storage.file.filename': join(this.#folder, 'offsets'),
      'offset.flush.interval.ms': '500',
      'poll.interval.ms': '20',
      ...settings,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(join(this.#folder, 'relay.properties'), lines.join(''));
    const needed = classPath(`debezium-${version}`, [
      `io.debezium:debezium-embedded:${version}`,
      `io.debezium:debezium-connector-postgres:${version}`,
      logging,
    ]);
    this.#classes = compiled(join(import.meta.dirname, 'Relay.java'), this.#folder, needed);
  }

  /** Starts it; resolves when it follows changes. */
  up(): Promise<void> {
    assert(this.#process === null, 'it is down');
    const memory = ['-Xms64m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
    const log = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
    const words = [...memory, log, '-cp', this.#classes, 'Relay'];
    const child = spawn('java', [...words, join(this.#folder, 'relay.properties')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    return new Promise((resolve, reject) => {
      const read = (data: Buffer): void => {
        this.#output = (this.#output + data.toString()).slice(-20_000);
        if (/^running$/m.test(data.toString())) resolve();
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', (code) => reject(new Error(`Debezium ended: ${code} ${this.#output}`)));
    });
  }

  /** What it said last. */
  get output(): string {
    return this.#output;
  }

  /** Kills it as a crash would. */
  async down(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await gone;
  }

  /** Kills it and removes what it noted. */
  async stop(): Promise<void> {
    await this.down();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
