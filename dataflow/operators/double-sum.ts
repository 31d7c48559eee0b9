/**
 * sum and avg of float4 and float8: the exact sum, rounded once when it is shown. So the result
 * does not depend on the order of rows, and a retraction leaves no rest behind, which running sums
 * in doubles do. (Postgres adds in order of arrival; its sums differ from these in the last
 * digits.)
 *
 * The sum is an expansion of four doubles in the record (exact-double.ts); what does not fit, and
 * the counts of NaN and infinities, are an object beside it, which few groups ever have. State
 * words: expansion, count of values (absent where it is the group's row count), number of the
 * object.
 */
import type { Aggregate } from '../plan/plan.ts';
import { bigText, savedBig, savedInteger, savedList } from '../value/saved-parts.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import {
  addToExpansion,
  expansionMax,
  expansionParts,
  expansionValue,
  fromUnits,
  toUnits,
} from './exact-double.ts';
import { recordCount } from './group-table.ts';
import { addCounts } from './integer-sum.ts';
import type { SideForm } from './side-table.ts';
import { SideTable } from './side-table.ts';
import type { StateMemory } from './state-memory.ts';

/** What a sum cannot keep in its expansion. */
interface Beyond {
  /** Part of the sum, in units of 2^-1074. */
  units: bigint;
  nan: number;
  positive: number;
  negative: number;
}

const beyondForm: SideForm<Beyond> = {
  save: ({ units, nan, positive, negative }) => [bigText(units), nan, positive, negative],
  restore: (saved) => {
    const [units, nan, positive, negative] = savedList(saved, 4);
    return {
      units: savedBig(units),
      nan: savedInteger(nan),
      positive: savedInteger(positive),
      negative: savedInteger(negative),
    };
  },
};

/** Weights up to here are added one by one. */
const timesMax = 8;
/** Estimated bytes of one. */
const beyondBytes = 400;

/** The accumulator of sum and avg over floats. */
export class DoubleSum implements Accumulator {
  readonly words: number;
  readonly skipsNulls = true;
  readonly #memory: StateMemory;
  readonly #column: number;
  readonly #mean: boolean;
  readonly #single: boolean;
  readonly #ownCount: boolean;
  readonly #beyond = new SideTable<Beyond>(beyondForm);
  readonly registers = this.#beyond;
  #partsAt = 0;
  #beyondAt = 0;
  #countAt: number = recordCount;

  constructor(memory: StateMemory, aggregate: Aggregate, ownCount: boolean) {
    this.#memory = memory;
    this.#column = aggregate.argument;
    this.#mean = aggregate.fn === 'avg';
    this.#single = aggregate.type === 'float4';
    this.#ownCount = ownCount;
    this.words = expansionParts * 2 + 2 + (ownCount ? 2 : 0);
  }

  place(offset: number): void {
    this.#partsAt = offset;
    this.#beyondAt = offset + expansionParts * 2;
    if (this.#ownCount) this.#countAt = this.#beyondAt + 2;
  }

  add(rows: GroupedRows): void {
    const { f64 } = this.#memory;
    if (this.#ownCount) addCounts(f64, this.#countAt >> 1, rows);
    const { batch, first, n, groups, weights } = rows;
    const from = batch.slab.f64;
    const at = (batch.column[this.#column] >> 1) + first;
    for (let i = 0; i < n; i++) {
      const weight = weights[i];
      const value = from[at + i];
      if (weight === 0 || value === 0) continue;
      const times = Math.abs(weight);
      if (!(Math.abs(value) < expansionMax) || times > timesMax) {
        this.#addBeyond(groups[i], value, weight);
        continue;
      }
      const parts = (groups[i] + this.#partsAt) >> 1;
      for (let t = 0; t < times; t++) {
        const rest = addToExpansion(f64, parts, weight > 0 ? value : -value);
        if (rest !== 0) this.#addBeyond(groups[i], rest, 1);
      }
    }
  }

  /** Adds a value that is not finite, too large, or has a weight. */
  #addBeyond(group: number, value: number, weight: number): void {
    const { i32 } = this.#memory;
    const at = group + this.#beyondAt;
    if (i32[at] === 0) i32[at] = this.#beyond.add({ units: 0n, nan: 0, positive: 0, negative: 0 });
    const beyond = this.#beyond.get(i32[at]);
    if (Number.isNaN(value)) beyond.nan += weight;
    else if (value === Infinity) beyond.positive += weight;
    else if (value === -Infinity) beyond.negative += weight;
    else beyond.units += toUnits(value) * BigInt(weight);
    this.#absorb(group, beyond);
  }

  /** Moves all of the sum to the object, and forgets it when nothing is left. */
  #absorb(group: number, beyond: Beyond): void {
    const { i32, f64 } = this.#memory;
    const parts = (group + this.#partsAt) >> 1;
    for (let k = parts; k < parts + expansionParts; k++) {
      if (f64[k] !== 0) beyond.units += toUnits(f64[k]);
      f64[k] = 0;
    }
    if (beyond.units !== 0n || beyond.nan !== 0 || beyond.positive !== 0 || beyond.negative !== 0)
      return;
    this.#beyond.remove(i32[group + this.#beyondAt]);
    i32[group + this.#beyondAt] = 0;
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    const { f64 } = this.#memory;
    for (let i = 0; i < n; i++) {
      const group = groups[first + i];
      const count = f64[(group + this.#countAt) >> 1];
      if (count <= 0) {
        out.setNull(i);
        continue;
      }
      const { sum, finite } = this.#value(group);
      const shown = this.#mean ? sum / count : this.#single ? Math.fround(sum) : sum;
      if (finite && !Number.isFinite(shown))
        out.setError(i, '22003', 'value out of range: overflow');
      else out.setDouble(i, shown);
    }
  }

  /** The sum as a double, and whether all values are finite. */
  #value(group: number): { readonly sum: number; readonly finite: boolean } {
    const { i32, f64 } = this.#memory;
    const number = i32[group + this.#beyondAt];
    const parts = (group + this.#partsAt) >> 1;
    if (number === 0) return { sum: expansionValue(f64, parts), finite: true };
    const { units, nan, positive, negative } = this.#beyond.get(number);
    if (nan > 0 || (positive > 0 && negative > 0)) return { sum: Number.NaN, finite: false };
    if (positive > 0) return { sum: Infinity, finite: false };
    if (negative > 0) return { sum: -Infinity, finite: false };
    let total = units;
    for (let k = parts; k < parts + expansionParts; k++) total += toUnits(f64[k]);
    return { sum: fromUnits(total), finite: true };
  }

  isEmpty(group: number): boolean {
    const { i32, f64 } = this.#memory;
    if (f64[(group + this.#countAt) >> 1] !== 0) return false;
    const number = i32[group + this.#beyondAt];
    if (number === 0) return f64[(group + this.#partsAt) >> 1] === 0;
    this.#absorb(group, this.#beyond.get(number));
    return i32[group + this.#beyondAt] === 0;
  }

  release(group: number): void {
    const at = group + this.#beyondAt;
    if (this.#memory.i32[at] !== 0) this.#beyond.remove(this.#memory.i32[at]);
  }

  bytes(): number {
    return this.#beyond.bytes(beyondBytes);
  }
}
