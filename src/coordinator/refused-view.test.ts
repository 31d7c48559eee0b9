/**
 * Goal: a view that a new release cannot plan keeps nobody else from starting: it is there, reads of
 * it and of views over it say why, it can be dropped. Method: a product on a fake disk whose planner
 * refuses one query after the restart, with a checkpoint that has the view's state and without.
 */
import { expect, it, vi } from 'vitest';
import { FakeDisk } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import { sqlError } from '../base/error.ts';
import type * as Planner from '../sql/plan-query.ts';

const planner = vi.hoisted(() => ({ refuses: false }));

vi.mock('../sql/plan-query.ts', async (original) => {
  const real = await original<typeof Planner>();
  const planQuery: typeof real.planQuery = (query, ...rest) => {
    if (planner.refuses && /"odd"|"plain"/.test(JSON.stringify(query, withoutBigints)))
      throw sqlError('0A000', 'odd columns are not offered any more');
    return real.planQuery(query, ...rest);
  };
  return { ...real, planQuery };
});

function withoutBigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

const refused = { fields: { code: '0A000' } };

it.each([true, false])('says why when it is read; with a checkpoint: %s', async (checkpoint) => {
  planner.refuses = false;
  const disk = new FakeDisk(new Random(1));
  const before = await SessionHarness.onDisk(disk);
  const one = before.session();
  for (const text of [
    'CREATE TABLE t (a int4 PRIMARY KEY, odd int4)',
    'CREATE MATERIALIZED VIEW fine AS SELECT a, count(*) AS n FROM t GROUP BY a',
    'CREATE MATERIALIZED VIEW bad AS SELECT odd FROM t',
    'CREATE MATERIALIZED VIEW over AS SELECT count(*) AS n FROM bad',
    'CREATE VIEW plain AS SELECT odd AS o FROM t',
    'CREATE INDEX plain_o ON plain (o)',
    'INSERT INTO t VALUES (1, 2), (3, 4)',
    ...(checkpoint ? ['CHECKPOINT'] : []),
  ])
    await one.run(text);
  await before.close();

  planner.refuses = true;
  const after = await SessionHarness.onDisk(disk);
  const two = after.session();
  const rows = async (text: string): Promise<unknown> => (await two.run(text)).rows;
  expect(await rows('SELECT a, n FROM fine ORDER BY a')).toEqual([
    ['1', '1'],
    ['3', '1'],
  ]);
  await expect(two.run('SELECT * FROM bad')).rejects.toMatchObject(refused);
  await expect(two.run('SELECT * FROM bad')).rejects.toThrow(/"bad".*not offered any more/);
  await expect(two.run('SELECT * FROM over')).rejects.toThrow(/"bad"/);
  await expect(two.run('SELECT * FROM plain WHERE o = 2')).rejects.toMatchObject(refused);
  await two.run('INSERT INTO t VALUES (5, 6)');
  await two.run('CHECKPOINT');
  await two.run('DROP MATERIALIZED VIEW over');
  await two.run('DROP MATERIALIZED VIEW bad');
  await two.run('DROP VIEW plain CASCADE');
  expect(await rows('SELECT count(*) FROM fine')).toEqual([['3']]);
  await after.close();

  const last = await SessionHarness.onDisk(disk);
  expect((await last.session().run('SELECT count(*) FROM fine')).rows).toEqual([['3']]);
  await last.close();
});
