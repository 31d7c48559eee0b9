/**
 * Goal: statements on secrets are read, and what is wrong with one never repeats its words. Method:
 * texts and their trees or errors.
 */
import { beforeAll, expect, test } from 'vitest';
import { SqlError } from '../../base/error.ts';
import { initializeParser, parseStatements } from './parse.ts';

beforeAll(initializeParser);

function read(text: string): unknown {
  try {
    return parseStatements(text)[0]?.statement;
  } catch (error) {
    if (error instanceof SqlError) return error.fields;
    throw error;
  }
}

test('CREATE SECRET, ALTER SECRET, DROP SECRET, VALIDATE CONNECTION', () => {
  expect(read("create secret if not exists a.s as 'it''s'")).toMatchObject({
    kind: 'createSecret',
    name: { parts: ['a', 's'] },
    ifNotExists: true,
    value: "it's",
  });
  expect(read("create secret s as e'a\\nb'")).toMatchObject({ ifNotExists: false, value: 'a\nb' });
  expect(read("alter secret if exists s as 'x'")).toMatchObject({
    kind: 'alterSecret',
    ifExists: true,
    value: 'x',
  });
  expect(read('drop secret if exists s, t cascade')).toMatchObject({
    kind: 'drop',
    object: 'secret',
    ifExists: true,
    cascade: true,
  });
  expect(read('validate connection k')).toMatchObject({
    kind: 'validateConnection',
    name: { parts: ['k'] },
  });
});

test('a secret as the value of an option', () => {
  const text =
    'create connection k to kafka (sasl password = secret "My".p, ssl key secret k, sasl username secret)';
  expect(read(text)).toMatchObject({
    options: [
      { name: 'SASL PASSWORD', value: { kind: 'secret', name: { parts: ['My', 'p'] } } },
      { name: 'SSL KEY', value: { kind: 'secret', name: { parts: ['k'] } } },
      { name: 'SASL USERNAME', value: { kind: 'identifier', text: 'secret' } },
    ],
  });
});

test.each([
  "create secret s 'hunter2'",
  "create secret 'hunter2'",
  "create secret s = 'hunter2'",
  "create secret s as hunter2('hunter2')",
  "create secret s as 'x' 'hunter2'",
  "create secret s as 'x' || 'hunter2'",
  "create secret s as 'x' hunter2",
  "create secret s as 'hunter2",
  "alter secret s 'hunter2'",
  "alter secret s as 'x' hunter2",
  "create secret s as U&'\\hunter2'",
])('what is wrong is said without the secret: %s', (text) => {
  const fields = read(text);
  expect(fields).toHaveProperty('code');
  expect(JSON.stringify(fields)).not.toContain('hunter2');
});

test('ways to a broker through something else are refused by name', () => {
  const connection = (options: string): unknown =>
    read(`create connection k to kafka (${options})`);
  expect(connection("broker 'a:1' using ssh tunnel t")).toMatchObject({ code: '0A000' });
  expect(connection("brokers ('a:1' using aws privatelink p)")).toMatchObject({ code: '0A000' });
  expect(connection("brokers (matching '*' using aws privatelink p)")).toMatchObject({
    code: '0A000',
  });
});
