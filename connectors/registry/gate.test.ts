/**
 * Goal: chunks reach their owner in order, none lost, none before the schemas that its records name;
 * a registry that fails only delays them, and the status says so; an owner without room gets at most
 * what was under way. Method: a reader, an owner and a registry that misbehave from a seed, on a
 * clock of the test.
 */
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { Random } from '../../test/support/random.ts';
import type { RawChunk, ReaderEvents, SourceConnection, SourceStatus } from '../connector.ts';
import { topicsNamed } from '../connector.ts';
import type { Codec } from '../kafka/codec.ts';
import { RecordBatchBuilder } from '../kafka/encode-batch.ts';
import type { SchemaRegistry } from './client.ts';
import { GatedConnection } from './gate.ts';
import { RegistryUnavailable } from './http.ts';

const idsMax = 12;
/** A number that the registry does not have. */
const missingId = 5;

function framed(id: number): Uint8Array {
  return new Uint8Array([0, 0, 0, 0, id, 1, 2]);
}

/** A chunk of records that name these schemas. */
function chunkOf(partition: number, from: number, ids: readonly number[], codec: Codec): RawChunk {
  const builder = new RecordBatchBuilder();
  for (const id of ids) builder.add(id % 2 === 0 ? framed(id) : null, framed(id), 0);
  return {
    ...{ slot: partition, topic: 't', partition },
    bytes: builder.finish({ codec, baseOffset: BigInt(from) }),
    from: BigInt(from),
    next: BigInt(from + ids.length),
    aborted: [],
  };
}

class Rig {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly delivered = new Set<number>();
  readonly taken: RawChunk[] = [];
  readonly statuses: SourceStatus[] = [];
  /** Ids of each chunk, by its key. */
  readonly ids = new Map<string, readonly number[]>();
  failures: number;
  requests = 0;
  resumed = 0;
  room = true;
  inner: ReaderEvents | null = null;
  readonly connection: GatedConnection;

  constructor(seed: number, failures: number) {
    this.random = new Random(seed);
    this.failures = failures;
    const registry: SchemaRegistry = {
      validate: () => Promise.resolve(),
      latest: () => Promise.resolve({ text: '"int"' }),
      byId: (id) => this.#answer(id),
      close: () => undefined,
    };
    const source: SourceConnection = {
      validate: () => Promise.resolve(),
      survey: () => Promise.resolve([]),
      close: () => Promise.resolve(),
      reader: (_topic, _from, _until, events) => {
        this.inner = events;
        return {
          start: () => undefined,
          ends: () => new Map(),
          stalled: () => new Map(),
          resume: () => void this.resumed++,
          close: () => Promise.resolve(),
        };
      },
    };
    this.connection = new GatedConnection(source, {
      registry,
      framed: { key: true, value: true },
      clock: this.clock,
      entropy: { bytes: (n) => new Uint8Array(n), below: (n) => this.random.below(n) },
      deliver: (id, { text }) => {
        if (text !== null) expect(this.delivered.has(id), 'each schema once').toBe(false);
        this.delivered.add(id);
      },
    });
  }

  #answer(id: number): Promise<{ text: string } | { text: null; reason: string }> {
    this.requests++;
    return new Promise((resolve, reject) => {
      this.clock.after(this.random.below(30), () => {
        if (this.random.chance(this.failures)) reject(new RegistryUnavailable('away'));
        else if (id === missingId) resolve({ text: null, reason: 'not there' });
        else resolve({ text: '"int"' });
      });
    });
  }

  readonly events: ReaderEvents = {
    chunk: (chunk) => {
      for (const id of this.ids.get(`${chunk.partition} ${chunk.from}`) ?? [])
        expect(this.delivered.has(id), `schema ${id} comes before its records`).toBe(true);
      expect(this.room, 'an owner without room is asked only when it resumed').toBe(true);
      this.taken.push(chunk);
      this.room = this.random.chance(0.7);
      return this.room;
    },
    status: (status) => this.statuses.push(status),
    partitions: () => [],
  };
}

describe('a gate', () => {
  it('keeps order and loses nothing, whatever registry and owner do', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const rig = new Rig(seed, seed % 3 === 0 ? 0.6 : 0.1);
      const { random } = rig;
      const reader = rig.connection.reader(topicsNamed(['t']), new Map(), null, rig.events);
      const next = [0, 0, 0];
      const sent: string[] = [];
      for (let k = 0; k < 40; k++) {
        const partition = random.below(3);
        const ids = Array.from({ length: 1 + random.below(4) }, () => random.below(idsMax));
        const from = next[partition] ?? 0;
        next[partition] = from + ids.length;
        const chunk = chunkOf(partition, from, ids, random.pick(['none', 'gzip', 'lz4']));
        rig.ids.set(`${partition} ${from}`, ids);
        sent.push(`${partition} ${from}`);
        rig.inner?.chunk(chunk);
        for (let turns = random.below(6); turns > 0; turns--) await rig.clock.next();
        if (!rig.room && random.chance(0.6)) {
          rig.room = true;
          reader.resume();
        }
      }
      for (let turns = 0; turns < 5_000 && rig.taken.length < sent.length; turns++) {
        await rig.clock.next();
        if (rig.room) continue;
        rig.room = true;
        reader.resume();
      }
      expect(rig.taken.map(({ partition, from }) => `${partition} ${from}`)).toEqual(sent);
      await reader.close();
    }
  });

  it('passes chunks on at once when all is known, and asks for nothing twice', async () => {
    const rig = new Rig(1, 0);
    rig.random.chance = () => true;
    rig.failures = 0;
    const reader = rig.connection.reader(topicsNamed(['t']), new Map(), null, rig.events);
    rig.random.chance = () => false;
    rig.events.chunk = (chunk) => {
      rig.taken.push(chunk);
      return true;
    };
    rig.inner?.chunk(chunkOf(0, 0, [1, 2, 1], 'none'));
    while (rig.taken.length === 0) await rig.clock.next();
    expect(rig.requests).toBe(2);
    expect(rig.inner?.chunk(chunkOf(0, 3, [2, 1, 2], 'none'))).toBe(true);
    expect(rig.taken.length).toBe(2);
    const other = rig.connection.reader(topicsNamed(['t']), new Map(), new Map(), rig.events);
    expect(rig.inner?.chunk(chunkOf(1, 0, [1], 'none'))).toBe(true);
    expect(rig.requests).toBe(2);
    await Promise.all([reader.close(), other.close()]);
  });

  it('says that it waits for the registry, and what was said before when it goes on', async () => {
    const rig = new Rig(3, 0);
    rig.failures = 1;
    rig.events.chunk = (chunk) => {
      rig.taken.push(chunk);
      return true;
    };
    const reader = rig.connection.reader(topicsNamed(['t']), new Map(), null, rig.events);
    rig.inner?.status({ status: 'running', error: null });
    rig.inner?.chunk(chunkOf(0, 0, [1], 'none'));
    for (let turns = 0; turns < 40; turns++) await rig.clock.next();
    expect(rig.taken).toEqual([]);
    expect(rig.statuses.at(-1)).toEqual({ status: 'stalled', error: 'away' });
    rig.failures = 0;
    for (let turns = 0; turns < 40 && rig.taken.length === 0; turns++) await rig.clock.next();
    expect(rig.taken.length).toBe(1);
    expect(rig.statuses.at(-1)).toEqual({ status: 'running', error: null });
    await reader.close();
  });

  it('believes the registry at last that it does not have a schema, and asks again later', async () => {
    const rig = new Rig(4, 0);
    rig.events.chunk = (chunk) => {
      rig.taken.push(chunk);
      return true;
    };
    const reader = rig.connection.reader(topicsNamed(['t']), new Map(), null, rig.events);
    rig.inner?.chunk(chunkOf(0, 0, [missingId], 'none'));
    while (rig.taken.length === 0) await rig.clock.next();
    const asked = rig.requests;
    expect(asked).toBeGreaterThan(1);
    rig.inner?.chunk(chunkOf(0, 1, [missingId], 'none'));
    for (let turns = 0; turns < 20; turns++) await rig.clock.next();
    expect([rig.taken.length, rig.requests]).toEqual([2, asked]);
    rig.clock.after(40_000, () => undefined);
    while (rig.clock.timers > 0) await rig.clock.next();
    rig.inner?.chunk(chunkOf(0, 2, [missingId], 'none'));
    while (rig.taken.length < 3) await rig.clock.next();
    expect(rig.requests).toBe(asked + 1);
    await reader.close();
  });

  it('gives back what it holds when it is closed', async () => {
    const rig = new Rig(5, 1);
    const reader = rig.connection.reader(topicsNamed(['t']), new Map(), null, rig.events);
    let released = 0;
    rig.inner?.chunk({ ...chunkOf(0, 0, [1], 'none'), release: () => void released++ });
    await rig.clock.next();
    await reader.close();
    for (let turns = 0; turns < 20; turns++) await rig.clock.next();
    expect([released, rig.taken.length]).toEqual([1, 0]);
  });
});
