/**
 * Goal: nobody waits for an engine that has ended: neither what was asked before, nor what is asked
 * in the turn of the end and after it. Method: a line that never answers and then says so.
 */
import { expect, it } from 'vitest';
import { unheard } from '../../test/support/engine-events.ts';
import { EngineClient } from './engine-client.ts';
import type { HostResponse } from './engine-link.ts';

const none = (): void => undefined;

it('fails requests sent before, with and after the end of the engine', async () => {
  let say: (response: HostResponse) => void = none;
  let asked: Promise<unknown> = Promise.resolve();
  const client: EngineClient = new EngineClient(
    {
      send: none,
      receive: (handler) => {
        say = handler;
      },
      close: () => Promise.resolve(),
    },
    {
      ...unheard,
      crashed: () => {
        asked = client.statistics();
      },
    },
  );
  const error = { code: '57P02', message: 'the dataflow thread has ended: out of memory' };
  const before = client.answer(1, { nodes: [], root: 0 }, 0, {
    order: [],
    limit: -1,
    offset: 0,
    project: [],
  });
  const waiting = before.next();
  say({ kind: 'crashed', message: 'out of memory' });
  await expect(waiting).rejects.toMatchObject({ fields: error });
  await expect(asked).rejects.toMatchObject({ fields: error });
  const key = new Promise((answered, failed) => {
    client.lookupKey(1, 0, [1n], { answered, failed });
  });
  await expect(key).rejects.toMatchObject({ fields: error });
});
