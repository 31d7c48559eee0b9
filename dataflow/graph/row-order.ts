/** Comparing rows of batches by the keys of an ORDER BY. */
import { defined } from '../../src/base/assert.ts';
import type { Order } from '../plan/plan.ts';
import type { Batch } from '../value/batch.ts';
import { compareValueWords } from '../value/datum-column.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';

/** Negative, 0 or positive: row `i` of `a` against row `j` of `b`. */
export type RowComparison = (a: Batch, i: number, b: Batch, j: number) => number;

/** The comparison for `order` over rows of `types`. */
export function rowComparison(
  order: readonly Order[],
  types: readonly ColumnType[],
): RowComparison {
  const keys = order.map((one) => {
    const { type } = defined(types[one.column], `column ${one.column} can be ordered by`);
    return { ...one, compare: comparisonOf(type) };
  });
  return (a, i, b, j) => {
    for (const { column, descending, nullsFirst, compare } of keys) {
      const aNull = isNull(a, column, i);
      const bNull = isNull(b, column, j);
      if (aNull || bNull) {
        if (aNull && bNull) continue;
        return aNull === nullsFirst ? -1 : 1;
      }
      const result = compare(a, a.column[column], i, b, b.column[column], j);
      if (result !== 0) return descending ? -result : result;
    }
    return 0;
  };
}

function isNull(batch: Batch, column: number, row: number): boolean {
  const nulls = batch.nulls[column];
  return nulls >= 0 && batch.slab.u8[nulls + row] !== 0;
}

type ColumnComparison = (
  a: Batch,
  aColumn: number,
  i: number,
  b: Batch,
  bColumn: number,
  j: number,
) => number;

function comparisonOf(type: TypeName): ColumnComparison {
  switch (physicalOf(type)) {
    case 'i32':
      return (a, aColumn, i, b, bColumn, j) => {
        const x = a.slab.i32[aColumn + i];
        const y = b.slab.i32[bColumn + j];
        return x < y ? -1 : Number(x > y);
      };
    case 'i64':
      return (a, aColumn, i, b, bColumn, j) => {
        const x = a.slab.i64[(aColumn >> 1) + i];
        const y = b.slab.i64[(bColumn >> 1) + j];
        return x < y ? -1 : Number(x > y);
      };
    case 'f64':
      return (a, aColumn, i, b, bColumn, j) =>
        compareValueWords(type, a.slab.i32, aColumn + 2 * i, 8, b.slab.i32, bColumn + 2 * j, 8);
    case 'var':
      return (a, aColumn, i, b, bColumn, j) => {
        const x = aColumn + 2 * i;
        const y = bColumn + 2 * j;
        return compareValueWords(
          type,
          a.slab.i32,
          a.slab.i32[x],
          a.slab.i32[x + 1],
          b.slab.i32,
          b.slab.i32[y],
          b.slab.i32[y + 1],
        );
      };
  }
}
