/** CREATE TABLE: rows written by INSERT, UPDATE, DELETE and COPY, kept in the engine. */
import { sqlError, unsupported } from '../../base/error.ts';
import { limits } from '../../base/limits.ts';
import type { ColumnDefinition, Statement } from '../../sql/ast.ts';
import type { RelationColumn } from '../../sql/catalog-view.ts';
import { resolveType } from '../../sql/types/type-name.ts';
import { planConstant } from '../planning.ts';
import type { Outcome } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { command } from './context.ts';
import { newName, skipExisting } from './naming.ts';

/** Columns as the catalog keeps them. Throws 42701 for a name used twice, 54011 for too many. */
export function relationColumns(
  definitions: readonly ColumnDefinition[],
): readonly RelationColumn[] {
  if (definitions.length > limits.relationColumnsMax) {
    throw sqlError('54011', `tables can have at most ${limits.relationColumnsMax} columns`);
  }
  const seen = new Set<string>();
  return definitions.map((definition) => {
    if (seen.has(definition.name)) {
      throw sqlError('42701', `column "${definition.name}" specified more than once`, {
        position: definition.position,
      });
    }
    seen.add(definition.name);
    return {
      name: definition.name,
      type: resolveType(definition.type),
      nullable: !definition.notNull,
    };
  });
}

/** Throws 42P07, 42701, 0A000. */
type CreateTable = Extract<Statement, { kind: 'createTable' }>;

/** Makes the table, and the index of its primary key. Throws 42P07, 42701, 42704. */
export function createTable(context: ExecutionContext, statement: CreateTable): Outcome {
  const { coordinator } = context;
  context.session.transaction.refuseInBlock('CREATE TABLE');
  if (statement.temporary) throw unsupported('CREATE TEMPORARY TABLE', statement.position);
  const at = newName(context, statement.name);
  if (skipExisting(context, at, statement.ifNotExists)) return command('CREATE TABLE');
  const columns = relationColumns(statement.columns);
  statement.columns.forEach(({ default: expression }, i) => {
    const type = columns[i]?.type.name ?? 'text';
    if (expression !== null)
      planConstant(context, expression, type, 'DEFAULT expressions', 'fixing');
  });
  const key = primaryKeyOf(context, statement, at);
  const collection = coordinator.engine.nextNumber();
  const oid = coordinator.catalog.nextOid();
  coordinator.catalog.add({
    kind: 'table',
    oid,
    ...at,
    columns,
    collection,
    defaults: statement.columns.map((column) => column.default),
    defaultTexts: statement.columns.map((column) => column.defaultText),
  });
  coordinator.engine.send({
    kind: 'createCollection',
    collection,
    stored: true,
    columns: columns.map((column) => ({ type: column.type.name, nullable: column.nullable })),
  });
  if (key === null) return command('CREATE TABLE');
  coordinator.catalog.add({
    kind: 'index',
    oid: coordinator.catalog.nextOid(),
    schema: at.schema,
    name: key.name,
    on: oid,
    key: key.key,
    primary: true,
  });
  coordinator.engine.send({ kind: 'createIndex', collection, key: key.key });
  coordinator.uniqueKeys.declare(collection, { name: key.name, columns, key: key.key });
  return command('CREATE TABLE');
}

/** The primary key's constraint and index. Throws 42P07 if its name is taken. */
function primaryKeyOf(
  context: ExecutionContext,
  statement: CreateTable,
  at: { readonly schema: string; readonly name: string },
): { readonly name: string; readonly key: readonly number[] } | null {
  const { primaryKey } = statement;
  if (primaryKey === null) return null;
  const { catalog } = context.coordinator;
  const taken = (name: string): boolean =>
    name === at.name || catalog.item(at.schema, name) !== undefined;
  if (primaryKey.name !== null && taken(primaryKey.name)) {
    throw sqlError('42P07', `relation "${primaryKey.name}" already exists`, {
      position: primaryKey.position,
    });
  }
  let name = primaryKey.name ?? `${at.name}_pkey`;
  for (let i = 1; taken(name); i++) name = `${at.name}_pkey${i}`;
  return {
    name,
    key: primaryKey.columns.map((column) =>
      statement.columns.findIndex((each) => each.name === column),
    ),
  };
}
