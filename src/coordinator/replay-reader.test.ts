/**
 * Goal: what a topic has lost is an error of a dataflow that should have had it, and of no other.
 * Method: a reader that gives the chunks of the test; the engine is the list of what was sent.
 */
import { expect, it } from 'vitest';
import { foundPartition } from '../../test/support/one-topic.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { RawChunk, SourceConnection } from '../../connectors/connector.ts';
import type { SourceObject } from '../catalog/object.ts';
import type { EngineEvents } from './engine-client.ts';
import { EngineClient } from './engine-client.ts';
import type { HostCommand } from './engine-link.ts';
import { ReplayReader } from './replay-reader.ts';
import { SourceRuntime } from './source-runtime.ts';
import { Timeline } from './timeline.ts';

const source: SourceObject = {
  kind: 'source',
  oid: 1,
  schema: 'public',
  name: 's',
  columns: [],
  connection: 2,
  start: { kind: 'earliest' },
  collection: 3,
  stored: false,
  topics: { kind: 'names', names: ['t'] },
  format: { key: null, value: 'TEXT', envelope: 'none', columns: [], keyColumns: [] },
};

function chunk(partition: number, from: bigint, next: bigint, lost?: string): RawChunk {
  const bytes = new Uint8Array(0);
  return {
    slot: partition,
    topic: 't',
    partition,
    bytes,
    from,
    next,
    aborted: [],
    ...(lost === undefined ? {} : { lost }),
  };
}

/** What is sent of chunks up to offset 10 by a reader of which the test says where it begins. */
async function sent(
  chunks: readonly RawChunk[],
  begun: boolean,
): Promise<readonly (string | undefined)[]> {
  const commands: HostCommand[] = [];
  const none = (): void => undefined;
  const events = new Proxy({} as EngineEvents, { get: () => none });
  const link = {
    send: (command: HostCommand) => void commands.push(command),
    receive: none,
    close: () => Promise.resolve(),
  };
  const engine = new EngineClient(link, events);
  const clock = new FakeClock();
  const connection: SourceConnection = {
    validate: () => Promise.resolve(),
    close: () => Promise.resolve(),
    survey: () => Promise.resolve([foundPartition('t', 0, 0n, 10n)]),
    reader: (_choice, _from, until, { chunk: give }) => ({
      start: () => (until === null ? undefined : chunks.forEach(give)),
      ends: () => new Map(),
      stalled: () => new Map(),
      resume: none,
      close: () => Promise.resolve(),
    }),
  };
  const runtime = new SourceRuntime(source, connection, new Timeline(engine, clock, null), clock);
  await runtime.live();
  const reader = new ReplayReader(engine, 7, { collection: 3, source: runtime });
  reader.begin(new Map([[0, 0n]]), begun);
  await reader.read(new Map([[0, 10n]]));
  return commands.flatMap((one) =>
    one.kind === 'replayChunks'
      ? one.chunks.map(({ from, next, lost }) => `${from} to ${next}: ${lost ?? 'records'}`)
      : [],
  );
}

it('begins with what is left of a topic for who is new', async () => {
  const chunks = [chunk(0, 0n, 4n, 'gone'), chunk(0, 4n, 10n)];
  expect(await sent(chunks, false)).toEqual(['4 to 10: records']);
});

it('tells of what is lost in the middle', async () => {
  const chunks = [chunk(0, 0n, 4n), chunk(0, 4n, 6n, 'gone'), chunk(0, 6n, 10n)];
  expect(await sent(chunks, false)).toEqual([
    '0 to 4: records',
    '4 to 6: gone',
    '6 to 10: records',
  ]);
});

it('tells of all that is lost of what was missed', async () => {
  const chunks = [chunk(0, 0n, 4n, 'gone'), chunk(0, 4n, 10n)];
  expect(await sent(chunks, true)).toEqual(['0 to 4: gone', '4 to 10: records']);
});
