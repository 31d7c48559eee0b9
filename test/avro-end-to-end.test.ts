/**
 * Goal: Avro from topic to client: records framed for a schema registry, through sources and views,
 * to SELECT, while schemas change, the registry goes away, and the product starts again. Method: an
 * embedded broker and an embedded registry; records are written by avsc.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import avro from 'avsc';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { RealDisk } from '../src/base/real/disk.ts';
import { realProcesses } from '../src/base/real/processes.ts';
import { realClock, realEntropy } from '../src/base/real/seam.ts';
import { Millrace } from '../src/cli/millrace.ts';
import type { RigRecord } from './support/kafka-rig.ts';
import { useRegistryRig } from './support/registry-rig.ts';

const { rig, registry } = useRegistryRig();

/** A writer of one registered schema. */
function writer(subject: string, schema: object | string): (value: unknown) => Uint8Array {
  const { id } = registry().store.register(subject, JSON.stringify(schema), []);
  const type = avro.Type.forSchema(schema as never, { wrapUnions: true });
  return (value) => {
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(id, 1);
    return new Uint8Array(Buffer.concat([frame, type.toBuffer(value)]));
  };
}

const orderV1 = {
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'region', type: 'string' },
    { name: 'note', type: ['null', 'string'], default: null },
    { name: 'amount', type: { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
};

describe('a topic of Avro', () => {
  it('becomes a view that follows it while the schema changes', async () => {
    rig().broker.createTopic('orders', 2);
    const v1 = writer('orders-value', orderV1);
    const order = (id: number, region: string, cents: number): unknown => ({
      id,
      region,
      note: id % 2 === 0 ? null : { string: `n${id}` },
      amount: Buffer.from([cents]),
      at: 1_700_000_000_000 + id,
    });
    await rig().produce('orders', 0, [
      { value: v1(order(1, 'north', 100)) },
      { value: v1(order(2, 'south', 50)) },
    ]);
    await rig().client.query(`CREATE SOURCE orders FROM KAFKA CONNECTION k (TOPIC 'orders')
      FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY CONNECTION r INCLUDE PARTITION`);
    await rig().client.query(
      'CREATE MATERIALIZED VIEW by_region AS SELECT region, count(*) AS n, sum(amount) AS amount FROM orders GROUP BY region',
    );
    await rig().until('SELECT * FROM by_region', (rows) => rows.length === 2);
    expect(
      await rig().rows('SELECT id, region, note, amount, at, partition FROM orders ORDER BY id'),
    ).toEqual([
      ['1', 'north', 'n1', '1.00', new Date(1_700_000_000_001), 0],
      ['2', 'south', null, '0.50', new Date(1_700_000_000_002), 0],
    ]);
    const v2 = writer('orders-value', {
      ...orderV1,
      fields: [
        { name: 'currency', type: 'string', default: 'EUR' },
        ...orderV1.fields.filter(({ name }) => name !== 'note'),
      ],
    });
    await rig().produce('orders', 1, [
      { value: v2({ id: 3, region: 'north', amount: Buffer.from([25]), at: 0, currency: 'CHF' }) },
    ]);
    expect(
      await rig().until(
        `SELECT n, amount FROM by_region WHERE region = 'north'`,
        (rows) => rows[0]?.[0] === '2',
      ),
    ).toEqual([['2', '1.25']]);
    const [[, text]] = await rig().rows('SHOW CREATE SOURCE orders');
    expect(String(text)).toContain('STRATEGY INLINE');
  });

  it('waits while the registry is away, says so, and loses nothing', async () => {
    rig().broker.createTopic('late', 1);
    const schema = (n: number): object => ({
      type: 'record',
      name: 'Late',
      fields: [
        { name: 'n', type: 'int' },
        ...(n === 1 ? [] : [{ name: 'more', type: 'int', default: 0 }]),
      ],
    });
    const first = writer('late-value', schema(1));
    await rig().produce('late', 0, [{ value: first({ n: 1 }) }]);
    await rig().client.query(`CREATE SOURCE late FROM KAFKA CONNECTION k (TOPIC 'late')
      FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY CONNECTION r INCLUDE OFFSET`);
    await rig().client.query(
      'CREATE MATERIALIZED VIEW late_sums AS SELECT count(*) AS c, sum(n) AS n FROM late',
    );
    await rig().until('SELECT c FROM late_sums', (rows) => rows[0]?.[0] === '1');
    const second = writer('late-value', schema(2));
    await registry().down();
    await rig().produce('late', 0, [{ value: first({ n: 2 }) }]);
    await rig().produce('late', 0, [
      { value: second({ n: 3, more: 1 }) },
      { value: first({ n: 4 }) },
    ]);
    const status = await rig().until(
      `SELECT status, error FROM mz_internal.mz_source_statuses WHERE name = 'late'`,
      (rows) => rows[0]?.[0] === 'stalled',
    );
    expect(status[0]?.[1]).toContain('schema registry http://127.0.0.1');
    const partition = `SELECT stalled FROM mz_internal.mz_source_progress WHERE name = 'late'`;
    expect(await rig().rows(partition)).toEqual([[status[0]?.[1]]]);
    expect(await rig().rows('SELECT c FROM late_sums')).toEqual([['2']]);
    await registry().up();
    expect(await rig().until('SELECT c, n FROM late_sums', ([row]) => row?.[0] === '4')).toEqual([
      ['4', '10'],
    ]);
    await rig().until(
      `SELECT status, error FROM mz_internal.mz_source_statuses WHERE name = 'late'`,
      ([row]) => String(row) === 'running,',
    );
  });

  it('of a schema that does not fit is left out of views that read what does not', async () => {
    rig().broker.createTopic('shapes', 1);
    const of = (type: unknown): object => ({
      type: 'record',
      name: 'Shape',
      fields: [
        { name: 'id', type: 'int' },
        { name: 'side', type },
      ],
    });
    const ints = writer('shapes-value', of('int'));
    await rig().produce('shapes', 0, [{ value: ints({ id: 1, side: 7 }) }]);
    await rig().client.query(`CREATE SOURCE shapes FROM KAFKA CONNECTION k (TOPIC 'shapes')
      FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY CONNECTION r`);
    registry().store.setLevel('shapes-value', 'NONE');
    const texts = writer('shapes-value', of('string'));
    await rig().produce('shapes', 0, [{ value: texts({ id: 2, side: 'x' }) }]);
    const { id } = registry().store.version('shapes-value', 'latest').schema;
    await rig().client.query('CREATE MATERIALIZED VIEW ids AS SELECT sum(id) AS id FROM shapes');
    await rig().client.query('CREATE MATERIALIZED VIEW sides AS SELECT sum(side) AS s FROM shapes');
    const [[offset, schema, field, message]] = await rig().rows(
      'SELECT "offset", schema_id, field, message FROM shapes_errors',
    );
    expect([offset, schema, field]).toEqual(['1', id, 'side']);
    expect(message).toContain(`written with schema ${id}`);
    expect(await rig().until('SELECT s FROM sides', ([row]) => row?.[0] === '7')).toEqual([['7']]);
    expect(await rig().until('SELECT id FROM ids', ([row]) => row?.[0] === '3')).toEqual([['3']]);
  });

  it('of keys and values becomes the latest value of each key', async () => {
    rig().broker.createTopic('stock', 1);
    const key = writer('stock-key', {
      type: 'record',
      name: 'Key',
      fields: [
        { name: 'shop', type: 'int' },
        { name: 'item', type: 'string' },
      ],
    });
    const value = writer('stock-value', {
      type: 'record',
      name: 'Stock',
      fields: [
        { name: 'item', type: ['null', 'string'] },
        { name: 'left', type: ['int', 'string'] },
      ],
    });
    const record = (shop: number, item: string, left: unknown): RigRecord => ({
      key: key({ shop, item }),
      value: left === null ? null : value({ item: null, left }),
    });
    await rig().client.query(`CREATE SOURCE stock FROM KAFKA CONNECTION k (TOPIC 'stock')
      FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY CONNECTION r ENVELOPE UPSERT`);
    await rig().produce('stock', 0, [
      record(1, 'a', { int: 5 }),
      record(2, 'a', { string: 'many' }),
      record(1, 'a', { int: 6 }),
      record(1, 'b', { int: 1 }),
    ]);
    await rig().produce('stock', 0, [record(1, 'b', null)]);
    const rows = await rig().until(
      'SELECT shop, key_item, item, left_int, left_string FROM stock ORDER BY shop, key_item',
      (found) => found.length === 2 && found[0]?.[3] === 6,
    );
    expect(rows).toEqual([
      [1, 'a', null, 6, null],
      [2, 'a', null, null, 'many'],
    ]);
  });

  it('is made again by what SHOW CREATE says', async () => {
    const { client } = rig();
    rig().broker.createTopic('shown', 1);
    const text = '{"type": "record", "name": "S", "fields": [{"name": "it\'\'s", "type": "int"}]}';
    await expect(
      client.query(`CREATE SOURCE bad FROM KAFKA CONNECTION k (TOPIC 'shown')
        FORMAT AVRO USING SCHEMA '${text}'`),
    ).rejects.toThrow('invalid Avro schema');
    const key = '"long"';
    const value = '{"type": "record", "name": "S", "fields": [{"name": "n", "type": "int"}]}';
    await client.query(`CREATE SOURCE shown FROM KAFKA CONNECTION k (TOPIC 'shown')
      KEY FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY CONNECTION r KEY STRATEGY INLINE '${key}'
      VALUE FORMAT AVRO USING SCHEMA '${value}' INCLUDE KEY AS k, OFFSET`);
    const [[, shown]] = await rig().rows('SHOW CREATE SOURCE shown');
    const columns = await rig().rows('SHOW COLUMNS FROM shown');
    await client.query('DROP SOURCE shown');
    await client.query(String(shown));
    const [[, again]] = await rig().rows('SHOW CREATE SOURCE shown');
    expect(again).toBe(shown);
    expect(await rig().rows('SHOW COLUMNS FROM shown')).toEqual(columns);
    expect(columns.map(([name]) => name)).toEqual(['n', 'k', 'offset']);
    await expect(client.query('DROP CONNECTION r')).rejects.toThrow('depend');
  });

  it.each([
    [
      `CREATE CONNECTION x TO CONFLUENT SCHEMA REGISTRY (URL 'http://127.0.0.1:1')`,
      'schema registry http://127.0.0.1:1',
    ],
    [`CREATE CONNECTION x TO CONFLUENT SCHEMA REGISTRY (URL 'nowhere')`, 'invalid URL "nowhere"'],
    [`CREATE CONNECTION x TO CONFLUENT SCHEMA REGISTRY (URL 'https://h')`, 'is not supported'],
    [`CREATE CONNECTION x TO CONFLUENT SCHEMA REGISTRY (URL 'http://u:p@h')`, 'a user name in'],
    [
      `CREATE CONNECTION x TO CONFLUENT SCHEMA REGISTRY (URL 'http://h', USERNAME 'u')`,
      'option USERNAME is not supported',
    ],
    [`CREATE CONNECTION x TO CONFLUENT SCHEMA REGISTRY`, 'needs URL'],
    [
      `CREATE SOURCE x FROM KAFKA CONNECTION k (TOPIC 'none')
         FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY CONNECTION r`,
      'subject "none-value" gives no schema',
    ],
    [
      `CREATE SOURCE x FROM KAFKA CONNECTION k (TOPIC 'none')
         FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY CONNECTION r VALUE STRATEGY ID 999`,
      'schema 999 gives no schema',
    ],
    [
      `CREATE SOURCE x FROM KAFKA CONNECTION k (TOPIC 'none')
         FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY CONNECTION k`,
      'connection "k" is not one to a schema registry',
    ],
    [
      `CREATE SOURCE x FROM KAFKA CONNECTION r (TOPIC 'none') FORMAT TEXT`,
      'connection "r" is not one to Kafka',
    ],
    [
      `CREATE SOURCE x FROM KAFKA CONNECTION k (TOPIC 'none')
         FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY CONNECTION r KEY STRATEGY LATEST`,
      'KEY STRATEGY has nothing to say here',
    ],
    [
      `CREATE SOURCE x (a int) FROM KAFKA CONNECTION k (TOPIC 'none') FORMAT AVRO USING SCHEMA '"int"'`,
      'a column list with FORMAT AVRO',
    ],
    [
      `CREATE SOURCE x FROM KAFKA CONNECTION k (TOPIC 'none')
         FORMAT AVRO USING SCHEMA '"int"' ENVELOPE UPSERT`,
      'needs KEY FORMAT',
    ],
  ])('%s is refused', async (statement, message) => {
    await expect(rig().client.query(statement)).rejects.toThrow(message);
  });
});

describe('after a restart', () => {
  it('a source reads as before, and asks for the schemas again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-avro-'));
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
    rig().broker.createTopic('kept', 1);
    const v1 = writer('kept-value', {
      type: 'record',
      name: 'Kept',
      fields: [{ name: 'n', type: 'int' }],
    });
    await rig().produce('kept', 0, [{ value: v1({ n: 1 }) }]);
    let millrace = await start();
    let client = await connect(millrace.port);
    await client.query(`CREATE CONNECTION k TO KAFKA (BROKER '${rig().broker.brokers}')`);
    await client.query(
      `CREATE CONNECTION r TO CONFLUENT SCHEMA REGISTRY (URL '${registry().url}')`,
    );
    await client.query(`CREATE SOURCE kept FROM KAFKA CONNECTION k (TOPIC 'kept')
      FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY CONNECTION r`);
    await client.query('CREATE MATERIALIZED VIEW total AS SELECT sum(n) AS n FROM kept');
    await total(client, '1');
    await client.end();
    await millrace.stop();
    const v2 = writer('kept-value', {
      type: 'record',
      name: 'Kept',
      fields: [
        { name: 'label', type: 'string', default: '' },
        { name: 'n', type: 'int' },
      ],
    });
    await rig().produce('kept', 0, [{ value: v2({ label: 'x', n: 10 }) }]);
    const before = registry().requests;
    millrace = await start();
    client = await connect(millrace.port);
    await total(client, '11');
    expect(registry().requests).toBeGreaterThan(before);
    const columns = await client.query('SHOW COLUMNS FROM kept');
    expect(columns.rows.length).toBe(1);
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

/** Waits until the view says so. */
async function total(client: pg.Client, expected: string): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const { rows } = await client.query<{ n: string | null }>('SELECT n FROM total');
    if (rows[0]?.n === expected) return;
    await sleep(20);
  }
  throw new Error(`the view did not come to ${expected}`);
}
