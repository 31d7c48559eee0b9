/**
 * Row streams: results on their way to a protocol, from an answer of the engine or from rows that
 * the coordinator itself knows (SHOW, EXPLAIN, RETURNING).
 */
import { packBatch } from '../../dataflow/graph/packed-batch.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import { batchFromRows } from '../../dataflow/value/datum-column.ts';
import type { Row } from '../../dataflow/value/datum.ts';
import { SlabPool } from '../../dataflow/value/slab.ts';
import type { ColumnType, TypeName } from '../../dataflow/value/type.ts';
import type { ResultColumn } from '../sql/planned.ts';
import type { Answer } from './engine-client.ts';
import type { RowStream } from './session.ts';

/** For batches that the coordinator builds itself. */
const pool = new SlabPool();

/** The engine's view of result columns; every one may hold NULL unless the plan says otherwise. */
export function columnTypes(columns: readonly ResultColumn[]): readonly ColumnType[] {
  return columns.map((column) => ({ type: column.type.name, nullable: column.nullable }));
}

/** Rows of datums as one packed batch. */
export function packDatums(
  columns: readonly ColumnType[],
  rows: readonly Row[],
  weight = 1,
): PackedBatch {
  const batch = batchFromRows(
    pool,
    columns,
    rows.map((row) => ({ row, weight })),
    0,
    true,
  );
  return packBatch(batch, columns);
}

/** A plain text-like result column. */
export function resultColumn(name: string, type: TypeName = 'text'): ResultColumn {
  return { name, type: { name: type, modifier: -1 }, nullable: true, tableOid: 0, attribute: 0 };
}

/** What the engine answers. `onEnd` is called once, however it ends. */
export function answerStream(
  columns: readonly ResultColumn[],
  answer: Answer,
  word: string,
  onEnd: () => void,
): RowStream {
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    onEnd();
  };
  return {
    kind: 'rows',
    columns,
    live: false,
    async next() {
      if (ended) return null;
      try {
        const batch = await answer.next();
        if (batch === null) end();
        return batch;
      } catch (error) {
        end();
        throw error;
      }
    },
    close() {
      if (!ended) answer.cancel();
      end();
    },
    tag: (rows) => `${word} ${rows}`,
  };
}

/** Batches that are already here. */
export function batchStream(
  columns: readonly ResultColumn[],
  batches: readonly PackedBatch[],
  tag: (rows: number) => string,
): RowStream {
  let next = 0;
  return {
    kind: 'rows',
    columns,
    live: false,
    next: () => Promise.resolve(batches[next++] ?? null),
    close() {
      next = batches.length;
    },
    tag,
  };
}

/** Rows that the coordinator made. */
export function rowStream(
  columns: readonly ResultColumn[],
  rows: readonly Row[],
  tag: string | ((rows: number) => string),
): RowStream {
  const batches = rows.length === 0 ? [] : [packDatums(columnTypes(columns), rows)];
  return batchStream(columns, batches, typeof tag === 'string' ? () => tag : tag);
}
