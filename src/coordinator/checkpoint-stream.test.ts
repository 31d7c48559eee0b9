/**
 * Goal: views over streams go on from a checkpoint: each record counts once, and what the topic has
 * lost since is still in them. Method: a whole product on the fake disk, a topic that misbehaves from
 * a seed, stops of the machine between checkpoints, retention of records that are in a checkpoint.
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FakeDisk } from '../../test/support/fake-disk.ts';
import { FakeTopic } from '../../test/support/fake-topic.ts';
import { Random } from '../../test/support/random.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import { initializeParser } from '../sql/parse/parse.ts';

beforeAll(initializeParser);

let close: () => Promise<void> = () => Promise.resolve();

afterEach(() => close());

const views = [
  `CREATE MATERIALIZED VIEW a AS SELECT partition, count(*) AS records, sum("offset") AS offsets,
     count(DISTINCT text) AS texts FROM s GROUP BY partition`,
  'CREATE MATERIALIZED VIEW b AS SELECT sum(records) AS records, max(offsets) FROM a',
  'CREATE MATERIALIZED VIEW c AS SELECT DISTINCT text FROM s',
  'CREATE MATERIALIZED VIEW d AS SELECT s.text, n.name FROM s JOIN names n ON s.partition = n.p',
];

class World {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly topic: FakeTopic;
  readonly disk: FakeDisk;
  readonly produced = new Set<string>();
  harness: SessionHarness | null = null;
  #processes = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.topic = new FakeTopic(this.clock, this.random, 2);
    this.disk = new FakeDisk(this.random);
  }

  /** Lets time pass until something is done, and the disk, which needs no time, work. */
  async until<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const done = (): void => void (settled = true);
    work.then(done, done);
    for (let idle = 0; !settled && idle < 1_000;) {
      if (await this.clock.next()) idle = 0;
      else {
        idle++;
        await new Promise<void>((resolve) => void setImmediate(resolve));
      }
    }
    if (!settled) throw new Error('nothing is left to run, and the promise waits');
    return work;
  }

  /** Lets time pass, and the disk work meanwhile. */
  async advance(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 20) {
      await this.clock.advance(20);
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
  }

  async start(): Promise<void> {
    const self = `${++this.#processes} a b`;
    const processes = { self: () => self, alive: (name: string) => name === self };
    const { clock, topic, disk } = this;
    this.harness = await this.until(
      SessionHarness.open(() => topic.connection(), clock, clock, { disk, processes }),
    );
    close = () => this.stop();
  }

  async stop(): Promise<void> {
    const { harness } = this;
    this.harness = null;
    if (harness !== null) await this.until(harness.close());
  }

  async run(text: string): Promise<readonly string[]> {
    if (this.harness === null) throw new Error('the machine has stopped');
    return this.until(this.harness.session().rows(text));
  }

  produce(): void {
    const { topic, random, produced } = this;
    for (let n = random.below(6); n > 0; n--) topic.produce(random.below(topic.partitions.length));
    for (const text of topic.records()) produced.add(text);
  }
}

describe('views over a stream', () => {
  it.each([1, 2, 3, 4, 5, 6])('go on from checkpoints (seed %i)', async (seed) => {
    const world = new World(seed);
    const { random, topic, produced } = world;
    await world.start();
    await world.run("CREATE CONNECTION k TO KAFKA (BROKER 'here:9092')");
    await world.run('CREATE TABLE names (p int4, name text)');
    await world.run("INSERT INTO names VALUES (0, 'zero'), (1, 'one'), (1, 'uno')");
    await world.run(
      `CREATE SOURCE s FROM KAFKA CONNECTION k (TOPIC 't') FORMAT TEXT INCLUDE PARTITION, OFFSET`,
    );
    for (const view of views) await world.run(view);
    for (const name of ['a', 'b', 'c', 'd']) await world.run(`SELECT * FROM ${name}`);
    for (let round = 0; round < 12; round++) {
      world.produce();
      await world.advance(random.below(300));
      if (random.chance(0.4)) {
        // Everything that is in the checkpoint may go.
        await world.advance(3_000);
        const seen = new Set(await world.run('SELECT text FROM c'));
        await world.run('CHECKPOINT');
        expect([...produced].every((text) => seen.has(text))).toBe(true);
        if (random.chance(0.7)) for (const p of [0, 1]) topic.remove(p, 100);
        world.produce();
      }
      if (!random.chance(0.4)) continue;
      await world.stop();
      if (random.chance(0.5)) world.produce();
      await world.start();
      const all = [...produced].sort();
      topic.failures = 0;
      await world.advance(12_000);
      topic.failures = 0.2;
      expect(await world.run('SELECT text FROM c')).toEqual(all);
      expect(await world.run('SELECT COALESCE(records, 0) FROM b')).toEqual([String(all.length)]);
      expect(
        await world.run('SELECT COALESCE(sum(texts), 0), COALESCE(sum(records), 0) FROM a'),
      ).toEqual([`${all.length}|${all.length}`]);
      const joined = all.flatMap((text) =>
        text.startsWith('0:') ? [`${text}|zero`] : [`${text}|one`, `${text}|uno`],
      );
      expect(await world.run('SELECT * FROM d')).toEqual(joined.sort());
    }
  });
});
