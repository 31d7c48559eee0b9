/**
 * Function calls, keyword functions, sort keys and windows of the grammar's tree to ours. The
 * converter of expressions is a parameter: it lies above this file.
 */
import { assert, defined } from '../../base/assert.ts';
import { sqlError } from '../../base/error.ts';
import type { Expression, FunctionCall, OrderItem, WindowSpec } from '../ast.ts';
import { nameOf, refuse } from './conversion.ts';
import type { Conversion } from './conversion.ts';
import type { FuncCall, Node, SQLValueFunction, WindowDef } from './postgres-grammar.ts';

type ConvertExpression = (c: Conversion, node: Node) => Expression;

/** The functions behind the special spellings, by the name that the grammar gives them. */
const syntaxes = new Map<string, FunctionCall['syntax']>([
  ['extract', 'extract'],
  ['btrim', 'trim'],
  ['ltrim', 'trim'],
  ['rtrim', 'trim'],
  ['substring', 'substring'],
  ['position', 'position'],
  ['overlay', 'overlay'],
  ['timezone', 'atTimeZone'],
]);

/** A call with everything that can stand around its arguments. */
export function convertCall(
  c: Conversion,
  call: FuncCall,
  expression: ConvertExpression,
): FunctionCall {
  // AT LOCAL alone has no location: it is where its argument is.
  const args = (call.args ?? []).map((node) => convertArgument(c, node, expression));
  const position = call.location === -1 ? (args[0]?.position ?? c.start) : c.at(call.location);
  const name = nameOf(call.funcname, position);
  const withinGroup = call.agg_within_group === true;
  return {
    kind: 'call',
    name,
    args,
    star: call.agg_star === true,
    distinct: call.agg_distinct === true,
    variadic: call.func_variadic === true,
    order: convertOrder(c, call.agg_order, expression),
    filter: call.agg_filter === undefined ? null : expression(c, call.agg_filter),
    over: call.over === undefined ? null : convertWindow(c, call.over, expression),
    withinGroup,
    syntax: call.funcformat === 'COERCE_SQL_SYNTAX' ? syntaxOf(c, name.parts, call.location) : '',
    position,
  };
}

function convertArgument(c: Conversion, node: Node, expression: ConvertExpression): Expression {
  if ('NamedArgExpr' in node) throw refuse(c, 'a named argument', node.NamedArgExpr.location);
  return expression(c, node);
}

function syntaxOf(
  c: Conversion,
  parts: readonly string[],
  location: number | undefined,
): FunctionCall['syntax'] {
  const name = defined(parts.at(-1), 'a function has a name');
  const syntax = syntaxes.get(name);
  // OVERLAPS, NORMALIZE, IS NORMALIZED, COLLATION FOR, xmlexists, SYSTEM_USER.
  if (syntax === undefined) throw refuse(c, name.toUpperCase(), location);
  return syntax;
}

/** Sort keys, with the default place of NULLs filled in. ORDER BY … USING is refused. */
export function convertOrder(
  c: Conversion,
  nodes: readonly Node[] | undefined,
  expression: ConvertExpression,
): OrderItem[] {
  return (nodes ?? []).map((node) => {
    assert('SortBy' in node, 'an ORDER BY holds sort keys');
    const sort = node.SortBy;
    if (sort.sortby_dir === 'SORTBY_USING') throw refuse(c, 'ORDER BY … USING', sort.location);
    const key = expression(c, defined(sort.node, 'a sort key has an expression'));
    const descending = sort.sortby_dir === 'SORTBY_DESC';
    const nullsFirst =
      sort.sortby_nulls === 'SORTBY_NULLS_DEFAULT'
        ? descending
        : sort.sortby_nulls === 'SORTBY_NULLS_FIRST';
    return { expression: key, descending, nullsFirst, position: key.position };
  });
}

function convertWindow(
  c: Conversion,
  window: WindowDef,
  expression: ConvertExpression,
): WindowSpec {
  return {
    name: window.name ?? window.refname ?? '',
    partition: (window.partitionClause ?? []).map((node) => expression(c, node)),
    order: convertOrder(c, window.orderClause, expression),
    position: c.at(window.location),
  };
}

/** `current_date` and its kin; `name` is the keyword in lower case. */
export function convertKeywordFunction(c: Conversion, value: SQLValueFunction): Expression {
  const spelled = defined(value.op, 'a keyword function has a name')
    .slice('SVFOP_'.length)
    .toLowerCase();
  const hasPrecision = spelled.endsWith('_n');
  const precision = hasPrecision ? (value.typmod ?? 0) : null;
  if (precision !== null && precision < 0)
    throw sqlError('42601', 'precision must not be negative', { position: c.at(value.location) });
  const name = hasPrecision ? spelled.slice(0, -2) : spelled;
  return { kind: 'keywordFunction', name, precision, position: c.at(value.location) };
}
