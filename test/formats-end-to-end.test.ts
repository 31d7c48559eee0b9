/**
 * Goal: CSV, Protobuf and framed JSON from topic to client, and sources that SHOW CREATE says again.
 * Method: an embedded broker and an embedded registry; each source is made a second time from what
 * SHOW CREATE prints, and must give the same rows and print the same.
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
    expect(await rig().untilError('SELECT * FROM others')).toContain('fields, not 3');
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
