/**
 * The catalog: every object by oid and by (schema, name). Names of relations, indexes and
 * connections share one namespace per schema, as in Postgres. It knows nothing of the engine:
 * creating a materialized view here only records it; the coordinator starts the dataflow.
 *
 * Invariants: every name entry points at a live object and back; every dependency of a live object
 * is live; an object leaves only after everything that depends on it.
 */
import { assert, defined } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';
import type { CatalogObject, SchemaItem, SchemaObject } from './object.ts';
import { dependenciesOf, firstUserOid } from './object.ts';
import type { SystemRelation } from './system/relation.ts';

/** Schemas that are always there and cannot be dropped or written. */
export const systemSchemas: readonly { readonly name: string; readonly oid: number }[] = [
  { name: 'pg_catalog', oid: 11 },
  { name: 'information_schema', oid: 13_000 },
  { name: 'mz_catalog', oid: 13_001 },
  { name: 'mz_internal', oid: 13_002 },
];

const publicSchemaOid = 2200;

/** Who is told of every change, when it has happened. */
export interface CatalogListener {
  /** An object is new, or has a new record. */
  put(object: CatalogObject): void;
  remove(oid: number): void;
}

const nobody: CatalogListener = { put: () => undefined, remove: () => undefined };

/** Every object, by oid and by name. */
export class Catalog {
  readonly #objects = new Map<number, CatalogObject>();
  /** schema → name → oid. */
  readonly #names = new Map<string, Map<string, number>>();
  readonly #system = new Map<string, Map<string, SystemRelation>>();
  readonly #listener: CatalogListener;
  #nextOid = firstUserOid;
  #version = 0;

  constructor(system: readonly SystemRelation[], listener: CatalogListener = nobody) {
    this.#listener = listener;
    for (const schema of systemSchemas) this.#system.set(schema.name, new Map());
    for (const relation of system) {
      defined(this.#system.get(relation.schema), `${relation.schema} is a system schema`).set(
        relation.name,
        relation,
      );
    }
    this.#addSchema({ kind: 'schema', oid: publicSchemaOid, name: 'public' });
  }

  /** Grows with every change: what was planned under another version may be stale. */
  get version(): number {
    return this.#version;
  }

  /** A number for a new object. */
  nextOid(): number {
    return this.#nextOid++;
  }

  /** All user objects, schemas included, by oid. */
  objects(): readonly CatalogObject[] {
    return [...this.#objects.values()].sort((a, b) => a.oid - b.oid);
  }

  systemRelations(): readonly SystemRelation[] {
    return [...this.#system.values()].flatMap((relations) => [...relations.values()]);
  }

  schemas(): readonly SchemaObject[] {
    return this.objects().filter((object) => object.kind === 'schema');
  }

  hasSchema(name: string): boolean {
    return this.#names.has(name) || this.#system.has(name);
  }

  isSystemSchema(name: string): boolean {
    return this.#system.has(name);
  }

  byOid(oid: number): CatalogObject | undefined {
    return this.#objects.get(oid);
  }

  /** The item of exactly this schema. */
  item(schema: string, name: string): SchemaItem | undefined {
    const oid = this.#names.get(schema)?.get(name);
    if (oid === undefined) return undefined;
    const object = defined(this.#objects.get(oid), `name ${name} points at a live object`);
    assert(object.kind !== 'schema', 'schemas are not items of a schema');
    return object;
  }

  systemRelation(schema: string, name: string): SystemRelation | undefined {
    return this.#system.get(schema)?.get(name);
  }

  /** The number that the next new object gets. */
  get oidAhead(): number {
    return this.#nextOid;
  }

  /**
   * What was there when the process before ended, by oid, in place of what a new catalog has; oids
   * below `oidAhead` have been used.
   */
  restore(objects: readonly CatalogObject[], oidAhead: number): void {
    assert(this.#version === 0, 'a catalog is restored before it is used');
    this.#objects.clear();
    this.#names.clear();
    for (const object of objects) this.#enter(object);
    this.#nextOid = Math.max(this.#nextOid, oidAhead);
    this.#version++;
  }

  /** Gives an object that was restored in part its whole record. */
  reinstate(object: SchemaItem): void {
    assert(this.#objects.get(object.oid)?.kind === object.kind, 'the object was restored');
    this.#objects.set(object.oid, object);
    this.#version++;
  }

  /** Adds an object. Throws 42P07 or 42P06 if the name is taken, 3F000 if the schema is missing. */
  add(object: CatalogObject): void {
    this.#enter(object);
    this.#version++;
    this.#listener.put(object);
  }

  #enter(object: CatalogObject): void {
    if (object.kind === 'schema') return this.#addSchema(object);
    this.requireUserSchema(object.schema);
    const names = defined(this.#names.get(object.schema), 'a user schema has its names');
    if (names.has(object.name)) {
      throw sqlError('42P07', `relation "${object.name}" already exists`);
    }
    for (const oid of dependenciesOf(object)) {
      assert(this.#objects.has(oid), `dependency ${oid} of ${object.name} is live`);
    }
    names.set(object.name, object.oid);
    this.#objects.set(object.oid, object);
  }

  /** Replaces an object by a new record of the same oid and name. */
  replace(object: SchemaItem): void {
    const old = this.#objects.get(object.oid);
    assert(
      old !== undefined && old.kind === object.kind,
      `object ${object.oid} is replaced by its like`,
    );
    this.#version++;
    this.#objects.set(object.oid, object);
    this.#listener.put(object);
  }

  /** Removes one object on which nothing depends. */
  remove(oid: number): void {
    const object = defined(this.#objects.get(oid), `object ${oid} is live`);
    assert(this.dependents(oid).length === 0, `nothing depends on ${object.name}`);
    this.#version++;
    this.#objects.delete(oid);
    if (object.kind === 'schema') this.#names.delete(object.name);
    else this.#names.get(object.schema)?.delete(object.name);
    this.#listener.remove(oid);
  }

  /** What directly needs an object. A schema is needed by its items. */
  dependents(oid: number): readonly CatalogObject[] {
    const object = this.#objects.get(oid);
    return this.objects().filter((other) => {
      if (object?.kind === 'schema') return other.kind !== 'schema' && other.schema === object.name;
      return dependenciesOf(other).includes(oid);
    });
  }

  /** Everything that falls with an object, dependents first, the object itself last. */
  cascade(oid: number): readonly CatalogObject[] {
    const order: CatalogObject[] = [];
    const seen = new Set<number>();
    const visit = (at: number): void => {
      if (seen.has(at)) return;
      seen.add(at);
      for (const dependent of this.dependents(at)) visit(dependent.oid);
      order.push(defined(this.#objects.get(at), `object ${at} is live`));
    };
    visit(oid);
    return order;
  }

  /** Throws unless new objects may be made in the schema. */
  requireUserSchema(name: string): void {
    if (this.#system.has(name)) {
      throw sqlError('42501', `system schema "${name}" cannot be modified`);
    }
    if (!this.#names.has(name)) throw sqlError('3F000', `schema "${name}" does not exist`);
  }

  #addSchema(schema: SchemaObject): void {
    if (this.hasSchema(schema.name)) {
      throw sqlError('42P06', `schema "${schema.name}" already exists`);
    }
    this.#names.set(schema.name, new Map());
    this.#objects.set(schema.oid, schema);
  }
}
