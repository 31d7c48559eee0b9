/**
 * Goal: a source reads several topics as one, finds those that come later, says which one is gone,
 * and knows a topic that was made anew while the product was down. Method: a whole product on a fake
 * disk, its Kafka client on an embedded broker, over several lives; what is read is compared with
 * what was produced.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddedBroker } from '../connectors/kafka/broker/broker.ts';
import { KafkaConnection } from '../connectors/kafka/client.ts';
import { RecordBatchBuilder } from '../connectors/kafka/encode-batch.ts';
import { assert, defined } from '../src/base/assert.ts';
import { limits } from '../src/base/limits.ts';
import { realClock, realEntropy } from '../src/base/real/seam.ts';
import { FakeDisk } from './support/fake-disk.ts';
import { Random } from './support/random.ts';
import type { SqlSession } from './support/session-harness.ts';
import { SessionHarness } from './support/session-harness.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const seams = { clock: realClock, entropy: realEntropy, log: silent };
const patienceMilliseconds = 15_000;
const encoder = new TextEncoder();

/** A broker that stays, a disk, and the product that comes and goes. */
class World {
  readonly broker: EmbeddedBroker;
  readonly kafka: KafkaConnection;
  readonly #disk = new FakeDisk(new Random(1));
  #harness: SessionHarness | null = null;
  #sql: SqlSession | null = null;
  #lives = 0;

  constructor(broker: EmbeddedBroker) {
    this.broker = broker;
    this.kafka = new KafkaConnection(broker.brokers, seams);
  }

  get sql(): SqlSession {
    return defined(this.#sql ?? undefined, 'the product runs');
  }

  async start(): Promise<void> {
    const self = `${++this.#lives} a b`;
    const processes = { self: () => self, alive: (name: string) => name === self };
    this.#harness = await SessionHarness.open(
      () => new KafkaConnection(this.broker.brokers, seams),
      realClock,
      realClock,
      { disk: this.#disk, processes },
    );
    this.#sql = this.#harness.session();
  }

  async stop(): Promise<void> {
    await this.#harness?.close();
    this.#harness = null;
  }

  async produce(topic: string, partition: number, values: readonly string[]): Promise<void> {
    const builder = new RecordBatchBuilder();
    for (const value of values) {
      const [key = ''] = value.split('=');
      builder.add(encoder.encode(key), encoder.encode(value), 1_700_000_000_000);
    }
    await this.kafka.produce(topic, partition, builder.finish());
  }

  async remake(topic: string, partitions: number): Promise<void> {
    const admin = this.kafka.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    if (partitions > 0)
      await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] });
    await admin.disconnect();
  }

  /** Repeats a query until it answers this. */
  async until(query: string, wanted: string | RegExp): Promise<void> {
    const deadline = performance.now() + patienceMilliseconds;
    for (;;) {
      const rows = (await this.sql.rows(query)).join(' ');
      if (typeof wanted === 'string' ? rows === wanted : wanted.test(rows)) return;
      assert(performance.now() < deadline, `in time: ${query}, got ${rows}`);
      await sleep(20);
    }
  }
}

const bench: { world: World | null } = { world: null };
const world = (): World => defined(bench.world ?? undefined, 'the world is there');
const refresh = limits.topicRefreshMillisecondsMax;
const statusOf = (source: string): string =>
  `SELECT status || ': ' || coalesce(error, '') FROM mz_internal.mz_source_statuses WHERE name = '${source}'`;

beforeEach(async () => {
  Object.assign(limits, { topicRefreshMillisecondsMax: 100 });
  bench.world = new World(await EmbeddedBroker.start(seams));
  await world().start();
  await world().sql.run(`CREATE CONNECTION k TO KAFKA (BROKER '${world().broker.brokers}')`);
});

afterEach(async () => {
  Object.assign(limits, { topicRefreshMillisecondsMax: refresh });
  await world().stop();
  await world().kafka.close();
  await world().broker.stop();
});

describe('a source of several topics', () => {
  it('reads those that it names, with their names', async () => {
    const { sql, broker } = world();
    broker.createTopic('a', 2);
    await sql.run(`CREATE SOURCE s FROM KAFKA CONNECTION k (TOPIC 'a', 'b', START TIMESTAMP 5)
      FORMAT TEXT INCLUDE TOPIC AS t, PARTITION, OFFSET`);
    await world().produce('a', 1, ['one', 'two']);
    await sql.run('CREATE MATERIALIZED VIEW v AS SELECT t, partition, "offset", text FROM s');
    await world().until('SELECT * FROM v', 'a|1|0|one a|1|1|two');
    await world().until(statusOf('s'), 'stalled: topic "b" does not exist yet');
    broker.createTopic('b', 1);
    await world().produce('b', 0, ['three']);
    await world().until('SELECT * FROM v', 'a|1|0|one a|1|1|two b|0|0|three');
    await world().until(statusOf('s'), 'running: ');
    expect(await sql.rows('SELECT t, text FROM s')).toEqual(['a|one', 'a|two', 'b|three']);
    await world().until(
      `SELECT topic, partition, "offset", lag FROM mz_internal.mz_source_progress`,
      'a|0|0|0 a|1|2|0 b|0|1|0',
    );
    const [text = ''] = await sql.rows('SHOW CREATE SOURCE s');
    expect(text).toContain(`(TOPIC 'a', 'b', START TIMESTAMP 5) FORMAT TEXT INCLUDE TOPIC AS t,`);
    await sql.run('DROP SOURCE s CASCADE');
    await sql.run(text.slice(text.indexOf('CREATE')));
    expect(await sql.rows('SELECT t, text FROM s')).toEqual(['a|one', 'a|two', 'b|three']);
  });

  it('finds topics of its pattern, and new partitions, in every life', async () => {
    const { broker } = world();
    broker.createTopic('shop.orders', 1);
    broker.createTopic('my.shop.orders', 1);
    await world().sql.run(`CREATE SOURCE s FROM KAFKA CONNECTION k (TOPIC PATTERN 'shop\\..*')
      KEY FORMAT TEXT VALUE FORMAT TEXT INCLUDE TOPIC ENVELOPE UPSERT`);
    await world().produce('my.shop.orders', 0, ['no=1']);
    await world().produce('shop.orders', 0, ['x=1', 'y=1', 'x=2']);
    const all = 'SELECT topic, text FROM s';
    await world().until(all, 'shop.orders|x=2 shop.orders|y=1');
    broker.createTopic('shop.items', 2);
    await world().produce('shop.items', 1, ['i=1']);
    await world().until(all, 'shop.items|i=1 shop.orders|x=2 shop.orders|y=1');
    await world().stop();
    broker.createTopic('shop.late', 1);
    await world().produce('shop.late', 0, ['l=1']);
    await world().produce('shop.items', 0, ['j=1']);
    await world().start();
    const four = 'shop.items|i=1 shop.items|j=1 shop.late|l=1 shop.orders|x=2 shop.orders|y=1';
    await world().until(all, four);
    await world().sql.run('CHECKPOINT');
    await world().stop();
    await world().produce('shop.late', 0, ['l=2']);
    await world().start();
    await world().until(all, four.replace('l=1', 'l=2'));
    await world().until(
      `SELECT topic, partition, "offset" FROM mz_internal.mz_source_progress`,
      'shop.items|0|1 shop.items|1|1 shop.late|0|2 shop.orders|0|3',
    );
  });

  it('says which topic was deleted, keeps its rows, and goes on with the others', async () => {
    const { broker, sql } = world();
    broker.createTopic('p1', 1);
    broker.createTopic('p2', 1);
    await sql.run(`CREATE SOURCE s FROM KAFKA CONNECTION k (TOPIC PATTERN 'p.') FORMAT TEXT`);
    await sql.run('CREATE MATERIALIZED VIEW v AS SELECT text FROM s');
    await world().produce('p1', 0, ['a']);
    await world().produce('p2', 0, ['b']);
    await world().until('SELECT * FROM v', 'a b');
    await world().remake('p2', 0);
    await world().until(statusOf('s'), 'stalled: topic "p2" was deleted');
    await world().produce('p1', 0, ['c']);
    await world().until('SELECT * FROM v', 'a b c');
    // A view that comes now has what there is.
    await sql.run('CREATE MATERIALIZED VIEW w AS SELECT text FROM s');
    await world().until('SELECT * FROM w', 'a c');
    await world().sql.run('CHECKPOINT');
    await world().stop();
    await world().start();
    await world().until('SELECT * FROM v', 'a b c');
    await world().produce('p1', 0, ['d']);
    await world().until('SELECT * FROM v', 'a b c d');
    await world().until(statusOf('s'), 'stalled: topic "p2" was deleted');
  });

  it('is refused where it is not clear what is meant', async () => {
    const { sql } = world();
    const make = (options: string, rest = 'FORMAT TEXT'): Promise<string> =>
      sql.error(`CREATE SOURCE s FROM KAFKA CONNECTION k (${options}) ${rest}`);
    expect(await make(`TOPIC 'a', 'b', START OFFSET (1)`)).toMatch(/^42601: START OFFSET/);
    expect(await make(`TOPIC PATTERN 'a', START OFFSET (1)`)).toMatch(/^42601: START OFFSET/);
    expect(await make(`TOPIC 'a', TOPIC PATTERN 'b'`)).toMatch(/^42601: TOPIC and TOPIC PATTERN/);
    expect(await make(`TOPIC 'a', 'a'`)).toMatch(/^42601: topic "a" is given twice/);
    expect(await make(`TOPIC PATTERN '('`)).toMatch(/^2201B: invalid pattern of topics/);
    expect(await make('START TIMESTAMP 0')).toMatch(/^42601: .* needs TOPIC or TOPIC PATTERN/);
  });
});

describe('a source of several tables', () => {
  it('feeds each from its topic, in every life, until it is dropped', async () => {
    const { broker, sql } = world();
    for (const topic of ['shop.orders', 'users']) broker.createTopic(topic, 1);
    await sql.run(`CREATE SOURCE g FROM KAFKA CONNECTION k (TOPIC PATTERN 'shop\\..*|users')`);
    await sql.run(`CREATE TABLE orders FROM SOURCE g (REFERENCE "shop.orders")
      FORMAT TEXT INCLUDE OFFSET`);
    await sql.run(`CREATE TABLE users FROM SOURCE g (REFERENCE users)
      KEY FORMAT TEXT VALUE FORMAT TEXT ENVELOPE UPSERT`);
    await sql.run('CREATE TABLE everything FROM SOURCE g FORMAT BYTES INCLUDE TOPIC');
    await sql.run(`CREATE MATERIALIZED VIEW v AS
      SELECT o.text AS o, u.text AS u FROM orders o JOIN users u ON u.key = o.text`);
    await world().produce('shop.orders', 0, ['a', 'b', 'a']);
    await world().produce('users', 0, ['a=1', 'c=1', 'a=2']);
    await world().until('SELECT * FROM v', 'a|a=2 a|a=2');
    await world().until(
      'SELECT topic, count(*) FROM everything GROUP BY 1',
      'shop.orders|3 users|3',
    );
    expect(await sql.rows('SHOW TABLES')).toEqual([
      'everything|table',
      'orders|table',
      'users|table',
    ]);
    expect(await sql.rows('SHOW SOURCES')).toEqual([
      'everything_errors|subsource',
      ...['g|source', 'orders_errors|subsource', 'users_errors|subsource'],
    ]);
    expect(await sql.rows('SELECT name FROM mz_catalog.mz_tables')).toEqual([
      ...['everything', 'orders', 'users'],
    ]);
    expect(
      await sql.rows(`SELECT relname, relkind FROM pg_class WHERE relname IN ('g', 'users')`),
    ).toEqual(['users|r']);
    for (const write of [`INSERT INTO users VALUES ('x', 'y')`, 'DELETE FROM users'])
      expect(await sql.error(write)).toMatch(/^42809: cannot .* table "users"/);
    const shown = await sql.rows('SHOW CREATE TABLE orders');
    expect(shown[0]).toContain(
      'CREATE TABLE public.orders FROM SOURCE public.g (REFERENCE "shop.orders") FORMAT TEXT INCLUDE OFFSET',
    );
    expect((await sql.rows('SHOW CREATE SOURCE g'))[0]).toContain(
      `CREATE SOURCE public.g FROM KAFKA CONNECTION public.k (TOPIC PATTERN 'shop\\..*|users')`,
    );
    await world().stop();
    await world().start();
    await world().produce('shop.orders', 0, ['c']);
    await world().until('SELECT * FROM v', 'a|a=2 a|a=2 c|c=1');
    expect(await world().sql.error('DROP SOURCE g')).toMatch(/^2BP01: cannot drop source g/);
    expect(await world().sql.error('DROP SOURCE users')).toMatch(/^42809: "users" is not a source/);
    await world().sql.run('DROP TABLE everything');
    await world().sql.run(shown[0]?.replace(/^.*?\|/, '').replace('.orders', '.again') ?? '');
    await world().until('SELECT text FROM again', 'a a b c');
    await world().sql.run('DROP SOURCE g CASCADE');
    expect(await world().sql.rows('SHOW TABLES')).toEqual([]);
    expect(await world().sql.rows('SHOW SOURCES')).toEqual([]);
  });

  it('is refused where it is not clear what is meant', async () => {
    const { sql, broker } = world();
    broker.createTopic('t', 1);
    await sql.run('CREATE SOURCE every FROM KAFKA CONNECTION k');
    await sql.run(`CREATE SOURCE one FROM KAFKA CONNECTION k (TOPIC 't', START OFFSET (0))`);
    await sql.run(`CREATE SOURCE plain FROM KAFKA CONNECTION k (TOPIC 't') FORMAT TEXT`);
    const from = (rest: string): Promise<string> => sql.error(`CREATE TABLE x FROM SOURCE ${rest}`);
    expect(await from('every FORMAT TEXT')).toMatch(
      /^42601: source "every" has no topic of its own/,
    );
    expect(await from('one (REFERENCE u) FORMAT TEXT')).toMatch(/^22023: topic "u" is none of/);
    expect(await from('plain FORMAT TEXT')).toMatch(/^42809: "plain" is not a source of tables/);
    expect(await from('nothing FORMAT TEXT')).toMatch(/^42P01: source "nothing" does not exist/);
    expect(await from('one')).toMatch(/^42601: .* needs FORMAT/);
    expect(await from('one (REFERENCE t) FORMAT TEXT ENVELOPE STRANGE')).toMatch(/^0A000/);
    expect(await sql.error(`CREATE SOURCE s (a text) FROM KAFKA CONNECTION k (TOPIC 't')`)).toMatch(
      /^42601: CREATE SOURCE needs FORMAT/,
    );
    expect(await sql.error(`CREATE SOURCE s FROM KAFKA CONNECTION k (START OFFSET (1))`)).toMatch(
      /^42601: START OFFSET needs TOPIC/,
    );
    await sql.run('CREATE TABLE source (a int4)');
    await sql.run('CREATE TABLE t AS SELECT a FROM source').catch(() => undefined);
    await sql.run(`CREATE TABLE typed (n int8) FROM SOURCE one FORMAT JSON INCLUDE TOPIC`);
    await sql.run(`CREATE TABLE typed2 FROM SOURCE one (REFERENCE t) (n int8) FORMAT JSON`);
    expect(await sql.rows('SELECT * FROM typed')).toEqual([]);
  });
});

describe('a topic that was made anew', () => {
  it.each(['stream', 'keyed', 'unread'] as const)(
    'while the product was down is told by its id, however many records it has: %s',
    async (kind) => {
      const { broker } = world();
      broker.createTopic('t', 1);
      await world().produce('t', 0, ['a=1', 'b=1']);
      const format =
        kind === 'keyed' ? 'KEY FORMAT TEXT VALUE FORMAT TEXT ENVELOPE UPSERT' : 'FORMAT TEXT';
      await world().sql.run(`CREATE SOURCE s FROM KAFKA CONNECTION k (TOPIC 't') ${format}`);
      if (kind === 'stream')
        await world().sql.run('CREATE MATERIALIZED VIEW v AS SELECT text FROM s');
      const from = kind === 'stream' ? 'v' : 's';
      await world().until(`SELECT text FROM ${from}`, 'a=1 b=1');
      await world().sql.run('CHECKPOINT');
      await world().stop();
      await world().remake('t', kind === 'stream' ? 1 : 3);
      await world().produce('t', 0, ['x=1', 'y=1']);
      await world().start();
      await world().until(statusOf('s'), /^stalled: topic "t" was deleted and created again/);
      if (kind !== 'unread')
        expect(await world().sql.rows(`SELECT text FROM ${from}`)).toEqual(['a=1', 'b=1']);
      await world().produce('t', 0, ['z=1']);
      await sleep(300);
      if (kind !== 'unread')
        expect(await world().sql.rows(`SELECT text FROM ${from}`)).toEqual(['a=1', 'b=1']);
      await world().until(statusOf('s'), /^stalled: topic "t" was deleted and created again/);
    },
  );
});

describe('a source that is resumed', () => {
  const sum = 'SELECT text FROM v';

  it.each([true, false])(
    'goes on with the topic made anew; with a checkpoint: %s',
    async (kept) => {
      const { broker } = world();
      broker.createTopic('t', 2);
      await world().produce('t', 0, ['a']);
      await world().produce('t', 1, ['b']);
      await world().sql.run(`CREATE SOURCE s FROM KAFKA CONNECTION k (TOPIC 't') FORMAT TEXT`);
      await world().sql.run('CREATE MATERIALIZED VIEW v AS SELECT text FROM s');
      await world().until(sum, 'a b');
      await world().sql.run('ALTER SOURCE s RESUME');
      if (kept) await world().sql.run('CHECKPOINT');
      await world().stop();
      await world().remake('t', 1);
      await world().produce('t', 0, ['x', 'y']);
      await world().start();
      await world().until(statusOf('s'), /^stalled: topic "t" was deleted and created again/);
      await world().sql.run('ALTER SOURCE s RESUME');
      const before = kept ? 'a b ' : '';
      await world().until(sum, `${before}x y`);
      await world().produce('t', 0, ['z']);
      await world().until(sum, `${before}x y z`);
      // A view that is made now has what there is.
      await world().sql.run('CREATE MATERIALIZED VIEW w AS SELECT text FROM s');
      await world().until('SELECT text FROM w', 'x y z');
      for (const checkpoint of [false, true]) {
        if (checkpoint) await world().sql.run('CHECKPOINT');
        await world().stop();
        await world().produce('t', 0, ['q']);
        await world().start();
        await world().until(`SELECT count(*) FROM w`, checkpoint ? '5' : '4');
      }
      await world().until(sum, `${before}q q x y z`);
    },
  );

  it('keeps the rows of keys, goes past what retention removed, and says from where on', async () => {
    const { broker } = world();
    broker.createTopic('t', 1);
    await world().produce('t', 0, ['a=1', 'b=1']);
    await world().sql.run(`CREATE SOURCE s FROM KAFKA CONNECTION k (TOPIC 't')
      KEY FORMAT TEXT VALUE FORMAT TEXT ENVELOPE UPSERT`);
    await world().until('SELECT text FROM s', 'a=1 b=1');
    await world().sql.run('CHECKPOINT');
    await world().stop();
    for (const value of ['b=2', 'c=1', 'd=1']) await world().produce('t', 0, [value]);
    const admin = world().kafka.admin();
    await admin.connect();
    await admin.fetchTopicOffsets('t');
    await admin.deleteTopicRecords({ topic: 't', partitions: [{ partition: 0, offset: '4' }] });
    await admin.disconnect();
    await world().start();
    await world().until(
      statusOf('s'),
      'stalled: partition 0 of topic "t" starts at offset 4 now, records from 2 on were removed before they were read',
    );
    expect(await world().sql.rows('SELECT text FROM s')).toEqual(['a=1', 'b=1']);
    await world().sql.run('ALTER SOURCE s RESUME');
    await world().until('SELECT text FROM s', 'a=1 b=1 d=1');
    await world().until(statusOf('s'), 'running: ');
    await world().stop();
    await world().start();
    await world().until('SELECT text FROM s', 'a=1 b=1 d=1');
    await world().produce('t', 0, ['e=1']);
    await world().until('SELECT text FROM s', 'a=1 b=1 d=1 e=1');
    await world().until('SELECT partition, "offset" FROM mz_internal.mz_source_progress', '0|6');
    expect(await world().sql.error('ALTER SOURCE k RESUME')).toMatch(/^42809/);
    expect(await world().sql.error('ALTER SOURCE nobody RESUME')).toMatch(/^42P01/);
    expect(await world().sql.error('ALTER SOURCE s RESET')).toMatch(/^0A000: ALTER SOURCE … RESET/);
  });
});
