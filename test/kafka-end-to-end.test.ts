/**
 * Goal: the main job holds from topic to client: records of an embedded broker, through sources and
 * views, to SELECT and SUBSCRIBE over the Postgres protocol. Method: one product per file, topics and
 * names of their own per test; what is read is compared with what was produced.
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
      { value: '{"id": 1, "region": "north", "price": 10.50, "at": "2024-03-01T10:00:00Z", "extra": [1, 2]}' },
      { value: '{"id": 2, "region": "south", "price": 20}' },
    ]);
    await rig().client.query(`CREATE SOURCE sales (id int8, region text, price numeric(10, 2), at timestamptz, tags jsonb)
      FROM KAFKA CONNECTION k (TOPIC 'sales') FORMAT JSON`);
    await rig().client.query('CREATE MATERIALIZED VIEW by_region AS SELECT region, count(*) AS n, sum(price) AS price FROM sales GROUP BY region');
    expect(await rig().until('SELECT * FROM by_region ORDER BY region', (rows) => rows.length === 2))
      .toEqual([['north', '1', '10.50'], ['south', '1', '20.00']]);
    await rig().produce('sales', 1, [{ value: '{"region": "north", "id": 3, "price": "1.25", "tags": {"a": 1}}' }]);
    expect(await rig().until(`SELECT n, price FROM by_region WHERE region = 'north'`, (rows) => rows[0]?.[0] === '2'))
      .toEqual([['2', '11.75']]);
    expect(await rig().rows('SELECT id, at, tags FROM sales ORDER BY id')).toEqual([
      ['1', new Date('2024-03-01T10:00:00Z'), null], ['2', null, null], ['3', null, { a: 1 }],
    ]);
  });
});
