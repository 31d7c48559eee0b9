/**
 * Goal: the checker finds each kind of anomaly in the smallest history that has it, says nothing of
 * good histories, and finds what a store with a mistake does. Method: histories by hand, and random
 * ones from a store in memory that is right, or wrong in one way.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../support/random.ts';
import type { Deed, Operation } from './serializability.ts';
import { anomaliesOf } from './serializability.ts';

/** A deed from a text such as `ax1 rx1,2 wy3 ry3`: append, list, write, read of a register. */
function deed(text: string, began = 0, ended = 100, fate: Deed['fate'] = 'committed'): Deed {
  const operations = text.split(' ').map((part): Operation => {
    const [, verb = '', key = '', value = ''] = /^([alwr])(\w)(.*)$/.exec(part) ?? [];
    const values = value === '' ? [] : value.split(',').map(Number);
    switch (verb) {
      case 'a':
        return { kind: 'append', key, value: values[0] ?? 0 };
      case 'l':
        return { kind: 'list', key, value: values };
      case 'w':
        return { kind: 'write', key, value: values[0] ?? 0 };
      default:
        return { kind: 'read', key, value: values[0] ?? 0 };
    }
  });
  return { client: text, began, ended: fate === 'unknown' ? Infinity : ended, fate, operations };
}

function names(...history: readonly Deed[]): readonly string[] {
  return anomaliesOf(history).map(({ name }) => name);
}

describe('anomalies of lists', () => {
  it('G0: writes of two deeds lie crosswise', () => {
    expect(names(deed('ax1 ay2'), deed('ax3 ay4'), deed('lx1,3'), deed('ly4,2'))).toContain('G0');
  });

  it('G1a: what was undone was read', () => {
    expect(names(deed('ax1', 0, 1, 'aborted'), deed('lx1', 2, 3))).toEqual(['G1a']);
  });

  it('G1b: a part of a deed was read', () => {
    expect(names(deed('ax1 ax2'), deed('lx1'), deed('lx1,2'))).toContain('G1b');
  });

  it('G1c: two deeds saw each other', () => {
    expect(names(deed('ax1 ly2'), deed('ay2 lx1'))).toEqual(['G1c']);
  });

  it('G-single: a read saw one half of a deed', () => {
    expect(names(deed('ax1 ay2'), deed('lx1 ly'), deed('ly2'))).toEqual(['G-single']);
  });

  it('G2: two deeds each missed the other', () => {
    expect(names(deed('lx ay1'), deed('ly ax2'), deed('lx2 ly1'))).toEqual(['G2']);
  });

  it('lost update: two went on from the same version', () => {
    expect(names(deed('lx ax1'), deed('lx ax2'), deed('lx1,2'))).toContain('lost update');
  });

  it('a stale read, and an append that was acknowledged and is gone', () => {
    expect(names(deed('ax1', 0, 1), deed('lx', 2, 3), deed('lx1', 4, 5))).toEqual([
      'G-single-realtime',
    ]);
    expect(names(deed('ax1', 0, 1), deed('lx', 2, 3))).toEqual(['G-single-realtime']);
    expect(names(deed('ax1', 0, 5), deed('lx', 2, 3))).toEqual([]);
  });

  it('two orders, a value twice, a value of nobody, an append that its own deed misses', () => {
    const [one, two] = [deed('ax1'), deed('ax2')];
    expect(names(one, two, deed('lx1,2'), deed('lx2,1'))).toContain('incompatible order');
    expect(names(one, deed('lx1,1'))).toContain('duplicate');
    expect(names(one, deed('lx1,7'))).toContain('garbage');
    expect(names(deed('ax1 lx'))).toContain('internal');
    expect(names(deed('ax1 lx1,2'), two)).toContain('internal');
  });

  it('nothing, in good histories', () => {
    expect(names(deed('ax1 lx1', 0, 1), deed('lx1 ax2 lx1,2', 2, 3), deed('lx1,2', 4, 5))).toEqual(
      [],
    );
    // Whose fate nobody knows may have happened, or not, or later.
    const unknown = deed('ax1 ay2', 0, 0, 'unknown');
    expect(names(unknown, deed('lx', 1, 2), deed('lx1', 3, 4), deed('ly2', 5, 6))).toEqual([]);
    expect(names(unknown, deed('lx', 1, 2), deed('ly', 3, 4))).toEqual([]);
    // But once seen it stays, and all of it.
    expect(names(unknown, deed('lx1', 1, 2), deed('lx', 3, 4))).toContain('G-single-realtime');
    expect(names(unknown, deed('lx1', 1, 2), deed('ly', 3, 4))).toContain('G-single-realtime');
  });
});

describe('anomalies of registers', () => {
  it('stale and undone reads, lost updates, deeds that see each other', () => {
    expect(names(deed('wx1', 0, 1), deed('wx2', 2, 3), deed('rx1', 4, 5))).toEqual([
      'G-single-realtime',
    ]);
    expect(names(deed('wx1', 0, 1), deed('rx0', 2, 3))).toEqual(['G-single-realtime']);
    expect(names(deed('wx1', 0, 1, 'aborted'), deed('rx1', 2, 3))).toEqual(['G1a']);
    expect(names(deed('wx1', 0, 1), deed('rx1 wx2', 2, 9), deed('rx1 wx3', 2, 9))).toContain(
      'lost update',
    );
    expect(names(deed('wx1 ry2'), deed('wy2 rx1'))).toEqual(['G1c']);
    expect(names(deed('rx1', 0, 1), deed('wx1', 2, 3))).toEqual(['G1c-realtime']);
  });

  it('nothing, in good histories', () => {
    expect(names(deed('wx1', 0, 5), deed('wx2', 2, 6), deed('rx1', 7, 8))).toEqual([]);
    expect(names(deed('rx0 wx1', 0, 1), deed('rx1 wx2', 2, 3), deed('rx2', 2, 9))).toEqual([]);
  });
});

/** What a store of lists does wrong. */
type Mistake = 'none' | 'lost' | 'stale' | 'half' | 'undone';

/** Deeds of a store in memory, one after the other, each shown as longer than it took. */
function randomHistory(random: Random, mistake: Mistake): readonly Deed[] {
  const keys = ['x', 'y', 'z'];
  let state = new Map<string, readonly number[]>(keys.map((key) => [key, []]));
  let before = state;
  let value = 0;
  return Array.from({ length: 60 }, (_, i): Deed => {
    const wrong = random.chance(0.2);
    const undone = random.chance(0.1);
    const seen = mistake === 'stale' && wrong ? before : state;
    const next = new Map(state);
    const operations = Array.from({ length: 1 + random.below(3) }, (): Operation => {
      const key = random.pick(keys);
      if (random.chance(0.5)) return { kind: 'list', key, value: seen.get(key) ?? [] };
      value++;
      const lost = mistake === 'lost' && wrong && !undone;
      if (!lost) next.set(key, [...(next.get(key) ?? []), value]);
      return { kind: 'append', key, value };
    });
    // Within a deed reads come first, so that they need not see its own appends.
    operations.sort((a, b) => Number(a.kind === 'append') - Number(b.kind === 'append'));
    if (mistake === 'half' && wrong) for (const key of ['x']) next.set(key, state.get(key) ?? []);
    if (!undone || (mistake === 'undone' && wrong)) {
      before = state;
      state = next;
    }
    const began = 10 * i - random.below(30);
    const ended = 10 * i + random.below(30);
    return { client: `c${i}`, began, ended, fate: undone ? 'aborted' : 'committed', operations };
  });
}

describe('random histories', () => {
  it('pass if the store is right', () => {
    for (let seed = 0; seed < 100; seed++)
      expect(anomaliesOf(randomHistory(new Random(seed), 'none')), `seed ${seed}`).toEqual([]);
  });

  it.each(['lost', 'stale', 'half', 'undone'] as const)('fail if it is wrong: %s', (mistake) => {
    let found = 0;
    for (let seed = 0; seed < 50; seed++)
      if (anomaliesOf(randomHistory(new Random(seed), mistake)).length > 0) found++;
    expect(found).toBeGreaterThan(30);
  });
});
