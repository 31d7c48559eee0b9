/**
 * Goal: every record of a topic reaches every view over it exactly once, whenever the view is made
 * and whatever the topic, its readers and other views do meanwhile. Method: a whole engine on a
 * clock of the test, a topic that misbehaves from a seed; views, one-off reads and drops at random
 * moments. At the end each view is compared with the topic record by record; on the way, with a
 * prefix of it.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FakeTopic, spread } from '../../test/support/fake-topic.ts';
import { Random } from '../../test/support/random.ts';
import type { Clock } from '../base/seam.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import type { SqlSession } from '../../test/support/session-harness.ts';

let close: () => Promise<void> = () => Promise.resolve();

afterEach(() => close());

interface World {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly topic: FakeTopic;
  readonly harness: SessionHarness;
  readonly sql: SqlSession;
}

async function world(seed: number): Promise<World> {
  const clock = new FakeClock();
  const random = new Random(seed);
  const topic = new FakeTopic(clock, random, 1 + random.below(3));
  // The engine is slow, so that steps are under way while other things happen.
  const engineClock: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (ms, callback) => clock.after(ms, callback),
    soon: (callback) => void clock.after(random.below(30), callback),
  };
  const harness = await SessionHarness.open(() => topic.connection(), clock, engineClock);
  close = () => harness.close();
  const sql = harness.session();
  await clock.until(sql.run("CREATE CONNECTION c TO KAFKA (BROKER 'here:9092')"));
  for (const source of ['r', 's']) {
    await clock.until(
      sql.run(
        `CREATE SOURCE ${source} FROM KAFKA CONNECTION c (TOPIC 't') FORMAT TEXT INCLUDE PARTITION, OFFSET`,
      ),
    );
  }
  return { clock, random, topic, harness, sql };
}

function produceSome({ random, topic }: World): void {
  if (topic.partitions.length < 5 && random.chance(0.05)) topic.partitions.push([]);
  for (let i = random.below(8); i > 0; i--) topic.produce(random.below(topic.partitions.length));
}

/** Every partition's records are the first so many, each once. */
function expectPrefix(rows: readonly string[]): void {
  for (const row of rows) {
    const [, records, distinct, last] = row.split('|').map(Number);
    expect([records, last]).toEqual([distinct, ((records ?? 0) - 1) * spread]);
  }
}

const perPartition = 'SELECT partition, count(*), count(DISTINCT "offset"), max("offset") FROM';

describe('replay', () => {
  it.each([1, 2, 3, 5, 6])(
    'gives each record once to views that come and go (seed %i)',
    async (seed) => {
      const all = await world(seed);
      const { clock, random, topic, harness, sql } = all;
      const views = new Set<string>();
      const reads: Promise<void>[] = [];
      for (let round = 0; round < 50; round++) {
        produceSome(all);
        if (views.size < 4 && random.chance(0.3)) {
          const name = `v${round}`;
          const of = random.chance(0.6) ? 's' : 's JOIN r USING (text, partition, "offset")';
          await clock.until(
            sql.run(
              `CREATE MATERIALIZED VIEW ${name} AS SELECT text, partition, "offset" FROM ${of}`,
            ),
          );
          views.add(name);
        }
        if (views.size > 0 && random.chance(0.15)) {
          const name = random.pick([...views]);
          views.delete(name);
          await clock.until(sql.run(`DROP MATERIALIZED VIEW ${name}`));
        }
        if (random.chance(0.2)) {
          const of = random.pick([...views, 's']);
          const read = harness
            .session()
            .rows(`${perPartition} ${of} GROUP BY 1`)
            .then(expectPrefix, expectDropped);
          reads.push(read);
        }
        await clock.advance(random.below(60));
      }
      topic.failures = 0;
      await clock.advance(20_000);
      for (const read of reads) await clock.until(read);
      const expected = topic.records();
      expect(expected.length).toBeGreaterThan(100);
      for (const name of views)
        expect(await clock.until(sql.rows(`SELECT text FROM ${name}`))).toEqual(expected);
      expect(await clock.until(sql.rows('SELECT text FROM s'))).toEqual(expected);
      await clock.advance(1_000);
      expect(topic.open).toBe(
        harness.coordinator.sources().filter(({ status }) => status.status !== 'created').length,
      );
      await clock.until(sql.run('DROP CONNECTION c CASCADE'));
      await clock.advance(1_000);
      expect(topic.open).toBe(0);
      const { collections, dataflows, slabsLive } = await clock.until(harness.statistics());
      expect({ collections, dataflows, slabsLive }).toEqual({
        collections: [],
        dataflows: [],
        slabsLive: 0,
      });
    },
  );

  it.each([11, 12, 13])('lets a source go at any moment (seed %i)', async (seed) => {
    const all = await world(seed);
    const { clock, random, topic, harness, sql } = all;
    for (let i = 0; i < 30; i++) produceSome(all);
    await clock.until(sql.run('CREATE MATERIALIZED VIEW v AS SELECT count(*) FROM s'));
    await clock.until(
      sql.run('CREATE MATERIALIZED VIEW w AS SELECT count(*) FROM s JOIN v ON true'),
    );
    await clock.until(
      sql.run('CREATE MATERIALIZED VIEW x AS SELECT count(*) FROM s JOIN r USING (text)'),
    );
    const read = harness
      .session()
      .rows('SELECT count(*) FROM s')
      .then(() => undefined, expectDropped);
    await clock.advance(random.below(300));
    await clock.until(sql.run('DROP SOURCE s CASCADE'));
    await clock.until(read);
    await clock.advance(20_000);
    await clock.until(sql.run('DROP SOURCE r'));
    expect(topic.open).toBe(0);
    const { collections, dataflows } = await clock.until(harness.statistics());
    expect({ collections, dataflows }).toEqual({ collections: [], dataflows: [] });
  });

  it('says what keeps a source from starting, and starts when that is over', async () => {
    const { clock, topic, harness, sql } = await world(21);
    topic.failures = 1;
    topic.produce(0);
    await clock.until(sql.run('CREATE MATERIALIZED VIEW v AS SELECT text FROM s'));
    await clock.advance(5_000);
    expect(
      harness.coordinator.sources().map(({ status }) => [status.status, status.error]),
    ).toEqual([
      ['stalled', 'the broker does not answer'],
      ['stalled', 'the broker does not answer'],
    ]);
    topic.failures = 0;
    await clock.advance(20_000);
    expect(harness.coordinator.sources()[0]?.status).toMatchObject({
      status: 'created',
      error: null,
    });
    expect(await clock.until(sql.rows('SELECT text FROM v'))).toEqual(topic.records());
  });

  it('begins with what the topic still has, and goes on without a gap', async () => {
    const all = await world(25);
    const { clock, topic, sql } = all;
    topic.failures = 0;
    for (let i = 0; i < 20; i++) produceSome(all);
    await clock.until(sql.run('CREATE MATERIALIZED VIEW old AS SELECT text FROM s'));
    await clock.advance(5_000);
    const before = topic.records();
    topic.partitions.forEach((_, p) => topic.remove(p, 3));
    expect(topic.records().length).toBeLessThan(before.length);
    await clock.until(sql.run('CREATE MATERIALIZED VIEW young AS SELECT text FROM s'));
    for (let i = 0; i < 20; i++) {
      produceSome(all);
      await clock.advance(20);
    }
    await clock.advance(20_000);
    expect(await clock.until(sql.rows('SELECT text FROM young'))).toEqual(topic.records());
    const whole = [...new Set([...before, ...topic.records()])].sort();
    expect(await clock.until(sql.rows('SELECT text FROM old'))).toEqual(whole);
  });

  it('fails a view from under whose replay records are removed', async () => {
    const all = await world(26);
    const { clock, topic, sql } = all;
    topic.failures = 0;
    for (let i = 0; i < 100; i++) topic.produce(0);
    await clock.until(sql.run('CREATE MATERIALIZED VIEW v AS SELECT text FROM s'));
    await clock.advance(200);
    topic.remove(0, 90);
    await clock.advance(20_000);
    await expect(clock.until(sql.rows('SELECT text FROM v'))).rejects.toThrow(
      /partition 0, offsets \d+ to \d+: the records are gone/,
    );
    await clock.until(sql.run('CREATE MATERIALIZED VIEW again AS SELECT text FROM s'));
    await clock.advance(20_000);
    expect(await clock.until(sql.rows('SELECT text FROM again'))).toEqual(topic.records());
  });

  it('stops trying to start a source that is dropped', async () => {
    const { clock, topic, sql } = await world(22);
    topic.failures = 1;
    await clock.until(sql.run('CREATE MATERIALIZED VIEW v AS SELECT text FROM s'));
    await clock.advance(5_000);
    await clock.until(sql.run('DROP SOURCE s CASCADE'));
    await clock.until(sql.run('DROP SOURCE r'));
    await clock.advance(50);
    expect(clock.timers).toBe(0);
  });
});

function expectDropped(error: unknown): void {
  expect(String(error)).toContain('dropped');
}
