/**
 * Bringing expressions to a type: literals are parsed, parameters take the type asked for,
 * everything else goes through a cast of the table. Modifiers (`numeric(10,2)`, `varchar(5)`) are
 * applied last, by the length function of the type.
 */
import { evaluateNode } from '../../../dataflow/expr/interpret.ts';
import type { FunctionEntry } from '../../../dataflow/expr/function-entry.ts';
import { functionsNamed } from '../../../dataflow/expr/function-table.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { assert, defined } from '../../base/assert.ts';
import { SqlError, sqlError } from '../../base/error.ts';
import type { SqlType } from '../catalog-view.ts';
import type { Call, Constant, Scalar } from '../logical/scalar.ts';
import { constant } from '../logical/scalar.ts';
import { canCoerce, castPath } from '../types/cast.ts';
import type { CastContext } from '../types/cast.ts';
import { formatType } from '../types/type-name.ts';
import type { BindContext } from './context.ts';
import { relationText } from './catalog-text.ts';
import { registeredName } from './registered-name.ts';
import { inSessionZone, isDatetime, readDatetime } from './session-zone.ts';

/** A call of a table entry, where the zone of the session does not matter. */
export function callEntry(
  entry: FunctionEntry,
  args: readonly Scalar[],
  result: TypeName,
  position = 0,
  modifier = -1,
): Call {
  return {
    kind: 'call',
    fn: entry.key,
    name: entry.name,
    args,
    type: result,
    modifier,
    position,
  };
}

/** The same bytes under another type. */
export function relabel(scalar: Scalar, type: TypeName, modifier = -1): Scalar {
  return scalar.type === type && scalar.modifier === modifier
    ? scalar
    : { ...scalar, type, modifier };
}

/** Where the expression begins in the text, as far as it is known; else 0. */
export function positionOf(scalar: Scalar): number {
  switch (scalar.kind) {
    case 'column':
    case 'constant':
    case 'parameter':
    case 'subquery':
      return scalar.position;
    case 'call': {
      const first = scalar.args[0] === undefined ? 0 : positionOf(scalar.args[0]);
      return scalar.position === 0 || (first !== 0 && first < scalar.position)
        ? first
        : scalar.position;
    }
    case 'and':
    case 'or':
    case 'coalesce':
    case 'same':
      return scalar.args[0] === undefined ? 0 : positionOf(scalar.args[0]);
    case 'not':
    case 'isNull':
      return positionOf(scalar.arg);
    case 'case':
      return 0;
  }
}

/** True for literals and parameters that no context has given a type. */
export function isUnknown(scalar: Scalar): boolean {
  return scalar.type === 'unknown';
}

/** Brings an expression to a type, if the context allows it; undefined if it does not. */
export function tryCoerce(
  context: BindContext,
  scalar: Scalar,
  target: SqlType,
  cast: CastContext,
  position: number,
): Scalar | undefined {
  if (!canCoerce(scalar.type, target.name, cast)) return undefined;
  return applyModifier(
    coerceType(context, scalar, target, position),
    target.modifier,
    cast === 'explicit',
    position,
  );
}

function coerceType(
  context: BindContext,
  scalar: Scalar,
  target: SqlType,
  position: number,
): Scalar {
  if (scalar.kind === 'parameter' && isUnknown(scalar)) {
    context.parameters.decide(scalar.number, target.name, scalar.position);
    return { ...scalar, type: target.name };
  }
  if (isUnknown(scalar)) {
    if (scalar.kind === 'constant') return literal(context, scalar, target.name);
    return callCast(context, 'text', relabel(scalar, 'text'), target.name, position);
  }
  if (scalar.type === target.name) return scalar;
  return (
    registeredName(context, scalar, target.name, position) ??
    relationText(context, scalar, target.name) ??
    callCast(context, scalar.type, scalar, target.name, position)
  );
}

function callCast(
  context: BindContext,
  from: TypeName,
  scalar: Scalar,
  to: TypeName,
  position: number,
): Scalar {
  if (from === to) return relabel(scalar, to);
  const path = defined(castPath(from, to), `a cast from ${from} to ${to} exists`);
  if (path.entry === null) return relabel(scalar, to);
  const call = callEntry(path.entry, [scalar], to);
  if (context.zone === null) return call;
  return inSessionZone(context, path.entry, { ...call, position: positionOf(scalar) || position });
}

/** Reads a literal as a value of a type. Throws 22P02 and its kin with the literal's position. */
function literal(context: BindContext, scalar: Constant, type: TypeName): Scalar {
  if (scalar.value === null) return constant(null, type, -1, scalar.position);
  assert(typeof scalar.value === 'string', 'an untyped literal is a string');
  const registered = registeredName(
    context,
    relabelConstant(scalar, 'text'),
    type,
    scalar.position,
  );
  if (registered !== undefined) return registered;
  if (typeInfo(type).category === 'S' && type !== 'name' && type !== 'bpchar') {
    return constant(scalar.value, type, -1, scalar.position);
  }
  return constant(
    readLiteral(context, scalar.value, type, scalar.position),
    type,
    -1,
    scalar.position,
  );
}

function relabelConstant(scalar: Constant, type: TypeName): Constant {
  return { ...scalar, type };
}

/** Dates and times depend on the session, other literals do not. */
function readLiteral(context: BindContext, text: string, type: TypeName, position: number): Datum {
  if (!isDatetime(type)) return readText(text, type, position);
  try {
    return readDatetime(context, text, type, position);
  } catch (error) {
    throw error instanceof SqlError ? error.at(position) : error;
  }
}

/**
 * The value that a text denotes in a type other than those of dates and times. Throws SqlError with
 * `position`.
 */
export function readText(text: string, type: TypeName, position: number): Datum {
  if (type === 'text' || type === 'varchar' || type === 'unknown') return text;
  const path = castPath('text', type);
  if (path === undefined) {
    throw sqlError('0A000', `input of type ${typeInfo(type).sqlName} is not supported`, {
      position,
    });
  }
  if (path.entry === null) return text;
  try {
    return evaluateNode(
      [
        { kind: 'constant', value: text, type: 'text' },
        { kind: 'call', fn: path.entry.key, args: [0], type },
      ],
      1,
      [],
    );
  } catch (error) {
    throw error instanceof SqlError ? error.at(position) : error;
  }
}

/**
 * Applies a length or scale. An explicit cast cuts text off, an assignment refuses what is too
 * long.
 */
export function applyModifier(
  scalar: Scalar,
  modifier: number,
  explicit: boolean,
  position: number,
): Scalar {
  if (modifier < 0 || scalar.modifier === modifier) return scalar;
  const { type } = scalar;
  const entry = functionsNamed(type).find(
    (each) =>
      each.args[0] === type &&
      each.args[1] === 'int4' &&
      (each.args.length === 2 || (each.args.length === 3 && each.args[2] === 'bool')),
  );
  if (entry === undefined) {
    throw sqlError(
      '0A000',
      `type modifier of type ${formatType({ name: type, modifier })} is not supported`,
      { position },
    );
  }
  const args = [scalar, constant(modifier, 'int4'), constant(explicit, 'bool')].slice(
    0,
    entry.args.length,
  );
  return callEntry(entry, args, type, 0, modifier);
}

/** Brings an expression to a type or throws: 42846 for casts, which name both types. */
export function coerceOrFail(
  context: BindContext,
  scalar: Scalar,
  target: SqlType,
  cast: CastContext,
  position: number,
): Scalar {
  const coerced = tryCoerce(context, scalar, target, cast, position);
  if (coerced !== undefined) return coerced;
  throw sqlError(
    '42846',
    `cannot cast type ${typeInfo(scalar.type).sqlName} to ${typeInfo(target.name).sqlName}`,
    { position },
  );
}

/** A condition: `argument of WHERE must be type boolean, not type integer`. */
export function coerceToBoolean(
  context: BindContext,
  scalar: Scalar,
  construct: string,
  position: number,
): Scalar {
  const coerced = tryCoerce(context, scalar, { name: 'bool', modifier: -1 }, 'implicit', position);
  if (coerced !== undefined) return coerced;
  throw sqlError(
    '42804',
    `argument of ${construct} must be type boolean, not type ${typeInfo(scalar.type).sqlName}`,
    { position },
  );
}

/** An untyped literal becomes text, as in the output of a SELECT. */
export function settleUnknown(context: BindContext, scalar: Scalar): Scalar {
  return isUnknown(scalar)
    ? coerceType(context, scalar, { name: 'text', modifier: -1 }, positionOf(scalar))
    : scalar;
}
