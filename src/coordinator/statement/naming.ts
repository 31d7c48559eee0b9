/**
 * Names of new objects: which schema they go to, and what IF NOT EXISTS means.
 */
import { sqlError } from '../../base/error.ts';
import type { QualifiedName } from '../../sql/ast.ts';
import type { RelationObject, SchemaItem } from '../../catalog/object.ts';
import { isRelation } from '../../catalog/object.ts';
import type { ExecutionContext } from './context.ts';

/** Schema and name of an object to be made. Throws 3F000, 42501, 0A000. */
export function newName(
  context: ExecutionContext,
  name: QualifiedName,
): { readonly schema: string; readonly name: string } {
  const view = context.session.catalog();
  const [last, before, database] = [...name.parts].reverse();
  if (database !== undefined && database !== view.currentDatabase) {
    throw sqlError(
      '0A000',
      `cross-database references are not implemented: "${name.parts.join('.')}"`,
      { position: name.position },
    );
  }
  const schema = before ?? view.currentSchema;
  if (schema === null) {
    throw sqlError('3F000', 'no schema has been selected to create in', {
      position: name.position,
    });
  }
  context.coordinator.catalog.requireUserSchema(schema);
  return { schema, name: last ?? '' };
}

/** True (with a notice) if the name is taken and IF NOT EXISTS was said. Throws 42P07 otherwise. */
export function skipExisting(
  context: ExecutionContext,
  at: { readonly schema: string; readonly name: string },
  ifNotExists: boolean,
): boolean {
  if (context.coordinator.catalog.item(at.schema, at.name) === undefined) return false;
  if (!ifNotExists) throw sqlError('42P07', `relation "${at.name}" already exists`);
  context.session.notice({
    severity: 'NOTICE',
    code: '42P07',
    message: `relation "${at.name}" already exists, skipping`,
  });
  return true;
}

/** An existing item by name along the search path, or undefined. */
export function findItem(context: ExecutionContext, name: QualifiedName): SchemaItem | undefined {
  const oid = context.session.catalog().relationOid(name.parts);
  const object = oid === undefined ? undefined : context.coordinator.catalog.byOid(oid);
  return object === undefined || object.kind === 'schema' ? undefined : object;
}

/** An existing relation. Throws 42P01, or 42809 if it is something else. */
export function findRelation(context: ExecutionContext, name: QualifiedName): RelationObject {
  const text = name.parts.join('.');
  const view = context.session.catalog();
  const oid = view.relationOid(name.parts);
  if (oid === undefined) {
    const similar = view.similar(name.parts.at(-1) ?? '');
    throw sqlError('42P01', `relation "${text}" does not exist`, {
      position: name.position,
      ...(similar.length === 0 ? {} : { hint: `Perhaps you meant "${similar.join('" or "')}".` }),
    });
  }
  const object = context.coordinator.catalog.byOid(oid);
  if (object === undefined) {
    throw sqlError('42501', `permission denied: "${text}" is a system catalog`, {
      position: name.position,
    });
  }
  if (!isRelation(object)) {
    throw sqlError('42809', `"${text}" is not a table or view`, { position: name.position });
  }
  return object;
}
