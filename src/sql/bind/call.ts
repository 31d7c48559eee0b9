/**
 * Calls: of aggregates (taken out into the reduce of the query they belong to), of session
 * functions (constants), of types as functions (casts), of set-returning functions, of everything
 * else.
 */
import type { Expression, FunctionCall } from '../ast.ts';
import { functionsNamed } from '../../../dataflow/expr/function-table.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import { defined } from '../../base/assert.ts';
import { columnReference, constant, sameScalar, walk } from '../logical/scalar.ts';
import type { Scalar } from '../logical/scalar.ts';
import { canCoerce } from '../types/cast.ts';
import { chooseFunction } from '../types/overload.ts';
import type { Choice } from '../types/overload.ts';
import { typeNamed } from '../types/type-name.ts';
import {
  aggregateFamily,
  countStar,
  isMissingAggregate,
  isWindowFunction,
} from './aggregate-table.ts';
import { coerceOrFail, coerceToBoolean, isUnknown, settleUnknown } from './coerce.ts';
import type { BindContext } from './context.ts';
import { catalogFunction } from './catalog-text.ts';
import type { BoundAggregate, Environment } from './environment.ts';
import { functionText } from './function-text.ts';
import { applyChoice, coerceArguments, padded, resolveFunction } from './operator-call.ts';
import { effectFunction } from './session-effect.ts';
import { keywordFunction, sessionFunction } from './session-function.ts';

export type BindChild = (child: Expression, environment: Environment) => Scalar;

/** The name to look up, or undefined if the schema holds no functions. */
function functionName(call: FunctionCall): string | undefined {
  const { parts } = call.name;
  const schema = parts.length > 1 ? parts[parts.length - 2] : 'pg_catalog';
  return schema === 'pg_catalog' || schema === 'mz_catalog' ? parts[parts.length - 1] : undefined;
}

/** Binds a call of any kind. `bind` binds its arguments in an environment. */
export function bindCall(call: FunctionCall, environment: Environment, bind: BindChild): Scalar {
  const { position } = call;
  const name = functionName(call) ?? '';
  if (call.over !== null || isWindowFunction(name))
    throw unsupported('a window function', position);
  if (call.withinGroup) throw unsupported('WITHIN GROUP', position);
  if (call.variadic) throw unsupported('VARIADIC in a call', position);
  if (isMissingAggregate(name)) throw unsupported(`aggregate ${name}`, position);
  if (aggregateFamily(name) !== undefined) return bindAggregate(call, name, environment, bind);
  refuseAggregateClauses(call);
  const args = call.args.map((arg) => bind(arg, environment));
  return bindPlain(call, name, args, environment);
}

function refuseAggregateClauses(call: FunctionCall): void {
  const shown = call.name.parts.join('.');
  const { position } = call;
  if (call.star)
    throw sqlError('42809', `${shown}(*) specified, but ${shown} is not an aggregate function`, {
      position,
    });
  if (call.distinct)
    throw sqlError('42809', `DISTINCT specified, but ${shown} is not an aggregate function`, {
      position,
    });
  if (call.order.length > 0)
    throw sqlError('42809', `ORDER BY specified, but ${shown} is not an aggregate function`, {
      position,
    });
  if (call.filter !== null)
    throw sqlError('42809', `FILTER specified, but ${shown} is not an aggregate function`, {
      position,
    });
}

function bindPlain(
  call: FunctionCall,
  name: string,
  args: readonly Scalar[],
  environment: Environment,
): Scalar {
  const { context } = environment;
  const { position } = call;
  const hasRows = environment.scope.items.length > 0;
  const session =
    effectFunction(context, name, args, hasRows, position) ??
    sessionFunction(context, name, args, position);
  if (session !== undefined) return session;
  const cast = castByName(name, args, environment, position);
  if (cast !== undefined) return cast;
  if (
    name === 'pg_typeof' &&
    args.length === 1 &&
    args[0]?.kind === 'constant' &&
    args[0].type === 'unknown'
  ) {
    return constant(BigInt(typeInfo('unknown').oid), 'regtype');
  }
  if (name === 'octet_length' && args[0]?.type === 'bpchar' && args[0].modifier >= 0) {
    return bindPlain(call, name, [padded(context, args[0]), ...args.slice(1)], environment);
  }
  const choice = resolveFunction(name, call.name.parts.join('.'), args, position);
  const known = knownOids(context, choice, args);
  const fromCatalog = catalogFunction(context, name, known) ?? functionText(context, name, known);
  if (fromCatalog !== undefined) return fromCatalog;
  if (name === 'age' && args.length === 1) return ageOfToday(call, args, environment);
  if (choice.entry.evaluate === undefined && !choice.entry.setReturning)
    throw unsupported(`${name}() of these arguments`, position);
  const applied = applyChoice(context, choice, args, position);
  if (!choice.entry.setReturning) return applied;
  if (environment.setFunctions === null) {
    throw sqlError('0A000', `set-returning functions are not allowed in ${environment.clause}`, {
      position,
    });
  }
  if (choice.entry.columns !== undefined) throw unsupported(`${name} in a select list`, position);
  if (applied.kind !== 'call') throw unsupported(`${name} in a select list`, position);
  const column = context.columns.make(name, { name: applied.type, modifier: -1 });
  environment.setFunctions.push({ column, call: applied });
  return columnReference(column, position);
}

/** The arguments in their types: `pg_get_viewdef(16384)` is called with an integer. */
function knownOids(
  context: BindContext,
  choice: Choice,
  args: readonly Scalar[],
): readonly Scalar[] {
  if (choice.args[0] !== 'oid') return args;
  const [first, ...rest] = coerceArguments(context, choice, args);
  const [written] = args;
  if (written?.kind === 'constant' && typeof written.value === 'number')
    return [constant(BigInt(written.value), 'oid'), ...rest];
  return first === undefined ? args : [first, ...rest];
}

/** `age(x)` counts from the start of today. */
function ageOfToday(call: FunctionCall, args: readonly Scalar[], environment: Environment): Scalar {
  const { context } = environment;
  const today = keywordFunction(context, 'current_date', null, call.position);
  const start = coerceOrFail(
    context,
    today,
    { name: 'timestamp', modifier: -1 },
    'explicit',
    call.position,
  );
  const both = [start, ...args];
  return applyChoice(
    context,
    resolveFunction('age', 'age', both, call.position),
    both,
    call.position,
  );
}

/**
 * `text(x)`: a type's name called like a function is a cast, where no function of that name fits.
 */
function castByName(
  name: string,
  args: readonly Scalar[],
  environment: Environment,
  position: number,
): Scalar | undefined {
  const [arg] = args;
  const type = typeNamed(name);
  if (type === undefined || arg === undefined || args.length > 1) return undefined;
  if (typeof chooseFunction(functionsNamed(name), [arg.type]) !== 'string') return undefined;
  if (!isUnknown(arg) && !canCoerce(arg.type, type, 'explicit')) return undefined;
  return coerceOrFail(environment.context, arg, { name: type, modifier: -1 }, 'explicit', position);
}

function misplaced(environment: Environment, position: number): Error {
  return environment.insideAggregate
    ? sqlError('42803', 'aggregate function calls cannot be nested', { position })
    : sqlError('42803', `aggregate functions are not allowed in ${environment.clause}`, {
        position,
      });
}

/** An aggregate: bound in its own environment, registered with the query whose columns it reads. */
function bindAggregate(
  call: FunctionCall,
  name: string,
  environment: Environment,
  bind: BindChild,
): Scalar {
  const { context } = environment;
  const { position } = call;
  const inside: Environment = {
    ...environment,
    aggregates: null,
    setFunctions: null,
    insideAggregate: true,
    clause: 'an aggregate',
  };
  const found = call.args.map((arg) => bind(arg, inside));
  const family = defined(aggregateFamily(name), 'the caller has looked it up');
  const choice = resolveFunction(
    name,
    call.name.parts.join('.'),
    found,
    position,
    call.star ? countStar : family.entries,
  );
  if (!call.star && found.length === 0) {
    throw sqlError('42809', `${name}(*) must be used to call a parameterless aggregate function`, {
      position,
    });
  }
  const args = coerceArguments(context, choice, found);
  const filtering: Environment = { ...inside, insideAggregate: true, clause: 'FILTER' };
  const filter =
    call.filter === null
      ? null
      : coerceToBoolean(context, bind(call.filter, filtering), 'FILTER', call.filter.position);
  const order = call.order.map((item) => ({
    scalar: settleUnknown(context, bind(item.expression, inside)),
    descending: item.descending,
    nullsFirst: item.nullsFirst,
  }));
  checkDistinctOrder(call, args, order);
  const column = context.columns.make(name, { name: choice.result, modifier: -1 });
  const aggregate: BoundAggregate = {
    column,
    fn: family.fn,
    args,
    filter,
    distinct: call.distinct,
    order,
  };
  register(aggregate, environment, position);
  return columnReference(column, position);
}

function checkDistinctOrder(
  call: FunctionCall,
  args: readonly Scalar[],
  order: BoundAggregate['order'],
): void {
  if (!call.distinct || order.length === 0) return;
  const fits = order.every((item) => args.some((arg) => sameScalar(arg, item.scalar)));
  if (fits) return;
  throw sqlError(
    '42P10',
    'in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list',
    { position: call.order[0]?.position ?? call.position },
  );
}

/** Finds the innermost query whose columns the aggregate reads; without columns it is this one. */
function register(aggregate: BoundAggregate, environment: Environment, position: number): void {
  const read = new Set<number>();
  for (const scalar of [
    ...aggregate.args,
    ...(aggregate.filter === null ? [] : [aggregate.filter]),
  ]) {
    walk(scalar, (node) => {
      if (node.kind === 'column') read.add(node.column.id);
    });
  }
  let at: Environment = environment;
  while (read.size > 0 && !readsFrom(at, read) && at.outer !== null) at = at.outer;
  if (at.aggregates === null) throw misplaced(at, position);
  at.aggregates.push(aggregate);
}

function readsFrom(environment: Environment, read: ReadonlySet<number>): boolean {
  return environment.scope.items.some((item) =>
    item.columns.some((each) => read.has(each.column.id)),
  );
}
