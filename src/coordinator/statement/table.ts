/** CREATE TABLE: rows written by INSERT, UPDATE, DELETE and COPY, kept in the engine. */
import { sqlError, unsupported } from '../../base/error.ts';
import type { ColumnDefinition, Statement } from '../../sql/ast.ts';
import type { RelationColumn } from '../../sql/catalog-view.ts';
import { resolveType } from '../../sql/types/type-name.ts';
import { planConstant } from '../planning.ts';
import type { Outcome } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { command } from './context.ts';
import { newName, skipExisting } from './naming.ts';

/** Columns as the catalog keeps them. Throws 42701 for a name used twice. */
export function relationColumns(definitions: readonly ColumnDefinition[]): readonly RelationColumn[] {
  const seen = new Set<string>();
  return definitions.map((definition) => {
    if (seen.has(definition.name)) {
      throw sqlError('42701', `column "${definition.name}" specified more than once`, { position: definition.position });
    }
    seen.add(definition.name);
    return { name: definition.name, type: resolveType(definition.type), nullable: !definition.notNull };
  });
}

/** Throws 42P07, 42701, 0A000. */
export function createTable(
  context: ExecutionContext, statement: Extract<Statement, { kind: 'createTable' }>,
): Outcome {
  const { coordinator } = context;
  context.session.transaction.refuseInBlock('CREATE TABLE');
  if (statement.temporary) throw unsupported('CREATE TEMPORARY TABLE', statement.position);
  const keyed = statement.columns.find((column) => column.primaryKey);
  if (keyed !== undefined) throw unsupported('PRIMARY KEY', keyed.position, 'Tables have no constraints but NOT NULL.');
  const at = newName(context, statement.name);
  if (skipExisting(context, at, statement.ifNotExists)) return command('CREATE TABLE');
  const columns = relationColumns(statement.columns);
  statement.columns.forEach(({ default: expression }, i) => {
    if (expression !== null) planConstant(context, expression, columns[i]?.type.name ?? 'text', 'DEFAULT expressions');
  });
  const collection = coordinator.engine.nextNumber();
  coordinator.catalog.add({
    kind: 'table', oid: coordinator.catalog.nextOid(), ...at, columns, collection,
    defaults: statement.columns.map((column) => column.default),
  });
  coordinator.engine.send({
    kind: 'createCollection', collection, stored: true,
    columns: columns.map((column) => ({ type: column.type.name, nullable: column.nullable })),
  });
  return command('CREATE TABLE');
}
