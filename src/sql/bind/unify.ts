/**
 * One type for several expressions: UNION, CASE, COALESCE, IN, VALUES, ARRAY, GREATEST (Postgres
 * manual, 10.5).
 */
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { sqlError } from '../../base/error.ts';
import type { SqlType } from '../catalog-view.ts';
import type { Scalar } from '../logical/scalar.ts';
import { canCoerce } from '../types/cast.ts';
import type { BindContext } from './context.ts';
import { positionOf, tryCoerce } from './coerce.ts';

/** An expression's type, and where to point if it does not fit. */
export interface Unifiable {
  readonly type: TypeName;
  readonly modifier: number;
  readonly position: number;
}

/** What unification needs to know of an expression. */
export function unifiable(scalar: Scalar): Unifiable {
  return { type: scalar.type, modifier: scalar.modifier, position: positionOf(scalar) };
}

/** The common type, or the first item that does not fit it. */
export function commonType(
  items: readonly Unifiable[],
): { readonly type: SqlType } | { readonly misfit: Unifiable; readonly type: SqlType } {
  let chosen: TypeName = 'unknown';
  for (const item of items) {
    if (item.type === 'unknown' || item.type === chosen) continue;
    if (chosen === 'unknown') {
      chosen = item.type;
      continue;
    }
    const current = typeInfo(chosen);
    if (current.category !== typeInfo(item.type).category) {
      return { misfit: item, type: { name: chosen, modifier: -1 } };
    }
    if (
      !current.preferred &&
      canCoerce(chosen, item.type, 'implicit') &&
      !canCoerce(item.type, chosen, 'implicit')
    ) {
      chosen = item.type;
    }
  }
  const name = chosen === 'unknown' ? 'text' : chosen;
  const [first] = items;
  const uniform =
    first !== undefined &&
    items.every((item) => item.type === name && item.modifier === first.modifier);
  return { type: { name, modifier: uniform ? first.modifier : -1 } };
}

/** The common type or 42804: `CASE types integer and text cannot be matched`. */
export function commonTypeOrFail(items: readonly Unifiable[], construct: string): SqlType {
  const result = commonType(items);
  if (!('misfit' in result)) return result.type;
  const names = [result.type.name, result.misfit.type].map((type) => typeInfo(type).sqlName);
  throw sqlError('42804', `${construct} types ${names[0]} and ${names[1]} cannot be matched`, {
    position: result.misfit.position,
  });
}

/** Brings an expression to the common type. */
export function coerceToCommon(
  context: BindContext,
  scalar: Scalar,
  type: SqlType,
  construct: string,
): Scalar {
  const target = scalar.type === type.name ? { name: type.name, modifier: -1 } : type;
  const coerced = tryCoerce(
    context,
    scalar,
    { ...target, modifier: -1 },
    'implicit',
    positionOf(scalar),
  );
  if (coerced !== undefined) return coerced;
  const names = [scalar.type, type.name].map((each) => typeInfo(each).sqlName);
  throw sqlError('42846', `${construct} could not convert type ${names[0]} to ${names[1]}`, {
    position: positionOf(scalar),
  });
}

/** Unifies a list of expressions. */
export function unify(
  context: BindContext,
  scalars: readonly Scalar[],
  construct: string,
): { readonly type: SqlType; readonly scalars: readonly Scalar[] } {
  const type = commonTypeOrFail(scalars.map(unifiable), construct);
  return {
    type,
    scalars: scalars.map((scalar) => coerceToCommon(context, scalar, type, construct)),
  };
}
