/**
 * Goal: every view is, at every step, what its plan means over the contents of its inputs at that
 * step. Method: random plans over random changes; after each step the sum of a subscription's
 * changes, of the plan and of the view, and where no weight is negative also a read of the view,
 * must equal the reference evaluation; no row may come twice at one step. The same with a fuel of a
 * few rows, with views over views, and with several steps merged into one.
 */
import { describe, expect, test } from 'vitest';
import { EngineRig, multiset } from '../../test/support/engine-rig.ts';
import { Bag, planText, randomPlan, tables } from '../../test/support/random-plan.ts';
import { Random } from '../../test/support/random.ts';
import { evaluate } from '../operators/reference.ts';
import type { Plan } from '../plan/plan.ts';
import type { Update } from '../value/datum.ts';

const viewNumber = 10;
const request = 77;
const viewRequest = 78;
/**
 * Some joins of joins explode; their weights are compared, but their rows are not read one by one.
 */
const rowsReadMax = 100_000;

interface Options {
  readonly rowsMax?: number;
  /** Steps that are sealed before the engine runs again. */
  readonly merge: number;
  /** Steps before the view is created. */
  readonly late: number;
}

/** Errors that do not cancel, as text. */
function liveErrors(
  errors: readonly { error: { code: string; message: string }; weight: number }[],
): string[] {
  const updates = errors.map(({ error, weight }) => ({ row: [error.code, error.message], weight }));
  return multiset(updates);
}

class Case {
  readonly random: Random;
  readonly rig: EngineRig;
  readonly plan: Plan;
  readonly bags = new Map([...tables.keys()].map((n) => [n, new Bag()]));
  #failed = false;

  constructor(seed: number, { rowsMax }: Options) {
    this.random = new Random(seed);
    this.plan = randomPlan(this.random, 3 + this.random.below(5));
    this.rig = new EngineRig(rowsMax === undefined ? {} : { rowsMax });
    for (const [number, columns] of tables) this.rig.table(number, columns);
  }

  createView(): void {
    this.rig.view(viewNumber, this.plan);
    this.rig.dataflow(viewNumber + 1, this.plan, {
      kind: 'subscribe',
      request,
      snapshot: true,
      progress: false,
      upTo: null,
    });
    const { columns } = this.plan.nodes[this.plan.root];
    const demand = columns.map((_, c) => c);
    const get: Plan = {
      nodes: [{ kind: 'get', collection: viewNumber, demand, columns }],
      root: 0,
    };
    this.rig.dataflow(viewNumber + 2, get, {
      kind: 'subscribe',
      request: viewRequest,
      snapshot: true,
      progress: false,
      upTo: null,
    });
  }

  step(): void {
    const inputs = new Map<number, Update[]>();
    for (const [number, columns] of tables) {
      if (this.random.chance(0.3)) continue;
      inputs.set(number, this.bags.get(number)?.change(this.random, columns, 8) ?? []);
    }
    this.rig.seal(inputs);
  }

  check(): void {
    const { rig, plan } = this;
    rig.settle();
    const contents = new Map([...this.bags].map(([n, bag]) => [n, bag.contents()]));
    const { rows, errors } = evaluate(plan, contents);
    const broken = liveErrors(errors);
    this.#failed ||= rig.responses.some((one) => one.kind === 'failed' && one.request === request);
    const found = rig.read(viewNumber, rig.step);
    if (broken.length > 0) {
      expect(broken.map((line) => line.replace(/^.* × \((\w+), (.*)\)$/, '$1 $2'))).toContain(
        found[0],
      );
      return;
    }
    const expected = multiset(rows);
    const total = rows.reduce((sum, { weight }) => sum + weight, 0);
    if (rows.every(({ weight }) => weight > 0) && total < rowsReadMax)
      expect(found).toEqual(expected);
    if (this.#failed) return;
    const { columns } = plan.nodes[plan.root];
    for (const one of [request, viewRequest]) {
      const changes = rig.changes(one, columns);
      expect(multiset(changes)).toEqual(expected);
      // Each row once a step: as many as there are when each is summed up by itself.
      for (const step of new Set(changes.map((change) => change.step))) {
        const rows = changes.filter((change) => change.step === step);
        expect(multiset(rows)).toHaveLength(rows.length);
      }
    }
  }
}

function play(seed: number, options: Options): void {
  const one = new Case(seed, options);
  try {
    for (let step = 0; step < options.late; step++) one.step();
    one.rig.settle();
    one.createView();
    for (let step = 0; step < 6; step++) {
      for (let n = 0; n < options.merge; n++) one.step();
      one.check();
    }
  } catch (error) {
    throw new Error(`seed ${seed}\n${planText(one.plan)}`, { cause: error });
  }
}

describe('every view equals its plan at every step', () => {
  test('step by step', () => {
    for (let seed = 1; seed <= 150; seed++) play(seed, { merge: 1, late: 0 });
  });

  test('with a fuel of three rows', () => {
    for (let seed = 200; seed <= 280; seed++) play(seed, { merge: 1, late: 2, rowsMax: 3 });
  });

  test('hydrated late, steps merged', () => {
    for (let seed = 300; seed <= 380; seed++) play(seed, { merge: 5, late: 3 });
  });
});
