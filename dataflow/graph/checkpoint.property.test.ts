/**
 * Goal: an engine that begins with a checkpoint is the engine that made it. Method: random lives in
 * which views over tables, a stream and other views come and go, checkpoints, full ones and patches,
 * are made in slices between everything else, and now and then the engine is gone: a new one gets
 * the last finished checkpoint, the steps since, and views that are not in it anew. All rows of all
 * views are compared with their meaning; in the end everything is retracted and dropped, and nothing
 * is left.
 */
import { expect, test } from 'vitest';
import { defined } from '../../src/base/assert.ts';
import { markSummedSides } from '../../src/sql/lower/summed-sides.ts';
import { EngineRig, multiset } from '../../test/support/engine-rig.ts';
import {
  Bag,
  collectionsOf,
  planText,
  randomPlan,
  tables,
} from '../../test/support/random-plan.ts';
import { Random } from '../../test/support/random.ts';
import { consolidated } from '../operators/reference-rows.ts';
import { evaluate } from '../operators/reference.ts';
import type { Node, Plan } from '../plan/plan.ts';
import type { Update } from '../value/datum.ts';
import type { SavedCollection, SavedDataflow } from './checkpoint-messages.ts';

const viewsMax = 5;
/** Of more rows than these nobody reads all, nor are plans made over them. */
const rowsMax = 2_000;

interface Piece {
  readonly image: number;
  readonly words: Int32Array;
}

interface Finished {
  readonly step: number;
  readonly collections: readonly SavedCollection[];
  readonly dataflows: readonly SavedDataflow[];
  /** Pieces of the full one that it is based on, of all patches, and its own. */
  readonly pieces: readonly Piece[];
}

type Contents = ReadonlyMap<number, readonly Update[]>;

class Life {
  readonly random: Random;
  rig: EngineRig;
  /** Restarts, and dataflows that went on from a checkpoint in them. */
  restarts = 0;
  restored = 0;
  givenUp = 0;
  readonly #bags = new Map([...tables.keys()].map((n) => [n, new Bag()]));
  readonly #past: Contents[] = [];
  readonly #views = new Map<number, Plan>();
  readonly #indexes = new Map<string, readonly [number, readonly number[]]>();
  readonly #streams: ReadonlySet<number>;
  readonly #last: { finished: Finished | null; pieces: Piece[] } = { finished: null, pieces: [] };
  /** The step of the checkpoint under way: 0 before it, null if none is. */
  #checkpoint: number | null = null;
  #number = 0;
  #startOver = true;
  #heard = 0;
  #next = 10;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.#streams = new Set(this.random.chance(0.5) ? [2] : []);
    this.rig = this.#engine();
    for (const [number, columns] of tables) {
      if (this.#streams.has(number)) this.rig.stream(number, columns);
      else this.rig.table(number, columns);
    }
    this.#remember();
  }

  #engine(): EngineRig {
    const { random } = this;
    return new EngineRig({
      rowsMax: random.pick([1, 3, 50, 4096]),
      tick: random.pick([0.001, 0.3, 1]),
      checkpointCaptureBytesMax: random.pick([512, 4_096, 1e9]),
    });
  }

  #remember(): void {
    this.#past[this.rig.step] = new Map([...this.#bags].map(([n, bag]) => [n, bag.contents()]));
  }

  act(): void {
    const { random } = this;
    const kind = random.below(16);
    if (kind < 7) this.#step(false);
    else if (kind === 7) this.#createView();
    else if (kind === 8) this.#dropView();
    else if (kind === 9) this.#index();
    else if (kind < 13) this.#goOnWithCheckpoint();
    else if (kind === 13) this.rig.settle();
    if (random.chance(0.7)) for (let n = random.below(20); n > 0; n--) this.rig.engine.run(1);
    this.#hear();
  }

  #step(checkpoint: boolean): void {
    const { random, rig } = this;
    const inputs = new Map<number, Update[]>();
    for (const [number, columns] of tables) {
      if (random.chance(0.4)) continue;
      const bag = defined(this.#bags.get(number), 'a table has its bag');
      inputs.set(number, bag.change(random, columns, random.pick([1, 4, 30])));
    }
    const at = checkpoint ? rig.step + 1 : this.#checkpoint;
    const held = at === null || at === 0 ? [] : [at];
    rig.seal(inputs, Math.min(rig.step, ...held), held, [], checkpoint ? this.#number : undefined);
    this.#remember();
  }

  #createView(): void {
    const { random, rig } = this;
    if (this.#views.size >= viewsMax) return;
    const number = this.#next++;
    const plan = this.#plan();
    this.#views.set(number, plan);
    rig.view(number, plan);
    this.#giveStreams(number, plan, []);
    if (random.chance(0.5)) rig.settle();
  }

  /** A new dataflow is given the past of streams, or what came after step `from`. */
  #giveStreams(dataflow: number, plan: Plan, gone: readonly Update[]): void {
    for (const collection of this.#streams) {
      if (!collectionsOf(plan).has(collection)) continue;
      const come = this.#past[this.rig.step].get(collection) ?? [];
      const back = gone.map(({ row, weight }) => ({ row, weight: -weight }));
      const rows = consolidated([...come, ...back]);
      this.rig.command({ kind: 'goLive', dataflow, step: this.rig.step + 1 });
      const columns = defined(tables.get(collection), 'a stream has columns');
      const batch = this.rig.pack(columns, rows);
      this.rig.command({ kind: 'replay', dataflow, collection, batch, last: true });
    }
  }

  #plan(): Plan {
    const { random } = this;
    const collections = new Map(tables);
    const now = this.#meaning();
    for (const [number, { nodes, root }] of this.#views) {
      if ((now.get(number) ?? []).length < 100) collections.set(number, nodes[root].columns);
    }
    for (;;) {
      const plan = randomPlan(random, 2 + random.below(6), collections);
      const text = planText(plan);
      // Errors hide all else, products of products are too large.
      if (text.includes('*(int4') || (text.includes('/(int4') && random.chance(0.8))) continue;
      const joins = plan.nodes.filter(({ kind }) => kind === 'join').length;
      if (joins > 1) continue;
      const varied = { ...plan, nodes: plan.nodes.map((node) => this.#vary(node)) };
      return random.chance(0.7) ? markSummedSides(varied) : varied;
    }
  }

  #vary(node: Node): Node {
    if (node.kind !== 'reduce') return node;
    const aggregates = node.aggregates.map((aggregate) => ({
      ...aggregate,
      distinct: aggregate.argument >= 0 && this.random.chance(0.3),
    }));
    return { ...node, aggregates };
  }

  #isRead(number: number): boolean {
    return [...this.#views.values()].some((plan) => collectionsOf(plan).has(number));
  }

  #dropView(): void {
    const free = [...this.#views.keys()].filter((number) => !this.#isRead(number));
    if (free.length === 0) return;
    const number = this.random.pick(free);
    this.#views.delete(number);
    for (const [name, [on]] of this.#indexes) if (on === number) this.#indexes.delete(name);
    this.rig.command({ kind: 'dropCollection', collection: number });
  }

  #index(): void {
    const { random, rig } = this;
    const kept = [...tables.keys()].filter((number) => !this.#streams.has(number));
    const collection = random.pick([...kept, ...this.#views.keys()]);
    const width = rig.columns(collection).length;
    if (width === 0) return;
    const key = [random.below(width)];
    const name = `${collection} by ${key.join()}`;
    if (this.#indexes.delete(name)) rig.command({ kind: 'dropIndex', collection, key });
    else {
      this.#indexes.set(name, [collection, key]);
      rig.command({ kind: 'createIndex', collection, key });
    }
  }

  #goOnWithCheckpoint(): void {
    const { random, rig } = this;
    if (this.#checkpoint === null) {
      const full = this.#startOver || random.chance(0.3);
      if (full) this.#last.pieces = [];
      this.#startOver = true;
      this.#checkpoint = 0;
      rig.command({ kind: 'beginCheckpoint', number: ++this.#number, full });
    } else if (this.#checkpoint === 0) {
      this.#checkpoint = rig.step + 1;
      this.#step(true);
    } else if (random.chance(0.1)) {
      rig.command({ kind: 'endCheckpoint', number: this.#number, keep: true });
    } else if (random.chance(0.05)) {
      rig.command({ kind: 'endCheckpoint', number: this.#number, keep: false });
      this.#hear();
      if (this.#checkpoint !== null) this.#checkpoint = null;
      this.#startOver = true;
    }
  }

  #hear(): void {
    for (const one of this.rig.responses.slice(this.#heard)) {
      if (one.kind === 'piece' && one.number === this.#number) {
        this.#last.pieces.push({ image: one.image, words: one.words });
        this.rig.command({ kind: 'takePieces', number: one.number, bytes: one.words.byteLength });
      }
      if (one.kind === 'checkpointGivenUp' && one.number === this.#number) {
        this.givenUp++;
        this.#checkpoint = null;
        this.rig.command({ kind: 'endCheckpoint', number: one.number, keep: false });
      }
      if (one.kind !== 'checkpointed' || one.number !== this.#number) continue;
      this.#startOver = false;
      this.#checkpoint = null;
      const { step, collections, dataflows } = one;
      expect(step).toBeGreaterThan(0);
      this.#last.finished = { step, collections, dataflows, pieces: [...this.#last.pieces] };
    }
    this.#heard = this.rig.responses.length;
  }

  /** The engine is gone; another one goes on with the last checkpoint. */
  restart(): void {
    const { finished } = this.#last;
    if (finished === null) return;
    const { step } = this.rig;
    this.restarts++;
    this.rig = this.#engine();
    this.#heard = 0;
    this.#checkpoint = null;
    this.#startOver = true;
    const { rig } = this;
    rig.restore(finished.step);
    const saved = new Map(finished.collections.map((one) => [one.collection, one]));
    for (const [number, columns] of tables) {
      if (this.#streams.has(number)) rig.stream(number, columns);
      else rig.table(number, columns, false, defined(saved.get(number), 'tables are saved'));
    }
    const restored = this.#restoreViews(finished, saved);
    this.#restoreIndexes((on) => tables.has(on) || restored.has(on));
    for (const { image, words } of finished.pieces) {
      rig.command({ kind: 'load', request: 1, image, words });
      if (this.random.chance(0.3)) rig.engine.run(1);
    }
    rig.command({ kind: 'loaded', request: 2 });
    rig.settle();
    expect(rig.responses.filter((one) => one.kind === 'failed')).toEqual([]);
    expect(rig.responses.some((one) => one.kind === 'loaded' && one.request === 2)).toBe(true);
    while (rig.step < step) this.#again();
    for (const [number, plan] of this.#views) {
      if (!restored.has(number)) {
        rig.view(number, plan);
        this.#giveStreams(number, plan, []);
      } else this.#catchUp(number, plan, finished.step);
    }
    this.#restoreIndexes((on) => !tables.has(on) && !restored.has(on));
  }

  #restoreViews(
    finished: Finished,
    saved: ReadonlyMap<number, SavedCollection>,
  ): ReadonlySet<number> {
    const restored = new Set<number>();
    for (const [number, plan] of this.#views) {
      const dataflow = finished.dataflows.find((one) => one.dataflow === number);
      const result = saved.get(number);
      const reads = [...collectionsOf(plan)];
      if (dataflow === undefined || result === undefined) continue;
      if (!reads.every((one) => tables.has(one) || restored.has(one))) continue;
      restored.add(number);
      this.restored++;
      const sink = { kind: 'collection', collection: number } as const;
      this.rig.dataflow(number, plan, sink, finished.step, { dataflow, result });
    }
    return restored;
  }

  #restoreIndexes(wanted: (collection: number) => boolean): void {
    for (const [collection, key] of this.#indexes.values()) {
      if (wanted(collection)) this.rig.command({ kind: 'createIndex', collection, key });
    }
  }

  /** Seals the next step once more: with what changed in it. */
  #again(): void {
    const { rig } = this;
    const before = this.#past[rig.step];
    const after = this.#past[rig.step + 1];
    const inputs = new Map<number, Update[]>();
    for (const number of tables.keys()) {
      if (this.#streams.has(number)) continue;
      const gone = (before.get(number) ?? []).map(({ row, weight }) => ({ row, weight: -weight }));
      inputs.set(number, consolidated([...(after.get(number) ?? []), ...gone]));
    }
    rig.seal(inputs, rig.step);
    if (this.random.chance(0.5)) rig.engine.run(1);
  }

  /** A restored dataflow is given what streams had since. */
  #catchUp(dataflow: number, plan: Plan, from: number): void {
    if (![...collectionsOf(plan)].some((one) => this.#streams.has(one))) return;
    const { rig } = this;
    rig.settle();
    if (rig.step > from) {
      rig.command({ kind: 'catchUp', dataflow, to: rig.step });
      for (const collection of this.#streams) {
        const gone = this.#past[from].get(collection) ?? [];
        const come = this.#past[rig.step].get(collection) ?? [];
        const back = gone.map(({ row, weight }) => ({ row, weight: -weight }));
        const columns = defined(tables.get(collection), 'a stream has columns');
        const batch = rig.pack(columns, consolidated([...come, ...back]));
        rig.command({ kind: 'replay', dataflow, collection, batch, last: true });
      }
      rig.settle();
    }
    rig.command({ kind: 'goLive', dataflow, step: rig.step + 1 });
  }

  /** What tables and views are now; of views with errors null. */
  #meaning(): ReadonlyMap<number, readonly Update[] | null> {
    const all = new Map<number, readonly Update[] | null>(this.#past[this.rig.step]);
    for (const [number, plan] of this.#views) {
      const inputs = [...collectionsOf(plan)].map((one) => [one, all.get(one) ?? null] as const);
      if (inputs.some(([, rows]) => rows === null)) {
        all.set(number, null);
        continue;
      }
      const known = new Map(inputs.map(([one, rows]) => [one, rows ?? []]));
      const { rows, errors } = evaluate(plan, known);
      all.set(number, errors.length > 0 ? null : rows);
    }
    return all;
  }

  check(): void {
    this.rig.settle();
    this.#hear();
    for (const [number, rows] of this.#meaning()) {
      if (this.#streams.has(number)) continue;
      if (rows !== null && rows.reduce((sum, { weight }) => sum + weight, 0) > rowsMax) continue;
      const found = this.rig.read(number, this.rig.step);
      const plan = this.#views.get(number);
      const text = plan === undefined ? 'a table' : planText(plan);
      if (rows === null) expect(found[0], `${number}: ${text}`).toMatch(/^22/);
      else if (rows.every(({ weight }) => weight > 0))
        expect(found, `${number}: ${text}`).toEqual(multiset(rows));
    }
  }

  /** Retracts everything, then drops everything. */
  end(): void {
    const { rig } = this;
    rig.command({ kind: 'endCheckpoint', number: this.#number, keep: false });
    const inputs = new Map<number, Update[]>();
    for (const [number, bag] of this.#bags) {
      inputs.set(
        number,
        bag.rows.splice(0).map((row) => ({ row, weight: -1 })),
      );
    }
    rig.seal(inputs, rig.step);
    this.#remember();
    this.check();
    while (this.#views.size > 0) this.#dropView();
    for (let n = 0; n < 3; n++) {
      rig.seal(new Map(), rig.step);
      rig.settle();
    }
    const { collections, dataflows, slabsLive } = rig.statistics();
    expect(dataflows).toEqual([]);
    expect(slabsLive).toBe(0);
    for (const { rows, holds, errors } of collections)
      expect([rows, holds, errors]).toEqual([0, 0, 0]);
  }
}

function live(seed: number, acts: number): Life {
  const life = new Life(seed);
  try {
    for (let act = 1; act <= acts; act++) {
      life.act();
      if (life.random.chance(0.05)) life.check();
      if (life.random.chance(0.03)) {
        life.restart();
        life.check();
      }
    }
    life.check();
    life.restart();
    life.check();
    life.end();
    return life;
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  }
}

test('engines that begin with checkpoints are those that made them', () => {
  let restarts = 0;
  let restored = 0;
  let givenUp = 0;
  const first = Number(process.env['MILLRACE_SEED'] ?? 1);
  const seeds = Number(process.env['MILLRACE_SEEDS'] ?? 15);
  for (let seed = first; seed < first + seeds; seed++) {
    const life = live(seed, 120);
    restarts += life.restarts;
    restored += life.restored;
    givenUp += life.givenUp;
  }
  expect(restarts).toBeGreaterThan(seeds);
  expect(restored).toBeGreaterThan(seeds);
  expect(givenUp).toBeGreaterThan(0);
});
