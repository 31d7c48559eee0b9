/**
 * What every branch of an OR asks for is asked for on its own: `(k = x AND p) OR (k = x AND q)` is
 * `k = x AND (p OR q)`, so that the equality can become a join's key.
 */
import { conjuncts, and, or, sameScalar } from '../logical/scalar.ts';
import type { Scalar } from '../logical/scalar.ts';

/** The conjuncts of a predicate, with common parts of a disjunction taken out. */
export function factored(predicate: Scalar): readonly Scalar[] {
  if (predicate.kind !== 'or') return conjuncts(predicate);
  const branches = predicate.args.map(conjuncts);
  const [first, ...others] = branches;
  const common = (first ?? []).filter((part) =>
    others.every((branch) => branch.some((each) => sameScalar(each, part))),
  );
  if (common.length === 0) return [predicate];
  const rests = branches.map((branch) =>
    branch.filter((part) => !common.some((each) => sameScalar(each, part))),
  );
  return rests.some((rest) => rest.length === 0) ? common : [...common, or(rests.map(and))];
}
