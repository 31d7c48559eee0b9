/**
 * The property that every operator with one input has: over random steps of inserts, deletes,
 * updates and duplicates, what it has given out is what the reference evaluator says of its input;
 * cutting the input otherwise, or running out of fuel everywhere, changes nothing; when the input
 * is emptied the output is, and the state is small again. What was copied meanwhile is the state, and
 * an operator that takes it over goes on as the old one does.
 */
import { expect } from 'vitest';
import type { Operator } from '../../dataflow/operators/operator.ts';
import { evaluate } from '../../dataflow/operators/reference.ts';
import { consolidated, rowIdentity } from '../../dataflow/operators/reference-rows.ts';
import type { Node } from '../../dataflow/plan/plan.ts';
import type { Row, Update } from '../../dataflow/value/datum.ts';
import { canonical } from './canonical.ts';
import { OperatorHarness } from './operator-harness.ts';
import type { SlabPool } from '../../dataflow/value/slab.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';
import { Random } from './random.ts';
import { StateShadow } from './state-shadow.ts';
import { randomRow } from './random-datum.ts';

const weightMax = 2 ** 31 - 1;

export interface OperatorCheck {
  /** Makes the operator of the node for an input of these columns. */
  readonly make: (pool: SlabPool) => Operator;
  /** The node, whose input is node 0. */
  readonly node: Node;
  readonly input: readonly ColumnType[];
  readonly seed: number;
  readonly steps: number;
  /** Rows come from this many, so that they meet again. */
  readonly rows: number;
  /** Changes in a step, at most. */
  readonly changes: number;
  /** Weights may stay negative at the end of a step (threshold and distinct only). */
  readonly negative?: boolean;
  /** Weights of single changes beside 1 and -1; default 1 to 4. */
  readonly weights?: readonly number[];
  /** Bytes of state that an emptied operator may keep; default 64 KiB above the start. */
  readonly bytesMax?: number;
  /** Makes a row; by default random values of the columns. */
  readonly row?: (random: Random) => Row;
}

/** Runs the check. */
export function checkOperator(check: OperatorCheck): void {
  const random = new Random(check.seed);
  const pool = Array.from(
    { length: check.rows },
    () => check.row?.(random) ?? randomRow(random, check.input),
  );
  const whole = new OperatorHarness(check.make, [check.input]);
  const cut = new OperatorHarness(check.make, [check.input], 3);
  const bytes = whole.operator.bytes();
  const chance = new Random(~check.seed);
  const shadow = new StateShadow(whole.operator);
  const cutShadow = new StateShadow(cut.operator);
  cut.afterTurn = () => {
    if (chance.chance(0.3)) cutShadow.copySome();
  };
  let restored: OperatorHarness | null = null;
  let state: Update[] = [];
  const run = (changes: readonly Update[]): void => {
    state = consolidated([...state, ...changes]);
    const pushes = changes.length === 0 ? [] : [[0, changes] as const];
    const output = whole.step(...pushes);
    if (restored !== null) expect(restored.step(...pushes)).toEqual(output);
    cut.step(...changes.map((change) => [0, [change]] as const));
    shadow.copyRest();
    cutShadow.copyRest();
    if (chance.chance(0.1)) {
      restored?.operator.dispose();
      restored = new OperatorHarness(check.make, [check.input]);
      shadow.restore(restored.operator);
      restored.follow(whole);
    }
    compare(check, whole, state);
    expect(canonicalRows(check, cut.rows())).toEqual(canonicalRows(check, whole.rows()));
    expect(cut.errors()).toEqual(whole.errors());
  };
  for (let step = 0; step < check.steps; step++) run(randomChanges(random, check, pool, state));
  run(
    state.flatMap(({ row, weight }) => {
      const parts: Update[] = [];
      for (let rest = -weight; rest !== 0;) {
        const part = Math.max(-weightMax, Math.min(weightMax, rest));
        parts.push({ row, weight: part });
        rest -= part;
      }
      return parts;
    }),
  );
  expect(whole.rows()).toEqual([]);
  expect(whole.errors()).toEqual([]);
  expect(whole.operator.bytes()).toBeLessThanOrEqual(bytes + (check.bytesMax ?? 65_536));
  for (const harness of [whole, cut, ...(restored === null ? [] : [restored])]) {
    harness.operator.dispose();
    expect(harness.pool.live).toBe(0);
  }
}

/** Changes of one step: passing through zero and below is common, staying below is not. */
function randomChanges(
  random: Random,
  check: OperatorCheck,
  pool: readonly Row[],
  state: readonly Update[],
): Update[] {
  const changes: Update[] = [];
  const weights = new Map(state.map(({ row, weight }) => [rowIdentity(row), weight]));
  const change = (row: Row, weight: number): void => {
    if (weight === 0) return;
    changes.push({ row, weight });
    weights.set(rowIdentity(row), (weights.get(rowIdentity(row)) ?? 0) + weight);
  };
  /** A change of any size, in as many parts as it takes. */
  const changeBy = (row: Row, weight: number): void => {
    for (let rest = weight; rest !== 0;) {
      const part = Math.max(-weightMax, Math.min(weightMax, rest));
      change(row, part);
      rest -= part;
    }
  };
  for (let n = random.below(check.changes + 1); n > 0; n--) {
    const row = random.pick(pool);
    const has = weights.get(rowIdentity(row)) ?? 0;
    const kind = random.below(8);
    if (kind < 3) change(row, 1);
    else if (kind === 3) change(row, random.pick(check.weights ?? [1, 2, 3, 4]));
    else if (kind < 6) change(row, has > 0 ? -1 : 1);
    else changeBy(row, -(random.chance(0.5) ? has : 2));
  }
  if (check.negative === true && random.chance(0.7)) return changes;
  for (const row of pool) {
    const weight = weights.get(rowIdentity(row)) ?? 0;
    if (weight < 0) changeBy(row, -weight);
  }
  return changes;
}

function canonicalRows(check: OperatorCheck, rows: readonly Update[]): string[] {
  return canonical(check.node.columns, rows);
}

function compare(check: OperatorCheck, harness: OperatorHarness, state: readonly Update[]): void {
  const demand = check.input.map((_, c) => c);
  const plan = {
    nodes: [{ kind: 'get', collection: 0, demand, columns: check.input }, check.node] as const,
    root: 1,
  };
  const expected = evaluate(plan, new Map([[0, state]]));
  expect(canonicalRows(check, harness.rows())).toEqual(canonicalRows(check, expected.rows));
  const errors = new Map<string, number>();
  for (const { error, weight } of expected.errors) {
    const text = `${error.code} ${error.message}`;
    errors.set(text, (errors.get(text) ?? 0) + weight);
  }
  expect(harness.errors()).toEqual([...errors].map(([text, weight]) => `${text} ${weight}`).sort());
}
