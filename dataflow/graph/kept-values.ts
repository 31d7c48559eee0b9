/**
 * Rows of an upsert source whose records left values out, as they are what they were before: the
 * key's row gets those from the key's record before it, or from the row that the key had before the
 * step.
 *
 * Records of a step are looked at from the last one back (upsert.ts). So a row that is kept begins
 * with *gaps*, and each earlier record of its key fills those that it can, back to its *base*: a
 * record without gaps, or the old row when that is looked up. Where there is no base, as a record
 * removed the key or failed, the row fails, even if all gaps are filled: rows with gaps that fail
 * one by one fail in one step too. Values stay where they are until the row is written. Only rows
 * with gaps cost anything.
 */
import { assert, defined } from '../../src/base/assert.ts';
import { copyValue, varWordsOfRow } from '../operators/gather.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { UpsertRows } from './upsert.ts';

/** Where a value is. */
interface Place {
  readonly batch: Batch;
  readonly row: number;
}

/** A row that is kept and lacks values. */
export interface GappyRow {
  readonly row: number;
  /** Columns whose values were not found yet. */
  open: number[];
  readonly found: Map<number, Place>;
  /** Whether its base was found, or it is known that there is none. */
  base: 'open' | 'found' | 'none';
}

/** The rows with gaps of one step. */
export class KeptValues {
  /** By the number of the key: rows with open gaps. */
  readonly #open = new Map<number, GappyRow>();
  readonly #rows = new Map<Batch, Map<number, GappyRow>>();
  /** Batches that hold values for rows which are not written yet. */
  readonly #held: Batch[] = [];

  /** A row is the last of its key; it may have gaps. */
  keep(
    { unchanged, tombstones, failed }: UpsertRows,
    batch: Batch,
    row: number,
    key: number,
  ): void {
    if (unchanged === null || unchanged === undefined) return;
    if (tombstones?.[row] === 1 || failed?.[row] === 1) return;
    const open = [...unchanged.columns.keys()].filter((c) => hasGap(unchanged.columns, c, row));
    if (open.length === 0) return;
    const gappy: GappyRow = { row, open, found: new Map(), base: 'open' };
    this.#open.set(key, gappy);
    const rows = this.#rows.get(batch) ?? new Map<number, GappyRow>();
    this.#rows.set(batch, rows.set(row, gappy));
  }

  /** An earlier record of a key that was met. */
  fill(
    { unchanged, tombstones, failed }: UpsertRows,
    batch: Batch,
    row: number,
    key: number,
  ): void {
    const gappy = this.#open.get(key);
    if (gappy === undefined) return;
    if (tombstones?.[row] === 1 || failed?.[row] === 1) {
      gappy.base = 'none';
      this.#open.delete(key);
      return;
    }
    fillFrom(gappy, { batch, row }, (c) => hasGap(unchanged?.columns, c, row));
    for (const c of unchanged?.columns.keys() ?? []) if (hasGap(unchanged?.columns, c, row)) return;
    gappy.base = 'found';
    this.#open.delete(key);
  }

  /** The row with gaps that is row `row` of a batch. */
  at(batch: Batch, row: number): GappyRow | undefined {
    return this.#rows.get(batch)?.get(row);
  }

  /** Fills what is open with the row that the key had before the step. */
  fillFromOld(gappy: GappyRow, batch: Batch, row: number): void {
    if (gappy.base !== 'open') return;
    fillFrom(gappy, { batch, row }, () => false);
    gappy.base = 'found';
    if (this.#held.at(-1) === batch) return;
    batch.slab.retain();
    this.#held.push(batch);
  }

  /** Rows of a batch, each of them without gaps now. */
  write(
    pool: SlabPool,
    batch: Batch,
    types: readonly ColumnType[],
    rows: readonly GappyRow[],
  ): Batch {
    const places = rows.map((gappy) =>
      types.map((_, c): Place => gappy.found.get(c) ?? { batch, row: gappy.row }),
    );
    let words = 0;
    for (const place of places)
      place.forEach((from, c) => (words += varWordsOfRow(from.batch, types, from.row, [c])));
    const writer = new BatchWriter(pool, types);
    writer.begin(rows.length, words);
    places.forEach((place, i) => {
      assert(defined(rows[i], 'as many rows as places').open.length === 0, 'gaps are filled');
      place.forEach((from, c) => copyValue(from.batch, types, from.row, c, writer, i, c));
      writer.slab.i32[writer.weight + i] = 1;
    });
    const written = writer.seal(batch.step, rows.length);
    writer.close();
    return written;
  }

  /** Gives up the old rows whose values have been written. */
  release(): void {
    for (const { slab } of this.#held.splice(0)) slab.release();
  }
}

function hasGap(
  columns: ReadonlyMap<number, Uint8Array> | undefined,
  column: number,
  row: number,
): boolean {
  return columns?.get(column)?.[row] === 1;
}

function fillFrom(gappy: GappyRow, place: Place, lacks: (column: number) => boolean): void {
  const { open, found } = gappy;
  gappy.open = open.filter(lacks);
  for (const column of open) if (!lacks(column)) found.set(column, place);
}
