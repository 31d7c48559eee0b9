/**
 * CREATE INDEX. On a stored relation it adds an index to the collection; on a view it starts a
 * dataflow that keeps the view's rows, so that reads of the view become lookups. On an append-only
 * source there is nothing to index: its rows are not kept.
 */
import { assert } from '../../base/assert.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { Expression, Query, Statement } from '../../sql/ast.ts';
import { parseStatements } from '../../sql/parse/parse.ts';
import type { IndexObject, RelationObject, ViewObject } from '../../catalog/object.ts';
import { planRead } from '../planning.ts';
import type { Outcome } from '../session.ts';
import { command } from './context.ts';
import type { ExecutionContext } from './context.ts';
import { findRelation, skipExisting } from './naming.ts';

type CreateIndex = Extract<Statement, { kind: 'createIndex' }>;

/** Position of a key column. Throws 42703, or 0A000 for anything but a plain column. */
function keyColumn(relation: RelationObject, key: Expression): number {
  if (key.kind !== 'column')
    throw unsupported('an index on an expression', key.position, 'Index a view that computes it.');
  const name = key.name.parts.at(-1) ?? '';
  const at = relation.columns.findIndex((column) => column.name === name);
  if (at < 0)
    throw sqlError('42703', `column "${name}" does not exist`, { position: key.position });
  return at;
}

/** As Postgres names them: relation_column_idx, with a number if that is taken. */
function freeName(
  context: ExecutionContext,
  relation: RelationObject,
  key: readonly number[],
): string {
  const columns = key.map((column) => relation.columns[column]?.name ?? '').join('_');
  const base = `${relation.name}_${columns}_idx`.slice(0, 60);
  let name = base;
  for (let i = 1; context.coordinator.catalog.item(relation.schema, name) !== undefined; i++)
    name = `${base}${i}`;
  return name;
}

/** The columns of the index: as written, or for a default index all columns. */
function keyOf(relation: RelationObject, statement: CreateIndex): readonly number[] {
  if (statement.keys.length === 0) return relation.columns.map((_, i) => i);
  return statement.keys.map((key) => keyColumn(relation, key));
}

/**
 * INCLUDE asks for columns beside the key; an index leads to whole rows, so it only has to name
 * some.
 */
function requireColumns(relation: RelationObject, names: readonly string[]): void {
  const missing = names.find((name) => !relation.columns.some((column) => column.name === name));
  if (missing !== undefined) throw sqlError('42703', `column "${missing}" does not exist`);
}

/** Answers when the index is whole. Throws 42P01, 42703, 42P07, 0A000, 53200, 57014. */
export async function createIndex(
  context: ExecutionContext,
  statement: CreateIndex,
): Promise<Outcome> {
  const { coordinator, session } = context;
  session.transaction.refuseInBlock('CREATE INDEX');
  const relation = findRelation(context, statement.on);
  if (statement.method !== null && !['arrangement', 'btree', 'hash'].includes(statement.method)) {
    throw unsupported(`index method ${statement.method}`, statement.position);
  }
  const key = keyOf(relation, statement);
  requireColumns(relation, statement.include);
  const name = statement.name ?? freeName(context, relation, key);
  const at = { schema: relation.schema, name };
  if (skipExisting(context, at, statement.ifNotExists)) return command('CREATE INDEX');
  if ((relation.kind === 'source' || relation.kind === 'subsource') && !relation.stored) {
    throw unsupported(
      'an index on an append-only source',
      statement.on.position,
      'Index a materialized view over the source.',
    );
  }
  coordinator.catalog.requireUserSchema(at.schema);
  const collection = relation.kind === 'view' ? keepRows(context, relation) : relation.collection;
  const index: IndexObject = {
    kind: 'index',
    oid: coordinator.catalog.nextOid(),
    ...at,
    on: relation.oid,
    key,
    primary: false,
  };
  coordinator.catalog.add(index);
  try {
    await coordinator.engine.createIndex(collection, key, context.cancellation);
  } catch (error) {
    await giveUp(context, relation, index);
    throw error;
  }
  return command('CREATE INDEX');
}

/** Takes back an index that the engine has not got, if nobody has dropped it meanwhile. */
async function giveUp(
  { coordinator }: ExecutionContext,
  relation: RelationObject,
  index: IndexObject,
): Promise<void> {
  if (coordinator.catalog.byOid(index.oid) === undefined) return;
  const others = coordinator.catalog.dependents(relation.oid).filter((o) => o.kind === 'index');
  // The rows of a view are kept for its indexes.
  if (relation.kind === 'view' && others.length === 1) return coordinator.drop(index);
  coordinator.catalog.remove(index.oid);
  coordinator.lookups.forgetAll();
}

/** A query of all rows of a view, whose names are looked up along the view's own search path. */
export function wholeOf(view: ViewObject): Query {
  const [schema, name] = [view.schema, view.name].map((part) => `"${part.replaceAll('"', '""')}"`);
  const statement = parseStatements(`SELECT * FROM ${schema}.${name}`)[0]?.statement;
  assert(statement?.kind === 'select', 'a query was written');
  return statement.query;
}

/** The collection of an indexed view; made at its first index. */
function keepRows(context: ExecutionContext, view: ViewObject): number {
  if (view.indexed !== null) return view.indexed.collection;
  const { coordinator } = context;
  const planned = planRead(context, wholeOf(view), 'maintained');
  const collection = coordinator.engine.nextNumber();
  const dataflow = coordinator.engine.nextNumber();
  coordinator.startDataflow(dataflow, planned.plan, collection);
  coordinator.catalog.replace({ ...view, indexed: { collection, dataflow } });
  return collection;
}
