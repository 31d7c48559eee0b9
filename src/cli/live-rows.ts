/**
 * The rows of a SUBSCRIBE as they stand now: changes come in, the present rows go out. Also
 * measures how long after its timestamp each change arrives.
 */
import { assert, defined } from '../base/assert.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import { unpackBatch } from '../../dataflow/graph/packed-batch.ts';
import type { Datum, Row } from '../../dataflow/value/datum.ts';
import { readDatum } from '../../dataflow/value/datum-column.ts';
import { formatDecimal } from '../../dataflow/value/decimal-text.ts';
import type { ResultColumn } from '../sql/planned.ts';

/** mz_timestamp and mz_diff come first. */
const extraColumns = 2;
const latenciesMax = 500;

/** A value as text. */
export function textOf(value: Datum): string {
  if (value === null) return '';
  if (typeof value === 'object' && 'kind' in value && value.kind === 'decimal')
    return formatDecimal(value);
  assert(typeof value !== 'object', 'the demo shows texts and numbers');
  return String(value);
}

/** See the head of this file. */
export class LiveRows {
  readonly #columns: readonly ResultColumn[];
  readonly #rows = new Map<string, { readonly row: Row; weight: number }>();
  readonly #latencies: number[] = [];
  #changes = 0;
  #batches = 0;

  /** Resolves when the first rows are there. */
  readonly filled: Promise<void>;
  #fill = (): void => undefined;

  constructor(columns: readonly ResultColumn[]) {
    this.#columns = columns;
    this.filled = new Promise((resolve) => {
      this.#fill = resolve;
    });
  }

  /** Changes seen so far. */
  get changes(): number {
    return this.#changes;
  }

  /** Takes changes in that arrived at `now` (ms since the epoch). */
  apply(packed: PackedBatch, now: number): void {
    const types = this.#columns.map((column) => ({
      type: column.type.name,
      nullable: column.nullable,
    }));
    const batch = unpackBatch(packed, types, 0);
    for (let r = 0; r < batch.rows; r++) {
      const [time, diff, ...row] = types.map(({ type }, c) => readDatum(batch, c, r, type));
      if (r === 0 && this.#batches++ > 0) this.#arrived(now - Number(time));
      this.#add(row, Number(diff));
    }
    this.#changes += batch.rows;
    this.#fill();
  }

  #arrived(milliseconds: number): void {
    this.#latencies.push(Math.max(0, milliseconds));
    if (this.#latencies.length > latenciesMax) this.#latencies.shift();
  }

  #add(row: Row, diff: number): void {
    const key = row.map((value) => `${textOf(value)}\0`).join('');
    const known = this.#rows.get(key) ?? { row, weight: 0 };
    known.weight += diff;
    if (known.weight === 0) this.#rows.delete(key);
    else this.#rows.set(key, known);
  }

  /** Milliseconds from a change's timestamp to its arrival, at a quantile of the last changes. */
  latency(quantile: number): number {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    return sorted.length === 0
      ? 0
      : defined(sorted[Math.floor(quantile * (sorted.length - 1))], 'a quantile lies inside');
  }

  /** Present rows as texts, by column name in the order of the query. */
  rows(): readonly (readonly string[])[] {
    return [...this.#rows.values()].map(({ row }) => row.map(textOf));
  }

  /** Names of the query's columns. */
  names(): readonly string[] {
    return this.#columns.slice(extraColumns).map((column) => column.name);
  }
}
