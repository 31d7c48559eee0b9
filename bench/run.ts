/**
 * `npm run bench -- NAME [PART …] [--json] [--quick]`: runs a benchmark, or some parts of one, and prints
 * its figures, as a table or as one JSON line each. Without a name it lists what there is.
 */
import { realClock } from '../src/base/real/seam.ts';
import { printJson, printTable } from './support/figure.ts';
import type { Figure } from './support/figure.ts';

export interface BenchOptions {
  /** Smaller inputs: to see that it runs, not to quote. */
  readonly quick: boolean;
  /** Parts to run; none means all. */
  readonly parts: readonly string[];
}

interface Benchmark {
  readonly what: string;
  load(): Promise<{ run(options: BenchOptions): Promise<readonly Figure[]> }>;
}

const benchmarks = new Map<string, Benchmark>([
  ['decode', { what: 'Kafka records to columns, against JSON.parse of every value', load: () => import('./decode.ts') }],
  ['reduce', { what: 'counts, sums, maxima and distinct rows by the operators alone, against Map programs', load: () => import('./reduce.ts') }],
  ['views', { what: 'four views kept up to date through SQL, against hand-written Map programs', load: () => import('./views.ts') }],
]);

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const [name, ...parts] = args.filter((arg) => !arg.startsWith('--'));
  const benchmark = name === undefined ? undefined : benchmarks.get(name);
  if (benchmark === undefined) {
    process.stdout.write('usage: npm run bench -- NAME [PART …] [--json] [--quick]\n\n');
    for (const [each, { what }] of benchmarks) process.stdout.write(`  ${each.padEnd(12)}${what}\n`);
    return name === undefined ? 0 : 1;
  }
  const { run } = await benchmark.load();
  const figures = await run({ quick: args.includes('--quick'), parts });
  if (args.includes('--json')) printJson(figures);
  else printTable(figures);
  return 0;
}

main().then(
  (status) => realClock.after(50, () => process.exit(status)),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
