/**
 * Goal: a long life leaves no view wrong and nothing behind. Method: an engine that works in slices
 * of a few rows and is given turns at random lives through dozens of steps while views, views over
 * views, subscriptions, one-off queries, indexes and holds come and go; join sides are kept as sums
 * where the planner would. In some lives one table is a stream, and whoever is slow is detached from
 * it and catches up by rounds of any length. A subscription must be right at every step that it speaks of; a read,
 * right at its step or, of a view that skipped it, at a later one. In the end everything is
 * retracted and dropped: rows, holds and slabs are none.
 */
import { expect, test } from 'vitest';
import { markSummedSides } from '../../src/sql/lower/summed-sides.ts';
import { EngineRig, multiset } from '../../test/support/engine-rig.ts';
import {
  Bag,
  collectionsOf,
  inputsOf,
  planText,
  randomPlan,
  tables,
} from '../../test/support/random-plan.ts';
import { Random } from '../../test/support/random.ts';
import { consolidated } from '../operators/reference-rows.ts';
import { evaluate } from '../operators/reference.ts';
import type { Node, Plan } from '../plan/plan.ts';
import type { Update } from '../value/datum.ts';
import type { ColumnType } from '../value/type.ts';

/** Of views of more rows nobody reads all. */
const rowsMax = 3_000;
/** Joins of joins explode: about how many rows the nodes of a plan may have. */
const sizeMax = 20_000;
const tableSize = 20;
const viewsMax = 5;

interface Meaning {
  readonly rows: readonly Update[];
  /** Code and message, as rows. */
  readonly errors: readonly Update[];
}

interface View {
  readonly number: number;
  readonly plan: Plan;
  readonly reads: ReadonlySet<number>;
}

interface Subscription {
  readonly request: number;
  readonly dataflow: number;
  readonly view: View;
}

/** What a dataflow has not been given yet of a stream, up to the end of one round. */
interface Replay {
  readonly dataflow: number;
  readonly collection: number;
  readonly rest: Update[];
}

interface Read {
  readonly request: number;
  readonly at: number;
  readonly collection: number;
  readonly columns: readonly ColumnType[];
}

function columnsOf({ nodes, root }: Plan): readonly ColumnType[] {
  return nodes[root].columns;
}

/** An engine and all that was ever true of it. */
class Life {
  readonly random: Random;
  readonly rig: EngineRig;
  readonly #bags = new Map([...tables.keys()].map((n) => [n, new Bag()]));
  /** Contents of the tables by step. */
  readonly #past: ReadonlyMap<number, readonly Update[]>[] = [];
  /** Every view and query that ever was, and what it was at a step. */
  readonly #plans = new Map<number, Plan>();
  readonly #meaning = new Map<string, Meaning>();
  readonly #views: View[] = [];
  readonly #subscriptions: Subscription[] = [];
  readonly #reads: Read[] = [];
  readonly #holds = new Map<number, number>();
  readonly #indexes = new Set<string>();
  readonly #errorRate: number;
  /** Tables whose rows nobody keeps: what was there is replayed to new dataflows. */
  readonly #streams: ReadonlySet<number>;
  readonly #replays: Replay[] = [];
  /** The step that each detached dataflow which has worked off everything awaits. */
  readonly #awaiting = new Map<number, number>();
  /** Steps that nobody may skip, by the dataflow that has yet to come there. */
  readonly #stops = new Map<number, readonly number[]>();
  /** Responses that were looked at for it. */
  #looked = 0;
  /** Times that somebody caught up. */
  roundsTaken = 0;
  #next = 10;
  #since = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    const { random } = this;
    const tick = random.pick([0.001, 0.05, 0.3, 1]);
    this.#errorRate = random.pick([0, 0, 0.2]);
    this.rig = new EngineRig({
      rowsMax: random.pick([1, 2, 3, 7, 50, 4096]),
      tick,
      streamQueuedBytesMax: random.pick([1, 1, 3_000, 1_000_000]),
    });
    this.#streams = new Set(random.chance(0.5) ? [2] : []);
    for (const [number, columns] of tables) {
      if (this.#streams.has(number)) this.rig.stream(number, columns);
      else this.rig.table(number, columns);
    }
    this.#remember();
  }

  #remember(): void {
    this.#past[this.rig.step] = new Map([...this.#bags].map(([n, bag]) => [n, bag.contents()]));
  }

  /** What a table or view is at a step, and which errors it has. */
  meaningAt(collection: number, step: number): Meaning {
    const plan = this.#plans.get(collection);
    if (plan === undefined) return { rows: this.#past[step].get(collection) ?? [], errors: [] };
    const key = `${collection} ${step}`;
    const known = this.#meaning.get(key);
    if (known !== undefined) return known;
    const inputs = [...collectionsOf(plan)].map(
      (input) => [input, this.meaningAt(input, step)] as const,
    );
    const { rows, errors } = evaluate(plan, new Map(inputs.map(([n, input]) => [n, input.rows])));
    const own = errors.map(({ error: { code, message }, weight }) => ({
      row: [code, message],
      weight,
    }));
    const all = consolidated([...own, ...inputs.flatMap(([, input]) => input.errors)]);
    const meaning = { rows, errors: all };
    this.#meaning.set(key, meaning);
    return meaning;
  }

  #complete(): number {
    return this.rig.responses.reduce(
      (last, one) => (one.kind === 'complete' ? Math.max(last, one.step) : last),
      0,
    );
  }

  act(): void {
    const { random } = this;
    const kind = random.below(20);
    if (kind < 8) this.#step();
    else if (kind === 8) this.#createView();
    else if (kind === 9) this.#subscribe();
    else if (kind === 10) this.#query();
    else if (kind < 14) this.#read();
    else if (kind === 14) this.#dropView();
    else if (kind === 15) this.#unsubscribe();
    else if (kind === 16) this.#hold();
    else if (kind === 17) this.#index();
    else if (kind === 18) this.rig.settle();
    if (random.chance(0.5)) this.#replay(1 + random.below(10));
    if (random.chance(0.3)) this.#catchUp(false);
    if (random.chance(0.7)) for (let n = random.below(30); n > 0; n--) this.rig.engine.run(1);
  }

  #step(): void {
    const { random, rig } = this;
    const inputs = new Map<number, Update[]>();
    const changesMax = random.pick([1, 4, 12]);
    for (const [number, columns] of tables) {
      if (random.chance(0.4)) continue;
      const bag = this.#bags.get(number);
      if (bag === undefined) continue;
      const updates = bag.change(random, columns, changesMax);
      if (random.chance(0.05)) {
        updates.push(...bag.rows.splice(0).map((row) => ({ row, weight: -1 })));
      }
      // What came in this step may go in it, and even go first.
      if (random.chance(0.3)) updates.reverse();
      inputs.set(number, updates);
    }
    const complete = this.#complete();
    const asked = this.#reads.map(({ at }) => at);
    this.#since = Math.max(
      this.#since,
      Math.min(complete - random.below(3), ...this.#holds.values(), ...asked),
    );
    rig.seal(inputs, this.#since, [...this.#holds.values()]);
    this.#remember();
  }

  /** A plan over what there is; in most lives few can fail, as errors hide all else. */
  #plan(): Plan {
    const { random } = this;
    const collections = new Map(tables);
    for (const { number, plan } of this.#views) collections.set(number, columnsOf(plan));
    for (;;) {
      const plan = randomPlan(random, 2 + random.below(6), collections);
      if (!random.chance(this.#errorRate) && planText(plan).includes('/(int4')) continue;
      if (columnsOf(plan).length === 0 && random.chance(0.8)) continue;
      if (this.#sizeOf(plan) > sizeMax || planText(plan).includes('*(int4')) continue;
      const varied = { ...plan, nodes: plan.nodes.map((node) => this.#vary(node)) };
      return random.chance(0.7) ? markSummedSides(varied) : varied;
    }
  }

  /** About how many rows a plan takes into the hand. */
  #sizeOf({ nodes }: Plan): number {
    const sizes: number[] = [];
    for (const node of nodes) {
      const inputs = inputsOf(node).map((input) => sizes[input] ?? 0);
      const sum = inputs.reduce((total, size) => total + size, 0);
      if (node.kind === 'get') {
        const plan = this.#plans.get(node.collection);
        sizes.push(plan === undefined ? tableSize : this.#sizeOf(plan));
      } else if (node.kind === 'join') {
        const share = node.leftKey.length === 0 ? 1 : 1 / 4;
        sizes.push(inputs.reduce((product, size) => product * size, share));
      } else sizes.push(node.kind === 'flatMap' ? sum * 4 : Math.max(sum, 3));
    }
    return Math.max(...sizes);
  }

  /** Some aggregates are DISTINCT. */
  #vary(node: Node): Node {
    if (node.kind !== 'reduce') return node;
    const aggregates = node.aggregates.map((aggregate) => ({
      ...aggregate,
      distinct: aggregate.argument >= 0 && this.random.chance(0.3),
    }));
    return { ...node, aggregates };
  }

  /** A dataflow takes streams from the next step on, and before that their past, in pieces. */
  #giveStreams(dataflow: number, plan: Plan): void {
    const reads = collectionsOf(plan);
    for (const collection of this.#streams) {
      if (!reads.has(collection)) continue;
      const rest = [...(this.#past[this.rig.step].get(collection) ?? [])];
      this.#replays.push({ dataflow, collection, rest });
      this.rig.command({ kind: 'goLive', dataflow, step: this.rig.step + 1 });
    }
  }

  /** Gives a piece of a past to whoever waits the longest. */
  #replay(rowsMax: number): void {
    const first = this.#replays[0];
    if (first === undefined) return;
    const { dataflow, collection, rest } = first;
    const columns = tables.get(collection) ?? [];
    const rows = rest.splice(0, rowsMax);
    const batch = rows.length === 0 ? null : this.rig.pack(columns, rows);
    const last = rest.length === 0;
    this.rig.command({ kind: 'replay', dataflow, collection, batch, last });
    if (last) this.#replays.shift();
  }

  #forgetReplays(dataflow: number): void {
    const others = this.#replays.filter((replay) => replay.dataflow !== dataflow);
    this.#replays.splice(0, this.#replays.length, ...others);
    this.#hear();
    this.#awaiting.delete(dataflow);
    this.#stops.delete(dataflow);
  }

  /** Listens to who awaits what. */
  #hear(): void {
    for (const one of this.rig.responses.slice(this.#looked)) {
      if (one.kind === 'awaits') this.#awaiting.set(one.dataflow, one.step);
      if (one.kind === 'detached') this.#stopAt(one.dataflow, one.step - 1);
      if (one.kind !== 'frontier') continue;
      const stops = this.#stops.get(one.dataflow) ?? [];
      this.#stops.set(
        one.dataflow,
        stops.filter((stop) => stop > one.step),
      );
    }
    this.#looked = this.rig.responses.length;
  }

  #stopAt(dataflow: number, step: number): void {
    this.#stops.set(dataflow, [...(this.#stops.get(dataflow) ?? []), step]);
  }

  /** Where the next round may end that begins after `at`. */
  #end(at: number): number {
    const stops = [...this.#stops.values()].flat().filter((stop) => stop > at);
    // What lies before the last complete step may have been skipped by somebody.
    return Math.min(...stops, Math.max(at + 1, this.#complete()));
  }

  /** Gives rounds to those who await them, perhaps; `all` that there are, to everybody. */
  #catchUp(all: boolean): void {
    const { random, rig } = this;
    this.#hear();
    for (const [dataflow, step] of [...this.#awaiting]) {
      let at = step - 1;
      while (at < rig.step && (all || random.chance(0.7))) {
        const to = this.#end(at);
        this.#round(dataflow, at, to);
        at = to;
      }
      if (at === rig.step && (all || random.chance(0.7))) {
        rig.command({ kind: 'goLive', dataflow, step: at + 1 });
        this.#awaiting.delete(dataflow);
      } else if (at >= step) this.#awaiting.delete(dataflow);
    }
  }

  /** What changed in the streams between two steps. */
  #round(dataflow: number, from: number, to: number): void {
    this.roundsTaken++;
    this.#stopAt(dataflow, to);
    this.rig.command({ kind: 'catchUp', dataflow, to });
    for (const collection of this.#streams) {
      const gone = this.#past[from].get(collection) ?? [];
      const come = this.#past[to].get(collection) ?? [];
      const back = gone.map(({ row, weight }) => ({ row, weight: -weight }));
      this.#replays.push({ dataflow, collection, rest: consolidated([...come, ...back]) });
    }
  }

  #createView(): void {
    if (this.#views.length >= viewsMax) return;
    const number = this.#next++;
    const plan = this.#plan();
    this.#plans.set(number, plan);
    this.#views.push({ number, plan, reads: collectionsOf(plan) });
    this.rig.dataflow(number, plan, { kind: 'collection', collection: number }, this.#since);
    this.#giveStreams(number, plan);
  }

  #subscribe(): void {
    const number = this.#next++;
    const plan = this.#plan();
    this.#plans.set(number, plan);
    const view = { number, plan, reads: collectionsOf(plan) };
    this.#subscriptions.push({ request: number + 100_000, dataflow: number, view });
    this.rig.dataflow(
      number,
      plan,
      {
        kind: 'subscribe',
        request: number + 100_000,
        snapshot: true,
        progress: this.random.chance(0.5),
        upTo: null,
      },
      this.#since,
    );
    this.#giveStreams(number, plan);
  }

  #query(): void {
    const number = this.#next++;
    const plan = this.#plan();
    this.#plans.set(number, plan);
    const columns = columnsOf(plan);
    const request = number + 100_000;
    const at = this.#complete();
    this.#reads.push({ request, at, collection: number, columns });
    this.rig.dataflow(
      number,
      plan,
      {
        kind: 'answer',
        request,
        finishing: { order: [], limit: -1, offset: 0, project: columns.map((_, c) => c) },
      },
      at,
    );
    this.#giveStreams(number, plan);
  }

  #stored(): readonly number[] {
    const kept = [...tables.keys()].filter((number) => !this.#streams.has(number));
    return [...kept, ...this.#views.map(({ number }) => number)];
  }

  #read(): void {
    const { random, rig } = this;
    const collection = random.pick(this.#stored());
    const complete = this.#complete();
    const low = this.#since;
    const at = Math.min(low + random.below(complete - low + 1), complete);
    const request = rig.ask(collection, at);
    this.#reads.push({ request, at, collection, columns: rig.columns(collection) });
  }

  #isRead(number: number): boolean {
    return (
      this.#views.some(({ reads }) => reads.has(number)) ||
      this.#subscriptions.some(({ view }) => view.reads.has(number)) ||
      this.#reads.some(({ collection }) => {
        const plan = this.#plans.get(collection);
        return collection === number || (plan !== undefined && collectionsOf(plan).has(number));
      })
    );
  }

  #dropView(): void {
    const free = this.#views.filter(({ number }) => !this.#isRead(number));
    if (free.length === 0) return;
    const { number } = this.random.pick(free);
    this.#views.splice(
      this.#views.findIndex((view) => view.number === number),
      1,
    );
    this.#forgetReplays(number);
    this.rig.command({ kind: 'dropCollection', collection: number });
  }

  #unsubscribe(): void {
    const { random, rig } = this;
    if (this.#subscriptions.length === 0) return;
    const [one] = this.#subscriptions.splice(random.below(this.#subscriptions.length), 1);
    this.#checkChanges(one, false);
    this.#forgetReplays(one.dataflow);
    rig.command({ kind: 'cancel', request: one.request });
  }

  #hold(): void {
    const { random } = this;
    if (this.#holds.size > 2 || (this.#holds.size > 0 && random.chance(0.5))) {
      this.#holds.delete(random.pick([...this.#holds.keys()]));
    } else this.#holds.set(this.#next++, Math.max(this.#since, this.#complete()));
  }

  #index(): void {
    const { random, rig } = this;
    const collection = random.pick(this.#stored());
    const width = rig.columns(collection).length;
    if (width === 0) return;
    const key = [random.below(width)];
    const name = `${collection} by ${key.join()}`;
    const there = this.#indexes.delete(name);
    if (!there) this.#indexes.add(name);
    rig.command({ kind: there ? 'dropIndex' : 'createIndex', collection, key });
  }

  /** Everything that was asked for has been answered rightly. */
  check(): void {
    do {
      this.#catchUp(true);
      while (this.#replays.length > 0) this.#replay(10);
      this.rig.settle();
      this.#hear();
    } while (this.#awaiting.size > 0);
    for (const read of this.#reads.splice(0)) this.#checkRead(read);
    for (const one of this.#subscriptions) this.#checkChanges(one, true);
  }

  #checkRead({ request, at, collection, columns }: Read): void {
    const { rig } = this;
    const answer = rig.answer(request, columns);
    expect(answer.ended, `${collection} at ${at} is answered`).toBe(true);
    const states: string[][] = [];
    for (let step = at; step <= (tables.has(collection) ? at : rig.step); step++) {
      const { rows, errors } = this.meaningAt(collection, step);
      const total = rows.reduce((sum, { weight }) => sum + weight, 0);
      if (total > rowsMax || rows.some(({ weight }) => weight < 0)) return;
      if (errors.length === 0) states.push(multiset(rows));
      for (const { row } of errors) states.push([row.join(' ')]);
    }
    const { error } = answer;
    const found =
      error === null
        ? multiset(answer.rows.map((row) => ({ row, weight: 1 })))
        : [`${error.code} ${error.message}`];
    if (states.some((state) => JSON.stringify(state) === JSON.stringify(found))) return;
    expect(found, `${collection} at ${at} of ${this.#text(collection)}`).toEqual(states[0]);
  }

  #text(collection: number): string {
    const plan = this.#plans.get(collection);
    if (plan === undefined) return 'a table';
    const others = [...collectionsOf(plan)].filter((n) => !tables.has(n));
    return [planText(plan), ...others.map((n) => `${n}: ${this.#text(n)}`)].join('\n');
  }

  /** Sums up what was told, and compares at each step that something was told for. */
  #checkChanges({ request, view }: Subscription, settled: boolean): void {
    const { rig } = this;
    const failed = rig.responses.some((one) => one.kind === 'failed' && one.request === request);
    const changes = rig.changes(request, columnsOf(view.plan));
    let known: Update[] = [];
    const steps = [...new Set(changes.map(({ step }) => step))];
    for (const step of steps) {
      const now = changes.filter((change) => change.step === step);
      known = [...known, ...now];
      // Without an end of the step more of it may be to come.
      if (!settled && step === steps.at(-1)) return;
      expect(multiset(known), `step ${step} of ${this.#text(view.number)}`).toEqual(
        multiset(this.meaningAt(view.number, step).rows),
      );
      // What no word counts takes several rows.
      if (now.some(({ weight }) => Math.abs(weight) > 2 ** 30)) continue;
      expect(multiset(now)).toHaveLength(now.length);
    }
    if (!settled) return;
    if (failed) {
      const past = Array.from({ length: rig.step + 1 }, (_, step) => step);
      expect(past.some((step) => this.meaningAt(view.number, step).errors.length > 0)).toBe(true);
      return;
    }
    expect(this.meaningAt(view.number, rig.step).errors, this.#text(view.number)).toEqual([]);
    expect(multiset(known), `at ${rig.step}: ${this.#text(view.number)}`).toEqual(
      multiset(this.meaningAt(view.number, rig.step).rows),
    );
  }

  /** Retracts everything, then drops everything. */
  end(): void {
    const { rig } = this;
    const inputs = new Map<number, Update[]>();
    for (const [number, bag] of this.#bags) {
      inputs.set(
        number,
        bag.rows.splice(0).map((row) => ({ row, weight: -1 })),
      );
    }
    this.#holds.clear();
    rig.seal(inputs, rig.step);
    this.#remember();
    this.check();
    while (this.#subscriptions.length > 0) this.#unsubscribe();
    while (this.#views.length > 0) this.#dropView();
    for (let n = 0; n < 3; n++) {
      rig.seal(new Map(), rig.step);
      this.#remember();
      rig.settle();
    }
    const { collections, dataflows, slabsLive } = rig.statistics();
    expect(dataflows).toEqual([]);
    expect(slabsLive).toBe(0);
    expect(collections.map(({ rows, holds, errors }) => [rows, holds, errors])).toEqual(
      this.#stored().map(() => [0, 0, 0]),
    );
  }
}

/** Lives a life; answers how many rounds were taken in it. */
function live(seed: number, acts: number): number {
  const life = new Life(seed);
  try {
    for (let act = 1; act <= acts; act++) {
      life.act();
      if (life.random.chance(0.05)) life.check();
    }
    life.check();
    life.end();
    return life.roundsTaken;
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  }
}

test('views, subscriptions, queries, indexes and holds come and go', () => {
  let rounds = 0;
  for (let seed = 1; seed <= 40; seed++) rounds += live(seed, 100);
  expect(rounds).toBeGreaterThan(100);
});
