/** Goal: state is given back to the plan that it belongs to, and to no other. */
import { expect, test } from 'vitest';
import type { Plan } from '../../dataflow/plan/plan.ts';
import { fingerprintOf } from './plan-fingerprint.ts';

function constant(value: number): Plan {
  const columns = [{ type: 'float8', nullable: false }] as const;
  return { nodes: [{ kind: 'constant', columns, rows: [{ row: [value], weight: 1 }] }], root: 0 };
}

test('the same plan has the same fingerprint, another plan or another form of state has not', () => {
  const one = fingerprintOf(constant(0));
  expect(fingerprintOf(constant(0))).toBe(one);
  const others = [constant(1), constant(-0), constant(Infinity), constant(NaN)].map((plan) =>
    fingerprintOf(plan),
  );
  expect(new Set([one, ...others, fingerprintOf(constant(0), 1)]).size).toBe(6);
});
