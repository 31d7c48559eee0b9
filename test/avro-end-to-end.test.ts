/**
 * Goal: Avro from topic to client: records framed for a schema registry, through sources and views,
 * to SELECT, while schemas change, the registry goes away, and the product starts again. Method: an
 * embedded broker and an embedded registry; records are written by avsc.
 */
import avro from 'avsc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assert } from '../src/base/assert.ts';
import { EmbeddedRegistry } from '../connectors/registry/embedded/server.ts';
import { KafkaRig } from './support/kafka-rig.ts';

const bench: { rig: KafkaRig | null; registry: EmbeddedRegistry | null } = {
  rig: null,
  registry: null,
};
const rig = (): KafkaRig => {
  assert(bench.rig !== null, 'the product runs');
  return bench.rig;
};
const registry = (): EmbeddedRegistry => {
  assert(bench.registry !== null, 'the registry runs');
  return bench.registry;
};

beforeAll(async () => {
  bench.rig = await KafkaRig.start();
  bench.registry = await EmbeddedRegistry.start();
  await rig().client.query(
    `CREATE CONNECTION r TO CONFLUENT SCHEMA REGISTRY (URL '${registry().url}')`,
  );
});

afterAll(async () => {
  await bench.rig?.stop();
  await bench.registry?.down();
});

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
});
