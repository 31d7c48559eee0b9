/**
 * Goal: the main job holds from topic to client: records of an embedded broker, through sources and
 * views, to SELECT and SUBSCRIBE over the Postgres protocol. Method: one product per file, topics
 * and names of their own per test; what is read is compared with what was produced.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assert } from '../src/base/assert.ts';
import { KafkaRig } from './support/kafka-rig.ts';

const bench: { rig: KafkaRig | null } = { rig: null };
const rig = (): KafkaRig => {
  assert(bench.rig !== null, 'the product runs');
  return bench.rig;
};

beforeAll(async () => {
  bench.rig = await KafkaRig.start();
});

afterAll(async () => {
  await bench.rig?.stop();
});

describe('a topic', () => {
  it('of typed JSON becomes a view that follows it', async () => {
    rig().broker.createTopic('sales', 2);
    await rig().produce('sales', 0, [
      {
        value:
          '{"id": 1, "region": "north", "price": 10.50, "at": "2024-03-01T10:00:00Z", "extra": [1, 2]}',
      },
      { value: '{"id": 2, "region": "south", "price": 20}' },
    ]);
    await rig().client
      .query(`CREATE SOURCE sales (id int8, region text, price numeric(10, 2), at timestamptz, tags jsonb)
      FROM KAFKA CONNECTION k (TOPIC 'sales') FORMAT JSON`);
    await rig().client.query(
      'CREATE MATERIALIZED VIEW by_region AS SELECT region, count(*) AS n, sum(price) AS price FROM sales GROUP BY region',
    );
    expect(
      await rig().until('SELECT * FROM by_region ORDER BY region', (rows) => rows.length === 2),
    ).toEqual([
      ['north', '1', '10.50'],
      ['south', '1', '20.00'],
    ]);
    await rig().produce('sales', 1, [
      { value: '{"region": "north", "id": 3, "price": "1.25", "tags": {"a": 1}}' },
    ]);
    expect(
      await rig().until(
        `SELECT n, price FROM by_region WHERE region = 'north'`,
        (rows) => rows[0]?.[0] === '2',
      ),
    ).toEqual([['2', '11.75']]);
    expect(await rig().rows('SELECT id, at, tags FROM sales ORDER BY id')).toEqual([
      ['1', new Date('2024-03-01T10:00:00Z'), null],
      ['2', null, null],
      ['3', null, { a: 1 }],
    ]);
  });

  it('of keys and values becomes the latest value of each key', async () => {
    rig().broker.createTopic('users', 2);
    await rig().client
      .query(`CREATE SOURCE users (name text, age int4) FROM KAFKA CONNECTION k (TOPIC 'users')
      KEY FORMAT TEXT VALUE FORMAT JSON ENVELOPE UPSERT`);
    await rig().client.query(
      'CREATE MATERIALIZED VIEW ages AS SELECT count(*) AS n, sum(age) AS age FROM users',
    );
    await rig().produce('users', 0, [
      { key: 'a', value: '{"name": "Ada", "age": 36}' },
      { key: 'b', value: '{"name": "Bob", "age": 40}' },
      { key: 'a', value: '{"name": "Ada", "age": 37}' },
    ]);
    await rig().produce('users', 1, [{ key: 'c', value: '{"name": "Cy", "age": 1}' }]);
    await rig().until('SELECT n, age FROM ages', (rows) => String(rows) === '3,78');
    await rig().produce('users', 0, [
      { key: 'b', value: null },
      { key: 'nobody', value: null },
    ]);
    await rig().until('SELECT n, age FROM ages', (rows) => String(rows) === '2,38');
    expect(await rig().rows('SELECT key, name, age FROM users ORDER BY key')).toEqual([
      ['a', 'Ada', 37],
      ['c', 'Cy', 1],
    ]);
  });

  it('of texts, bytes and JSON documents, with what Kafka knows of each record', async () => {
    const { client, broker } = rig();
    broker.createTopic('raw', 1);
    const headers = [{ key: Buffer.from('h'), value: Buffer.from('v') }];
    await rig().produce('raw', 0, [
      { key: 'k0', value: '{"a": [1, null]}', headers },
      { key: null, value: '"text"' },
      { key: 'k2', value: null },
    ]);
    await client.query(`CREATE SOURCE texts FROM KAFKA CONNECTION k (TOPIC 'raw') KEY FORMAT TEXT VALUE FORMAT TEXT
      INCLUDE KEY AS k, PARTITION, OFFSET AS o, TIMESTAMP AS ts, HEADERS`);
    await client.query(
      `CREATE SOURCE blobs FROM KAFKA CONNECTION k (TOPIC 'raw') FORMAT BYTES INCLUDE OFFSET`,
    );
    await client.query(
      `CREATE SOURCE documents FROM KAFKA CONNECTION k (TOPIC 'raw') FORMAT JSON INCLUDE OFFSET`,
    );
    await rig().until('SELECT count(*) FROM texts', (rows) => rows[0]?.[0] === '3');
    const texts = await rig().rows(
      `SELECT text, k, partition, o, ts > '2023-11-01', headers IS NULL OR jsonb_typeof(headers) <> '' FROM texts ORDER BY o`,
    );
    expect(texts).toEqual([
      ['{"a": [1, null]}', 'k0', 0, '0', true, true],
      ['"text"', null, 0, '1', true, true],
      [null, 'k2', 0, '2', true, true],
    ]);
    expect(await rig().rows('SELECT data, "offset" FROM blobs ORDER BY "offset"')).toEqual([
      [Buffer.from('{"a": [1, null]}'), '0'],
      [Buffer.from('"text"'), '1'],
      [null, '2'],
    ]);
    expect(await rig().rows(`SELECT data, data->'a'->>0 FROM documents ORDER BY "offset"`)).toEqual(
      [
        [{ a: [1, null] }, '1'],
        ['text', null],
        [null, null],
      ],
    );
  });

  it('with headers that are columns, and is made again by what SHOW CREATE says', async () => {
    const { client, broker } = rig();
    broker.createTopic('traced', 1);
    const header = (key: string, value: Buffer): { key: Buffer; value: Buffer } => ({
      key: Buffer.from(key),
      value,
    });
    await rig().produce('traced', 0, [
      {
        value: '{"id": 1}',
        headers: [header("it's", Buffer.from('é')), header('raw', Buffer.of(1, 255))],
      },
      { value: '{"id": 2}' },
      { value: '{"id": 3}', headers: [header("it's", Buffer.of(255))] },
      {
        value: '{"id": 4}',
        headers: [header("it's", Buffer.from('a')), header("it's", Buffer.from('b'))],
      },
    ]);
    const create = `CREATE SOURCE traced (id int8) FROM KAFKA CONNECTION k (TOPIC 'traced') FORMAT JSON
      INCLUDE HEADER 'it''s' AS "Trace", HEADER 'raw' AS raw BYTES, OFFSET`;
    await client.query(create);
    const rows = [
      ['1', 'é', Buffer.of(1, 255), '0'],
      ['2', null, null, '1'],
      ['4', 'b', null, '3'],
    ];
    const [[, shown]] = await rig().rows('SHOW CREATE SOURCE traced');
    expect(shown).toContain(`INCLUDE HEADER 'it''s' AS "Trace", HEADER 'raw' AS raw BYTES, OFFSET`);
    expect(await rig().rows('SELECT * FROM traced ORDER BY id')).toEqual(rows);
    expect(await rig().rows('SELECT "offset", sqlstate FROM traced_errors')).toEqual([
      ['2', '22021'],
    ]);
    await client.query('DROP SOURCE traced');
    await client.query(String(shown));
    expect(await rig().rows('SHOW CREATE SOURCE traced')).toEqual([[expect.anything(), shown]]);
    expect(await rig().rows('SELECT * FROM traced ORDER BY id')).toEqual(rows);
    await expect(
      client.query(create.replace('traced', 'other').replace(' AS raw BYTES', '')),
    ).rejects.toThrow('INCLUDE HEADER needs AS');
  });

  it('with bad records fails the views that read them and no others', async () => {
    const { client, broker } = rig();
    broker.createTopic('dirty', 1);
    await rig().produce('dirty', 0, [
      { value: '{"id": 1, "n": 1}' },
      { value: '{"id": 2, "n": "many"}' },
    ]);
    await client.query(
      `CREATE SOURCE dirty (id int8, n int4) FROM KAFKA CONNECTION k (TOPIC 'dirty') FORMAT JSON
        WITH (ON ERROR = FAIL)`,
    );
    await client.query('CREATE MATERIALIZED VIEW good AS SELECT count(id) AS ids FROM dirty');
    await client.query('CREATE MATERIALIZED VIEW bad AS SELECT sum(n) AS n FROM dirty');
    const message = await rig().untilError('SELECT * FROM bad');
    for (const part of ['dirty', 'partition 0', 'offset 1', '"n"']) expect(message).toContain(part);
    expect(await rig().until('SELECT ids FROM good', (rows) => rows[0]?.[0] === '2')).toEqual([
      ['2'],
    ]);
    await rig().produce('dirty', 0, [{ value: '{"id": 3}' }, { value: 'not JSON' }]);
    expect(await rig().untilError('SELECT * FROM good')).toContain('offset 3');
    // Each view has got the first two records by itself; both records that failed count once.
    const seen = await rig().rows(
      `SELECT messages_received, messages_replayed, records_failed, records_quarantined
        FROM mz_internal.mz_source_statistics WHERE name = 'dirty'`,
    );
    expect(seen).toEqual([['6', '4', '2', '0']]);
  });

  it('counts what is read of its past, and bad records once however often they are read', async () => {
    const { client, broker } = rig();
    broker.createTopic('counted', 2);
    await rig().produce('counted', 0, [
      { value: '{"id": 1, "n": 1}' },
      { value: '{"id": 2, "n": "many"}' },
      { value: 'no JSON' },
    ]);
    await rig().produce('counted', 1, [{ value: 'nor this' }]);
    await client.query(
      `CREATE SOURCE counted (id int8, n int4) FROM KAFKA CONNECTION k (TOPIC 'counted') FORMAT JSON`,
    );
    await client.query(
      `CREATE SOURCE uncounted FROM KAFKA CONNECTION k (TOPIC 'counted') FORMAT TEXT`,
    );
    const counts = `SELECT messages_received, messages_replayed, records_failed, records_quarantined,
      bytes_received > 0 FROM mz_internal.mz_source_statistics WHERE name = 'counted'`;
    expect(await rig().rows(counts)).toEqual([['0', '0', '0', '0', false]]);
    await client.query('CREATE MATERIALIZED VIEW ids AS SELECT id FROM counted');
    await rig().until(counts, (rows) => String(rows) === '4,4,2,2,true');
    await client.query('CREATE MATERIALIZED VIEW sums AS SELECT id, n FROM counted');
    await rig().until(counts, (rows) => String(rows) === '8,8,3,3,true');
    await rig().produce('counted', 1, [{ value: '{"id": 3}' }, { value: 'worse' }]);
    await rig().until(counts, (rows) => String(rows) === '10,8,4,4,true');
    expect(await rig().rows('SELECT count(*) FROM counted_errors')).toEqual([['4']]);
    await rig().until(counts, (rows) => String(rows) === '16,14,4,4,true');
    const progress = await rig().rows(
      `SELECT topic, partition, "offset", end_offset, lag, stalled
        FROM mz_internal.mz_source_progress WHERE name = 'counted' ORDER BY partition`,
    );
    expect(progress).toEqual([
      ['counted', 0, '3', '3', '0', null],
      ['counted', 1, '3', '3', '0', null],
    ]);
    const offsets = await rig().rows(
      `SELECT name, offset_known, offset_committed FROM mz_internal.mz_source_statistics
        WHERE name IN ('counted', 'uncounted') ORDER BY name`,
    );
    expect(offsets).toEqual([
      ['counted', '6', '6'],
      ['uncounted', null, null],
    ]);
  });

  it('of keys whose value is bad fails until the key gets a good one', async () => {
    const { client, broker } = rig();
    broker.createTopic('healing', 1);
    await client.query(
      `CREATE SOURCE healing (n int4) FROM KAFKA CONNECTION k (TOPIC 'healing') KEY FORMAT TEXT VALUE FORMAT JSON ENVELOPE UPSERT WITH (ON ERROR = FAIL)`,
    );
    await client.query(
      'CREATE MATERIALIZED VIEW healed AS SELECT count(*) AS c, sum(n) AS n FROM healing',
    );
    await rig().produce('healing', 0, [
      { key: 'a', value: '{"n": 1}' },
      { key: 'b', value: '{"n": []}' },
    ]);
    expect(await rig().untilError('SELECT * FROM healed')).toContain('offset 1');
    await rig().produce('healing', 0, [{ key: 'b', value: '{"n": 5}' }]);
    for (let tries = 0; ; tries++) {
      const rows = await rig()
        .rows('SELECT c, n FROM healed')
        .catch(() => []);
      if (String(rows) === '2,6') break;
      assert(tries < 500, 'the view heals in time');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  it('that does not exist yet is waited for', async () => {
    const { client, broker } = rig();
    await client.query(
      `CREATE SOURCE later (n int8) FROM KAFKA CONNECTION k (TOPIC 'later') FORMAT JSON`,
    );
    // Before anybody reads it the status says so, and afterwards too.
    const stalled = 'stalled,topic "later" does not exist yet';
    await rig().until(statusOf('later'), (rows) => String(rows) === stalled);
    await client.query('CREATE MATERIALIZED VIEW latest AS SELECT count(*) AS c FROM later');
    await rig().until(statusOf('later'), (rows) => String(rows) === stalled);
    broker.createTopic('later', 2);
    await rig().produce('later', 1, [{ value: '{"n": 1}' }, { value: '{"n": 2}' }]);
    await rig().until('SELECT c FROM latest', (rows) => String(rows) === '2');
    await client.query('DROP SOURCE later CASCADE');
    await expect(client.query('SELECT * FROM latest')).rejects.toThrow('does not exist');
  });

  it('that is made later is noticed without a reader', async () => {
    const { client, broker } = rig();
    await client.query(
      `CREATE SOURCE unread (n int8) FROM KAFKA CONNECTION k (TOPIC 'unread') FORMAT JSON`,
    );
    await rig().until(statusOf('unread'), (rows) => String(rows).startsWith('stalled,'));
    broker.createTopic('unread', 1);
    await rig().until(statusOf('unread'), (rows) => String(rows) === 'created,');
  });

  it.each(['changed', 'cut'] as const)(
    'whose records come %s is read again until they are right',
    async (how) => {
      const { client, broker } = rig();
      const topic = `torn_${how}`;
      broker.createTopic(topic, 1);
      await rig().produce(topic, 0, [{ value: '{"n": 1}' }, { value: '{"n": 2}' }]);
      const attempts = how === 'cut' ? 12 : 4;
      broker.faults.breakRecords(topic, how, attempts);
      await client.query(
        `CREATE SOURCE ${topic} (n int8) FROM KAFKA CONNECTION k (TOPIC '${topic}') FORMAT JSON`,
      );
      await client.query(
        `CREATE MATERIALIZED VIEW ${topic}_sum AS SELECT sum(n) AS n FROM ${topic}`,
      );
      const message = how === 'cut' ? 'no whole record batch' : 'has a wrong checksum';
      const broken = (rows: unknown[][]): boolean =>
        String(rows).startsWith('stalled,') && String(rows).includes(message);
      await rig().until(statusOf(topic), broken);
      await rig().until(`SELECT n FROM ${topic}_sum`, (rows) => String(rows) === '3');
      broker.faults.breakRecords(topic, how, attempts);
      for (let n = 3; n <= 6; n++) await rig().produce(topic, 0, [{ value: `{"n": ${n}}` }]);
      await rig().until(statusOf(topic), broken);
      await rig().until(`SELECT n FROM ${topic}_sum`, (rows) => String(rows) === '21');
      await rig().until(statusOf(topic), (rows) => String(rows) === 'running,');
    },
  );

  it('that has lost its oldest records gives a new view the others', async () => {
    const { client, broker, kafka } = rig();
    const topic = 'short_memory';
    broker.createTopic(topic, 1);
    for (let n = 1; n <= 4; n++) await rig().produce(topic, 0, [{ value: `{"n": ${n}}` }]);
    await client.query(
      `CREATE SOURCE ${topic} (n int8) FROM KAFKA CONNECTION k (TOPIC '${topic}') FORMAT JSON`,
    );
    await client.query(`CREATE MATERIALIZED VIEW whole AS SELECT sum(n) AS n FROM ${topic}`);
    await rig().until('SELECT n FROM whole', (rows) => String(rows) === '10');
    const admin = kafka.admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] });
    await admin.disconnect();
    await client.query(`CREATE MATERIALIZED VIEW rest AS SELECT sum(n) AS n FROM ${topic}`);
    await rig().until('SELECT n FROM rest', (rows) => String(rows) === '7');
    await rig().produce(topic, 0, [{ value: '{"n": 5}' }]);
    await rig().until('SELECT w.n, r.n FROM whole w, rest r', (rows) => String(rows) === '15,12');
    expect(await rig().rows(statusOf(topic))).toEqual([['running', null]]);
  });

  it('reaches a subscriber as consistent changes', async () => {
    rig().broker.createTopic('events', 1);
    const { client } = rig();
    await client.query(
      `CREATE SOURCE events (kind text, n int8) FROM KAFKA CONNECTION k (TOPIC 'events') FORMAT JSON`,
    );
    await client.query(
      'CREATE MATERIALIZED VIEW kinds AS SELECT kind, sum(n) AS n FROM events GROUP BY kind',
    );
    const subscriber = await rig().connect();
    await subscriber.query('BEGIN');
    await subscriber.query('DECLARE c CURSOR FOR SUBSCRIBE kinds');
    const state = new Map<string, number>();
    let last = 0n;
    for (let round = 1; round <= 20; round++) {
      await rig().produce('events', 0, [
        { value: `{"kind": "a", "n": ${round}}` },
        { value: `{"kind": "b", "n": 1}` },
      ]);
      const rows = await rig().rows(`FETCH ALL c WITH (timeout = '10s')`, subscriber);
      for (const [time, diff, kind, n] of rows) {
        expect(BigInt(String(time)) >= last).toBe(true);
        last = BigInt(String(time));
        const key = `${String(kind)}=${String(n)}`;
        state.set(key, (state.get(key) ?? 0) + Number(diff));
        if (state.get(key) === 0) state.delete(key);
      }
      if (state.size === 2) expect([...state.values()]).toEqual([1, 1]);
    }
    await subscriber.query('ROLLBACK');
    await rig().until(
      'SELECT kind, n FROM kinds ORDER BY kind',
      (rows) => String(rows) === 'a,210,b,20',
    );
  });
});

function statusOf(source: string): string {
  return `SELECT status, error FROM mz_internal.mz_source_statuses WHERE name = '${source}'`;
}

/** Produces numbered records to all partitions until it is told to stop. */
class Stream {
  readonly #topic: string;
  readonly #partitions: number;
  readonly #ended: Promise<void>;
  #stopped = false;
  sent: number;

  /** Numbers from `first` on. */
  constructor(topic: string, partitions: number, first = 0) {
    this.sent = first;
    this.#topic = topic;
    this.#partitions = partitions;
    this.#ended = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const records = Array.from({ length: 1 + (this.sent % 40) }, () => ({
        value: `{"n": ${this.sent++}}`,
      }));
      await rig().produce(this.#topic, this.sent % this.#partitions, records);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Ends it; answers how many records there are. */
  async stop(): Promise<number> {
    this.#stopped = true;
    await this.#ended;
    return this.sent;
  }
}

/**
 * Rows (number of records, of different ones, sum) that `count` records give when each comes once.
 */
function onceEach(count: number): string {
  return `${count},${count},${(count * (count - 1)) / 2}`;
}

const wait = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('every record exactly once', () => {
  it('for views that are created while records come', async () => {
    const { client, broker } = rig();
    broker.createTopic('numbers', 3);
    const stream = new Stream('numbers', 3);
    await client.query(
      `CREATE SOURCE numbers (n int8) FROM KAFKA CONNECTION k (TOPIC 'numbers') FORMAT JSON INCLUDE PARTITION, OFFSET`,
    );
    for (let view = 0; view < 5; view++) {
      await client.query(`CREATE MATERIALIZED VIEW sums_${view} AS
        SELECT count(*) AS c, count(DISTINCT (partition::int8 * 1000000 + "offset")) AS d, sum(n) AS s FROM numbers`);
      await wait(150);
    }
    const count = await stream.stop();
    for (let view = 0; view < 5; view++) {
      await rig().until(
        `SELECT c, d, s FROM sums_${view}`,
        (rows) => String(rows) === onceEach(count),
      );
    }
    expect(await rig().rows('SELECT count(*), count(DISTINCT n), sum(n) FROM numbers')).toEqual([
      onceEach(count).split(','),
    ]);
  });

  it('of a long history, for a view that comes late', async () => {
    const { client, broker } = rig();
    broker.createTopic('history', 2);
    let sent = 0;
    for (let batch = 0; batch < 60; batch++) {
      const records = Array.from({ length: 2_000 }, () => ({
        value: `{"n": ${sent++}, "padding": "${'-'.repeat(sent % 50)}"}`,
      }));
      await rig().produce('history', batch % 2, records);
    }
    await client.query(
      `CREATE SOURCE history (n int8) FROM KAFKA CONNECTION k (TOPIC 'history') FORMAT JSON`,
    );
    const stream = new Stream('history', 2, sent);
    await client.query(
      'CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS c, count(DISTINCT n) AS d, sum(n) AS s FROM history',
    );
    const count = await stream.stop();
    await rig().until('SELECT c, d, s FROM totals', (rows) => String(rows) === onceEach(count));
  });

  it('while connections break and leaders move', async () => {
    const { client, broker } = rig();
    broker.createTopic('shaken', 3);
    await client.query(
      `CREATE SOURCE shaken (n int8) FROM KAFKA CONNECTION k (TOPIC 'shaken') FORMAT JSON`,
    );
    await client.query(
      'CREATE MATERIALIZED VIEW steady AS SELECT count(*) AS c, count(DISTINCT n) AS d, sum(n) AS s FROM shaken',
    );
    let sent = 0;
    for (let round = 0; round < 8; round++) {
      for (let k = 0; k < 10; k++) {
        const records = Array.from({ length: 20 }, () => ({ value: `{"n": ${sent++}}` }));
        await rig().produce('shaken', k % 3, records);
      }
      if (round % 3 === 2) broker.faults.notLeader('shaken', 100);
      else if (round % 3 === 1) broker.faults.error(1, 7, 2);
      else broker.faults.dropConnections();
      await client.query(
        `CREATE MATERIALIZED VIEW steady_${round} AS SELECT count(*) AS c, count(DISTINCT n) AS d, sum(n) AS s FROM shaken`,
      );
      await wait(120);
    }
    for (const view of ['steady', ...Array.from({ length: 8 }, (_, round) => `steady_${round}`)]) {
      await rig().until(`SELECT c, d, s FROM ${view}`, (rows) => String(rows) === onceEach(sent));
    }
  });
});
