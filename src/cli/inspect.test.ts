/**
 * Goal: inspect tells what a data directory holds and where it is damaged, and changes nothing.
 * Method: a directory on the fake disk, made by the product; its bytes before and after; one bit of
 * its log and of its identity flipped.
 */
import { describe, expect, it } from 'vitest';
import { FakeDisk } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import { inspect } from './inspect.ts';

async function report(disk: FakeDisk): Promise<{ sound: boolean; text: string }> {
  const lines: string[] = [];
  const processes = { self: () => 'me', alive: () => false };
  const before = disk.paths.map((path) => [path, disk.bytesOf(path)]);
  const sound = await inspect({ disk, processes, line: (text) => void lines.push(text) });
  expect(disk.paths.map((path) => [path, disk.bytesOf(path)])).toEqual(before);
  return { sound, text: lines.join('\n') };
}

/** A directory with a few things in it; its server still runs. */
async function directory(seed: number): Promise<{ disk: FakeDisk; harness: SessionHarness }> {
  const disk = new FakeDisk(new Random(seed));
  const harness = await SessionHarness.onDisk(disk);
  const sql = harness.session();
  await sql.run('CREATE TABLE t (a int4 PRIMARY KEY)');
  await sql.run('INSERT INTO t VALUES (1), (2)');
  await sql.run('UPDATE t SET a = 3 WHERE a = 2');
  await sql.run('CREATE MATERIALIZED VIEW n AS SELECT count(*) FROM t');
  return { disk, harness };
}

describe('inspect', () => {
  it('tells what is there, also while a server runs', async () => {
    const { disk, harness } = await directory(1);
    const running = await report(disk);
    expect(running.sound).toBe(true);
    expect(running.text).toContain('table public.t: 4 changes of rows in 2 writes');
    expect(running.text).toContain('materialized view public.n');
    expect(running.text).toMatch(/owner {7}process \d+, which has ended/);
    expect(running.text).toMatch(/last step {3}[1-9]\d* at \d{4}-/);
    await harness.close();
    expect((await report(disk)).text).toContain('owner       none');
  });

  it('shows what comes before damage, and names the damage', async () => {
    const { disk, harness } = await directory(2);
    await harness.close();
    const path = 'log/0000000000000000.log';
    disk.flip(path, (disk.bytesOf(path).length - 40) * 8);
    const { sound, text } = await report(disk);
    expect(sound).toBe(false);
    expect(text).toMatch(/DAMAGED {5}the log is damaged: log\/0{16}\.log, byte \d+/);
    expect(text).toContain('table public.t');
    disk.flip('identity', 3);
    expect((await report(disk)).text).toContain('the identity of the data directory is damaged');
  });

  it('describes checkpoints and the log since, and names a damaged one', async () => {
    const { disk, harness } = await directory(4);
    await harness.coordinator.checkpoint();
    const sql = harness.session();
    await sql.run('INSERT INTO t VALUES (7)');
    await harness.coordinator.checkpoint();
    await sql.run('INSERT INTO t VALUES (8), (9)');
    const running = await report(disk);
    expect(running.sound).toBe(true);
    expect(running.text).toMatch(
      /checkpoint {2}2, patch on 1: \d+ bytes, \d+ pieces of \d+ images; step \d+ at \d{4}-\S*, log from commit \d+; sound/,
    );
    expect(running.text).toMatch(/checkpoint {2}1, full: /);
    expect(running.text).toContain('table public.t: 2 changes of rows in 1 writes since the');
    await harness.close();
    const path = 'checkpoints/0000000000000002.data';
    disk.flip(path, (disk.bytesOf(path).length - 9) * 8);
    const { sound, text } = await report(disk);
    expect(sound).toBe(false);
    expect(text).toMatch(/checkpoint {2}2, .*; DAMAGED/);
    expect(text).toMatch(/DAMAGED {5}a checkpoint is damaged: checkpoints\/0{15}2.data: /);
    expect(text).toContain('table public.t: 3 changes of rows in 2 writes since the checkpoint');
  });

  it('says that an empty folder is no data directory', async () => {
    const { sound, text } = await report(new FakeDisk(new Random(3)));
    expect(sound).toBe(false);
    expect(text).toContain('no data directory');
  });
});
