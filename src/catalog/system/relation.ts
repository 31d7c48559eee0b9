/**
 * System relations: tables of `pg_catalog`, `information_schema`, `mz_catalog` and `mz_internal`
 * whose rows are computed from the catalog (or from the running coordinator) when a query reads
 * them. They are planned like any other relation; their rows enter the plan as constants.
 */
import type { Row } from '../../../dataflow/value/datum.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { RelationColumn } from '../../sql/catalog-view.ts';
import type { Catalog } from '../catalog.ts';

/** What the coordinator adds to the catalog's own knowledge; see `coordinator/runtime.ts`. */
export interface Runtime {
  /** Of each source: status word, last error, and since when (µs since 2000-01-01). */
  sourceStatuses(): readonly {
    readonly oid: number;
    readonly status: string;
    readonly error: string | null;
    readonly updated: bigint;
  }[];
  /** Of each source: what it took in since it was created in this process. */
  sourceCounts(): readonly {
    readonly oid: number;
    readonly records: number;
    readonly replayed: number;
    readonly bytes: number;
    readonly failed: number;
    readonly quarantined: number;
    readonly lastError: string | null;
  }[];
  /**
   * Of each source and partition that is read: next offset bound to a step and the log end as last
   * seen.
   */
  sourceProgress(): readonly {
    readonly oid: number;
    readonly topic: string;
    readonly partition: number;
    readonly offset: bigint;
    readonly end: bigint;
    /** Why it does not go on, or null. */
    readonly stalled: string | null;
  }[];
  settings(): readonly {
    readonly name: string;
    readonly value: string;
    readonly description: string;
  }[];
  sessions(): readonly {
    readonly processId: number;
    readonly user: string;
    readonly application: string;
  }[];
}

/** What a system relation can read. */
export interface SystemContext {
  readonly catalog: Catalog;
  readonly runtime: Runtime;
  readonly database: string;
  readonly user: string;
}

export interface SystemRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly RelationColumn[];
  rows(context: SystemContext): readonly Row[];
}

/**
 * Columns from pairs (name, type), all nullable: the compact form for tables of dozens of columns.
 */
export function systemColumns(
  pairs: readonly (readonly [string, TypeName])[],
): readonly RelationColumn[] {
  return pairs.map(([name, type]) => ({
    name,
    type: { name: type, modifier: -1 },
    nullable: true,
  }));
}
