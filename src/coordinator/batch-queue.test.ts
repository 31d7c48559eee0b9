/**
 * Goal: what is pushed is read once and in order, and an end or an error comes after it, to one who
 * waits already too. Method: cases, and random pushes and reads against a list.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { BatchQueue } from './batch-queue.ts';

describe('BatchQueue', () => {
  it('ends and fails after what is queued', async () => {
    const ended = new BatchQueue<number>();
    ended.push(1);
    ended.end();
    ended.push(2);
    expect([await ended.next(), await ended.next(), await ended.next()]).toEqual([1, null, null]);
    const failed = new BatchQueue<number>();
    failed.push(1);
    failed.fail(new Error('first'));
    failed.fail(new Error('second'));
    expect(await failed.next()).toBe(1);
    await expect(failed.next()).rejects.toThrow('first');
    await expect(failed.next()).rejects.toThrow('first');
  });

  it('tells one who waits', async () => {
    const queue = new BatchQueue<number>();
    const first = queue.next();
    queue.push(7);
    expect([await first, queue.size]).toEqual([7, 0]);
    const second = queue.next();
    expect(() => queue.next()).toThrow('one reader');
    queue.fail(new Error('gone'));
    await expect(second).rejects.toThrow('gone');
    const third = new BatchQueue<number>();
    const end = third.next();
    third.end();
    expect(await end).toBeNull();
  });

  it('keeps the order', async () => {
    const random = new Random(5);
    const queue = new BatchQueue<number>();
    const got: (number | null | undefined)[] = [];
    const waits: Promise<void>[] = [];
    let pushed = 0;
    let waiting = 0;
    for (let i = 0; i < 1_000; i++) {
      if (random.chance(0.5)) queue.push(pushed++);
      else if (random.chance(0.5) && waiting === 0) {
        waiting++;
        waits.push(
          queue.next().then((item) => {
            waiting--;
            got.push(item);
          }),
        );
      } else if (waiting === 0 && queue.size > 0) got.push(queue.take());
      await Promise.resolve();
    }
    queue.end();
    await Promise.all(waits);
    while (queue.size > 0) got.push(queue.take());
    expect(got.filter((item) => item !== null)).toEqual(
      Array.from({ length: pushed }, (_, i) => i),
    );
  });
});
