/** DROP of every kind of object, with CASCADE and RESTRICT as in Postgres. */
import { sqlError } from '../../base/error.ts';
import type { ObjectKind, QualifiedName, Statement } from '../../sql/ast.ts';
import type { CatalogObject, IndexObject, SubsourceObject } from '../../catalog/object.ts';
import { shownKind } from '../../catalog/object.ts';
import { command } from './context.ts';
import type { ExecutionContext } from './context.ts';
import { findItem } from './naming.ts';
import type { Outcome } from '../session.ts';

type Drop = Extract<Statement, { kind: 'drop' }>;

function missing(
  kind: ObjectKind,
  name: QualifiedName,
): { readonly code: string; readonly message: string } {
  const text = name.parts.join('.');
  if (kind === 'schema') return { code: '3F000', message: `schema "${text}" does not exist` };
  return {
    code: kind === 'connection' || kind === 'secret' ? '42704' : '42P01',
    message: `${kind} "${text}" does not exist`,
  };
}

function find(
  context: ExecutionContext,
  kind: ObjectKind,
  name: QualifiedName,
): CatalogObject | undefined {
  const { catalog } = context.coordinator;
  if (kind !== 'schema') return findItem(context, name);
  const text = name.parts.at(-1) ?? '';
  if (catalog.isSystemSchema(text))
    throw sqlError(
      '42501',
      `cannot drop schema ${text} because it is required by the database system`,
    );
  return catalog.schemas().find((schema) => schema.name === text);
}

/**
 * The objects to drop, in the order named; missing ones under IF EXISTS are skipped with a notice.
 */
function targets(context: ExecutionContext, statement: Drop): readonly CatalogObject[] {
  return statement.names.flatMap((name) => {
    const object = find(context, statement.object, name);
    if (object === undefined) {
      const { code, message } = missing(statement.object, name);
      if (!statement.ifExists) throw sqlError(code, message, { position: name.position });
      context.session.notice({
        severity: 'NOTICE',
        code: '00000',
        message: `${message}, skipping`,
      });
      return [];
    }
    if (object.kind === 'subsource') throw neededBySource(context, object);
    if (shownKind(object) !== statement.object) {
      throw sqlError('42809', `"${object.name}" is not a ${statement.object}`, {
        hint: `Use DROP ${shownKind(object).toUpperCase()} to remove a ${shownKind(object)}.`,
        position: name.position,
      });
    }
    if (object.kind === 'index' && object.primary) throw neededByKey(context, object);
    return [object];
  });
}

/** An index of a primary key goes with its table only. */
function neededByKey(context: ExecutionContext, index: IndexObject): Error {
  const table = context.coordinator.catalog.byOid(index.on)?.name ?? '';
  return sqlError(
    '2BP01',
    `cannot drop index ${index.name} because constraint ${index.name} on table ${table} requires it`,
    {
      hint: `You can drop constraint ${index.name} on table ${table} instead.`,
    },
  );
}

/** A relation about a source goes with the source only. */
function neededBySource(context: ExecutionContext, subsource: SubsourceObject): Error {
  const source = context.coordinator.catalog.byOid(subsource.of);
  const text = source === undefined ? 'its source' : `${shownKind(source)} ${source.name}`;
  return sqlError('2BP01', `cannot drop ${subsource.name} because ${text} requires it`, {
    hint: `You can drop ${text} instead.`,
  });
}

/**
 * Indexes fall with their relation, and relations about a source with the source, without being
 * asked about; everything else needs CASCADE.
 */
function requireIndependent(
  context: ExecutionContext,
  object: CatalogObject,
  dropped: ReadonlySet<number>,
): void {
  const others = context.coordinator.catalog
    .cascade(object.oid)
    .filter(
      (other) =>
        other.oid !== object.oid &&
        other.kind !== 'index' &&
        other.kind !== 'subsource' &&
        !dropped.has(other.oid),
    );
  if (others.length === 0) return;
  throw sqlError(
    '2BP01',
    `cannot drop ${shownKind(object)} ${object.name} because other objects depend on it`,
    {
      detail: others
        .map(
          (other) =>
            `${shownKind(other)} ${other.name} depends on ${shownKind(object)} ${object.name}`,
        )
        .join('\n'),
      hint: 'Use DROP ... CASCADE to drop the dependent objects too.',
    },
  );
}

/** Throws 42P01, 42809, 2BP01. */
export async function drop(context: ExecutionContext, statement: Drop): Promise<Outcome> {
  const tag = `DROP ${statement.object.toUpperCase()}`;
  context.session.transaction.refuseInBlock(tag);
  const { coordinator } = context;
  const objects = targets(context, statement);
  const dropped = new Set(objects.map((object) => object.oid));
  if (!statement.cascade)
    for (const object of objects) requireIndependent(context, object, dropped);
  const doomed = new Map<number, CatalogObject>();
  for (const object of objects) {
    for (const each of coordinator.catalog.cascade(object.oid)) doomed.set(each.oid, each);
  }
  context.session.transaction.forget(doomed);
  // All go in this turn, so that nobody can make an object that stands on one of them.
  const ending = [...doomed.keys()].map((oid) => {
    const object = coordinator.catalog.byOid(oid);
    return object === undefined ? Promise.resolve() : coordinator.drop(object);
  });
  await Promise.all(ending);
  return command(tag);
}
