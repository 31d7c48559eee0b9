/**
 * Goal: CSV, Protobuf and framed JSON from topic to client, and sources that SHOW CREATE says again.
 * Method: an embedded broker and an embedded registry; each source is made a second time from what
 * SHOW CREATE prints, and must give the same rows and print the same.
 */
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';
import { describe, expect, it } from 'vitest';
import { assert } from '../src/base/assert.ts';
import { useRegistryRig } from './support/registry-rig.ts';

const { rig, registry } = useRegistryRig();

/** Makes a source twice, the second time from what SHOW CREATE says of it; answers its rows. */
async function rowsOfBoth(name: string, create: string, count: number): Promise<unknown[][]> {
  await rig().client.query(create);
  const shown = async (): Promise<string> => {
    const [row] = await rig().rows(`SHOW CREATE SOURCE ${name}`);
    assert(typeof row?.[1] === 'string', 'SHOW CREATE prints a statement');
    return row[1];
  };
  const read = async (): Promise<unknown[][]> => {
    await rig().client.query(`CREATE MATERIALIZED VIEW read AS SELECT * FROM ${name}`);
    const rows = await rig().until(`SELECT * FROM read`, (all) => all.length === count);
    await rig().client.query('DROP MATERIALIZED VIEW read');
    return rows.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  };
  const first = await read();
  const text = await shown();
  await rig().client.query(`DROP SOURCE ${name}`);
  await rig().client.query(text);
  expect(await shown()).toBe(text);
  expect(await read()).toEqual(first);
  return first;
}

describe('CSV', () => {
  it('has typed columns, and is kept one row a key', async () => {
    rig().broker.createTopic('lines', 2);
    await rig().produce('lines', 0, [
      { key: 'a', value: '1,"Smith; ""J""",1.50\r\n' },
      { key: 'b', value: '2,,' },
      { key: 'a', value: null },
    ]);
    const list = '(id int8 NOT NULL, name text, paid numeric(12, 2))';
    const from = "FROM KAFKA CONNECTION k (TOPIC 'lines')";
    expect(
      await rowsOfBoth(
        'lines',
        `CREATE SOURCE lines ${list} ${from} KEY FORMAT TEXT VALUE FORMAT CSV ENVELOPE UPSERT`,
        1,
      ),
    ).toEqual([['b', '2', null, null]]);
    await rig().produce('lines', 1, [{ key: 'c', value: "3;'x;y';2" }]);
    await rig().client.query(
      `CREATE SOURCE other ${list} ${from} FORMAT CSV WITH (DELIMITER ';', QUOTE '''')`,
    );
    await rig().client.query('CREATE VIEW others AS SELECT id, name, paid FROM other');
    expect(await rig().rows('SELECT * FROM others')).toEqual([['3', 'x;y', '2.00']]);
    const [[count, message]] = await rig().rows(
      'SELECT count(*), min(message) FROM other_errors WHERE partition = 0',
    );
    expect(count).toBe('3');
    expect(message).toContain('fields, not 3');
  });

  it('has columns of text by count or by header, also in the key', async () => {
    rig().broker.createTopic('pairs', 1);
    await rig().produce('pairs', 0, [{ key: 'k|l', value: 'x,""' }]);
    const from = "FROM KAFKA CONNECTION k (TOPIC 'pairs')";
    expect(
      await rowsOfBoth(
        'pairs',
        `CREATE SOURCE pairs ${from} KEY FORMAT CSV WITH HEADER (a, "B c") DELIMITED BY '|'
           VALUE FORMAT CSV WITH HEADER (a, b) INCLUDE KEY, OFFSET`,
        1,
      ),
    ).toEqual([['x', '', 'k', 'l', '0']]);
    expect(
      await rowsOfBoth('counted', `CREATE SOURCE counted ${from} FORMAT CSV WITH 2 COLUMNS`, 1),
    ).toEqual([['x', '']]);
    expect(await rig().rows('SELECT column1, column2 FROM counted')).toEqual([['x', '']]);
  });

  it.each([
    ['FORMAT CSV', '', '42601', 'needs columns'],
    ['FORMAT CSV WITH HEADER', '', '42601', 'needs columns'],
    ['FORMAT CSV WITH 0 COLUMNS', '', '42601', 'needs columns'],
    ['FORMAT CSV WITH 99999999999 COLUMNS', '', '54011', 'columns'],
    ['FORMAT CSV WITH HEADER (a, a)', '', '42701', 'more than once'],
    ['FORMAT CSV WITH 3 COLUMNS', '(a int4)', '42601', 'are not those of the source'],
    ["FORMAT CSV WITH 1 COLUMN DELIMITED BY 'ab'", '', '22023', 'one-byte character'],
    [`FORMAT CSV WITH 1 COLUMN WITH (QUOTE ',')`, '', '22023', 'must be different'],
    ['FORMAT CSV WITH 1 COLUMN ENVELOPE UPSERT', '', '42601', 'needs KEY FORMAT'],
    ['FORMAT CSV', '(a int4[])', '0A000', 'CSV field of type'],
  ])('%s %s is refused', async (clause, list, code, message) => {
    rig().broker.createTopic('none', 1);
    await expect(
      rig().client.query(
        `CREATE SOURCE none ${list} FROM KAFKA CONNECTION k (TOPIC 'none') ${clause}`,
      ),
    ).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

/** A message behind the number of its schema and the way to it. */
function framed(id: number, way: readonly number[], bytes: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(id, 1);
  return new Uint8Array(Buffer.concat([frame, Uint8Array.from(way), bytes]));
}

const money =
  'syntax = "proto3"; package shared; message Money { int64 cents = 1; string currency = 2; }';
const orders = `syntax = "proto3";
package shop;
import "shared/money.proto";
import "google/protobuf/timestamp.proto";
message Other { string x = 1; }
message Order {
  uint64 id = 1;
  shared.Money total = 2;
  google.protobuf.Timestamp at = 3;
  oneof state { string note = 4; bool gift = 5; }
  repeated int32 sizes = 6;
  map<string, string> tags = 7;
  message Key { string region = 1; sint32 id = 2; }
}`;

describe('Protobuf', () => {
  const { root } = protobuf.parse(orders, { keepCase: true });
  protobuf.parse(money, root, { keepCase: true });
  root.addJSON(protobuf.common.get('google/protobuf/timestamp.proto')?.nested ?? {});
  const encode = (name: string, value: object): Uint8Array =>
    root.lookupType(name).encode(value).finish();
  const order = {
    id: { low: -1, high: -1, unsigned: true },
    total: { cents: { low: 250, high: 0, unsigned: false }, currency: 'EUR' },
    at: { seconds: { low: 1_700_000_000, high: 0, unsigned: false }, nanos: 5000 },
    note: 'hello',
    sizes: [1, -2],
    tags: { a: 'b' },
  };
  const row = [
    '18446744073709551615',
    { cents: '250', currency: 'EUR' },
    new Date(1_700_000_000_000),
    'hello',
    null,
    [1, -2],
    { a: 'b' },
  ];

  it('is read by a registry, with references, keys and other messages of the file', async () => {
    rig().broker.createTopic('orders', 1);
    const store = registry().store;
    store.register('shared/money.proto', money, [], 'PROTOBUF');
    const references = [{ name: 'shared/money.proto', subject: 'shared/money.proto', version: 1 }];
    const { id } = store.register('orders-value', orders, references, 'PROTOBUF');
    store.register('orders-key', orders, references, 'PROTOBUF');
    const key = framed(id, [4, 2, 0], encode('shop.Order.Key', { region: 'north', id: -3 }));
    await rig().produce('orders', 0, [
      { key, value: framed(id, [2, 2], encode('shop.Order', order)) },
    ]);
    const using = 'USING CONFLUENT SCHEMA REGISTRY CONNECTION r';
    expect(
      await rowsOfBoth(
        'orders',
        `CREATE SOURCE orders FROM KAFKA CONNECTION k (TOPIC 'orders')
           KEY FORMAT PROTOBUF MESSAGE 'shop.Order.Key' ${using}
           VALUE FORMAT PROTOBUF ${using} MESSAGE 'shop.Order' ENVELOPE UPSERT`,
        1,
      ),
    ).toEqual([['north', -3, ...row]]);
    const { id: newer } = store.register(
      'orders-value',
      orders.replace('uint64 id = 1', 'uint64 number = 1').replace('bool gift = 5;', ''),
      references,
      'PROTOBUF',
    );
    await rig().produce('orders', 0, [
      { key, value: framed(newer, [2, 2], encode('shop.Order', { ...order, sizes: [] })) },
    ]);
    await rig().client.query('CREATE VIEW sizes AS SELECT key_id, sizes FROM orders');
    expect(
      await rig().until('SELECT * FROM sizes', ([one]) => JSON.stringify(one) === '[-3,[]]'),
    ).toHaveLength(1);
    await rig().produce('orders', 0, [
      { key, value: framed(newer, [0], encode('shop.Other', { x: 'y' })) },
    ]);
    expect(
      await rig().until('SELECT schema_id, message FROM orders_errors', (rows) => rows.length > 0),
    ).toEqual([
      [newer, `the message is shop.Other, not shop.Order (written with schema ${newer})`],
    ]);
    expect(await rig().rows('SELECT * FROM sizes')).toEqual([]);
  });

  it('is read by a schema in the statement: a source, or a descriptor', async () => {
    rig().broker.createTopic('plain', 1);
    await rig().produce('plain', 0, [{ value: encode('shop.Order', order) }]);
    const set = new Uint8Array(
      descriptor.FileDescriptorSet.encode(root.toDescriptor('proto3')).finish(),
    );
    const from = "FROM KAFKA CONNECTION k (TOPIC 'plain') FORMAT PROTOBUF MESSAGE 'shop.Order'";
    const hex = `\\x${Buffer.from(set).toString('hex')}`;
    const files = JSON.stringify([
      ['', orders],
      ['shared/money.proto', money],
    ]);
    for (const schema of [hex, Buffer.from(set).toString('base64'), files]) {
      expect(
        await rowsOfBoth('plain', `CREATE SOURCE plain ${from} USING SCHEMA '${schema}'`, 1),
      ).toEqual([row]);
      await rig().client.query('DROP SOURCE plain');
    }
  });

  it.each([
    [`MESSAGE 'x' USING SCHEMA 'syntax = "proto3"; message A {}'`, '22023', 'no message "x"'],
    [`USING SCHEMA 'message A { B b = 1; }'`, '22023', 'invalid Protobuf schema'],
    [`USING SCHEMA 'syntax = "proto3"; message A { A a = 1; }'`, '0A000', 'recursive'],
    ['USING CONFLUENT SCHEMA REGISTRY CONNECTION r', '42704', 'subject "none-value"'],
  ])('%s is refused', async (clause, code, message) => {
    await expect(
      rig().client.query(
        `CREATE SOURCE none FROM KAFKA CONNECTION k (TOPIC 'none') FORMAT PROTOBUF ${clause}`,
      ),
    ).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

describe('JSON behind the number of a schema', () => {
  it('has declared columns, or is one', async () => {
    rig().broker.createTopic('framed', 1);
    const json = (text: string): Uint8Array => framed(7, [], new TextEncoder().encode(text));
    await rig().produce('framed', 0, [{ key: json('"k"'), value: json('{"a": 1, "b": "x"}') }]);
    const from = "FROM KAFKA CONNECTION k (TOPIC 'framed')";
    const using = 'JSON USING CONFLUENT SCHEMA REGISTRY CONNECTION r';
    expect(
      await rowsOfBoth('typed', `CREATE SOURCE typed (a int8, b text) ${from} FORMAT ${using}`, 1),
    ).toEqual([['1', 'x']]);
    expect(
      await rowsOfBoth(
        'keyed',
        `CREATE SOURCE keyed ${from} KEY FORMAT ${using} VALUE FORMAT ${using} ENVELOPE UPSERT`,
        1,
      ),
    ).toEqual([['k', { a: 1, b: 'x' }]]);
    await rig().produce('framed', 0, [{ value: '{"a": 2}' }]);
    const errors = await rig().until(
      'SELECT message FROM typed_errors',
      ([first]) => first !== undefined,
    );
    expect(String(errors)).toContain('the record does not begin with the number of a schema');
    expect(await rig().rows('SELECT a FROM typed')).toEqual([['1']]);
  });
});
