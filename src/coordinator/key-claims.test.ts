/**
 * Goal: a key has one claim at a time, and who waits for one is woken when it is let go. Method:
 * claims of several keys in several collections.
 */
import { expect, test } from 'vitest';
import { KeyClaims } from './key-claims.ts';

test('a claim is in the way of the same key in the same collection until it is let go', async () => {
  const claims = new KeyClaims();
  const release = claims.take([
    { collection: 1, hash: 7 },
    { collection: 2, hash: 8 },
    { collection: 2, hash: 8 },
  ]);
  expect(claims.taken([{ collection: 2, hash: 7 }])).toBeNull();
  expect(claims.taken([{ collection: 1, hash: 8 }])).toBeNull();
  const other = claims.taken([
    { collection: 1, hash: 1 },
    { collection: 2, hash: 8 },
  ]);
  expect(other).not.toBeNull();
  expect(() => claims.take([{ collection: 1, hash: 7 }])).toThrow(/claimed by one/);
  release();
  await other;
  expect(claims.taken([{ collection: 2, hash: 8 }])).toBeNull();
});

test('those who wait for a key get it in the order in which they came', async () => {
  const claims = new KeyClaims();
  const key = [{ collection: 1, hash: 1 }];
  const order: number[] = [];
  const get = async (name: number): Promise<void> => {
    for (let other = claims.taken(key); other !== null; other = claims.taken(key)) await other;
    const release = claims.take(key);
    order.push(name);
    await Promise.resolve();
    release();
  };
  await Promise.all([0, 1, 2, 3, 4].map(get));
  expect(order).toEqual([0, 1, 2, 3, 4]);
});
