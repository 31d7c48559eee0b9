#!/usr/bin/env node
/** The command line: `millrace demo`, `serve`, `inspect`, `backup`, `restore`, `help`. */
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SqlError } from '../base/error.ts';
import { RealDisk } from '../base/real/disk.ts';
import { realProcesses } from '../base/real/processes.ts';
import { realClock, realEntropy, stderrLog } from '../base/real/seam.ts';
import { EmbeddedBroker } from '../../connectors/kafka/broker/broker.ts';
import type { BackupCommandParts } from './backup.ts';
import { backup, restore } from './backup.ts';
import { keepCompiled } from './compile-cache.ts';
import { runDemo } from './demo.ts';
import { inspect } from './inspect.ts';
import type { MillraceOptions } from './millrace.ts';
import { Millrace } from './millrace.ts';

const usage = `usage: millrace <command> [options]

  demo                  orders and payments from Kafka, as SQL views, live
      --brokers LIST    your own Kafka, host:port[,host:port]; else one is started in memory
      --rate N          records a second (1000)
      --port PORT       port for Postgres clients (6875)
      --seconds N       end so many seconds after the first rows; else with Ctrl-C
  serve                 run the engine until it is stopped
      --data-directory DIR
                        where everything is kept that must survive (millrace-data)
      --memory          keep nothing: all is gone when it ends
      --host HOST       address to listen on (127.0.0.1)
      --port PORT       port to listen on (6875)
      --embedded-kafka  also start a Kafka broker: in memory, on this machine only
      --kafka-port PORT port of that broker (9092)
  inspect DIR           what a data directory holds, and whether it is sound
  backup DIR TARGET     copy a data directory, also while a server works on it
  restore BACKUP DIR    make a data directory of a backup
  help                  this text

Connect with: psql -h localhost -p 6875
`;

const defaultPort = 6875;
const defaultDataDirectory = 'millrace-data';
const defaultKafkaPort = 9092;
const defaultRate = 1000;
const rateMax = 1_000_000;
const secondsMax = 1_000_000;

function portOf(text: string | undefined, otherwise: number): number {
  const port = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`invalid port "${text}"`);
  return port;
}

/** Resolves at the first SIGINT or SIGTERM. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

function positiveOf(name: string, text: string, most: number): number {
  const value = Number(text);
  if (!(value > 0 && value <= most))
    throw new Error(`invalid --${name} "${text}": a number above 0, at most ${most}`);
  return value;
}

/** Where the data is kept; nothing with --memory. */
function dataOf(directory: string | undefined, memory: boolean): Pick<MillraceOptions, 'data'> {
  if (memory && directory !== undefined)
    throw new Error('--memory and --data-directory exclude each other');
  if (memory) return {};
  const disk = new RealDisk(resolve(directory ?? defaultDataDirectory));
  return { data: { disk, processes: realProcesses } };
}

async function serve(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      host: { type: 'string' },
      port: { type: 'string' },
      'data-directory': { type: 'string' },
      memory: { type: 'boolean' },
      'embedded-kafka': { type: 'boolean' },
      'kafka-port': { type: 'string' },
    },
  });
  const host = values.host ?? '127.0.0.1';
  const seams = { clock: realClock, entropy: realEntropy, log: stderrLog };
  const port = portOf(values.port, defaultPort);
  const kafkaPort = portOf(values['kafka-port'], defaultKafkaPort);
  const data = dataOf(values['data-directory'], values.memory === true);
  const embedded = values['embedded-kafka'] === true || values['kafka-port'] !== undefined;
  const broker = embedded
    ? await EmbeddedBroker.start({ ...seams, port: kafkaPort, autoCreatePartitions: 1 })
    : null;
  try {
    const millrace = await Millrace.start({ host, port, ...seams, ...data });
    if (broker !== null) {
      stderrLog.info(
        `embedded Kafka broker on ${broker.brokers}: in memory, for this machine only; ` +
          'its topics end with this process',
      );
    }
    stderrLog.info(
      values.memory === true
        ? 'nothing is kept: tables and definitions end with this process'
        : `data in ${resolve(values['data-directory'] ?? defaultDataDirectory)}`,
    );
    stderrLog.info(
      `millrace listens on ${host}:${millrace.port}; connect with: psql -h ${host} -p ${millrace.port}`,
    );
    keepCompiled(realClock);
    const failed = await Promise.race([
      stopSignal(),
      millrace.crashed.then((reason) => new Error(`the dataflow thread has ended: ${reason}`)),
      millrace.logFailed,
    ]);
    await millrace.stop();
    if (failed !== undefined) throw failed;
  } finally {
    await broker?.stop();
  }
}

async function demo(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      brokers: { type: 'string' },
      rate: { type: 'string' },
      port: { type: 'string' },
      seconds: { type: 'string' },
    },
  });
  await runDemo({
    brokers: values.brokers ?? null,
    rate: values.rate === undefined ? defaultRate : positiveOf('rate', values.rate, rateMax),
    port: portOf(values.port, defaultPort),
    seconds:
      values.seconds === undefined ? null : positiveOf('seconds', values.seconds, secondsMax),
    screen: process.stdout.isTTY,
    write: (text) => void process.stdout.write(text),
    stopped: stopSignal(),
  });
}

/** Throws if the directory is damaged, after it has said what is there. */
async function inspectDirectory(args: readonly string[]): Promise<void> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
  const [directory, ...rest] = positionals;
  if (directory === undefined || rest.length > 0)
    throw new Error('inspect takes one data directory');
  const root = resolve(directory);
  const sound = await inspect({
    disk: new RealDisk(root),
    processes: realProcesses,
    line: (text) => void process.stdout.write(`${text}\n`),
  });
  if (!sound) throw new Error(`${root} is not a sound data directory`);
}

/** Runs a command that makes one folder of another. */
async function fromTo(
  args: readonly string[],
  run: (parts: BackupCommandParts, source: string, target: string) => Promise<void>,
): Promise<void> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
  const [source, target, ...rest] = positionals.map((path) => relative('/', resolve(path)));
  if (source === undefined || target === undefined || rest.length > 0)
    throw new Error('two folders are needed: what is read, and what is made of it');
  const parts = {
    disk: new RealDisk('/'),
    clock: realClock,
    entropy: realEntropy,
    line: (text: string) => void process.stdout.write(`${text}\n`),
  };
  await run(parts, source, target);
}

async function main(): Promise<void> {
  const [command, ...rest] = process.argv.slice(2);
  switch (command) {
    case 'demo':
      return demo(rest);
    case 'serve':
      return serve(rest);
    case 'inspect':
      return inspectDirectory(rest);
    case 'backup':
      return fromTo(rest, backup);
    case 'restore':
      return fromTo(rest, restore);
    case undefined:
    case 'help':
    case '--help':
      process.stdout.write(usage);
      return;
    default:
      throw new Error(`unknown command "${command}"\n${usage}`);
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const message =
      error instanceof SqlError
        ? [error.fields.message, error.fields.detail, error.fields.hint]
            .filter((text) => text !== undefined)
            .join('\n  ')
        : error instanceof Error
          ? error.message
          : String(error);
    process.stderr.write(`millrace: ${message}\n`);
    process.exit(1);
  },
);
