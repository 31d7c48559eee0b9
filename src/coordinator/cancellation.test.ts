/**
 * Goal: a cancelled statement stops wherever it waits, once, and what it gives up breaks nothing.
 */
import { describe, expect, it } from 'vitest';
import { Cancellation } from './cancellation.ts';

const never = new Promise<never>(() => undefined);

describe('Cancellation', () => {
  it('ends what waits, with the reason of the first call', async () => {
    const cancellation = new Cancellation();
    const waiting = [cancellation.race(never), cancellation.race(never)];
    cancellation.cancel('canceling statement due to statement timeout');
    cancellation.cancel();
    for (const wait of waiting) await expect(wait).rejects.toThrow('statement timeout');
    expect(() => cancellation.check()).toThrow('statement timeout');
    expect(cancellation.cancelled).toBe(true);
  });

  it('lets work settle as it does otherwise', async () => {
    const cancellation = new Cancellation();
    cancellation.check();
    expect(await cancellation.race(Promise.resolve(3))).toBe(3);
    await expect(cancellation.race(Promise.reject(new Error('own')))).rejects.toThrow('own');
  });

  it('takes care of failures of what it gave up', async () => {
    const unheard: unknown[] = [];
    const hear = (error: unknown): void => void unheard.push(error);
    process.on('unhandledRejection', hear);
    const cancellation = new Cancellation();
    let fail: (error: Error) => void = () => undefined;
    const work = new Promise<void>((_, reject) => {
      fail = reject;
    });
    const raced = cancellation.race(work);
    cancellation.cancel();
    await expect(raced).rejects.toThrow('user request');
    fail(new Error('late'));
    await expect(cancellation.race(Promise.reject(new Error('later')))).rejects.toThrow(
      'user request',
    );
    await new Promise(setImmediate);
    process.off('unhandledRejection', hear);
    expect(unheard).toEqual([]);
  });

  it('calls back once, at once if it is too late, and never after it was told to forget', () => {
    const cancellation = new Cancellation();
    const calls: string[] = [];
    cancellation.onCancel(() => void calls.push('kept'));
    cancellation.onCancel(() => void calls.push('forgotten'))();
    cancellation.cancel();
    cancellation.onCancel(() => void calls.push('late'));
    expect(calls).toEqual(['kept', 'late']);
  });
});
