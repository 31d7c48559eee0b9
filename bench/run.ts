/**
 * `npm run bench -- NAME [PART …] [--json] [--quick] [--minutes N]`: runs a benchmark, or some
 * parts of one, and prints its figures, as a table or as one JSON line each. Without a name it
 * lists what there is.
 */
import { parseArgs } from 'node:util';
import { realClock } from '../src/base/real/seam.ts';
import { printJson, printTable } from './support/figure.ts';
import type { Figure } from './support/figure.ts';

export interface BenchOptions {
  /** Smaller inputs: to see that it runs, not to quote. */
  readonly quick: boolean;
  /** How long a benchmark goes on that runs for a set time. */
  readonly minutes: number;
  /** Parts to run; none means all. */
  readonly parts: readonly string[];
}

interface Benchmark {
  readonly what: string;
  load(): Promise<{ run(options: BenchOptions): Promise<readonly Figure[]> }>;
}

const benchmarks = new Map<string, Benchmark>([
  [
    'avro',
    {
      what: 'Avro from Kafka into a view, against kafkajs and avsc',
      load: () => import('./avro.ts'),
    },
  ],
  [
    'debezium',
    {
      what: 'change events from Kafka into a table, against kafkajs and JSON.parse',
      load: () => import('./debezium.ts'),
    },
  ],
  [
    'change',
    {
      what: 'a change of one row at growing sizes of state, against the smallest',
      load: () => import('./change.ts'),
    },
  ],
  [
    'decode',
    {
      what: 'Kafka records to columns, against JSON.parse of every value',
      load: () => import('./decode.ts'),
    },
  ],
  [
    'durability',
    {
      what: 'durable inserts of one row, against Postgres and against --memory',
      load: () => import('./durability.ts'),
    },
  ],
  [
    'freshness',
    {
      what: 'from produce to the row of a SUBSCRIBE, against bare kafkajs',
      load: () => import('./freshness.ts'),
    },
  ],
  [
    'idle',
    { what: 'a busy view beside 200 idle ones, against alone', load: () => import('./idle.ts') },
  ],
  [
    'ingest',
    {
      what: 'typed JSON from Kafka into a view, against kafkajs and JSON.parse',
      load: () => import('./ingest.ts'),
    },
  ],
  [
    'pause',
    {
      what: 'the longest pause of the dataflow at 5 M rows, against the limit',
      load: () => import('./pause.ts'),
    },
  ],
  [
    'peek',
    {
      what: 'rows by key through the Postgres protocol, against Postgres',
      load: () => import('./peek.ts'),
    },
  ],
  [
    'reduce',
    {
      what: 'counts, sums, maxima and distinct rows by the operators alone, against Map programs',
      load: () => import('./reduce.ts'),
    },
  ],
  [
    'restart',
    {
      what: 'checkpoints, and starts from them, against reading the files',
      load: () => import('./restart.ts'),
    },
  ],
  [
    'soak',
    {
      what: 'memory over minutes of steady churn, against the beginning',
      load: () => import('./soak.ts'),
    },
  ],
  [
    'state',
    {
      what: 'bytes for a stored row with its index, against the bytes of its values',
      load: () => import('./state.ts'),
    },
  ],
  [
    'turns',
    {
      what: 'the longest turn of the dataflow thread at large joins, groups, sorts and drops, against the limit',
      load: () => import('./turns.ts'),
    },
  ],
  [
    'views',
    {
      what: 'four views kept up to date through SQL, against hand-written Map programs',
      load: () => import('./views.ts'),
    },
  ],
]);

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      quick: { type: 'boolean' },
      minutes: { type: 'string', default: '10' },
    },
  });
  const [name, ...parts] = positionals;
  const benchmark = name === undefined ? undefined : benchmarks.get(name);
  if (benchmark === undefined) {
    process.stdout.write(
      'usage: npm run bench -- NAME [PART …] [--json] [--quick] [--minutes N]\n\n',
    );
    for (const [each, { what }] of benchmarks)
      process.stdout.write(`  ${each.padEnd(12)}${what}\n`);
    return name === undefined ? 0 : 1;
  }
  const { run } = await benchmark.load();
  const figures = await run({
    quick: values.quick ?? false,
    minutes: Number(values.minutes),
    parts,
  });
  if (values.json === true) printJson(figures);
  else printTable(figures);
  return 0;
}

main().then(
  (status) => realClock.after(50, () => process.exit(status)),
  (error: unknown) => {
    process.stderr.write(
      `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exit(1);
  },
);
