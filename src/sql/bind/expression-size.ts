/**
 * The size of bound expressions. Some constructs repeat an operand (`NULLIF`, `BETWEEN`, `CASE x`),
 * so nesting them makes a tree that is exponentially larger than the text, though it is held as a
 * graph. Everything behind the binder walks trees; so the tree's size is bounded here.
 */
import { sqlError } from '../../base/error.ts';
import { limits } from '../../base/limits.ts';
import { children } from '../logical/scalar.ts';
import type { Scalar } from '../logical/scalar.ts';

const sizes = new WeakMap<Scalar, number>();

/** Nodes of the tree, repeated ones counted as often as they occur. */
export function sizeOf(scalar: Scalar): number {
  const known = sizes.get(scalar);
  if (known !== undefined) return known;
  let size = 1;
  for (const child of children(scalar)) size += sizeOf(child);
  sizes.set(scalar, size);
  return size;
}

/** The expression, if it is not too large; else 54001. */
export function withinSize(scalar: Scalar, position: number): Scalar {
  if (sizeOf(scalar) <= limits.expressionNodesMax) return scalar;
  throw sqlError('54001', 'stack depth limit exceeded', {
    position,
    hint: `An expression may have at most ${limits.expressionNodesMax} parts, repeated operands counted.`,
  });
}
