#!/usr/bin/env node
/** The command line: `millrace demo`, `millrace serve`, `millrace version`. */
import { parseArgs } from 'node:util';
import { SqlError } from '../base/error.ts';
import { realClock, realEntropy, stderrLog } from '../base/real/seam.ts';
import { Millrace } from './millrace.ts';

const usage = `usage: millrace <command> [options]

  serve                 run the engine until it is stopped
      --host HOST       address to listen on (127.0.0.1)
      --port PORT       port to listen on (6875)
  help                  this text

Connect with: psql -h localhost -p 6875
`;

const defaultPort = 6875;

function portOf(text: string | undefined): number {
  const port = text === undefined ? defaultPort : Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`invalid port "${text}"`);
  return port;
}

/** Resolves at the first SIGINT or SIGTERM. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

async function serve(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { host: { type: 'string' }, port: { type: 'string' } } });
  const host = values.host ?? '127.0.0.1';
  const millrace = await Millrace.start({
    host, port: portOf(values.port), clock: realClock, entropy: realEntropy, log: stderrLog,
  });
  stderrLog.info(`millrace listens on ${host}:${millrace.port}; connect with: psql -h ${host} -p ${millrace.port}`);
  await stopSignal();
  await millrace.stop();
}

async function main(): Promise<void> {
  const [command, ...rest] = process.argv.slice(2);
  switch (command) {
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
    const message = error instanceof SqlError ? error.fields.message : error instanceof Error ? error.message : String(error);
    process.stderr.write(`millrace: ${message}\n`);
    process.exit(1);
  },
);
