/**
 * Expressions of the grammar's tree to ours. Whatever has no place in our tree is refused by name.
 * Chains of one infix operator lean left and can be long, so their spine is walked in a loop.
 */
import { assert, defined } from '../../base/assert.ts';
import { limits } from '../../base/limits.ts';
import type { Expression, Position } from '../ast.ts';
import {
  listItems,
  nameOf,
  refuse,
  selectOf,
  stringOf,
  stringsOf,
  syntaxError,
} from './conversion.ts';
import type { Conversion } from './conversion.ts';
import { convertCall, convertKeywordFunction } from './convert-call.ts';
import { convertType } from './convert-type.ts';
import { tooDeep } from './guard.ts';
import { cutForError } from './postgres-grammar.ts';
import type {
  A_Const,
  A_Expr,
  A_Indirection,
  BoolExpr,
  BooleanTest,
  CaseExpr,
  ColumnRef,
  Node,
  SubLink,
} from './postgres-grammar.ts';

/** A list of expressions; none for a missing list. */
export function convertExpressions(
  c: Conversion,
  nodes: readonly Node[] | undefined,
): Expression[] {
  return (nodes ?? []).map((node) => convertExpression(c, node));
}

/** For what the grammar always gives. */
export function convertRequired(c: Conversion, node: Node | undefined): Expression {
  return convertExpression(c, defined(node, 'the grammar gives an expression here'));
}

/** null for what is not there. */
export function convertOptional(c: Conversion, node: Node | undefined): Expression | null {
  return node === undefined ? null : convertExpression(c, node);
}

/** Any expression; what our tree has no place for is refused by name (0A000). */
export function convertExpression(c: Conversion, node: Node): Expression {
  if ('ColumnRef' in node) return convertColumn(c, node.ColumnRef);
  if ('A_Const' in node) return convertConstant(c, node.A_Const);
  if ('A_Expr' in node) return convertOperator(c, node.A_Expr);
  if ('FuncCall' in node) return convertCall(c, node.FuncCall, convertExpression);
  if ('TypeCast' in node) return convertCast(c, node.TypeCast);
  if ('BoolExpr' in node) return convertBoolean(c, node.BoolExpr);
  if ('ParamRef' in node)
    return {
      kind: 'parameter',
      number: node.ParamRef.number ?? 0,
      position: c.at(node.ParamRef.location),
    };
  if ('NullTest' in node) {
    const { arg, nulltesttype, location } = node.NullTest;
    return {
      kind: 'isNull',
      operand: convertRequired(c, arg),
      negated: nulltesttype === 'IS_NOT_NULL',
      position: c.at(location),
    };
  }
  if ('CaseExpr' in node) return convertCase(c, node.CaseExpr);
  if ('SubLink' in node) return convertSubquery(c, node.SubLink, false);
  return convertRarer(c, node);
}

function convertRarer(c: Conversion, node: Node): Expression {
  if ('CoalesceExpr' in node) {
    const { args, location } = node.CoalesceExpr;
    return { kind: 'coalesce', operands: convertExpressions(c, args), position: c.at(location) };
  }
  if ('MinMaxExpr' in node) {
    const { op, args, location } = node.MinMaxExpr;
    return {
      kind: op === 'IS_LEAST' ? 'least' : 'greatest',
      operands: convertExpressions(c, args),
      position: c.at(location),
    };
  }
  if ('BooleanTest' in node) return convertBooleanTest(c, node.BooleanTest);
  if ('SQLValueFunction' in node) return convertKeywordFunction(c, node.SQLValueFunction);
  if ('A_ArrayExpr' in node) {
    return {
      kind: 'array',
      elements: convertExpressions(c, node.A_ArrayExpr.elements),
      position: c.at(node.A_ArrayExpr.location),
    };
  }
  if ('RowExpr' in node) {
    return {
      kind: 'row',
      elements: convertExpressions(c, node.RowExpr.args),
      position: c.at(node.RowExpr.location),
    };
  }
  if ('A_Indirection' in node) return convertIndirection(c, node.A_Indirection);
  if ('CollateClause' in node) {
    const { arg, collname, location } = node.CollateClause;
    const position = c.at(location);
    return {
      kind: 'collate',
      operand: convertRequired(c, arg),
      collation: nameOf(collname, position),
      position,
    };
  }
  if ('SetToDefault' in node)
    return { kind: 'default', position: c.at(node.SetToDefault.location) };
  throw refuseExpression(c, node);
}

/** Expressions of Postgres that we do not have, by the grammar's name for them. */
const refusedNames = new Map([
  ['GroupingFunc', 'GROUPING'],
  ['CurrentOfExpr', 'WHERE CURRENT OF'],
  ['MergeSupportFunc', 'merge_action()'],
  ['MultiAssignRef', 'assignment from a row'],
  ['XmlExpr', 'XML'],
  ['XmlSerialize', 'XMLSERIALIZE'],
  ['JsonObjectConstructor', 'JSON_OBJECT'],
  ['JsonArrayConstructor', 'JSON_ARRAY'],
  ['JsonArrayQueryConstructor', 'JSON_ARRAY'],
  ['JsonObjectAgg', 'JSON_OBJECTAGG'],
  ['JsonArrayAgg', 'JSON_ARRAYAGG'],
  ['JsonFuncExpr', 'JSON_VALUE, JSON_QUERY and JSON_EXISTS'],
  ['JsonParseExpr', 'JSON'],
  ['JsonScalarExpr', 'JSON_SCALAR'],
  ['JsonSerializeExpr', 'JSON_SERIALIZE'],
  ['JsonIsPredicate', 'IS JSON'],
]);

function refuseExpression(c: Conversion, node: Node): Error {
  const kind = Object.keys(node)[0] ?? '';
  const inner: unknown = Object.values(node)[0];
  const location =
    typeof inner === 'object' &&
    inner !== null &&
    'location' in inner &&
    typeof inner.location === 'number'
      ? inner.location
      : -1;
  return refuse(c, refusedNames.get(kind) ?? kind, location);
}

function convertColumn(c: Conversion, column: ColumnRef): Expression {
  const position = c.at(column.location);
  const parts = (column.fields ?? []).map((field) => ('A_Star' in field ? '*' : stringOf(field)));
  if (parts.length > 4)
    throw syntaxError(
      `improper qualified name (too many dotted names): ${cutForError(parts.join('.'))}`,
      position,
    );
  const isStar =
    parts.length === 1 && 'A_Star' in defined(column.fields?.[0], 'there is one field');
  return isStar
    ? { kind: 'star', position }
    : { kind: 'column', name: { parts, position }, position };
}

function convertConstant(c: Conversion, constant: A_Const): Expression {
  const position = c.at(constant.location);
  if (constant.isnull === true) return { kind: 'null', position };
  if (constant.ival !== undefined) return numberOf(String(constant.ival.ival ?? 0), position);
  if (constant.fval !== undefined) return numberOf(constant.fval.fval ?? '0', position);
  if (constant.sval !== undefined)
    return { kind: 'string', value: constant.sval.sval ?? '', position };
  if (constant.boolval !== undefined)
    return { kind: 'boolean', value: constant.boolval.boolval ?? false, position };
  throw refuse(c, 'a bit string', constant.location);
}

/** The grammar folds a sign into the literal; our tree keeps it outside. */
function numberOf(text: string, position: Position): Expression {
  if (!text.startsWith('-')) return { kind: 'number', text: plainDigits(text), position };
  const operand: Expression = { kind: 'number', text: plainDigits(text.slice(1)), position };
  return { kind: 'unary', operator: '-', operand, position };
}

/** Without separators, and decimal whatever the base was. */
function plainDigits(text: string): string {
  const digits = text.replaceAll('_', '');
  return /^0[xob]/i.test(digits) ? BigInt(digits).toString() : digits;
}

function convertCast(
  c: Conversion,
  cast: { arg?: Node; typeName?: Parameters<typeof convertType>[1]; location?: number },
): Expression {
  const type = convertType(c, defined(cast.typeName, 'a cast names a type'));
  // `date '…'` has no location of its own: it begins with the type.
  const position = cast.location === -1 ? type.position : c.at(cast.location);
  return { kind: 'cast', operand: convertRequired(c, cast.arg), type, position };
}

function convertBoolean(c: Conversion, expression: BoolExpr): Expression {
  const args = expression.args ?? [];
  const position = c.at(expression.location);
  switch (expression.boolop) {
    case 'AND_EXPR':
      return { kind: 'and', operands: convertExpressions(c, args), position };
    case 'OR_EXPR':
      return { kind: 'or', operands: convertExpressions(c, args), position };
    default: {
      const operand = defined(args[0], 'NOT has an operand');
      // `x NOT IN (query)` arrives as NOT over IN, both at one place; `NOT x IN (query)` at two.
      if (
        'SubLink' in operand &&
        operand.SubLink.subLinkType === 'ANY_SUBLINK' &&
        operand.SubLink.location === expression.location
      ) {
        return convertSubquery(c, operand.SubLink, true);
      }
      return { kind: 'not', operand: convertExpression(c, operand), position };
    }
  }
}

function convertBooleanTest(c: Conversion, test: BooleanTest): Expression {
  const type = defined(test.booltesttype, 'a boolean test has a type');
  const negated = type.startsWith('IS_NOT_');
  const word = type.slice(negated ? 7 : 3).toLowerCase();
  assert(word === 'true' || word === 'false' || word === 'unknown', `a boolean test, got ${type}`);
  return {
    kind: 'isBoolean',
    operand: convertRequired(c, test.arg),
    test: word,
    negated,
    position: c.at(test.location),
  };
}

function convertCase(c: Conversion, expression: CaseExpr): Expression {
  const branches = (expression.args ?? []).map((node) => {
    assert('CaseWhen' in node, 'a CASE has WHEN branches');
    return {
      when: convertRequired(c, node.CaseWhen.expr),
      then: convertRequired(c, node.CaseWhen.result),
    };
  });
  return {
    kind: 'case',
    operand: convertOptional(c, expression.arg),
    branches,
    otherwise: convertOptional(c, expression.defresult),
    position: c.at(expression.location),
  };
}

function convertSubquery(c: Conversion, link: SubLink, negated: boolean): Expression {
  const position = c.at(link.location);
  const query = c.query(selectOf(link.subselect), position);
  switch (link.subLinkType) {
    case 'EXISTS_SUBLINK':
      return { kind: 'subquery', form: 'exists', query, position };
    case 'EXPR_SUBLINK':
      return { kind: 'subquery', form: 'scalar', query, position };
    case 'ARRAY_SUBLINK':
      return { kind: 'subquery', form: 'array', query, position };
    case 'ANY_SUBLINK':
    case 'ALL_SUBLINK': {
      const operand = convertRequired(c, link.testexpr);
      const operator =
        link.operName === undefined ? '=' : operatorOf(c, link.operName, link.location);
      return {
        kind: 'subqueryComparison',
        form: link.subLinkType === 'ALL_SUBLINK' ? 'all' : 'any',
        operator,
        negated,
        operand,
        query,
        position,
      };
    }
    default:
      throw refuse(c, `subquery of kind ${String(link.subLinkType)}`, link.location);
  }
}

/** `OPERATOR(pg_catalog.+)` is `+`; operators of other schemas do not exist here. */
function operatorOf(
  c: Conversion,
  name: readonly Node[] | undefined,
  location: number | undefined,
): string {
  const parts = stringsOf(name);
  const operator = defined(parts.at(-1), 'an operator has a name');
  if (parts.length > 2 || (parts.length === 2 && parts[0] !== 'pg_catalog')) {
    throw refuse(c, `operator ${parts.join('.')}`, location);
  }
  return operator;
}

function convertOperator(c: Conversion, expression: A_Expr): Expression {
  const position = c.at(expression.location);
  switch (expression.kind) {
    case 'AEXPR_OP':
      return expression.lexpr === undefined
        ? convertPrefix(c, expression, position)
        : convertChain(c, expression);
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
    case 'AEXPR_SIMILAR':
      return binary(c, expression, convertRequired(c, expression.lexpr));
    case 'AEXPR_IN': {
      const list = convertExpressions(c, listItems(defined(expression.rexpr, 'IN has a list')));
      return {
        kind: 'in',
        operand: convertRequired(c, expression.lexpr),
        list,
        negated: operatorOf(c, expression.name, -1) === '<>',
        position,
      };
    }
    case 'AEXPR_OP_ANY':
    case 'AEXPR_OP_ALL':
      return {
        kind: 'quantified',
        operand: convertRequired(c, expression.lexpr),
        operator: operatorOf(c, expression.name, expression.location),
        all: expression.kind === 'AEXPR_OP_ALL',
        array: convertRequired(c, expression.rexpr),
        position,
      };
    case 'AEXPR_DISTINCT':
    case 'AEXPR_NOT_DISTINCT':
    case 'AEXPR_NULLIF': {
      const left = convertRequired(c, expression.lexpr);
      const right = convertRequired(c, expression.rexpr);
      if (expression.kind === 'AEXPR_NULLIF') return { kind: 'nullif', left, right, position };
      return {
        kind: 'isDistinct',
        left,
        right,
        negated: expression.kind === 'AEXPR_NOT_DISTINCT',
        position,
      };
    }
    case 'AEXPR_BETWEEN':
    case 'AEXPR_NOT_BETWEEN':
    case 'AEXPR_BETWEEN_SYM':
    case 'AEXPR_NOT_BETWEEN_SYM':
      return convertBetween(c, expression, position);
    default:
      throw refuse(c, `expression of kind ${String(expression.kind)}`, expression.location);
  }
}

function convertPrefix(c: Conversion, expression: A_Expr, position: Position): Expression {
  const operator = operatorOf(c, expression.name, expression.location);
  return { kind: 'unary', operator, operand: convertRequired(c, expression.rexpr), position };
}

/** `a + b + c`: down the left spine, then built from the inside out. */
function convertChain(c: Conversion, outermost: A_Expr): Expression {
  const spine: A_Expr[] = [outermost];
  let left = defined(outermost.lexpr, 'a chain has a left side');
  while ('A_Expr' in left && left.A_Expr.kind === 'AEXPR_OP' && left.A_Expr.lexpr !== undefined) {
    spine.push(left.A_Expr);
    left = left.A_Expr.lexpr;
  }
  let expression = convertExpression(c, left);
  for (const link of spine.reverse()) expression = binary(c, link, expression);
  return expression;
}

function binary(c: Conversion, expression: A_Expr, left: Expression): Expression {
  const operator = operatorOf(c, expression.name, expression.location);
  return {
    kind: 'binary',
    operator,
    left,
    right: convertRequired(c, expression.rexpr),
    position: c.at(expression.location),
  };
}

function convertBetween(c: Conversion, expression: A_Expr, position: Position): Expression {
  const [low, high] = listItems(defined(expression.rexpr, 'BETWEEN has bounds'));
  const kind = expression.kind;
  return {
    kind: 'between',
    operand: convertRequired(c, expression.lexpr),
    low: convertRequired(c, low),
    high: convertRequired(c, high),
    negated: kind === 'AEXPR_NOT_BETWEEN' || kind === 'AEXPR_NOT_BETWEEN_SYM',
    symmetric: kind === 'AEXPR_BETWEEN_SYM' || kind === 'AEXPR_NOT_BETWEEN_SYM',
    position,
  };
}

type Subscript = Extract<Expression, { kind: 'subscript' }>['subscripts'][number];

/** `(x).f`, `a[1]`, `a[1:2][3]`, in any order; neighbouring subscripts make one node. */
function convertIndirection(c: Conversion, indirection: A_Indirection): Expression {
  let operand = convertRequired(c, indirection.arg);
  let subscripts: Subscript[] = [];
  const steps = indirection.indirection ?? [];
  if (steps.length > limits.nestingDepthMax) {
    throw tooDeep(
      `The expression takes more than ${limits.nestingDepthMax} steps into a value.`,
      operand.position,
    );
  }
  const flush = (): void => {
    if (subscripts.length > 0)
      operand = { kind: 'subscript', operand, subscripts, position: operand.position };
    subscripts = [];
  };
  for (const step of steps) {
    if ('A_Indices' in step) {
      const { is_slice: slice, lidx, uidx } = step.A_Indices;
      subscripts.push({
        lower: convertOptional(c, lidx),
        upper: convertOptional(c, uidx),
        slice: slice === true,
      });
    } else {
      flush();
      operand = {
        kind: 'field',
        operand,
        field: 'A_Star' in step ? '*' : stringOf(step),
        position: operand.position,
      };
    }
  }
  flush();
  return operand;
}
