/** EXPLAIN: the plan of a statement as text, without running it. */
import { unsupported } from '../../base/error.ts';
import type { Statement } from '../../sql/ast.ts';
import type { Relation } from '../../sql/catalog-view.ts';
import { explain as explainPlan } from '../../sql/explain/explain.ts';
import type { PlannedQuery } from '../../sql/planned.ts';
import { planWrite } from '../../sql/plan-write.ts';
import { isRelation } from '../../catalog/object.ts';
import { planRead } from '../planning.ts';
import { rowStream } from '../row-stream.ts';
import type { Outcome } from '../session.ts';
import { explainColumns } from './analyse.ts';
import type { ExecutionContext } from './context.ts';

type Explain = Extract<Statement, { kind: 'explain' }>;

function planOf(context: ExecutionContext, statement: Statement): PlannedQuery {
  switch (statement.kind) {
    case 'select':
      return planRead(context, statement.query, 'once');
    case 'subscribe':
      return planRead(context, statement.query, 'subscribed');
    case 'createView':
      return planRead(context, statement.query, 'maintained');
    case 'insert':
    case 'update':
    case 'delete':
      return planWrite(statement, context.session.catalog(), {
        parameters: context.parameters,
        mode: 'once',
      }).query;
    default:
      throw unsupported(`EXPLAIN of ${statement.kind}`, statement.position);
  }
}

/** The relation that feeds or keeps a collection. */
function relationOf(context: ExecutionContext, collection: number): Relation | undefined {
  const { catalog } = context.coordinator;
  const object = catalog
    .objects()
    .find(
      (each) =>
        isRelation(each) &&
        (each.kind === 'view' ? each.indexed?.collection : each.collection) === collection,
    );
  if (object === undefined || object.kind === 'schema') return undefined;
  return context.session.catalog().relation([object.schema, object.name]);
}

/** The plan, a line a row. */
export function explain(context: ExecutionContext, statement: Explain): Outcome {
  if (statement.what === 'timestamp') throw unsupported('EXPLAIN TIMESTAMP', statement.position);
  const option = statement.options[0];
  if (option !== undefined) throw unsupported(`EXPLAIN option ${option.name}`, option.position);
  const lines = explainPlan(planOf(context, statement.statement), (collection) =>
    relationOf(context, collection),
  );
  return rowStream(
    explainColumns,
    lines.map((line) => [line]),
    'EXPLAIN',
  );
}
