/**
 * Constant folding: an expression of constants becomes its value. What fails when it is evaluated
 * stays as it is, so that the error appears only if a row really needs the value.
 */
import { evaluateNode } from '../../../dataflow/expr/interpret.ts';
import { functionByKey } from '../../../dataflow/expr/function-table.ts';
import type { Expr } from '../../../dataflow/expr/expr.ts';
import { SqlError } from '../../base/error.ts';
import type { Call, Constant, Scalar } from '../logical/scalar.ts';
import {
  conjuncts,
  constant,
  falseConstant,
  mapChildren,
  sameDatum,
  trueConstant,
} from '../logical/scalar.ts';

/** Folds an expression, its children first. */
export function foldScalar(scalar: Scalar): Scalar {
  const folded = mapChildren(scalar, foldScalar);
  switch (folded.kind) {
    case 'call':
      return foldCall(folded);
    case 'and':
      return foldLogic(folded, false);
    case 'or':
      return foldLogic(folded, true);
    case 'not': {
      const { arg } = folded;
      if (!isConstant(arg)) return folded;
      return arg.value === null ? arg : arg.value === true ? falseConstant : trueConstant;
    }
    case 'isNull': {
      const { arg } = folded;
      return isConstant(arg) ? constant(arg.value === null, 'bool') : folded;
    }
    case 'coalesce':
      return foldCoalesce(folded);
    case 'case':
      return foldCase(folded);
    case 'same':
      return foldSame(folded);
    case 'column':
    case 'constant':
    case 'parameter':
    case 'subquery':
      return folded;
  }
}

function isConstant(scalar: Scalar): scalar is Constant {
  return scalar.kind === 'constant';
}

function foldCall(call: Call): Scalar {
  const entry = functionByKey(call.fn);
  if (entry?.evaluate === undefined || entry.setReturning) return call;
  if (
    entry.nullHandling === 'strict' &&
    call.args.some((arg) => isConstant(arg) && arg.value === null)
  ) {
    return { ...constant(null, call.type, call.modifier) };
  }
  const nodes: Expr[] = [];
  for (const arg of call.args) {
    if (!isConstant(arg)) return call;
    nodes.push({ kind: 'constant', value: arg.value, type: arg.type });
  }
  const args = nodes.map((_, i) => i);
  try {
    const value = evaluateNode(
      [...nodes, { kind: 'call', fn: call.fn, args, type: call.type }],
      nodes.length,
      [],
    );
    return constant(value, call.type, call.modifier, call.position);
  } catch (error) {
    if (error instanceof SqlError) return call;
    throw error;
  }
}

/**
 * AND with `deciding` false, OR with true: a deciding argument decides, as in Postgres even if one
 * before it would fail; those that say nothing go.
 */
function foldLogic(scalar: Extract<Scalar, { kind: 'and' | 'or' }>, deciding: boolean): Scalar {
  const kept: Scalar[] = [];
  for (const arg of scalar.args) {
    const parts = arg.kind === scalar.kind ? arg.args : [arg];
    for (const part of parts) {
      if (!isConstant(part)) kept.push(part);
      else if (part.value === deciding) return part;
      else if (part.value === null) kept.push(part);
    }
  }
  const [first, ...rest] = kept;
  if (first === undefined) return constant(!deciding, 'bool');
  return rest.length === 0 ? first : { ...scalar, args: kept };
}

function foldCoalesce(scalar: Extract<Scalar, { kind: 'coalesce' }>): Scalar {
  const kept: Scalar[] = [];
  for (const arg of scalar.args) {
    if (isConstant(arg) && arg.value === null) continue;
    kept.push(arg);
    if (isConstant(arg)) break;
  }
  const [first, ...rest] = kept;
  if (first === undefined) return constant(null, scalar.type, scalar.modifier);
  return rest.length === 0 && first.type === scalar.type ? first : { ...scalar, args: kept };
}

function foldCase(scalar: Extract<Scalar, { kind: 'case' }>): Scalar {
  const branches: (readonly [Scalar, Scalar])[] = [];
  let { otherwise } = scalar;
  for (const branch of scalar.branches) {
    const [condition, result] = branch;
    if (!isConstant(condition)) branches.push(branch);
    else if (condition.value === true) {
      otherwise = result;
      break;
    }
  }
  return branches.length === 0 ? otherwise : { ...scalar, branches, otherwise };
}

function foldSame(scalar: Extract<Scalar, { kind: 'same' }>): Scalar {
  const [left, right] = scalar.args;
  if (left === undefined || right === undefined || !isConstant(left) || !isConstant(right))
    return scalar;
  return sameDatum(left.value, right.value) ? trueConstant : scalar;
}

/** Folds a list of predicates; `undefined` if one of them is never true. */
export function foldPredicates(predicates: readonly Scalar[]): readonly Scalar[] | undefined {
  const kept: Scalar[] = [];
  for (const predicate of predicates.flatMap((each) => conjuncts(foldScalar(each)))) {
    if (!isConstant(predicate)) kept.push(predicate);
    else if (predicate.value !== true) return undefined;
  }
  return kept;
}
