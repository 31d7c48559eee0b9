/**
 * What identifies a plan from one start of the program to the next: state that a checkpoint has of
 * a dataflow belongs to its plan, and only to that.
 */
import { createHash } from 'node:crypto';
import { stateForm } from '../../dataflow/operators/state-form.ts';
import type { Plan } from '../../dataflow/plan/plan.ts';

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return { bigint: String(value) };
  if (typeof value === 'number' && !Number.isFinite(value)) return { number: String(value) };
  return Object.is(value, -0) ? { number: '-0' } : value;
}

/** Different for plans that differ in anything, and for other forms of what operators keep. */
export function fingerprintOf(plan: Plan, form = stateForm): string {
  return createHash('sha256')
    .update(JSON.stringify([form, plan], plain))
    .digest('base64');
}
