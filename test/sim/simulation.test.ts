/**
 * Goal: what was acknowledged survives every stop, what was refused is never seen, reads and
 * subscriptions are strictly serializable over restarts, views equal their naive functions, and the
 * same seed gives the same run. Method: a few fixed seeds of the simulator, among them those that
 * once found something; `node test/sim/run.ts` runs as many as wanted.
 */
import { describe, expect, it } from 'vitest';
import { covers, History, Violation } from './history.ts';
import { Simulation } from './simulation.ts';

/** Seeds that found something, and what. */
const found = new Map([
  [41, 'files of a process that stopped while it took the lock'],
  [3016, 'a read of a stream that waited for a step refused for want of disk'],
  [3020, 'a draft of the identity with both names'],
  [2001, 'a DELETE that was refused for want of disk after it was done'],
  [26, 'a file of the log that had no room, removed and not synced'],
  [146, 'a view over a stream that caught up before what it joins was whole again'],
  [304, 'a checkpoint of a view that could not stop at its step'],
  [122, 'a subscription that went back to time zero when the disk was full'],
]);

const plan = { lives: 4, faults: true };

describe('the simulator', () => {
  it('finds nothing with fixed seeds', async () => {
    let stops = 0;
    let tombstones = 0;
    for (const seed of [1, 2, ...found.keys()]) {
      const result = await new Simulation(seed, plan).run();
      stops += result.stops;
      tombstones += result.marks.count('tombstone');
    }
    expect(tombstones).toBeGreaterThan(0);
    expect(stops).toBeGreaterThan(6);
  });

  it('does the same for the same seed', async () => {
    const first = await new Simulation(7, plan).run();
    const second = await new Simulation(7, plan).run();
    const other = await new Simulation(8, plan).run();
    expect(second.hash).toBe(first.hash);
    expect(other.hash).not.toBe(first.hash);
  });

  it('survives a stop at operations of one script', async () => {
    let stops = 0;
    for (let stopAt = 0; stopAt < 60; stopAt += 7) {
      const stopsAt = [stopAt, stopAt] as const;
      const result = await new Simulation(11, { lives: 3, faults: false, stopsAt }).run();
      expect(result.cameToStop).toBe(true);
      stops += result.stops;
    }
    expect(stops).toBeGreaterThan(10);
  });
});

describe('the checker of histories', () => {
  it('refuses a lost write, a read that goes back, reads that cross, a write without its cause', () => {
    const lost = new History();
    const client = lost.client('a');
    client.ask('one', lost.floor());
    client.acknowledge();
    expect(() => client.find('', 1)).toThrow(Violation);
    expect(() => lost.end(lost.begin(), new Map([['a', 0]]))).toThrow('before it were');

    const crossing = new History();
    const [first, second] = [crossing.begin(), crossing.begin()];
    crossing.end(
      first,
      new Map([
        ['a', 1],
        ['b', 0],
      ]),
    );
    expect(() =>
      crossing.end(
        second,
        new Map([
          ['a', 0],
          ['b', 1],
        ]),
      ),
    ).toThrow('cross');

    const causes = new History();
    const [a, b] = [causes.client('a'), causes.client('b')];
    a.ask('one', causes.floor());
    const early = causes.begin();
    a.acknowledge();
    b.ask('two', causes.floor());
    expect(() =>
      causes.end(
        early,
        new Map([
          ['a', 0],
          ['b', 1],
        ]),
      ),
    ).toThrow('without what was before');
  });

  it('refuses another picture of the same time, and a refused write that was seen', () => {
    const history = new History();
    history.at(5, new Map([['a', 1]]));
    expect(() => history.at(5, new Map([['a', 2]]))).toThrow('at time 5');
    const client = history.client('a');
    client.ask('one', history.floor());
    client.seen = 1;
    expect(() => client.refuse()).toThrow('then refused');
    expect(covers(new Map([['a', 1]]), new Map([['b', 9]]))).toBe(true);
  });
});
