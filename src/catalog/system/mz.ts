/**
 * Our own system relations, in the names and forms that Materialize's users know: what sources are
 * doing, and the objects by kind.
 */
import type { Row } from '../../../dataflow/value/datum.ts';
import type { CatalogObject } from '../object.ts';
import { shownKind } from '../object.ts';
import { schemaOid } from './pg-relations.ts';
import type { SystemContext, SystemRelation } from './relation.ts';
import { systemColumns } from './relation.ts';

function sourceName({ catalog }: SystemContext, oid: number): string {
  return catalog.byOid(oid)?.name ?? '';
}

function statusRows(context: SystemContext): readonly Row[] {
  return context.runtime
    .sourceStatuses()
    .map(({ oid, status, error, updated }) => [
      String(oid),
      sourceName(context, oid),
      'kafka',
      updated,
      status,
      error,
      null,
    ]);
}

/** By source the sums over its partitions: ends of logs, and offsets up to which they are in steps. */
function offsetSums({
  runtime,
}: SystemContext): ReadonlyMap<number, { readonly known: bigint; readonly committed: bigint }> {
  const sums = new Map<number, { known: bigint; committed: bigint }>();
  for (const { oid, offset, end } of runtime.sourceProgress()) {
    const sum = sums.get(oid) ?? { known: 0n, committed: 0n };
    sum.known += end > offset ? end : offset;
    sum.committed += offset;
    sums.set(oid, sum);
  }
  return sums;
}

function statisticRows(context: SystemContext): readonly Row[] {
  const offsets = offsetSums(context);
  return context.runtime
    .sourceCounts()
    .map(({ oid, records, replayed, bytes, failed, quarantined, lastError }) => [
      String(oid),
      sourceName(context, oid),
      BigInt(records + replayed),
      BigInt(bytes),
      BigInt(failed),
      lastError,
      BigInt(replayed),
      BigInt(quarantined),
      offsets.get(oid)?.known ?? null,
      offsets.get(oid)?.committed ?? null,
    ]);
}

function progressRows(context: SystemContext): readonly Row[] {
  return context.runtime
    .sourceProgress()
    .map(({ oid, topic, partition, offset, end, stalled }) => [
      String(oid),
      sourceName(context, oid),
      topic,
      partition,
      offset,
      end,
      end > offset ? end - offset : 0n,
      stalled,
    ]);
}

/** Rows (id, oid, schema_id, name, type) of the objects that `keep` wants. */
function objectRows(
  keep: (object: CatalogObject) => boolean,
): (context: SystemContext) => readonly Row[] {
  return ({ catalog }) =>
    catalog.objects().flatMap((object) => {
      if (object.kind === 'schema' || !keep(object)) return [];
      const type = shownKind(object).replace(' ', '-');
      return [
        [
          `u${object.oid}`,
          BigInt(object.oid),
          String(schemaOid(catalog, object.schema)),
          object.name,
          type,
        ],
      ];
    });
}

const objectColumns = systemColumns([
  ['id', 'text'],
  ['oid', 'oid'],
  ['schema_id', 'text'],
  ['name', 'text'],
  ['type', 'text'],
]);

function objectRelation(
  oid: number,
  name: string,
  keep: (object: CatalogObject) => boolean,
): SystemRelation {
  return { oid, schema: 'mz_catalog', name, columns: objectColumns, rows: objectRows(keep) };
}

function isShownAsSource(object: CatalogObject): boolean {
  return object.kind === 'subsource' || shownKind(object) === 'source';
}

export const mzRelations: readonly SystemRelation[] = [
  objectRelation(13_100, 'mz_objects', () => true),
  objectRelation(13_101, 'mz_tables', (object) => shownKind(object) === 'table'),
  objectRelation(13_102, 'mz_sources', isShownAsSource),
  objectRelation(13_103, 'mz_views', (object) => object.kind === 'view'),
  objectRelation(13_104, 'mz_materialized_views', (object) => object.kind === 'materialized view'),
  objectRelation(13_105, 'mz_indexes', (object) => object.kind === 'index'),
  objectRelation(13_106, 'mz_connections', (object) => object.kind === 'connection'),
  objectRelation(13_107, 'mz_secrets', (object) => object.kind === 'secret'),
  {
    oid: 13_110,
    schema: 'mz_internal',
    name: 'mz_source_statuses',
    rows: statusRows,
    columns: systemColumns([
      ['id', 'text'],
      ['name', 'text'],
      ['type', 'text'],
      ['last_status_change_at', 'timestamptz'],
      ['status', 'text'],
      ['error', 'text'],
      ['details', 'jsonb'],
    ]),
  },
  {
    oid: 13_111,
    schema: 'mz_internal',
    name: 'mz_source_statistics',
    rows: statisticRows,
    columns: systemColumns([
      ['id', 'text'],
      ['name', 'text'],
      ['messages_received', 'int8'],
      ['bytes_received', 'int8'],
      ['records_failed', 'int8'],
      ['last_error', 'text'],
      ['messages_replayed', 'int8'],
      ['records_quarantined', 'int8'],
      ['offset_known', 'int8'],
      ['offset_committed', 'int8'],
    ]),
  },
  {
    oid: 13_112,
    schema: 'mz_internal',
    name: 'mz_source_progress',
    rows: progressRows,
    columns: systemColumns([
      ['id', 'text'],
      ['name', 'text'],
      ['topic', 'text'],
      ['partition', 'int4'],
      ['offset', 'int8'],
      ['end_offset', 'int8'],
      ['lag', 'int8'],
      ['stalled', 'text'],
    ]),
  },
];
