/**
 * Goal: a view that is slower than its stream falls behind alone, and catches up without losing a
 * record, taking one twice, or being seen in between. Method: a whole engine on a clock of the test
 * that works on little at a time and detaches whoever has anything to work off; a topic that
 * misbehaves from a seed. Views of the same query are compared in blocks, which see one step of
 * both, and by subscriptions that end at the same time; at the end, with the topic.
 */
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FakeTopic } from '../../test/support/fake-topic.ts';
import { Random } from '../../test/support/random.ts';
import type { SqlSession } from '../../test/support/session-harness.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import { limits } from '../base/limits.ts';
import type { Clock } from '../base/seam.ts';
import { Replay } from './replay.ts';

let close: () => Promise<void> = () => Promise.resolve();
const { streamQueuedBytesMax } = limits;

afterEach(() => {
  Reflect.set(limits, 'streamQueuedBytesMax', streamQueuedBytesMax);
  return close();
});

/** Bytes of a slab, and of the objects of one batch. */
const slabBytes = 256 * 1024;
const batchBytes = 512;

interface World {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly topic: FakeTopic;
  readonly harness: SessionHarness;
  readonly sql: SqlSession;
}

/** `tick`: milliseconds that pass in the engine at each look at its clock. */
async function world(seed: number, queuedBytesMax: number, tick: number): Promise<World> {
  Reflect.set(limits, 'streamQueuedBytesMax', queuedBytesMax);
  const clock = new FakeClock();
  const random = new Random(seed);
  const topic = new FakeTopic(clock, random, 1 + random.below(3));
  let ticks = 0;
  const engineClock: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() + (ticks += tick),
    after: (ms, callback) => clock.after(ms, callback),
    soon: (callback) => void clock.after(random.below(5), callback),
  };
  const harness = await SessionHarness.open(() => topic.connection(), clock, engineClock);
  close = () => harness.close();
  const sql = harness.session();
  await clock.until(sql.run("CREATE CONNECTION k TO KAFKA (BROKER 'here:9092')"));
  await clock.until(
    sql.run(
      `CREATE SOURCE s FROM KAFKA CONNECTION k (TOPIC 't') FORMAT TEXT INCLUDE PARTITION, OFFSET`,
    ),
  );
  return { clock, random, topic, harness, sql };
}

function countKinds({ harness }: World): { readonly detached: () => number } {
  const warn = vi.spyOn(harness.coordinator.log, 'warn');
  return { detached: () => warn.mock.calls.length };
}

/** Rows of a subscription to its end, added up. */
async function fold(session: SqlSession, statement: string): Promise<readonly string[]> {
  const sums = new Map<string, number>();
  for (const row of await session.rows(statement)) {
    const [, diff, ...cells] = row.split('|');
    const key = cells.join('|');
    sums.set(key, (sums.get(key) ?? 0) + Number(diff));
  }
  return [...sums].flatMap(([row, sum]) => (sum === 0 ? [] : [`${sum} × ${row}`])).sort();
}

const same = `SELECT partition, count(*) AS records, max("offset") AS last FROM s GROUP BY 1`;

/** Episodes of all worlds together. */
let times = 0;

describe('views that are detached again and again', () => {
  afterAll(() => expect(times).toBeGreaterThan(5));

  it.each([1, 2, 3, 4, 5, 6])('are right at each step (seed %i)', async (seed) => {
    const random = new Random(1_000 + seed);
    const queued = random.chance(0.5) ? 1 : slabBytes + batchBytes * random.below(3);
    const all = await world(seed, queued, random.pick([0.05, 0.3, 1]));
    const { clock, topic, harness, sql } = all;
    const { detached } = countKinds(all);
    for (const name of ['a', 'b']) {
      await clock.until(sql.run(`CREATE MATERIALIZED VIEW ${name} AS ${same}`));
    }
    await clock.until(
      sql.run('CREATE MATERIALIZED VIEW c AS SELECT * FROM a JOIN (SELECT text FROM s) ON true'),
    );
    // Until a view has its first state, who reads it waits for that, whatever else it has read.
    for (const name of ['a', 'b', 'c']) await clock.until(sql.rows(`SELECT * FROM ${name}`));
    const checks: Promise<void>[] = [];
    for (let round = 0; round < 40; round++) {
      if (topic.partitions.length < 5 && random.chance(0.05)) topic.partitions.push([]);
      for (let n = random.below(6); n > 0; n--)
        topic.produce(random.below(topic.partitions.length));
      if (random.chance(0.3)) checks.push(compareInBlock(harness.session(), clock, random));
      if (random.chance(0.2)) {
        const end = clock.now() + random.below(400);
        checks.push(compareToEnd(harness, end));
      }
      await clock.advance(random.below(80));
    }
    topic.failures = 0;
    await clock.advance(20_000);
    for (const check of checks) await clock.until(check);
    expect(await clock.until(sql.rows('SELECT sum(records) FROM a'))).toEqual([
      String(topic.records().length),
    ]);
    expect(await clock.until(sql.rows('SELECT * FROM a'))).toEqual(
      await clock.until(sql.rows('SELECT * FROM b')),
    );
    expect(await clock.until(sql.rows('SELECT DISTINCT text FROM c'))).toEqual(topic.records());
    times += detached();
    await clock.until(sql.run('DROP CONNECTION k CASCADE'));
    await clock.advance(1_000);
    expect(topic.open).toBe(0);
    const { collections, dataflows, slabsLive } = await clock.until(harness.statistics());
    expect([collections, dataflows, slabsLive]).toEqual([[], [], 0]);
  });
});

/** Both views are the same in one block, some time apart. */
async function compareInBlock(
  session: SqlSession,
  clock: FakeClock,
  random: Random,
): Promise<void> {
  await session.run('BEGIN READ ONLY');
  const first = await session.rows('SELECT * FROM a');
  await new Promise<void>((resolve) => void clock.after(random.below(300), resolve));
  const second = await session.rows('SELECT * FROM b');
  await session.run('COMMIT');
  expect(second).toEqual(first);
}

/** Subscriptions to both that end at the same time add up to the same. */
async function compareToEnd(harness: SessionHarness, end: number): Promise<void> {
  const [a, b] = await Promise.all(
    ['a', 'b'].map((name) =>
      fold(
        harness.session(),
        `SUBSCRIBE (SELECT partition, records, last FROM ${name}) UP TO ${end}`,
      ),
    ),
  );
  expect(b).toEqual(a);
}

/** A view that has as many pairs to count as records squared, and one that counts records. */
async function slowAndQuick(): Promise<World> {
  const all = await world(31, slabBytes + 2 * batchBytes, 2);
  const { clock, topic, sql } = all;
  topic.failures = 0;
  await clock.until(sql.run('CREATE MATERIALIZED VIEW quick AS SELECT count(*) FROM s'));
  await clock.until(
    sql.run(
      `CREATE MATERIALIZED VIEW slow AS
       SELECT count(*) FROM s x JOIN s y ON length(x.text || y.text) > 0`,
    ),
  );
  return all;
}

/** Steps that a materialized view is behind. */
function stepsBehind({ harness: { coordinator } }: World, name: string): number {
  const view = coordinator.catalog
    .objects()
    .find((object) => object.kind === 'materialized view' && object.name === name);
  const dataflow = view?.kind === 'materialized view' ? view.dataflow : -1;
  return coordinator.timeline.complete - coordinator.frontier(dataflow);
}

describe('a slow view', () => {
  it('catches up while a quick one over the same stream stays fresh', async () => {
    const all = await slowAndQuick();
    const { clock, topic, harness, sql } = all;
    const warn = vi.spyOn(harness.coordinator.log, 'warn');
    let behind = 0;
    for (let round = 0; round < 40; round++) {
      for (let n = 0; n < 8; n++) topic.produce(n % topic.partitions.length);
      const before = topic.records().length;
      await clock.advance(100);
      const [count] = await clock.until(sql.rows('SELECT * FROM quick'));
      // What was there a moment ago is seen, whatever the other view does.
      expect(Number(count)).toBeGreaterThan(before - 200);
      behind = Math.max(behind, stepsBehind(all, 'slow'));
    }
    expect(behind).toBeGreaterThan(10);
    const lines = warn.mock.calls.flat().filter((line) => line.includes('"slow"'));
    expect(lines).toEqual([
      'materialized view "slow" is slower than source "s": it is behind and takes what it missed ' +
        'in larger steps; everything else goes on',
    ]);
    await clock.advance(1_000);
    const records = topic.records().length;
    expect(await clock.until(sql.rows('SELECT * FROM slow'))).toEqual([String(records ** 2)]);
    expect(await clock.until(sql.rows('SELECT * FROM quick'))).toEqual([String(records)]);
  });

  it('has an error if the topic has lost what it missed', async () => {
    const { clock, topic, harness, sql } = await world(32, 1, 0.3);
    topic.failures = 0;
    await clock.until(sql.run('CREATE MATERIALIZED VIEW v AS SELECT text FROM s'));
    await clock.until(sql.rows('SELECT * FROM v'));
    const [source] = harness.coordinator.sources();
    const { detached } = Replay.prototype;
    const spy = vi.spyOn(Replay.prototype, 'detached').mockImplementation(function (
      this: Replay,
      step,
    ) {
      const caughtUp = detached.call(this, step);
      // Once, of one partition, all goes that steps have, some that the view has missed included.
      const had = source?.boundAt(step - 1);
      for (const [partition, bound] of topic.removed.size > 0 ? [] : (source?.bound ?? [])) {
        const log = topic.partitions[partition] ?? [];
        const bounds = log.filter(({ next }) => next <= bound);
        if ((bounds.at(-1)?.next ?? 0n) <= (had?.get(partition) ?? 0n)) continue;
        topic.remove(partition, bounds.length);
        break;
      }
      return caughtUp;
    });
    for (let round = 0; round < 30; round++) {
      for (let n = 0; n < 8; n++) topic.produce(n % topic.partitions.length);
      await clock.advance(20);
    }
    spy.mockRestore();
    expect(topic.removed.size).toBe(1);
    await clock.advance(20_000);
    await expect(clock.until(sql.rows('SELECT * FROM v'))).rejects.toThrow(
      /partition \d, offsets \d+ to \d+: the records are gone/,
    );
  });

  it('can be dropped while it catches up', async () => {
    const all = await slowAndQuick();
    const { clock, topic, harness, sql } = all;
    const warn = vi.spyOn(harness.coordinator.log, 'warn');
    for (let round = 0; round < 30; round++) {
      for (let n = 0; n < 8; n++) topic.produce(n % topic.partitions.length);
      await clock.advance(50);
    }
    expect(warn.mock.calls.flat().join()).toContain('materialized view "slow"');
    await clock.until(sql.run('DROP MATERIALIZED VIEW slow'));
    await clock.advance(1_000);
    expect(topic.open).toBe(1);
    await clock.until(sql.run('DROP CONNECTION k CASCADE'));
    await clock.advance(1_000);
    const { collections, dataflows, slabsLive } = await clock.until(harness.statistics());
    expect([topic.open, collections, dataflows, slabsLive]).toEqual([0, [], [], 0]);
  });
});
