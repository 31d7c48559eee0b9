#!/usr/bin/env node
/** The command line: `millrace demo`, `millrace serve`, `millrace help`. */
import { parseArgs } from 'node:util';
import { SqlError } from '../base/error.ts';
import { realClock, realEntropy, stderrLog } from '../base/real/seam.ts';
import { EmbeddedBroker } from '../../connectors/kafka/broker/broker.ts';
import { runDemo } from './demo.ts';
import { Millrace } from './millrace.ts';

const usage = `usage: millrace <command> [options]

  demo                  orders and payments from Kafka, as SQL views, live
      --brokers LIST    your own Kafka, host:port[,host:port]; else one is started in memory
      --rate N          records a second (1000)
      --port PORT       port for Postgres clients (6875)
      --seconds N       end so many seconds after the first rows; else with Ctrl-C
  serve                 run the engine until it is stopped
      --host HOST       address to listen on (127.0.0.1)
      --port PORT       port to listen on (6875)
      --embedded-kafka  also start a Kafka broker: in memory, on this machine only
      --kafka-port PORT port of that broker (9092)
  help                  this text

Connect with: psql -h localhost -p 6875
`;

const defaultPort = 6875;
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

async function serve(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      host: { type: 'string' },
      port: { type: 'string' },
      'embedded-kafka': { type: 'boolean' },
      'kafka-port': { type: 'string' },
    },
  });
  const host = values.host ?? '127.0.0.1';
  const seams = { clock: realClock, entropy: realEntropy, log: stderrLog };
  const port = portOf(values.port, defaultPort);
  const kafkaPort = portOf(values['kafka-port'], defaultKafkaPort);
  const embedded = values['embedded-kafka'] === true || values['kafka-port'] !== undefined;
  const broker = embedded
    ? await EmbeddedBroker.start({ ...seams, port: kafkaPort, autoCreatePartitions: 1 })
    : null;
  try {
    const millrace = await Millrace.start({ host, port, ...seams });
    if (broker !== null) {
      stderrLog.info(
        `embedded Kafka broker on ${broker.brokers}: in memory, for this machine only; its topics end with this process`,
      );
    }
    stderrLog.info(
      `millrace listens on ${host}:${millrace.port}; connect with: psql -h ${host} -p ${millrace.port}`,
    );
    const crashed = await Promise.race([stopSignal(), millrace.crashed]);
    await millrace.stop();
    if (crashed !== undefined) throw new Error(`the dataflow thread has ended: ${crashed}`);
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

async function main(): Promise<void> {
  const [command, ...rest] = process.argv.slice(2);
  switch (command) {
    case 'demo':
      return demo(rest);
    case 'serve':
      return serve(rest);
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
        ? error.fields.message
        : error instanceof Error
          ? error.message
          : String(error);
    process.stderr.write(`millrace: ${message}\n`);
    process.exit(1);
  },
);
