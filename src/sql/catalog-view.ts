/**
 * What the SQL layer needs to know of the world: declared here, implemented by the catalog
 * (objects) and the session (settings). Nothing else of them is visible to binding and planning.
 */
import type { TypeName } from '../../dataflow/value/type.ts';
import type { Datum } from '../../dataflow/value/datum.ts';
import type { Expression, Query } from './ast.ts';

/** A column's declared type: name and modifier (Postgres' typmod encoding; -1 none). */
export interface SqlType {
  readonly name: TypeName;
  /**
   * varchar(n), bpchar(n): n + 4. numeric(p,s): ((p << 16) | s) + 4. timestamp(p), time(p): p. Else
   * -1.
   */
  readonly modifier: number;
}

export interface RelationColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
}

/** Something that a FROM clause can name. */
export interface Relation {
  /** Stable number, from 16384 on for user objects; the `oid` of pg_class. */
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: 'table' | 'source' | 'view' | 'materialized view' | 'system table' | 'system view';
  /** A source that is shown as a table. */
  readonly fed?: boolean;
  readonly columns: readonly RelationColumn[];
  /**
   * Stored or streamed collection in the engine; -1 for views (expanded) and system tables computed
   * on demand.
   */
  readonly collection: number;
  /** True if the engine keeps its rows (tables, upsert sources, materialized views). */
  readonly stored: boolean;
  /** Views: their query, bound in the schema path of their creation. */
  readonly definition: Query | null;
  readonly searchPath: readonly string[];
  /** Column positions of each index on the collection. */
  readonly indexes: readonly (readonly number[])[];
  /** Tables with a primary key: its columns, of which no two rows agree. */
  readonly uniqueKeys?: readonly (readonly number[])[];
  /** Tables: DEFAULT by column; absent or null where there is none. */
  readonly defaults?: readonly (Expression | null)[];
  /** System tables: their rows now. */
  readonly rows: (() => readonly (readonly Datum[])[]) | null;
}

/** What functions ask of the session that runs them. */
export interface SessionDoor {
  readonly processId: number;
  randomBytes(count: number): Uint8Array;
  /** The clock now, µs since 2000-01-01 UTC. */
  clockMicroseconds(): bigint;
  /** The time that a read sees now, ms since 1970-01-01. */
  readTime(): number;
  sessionExists(processId: number): boolean;
  /** How a setting's value would be shown. Throws 42704, 22023, 55P02. */
  checkedSetting(name: string, value: string): string;
}

export interface CatalogView {
  /** Absent where statements are planned without a session. */
  readonly door?: SessionDoor | undefined;
  /** Resolves a name along the search path; undefined if there is none. */
  relation(parts: readonly string[]): Relation | undefined;
  /** Existing names close to a missing one, for hints. */
  similar(name: string): readonly string[];
  readonly currentDatabase: string;
  readonly currentSchema: string | null;
  readonly searchPath: readonly string[];
  readonly currentUser: string;
  /** A session setting by its canonical lower-case name. */
  setting(name: string): string | undefined;
  /** Wall-clock time of the statement, µs since 2000-01-01 UTC, for now(). */
  readonly nowMicroseconds: bigint;
  /** For regclass and friends: the oid of a relation, or undefined. */
  relationOid(parts: readonly string[]): number | undefined;
  /** The inverse: the name to print for a relation's oid, or undefined. */
  relationName(oid: number): string | undefined;
}
