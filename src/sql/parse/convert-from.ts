/**
 * FROM items of the grammar's tree to ours. Chains of joins lean left, so their spine is walked in
 * a loop.
 */
import { assert, defined } from '../../base/assert.ts';
import type { Alias, FromItem, FunctionCall, Position, QualifiedName } from '../ast.ts';
import { listItems, refuse, refuseWords, selectOf, stringsOf } from './conversion.ts';
import type { Conversion } from './conversion.ts';
import { convertCall } from './convert-call.ts';
import { convertExpression, convertOptional } from './convert-expression.ts';
import type {
  Alias as TreeAlias,
  JoinExpr,
  Node,
  RangeFunction,
  RangeVar,
} from './postgres-grammar.ts';

type Join = Extract<FromItem, { kind: 'join' }>;

/** One FROM item; TABLESAMPLE and the table functions of XML and JSON are refused. */
export function convertFrom(c: Conversion, node: Node): FromItem {
  if ('RangeVar' in node) return convertTable(c, node.RangeVar);
  if ('JoinExpr' in node) return convertJoins(c, node.JoinExpr);
  if ('RangeSubselect' in node) {
    const { subquery, lateral, alias } = node.RangeSubselect;
    const query = c.query(selectOf(subquery), c.start);
    return {
      kind: 'derived',
      query,
      lateral: lateral === true,
      alias: aliasOf(alias),
      position: query.position,
    };
  }
  if ('RangeFunction' in node) return convertFunction(c, node.RangeFunction);
  if ('RangeTableSample' in node) throw refuse(c, 'TABLESAMPLE', node.RangeTableSample.location);
  if ('RangeTableFunc' in node) throw refuse(c, 'XMLTABLE', node.RangeTableFunc.location);
  if ('JsonTable' in node) throw refuse(c, 'JSON_TABLE', node.JsonTable.location);
  throw refuse(c, `FROM item of kind ${Object.keys(node)[0] ?? ''}`);
}

/**
 * The name of a relation. `ONLY` means nothing without inheritance, so it is taken as the plain
 * name.
 */
export function relationName(c: Conversion, relation: RangeVar): QualifiedName {
  const parts = [relation.catalogname, relation.schemaname, relation.relname].filter(
    (part) => part !== undefined,
  );
  return { parts, position: c.at(relation.location) };
}

function convertTable(c: Conversion, relation: RangeVar): FromItem {
  const name = relationName(c, relation);
  return { kind: 'table', name, alias: aliasOf(relation.alias), position: name.position };
}

/** An alias with its column names; null for none. */
export function aliasOf(alias: TreeAlias | undefined): Alias | null {
  return alias === undefined
    ? null
    : { name: alias.aliasname ?? '', columns: stringsOf(alias.colnames) };
}

function convertJoins(c: Conversion, outermost: JoinExpr): FromItem {
  const spine: JoinExpr[] = [outermost];
  let left = defined(outermost.larg, 'a join has two sides');
  while ('JoinExpr' in left) {
    spine.push(left.JoinExpr);
    left = defined(left.JoinExpr.larg, 'a join has two sides');
  }
  let item = convertFrom(c, left);
  for (const join of spine.reverse()) item = convertJoin(c, join, item);
  return item;
}

const joinTypes = new Map<string, Join['type']>([
  ['JOIN_INNER', 'inner'],
  ['JOIN_LEFT', 'left'],
  ['JOIN_RIGHT', 'right'],
  ['JOIN_FULL', 'full'],
]);

function convertJoin(c: Conversion, join: JoinExpr, left: FromItem): Join {
  if (join.join_using_alias !== undefined)
    throw refuseWords(c, 'an alias of JOIN … USING', 'using');
  const natural = join.isNatural === true;
  const using = join.usingClause === undefined ? null : stringsOf(join.usingClause);
  const type = defined(
    joinTypes.get(String(join.jointype)),
    `a join type, got ${String(join.jointype)}`,
  );
  const isCross = !natural && using === null && join.quals === undefined;
  assert(!isCross || type === 'inner', 'only an inner join has no condition');
  return {
    kind: 'join',
    type: isCross ? 'cross' : type,
    natural,
    left,
    right: convertFrom(c, defined(join.rarg, 'a join has two sides')),
    on: convertOptional(c, join.quals),
    using,
    alias: aliasOf(join.alias),
    position: left.position,
  };
}

function convertFunction(c: Conversion, item: RangeFunction): FromItem {
  if ((item.coldeflist ?? []).length > 0) throw refuseWords(c, 'a column definition list', 'as');
  const calls = (item.functions ?? []).map((entry) => {
    const [call, definitions] = listItems(entry);
    if (definitions !== undefined && 'List' in definitions)
      throw refuseWords(c, 'a column definition list', 'as');
    return callIn(c, defined(call, 'a FROM function is a call'));
  });
  const position: Position = defined(calls[0], 'there is a function').position;
  return {
    kind: 'function',
    calls,
    lateral: item.lateral === true,
    ordinality: item.ordinality === true,
    alias: aliasOf(item.alias),
    position,
  };
}

/** Keyword functions such as current_date may stand in FROM too; Postgres does it, we do not. */
function callIn(c: Conversion, node: Node): FunctionCall {
  if ('FuncCall' in node) return convertCall(c, node.FuncCall, convertExpression);
  const expression = convertExpression(c, node);
  throw refuse(c, `${expression.kind} as a FROM item`);
}
