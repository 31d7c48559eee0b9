/**
 * Goal: a source of Debezium's events is the table that they tell of. Method: a table with random
 * inserts, updates, deletes and changes of keys, and the events of it as a connector writes them:
 * a snapshot in the midst, runs of events that come again, tombstones, updates that leave values
 * out, truncates where there is one partition, with and without the schema part; through an embedded broker, with the source made before, between and after, and a restart
 * in the middle. The plain reference is a map.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assert } from '../src/base/assert.ts';
import { RealDisk } from '../src/base/real/disk.ts';
import { realProcesses } from '../src/base/real/processes.ts';
import { realClock, realEntropy } from '../src/base/real/seam.ts';
import { Millrace } from '../src/cli/millrace.ts';
import type { RigRecord } from './support/kafka-rig.ts';
import { KafkaRig } from './support/kafka-rig.ts';
import { Random } from './support/random.ts';

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

const columns = `(shop int4, id int8, name text, price numeric(12, 2), at timestamp, day date, note jsonb,
  PRIMARY KEY (id, shop))`;
const query = `SELECT shop, id, name, price::text, at::text, day::text, note::text FROM items`;

/** A row as the table has it; cents and microseconds are whole numbers. */
interface Item {
  readonly shop: number;
  readonly id: number;
  readonly name: string | null;
  readonly cents: number;
  readonly microseconds: number;
  readonly day: number;
  readonly note: number;
}

/** The part of the connector's schema that matters. */
const rowSchema = {
  type: 'struct',
  fields: [
    { type: 'int64', name: 'io.debezium.time.MicroTimestamp', field: 'at' },
    { type: 'int32', name: 'io.debezium.time.Date', field: 'day' },
    {
      type: 'bytes',
      name: 'org.apache.kafka.connect.data.Decimal',
      parameters: { scale: '2' },
      field: 'price',
    },
  ],
};
const eventSchema = {
  type: 'struct',
  fields: [
    { ...rowSchema, field: 'before' },
    { ...rowSchema, field: 'after' },
    { type: 'string', field: 'op' },
  ],
};

const unavailable = '__debezium_unavailable_value';

const keyOf = ({ shop, id }: Item): string => `${shop} ${id}`;

/** The row as SELECT gives it. */
function selected(item: Item): unknown[] {
  const at = new Date(item.microseconds / 1000).toISOString();
  const fraction = String(item.microseconds % 1_000_000).padStart(6, '0');
  const seconds = at.slice(0, 19).replace('T', ' ');
  return [
    item.shop,
    String(item.id),
    item.name,
    (item.cents / 100).toFixed(2),
    `${seconds}.${fraction}`.replace(/\.?0*$/, ''),
    new Date(item.day * 86_400_000).toISOString().slice(0, 10),
    `{"n": ${item.note}}`,
  ];
}

/** Cents as Debezium writes decimals. */
function decimal(cents: number): string {
  let length = 1;
  while (BigInt.asIntN(8 * length, BigInt(cents)) !== BigInt(cents)) length++;
  const bytes = Buffer.alloc(length);
  bytes.writeIntBE(cents, 0, length);
  return bytes.toString('base64');
}

function rowOf(item: Item): object {
  const { shop, id, name, cents, microseconds, day, note } = item;
  return { name, shop, id, price: decimal(cents), at: microseconds, day, note: `{"n":${note}}` };
}

/** A table under random changes, and the records that tell of them. */
class Upstream {
  readonly table = new Map<string, Item>();
  /** Records of each partition, in order. */
  readonly partitions: RigRecord[][];
  readonly #random: Random;
  readonly #wrapped: boolean;
  #position = 0;

  constructor(seed: number, wrapped: boolean, partitions: number) {
    this.#random = new Random(seed);
    this.#wrapped = wrapped;
    this.partitions = Array.from({ length: partitions }, () => []);
  }

  /** `lacking`: the name and the note are left out. */
  #record(
    op: string | null,
    before: Item | null,
    after: Item | null,
    lacking: object = {},
  ): RigRecord {
    const item = after ?? before;
    assert(item !== null, 'an event has a row');
    const around = (payload: object): string =>
      JSON.stringify(this.#wrapped ? { schema: eventSchema, payload } : payload);
    // Without REPLICA IDENTITY FULL there is no row before, or only its key.
    const old = before === null || this.#random.chance(0.5) ? null : rowOf(before);
    const key = around({ id: item.id, shop: item.shop });
    if (op === null) return { key, value: null };
    const source = { connector: 'postgresql', lsn: this.#position++, snapshot: op === 'r' };
    const row = after && { ...rowOf(after), ...lacking };
    const payload = { before: old, after: row, source, op, ts_ms: 1 };
    return { key, value: around(payload) };
  }

  #tell(item: Item, ...records: readonly RigRecord[]): void {
    this.partitions[(item.shop * 31 + item.id) % this.partitions.length]?.push(...records);
  }

  #newItem(): Item {
    const random = this.#random;
    return {
      shop: random.below(3),
      id: random.below(40),
      name: random.chance(0.2) ? null : `n${random.below(1000)} "é"`,
      cents: random.below(2 ** 31) - 2 ** 30,
      microseconds: 1_600_000_000_000_000 + random.below(2 ** 31) * 1000 + random.below(1000),
      day: random.below(30_000),
      note: random.below(100),
    };
  }

  /** One statement on the table. */
  change(): void {
    const random = this.#random;
    const item = this.#newItem();
    const old = this.table.get(keyOf(item));
    if (old === undefined) {
      this.table.set(keyOf(item), item);
      this.#tell(item, this.#record('c', null, item));
    } else if (random.chance(0.2)) {
      const changed = { ...item, name: old.name, note: old.note };
      this.table.set(keyOf(item), changed);
      const lacking = { name: unavailable, note: unavailable };
      this.#tell(item, this.#record('u', null, changed, lacking));
    } else if (random.chance(0.5)) {
      this.table.set(keyOf(item), item);
      this.#tell(item, this.#record('u', old, item));
    } else {
      this.#delete(old);
      const moved = { ...item, id: item.id + 40 };
      // A change of the key is a delete and a create.
      if (random.chance(0.5) && !this.table.has(keyOf(moved))) {
        this.table.set(keyOf(moved), moved);
        this.#tell(moved, this.#record('c', null, moved));
      }
    }
  }

  #delete(old: Item): void {
    this.table.delete(keyOf(old));
    const tombstones = this.#random.chance(0.7) ? [this.#record(null, old, null)] : [];
    this.#tell(old, this.#record('d', old, null), ...tombstones);
  }

  /** Nothing says what came before it in other partitions. */
  truncate(): void {
    if (this.partitions.length > 1) return;
    this.table.clear();
    this.partitions[0]?.push({ key: null, value: '{"op":"t","before":null,"after":null}' });
  }

  snapshot(): void {
    for (const item of this.table.values()) this.#tell(item, this.#record('r', null, item));
  }

  /** The connector ends without having noted where it was: the last events come again, in order. */
  redeliver(): void {
    for (const records of this.partitions) {
      const count = this.#random.below(20);
      records.push(...records.slice(Math.max(0, records.length - count)));
    }
  }

  run(changes: number): void {
    for (let k = 0; k < changes; k++) {
      this.change();
      if (this.#random.chance(0.01)) this.snapshot();
      if (this.#random.chance(0.02)) this.redeliver();
      if (this.#random.chance(0.01)) this.truncate();
    }
  }

  /** The records since the last call. */
  take(): readonly RigRecord[][] {
    return this.partitions.map((records) => records.splice(0));
  }

  expected(): unknown[][] {
    return [...this.table.values()].map(selected).sort(byText);
  }
}

const byText = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1);
const sorted = (rows: unknown[][]): unknown[][] => rows.sort(byText);

/** Produces what has happened, in batches. */
async function produce(topic: string, upstream: Upstream): Promise<void> {
  for (const [partition, records] of upstream.take().entries()) {
    for (let at = 0; at < records.length; at += 97)
      await rig().produce(topic, partition, records.slice(at, at + 97));
  }
}

function rowsAre(client: pg.Client, upstream: Upstream): Promise<void> {
  return eventually(client, query, upstream.expected());
}

/** Waits until the query answers so. */
async function eventually(client: pg.Client, text: string, expected: unknown[][]): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const rows = sorted(await rig().rows(text, client));
    if (JSON.stringify(rows) === JSON.stringify(expected)) return;
    if (performance.now() > deadline) expect(rows).toEqual(expected);
    await sleep(20);
  }
}

describe.each([false, true])('a topic of events (schema part: %s)', (wrapped) => {
  it('is the table that the events tell of', async () => {
    const { client } = rig();
    const topic = `items-${wrapped}`;
    const partitions = wrapped ? 1 : 2;
    rig().broker.createTopic(topic, partitions);
    const upstream = new Upstream(wrapped ? 11 : 7, wrapped, partitions);
    upstream.run(300);
    await produce(topic, upstream);
    await client.query(`CREATE SOURCE items ${columns} FROM KAFKA CONNECTION k (TOPIC '${topic}')
      FORMAT JSON ENVELOPE DEBEZIUM`);
    await client.query(`CREATE MATERIALIZED VIEW by_shop AS
      SELECT shop, count(*) AS n, sum(price) AS price FROM items GROUP BY shop`);
    for (let round = 0; round < 4; round++) {
      await rowsAre(client, upstream);
      upstream.run(200);
      await produce(topic, upstream);
    }
    await rowsAre(client, upstream);
    const shops = new Map<number, { n: number; cents: number }>();
    for (const { shop, cents } of upstream.table.values()) {
      const sum = shops.get(shop) ?? { n: 0, cents: 0 };
      shops.set(shop, { n: sum.n + 1, cents: sum.cents + cents });
    }
    const sums = [...shops].map(([shop, { n, cents }]) => [
      shop,
      String(n),
      (cents / 100).toFixed(2),
    ]);
    await eventually(client, 'SELECT shop, n, price::text FROM by_shop', sorted(sums));
    await client.query('DROP SOURCE items CASCADE');
  });
});

describe('a source of events', () => {
  it('is made again by what SHOW CREATE says', async () => {
    const { client } = rig();
    rig().broker.createTopic('shown', 1);
    await client.query(`CREATE SOURCE shown (b text NOT NULL, "a b" int4, c numeric(4, 1), PRIMARY KEY (c, "a b"))
      FROM KAFKA CONNECTION k (TOPIC 'shown') KEY FORMAT JSON VALUE FORMAT JSON
      INCLUDE PARTITION, OFFSET AS o ENVELOPE DEBEZIUM
        (UNAVAILABLE VALUE PLACEHOLDER = 'n/a', DECIMAL HANDLING MODE 'string')`);
    const [[, shown]] = await rig().rows('SHOW CREATE SOURCE shown');
    expect(String(shown)).toContain(
      `ENVELOPE DEBEZIUM (DECIMAL HANDLING MODE 'string', UNAVAILABLE VALUE PLACEHOLDER 'n/a')`,
    );
    const described = await rig().rows('SHOW COLUMNS FROM shown');
    await client.query('DROP SOURCE shown');
    await client.query(String(shown));
    expect(await rig().rows('SHOW CREATE SOURCE shown')).toEqual([[expect.anything(), shown]]);
    expect(await rig().rows('SHOW COLUMNS FROM shown')).toEqual(described);
    expect(described.map(([name]) => name)).toEqual(['b', 'a b', 'c', 'partition', 'o']);
    const row = { b: 'x', 'a b': 1, c: '2.5' };
    await rig().produce('shown', 0, [
      {
        key: JSON.stringify({ c: '2.5', 'a b': 1 }),
        value: JSON.stringify({ op: 'c', after: row }),
      },
    ]);
    await eventually(client, 'SELECT * FROM shown', [['x', 1, '2.5', 0, '0']]);
    await client.query('DROP SOURCE shown');
  });

  it('heals with the next event of the key, and fails with a truncate of several partitions', async () => {
    const { client } = rig();
    rig().broker.createTopic('broken', 2);
    await client.query(`CREATE SOURCE broken (id int4 PRIMARY KEY, n int4) FROM KAFKA CONNECTION k
      (TOPIC 'broken') FORMAT JSON ENVELOPE DEBEZIUM`);
    const event = (op: string, n: unknown): RigRecord => ({
      key: '{"id":1}',
      value: JSON.stringify({ op, after: { id: 1, n } }),
    });
    await rig().produce('broken', 0, [event('c', 1), event('u', 'x')]);
    const listed = 'SELECT partition, "offset", field FROM broken_errors';
    await eventually(client, listed, [[0, '1', 'n']]);
    expect(await rig().rows('SELECT * FROM broken')).toEqual([]);
    await rig().produce('broken', 0, [event('u', 3)]);
    await sleep(50);
    const answer = async (): Promise<unknown> =>
      rig()
        .rows('SELECT * FROM broken')
        .catch(() => null);
    while (JSON.stringify(await answer()) !== '[[1,3]]') await sleep(20);
    await rig().produce('broken', 0, [{ key: null, value: '{"op":"t","after":null}' }]);
    // All rows are wrong then: that is more than a record that cannot be decoded.
    expect(await rig().untilError('SELECT * FROM broken')).toContain('truncate');
    expect(await rig().rows(listed)).toEqual([]);
    await client.query('DROP SOURCE broken');
  });

  it('of MongoDB is its documents by the text of their ids', async () => {
    const { client } = rig();
    rig().broker.createTopic('documents', 1);
    await client.query(`CREATE SOURCE documents FROM KAFKA CONNECTION k (TOPIC 'documents')
      FORMAT JSON ENVELOPE DEBEZIUM`);
    const event = (id: number, op: string, after: object | null): RigRecord => ({
      key: JSON.stringify({ id: String(id) }),
      value: JSON.stringify({ op, after: after && JSON.stringify(after) }),
    });
    await rig().produce('documents', 0, [
      event(1, 'c', { _id: 1, a: 'x' }),
      event(2, 'c', { _id: 2 }),
      event(1, 'u', { _id: 1, a: 'y' }),
      event(2, 'd', null),
    ]);
    await eventually(client, `SELECT id, data->>'a' FROM documents`, [['1', 'y']]);
    await client.query('DROP SOURCE documents');
  });

  const from = `FROM KAFKA CONNECTION k (TOPIC 'none')`;
  it.each([
    [`CREATE SOURCE x (a int4) ${from} FORMAT JSON ENVELOPE DEBEZIUM`, 'PRIMARY KEY'],
    [
      `CREATE SOURCE x (a int4 PRIMARY KEY) ${from} FORMAT JSON ENVELOPE UPSERT`,
      'PRIMARY KEY without ENVELOPE DEBEZIUM',
    ],
    [
      `CREATE SOURCE x (a int4 PRIMARY KEY) ${from} KEY FORMAT TEXT VALUE FORMAT JSON ENVELOPE DEBEZIUM`,
      'ENVELOPE DEBEZIUM with FORMAT TEXT',
    ],
    [
      `CREATE SOURCE x ${from} FORMAT AVRO USING SCHEMA '"int"' ENVELOPE DEBEZIUM`,
      'ENVELOPE DEBEZIUM with FORMAT AVRO',
    ],
    [
      `CREATE SOURCE x (a int4 PRIMARY KEY) ${from} FORMAT JSON INCLUDE KEY ENVELOPE DEBEZIUM`,
      'INCLUDE KEY with ENVELOPE DEBEZIUM',
    ],
    [
      `CREATE SOURCE x (a int4 PRIMARY KEY) ${from} FORMAT JSON
         ENVELOPE DEBEZIUM (TRANSACTION METADATA (SOURCE s, COLLECTION 'c'))`,
      'TRANSACTION METADATA is not supported',
    ],
    [
      `CREATE SOURCE x (a int4 PRIMARY KEY) ${from} FORMAT JSON
         ENVELOPE DEBEZIUM (DECIMAL HANDLING MODE 'fast')`,
      `DECIMAL HANDLING MODE takes 'precise', 'string' or 'double'`,
    ],
    [
      `CREATE SOURCE x (a int4 PRIMARY KEY) ${from} FORMAT JSON ENVELOPE DEBEZIUM (UNKNOWN 1)`,
      'option UNKNOWN is not supported',
    ],
  ])('%s is refused', async (statement, message) => {
    await expect(rig().client.query(statement)).rejects.toThrow(message);
  });
});

describe('after a restart', () => {
  it.each([true, false])('the table is the same (checkpoint: %s)', async (checkpoint) => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-debezium-'));
    const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const start = (): Promise<Millrace> =>
      Millrace.start({
        host: '127.0.0.1',
        port: 0,
        clock: realClock,
        entropy: realEntropy,
        log: silent,
        data: { disk: new RealDisk(folder), processes: realProcesses },
      });
    const topic = `kept-${checkpoint}`;
    const partitions = checkpoint ? 1 : 2;
    rig().broker.createTopic(topic, partitions);
    const upstream = new Upstream(checkpoint ? 3 : 5, true, partitions);
    upstream.run(300);
    await produce(topic, upstream);
    let millrace = await start();
    let client = await connect(millrace.port);
    await client.query(`CREATE CONNECTION k TO KAFKA (BROKER '${rig().broker.brokers}')`);
    await client.query(`CREATE SOURCE items ${columns} FROM KAFKA CONNECTION k (TOPIC '${topic}')
      FORMAT JSON ENVELOPE DEBEZIUM`);
    await rowsAre(client, upstream);
    if (checkpoint) await client.query('CHECKPOINT');
    upstream.run(50);
    await produce(topic, upstream);
    if (!checkpoint) await rowsAre(client, upstream);
    await client.end();
    await millrace.stop();
    upstream.run(100);
    await produce(topic, upstream);
    millrace = await start();
    client = await connect(millrace.port);
    await rowsAre(client, upstream);
    upstream.run(100);
    await produce(topic, upstream);
    await rowsAre(client, upstream);
    await client.end();
    await millrace.stop();
    rmSync(folder, { recursive: true });
  });
});

async function connect(port: number): Promise<pg.Client> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'materialize',
    database: 'materialize',
  });
  await client.connect();
  return client;
}
