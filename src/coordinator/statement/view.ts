/** CREATE VIEW and CREATE MATERIALIZED VIEW. */
import { sqlError, unsupported } from '../../base/error.ts';
import type { Statement } from '../../sql/ast.ts';
import type { RelationColumn } from '../../sql/catalog-view.ts';
import type { PlannedQuery } from '../../sql/planned.ts';
import { planRead } from '../planning.ts';
import type { Outcome } from '../session.ts';
import { command } from './context.ts';
import type { ExecutionContext } from './context.ts';
import { newName, skipExisting } from './naming.ts';
import { Options } from './option.ts';

type CreateView = Extract<Statement, { kind: 'createView' }>;

/** The view's columns: those of the query, renamed as the statement says. Throws 42601, 42701. */
function viewColumns(statement: CreateView, planned: PlannedQuery): readonly RelationColumn[] {
  if (statement.columns.length > planned.columns.length) {
    throw sqlError('42601', 'CREATE VIEW specifies more column names than columns', {
      position: statement.name.position,
    });
  }
  const seen = new Set<string>();
  return planned.columns.map((column, i) => {
    const name = statement.columns[i] ?? column.name;
    if (seen.has(name))
      throw sqlError('42701', `column "${name}" specified more than once`, {
        position: statement.query.position,
      });
    seen.add(name);
    const type =
      column.type.name === 'unknown' ? { name: 'text' as const, modifier: -1 } : column.type;
    return { name, type, nullable: column.nullable };
  });
}

/** Throws 42P07, 42601, 42701, 0A000 and what the query is wrong about. */
export function createView(context: ExecutionContext, statement: CreateView): Outcome {
  const { coordinator, session } = context;
  const tag = statement.materialized ? 'CREATE MATERIALIZED VIEW' : 'CREATE VIEW';
  session.transaction.refuseInBlock(tag);
  if (statement.orReplace)
    throw unsupported('CREATE OR REPLACE', statement.position, 'Drop the view first.');
  new Options(tag, statement.with).rest();
  const at = newName(context, statement.name);
  if (skipExisting(context, at, statement.ifNotExists)) return command(tag);
  const planned = planRead(context, statement.query, 'maintained');
  const common = {
    oid: coordinator.catalog.nextOid(),
    ...at,
    columns: viewColumns(statement, planned),
    query: statement.query,
    queryText: statement.queryText,
    searchPath: session.catalog().searchPath,
    dependencies: userDependencies(context, planned, statement),
  };
  if (!statement.materialized) {
    coordinator.catalog.add({ kind: 'view', ...common, indexed: null });
    return command(tag);
  }
  const collection = coordinator.engine.nextNumber();
  const dataflow = coordinator.engine.nextNumber();
  coordinator.catalog.add({ kind: 'materialized view', ...common, collection, dataflow });
  coordinator.startDataflow(dataflow, planned.plan, collection);
  return command(tag);
}

/** Views may not stand on system relations, whose rows are computed when they are read. */
function userDependencies(
  context: ExecutionContext,
  planned: PlannedQuery,
  statement: CreateView,
): readonly number[] {
  const { catalog } = context.coordinator;
  const system = planned.dependencies.find((oid) => catalog.byOid(oid) === undefined);
  if (system !== undefined && statement.materialized) {
    throw unsupported('a materialized view over system relations', statement.query.position);
  }
  return planned.dependencies.filter((oid) => catalog.byOid(oid) !== undefined);
}
