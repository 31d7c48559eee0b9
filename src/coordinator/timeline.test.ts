/**
 * Goal: the timeline keeps its laws: writes are acknowledged once their step is complete and in
 * order, few steps are under way, times grow, and no history is given up that somebody holds.
 * Method: an engine of a few lines behind a fake line, which completes steps when the test says so;
 * random use from a seed with every law checked at every command.
 */
import { describe, expect, it } from 'vitest';
import { unheard } from '../../test/support/engine-events.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { Random } from '../../test/support/random.ts';
import { limits } from '../base/limits.ts';
import { EngineClient } from './engine-client.ts';
import type { HostCommand, HostResponse } from './engine-link.ts';
import type { StepJournal, Writing } from './timeline.ts';
import { Timeline } from './timeline.ts';
import type { LooseInput } from './write-groups.ts';

type Step = Extract<HostCommand, { kind: 'step' }>;

/** A journal that writes when the test says so. */
class FakeJournal implements StepJournal {
  readonly written: { readonly step: number; readonly tables: number; readonly bound: number }[] =
    [];
  readonly #open: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  readonly refusals: { readonly step: number; readonly tables: readonly number[] }[] = [];
  /** What the next refusals meet. */
  readonly refusalFailures: string[] = [];
  retries = 0;
  hasRoom = false;
  retry: () => void = () => undefined;

  step({ step, tables, bound }: Parameters<StepJournal['step']>[0], issued: () => void): Writing {
    this.written.push({ step, tables: tables.length, bound: bound.length });
    const durable = new Promise<void>((resolve, reject) => this.#open.push({ resolve, reject }));
    if (this.hasRoom && this.written.at(-2)?.step !== step) issued();
    return { durable, hasRoom: this.hasRoom };
  }

  refused(step: number, tables: readonly number[]): Promise<void> {
    this.refusals.push({ step, tables });
    const failure = this.refusalFailures.shift();
    return failure === undefined ? Promise.resolve() : Promise.reject(new Error(failure));
  }

  isDiskFull(error: unknown): boolean {
    return error instanceof Error && error.message === 'full';
  }

  retryLater(): Promise<void> {
    this.retries++;
    return new Promise((resolve) => (this.retry = resolve));
  }

  durable(): void {
    this.#open.shift()?.resolve();
  }

  fails(message: string): void {
    this.#open.shift()?.reject(new Error(message));
  }
}

function rig(journal: StepJournal | null = null) {
  const clock = new FakeClock();
  const sent: HostCommand[] = [];
  const steps: Step[] = [];
  const laws = {
    onStep: (_step: Step): void => undefined,
    say: (_response: HostResponse): void => undefined,
  };
  const link = {
    send(command: HostCommand): void {
      sent.push(command);
      if (command.kind !== 'step') return;
      steps.push(command);
      laws.onStep(command);
    },
    receive(handler: (response: HostResponse) => void): void {
      laws.say = handler;
    },
    close: () => Promise.resolve(),
  };
  const ends: { timeline: Timeline | null } = { timeline: null };
  const engine = new EngineClient(link, {
    ...unheard,
    complete: (step, refused) => ends.timeline?.completed(step, refused),
  });
  const timeline = new Timeline(engine, clock, journal);
  ends.timeline = timeline;
  const say = (response: HostResponse): void => laws.say(response);
  return { clock, sent, steps, laws, say, timeline };
}

const batch = {
  buffer: new ArrayBuffer(0),
  rows: 0,
  column: new Int32Array(),
  nulls: new Int32Array(),
  weight: 0,
};

describe('Timeline', () => {
  it('gathers what one turn has into one step', async () => {
    const { clock, steps, timeline } = rig();
    const writes = [1, 2, 3].map((collection) => timeline.write([{ collection, batch }]));
    await clock.advance(0);
    expect(steps.map((step) => step.inputs.map(({ collection }) => collection))).toEqual([
      [1, 2, 3],
    ]);
    timeline.completed(1);
    expect(await Promise.all(writes)).toEqual([1, 1, 1]);
  });

  it('tells a writer for whom there was no memory, once that is durable', async () => {
    const journal = new FakeJournal();
    const { clock, steps, timeline } = rig(journal);
    const inputs = [2, 1, 3].map((n) =>
      Array.from({ length: n }, () => ({ collection: 1, batch })),
    );
    const ends = Promise.allSettled(inputs.map((one) => timeline.write(one)));
    await clock.advance(0);
    journal.durable();
    await clock.advance(0);
    expect(steps[0]?.inputs.map(({ write }) => write)).toEqual([0, 0, 1, 2, 2, 2]);
    const error = { code: '53200', message: 'out of memory' };
    timeline.completed(1, [{ write: 2, error }]);
    expect((await ends).map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    expect(journal.refusals).toEqual([{ step: 1, tables: [3, 4, 5] }]);
  });

  it('tells all writers whose rows were joined that there was no memory', async () => {
    const journal = new FakeJournal();
    const { clock, steps, timeline } = rig(journal);
    const loose = (id: number): LooseInput => ({
      collection: 1,
      types: [{ type: 'int4', nullable: true }],
      rows: [[id]],
      bytes: 16,
    });
    const ends = Promise.allSettled([
      timeline.write([loose(1)]),
      timeline.write([{ collection: 1, batch }]),
      timeline.write([loose(2)]),
    ]);
    await clock.advance(0);
    journal.durable();
    await clock.advance(0);
    expect(journal.written.map(({ tables }) => tables)).toEqual([2]);
    expect(steps[0]?.inputs.map(({ write, batch: { rows } }) => [write, rows])).toEqual([
      [0, batch.rows],
      [1, 2],
    ]);
    timeline.completed(1, [{ write: 1, error: { code: '53200', message: 'out of memory' } }]);
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
    expect(journal.refusals).toEqual([{ step: 1, tables: [1] }]);
  });

  it('tells everybody when the engine is gone', async () => {
    const { clock, timeline } = rig();
    const sealed = timeline.write([]);
    await clock.advance(0);
    const waiting = timeline.write([]);
    const ends = Promise.allSettled([sealed, waiting]);
    timeline.fail(new Error('gone'));
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(timeline.write([])).rejects.toThrow('gone');
  });

  it('asks a source for chunks until it has none', async () => {
    const { clock, sent, timeline } = rig();
    const chunk = {
      slot: 0,
      topic: 't',
      partition: 0,
      bytes: new Uint8Array(8),
      from: 0n,
      next: 1n,
      aborted: [],
    };
    let left = 3;
    const intake = {
      collection: 7,
      take: () => {
        if (--left > 0) timeline.offer(intake);
        return [chunk];
      },
      takeBindings: () => ({ starts: [], bound: [] }),
    };
    timeline.offer(intake);
    for (let step = 1; step <= 3; step++) {
      await clock.advance(0);
      timeline.completed(step);
    }
    await clock.advance(0);
    expect(sent.map(({ kind }) => kind)).toEqual([
      'ingest',
      'step',
      'ingest',
      'step',
      'ingest',
      'step',
    ]);
    timeline.offer(intake);
    timeline.withdraw(intake);
    await clock.advance(0);
    expect(sent.length).toBe(6);
  });

  it.each([1, 2, 3])('keeps its laws (seed %i)', async (seed) => {
    const { clock, steps, laws, timeline } = rig();
    const random = new Random(seed);
    const holds = new Map<number, () => void>();
    const held = new Map<number, number>();
    const acknowledged: number[] = [];
    let last = { step: 0, time: 0, since: 0 };
    let writes = 0;
    laws.onStep = ({ step, time, since }) => {
      expect(step).toBe(last.step + 1);
      expect(step - timeline.complete).toBeLessThanOrEqual(limits.stepsInFlightMax);
      expect(time).toBeGreaterThan(last.time);
      expect(since).toBeGreaterThanOrEqual(last.since);
      expect(since).toBeLessThanOrEqual(timeline.complete);
      for (const at of held.values()) expect(since).toBeLessThanOrEqual(at);
      last = { step, time, since: since ?? 0 };
    };
    for (let i = 0; i < 400; i++) {
      const act = random.below(6);
      if (act <= 1) {
        const own = ++writes;
        void timeline.write([]).then((step) => {
          expect(step).toBeLessThanOrEqual(timeline.complete);
          acknowledged.push(own);
        });
      } else if (act === 2) {
        const at = timeline.since + random.below(timeline.complete - timeline.since + 1);
        holds.set(i, timeline.hold(at));
        held.set(i, at);
      } else if (act === 3 && holds.size > 0) {
        const one = random.pick([...holds.keys()]);
        holds.get(one)?.();
        holds.delete(one);
        held.delete(one);
      } else if (act === 4 && timeline.complete < timeline.sealed)
        timeline.completed(timeline.complete + 1);
      else await clock.advance(random.below(3));
    }
    for (; timeline.complete < timeline.sealed; await clock.advance(0))
      timeline.completed(timeline.complete + 1);
    expect(acknowledged).toEqual(Array.from({ length: writes }, (_, i) => i + 1));
    for (const { step, time } of steps) {
      expect([timeline.timeOf(step), timeline.stepAt(time)]).toEqual([time, step]);
    }
    expect(timeline.stepAt(0)).toBeUndefined();
  });

  it('sends a step when it is durable, and writes one at a time', async () => {
    const journal = new FakeJournal();
    const { clock, steps, timeline } = rig(journal);
    const first = timeline.write([{ collection: 1, batch }]);
    await clock.advance(0);
    const second = timeline.write([{ collection: 2, batch }]);
    const third = timeline.write([{ collection: 3, batch }]);
    await clock.advance(0);
    expect([journal.written.length, steps.length]).toEqual([1, 0]);
    journal.durable();
    await clock.advance(0);
    expect([journal.written.length, steps.length]).toEqual([2, 1]);
    timeline.completed(1);
    expect(await first).toBe(1);
    journal.durable();
    await clock.advance(0);
    timeline.completed(2);
    expect(await Promise.all([second, third])).toEqual([2, 2]);
    expect(journal.written.map(({ tables }) => tables)).toEqual([1, 2]);
  });

  it('gives the engine a step at once that has room, and tells of it when it is durable', async () => {
    const journal = new FakeJournal();
    journal.hasRoom = true;
    const { clock, steps, timeline, say } = rig(journal);
    let acknowledged = 0;
    const written = timeline.write([{ collection: 1, batch }]);
    void written.then((step) => (acknowledged = step));
    await clock.advance(0);
    expect(steps.map(({ step }) => step)).toEqual([1]);
    say({ kind: 'complete', step: 1 });
    await clock.advance(0);
    expect([timeline.complete, acknowledged]).toEqual([0, 0]);
    void timeline.write([{ collection: 2, batch }]);
    await clock.advance(0);
    expect(journal.written).toHaveLength(1);
    journal.durable();
    expect(await written).toBe(1);
    expect(timeline.complete).toBe(1);
    expect(steps.map(({ step }) => step)).toEqual([1, 2]);
  });

  it('keeps a step that the engine has until a disk has room that had none for it', async () => {
    const journal = new FakeJournal();
    journal.hasRoom = true;
    const { clock, steps, timeline, say } = rig(journal);
    const first = timeline.write([{ collection: 1, batch }]);
    await clock.advance(0);
    say({ kind: 'complete', step: 1 });
    journal.fails('full');
    await clock.advance(0);
    await expect(timeline.write([{ collection: 1, batch }])).rejects.toThrow('full');
    expect(timeline.complete).toBe(0);
    journal.retry();
    await clock.advance(0);
    expect(journal.written.map(({ step, tables }) => [step, tables])).toEqual([
      [1, 1],
      [1, 1],
    ]);
    journal.durable();
    expect(await first).toBe(1);
    void timeline.write([{ collection: 1, batch }]);
    await clock.advance(0);
    expect(steps.map(({ step }) => step)).toEqual([1, 2]);
  });

  it('never tells of a step that the engine has if the log fails', async () => {
    const journal = new FakeJournal();
    journal.hasRoom = true;
    const { clock, timeline, say } = rig(journal);
    const first = timeline.write([{ collection: 1, batch }]);
    first.catch(() => undefined);
    await clock.advance(0);
    say({ kind: 'complete', step: 1 });
    journal.fails('sync');
    await expect(first).rejects.toThrow('sync');
    expect(timeline.complete).toBe(0);
    await expect(timeline.write([])).rejects.toThrow('sync');
  });

  it('refuses writers while the disk is full, and keeps what sources gave', async () => {
    const journal = new FakeJournal();
    const { clock, sent, steps, timeline } = rig(journal);
    const chunk = {
      slot: 0,
      topic: 't',
      partition: 0,
      bytes: new Uint8Array(8),
      from: 0n,
      next: 1n,
      aborted: [],
    };
    timeline.offer({
      collection: 7,
      take: () => [chunk],
      takeBindings: () => ({
        starts: [],
        bound: [{ collection: 7, slot: 0, offset: 1n }],
      }),
    });
    const write = timeline.write([{ collection: 1, batch }]);
    const refused = expect(write).rejects.toThrow('full');
    await clock.advance(0);
    journal.fails('full');
    await clock.advance(0);
    await refused;
    expect([journal.retries, sent.length]).toEqual([1, 0]);
    await expect(timeline.write([])).rejects.toThrow('full');
    journal.retry();
    await clock.advance(0);
    journal.fails('full');
    await clock.advance(0);
    journal.retry();
    await clock.advance(0);
    journal.durable();
    await clock.advance(0);
    expect(journal.written).toEqual([
      { step: 1, tables: 1, bound: 1 },
      { step: 1, tables: 0, bound: 1 },
      { step: 1, tables: 0, bound: 1 },
    ]);
    expect(sent.map(({ kind }) => kind)).toEqual(['ingest', 'step']);
    expect(steps.map(({ inputs }) => inputs.length)).toEqual([0]);
    const again = timeline.write([]);
    timeline.completed(1);
    await clock.advance(0);
    journal.durable();
    await clock.advance(0);
    timeline.completed(2);
    expect(await again).toBe(2);
  });

  it('tells who makes a checkpoint meanwhile that the disk is full', async () => {
    const journal = new FakeJournal();
    const { clock, timeline } = rig(journal);
    const bound = [{ collection: 7, slot: 0, offset: 1n }];
    timeline.offer({ collection: 7, take: () => [], takeBindings: () => ({ starts: [], bound }) });
    await clock.advance(0);
    const refused = expect(timeline.checkpoint(1, () => undefined)).rejects.toThrow('full');
    journal.fails('full');
    await clock.advance(0);
    await refused;
    await expect(timeline.checkpoint(2, () => undefined)).rejects.toThrow('full');
    journal.retry();
    await clock.advance(0);
    journal.durable();
    await clock.advance(0);
    timeline.completed(1);
    const sealed: number[] = [];
    const made = timeline.checkpoint(3, (step) => sealed.push(step));
    await clock.advance(0);
    journal.durable();
    await clock.advance(0);
    timeline.completed(2);
    expect([await made, sealed]).toEqual([2, [2]]);
  });

  it('goes on after any number of steps that the disk had no room for', async () => {
    const journal = new FakeJournal();
    const { clock, steps, timeline } = rig(journal);
    for (let i = 0; i < 3 * limits.stepsInFlightMax; i++) {
      const refused = expect(timeline.write([{ collection: 1, batch }])).rejects.toThrow('full');
      await clock.advance(0);
      journal.fails('full');
      await refused;
    }
    const write = timeline.write([{ collection: 1, batch }]);
    await clock.advance(0);
    journal.durable();
    await clock.advance(0);
    expect(steps.length).toBe(1);
    const step = steps[0]?.step ?? 0;
    timeline.completed(step);
    expect(await write).toBe(step);
    // Nothing happened at the times of the others.
    expect(timeline.stepAt(timeline.timeOf(step))).toBe(step);
    expect(timeline.stepAt(timeline.timeOf(step) - 1)).toBeUndefined();
  });

  it('tells of a refusal once it is durable, and of a log that has failed instead', async () => {
    const journal = new FakeJournal();
    const { clock, timeline } = rig(journal);
    const refuse = async (step: number): Promise<string> => {
      const write = timeline.write([{ collection: 1, batch }]);
      const told = write.then(
        () => 'written',
        (error: Error) => error.message,
      );
      await clock.advance(0);
      journal.durable();
      await clock.advance(0);
      timeline.completed(step, [{ write: 0, error: { code: '53200', message: 'no memory' } }]);
      await clock.advance(0);
      return told;
    };
    journal.refusalFailures.push('full');
    let answered = false;
    const first = refuse(1).then((message) => {
      answered = true;
      return message;
    });
    for (let turn = 0; turn < 8; turn++) await clock.advance(0);
    expect([answered, journal.retries, journal.refusals.length]).toEqual([false, 1, 1]);
    journal.retry();
    expect(await first).toBe('no memory');
    expect(journal.refusals.map(({ step }) => step)).toEqual([1, 1]);
    journal.refusalFailures.push('broken');
    expect(await refuse(2)).toBe('broken');
  });

  it('tells who waits for the disk that the engine is gone', async () => {
    const journal = new FakeJournal();
    const { clock, sent, timeline } = rig(journal);
    const written = expect(timeline.write([])).rejects.toThrow('gone');
    await clock.advance(0);
    timeline.fail(new Error('gone'));
    await written;
    journal.durable();
    await clock.advance(0);
    expect(sent).toEqual([]);
  });

  it('gives large writes steps of their own, and refuses what is too large', async () => {
    const { clock, steps, timeline } = rig();
    const half = { ...batch, buffer: new ArrayBuffer(limits.transactionBytesMax / 2) };
    const whole = [1, 2].map((collection) => ({ collection, batch: half }));
    await expect(timeline.write(whole)).rejects.toMatchObject({ fields: { code: '54000' } });
    const writes = [1, 2, 3].map((collection) => timeline.write([{ collection, batch: half }]));
    await clock.advance(0);
    for (let step = 1; step <= 3; step++) timeline.completed(step);
    expect(await Promise.all(writes)).toEqual([1, 2, 3]);
    expect(steps.map(({ inputs }) => inputs.length)).toEqual([1, 1, 1]);
  });

  it('ends when the log has failed', async () => {
    const journal = new FakeJournal();
    const { clock, sent, timeline } = rig(journal);
    const lost = expect(timeline.write([])).rejects.toThrow('broken');
    await clock.advance(0);
    const waiting = expect(timeline.write([])).rejects.toThrow('broken');
    journal.fails('broken');
    await clock.advance(0);
    await lost;
    await waiting;
    await expect(timeline.write([])).rejects.toThrow('broken');
    expect(sent).toEqual([]);
  });
});
