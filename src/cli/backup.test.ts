/**
 * Goal: the commands copy what a running server keeps, and a server goes on from what was restored.
 * Method: the product on a real folder, which is written to while the command runs as a process of
 * its own; then the product on what was restored, beside the first.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SessionHarness } from '../../test/support/session-harness.ts';
import { root } from '../../test/support/source-files.ts';
import { RealDisk } from '../base/real/disk.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-backup-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly output: string;
}

function run(...args: string[]): Promise<Ended> {
  const node = ['--disable-warning=ExperimentalWarning', join(root, 'src/cli/main.ts')];
  return new Promise((resolve) => {
    execFile(process.execPath, [...node, ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    );
  });
}

it('copies what a running server keeps, and restores it', { timeout: 60_000 }, async () => {
  const [data, copy, again] = ['data', 'copy', 'again'].map((name) => join(folder, name));
  const harness = await SessionHarness.onDisk(new RealDisk(data ?? ''));
  const sql = harness.session();
  await sql.run('CREATE TABLE t (a int4)');
  await sql.run('CREATE MATERIALIZED VIEW n AS SELECT count(*), sum(a) FROM t');
  await sql.run('INSERT INTO t SELECT generate_series(1, 20000)');
  await harness.coordinator.checkpoint();
  let last = 20_000;
  const insert = () => sql.run(`INSERT INTO t VALUES (${last + 1})`).then(() => void last++);
  await insert();
  const least = last;
  let making = true;
  const made = run('backup', data ?? '', copy ?? '').finally(() => {
    making = false;
  });
  while (making) {
    await insert();
    if (last % 20 === 0) await harness.coordinator.checkpoint();
  }
  const most = last;
  const { code, output } = await made;
  expect(output).toMatch(/checkpoint {2}\d+: step \d+ at \d{4}-.*, \d+ bytes in \d+ files/);
  expect(output).toContain('the backup was read back and is whole');
  expect(code).toBe(0);
  expect((await run('backup', data ?? '', copy ?? '')).output).toContain('target is not empty');
  expect((await run('inspect', copy ?? '')).code).toBe(0);

  const restored = await run('restore', copy ?? '', again ?? '');
  expect(restored.output).toContain('the data directory was read back and is whole');
  expect(restored.code).toBe(0);
  const second = await SessionHarness.onDisk(new RealDisk(again ?? ''));
  const other = second.session();
  const { rows } = await other.run('SELECT count(*), max(a), sum(a) FROM t');
  const [count = 0] = (rows[0] ?? []).map(Number);
  expect(count).toBeGreaterThanOrEqual(least);
  expect(count).toBeLessThanOrEqual(most);
  const sum = (count * (count + 1)) / 2;
  expect(rows[0]?.map(Number)).toEqual([count, count, sum]);
  const view = await other.run('SELECT * FROM n');
  expect(view.rows[0]?.map(Number)).toEqual([count, sum]);
  // Both go on, each by itself.
  await other.run('INSERT INTO t VALUES (0)');
  await insert();
  await Promise.all([harness.close(), second.close()]);
});

it('says what is wrong with what it was given', { timeout: 60_000 }, async () => {
  const [empty, inside, none, one] = await Promise.all([
    run('backup', join(folder, 'nothing'), join(folder, 'elsewhere')),
    run('backup', folder, join(folder, 'inside')),
    run('restore', join(folder, 'nothing'), join(folder, 'elsewhere')),
    run('restore', 'one'),
  ]);
  expect(empty.code).toBe(1);
  expect(empty.output).toContain('the folder is no data directory');
  expect(inside.output).toContain('one folder must not lie in the other');
  expect(none.output).toContain('the folder is no finished backup');
  expect(one.output).toContain('two folders are needed');
});
