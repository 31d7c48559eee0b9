/**
 * The order of inner joins: left-deep, following the text, except that an input waits until
 * something before it has an equality with it, if there is such an input at all. No statistics are
 * consulted.
 */
import { assert } from '../../base/assert.ts';
import { columnsRead } from '../logical/deep.ts';
import type { Rel } from '../logical/rel.ts';
import { columnsOf, filter, unit } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { equalityArguments } from '../lower/join-keys.ts';

/** Joins the inputs; every predicate is applied as soon as its columns are there. */
export function orderJoins(inputs: readonly Rel[], predicates: readonly Scalar[]): Rel {
  const waiting = [...inputs];
  let open = [...predicates];
  let joined = waiting.shift() ?? unit;
  while (waiting.length > 0) {
    const have = new Set(columnsOf(joined).map((column) => column.id));
    const connected = waiting.findIndex((input) =>
      open.some((predicate) => connects(predicate, have, input)),
    );
    const [next] = waiting.splice(Math.max(connected, 0), 1);
    assert(next !== undefined, 'an input is left');
    for (const column of columnsOf(next)) have.add(column.id);
    const on = open.filter((predicate) =>
      [...columnsRead(predicate).keys()].every((id) => have.has(id)),
    );
    open = open.filter((predicate) => !on.includes(predicate));
    joined =
      next === unit && on.length === 0
        ? joined
        : { kind: 'join', type: 'inner', left: joined, right: next, on };
  }
  return filter(joined, open);
}

/** True if the predicate equates something of the input with something that is there. */
function connects(predicate: Scalar, have: ReadonlySet<number>, input: Rel): boolean {
  const equality = equalityArguments(predicate);
  if (equality === undefined) return false;
  const own = new Set(columnsOf(input).map((column) => column.id));
  const within = (scalar: Scalar, ids: ReadonlySet<number>): boolean => {
    const read = [...columnsRead(scalar).keys()];
    return read.length > 0 && read.every((id) => ids.has(id));
  };
  const [a, b] = equality.args;
  return (within(a, have) && within(b, own)) || (within(b, have) && within(a, own));
}
