/**
 * The condition of a join taken apart: equalities between the sides become keys, predicates on the
 * right side alone filter it beforehand, the rest is tested on pairs.
 */
import { functionByKey } from '../../../dataflow/expr/function-table.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { Column } from '../logical/column.ts';
import { columnsRead } from '../logical/deep.ts';
import type { Scalar } from '../logical/scalar.ts';
import { castPath } from '../types/cast.ts';

export interface KeyPair {
  readonly left: Scalar;
  readonly right: Scalar;
  /** Equal also where both are NULL. */
  readonly nullsEqual: boolean;
  /** The predicate it came from. */
  readonly source: Scalar;
}

export interface Condition {
  readonly keys: readonly KeyPair[];
  readonly leftOnly: readonly Scalar[];
  readonly rightOnly: readonly Scalar[];
  /** On both sides, or on neither. */
  readonly residual: readonly Scalar[];
}

type Reads = 'left' | 'right' | 'both' | 'none';

/** Takes a conjunction apart for a join of inputs with these columns. */
export function splitCondition(
  on: readonly Scalar[],
  left: readonly Column[],
  right: readonly Column[],
): Condition {
  const leftIds = new Set(left.map((column) => column.id));
  const rightIds = new Set(right.map((column) => column.id));
  const reads = (scalar: Scalar): Reads => {
    const read = [...columnsRead(scalar).keys()];
    const onLeft = read.some((id) => leftIds.has(id));
    const onRight = read.some((id) => rightIds.has(id));
    return onLeft && onRight ? 'both' : onLeft ? 'left' : onRight ? 'right' : 'none';
  };
  const keys: KeyPair[] = [];
  const leftOnly: Scalar[] = [];
  const rightOnly: Scalar[] = [];
  const residual: Scalar[] = [];
  for (const predicate of on) {
    const key = keyOf(predicate, reads);
    if (key !== undefined) {
      keys.push(key);
      continue;
    }
    const side = reads(predicate);
    (side === 'left' ? leftOnly : side === 'right' ? rightOnly : residual).push(predicate);
  }
  return { keys, leftOnly, rightOnly, residual };
}

/** `left = right` or the same mirrored, both brought to one type. */
function keyOf(predicate: Scalar, reads: (scalar: Scalar) => Reads): KeyPair | undefined {
  const equality = equalityArguments(predicate);
  if (equality === undefined) return undefined;
  const {
    args: [a, b],
    nullsEqual,
  } = equality;
  const sides = [reads(a), reads(b)];
  const swapped = sides[0] === 'right' && sides[1] === 'left';
  if (!swapped && !(sides[0] === 'left' && sides[1] === 'right')) return undefined;
  const [left, right] = swapped ? [b, a] : [a, b];
  const unified = sameType(left, right);
  return unified === undefined
    ? undefined
    : { left: unified[0], right: unified[1], nullsEqual, source: predicate };
}

/** The two sides of an equality. */
export function equalityArguments(
  predicate: Scalar,
): { readonly args: readonly [Scalar, Scalar]; readonly nullsEqual: boolean } | undefined {
  if (predicate.kind !== 'same' && !(predicate.kind === 'call' && predicate.name === '='))
    return undefined;
  if (predicate.kind === 'call' && functionByKey(predicate.fn)?.kind !== 'operator')
    return undefined;
  const [a, b] = predicate.args;
  return a === undefined || b === undefined
    ? undefined
    : { args: [a, b], nullsEqual: predicate.kind === 'same' };
}

/** Types whose values can be widened without failing and without changing what is equal. */
const widths: readonly (readonly TypeName[])[] = [
  ['int2', 'int4', 'int8'],
  ['float4', 'float8'],
];

function sameType(left: Scalar, right: Scalar): readonly [Scalar, Scalar] | undefined {
  if (left.type === right.type) return [left, right];
  const a = typeInfo(left.type);
  const b = typeInfo(right.type);
  if (a.physical === b.physical && a.equality === b.equality && a.equality === 'bytes')
    return [left, right];
  const family = widths.find((list) => list.includes(left.type) && list.includes(right.type));
  if (family === undefined) return undefined;
  const wide = family.indexOf(left.type) > family.indexOf(right.type) ? left.type : right.type;
  return [widen(left, wide), widen(right, wide)];
}

function widen(scalar: Scalar, type: TypeName): Scalar {
  if (scalar.type === type) return scalar;
  const entry = castPath(scalar.type, type)?.entry;
  if (entry === undefined || entry === null) return { ...scalar, type };
  return {
    kind: 'call',
    fn: entry.key,
    name: entry.name,
    args: [scalar],
    type,
    modifier: -1,
    position: 0,
  };
}
