/**
 * Expressions: syntax → typed scalars. One function per construct; what has rules of its own
 * (operators, calls, aggregates, subqueries, session functions) lives in its own file.
 *
 * Chains of infix operators are bound in a loop, and the depth of everything is bounded, so that no
 * text can exhaust the stack.
 */
import type { Expression } from '../ast.ts';
import { functionsNamed } from '../../../dataflow/expr/function-table.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import { defined } from '../../base/assert.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import { limits } from '../../base/limits.ts';
import type { Scalar } from '../logical/scalar.ts';
import {
  and,
  caseOf,
  coalesce,
  columnReference,
  constant,
  isNull,
  not,
  or,
  walk,
} from '../logical/scalar.ts';
import { isCollation } from '../types/collation.ts';
import { resolveType } from '../types/type-name.ts';
import { withinSize } from './expression-size.ts';
import { bindCall } from './call.ts';
import {
  callEntry,
  coerceToBoolean,
  coerceOrFail,
  isUnknown,
  positionOf,
  readText,
  relabel,
} from './coerce.ts';
import type { Environment } from './environment.ts';
import { isDistinct, rowComparison } from './comparison.ts';
import { callOperator } from './operator-call.ts';
import { bindQuantified } from './quantified.ts';
import { resolveColumn } from './scope.ts';
import { keywordFunction } from './session-function.ts';
import { bindSubquery, bindSubqueryComparison } from './subquery.ts';
import { bindSubscript } from './subscript.ts';
import { coerceToCommon, commonType, commonTypeOrFail, unifiable, unify } from './unify.ts';

/** Binds an expression; untyped literals keep the type `unknown`. */
export function bindExpression(expression: Expression, environment: Environment): Scalar {
  return bindAt(expression, environment, 0);
}

/** Binds a condition: `construct` names it in the message for other types than boolean. */
export function bindCondition(
  expression: Expression,
  environment: Environment,
  construct: string,
): Scalar {
  const scalar = bindExpression(expression, environment);
  return coerceToBoolean(
    environment.context,
    scalar,
    construct,
    positionOf(scalar) || expression.position,
  );
}

function tooDeep(position: number): Error {
  return sqlError('54001', 'stack depth limit exceeded', {
    position,
    hint: `An expression may have at most ${limits.expressionDepthMax} levels.`,
  });
}

function bindAt(expression: Expression, environment: Environment, depth: number): Scalar {
  if (depth > limits.expressionDepthMax) throw tooDeep(expression.position);
  return withinSize(bindKind(expression, environment, depth), expression.position);
}

function bindKind(expression: Expression, environment: Environment, depth: number): Scalar {
  const { context } = environment;
  const bind = (child: Expression): Scalar => bindAt(child, environment, depth + 1);
  const condition = (child: Expression, construct: string): Scalar =>
    asCondition(context, bind(child), construct, child.position);
  switch (expression.kind) {
    case 'null':
      return constant(null, 'unknown', -1, expression.position);
    case 'boolean':
    case 'number':
    case 'string':
      return bindLiteral(expression);
    case 'parameter':
      return bindParameter(expression, environment);
    case 'column':
      return bindColumn(expression, environment);
    case 'unary':
      return bindUnary(expression, bind, environment);
    case 'binary':
      return bindChain(expression, environment, depth);
    case 'and':
      return and(expression.operands.map((operand) => condition(operand, 'AND')));
    case 'or':
      return or(expression.operands.map((operand) => condition(operand, 'OR')));
    case 'not':
      return not(condition(expression.operand, 'NOT'));
    case 'isNull':
      return bindIsNull(expression, bind);
    case 'isBoolean':
      return bindIsBoolean(expression, condition);
    case 'isDistinct':
      return bindIsDistinct(expression, bind, environment);
    case 'between':
      return bindBetween(expression, bind, environment);
    case 'in':
      return bindIn(expression, bind, environment);
    case 'quantified':
      return bindQuantified(context, expression, bind(expression.operand), bind(expression.array));
    case 'case':
      return bindCase(expression, bind, condition, environment);
    case 'cast':
      return bindCast(expression, bind, environment);
    case 'coalesce':
      return bindCoalesce(expression.operands.map(bind), context);
    case 'greatest':
    case 'least':
      return bindExtreme(expression, bind, environment);
    case 'nullif':
      return bindNullIf(expression, bind, environment);
    case 'call':
      return bindCall(expression, environment, (child, inside) => bindAt(child, inside, depth + 1));
    case 'array':
      return bindArray(expression, bind, environment);
    case 'subscript':
      return bindSubscript(context, expression, bind);
    case 'collate':
      return bindCollate(expression, bind);
    case 'keywordFunction':
      return keywordFunction(context, expression.name, expression.precision, expression.position);
    case 'subquery':
      return bindSubquery(expression, environment);
    case 'subqueryComparison':
      return bindSubqueryComparison(expression, environment, bind);
    case 'row':
    case 'field':
    case 'default':
    case 'star':
      throw refused(expression.kind, expression.position);
  }
}

type Bind = (child: Expression) => Scalar;
type Kind<K extends Expression['kind']> = Extract<Expression, { kind: K }>;

function bindIsDistinct(
  expression: Kind<'isDistinct'>,
  bind: Bind,
  { context }: Environment,
): Scalar {
  const distinct = isDistinct(context, expression, bind);
  return expression.negated ? not(distinct) : distinct;
}

function asCondition(
  context: Environment['context'],
  scalar: Scalar,
  construct: string,
  position: number,
): Scalar {
  return coerceToBoolean(context, scalar, construct, positionOf(scalar) || position);
}

function bindColumn({ name, position }: Kind<'column'>, { scope }: Environment): Scalar {
  return columnReference(resolveColumn(name, scope).found.column, position);
}

function bindCoalesce(operands: readonly Scalar[], context: Environment['context']): Scalar {
  const { type, scalars } = unify(context, operands, 'COALESCE');
  return coalesce(scalars, type.name, type.modifier);
}

/** What has no value here. */
function refused(kind: 'row' | 'field' | 'default' | 'star', position: number): Error {
  switch (kind) {
    case 'row':
      return unsupported('a row as a value', position);
    case 'field':
      return unsupported('a field of a composite value', position);
    case 'default':
      return sqlError('42601', 'DEFAULT is not allowed in this context', { position });
    case 'star':
      return sqlError('42601', 'row expansion via "*" is not supported here', { position });
  }
}

function bindLiteral(literal: Kind<'boolean'> | Kind<'number'> | Kind<'string'>): Scalar {
  const { position } = literal;
  switch (literal.kind) {
    case 'boolean':
      return constant(literal.value, 'bool', -1, position);
    case 'number':
      return bindNumber(literal.text, position);
    case 'string':
      return constant(literal.value, 'unknown', -1, position);
  }
}

const int4Max = 2147483647n;
const int8Max = 9223372036854775807n;

/**
 * A number as written, with a sign if it had one: int4, int8 or numeric, the first that holds it.
 */
function bindNumber(text: string, position: number): Scalar {
  if (/^-?\d+$/.test(text)) {
    const value = BigInt(text);
    if (value >= -int4Max - 1n && value <= int4Max)
      return constant(Number(value), 'int4', -1, position);
    if (value >= -int8Max - 1n && value <= int8Max) return constant(value, 'int8', -1, position);
  }
  return constant(readText(text, 'numeric', position), 'numeric', -1, position);
}

/** A parameter: its value where it is known, else what inference knows of its type. */
function bindParameter(expression: Kind<'parameter'>, { context }: Environment): Scalar {
  const { number, position } = expression;
  const type = context.parameters.typeOf(number, position);
  const value = context.values?.[number - 1];
  if (value !== undefined && type !== 'unknown') return constant(value, type, -1, position);
  if (context.values !== null)
    throw sqlError('42P02', `there is no parameter $${number}`, { position });
  return { kind: 'parameter', number, type, modifier: -1, position };
}

function bindUnary(expression: Kind<'unary'>, bind: Bind, environment: Environment): Scalar {
  const { operand, operator, position } = expression;
  if (operator === '-' && operand.kind === 'number')
    return bindNumber(`-${operand.text}`, position);
  return callOperator(environment.context, operator, [bind(operand)], position);
}

/** Infix operators, a left-deep chain of them in a loop. */
function bindChain(expression: Kind<'binary'>, environment: Environment, depth: number): Scalar {
  const { context } = environment;
  const chain: Kind<'binary'>[] = [];
  let first: Expression = expression;
  while (first.kind === 'binary') {
    chain.push(first);
    first = first.left;
  }
  const inner = depth + chain.length;
  if (inner > limits.expressionDepthMax) throw tooDeep(expression.position);
  if (first.kind === 'row') {
    const last = defined(chain.pop(), 'a chain has a link');
    const compared = rowComparison(context, last, (child) => bindAt(child, environment, inner));
    return closeChain(compared, chain, environment, depth);
  }
  return closeChain(bindAt(first, environment, inner), chain, environment, depth);
}

function closeChain(
  first: Scalar,
  chain: readonly Kind<'binary'>[],
  environment: Environment,
  depth: number,
): Scalar {
  let result = first;
  for (const link of chain.toReversed()) {
    const right = bindAt(link.right, environment, depth + 1);
    result = callOperator(environment.context, link.operator, [result, right], link.position);
  }
  return result;
}

function bindIsNull(expression: Kind<'isNull'>, bind: Bind): Scalar {
  if (expression.operand.kind === 'row') {
    const each = expression.operand.elements.map((element) => isNull(bind(element)));
    return and(expression.negated ? each.map(not) : each);
  }
  const test = isNull(bind(expression.operand));
  return expression.negated ? not(test) : test;
}

function bindIsBoolean(
  expression: Kind<'isBoolean'>,
  condition: (child: Expression, construct: string) => Scalar,
): Scalar {
  const negation = expression.negated ? 'NOT ' : '';
  const operand = condition(expression.operand, `IS ${negation}${expression.test.toUpperCase()}`);
  const unknownTest = isNull(operand);
  const test =
    expression.test === 'unknown'
      ? unknownTest
      : and([not(unknownTest), expression.test === 'true' ? operand : not(operand)]);
  return expression.negated ? not(test) : test;
}

function bindBetween(expression: Kind<'between'>, bind: Bind, environment: Environment): Scalar {
  const { context } = environment;
  const { position } = expression;
  const operand = bind(expression.operand);
  const low = bind(expression.low);
  const high = bind(expression.high);
  const within = (lower: Scalar, upper: Scalar): Scalar =>
    and([
      callOperator(context, '>=', [operand, lower], position),
      callOperator(context, '<=', [operand, upper], position),
    ]);
  const outside = (lower: Scalar, upper: Scalar): Scalar =>
    or([
      callOperator(context, '<', [operand, lower], position),
      callOperator(context, '>', [operand, upper], position),
    ]);
  if (expression.negated) {
    return expression.symmetric
      ? and([outside(low, high), outside(high, low)])
      : outside(low, high);
  }
  return expression.symmetric ? or([within(low, high), within(high, low)]) : within(low, high);
}

/**
 * `x IN (a, b)`: equal to one of them; the list is first brought to one type with x where it has
 * one.
 */
function bindIn(expression: Kind<'in'>, bind: Bind, environment: Environment): Scalar {
  const { context } = environment;
  const { operand, list, negated, position } = expression;
  const operator = negated ? '<>' : '=';
  const join = negated ? and : or;
  if (operand.kind === 'row') {
    return join(
      list.map((item) =>
        rowComparison(
          context,
          {
            kind: 'binary',
            operator,
            left: operand,
            right: item,
            position,
          },
          bind,
        ),
      ),
    );
  }
  const left = bind(operand);
  const items = list.map(bind);
  const fixed = new Set(items.filter((item) => !readsColumns(item)));
  const common = fixed.size > 1 ? commonType([left, ...fixed].map(unifiable)) : undefined;
  return join(
    items.map((item) => {
      const right =
        common !== undefined && !('misfit' in common) && fixed.has(item)
          ? coerceToCommon(context, item, common.type, 'IN')
          : item;
      return callOperator(context, operator, [left, right], position);
    }),
  );
}

function readsColumns(scalar: Scalar): boolean {
  let found = false;
  walk(scalar, (node) => {
    found ||= node.kind === 'column' || node.kind === 'subquery';
  });
  return found;
}

function bindCase(
  expression: Kind<'case'>,
  bind: Bind,
  condition: (child: Expression, construct: string) => Scalar,
  environment: Environment,
): Scalar {
  const { context } = environment;
  const operand = expression.operand === null ? null : bind(expression.operand);
  const whens = expression.branches.map(({ when }) =>
    operand === null
      ? condition(when, 'CASE/WHEN')
      : callOperator(context, '=', [operand, bind(when)], when.position),
  );
  const thens = expression.branches.map(({ then }) => bind(then));
  const otherwise =
    expression.otherwise === null ? constant(null, 'unknown') : bind(expression.otherwise);
  const type = commonTypeOrFail([otherwise, ...thens].map(unifiable), 'CASE');
  const results = thens.map((then) => coerceToCommon(context, then, type, 'CASE'));
  const branches = whens.map((when, i): readonly [Scalar, Scalar] => [
    when,
    defined(results[i], 'a branch has a result'),
  ]);
  return caseOf(
    branches,
    coerceToCommon(context, otherwise, type, 'CASE'),
    type.name,
    type.modifier,
  );
}

function bindCast(expression: Kind<'cast'>, bind: Bind, environment: Environment): Scalar {
  const { context } = environment;
  const { operand, type: reference, position } = expression;
  const type = resolveType(reference);
  if (operand.kind === 'array' && typeInfo(type.name).element !== undefined) {
    const element = defined(typeInfo(type.name).element, 'an array type has an element type');
    const elements = operand.elements.map((each) =>
      coerceOrFail(
        context,
        bind(each),
        { name: element, modifier: type.modifier },
        'explicit',
        each.position,
      ),
    );
    return arrayOf(elements, type.name, operand.position);
  }
  if (reference.fields !== '' && operand.kind === 'string') {
    const fielded = /^\s*[-+]?\d+(\.\d+)?\s*$/.test(operand.value)
      ? `${operand.value} ${reference.fields}`
      : null;
    if (fielded === null || reference.fields.includes(' '))
      throw unsupported(`interval ${reference.fields}`, position);
    return constant(
      readText(fielded, 'interval', operand.position),
      'interval',
      -1,
      operand.position,
    );
  }
  if (reference.fields !== '') throw unsupported(`interval ${reference.fields}`, position);
  const value = coerceOrFail(context, bind(operand), type, 'explicit', position);
  return type.modifier < 0 && forgetful.has(type.name) ? relabel(value, type.name) : value;
}

/** A cast to one of these types without a modifier forgets the one that the value had. */
const forgetful = new Set(['numeric', 'varchar', 'time', 'timestamp', 'timestamptz']);

function arrayOf(elements: readonly Scalar[], type: Scalar['type'], position: number): Scalar {
  if (elements.every((each) => each.kind === 'constant')) {
    return constant(
      { kind: 'array', elements: elements.map((each) => each.value) },
      type,
      -1,
      position,
    );
  }
  return callEntry(
    defined(functionsNamed('array')[0], 'the array constructor is in the table'),
    elements,
    type,
    position,
  );
}

function bindArray(expression: Kind<'array'>, bind: Bind, environment: Environment): Scalar {
  if (expression.elements.length === 0) {
    throw sqlError('42P18', 'cannot determine type of empty array', {
      position: expression.position,
      hint: 'Explicitly cast to the desired type, for example ARRAY[]::integer[].',
    });
  }
  if (expression.elements.some((element) => element.kind === 'array')) {
    throw unsupported('an array of several dimensions', expression.position);
  }
  const { type, scalars } = unify(environment.context, expression.elements.map(bind), 'ARRAY');
  const array = resolveType({
    name: { parts: [type.name], position: expression.position },
    modifiers: [],
    array: true,
    fields: '',
    position: expression.position,
  });
  return arrayOf(scalars, array.name, expression.position);
}

function bindExtreme(
  expression: Kind<'coalesce' | 'greatest' | 'least'>,
  bind: Bind,
  environment: Environment,
): Scalar {
  const { type, scalars } = unify(
    environment.context,
    expression.operands.map(bind),
    expression.kind.toUpperCase(),
  );
  const entry = defined(functionsNamed(expression.kind)[0], 'GREATEST and LEAST are in the table');
  return callEntry(entry, scalars, type.name, expression.position, type.modifier);
}

function bindNullIf(expression: Kind<'nullif'>, bind: Bind, environment: Environment): Scalar {
  const { context } = environment;
  const left = bind(expression.left);
  const right = bind(expression.right);
  const equal = callOperator(context, '=', [left, right], expression.position);
  // Numbers and texts are given as the comparison sees them: nullif(1, 2.5) is numeric.
  const isCompared = isUnknown(left) || /[NS]/.test(typeInfo(left.type).category);
  const value =
    isCompared && equal.kind === 'call' ? defined(equal.args[0], 'an operator has operands') : left;
  return caseOf([[equal, constant(null, value.type)]], value, value.type, value.modifier);
}

function bindCollate(expression: Kind<'collate'>, bind: Bind): Scalar {
  const { parts } = expression.collation;
  const name = parts[parts.length - 1] ?? '';
  if (!isCollation(name)) {
    throw sqlError('42704', `collation "${parts.join('.')}" for encoding "UTF8" does not exist`, {
      position: expression.position,
    });
  }
  const operand = bind(expression.operand);
  const { category, sqlName, element } = typeInfo(operand.type);
  const collatable =
    category === 'S' ||
    isUnknown(operand) ||
    (element !== undefined && typeInfo(element).category === 'S');
  if (!collatable)
    throw sqlError('42804', `collations are not supported by type ${sqlName}`, {
      position: expression.position,
    });
  return operand;
}
