/** INSERT, UPDATE and DELETE of the grammar's tree to ours. */
import { assert, defined } from '../../base/assert.ts';
import type { Expression, SelectItem, Statement } from '../ast.ts';
import { refuse, refuseWords, syntaxError } from './conversion.ts';
import type { Conversion } from './conversion.ts';
import { convertExpression, convertOptional, convertRequired } from './convert-expression.ts';
import { convertFrom, relationName } from './convert-from.ts';
import { convertItems, convertQueryNode } from './convert-query.ts';
import type {
  DeleteStmt,
  InsertStmt,
  MultiAssignRef,
  Node,
  ReturningClause,
  UpdateStmt,
  WithClause,
} from './postgres-grammar.ts';

/** INSERT; ON CONFLICT, OVERRIDING, WITH and an alias of the target are refused. */
export function convertInsert(c: Conversion, insert: InsertStmt): Statement {
  refuseWith(c, insert.withClause);
  if (insert.onConflictClause !== undefined)
    throw refuse(c, 'ON CONFLICT', insert.onConflictClause.location);
  if (insert.override !== undefined && insert.override !== 'OVERRIDING_NOT_SET')
    throw refuseWords(c, 'OVERRIDING');
  const relation = defined(insert.relation, 'INSERT names a table');
  if (relation.alias !== undefined)
    throw refuse(c, 'an alias of the target of INSERT', relation.location);
  const columns = (insert.cols ?? []).map((node) => {
    const target = targetOf(node);
    if ((target.indirection ?? []).length > 0)
      throw refuse(c, 'assignment to a part of a column', target.location);
    return { name: target.name ?? '', position: c.at(target.location) };
  });
  return {
    kind: 'insert',
    table: relationName(c, relation),
    columns,
    source:
      insert.selectStmt === undefined
        ? 'default values'
        : convertQueryNode(c, insert.selectStmt, c.start),
    returning: convertReturning(c, insert.returningClause),
    position: c.start,
  };
}

/** UPDATE; a row assignment is taken apart, a subquery for several columns refused. */
export function convertUpdate(c: Conversion, update: UpdateStmt): Statement {
  refuseWith(c, update.withClause);
  const relation = defined(update.relation, 'UPDATE names a table');
  return {
    kind: 'update',
    table: relationName(c, relation),
    alias: relation.alias?.aliasname ?? null,
    set: (update.targetList ?? []).map((node) => convertAssignment(c, node)),
    from: (update.fromClause ?? []).map((node) => convertFrom(c, node)),
    where: convertOptional(c, update.whereClause),
    returning: convertReturning(c, update.returningClause),
    position: c.start,
  };
}

/** DELETE with USING; WITH is refused. */
export function convertDelete(c: Conversion, statement: DeleteStmt): Statement {
  refuseWith(c, statement.withClause);
  const relation = defined(statement.relation, 'DELETE names a table');
  return {
    kind: 'delete',
    table: relationName(c, relation),
    alias: relation.alias?.aliasname ?? null,
    using: (statement.usingClause ?? []).map((node) => convertFrom(c, node)),
    where: convertOptional(c, statement.whereClause),
    returning: convertReturning(c, statement.returningClause),
    position: c.start,
  };
}

function convertAssignment(
  c: Conversion,
  node: Node,
): { column: string; value: Expression; position: number } {
  const target = targetOf(node);
  if ((target.indirection ?? []).length > 0)
    throw refuse(c, 'assignment to a part of a column', target.location);
  const position = c.at(target.location);
  const value = defined(target.val, 'an assignment has a value');
  const expression =
    'MultiAssignRef' in value
      ? rowPart(c, value.MultiAssignRef, target.location)
      : convertExpression(c, value);
  return { column: target.name ?? '', value: expression, position };
}

/** `(a, b) = (1, 2)`: each column gets its part of the row, or of the row that a subquery gives. */
function rowPart(
  c: Conversion,
  reference: MultiAssignRef,
  location: number | undefined,
): Expression {
  const source = defined(reference.source, 'a row assignment has a source');
  if ('SubLink' in source) return subqueryPart(c, source, reference, location);
  if (!('RowExpr' in source)) {
    throw refuse(c, 'assignment of this expression to several columns', location);
  }
  const parts = source.RowExpr.args ?? [];
  if (parts.length !== reference.ncolumns) {
    throw syntaxError(
      'number of columns does not match number of values',
      c.at(source.RowExpr.location),
    );
  }
  return convertRequired(c, parts[(reference.colno ?? 1) - 1]);
}

/**
 * One column of a subquery that gives several: `(SELECT column1 FROM (…) AS "*row*" (column1, …))`.
 */
function subqueryPart(
  c: Conversion,
  source: Node,
  reference: MultiAssignRef,
  location: number | undefined,
): Expression {
  const whole = convertExpression(c, source);
  assert(whole.kind === 'subquery', 'a sublink is a subquery');
  const { query, position } = whole;
  const count = reference.ncolumns ?? 1;
  if (
    query.body.kind === 'select' &&
    isPlainList(query.body.items) &&
    query.body.items.length !== count
  )
    throw syntaxError('number of columns does not match number of values', c.at(location));
  const columns = Array.from({ length: count }, (_, i) => `column${i + 1}`);
  const name = columns[(reference.colno ?? 1) - 1] ?? '';
  const item: SelectItem = {
    expression: { kind: 'column', name: { parts: [name], position }, position },
    alias: null,
    position,
  };
  const from = {
    kind: 'derived',
    query,
    lateral: false,
    alias: { name: '*row*', columns },
    position,
  } as const;
  const body = {
    kind: 'select',
    distinct: null,
    items: [item],
    from: [from],
    where: null,
    groupBy: [],
    groupingSets: false,
    having: null,
    position,
  } as const;
  return {
    kind: 'subquery',
    form: 'scalar',
    position,
    query: { kind: 'query', with: [], body, order: [], limit: null, offset: null, position },
  };
}

/** True if each item gives one column. */
function isPlainList(items: readonly SelectItem[]): boolean {
  return items.every(
    ({ expression }) =>
      expression.kind !== 'star' &&
      !(expression.kind === 'column' && expression.name.parts.at(-1) === '*'),
  );
}

function convertReturning(c: Conversion, clause: ReturningClause | undefined): SelectItem[] {
  const option = clause?.options?.[0];
  if (option !== undefined) throw refuseWords(c, 'RETURNING WITH', 'returning');
  return convertItems(c, clause?.exprs, c.start);
}

function refuseWith(c: Conversion, clause: WithClause | undefined): void {
  if (clause !== undefined) throw refuse(c, 'WITH in a data-modifying statement', clause.location);
}

function targetOf(node: Node): {
  name?: string;
  val?: Node;
  indirection?: Node[];
  location?: number;
} {
  assert('ResTarget' in node, 'a target list holds targets');
  return node.ResTarget;
}
