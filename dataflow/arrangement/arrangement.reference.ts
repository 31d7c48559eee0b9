/**
 * The plain reference of an arrangement: a map from row to weight, and a copy of it for every step
 * that is still of interest. Also the reading of an arrangement into such a map, and rows as text.
 */
import { BatchWriter } from '../value/batch-writer.ts';
import type { Datum, Row, Update } from '../value/datum.ts';
import { compareDatums, rowsFromBatch } from '../value/datum-column.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Arrangement, Pairs } from './arrangement.ts';
import { makePairs, startPosition } from './pairs.ts';

/** A datum as text, one text for one run of bytes. */
function datumText(datum: Datum): string {
  if (datum === null) return '∅';
  if (typeof datum === 'number') return Object.is(datum, -0) ? '-0' : String(datum);
  if (typeof datum === 'string') return `'${datum}'`;
  if (typeof datum !== 'object') return String(datum);
  if (datum instanceof Uint8Array) return `\\x${Array.from(datum).join('.')}`;
  if (datum.kind === 'array') return `[${datum.elements.map(datumText).join(',')}]`;
  return Object.values(datum).join(':');
}

export function rowText(row: Row): string {
  return row.map(datumText).join('|');
}

export class Weights {
  readonly rows = new Map<string, { readonly row: Row; readonly weight: number }>();

  add({ row, weight }: Update): void {
    const text = rowText(row);
    const sum = (this.rows.get(text)?.weight ?? 0) + weight;
    if (sum === 0) this.rows.delete(text);
    else this.rows.set(text, { row, weight: sum });
  }

  copy(): Weights {
    const copy = new Weights();
    for (const [text, entry] of this.rows) copy.rows.set(text, entry);
    return copy;
  }

  /** This minus `other`. */
  minus(other: Weights): Weights {
    const result = this.copy();
    for (const { row, weight } of other.rows.values()) result.add({ row, weight: -weight });
    return result;
  }

  /** Rows and weights in order of text, for comparison. */
  sorted(): string[] {
    return [...this.rows].map(([text, { weight }]) => `${weight} × ${text}`).sort();
  }
}

/** Whether the key columns of two rows are equal under SQL; NULL with NULL if `nullsEqual`. */
export function keysEqual(
  types: readonly ColumnType[],
  a: readonly Datum[],
  b: readonly Datum[],
  nullsEqual: boolean,
): boolean {
  return types.every(({ type }, k) => {
    const x = a[k];
    const y = b[k];
    if (x === null || y === null) return nullsEqual && x === y;
    return compareDatums(type, x, y) === 0;
  });
}

/** Adds the rows of `pairs` to `into` and empties it. */
export function takePairs(
  pool: SlabPool,
  arrangement: Arrangement,
  pairs: Pairs,
  into: (pair: number, update: Update) => void,
): void {
  const { columns } = arrangement.layout;
  const all = columns.map((_, c) => c);
  const writer = new BatchWriter(pool, columns);
  writer.begin(pairs.n, arrangement.varWordsOf(pairs.address, 0, pairs.n, all));
  arrangement.gather(pairs.address, 0, pairs.n, all, writer, 0);
  for (let k = 0; k < pairs.n; k++) writer.slab.i32[writer.weight + k] = pairs.weight[k];
  const batch = writer.seal(0, pairs.n);
  rowsFromBatch(batch, columns).forEach((update, k) => {
    into(pairs.row[k], update);
  });
  batch.slab.release();
  writer.close();
  pairs.n = 0;
}

/** Everything visible at a step, read `capacity` rows at a time with `between` in the pauses. */
export function scanned(
  pool: SlabPool,
  arrangement: Arrangement,
  at: number,
  capacity: number,
  between: () => void,
): Weights {
  const weights = new Weights();
  const pairs = makePairs(capacity);
  const position = startPosition();
  for (let done = false; !done;) {
    done = arrangement.scan(at, position, pairs);
    takePairs(pool, arrangement, pairs, (_, update) => {
      weights.add(update);
    });
    between();
  }
  return weights;
}

/** The changes between two steps, read in the same way. */
export function changed(
  pool: SlabPool,
  arrangement: Arrangement,
  from: number,
  to: number,
  capacity: number,
  between: () => void,
): Weights {
  const weights = new Weights();
  const pairs = makePairs(capacity);
  const position = startPosition();
  for (let done = false; !done;) {
    done = arrangement.changes(from, to, position, pairs);
    takePairs(pool, arrangement, pairs, (_, update) => {
      weights.add(update);
    });
    between();
  }
  return weights;
}
