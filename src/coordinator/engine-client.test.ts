/**
 * Goal: nobody waits for an engine that has ended: neither what was asked before, nor what is asked
 * in the turn of the end and after it; and nothing of a hidden step is told. Method: a line that says
 * what the test wants.
 */
import { expect, it } from 'vitest';
import { newestStep } from '../../dataflow/graph/command.ts';
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

it('tells nothing of a hidden step, and everything else', async () => {
  let say: (response: HostResponse) => void = none;
  const told: string[] = [];
  const client = new EngineClient(
    {
      send: none,
      receive: (handler) => {
        say = handler;
      },
      close: () => Promise.resolve(),
    },
    {
      ...unheard,
      complete: (step) => void told.push(`complete ${step}`),
      frontier: (_, step) => void told.push(`frontier ${step}`),
      crashed: (message) => void told.push(message),
    },
  );
  const ask = (at: number): number =>
    client.lookupKey(1, at, [1n], {
      answered: () => void told.push(`answer at ${at}`),
      failed: (error) => void told.push(error.message),
    });
  const finishing = { order: [], limit: -1, offset: 0, project: [] };
  const batch = {
    ...{ buffer: new ArrayBuffer(0), rows: 0, weight: 0 },
    ...{ column: new Int32Array(), nulls: new Int32Array() },
  };
  const early = ask(4);
  const late = ask(newestStep);
  const join = client.answer(1, { nodes: [], root: 0 }, 4, finishing);
  void join.next().then(() => told.push('join'));
  client.hide(6);
  say({ kind: 'frontier', dataflow: 1, step: 4 });
  expect(told).toEqual([]);
  say({ kind: 'answers', requests: [early], rows: new Int32Array(1), batch });
  expect(told.splice(0)).toEqual(['answer at 4']);
  say({ kind: 'complete', step: 5 });
  expect(told.splice(0)).toEqual(['frontier 4', 'complete 5']);
  say({ kind: 'complete', step: 6 });
  say({ kind: 'answers', requests: [late], rows: new Int32Array(1), batch });
  say({ kind: 'rows', request: join.request, batch, last: true });
  say({ kind: 'frontier', dataflow: 1, step: 6 });
  await new Promise(setImmediate);
  expect(told).toEqual([]);
  client.reveal();
  await new Promise(setImmediate);
  expect(told).toEqual(['complete 6', 'answer at Infinity', 'frontier 6', 'join']);
  client.hide(7);
  say({ kind: 'crashed', message: 'gone' });
  expect(told.at(-1)).toBe('gone');
});
