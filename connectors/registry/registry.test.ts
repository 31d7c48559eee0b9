/**
 * Goal: the client reads what a registry holds, references included, bounded and whatever it
 * answers; the embedded registry answers as Confluent's does. Method: the client against the
 * embedded one, and requests by hand.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock } from '../../src/base/real/seam.ts';
import { SqlError } from '../../src/base/error.ts';
import { parseSchema } from '../format/avro/parse.ts';
import { RegistryClient } from './client.ts';
import { EmbeddedRegistry } from './embedded/server.ts';
import { RegistryUnavailable } from './http.ts';
import { selfContained } from './self-contained.ts';

const held: { registry: EmbeddedRegistry | null } = { registry: null };

function registry(): EmbeddedRegistry {
  if (held.registry === null) throw new Error('the registry runs');
  return held.registry;
}

beforeAll(async () => {
  held.registry = await EmbeddedRegistry.start();
});

afterAll(async () => {
  await held.registry?.down();
});

/** A request by hand: status and JSON. */
async function ask(method: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`${registry().url}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return [answer.status, await answer.json()];
}

function record(name: string, fields: readonly object[]): string {
  return JSON.stringify({ type: 'record', name, fields });
}

describe('the embedded registry', () => {
  it('numbers schemas and versions', async () => {
    const first = record('A', [{ name: 'x', type: 'int' }]);
    expect(await ask('POST', '/subjects/a-value/versions', { schema: first })).toEqual([
      200,
      { id: 1 },
    ]);
    expect(await ask('POST', '/subjects/a-value/versions', { schema: first })).toEqual([
      200,
      { id: 1 },
    ]);
    const second = record('A', [
      { name: 'x', type: 'long' },
      { name: 'y', type: 'string', default: '' },
    ]);
    expect(await ask('POST', '/subjects/a-value/versions', { schema: second })).toEqual([
      200,
      { id: 2 },
    ]);
    expect(await ask('GET', '/subjects/a-value/versions')).toEqual([200, [1, 2]]);
    expect(await ask('GET', '/subjects/a-value/versions/latest')).toEqual([
      200,
      { subject: 'a-value', version: 2, id: 2, schema: second },
    ]);
    expect(await ask('GET', '/schemas/ids/1')).toEqual([200, { schema: first }]);
    expect(await ask('GET', '/schemas/ids/2/versions')).toEqual([
      200,
      [{ subject: 'a-value', version: 2 }],
    ]);
    expect(await ask('POST', '/subjects/a-value', { schema: second })).toMatchObject([
      200,
      { version: 2 },
    ]);
    expect(await ask('GET', '/subjects')).toEqual([200, ['a-value']]);
  });

  it.each([
    ['GET', '/schemas/ids/77', 404, 40403],
    ['GET', '/subjects/none/versions', 404, 40401],
    ['GET', '/subjects/a-value/versions/9', 404, 40402],
    ['GET', '/subjects/a-value/versions/x', 422, 42202],
    ['GET', '/nowhere', 404, 404],
  ])('%s %s is %i', async (method, path, status, code) => {
    expect(await ask(method, path)).toMatchObject([status, { error_code: code }]);
  });

  it('refuses what is no schema, and what does not fit the versions before', async () => {
    expect(await ask('POST', '/subjects/b/versions', { schema: '{"type": "x"}' })).toMatchObject([
      422,
      { error_code: 42201 },
    ]);
    const int = record('B', [{ name: 'x', type: 'int' }]);
    const text = record('B', [{ name: 'x', type: 'string' }]);
    const more = record('B', [
      { name: 'x', type: 'int' },
      { name: 'y', type: 'int' },
    ]);
    await ask('POST', '/subjects/b/versions', { schema: int });
    expect(await ask('POST', '/subjects/b/versions', { schema: text })).toMatchObject([
      409,
      { error_code: 409 },
    ]);
    const path = '/compatibility/subjects/b/versions/latest';
    expect(await ask('POST', path, { schema: more })).toMatchObject([
      200,
      { is_compatible: false },
    ]);
    expect(await ask('PUT', '/config/b', { compatibility: 'FORWARD' })).toEqual([
      200,
      { compatibility: 'FORWARD' },
    ]);
    expect(await ask('POST', path, { schema: more })).toEqual([200, { is_compatible: true }]);
    await ask('PUT', '/config/b', { compatibility: 'FULL' });
    expect(await ask('POST', path, { schema: more })).toMatchObject([
      200,
      { is_compatible: false },
    ]);
    await ask('PUT', '/config/b', { compatibility: 'NONE' });
    expect(await ask('POST', path, { schema: text })).toEqual([200, { is_compatible: true }]);
    expect(await ask('PUT', '/config', { compatibility: 'SOME' })).toMatchObject([
      422,
      { error_code: 42203 },
    ]);
    expect(await ask('DELETE', '/subjects/b/versions/1')).toEqual([200, 1]);
    expect(await ask('GET', '/subjects/b/versions')).toMatchObject([404, { error_code: 40401 }]);
  });
});

describe('the client', () => {
  it('puts the schemas that one refers to into it', async () => {
    const { store } = registry();
    const money = JSON.stringify({
      type: 'record',
      name: 'Money',
      namespace: 'shared',
      fields: [
        { name: 'cents', type: 'long' },
        { name: 'currency', type: { type: 'enum', name: 'Currency', symbols: ['EUR', 'CHF'] } },
      ],
    });
    store.register('shared.Money', money, []);
    const line = JSON.stringify({
      type: 'record',
      name: 'Line',
      fields: [{ name: 'price', type: 'shared.Money' }],
    });
    store.register('Line', line, [{ name: 'shared.Money', subject: 'shared.Money', version: 1 }]);
    const order = JSON.stringify({
      type: 'record',
      name: 'Order',
      namespace: 'shop',
      fields: [
        { name: 'total', type: 'shared.Money' },
        { name: 'lines', type: { type: 'array', items: 'Line' } },
        { name: 'currency', type: ['null', 'shared.Currency'] },
      ],
    });
    const bare = order.replace('"items":"Line"', '"items":{"type":"array","items":"int"}');
    expect(() => parseSchema(selfContained(order, [money]))).toThrow(
      'undefined type name: shop.Line',
    );
    expect(() => parseSchema(selfContained(bare, [money]))).not.toThrow();
    const fixed = order.replace('"namespace":"shop",', '');
    const { id } = store.register('order-value', fixed, [
      { name: 'shared.Money', subject: 'shared.Money', version: 1 },
      { name: 'Line', subject: 'Line', version: 1 },
    ]);
    const client = new RegistryClient(registry().url, realClock);
    const before = registry().requests;
    const answer = await client.byId(id);
    expect(await client.byId(id)).toBe(answer);
    expect(registry().requests - before).toBe(3);
    expect(parseSchema(answer.text ?? '')).toMatchObject({
      name: 'Order',
      fields: [
        { type: { name: 'shared.Money' } },
        { type: { items: { name: 'Line', fields: [{ type: { name: 'shared.Money' } }] } } },
        { type: { branches: [{ kind: 'null' }, { name: 'shared.Currency' }] } },
      ],
    });
    expect(await client.latest('order-value')).toEqual(answer);
    client.close();
  });

  it('says what is not there', async () => {
    const client = new RegistryClient(registry().url, realClock);
    expect(await client.byId(999)).toMatchObject({ text: null });
    expect(await client.latest('no subject/at all')).toMatchObject({ text: null });
    client.close();
  });

  it.each([
    ['{', 'is not JSON'],
    ['[]', 'has no schema'],
    ['{"schema": 7}', 'has no schema'],
    [`{"schema": "${'x'.repeat(5 * 1024 * 1024)}"}`, 'an answer is longer'],
  ])('does not believe an answer %#', async (body, message) => {
    registry().faults.body = body;
    const client = new RegistryClient(registry().url, realClock);
    try {
      await expect(client.byId(500)).rejects.toThrow(RegistryUnavailable);
      await expect(client.byId(500)).rejects.toThrow(message);
    } finally {
      registry().faults.body = null;
      client.close();
    }
  });

  it.each([
    ['{"schema": "{}", "schemaType": "XML"}', 'it is of type "XML"'],
    ['{"schema": "\\"int\\"", "references": [7]}', 'references are malformed'],
    ['{"schema": "{"}', 'not JSON'],
  ])('finds an unusable schema %#', async (body, reason) => {
    registry().faults.body = body;
    const client = new RegistryClient(registry().url, realClock);
    try {
      const answer = await client.byId(501);
      expect(answer.text === null ? answer.reason : answer.text).toContain(reason);
    } finally {
      registry().faults.body = null;
      client.close();
    }
  });

  it('tells a registry that is in trouble, or away', async () => {
    const client = new RegistryClient(registry().url, realClock);
    registry().faults.status = 503;
    await expect(client.byId(1)).rejects.toThrow('status 503');
    registry().faults.status = 0;
    await expect(client.validate()).resolves.toBeUndefined();
    await registry().down();
    await expect(client.byId(2)).rejects.toThrow(RegistryUnavailable);
    await expect(client.validate()).rejects.toThrow(SqlError);
    await registry().up();
    expect((await client.byId(1)).text).not.toBeNull();
    client.close();
  });
});
