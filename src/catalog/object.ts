/**
 * What the catalog holds: one plain immutable record per object. An object is changed by replacing
 * its record. `oid`s count up from `firstUserOid` and are never reused, so that statement caches of
 * clients stay right. Everything that is derived (what depends on what, names by oid) is computed
 * by `Catalog`.
 */
import type { SourceFormat } from '../../connectors/format/decoder.ts';
import type { StartPosition } from '../../connectors/connector.ts';
import type { Expression, Query } from '../sql/ast.ts';
import type { RelationColumn } from '../sql/catalog-view.ts';

/** Postgres gives user objects numbers from here on. */
export const firstUserOid = 16384;

interface Named {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

export interface SchemaObject {
  readonly kind: 'schema';
  readonly oid: number;
  readonly name: string;
}

export interface KafkaConnectionObject extends Named {
  readonly kind: 'connection';
  readonly type: 'kafka';
  /** host:port, in order of preference. */
  readonly brokers: readonly string[];
  /** How it is spoken to; without it in the clear, and nobody says who he is. */
  readonly security?: KafkaSecurity;
}

/** What a statement gives by itself, or as the oid of a secret. */
export type TextOrSecret = { readonly text: string } | { readonly secret: number };

/** TLS and SASL of a connection; secrets by oid. */
export interface KafkaSecurity {
  readonly protocol: 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  readonly sasl: {
    readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
    readonly username: TextOrSecret;
    readonly password: TextOrSecret;
  } | null;
  /** In PEM. Without an authority those count that the machine trusts. */
  readonly authority: TextOrSecret | null;
  /** What the broker is shown, and its key. */
  readonly certificate: TextOrSecret | null;
  readonly key: TextOrSecret | null;
}

export interface RegistryConnectionObject extends Named {
  readonly kind: 'connection';
  readonly type: 'schema registry';
  /** Without a slash at its end. */
  readonly url: string;
}

/** A text for connections, such as a password, that no statement shows. */
export interface SecretObject extends Named {
  readonly kind: 'secret';
  readonly value: string;
}

export type ConnectionObject = KafkaConnectionObject | RegistryConnectionObject;

export interface TableObject extends Named {
  readonly kind: 'table';
  readonly columns: readonly RelationColumn[];
  /** DEFAULT expressions by column, and their texts as written. */
  readonly defaults: readonly (Expression | null)[];
  readonly defaultTexts: readonly (string | null)[];
  readonly collection: number;
}

/** The topics of a source: by name, or all whose whole name matches a pattern. */
export type SourceTopics =
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'pattern'; readonly pattern: string };

export interface SourceObject extends Named {
  readonly kind: 'source';
  readonly columns: readonly RelationColumn[];
  readonly connection: number;
  /** The source without a format whose table it is. */
  readonly group?: number;
  /** The connection to the registry of the schemas with which records are written. */
  readonly registry?: number;
  readonly topics: SourceTopics;
  readonly format: SourceFormat;
  readonly start: StartPosition;
  readonly collection: number;
  /** Upsert sources keep their rows in the engine; append-only ones are passed through. */
  readonly stored: boolean;
}

/** A source without a format: what the tables that it feeds have in common. */
export interface SourceGroupObject extends Named {
  readonly kind: 'source group';
  readonly connection: number;
  /** The topics that tables may read; null: any, by their REFERENCE. */
  readonly topics: SourceTopics | null;
  readonly start: StartPosition;
}

/**
 * A relation about a source, which is made and dropped with it. `errors`: records that cannot be
 * decoded; it is kept if the source is.
 */
export interface SubsourceObject extends Named {
  readonly kind: 'subsource';
  /** Oid of the source. */
  readonly of: number;
  readonly part: 'errors';
  readonly columns: readonly RelationColumn[];
  readonly collection: number;
  readonly stored: boolean;
}

export interface ViewObject extends Named {
  readonly kind: 'view';
  readonly columns: readonly RelationColumn[];
  readonly query: Query;
  readonly queryText: string;
  readonly searchPath: readonly string[];
  /** Relations that the query names, by oid. */
  readonly dependencies: readonly number[];
  /** Set while an index keeps the view's rows: its collection and the dataflow that feeds it. */
  readonly indexed: { readonly collection: number; readonly dataflow: number } | null;
}

export interface MaterializedViewObject extends Named {
  readonly kind: 'materialized view';
  readonly columns: readonly RelationColumn[];
  readonly query: Query;
  readonly queryText: string;
  readonly searchPath: readonly string[];
  readonly dependencies: readonly number[];
  readonly collection: number;
  readonly dataflow: number;
}

export interface IndexObject extends Named {
  readonly kind: 'index';
  /** Oid of the relation. */
  readonly on: number;
  /** Column positions, in order. */
  readonly key: readonly number[];
  /** True for the index of a primary key: it lives and goes with its table. */
  readonly primary: boolean;
}

export type RelationObject =
  TableObject | SourceObject | SubsourceObject | ViewObject | MaterializedViewObject;
export type SchemaItem =
  RelationObject | SourceGroupObject | ConnectionObject | SecretObject | IndexObject;
export type CatalogObject = SchemaObject | SchemaItem;

/** True for what a FROM clause can name. */
export function isRelation(object: CatalogObject): object is RelationObject {
  return (
    object.kind === 'table' ||
    object.kind === 'source' ||
    object.kind === 'subsource' ||
    object.kind === 'view' ||
    object.kind === 'materialized view'
  );
}

/** What users call it: a table that a source feeds is a table, and that source a source. */
export function shownKind(object: CatalogObject): Exclude<CatalogObject['kind'], 'source group'> {
  if (object.kind === 'source group') return 'source';
  return object.kind === 'source' && object.group !== undefined ? 'table' : object.kind;
}

function secretsOf(security: KafkaSecurity | undefined): readonly number[] {
  if (security === undefined) return [];
  const { sasl, authority, certificate, key } = security;
  const given = [sasl?.username, sasl?.password, authority, certificate, key];
  return given.flatMap((value) => (value && 'secret' in value ? [value.secret] : []));
}

/** The oids that an object needs: it cannot outlive them. */
export function dependenciesOf(object: CatalogObject): readonly number[] {
  switch (object.kind) {
    case 'schema':
    case 'secret':
    case 'table':
      return [];
    case 'connection':
      return object.type === 'kafka' ? secretsOf(object.security) : [];
    case 'source':
      return [object.connection, object.group, object.registry].filter((oid) => oid !== undefined);
    case 'source group':
      return [object.connection];
    case 'subsource':
      return [object.of];
    case 'view':
    case 'materialized view':
      return object.dependencies;
    case 'index':
      return [object.on];
  }
}
