/**
 * Goal: the private names of kafkajs that the transport leans on are there. Method: make links
 * without connecting them, and look at the library's own objects; a broker that is not there must
 * be named.
 */
import { createServer } from 'node:net';
import kafkajs from 'kafkajs';
import { expect, test } from 'vitest';
import { SqlError } from '../../src/base/error.ts';
import { realClock, realEntropy } from '../../src/base/real/seam.ts';
import { KafkaConnection } from './client.ts';
import { KafkajsTransport, parseAddress } from './kafkajs.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

test('a link can be made: the names are there', async () => {
  const transport = new KafkajsTransport(['127.0.0.1:1'], silent);
  const link = await transport.link('127.0.0.1', 1);
  expect(link.address).toBe('127.0.0.1:1');
  expect(link.versionMax(1)).toBe(-1);
  await link.close();
});

test('the version is the one that was looked at', async () => {
  const { default: manifest } = await import('kafkajs/package.json', { with: { type: 'json' } });
  expect(manifest.version).toBe('2.2.4');
});

test('the private symbol is an own property of a Kafka object', () => {
  const kafka = new kafkajs.Kafka({ brokers: ['x:1'], logLevel: kafkajs.logLevel.NOTHING });
  const names = Object.getOwnPropertySymbols(kafka).map((symbol) => symbol.description);
  expect(names).toContain('private:Kafka:createCluster');
});

test('addresses', () => {
  expect(parseAddress('kafka.local:9093')).toEqual({ host: 'kafka.local', port: 9093 });
  expect(parseAddress('kafka')).toEqual({ host: 'kafka', port: 9092 });
  expect(parseAddress('[::1]:9094')).toEqual({ host: '::1', port: 9094 });
  expect(parseAddress('::1')).toEqual({ host: '::1', port: 9092 });
});

async function failure(connection: KafkaConnection): Promise<SqlError> {
  try {
    await connection.validate();
  } catch (error) {
    if (error instanceof SqlError) return error;
    throw error;
  } finally {
    await connection.close();
  }
  throw new Error('the connection is not valid');
}

test('a broker that is not there is named within seconds', async () => {
  const connection = new KafkaConnection('127.0.0.1:1', {
    clock: realClock,
    entropy: realEntropy,
    log: silent,
  });
  const error = await failure(connection);
  expect(error.fields.code).toBe('08001');
  expect(error.message).toBe('could not reach Kafka broker "127.0.0.1:1"');
  expect(error.fields.detail).toContain('ECONNREFUSED');
}, 10_000);

test('so is one that accepts and says nothing', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const connection = new KafkaConnection(`127.0.0.1:${port}`, {
    clock: realClock,
    entropy: realEntropy,
    log: silent,
  });
  const error = await failure(connection);
  expect(error.fields.code).toBe('08001');
  expect(error.message).toContain(`127.0.0.1:${port}`);
  server.close();
}, 10_000);
