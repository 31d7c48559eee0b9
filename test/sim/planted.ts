/**
 * Mistakes that the simulator must catch: `node test/sim/planted.ts [NAME…]` applies each patch of
 * `planted/` to a copy of the tree, runs seeds until one fails, and prints a table: what caught it,
 * after how many seeds, in which words. A checker that has caught nothing is not trusted. What
 * needs two processes or a look at one file is caught by tests of the storage folder, which run
 * when no seed fails.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../support/source-files.ts';

const seedsMax = 400;
const secondsMax = 120;
const patches = join(import.meta.dirname, 'planted');
const wanted = process.argv.slice(2);

function run(folder: string, args: readonly string[]): { status: number | null; text: string } {
  // A mistake may make a run that never ends: it gets so many seconds of processor.
  const bounded = `ulimit -t ${3 * secondsMax}; exec "$0" "$@"`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', bounded, process.execPath, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, text: stdout + stderr };
}

interface Caught {
  readonly by: string;
  /** How many seeds it took; none if it was no seed that failed. */
  readonly seeds: string;
  readonly says: string;
}

/** A copy of the tree with a patch. */
function patched(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-planted-'));
  for (const part of ['src', 'dataflow', 'connectors', 'test', 'examples', 'bench'])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  for (const file of ['package.json', 'vitest.config.ts', 'tsconfig.json'])
    cpSync(join(root, file), join(folder, file));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const applied = spawnSync('patch', ['-p1', '-s', '-i', join(patches, `${name}.patch`)], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (applied.status !== 0) throw new Error(`${name} does not apply: ${applied.stdout}`);
  return folder;
}

/** What catches the patch; null if nothing does. */
function catcher(name: string): Caught | null {
  const folder = patched(name);
  try {
    const limit = ['--seeds', String(seedsMax), '--seconds', String(secondsMax)];
    const simulated = run(folder, ['test/sim/run.ts', '--first', ...limit]);
    const [found, seed = ''] = /^seed (\d+): .*/m.exec(simulated.text) ?? [];
    if (simulated.status === null)
      return { by: 'liveness', seeds: '', says: 'a seed does not end' };
    if (found !== undefined) {
      // What fails without the patch too proves nothing.
      const sound = run(root, ['test/sim/run.ts', '--seeds', '1', '--from', seed]);
      if (sound.status !== 0) throw new Error(`seed ${seed} fails without ${name}`);
      return { by: checkerOf(found), seeds: String(Number(seed) + 1), says: found.slice(0, 160) };
    }
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const tested = run(folder, [vitest, 'run', 'src/storage', 'src/coordinator/recovery.test.ts']);
    if (tested.status === 0) return null;
    const failed = /FAIL\s+(.*)/.exec(tested.text)?.[1] ?? '';
    return { by: 'tests of storage and recovery', seeds: '', says: failed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Checkers by what they say. */
const checkers: readonly (readonly [RegExp, string])[] = [
  [/ (G0|G1a|G1b|G1c|G-single|G2)(-realtime)?:|lost update:|garbage:|internal:/, 'cycles'],
  [/incompatible order:|duplicate:/, 'cycles'],
  [/Violation: view /, 'naive views'],
  [/Violation: partition /, 'audit of partitions and offsets'],
  [/ in all/, 'bank'],
  [/the catalog has|Violation: table /, 'audit of definitions'],
  [/files are left|lock is left/, 'audit of files'],
  [/nothing goes on|does not start/, 'liveness'],
  [/AssertionError/, 'assertions of the product'],
  [/SqlError/, 'checks of the product'],
  [/Violation/, 'history of clients and reads'],
];

function checkerOf(found: string): string {
  return checkers.find(([says]) => says.test(found))?.[1] ?? 'an error';
}

let missed = 0;
let tried = 0;
for (const file of readdirSync(patches).sort()) {
  const name = file.replace(/\.patch$/, '');
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const caught = catcher(name);
  tried++;
  if (caught === null) missed++;
  const { by, seeds, says } = caught ?? { by: 'NOT CAUGHT', seeds: '', says: '' };
  process.stdout.write(`| ${name} | ${by} | ${seeds} | ${says} |\n`);
}
process.stdout.write(`${tried - missed} of ${tried} were caught\n`);
process.exitCode = missed > 0 ? 1 : 0;
