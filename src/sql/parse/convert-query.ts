/**
 * Queries of the grammar's tree to ours. A query has no location in that tree; the first thing in
 * it that has one stands in, which is also where Postgres points for errors of set operations.
 */
import { assert, defined } from '../../base/assert.ts';
import type {
  CommonTable,
  Expression,
  OrderItem,
  Position,
  Query,
  QueryBody,
  Select,
  SelectItem,
} from '../ast.ts';
import { listItems, refuse, refuseWords, selectOf, stringsOf } from './conversion.ts';
import type { Conversion } from './conversion.ts';
import {
  convertExpression,
  convertExpressions,
  convertOptional,
  convertRequired,
} from './convert-expression.ts';
import { convertOrder } from './convert-call.ts';
import { convertFrom } from './convert-from.ts';
import type { Node, SelectStmt, WithClause } from './postgres-grammar.ts';

/** `position` is where it begins if nothing in it tells. */
export function convertQuery(c: Conversion, select: SelectStmt, position: Position): Query {
  refuseClauses(c, select);
  const spine = setOperationSpine(select);
  const innermost = defined(spine.at(-1), 'a query has a body');
  let body = convertBody(c, innermost, position);
  // From the innermost branch out: long UNION chains lean left.
  for (let at = spine.length - 2; at >= 0; at--) {
    const outer = defined(spine[at], 'a spine has no gaps');
    const inner = defined(spine[at + 1], 'a spine has no gaps');
    const left = wrap(c, inner, body);
    const right = convertQuery(
      c,
      defined(outer.rarg, 'a set operation has two sides'),
      left.position,
    );
    body = {
      kind: 'setOperation',
      operation: operationOf(outer),
      all: outer.all === true,
      left,
      right,
      position: left.position,
    };
  }
  return wrap(c, select, body);
}

/** The query, its left branch, that one's left branch, …, the leftmost plain SELECT or VALUES. */
function setOperationSpine(select: SelectStmt): SelectStmt[] {
  const spine: SelectStmt[] = [select];
  let at = select;
  while (at.op !== undefined && at.op !== 'SETOP_NONE') {
    at = defined(at.larg, 'a set operation has two sides');
    spine.push(at);
  }
  return spine;
}

function operationOf(select: SelectStmt): 'union' | 'intersect' | 'except' {
  if (select.op === 'SETOP_UNION') return 'union';
  assert(
    select.op === 'SETOP_INTERSECT' || select.op === 'SETOP_EXCEPT',
    `a set operation, got ${String(select.op)}`,
  );
  return select.op === 'SETOP_INTERSECT' ? 'intersect' : 'except';
}

/** The clauses around a body: WITH, ORDER BY, LIMIT, OFFSET. */
function wrap(c: Conversion, select: SelectStmt, body: QueryBody): Query {
  refuseClauses(c, select);
  return {
    kind: 'query',
    with: select.withClause === undefined ? [] : convertWith(c, select.withClause),
    body,
    order: convertSortKeys(c, select.sortClause),
    limit: convertLimit(c, select.limitCount),
    offset: convertOptional(c, select.limitOffset),
    position: body.position,
  };
}

/** ORDER BY of a query. */
export function convertSortKeys(c: Conversion, nodes: readonly Node[] | undefined): OrderItem[] {
  return convertOrder(c, nodes, convertExpression);
}

/** LIMIT ALL and LIMIT NULL are no limit. */
function convertLimit(c: Conversion, node: Node | undefined): Expression | null {
  if (node !== undefined && 'A_Const' in node && node.A_Const.isnull === true) return null;
  return convertOptional(c, node);
}

const lockingNames = new Map([
  ['LCS_FORUPDATE', 'FOR UPDATE'],
  ['LCS_FORNOKEYUPDATE', 'FOR NO KEY UPDATE'],
  ['LCS_FORSHARE', 'FOR SHARE'],
  ['LCS_FORKEYSHARE', 'FOR KEY SHARE'],
]);

function refuseClauses(c: Conversion, select: SelectStmt): void {
  const locking = select.lockingClause?.[0];
  if (locking !== undefined && 'LockingClause' in locking) {
    const strength = lockingNames.get(String(locking.LockingClause.strength));
    throw refuseWords(c, defined(strength, 'a locking clause has a strength'));
  }
  const window = select.windowClause?.[0];
  if (window !== undefined && 'WindowDef' in window)
    throw refuse(c, 'WINDOW', window.WindowDef.location);
  if (select.intoClause !== undefined)
    throw refuse(c, 'SELECT INTO', select.intoClause.rel?.location);
  if (select.limitOption === 'LIMIT_OPTION_WITH_TIES') throw refuseWords(c, 'WITH TIES');
}

function convertWith(c: Conversion, clause: WithClause): CommonTable[] {
  return (clause.ctes ?? []).map((node) => {
    assert('CommonTableExpr' in node, 'WITH holds common table expressions');
    const table = node.CommonTableExpr;
    if (table.search_clause !== undefined) throw refuse(c, 'SEARCH', table.search_clause.location);
    if (table.cycle_clause !== undefined) throw refuse(c, 'CYCLE', table.cycle_clause.location);
    const position = c.at(table.location);
    const inner = defined(table.ctequery, 'a common table has a query');
    if (!('SelectStmt' in inner))
      throw refuse(c, 'a data-modifying statement in WITH', table.location);
    return {
      name: table.ctename ?? '',
      columns: stringsOf(table.aliascolnames),
      query: convertQuery(c, inner.SelectStmt, position),
      recursive: clause.recursive === true,
      position,
    };
  });
}

function convertBody(c: Conversion, select: SelectStmt, position: Position): QueryBody {
  return select.valuesLists === undefined
    ? convertSelect(c, select, position)
    : convertValues(c, select.valuesLists, position);
}

function convertValues(c: Conversion, lists: readonly Node[], position: Position): QueryBody {
  const rows = lists.map((list) => convertExpressions(c, listItems(list)));
  return { kind: 'values', rows, position: rows[0]?.[0]?.position ?? position };
}

function convertSelect(c: Conversion, select: SelectStmt, position: Position): Select {
  const items = convertItems(c, select.targetList, position);
  const groupingSets = (select.groupClause ?? []).some((node) => 'GroupingSet' in node);
  if (select.groupDistinct === true) throw refuseWords(c, 'GROUP BY DISTINCT');
  return {
    kind: 'select',
    distinct: convertDistinct(c, select.distinctClause),
    items,
    from: (select.fromClause ?? []).map((node) => convertFrom(c, node)),
    where: convertOptional(c, select.whereClause),
    groupBy: groupingSets ? [] : convertExpressions(c, select.groupClause),
    groupingSets,
    having: convertOptional(c, select.havingClause),
    position: items[0]?.position ?? position,
  };
}

/** Plain DISTINCT is a list of one empty node. */
function convertDistinct(c: Conversion, nodes: readonly Node[] | undefined): Expression[] | null {
  if (nodes === undefined) return null;
  return nodes.every((node) => Object.keys(node).length === 0) ? [] : convertExpressions(c, nodes);
}

/** Select and RETURNING lists. The star of `TABLE t` has no location: `position` stands in. */
export function convertItems(
  c: Conversion,
  nodes: readonly Node[] | undefined,
  position: Position,
): SelectItem[] {
  return (nodes ?? []).map((node) => {
    assert('ResTarget' in node, 'a select list holds targets');
    const { name, val, location } = node.ResTarget;
    const at = location === -1 ? position : c.at(location);
    const expression = convertRequired(c, val);
    const placed: Expression =
      location === -1 && expression.kind === 'star' ? { kind: 'star', position } : expression;
    return { expression: placed, alias: name ?? null, position: at };
  });
}

/** The query of a node that must be a SELECT. */
export function convertQueryNode(c: Conversion, node: Node | undefined, position: Position): Query {
  return convertQuery(c, selectOf(node), position);
}
