/**
 * Goal: records that cannot be decoded poison nothing: they are rows of the source's relation of
 * errors, exactly and at every step. Method: records of an embedded broker, good and broken, before
 * and after views were made; what is read is written down.
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
import { KafkaRig } from './support/kafka-rig.ts';

const bench: { rig: KafkaRig | null } = { rig: null };
const rig = (): KafkaRig => {
  assert(bench.rig !== null, 'the product runs');
  return bench.rig;
};

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

beforeAll(async () => {
  bench.rig = await KafkaRig.start();
});

afterAll(async () => {
  await bench.rig?.stop();
});

/** A view's rows once they are as expected. */
async function becomes(sql: string, expected: string): Promise<void> {
  await rig().until(sql, (rows) => JSON.stringify(rows) === expected);
}

describe('a stream', () => {
  it('leaves out of a view what that view cannot have, and lists it', async () => {
    const { client, broker } = rig();
    broker.createTopic('dirty', 1);
    await rig().produce('dirty', 0, [
      { key: 'k', value: '{"id": 1, "n": 1}' },
      { key: 'k', value: '{"id": 2, "n": "many"}' },
    ]);
    await client.query(
      `CREATE SOURCE dirty (id int8, n int4) FROM KAFKA CONNECTION k (TOPIC 'dirty') FORMAT JSON`,
    );
    await client.query('CREATE MATERIALIZED VIEW ids AS SELECT count(id) AS c FROM dirty');
    await client.query('CREATE MATERIALIZED VIEW sums AS SELECT count(n) AS c, sum(n) FROM dirty');
    const read = 'SELECT i.c, s.c, s.sum FROM ids i, sums s';
    await becomes(read, '[["2","1","1"]]');
    // Live records are decoded once for both views; only one of them reads "n".
    await rig().produce('dirty', 0, [
      { value: '{"id": 3, "n": {}}' },
      { value: '{"id": 4, "n": 4}' },
      { value: 'not JSON' },
      { value: '{"id": "x", "n": 5}' },
    ]);
    await becomes(read, '[["4","3","10"]]');
    const listed =
      'SELECT partition, "offset", field, sqlstate FROM dirty_errors ORDER BY "offset"';
    expect(await rig().rows(listed)).toEqual([
      [0, '1', 'n', '22P02'],
      [0, '2', 'n', '22P02'],
      [0, '4', null, '22P02'],
      [0, '5', 'id', '22P02'],
    ]);
    const [[topic, key, value, time, schema, message]] = (await rig().rows(
      `SELECT topic, key, value, timestamp IS NOT NULL, schema_id, message
       FROM dirty_errors WHERE "offset" = 1`,
    )) as [[string, Buffer, Buffer, boolean, null, string]];
    expect([topic, key.toString(), value.toString(), time, schema]).toEqual([
      ...['dirty', 'k', '{"id": 2, "n": "many"}'],
      ...[true, null],
    ]);
    expect(message).not.toContain('offset');
  });

  it('lists what comes later in a view of the errors, at the step of the other rows', async () => {
    const { client, broker } = rig();
    broker.createTopic('watched', 2);
    await client.query(
      `CREATE SOURCE watched (a int4, b int4) FROM KAFKA CONNECTION k (TOPIC 'watched') FORMAT JSON`,
    );
    await client.query('CREATE MATERIALIZED VIEW bs AS SELECT count(b) AS c FROM watched');
    await client.query(`CREATE MATERIALIZED VIEW tally AS
      SELECT (SELECT count(*) FROM watched) AS good, (SELECT count(*) FROM watched_errors) AS bad`);
    await client.query(`CREATE MATERIALIZED VIEW fields AS
      SELECT field, count(*) AS c FROM watched_errors GROUP BY field`);
    for (let n = 0; n < 10; n++)
      await rig().produce('watched', n % 2, [
        { value: `{"a": ${n}, "b": ${n % 3 === 0 ? '"no"' : n}}` },
        { value: `{"a": ${n % 5 === 0 ? '[]' : n}, "b": 1}` },
      ]);
    await becomes('SELECT field, c FROM fields ORDER BY field', '[["a","2"],["b","4"]]');
    // Of "tally", which reads no column, every record is a row.
    await becomes('SELECT good, bad FROM tally', '[["20","6"]]');
    await becomes('SELECT c FROM bs', '[["16"]]');
  });

  it('fails its readers if it is told to, each by what it reads', async () => {
    const { client, broker } = rig();
    broker.createTopic('strict', 1);
    await client.query(`CREATE SOURCE strict (id int8, n int4)
      FROM KAFKA CONNECTION k (TOPIC 'strict') FORMAT JSON WITH (ON ERROR 'FAIL')`);
    await client.query('CREATE MATERIALIZED VIEW strict_ids AS SELECT count(id) AS c FROM strict');
    await client.query('CREATE MATERIALIZED VIEW strict_ns AS SELECT sum(n) AS n FROM strict');
    await rig().produce('strict', 0, [{ value: '{"id": 1, "n": 1}' }]);
    await becomes('SELECT n FROM strict_ns', '[["1"]]');
    await rig().produce('strict', 0, [{ value: '{"id": 2, "n": "many"}' }]);
    expect(await rig().untilError('SELECT * FROM strict_ns')).toContain('offset 1, field "n"');
    await becomes('SELECT c FROM strict_ids', '[["2"]]');
    await expect(client.query('SELECT * FROM strict_errors')).rejects.toThrow('does not exist');
  });

  it('owns the relation of its errors', async () => {
    const { client, broker } = rig();
    broker.createTopic('owner', 1);
    const create = `CREATE SOURCE owner (n int8) FROM KAFKA CONNECTION k (TOPIC 'owner') FORMAT JSON`;
    await client.query(create);
    const shown = await rig().rows(`SHOW SOURCES LIKE 'owner%'`);
    expect(shown).toEqual([
      ['owner', 'source'],
      ['owner_errors', 'subsource'],
    ]);
    const [[, text]] = (await rig().rows('SHOW CREATE SOURCE owner')) as [[string, string]];
    expect(text).toContain('WITH (ON ERROR = QUARANTINE)');
    await expect(client.query('DROP SOURCE owner_errors')).rejects.toThrow('requires it');
    await expect(client.query('INSERT INTO owner_errors DEFAULT VALUES')).rejects.toThrow('source');
    await client.query('CREATE VIEW messages AS SELECT message FROM owner_errors');
    await expect(client.query('DROP SOURCE owner')).rejects.toThrow('other objects depend on it');
    await client.query('DROP VIEW messages');
    await client.query('DROP SOURCE owner');
    await expect(client.query('SELECT * FROM owner_errors')).rejects.toThrow('does not exist');
    await client.query('CREATE TABLE owner_errors (a int)');
    await expect(client.query(create)).rejects.toThrow('"owner_errors" already exists');
    await expect(client.query(`${create} WITH (ON ERROR = 'shrug')`)).rejects.toThrow(
      'ON ERROR takes QUARANTINE or FAIL',
    );
    await client.query(`${create} WITH (ON ERROR = FAIL)`);
    await client.query('DROP SOURCE owner');
  });
});

describe('a source with one row a key', () => {
  it('lists a key whose value is broken until a record repairs or deletes it', async () => {
    const { client, broker } = rig();
    broker.createTopic('healing', 1);
    await client.query(`CREATE SOURCE healing (n int4) FROM KAFKA CONNECTION k (TOPIC 'healing')
      KEY FORMAT TEXT VALUE FORMAT JSON ENVELOPE UPSERT`);
    await client.query(
      'CREATE MATERIALIZED VIEW healed AS SELECT count(*) AS c, sum(n) FROM healing',
    );
    const errors = 'SELECT "offset", field FROM healing_errors ORDER BY "offset"';
    await rig().produce('healing', 0, [
      { key: 'a', value: '{"n": 1}' },
      { key: 'b', value: '{"n": 2}' },
      { key: 'c', value: '{"n": 3}' },
    ]);
    await becomes('SELECT * FROM healed', '[["3","6"]]');
    await rig().produce('healing', 0, [
      { key: 'b', value: '{"n": []}' },
      { key: 'c', value: '{"n": true}' },
      { key: null, value: '{"n": 9}' },
    ]);
    await becomes('SELECT * FROM healed', '[["1","1"]]');
    await becomes(errors, '[["3","n"],["4","n"],["5",null]]');
    await rig().produce('healing', 0, [{ key: 'b', value: '{"n": "also"}' }]);
    await becomes(errors, '[["4","n"],["5",null],["6","n"]]');
    await rig().produce('healing', 0, [
      { key: 'b', value: '{"n": 5}' },
      { key: 'c', value: null },
    ]);
    await becomes('SELECT * FROM healed', '[["2","6"]]');
    // A record without a key stays: no later one can be about the same.
    await becomes(errors, '[["5",null]]');
    expect(await rig().rows('SELECT sqlstate FROM healing_errors')).toEqual([['22004']]);
    await client.query('CREATE INDEX ON healing_errors ("offset")');
    await becomes('SELECT topic FROM healing_errors WHERE "offset" = 5', '[["healing"]]');
    await client.query('DROP SOURCE healing CASCADE');
  });
});

describe('after a restart', () => {
  it.each([true, false])('errors are the same (checkpoint: %s)', async (checkpoint) => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-quarantine-'));
    const start = async (): Promise<[Millrace, pg.Client]> => {
      const millrace = await Millrace.start({
        ...{ host: '127.0.0.1', port: 0, clock: realClock, entropy: realEntropy, log: silent },
        data: { disk: new RealDisk(folder), processes: realProcesses },
      });
      const client = new pg.Client({ host: '127.0.0.1', port: millrace.port, user: 'millrace' });
      await client.connect();
      return [millrace, client];
    };
    const [stream, keyed] = [`stream_${checkpoint}`, `keyed_${checkpoint}`];
    const { broker } = rig();
    broker.createTopic(stream, 1);
    broker.createTopic(keyed, 1);
    const produce = (topic: string, n: number, key: string, value: string | null) =>
      rig().produce(topic, 0, [{ key, value: value ?? `{"n": ${n}}` }]);
    const read = `SELECT
      (SELECT count(*) FROM keyed) AS good, (SELECT string_agg("offset"::text, ',' ORDER BY "offset")
        FROM keyed_errors) AS bad, (SELECT c FROM listed) AS listed, (SELECT c FROM kept) AS kept`;
    const becomes = async (client: pg.Client, expected: string): Promise<void> => {
      for (let tries = 0; ; tries++) {
        const { rows } = await client.query({ text: read, rowMode: 'array' });
        if (JSON.stringify(rows) === expected) return;
        if (tries > 300) expect(JSON.stringify(rows)).toBe(expected);
        await sleep(20);
      }
    };
    let [millrace, client] = await start();
    await client.query(`CREATE CONNECTION k TO KAFKA (BROKER '${broker.brokers}')`);
    await client.query(`CREATE SOURCE stream (n int4) FROM KAFKA CONNECTION k (TOPIC '${stream}')
      FORMAT JSON`);
    await client.query(`CREATE SOURCE keyed (n int4) FROM KAFKA CONNECTION k (TOPIC '${keyed}')
      KEY FORMAT TEXT VALUE FORMAT JSON ENVELOPE UPSERT`);
    await client.query(
      'CREATE MATERIALIZED VIEW listed AS SELECT count(*) AS c FROM stream_errors',
    );
    await client.query('CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS c FROM keyed_errors');
    for (const topic of [stream, keyed]) {
      await produce(topic, 1, 'a', null);
      await produce(topic, 1, 'b', 'broken');
      await produce(topic, 1, 'c', 'broken');
    }
    await becomes(client, '[["1","1,2","2","2"]]');
    if (checkpoint) await client.query('CHECKPOINT');
    await produce(keyed, 2, 'b', null);
    await produce(stream, 1, 'x', '[]');
    await becomes(client, '[["2","2","3","1"]]');
    await client.end();
    await millrace.stop();
    await produce(keyed, 1, 'd', '[]');
    await produce(stream, 1, 'x', '[]');
    [millrace, client] = await start();
    await becomes(client, '[["2","2,4","4","2"]]');
    await produce(keyed, 3, 'c', null);
    await produce(stream, 1, 'x', '[]');
    await becomes(client, '[["3","4","5","1"]]');
    await client.end();
    await millrace.stop();
    rmSync(folder, { recursive: true });
  });
});
