/**
 * Relations of the catalog: stored ones become a `get`, views are replaced by their query, system
 * tables by their rows of now.
 */
import type { QualifiedName } from '../ast.ts';
import { assert, defined } from '../../base/assert.ts';
import { SqlError, sqlError, unsupported } from '../../base/error.ts';
import type { CatalogView, Relation } from '../catalog-view.ts';
import type { Rel } from '../logical/rel.ts';
import type { Environment, OutputColumn } from './environment.ts';
import { emptyScope } from './scope.ts';
import { rowsOf } from './subquery.ts';

export interface BoundRelation {
  readonly rel: Rel;
  readonly schema: string;
  readonly name: string;
  readonly outputs: readonly OutputColumn[];
}

/** Looks a relation up; 42P01 with position if there is none. */
export function findRelation(name: QualifiedName, catalog: CatalogView): Relation {
  const relation = catalog.relation(name.parts);
  if (relation !== undefined) return relation;
  const shown = name.parts.join('.');
  const [near] = name.parts.length === 1 ? catalog.similar(shown) : [];
  throw sqlError('42P01', `relation "${shown}" does not exist`, {
    position: name.position,
    ...(near === undefined ? {} : { hint: `Perhaps you meant "${near}".` }),
  });
}

/** Binds a relation of the catalog by name. Throws 42P01. */
export function bindRelation(name: QualifiedName, environment: Environment): BoundRelation {
  const { context } = environment;
  const relation = findNamed(name, environment);
  context.dependencies.add(relation.oid);
  const columns = relation.columns.map((column) => context.columns.make(column.name, column.type));
  const outputs = columns.map((column, i): OutputColumn => ({
    name: column.name,
    column,
    tableOid: relation.oid,
    attribute: i + 1,
  }));
  if (relation.definition !== null && relation.collection < 0)
    return bindView(relation, environment);
  const positions = columns.map((_, i) => i);
  if (relation.rows !== null) {
    if (context.mode !== 'once') {
      throw unsupported(
        `system table "${relation.name}" in a query that is kept up to date`,
        name.position,
      );
    }
    return {
      rel: { kind: 'constant', rows: relation.rows(), columns },
      schema: relation.schema,
      name: relation.name,
      outputs,
    };
  }
  assert(relation.collection >= 0, `relation ${relation.name} has rows somewhere`);
  return {
    rel: { kind: 'get', relation, positions, columns },
    schema: relation.schema,
    name: relation.name,
    outputs,
  };
}

/** A relation; a WITH entry of that name that comes later in the text is mentioned in the error. */
function findNamed(name: QualifiedName, environment: Environment): Relation {
  const [first] = name.parts;
  const later = name.parts.length === 1 && first !== undefined && isLater(environment, first);
  if (!later || environment.context.catalog.relation(name.parts) !== undefined)
    return findRelation(name, environment.context.catalog);
  throw sqlError('42P01', `relation "${first}" does not exist`, {
    position: name.position,
    detail: `There is a WITH item named "${first}", but it cannot be referenced from this part of the query.`,
    hint: 'Use WITH RECURSIVE, or re-order the WITH items to remove forward references.',
  });
}

function isLater(environment: Environment, name: string): boolean {
  for (let at = environment.tables; at !== null; at = at.parent)
    if (at.later.includes(name)) return true;
  return false;
}

function bindView(relation: Relation, environment: Environment): BoundRelation {
  const query = defined(relation.definition, `view ${relation.name} has a definition`);
  const context = environment.context.inside(
    alongPath(environment.context.catalog, relation.searchPath),
  );
  const inner: Environment = {
    ...environment,
    context,
    scope: emptyScope,
    tables: null,
    clause: '',
    aggregates: null,
    setFunctions: null,
    insideAggregate: false,
    outer: null,
  };
  const bound = bindDefinition(relation, () => environment.bindQuery(query, inner));
  const outputs = bound.outputs.map((output, i): OutputColumn => ({
    name: relation.columns[i]?.name ?? output.name,
    column: output.column,
    tableOid: relation.oid,
    attribute: i + 1,
  }));
  return { rel: rowsOf(bound), schema: relation.schema, name: relation.name, outputs };
}

/** Positions inside a view's text mean nothing to who reads the view. */
function bindDefinition<T>(relation: Relation, bind: () => T): T {
  try {
    return bind();
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const { position: _, ...fields } = error.fields;
    throw new SqlError({ ...fields, detail: fields.detail ?? `In view "${relation.name}".` });
  }
}

/** The catalog as a view's text sees it: names go along the path of the view's creation. */
function alongPath(catalog: CatalogView, searchPath: readonly string[]): CatalogView {
  const first = <T>(
    parts: readonly string[],
    find: (parts: readonly string[]) => T | undefined,
  ): T | undefined => {
    if (parts.length !== 1) return find(parts);
    for (const schema of searchPath) {
      const found = find([schema, ...parts]);
      if (found !== undefined) return found;
    }
    return find(['pg_catalog', ...parts]);
  };
  return {
    relation: (parts) => first(parts, (full) => catalog.relation(full)),
    similar: (name) => catalog.similar(name),
    currentDatabase: catalog.currentDatabase,
    currentSchema: searchPath[0] ?? null,
    searchPath,
    currentUser: catalog.currentUser,
    setting: (name) => catalog.setting(name),
    nowMicroseconds: catalog.nowMicroseconds,
    ...(catalog.door === undefined ? {} : { door: catalog.door }),
    relationOid: (parts) => first(parts, (full) => catalog.relationOid(full)),
    relationName: (oid) => catalog.relationName(oid),
  };
}
