/**
 * Goal: the log names a view that is slower than its source once, however often it is detached, and
 * says when it has caught up. Method: a clock of the test.
 */
import { expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { limits } from '../base/limits.ts';
import { Laggards } from './laggards.ts';

function rig() {
  const clock = new FakeClock();
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  return { clock, lines, laggards: new Laggards(clock, { info: note, warn: note, error: note }) };
}

it('names a laggard once an episode', async () => {
  const { clock, lines, laggards } = rig();
  for (let n = 0; n < 3; n++) {
    laggards.detached(1, 'materialized view "v"', ['s', 't']);
    laggards.attached(1);
    await clock.advance(limits.laggardQuietMilliseconds - 1);
  }
  expect(lines).toEqual([
    'materialized view "v" is slower than source "s", "t": it is behind and takes what it missed in larger steps; everything else goes on',
  ]);
  await clock.advance(1);
  expect(lines.slice(1)).toEqual(['materialized view "v" has caught up with source "s", "t"']);
  laggards.detached(1, 'materialized view "v"', ['s']);
  expect(lines).toHaveLength(3);
});

it('says nothing of one that is gone, and leaves no timer', async () => {
  const { clock, lines, laggards } = rig();
  for (const dataflow of [1, 2, 3]) {
    laggards.detached(dataflow, 'a query', ['s']);
    laggards.attached(dataflow);
  }
  laggards.forget(1);
  laggards.close();
  expect(clock.timers).toBe(0);
  await clock.advance(2 * limits.laggardQuietMilliseconds);
  expect(lines).toHaveLength(3);
});
