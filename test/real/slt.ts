/**
 * Runs a corpus of sqllogictest files against an engine. The corpus is not part of the repository:
 * it is looked for beside the checkout, in `../shared`. Its records are named by keys (`path:line`,
 * with `#mv` for the same query as a materialized view); those that pass are kept in
 * `slt-passing.txt`, the gate.
 *
 *     node test/real/slt.ts          runs the corpus, writes the list anew, says what changed
 */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../support/source-files.ts';
import { MillraceServer } from './millrace-server.ts';

const beside = join(dirname(root), 'shared');
/** Without links: the runner runs only under its own name. */
const shared = existsSync(beside) ? realpathSync(beside) : beside;
const runner = join(shared, 'tools', 'slt', 'slt.mjs');
const corpus = join(shared, 'data', 'slt', 'risingwave');
const listFile = join(import.meta.dirname, 'slt-passing.txt');

/** Whether the corpus lies beside the checkout. */
export function corpusPresent(): boolean {
  return existsSync(runner) && existsSync(corpus);
}

function keysIn(file: string): readonly string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** The keys that passed when the list was written. */
export function passingList(): readonly string[] {
  return keysIn(listFile);
}

function runOnce(port: number, extra: readonly string[], list: string): Promise<string> {
  const args = [
    runner,
    '--any-error',
    '--timeout',
    '10',
    '--file-timeout',
    '120',
    '--wait-max',
    '2',
    '--quiet',
    '--root',
    corpus,
    '--sqlstates',
    join(corpus, 'sqlstates.txt'),
    '--list-agreeing',
    list,
    ...extra,
    corpus,
  ];
  const env = {
    ...process.env,
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: 'materialize',
    PGDATABASE: 'materialize',
    SLT_NODE_MODULES: root,
  };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    output += data.toString();
  });
  return new Promise((resolve) => child.once('exit', () => resolve(output)));
}

/** Keys of all records that pass on a fresh server and that a real Postgres agrees with. */
export async function passing(): Promise<ReadonlySet<string>> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-slt-'));
  const server = await MillraceServer.start();
  try {
    const keys = new Set<string>();
    for (const [list, extra] of [
      ['agree.txt', []],
      ['agree-mv.txt', ['--mv']],
    ] as const) {
      const written = join(folder, list);
      const output = await runOnce(server.port, extra, written);
      if (!existsSync(written)) throw new Error(`the runner wrote no list: ${output}`);
      const agreed = new Set(keysIn(join(corpus, list)));
      for (const key of keysIn(written)) if (agreed.has(key)) keys.add(key);
    }
    return keys;
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function rewrite(): Promise<void> {
  const before = new Set(existsSync(listFile) ? passingList() : []);
  const now = await passing();
  const lost = [...before].filter((key) => !now.has(key));
  writeFileSync(listFile, `${[...now].sort().join('\n')}\n`);
  process.stdout.write(
    `${now.size} keys pass, ${before.size} did before\n${lost.map((key) => `no longer passes: ${key}\n`).join('')}`,
  );
}

if (import.meta.main) await rewrite();
