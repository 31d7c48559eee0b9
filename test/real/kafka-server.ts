/**
 * A real Apache Kafka for tests: one node in KRaft mode on loopback, free ports, a temporary
 * folder, stopped by its process id. The node can be stopped and started again on the same ports and
 * data.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/base/assert.ts';
import { classPath } from './maven.ts';
import { freePort } from './postgres.ts';

const version = '4.1.1';
const startSecondsMax = 90;

/** The class path of the broker. */
function brokerClasses(): string {
  return classPath(`kafka-${version}`, [
    `org.apache.kafka:kafka_2.13:${version}`,
    'org.apache.logging.log4j:log4j-slf4j-impl:2.24.3',
  ]);
}

/** Listeners besides the one in the clear, and what a node needs for them. */
export interface SecureListeners {
  /** By name (letters): the lines of `listener.name.NAME.…`, and its protocol. */
  readonly listeners: ReadonlyMap<string, { readonly protocol: string; readonly lines: string[] }>;
  /** Arguments of `--add-scram`. */
  readonly scram: readonly string[];
}

const none: SecureListeners = { listeners: new Map(), scram: [] };

function properties(
  folder: string,
  port: number,
  controllerPort: number,
  secure: SecureListeners,
  ports: ReadonlyMap<string, number>,
): string {
  const more = [...secure.listeners].map(([name, { protocol, lines }]) => ({
    listener: `,${name}://127.0.0.1:${ports.get(name)}`,
    protocol: `,${name}:${protocol}`,
    lines: lines.map((line) => `listener.name.${name.toLowerCase()}.${line}`),
  }));
  return [
    ...more.flatMap(({ lines }) => lines),
    'inter.broker.listener.name=PLAINTEXT',
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${more.map((each) => each.listener).join('')}`,
    'controller.listener.names=CONTROLLER',
    `listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT${more.map((each) => each.protocol).join('')}`,
    `log.dirs=${folder}/data`,
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    'auto.create.topics.enable=false',
    'log.cleaner.dedupe.buffer.size=8388608',
    'num.io.threads=2',
    'num.network.threads=2',
    'log.retention.ms=-1',
    'controlled.shutdown.enable=false',
    '',
  ].join('\n');
}

const logging = `<Configuration status="ERROR"><Appenders><Console name="out" target="SYSTEM_OUT">
<PatternLayout pattern="%d %p %c %m%n"/></Console></Appenders>
<Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers></Configuration>`;

export class KafkaServer {
  readonly #folder: string;
  readonly #port: number;
  readonly #ports: ReadonlyMap<string, number>;
  #process: ChildProcess | null = null;
  #output = '';

  private constructor(folder: string, port: number, ports: ReadonlyMap<string, number>) {
    this.#folder = folder;
    this.#port = port;
    this.#ports = ports;
  }

  /** Formats a fresh node and starts it. */
  static async start(secure = none): Promise<KafkaServer> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-kafka-'));
    const port = await freePort();
    const ports = new Map<string, number>();
    for (const name of secure.listeners.keys()) ports.set(name, await freePort());
    const server = new KafkaServer(folder, port, ports);
    const text = properties(folder, port, await freePort(), secure, ports);
    writeFileSync(join(folder, 'server.properties'), text);
    writeFileSync(join(folder, 'log4j2.xml'), logging);
    const format = spawnSync(
      'java',
      [
        ...server.#java(),
        'kafka.tools.StorageTool',
        'format',
        '--ignore-formatted',
        '-t',
        'bWlsbHJhY2UtdGVzdC0wMQ',
        '-c',
        join(folder, 'server.properties'),
        ...secure.scram.flatMap((user) => ['--add-scram', user]),
      ],
      { encoding: 'utf8' },
    );
    assert(format.status === 0, `the storage is formatted: ${format.stdout}${format.stderr}`);
    await server.up();
    return server;
  }

  get brokers(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** The address of a secure listener. */
  listener(name: string): string {
    return `127.0.0.1:${this.#ports.get(name)}`;
  }

  #java(): string[] {
    return [
      '-Xms128m',
      '-Xmx512m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      `-Dlog4j2.configurationFile=${join(this.#folder, 'log4j2.xml')}`,
      '-cp',
      brokerClasses(),
    ];
  }

  /** Starts the node on its data; resolves when it accepts connections. */
  async up(): Promise<void> {
    assert(this.#process === null, 'the node is down');
    const child = spawn(
      'java',
      [...this.#java(), 'kafka.Kafka', join(this.#folder, 'server.properties')],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#process = child;
    const keep = (data: Buffer): void => {
      this.#output = (this.#output + data.toString()).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    for (let tries = 0; tries < startSecondsMax * 5; tries++) {
      assert(child.exitCode === null, `Kafka keeps running: ${this.#output}`);
      if (await accepts(this.#port)) return;
      await sleep(200);
    }
    throw new Error(`Kafka did not start within ${startSecondsMax} s: ${this.#output}`);
  }

  /** Kills the node as a crash would, keeps its data. */
  async down(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await gone;
  }

  /** Stops the node and removes its data. */
  async stop(): Promise<void> {
    await this.down();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
