/**
 * The catalog as one statement sees it: names resolved along a search path, settings and the time
 * of the statement fixed. Implements what the SQL layer asks for (`CatalogView`).
 */
import { quoteIdentifier } from '../../dataflow/expr/quoting.ts';
import { defined } from '../base/assert.ts';
import type { CatalogView, Relation, SessionDoor } from '../sql/catalog-view.ts';
import type { Catalog } from './catalog.ts';
import type { RelationObject } from './object.ts';
import { isRelation, shownKind } from './object.ts';
import type { SystemContext, SystemRelation } from './system/relation.ts';

/** What a session adds. */
export interface StatementContext {
  readonly system: SystemContext;
  /** Effective schemas in order of look-up. */
  readonly searchPath: readonly string[];
  readonly nowMicroseconds: bigint;
  readonly door?: SessionDoor;
  setting(name: string): string | undefined;
}

const similarMax = 3;

/** Names resolved for one statement. */
export class SessionCatalog implements CatalogView {
  readonly #catalog: Catalog;
  readonly #context: StatementContext;

  constructor(catalog: Catalog, context: StatementContext) {
    this.#catalog = catalog;
    this.#context = context;
  }

  get currentDatabase(): string {
    return this.#context.system.database;
  }

  get currentUser(): string {
    return this.#context.system.user;
  }

  get searchPath(): readonly string[] {
    return this.#context.searchPath;
  }

  /** The first schema that can be written. */
  get currentSchema(): string | null {
    return this.#context.searchPath.find((name) => !this.#catalog.isSystemSchema(name)) ?? null;
  }

  get door(): SessionDoor | undefined {
    return this.#context.door;
  }

  get nowMicroseconds(): bigint {
    return this.#context.nowMicroseconds;
  }

  setting(name: string): string | undefined {
    return this.#context.setting(name);
  }

  relation(parts: readonly string[]): Relation | undefined {
    for (const [schema, name] of this.#candidates(parts)) {
      const system = this.#catalog.systemRelation(schema, name);
      if (system !== undefined) return this.#systemRelation(system);
      const item = this.#catalog.item(schema, name);
      if (item !== undefined && isRelation(item)) return this.#relation(item);
    }
    return undefined;
  }

  similar(name: string): readonly string[] {
    return this.#catalog
      .objects()
      .filter((object) => object.kind !== 'schema' && isRelation(object))
      .map((object) => object.name)
      .filter((other) => distance(other, name) <= Math.max(1, Math.floor(name.length / 4)))
      .slice(0, similarMax);
  }

  relationOid(parts: readonly string[]): number | undefined {
    for (const [schema, name] of this.#candidates(parts)) {
      const found = this.#catalog.systemRelation(schema, name) ?? this.#catalog.item(schema, name);
      if (found !== undefined) return found.oid;
    }
    return undefined;
  }

  relationName(oid: number): string | undefined {
    const object =
      this.#catalog.byOid(oid) ??
      this.#catalog.systemRelations().find((relation) => relation.oid === oid);
    if (object === undefined) return undefined;
    if (!('schema' in object)) return object.name;
    const visible = this.relationOid([object.name]) === oid;
    return visible ? quoted(object.name) : `${quoted(object.schema)}.${quoted(object.name)}`;
  }

  *#candidates(parts: readonly string[]): Iterable<readonly [string, string]> {
    const name = defined(parts.at(-1), 'a name has a part');
    if (parts.length === 1) for (const schema of this.#context.searchPath) yield [schema, name];
    else if (parts.length === 2) yield [defined(parts[0], 'two parts'), name];
    else if (parts[0] === this.currentDatabase) yield [defined(parts[1], 'three parts'), name];
  }

  #systemRelation(system: SystemRelation): Relation {
    return {
      oid: system.oid,
      schema: system.schema,
      name: system.name,
      kind: 'system table',
      columns: system.columns,
      collection: -1,
      stored: false,
      definition: null,
      searchPath: [],
      indexes: [],
      rows: () => system.rows(this.#context.system),
    };
  }

  #relation(object: RelationObject): Relation {
    const indexed = object.kind === 'view' ? object.indexed : null;
    const indexes = this.#catalog.dependents(object.oid).filter((other) => other.kind === 'index');
    return {
      oid: object.oid,
      schema: object.schema,
      name: object.name,
      kind: object.kind === 'subsource' ? 'source' : object.kind,
      ...(object.kind === 'source' && shownKind(object) === 'table' ? { fed: true } : {}),
      columns: object.columns,
      collection: object.kind === 'view' ? (indexed?.collection ?? -1) : object.collection,
      stored: 'stored' in object ? object.stored : object.kind !== 'view' || indexed !== null,
      definition: object.kind === 'view' && indexed === null ? object.query : null,
      searchPath: object.kind === 'view' ? object.searchPath : [],
      indexes: indexes.map((index) => index.key),
      rows: null,
      ...(object.kind === 'table'
        ? {
            defaults: object.defaults,
            uniqueKeys: indexes.filter((index) => index.primary).map((index) => index.key),
          }
        : {}),
    };
  }
}

/** An identifier as it must be written in SQL. */
export function quoted(name: string): string {
  return quoteIdentifier(name);
}

/** Levenshtein's distance, for hints. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
