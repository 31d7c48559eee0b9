/**
 * Goal: a cluster goes on after failures of its links, and a failure hurts no link but the one that
 * failed. Method: a transport of links whose answers the test gives one by one.
 */
import { expect, test } from 'vitest';
import { Cluster } from './cluster.ts';
import type { Link } from './cluster.ts';
import type { KafkaRequest } from './protocol.ts';
import { apiFetch } from './protocol.ts';

interface Question {
  readonly answer: (value: unknown) => void;
  readonly fail: (error: Error) => void;
}

/** A link that keeps what it is asked, and whether it was closed. */
class FakeLink {
  readonly address = 'kafka:9092';
  readonly questions: Question[] = [];
  closed = false;

  connect(): Promise<void> {
    return Promise.resolve();
  }

  versionMax(): number {
    return 12;
  }

  send<T>(): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.questions.push({ answer: (value) => resolve(value as T), fail: reject });
    });
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

const request: KafkaRequest<number> = {
  apiKey: apiFetch,
  apiVersion: 11,
  name: 'Fetch',
  body: Buffer.alloc(0),
  read: () => 0,
};

async function settled(): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await Promise.resolve();
}

test('a question that fails late does not take the link that has come in place of its own', async () => {
  const links: FakeLink[] = [];
  const cluster = new Cluster(['kafka:9092'], {
    link: (): Promise<Link> => {
      const link = new FakeLink();
      links.push(link);
      return Promise.resolve(link);
    },
  });
  const metadata = cluster.metadata(['t']);
  await settled();
  const brokers = [{ id: 1, host: 'kafka', port: 9092 }];
  links[0].questions[0].answer({ brokers, topics: [] });
  await metadata;
  const first = cluster.send(1, request).catch((error: unknown) => String(error));
  const second = cluster.send(1, request).catch((error: unknown) => String(error));
  await settled();
  links[0].questions[1].fail(new Error('reset'));
  expect(await first).toContain('broker "kafka:9092" does not answer: reset');
  const third = cluster.send(1, request);
  await settled();
  links[0].questions[2].fail(new Error('reset'));
  expect(await second).toContain('reset');
  await settled();
  expect(links.map(({ closed }) => closed)).toEqual([true, false]);
  links[1].questions[0].answer(7);
  expect(await third).toBe(7);
  await cluster.close();
  expect(links[1].closed).toBe(true);
  await expect(cluster.send(1, request)).rejects.toThrow('the connection is closed');
});
