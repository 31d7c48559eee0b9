/**
 * A few values with weights that stand for many: their weights add up to the count of the many,
 * their products with the weights to the sum. What an aggregate that is a sum can be told instead
 * of all its values (summed-rows.ts). Filled for one group after the other.
 */
import type { Datum } from '../value/datum.ts';
import { writeSmallNumeric } from '../value/decimal.ts';
import { physicalOf } from '../value/type.ts';
import type { Cells } from './cells.ts';

/** Values by number. */
export class SumParts {
  /** How many there are. */
  n = 0;
  readonly weight: number[] = [];
  /** Integers of less than 2^53 in size, in units of 10^-scale. */
  readonly #value: number[] = [];
  readonly #scale: number[] = [];
  /** The value where that does not hold it: a large one or NULL; else undefined. */
  readonly #other: (Datum | undefined)[] = [];

  clear(): void {
    this.n = 0;
  }

  /** Adds value · 10^-scale; nothing if the weight is 0. */
  add(value: number, weight: number, scale = 0): void {
    if (weight !== 0) this.#push(value, undefined, weight, scale);
  }

  /** Adds a value in JavaScript's own form; nothing if the weight is 0. */
  addDatum(value: Datum, weight: number): void {
    if (weight !== 0) this.#push(0, value, weight, 0);
  }

  /** Makes sure that there is a value, be its weight 0. */
  complete(nullable: boolean): void {
    if (this.n === 0) this.#push(0, nullable ? null : undefined, 0, 0);
  }

  #push(value: number, other: Datum | undefined, weight: number, scale: number): void {
    const { n } = this;
    this.weight[n] = weight;
    this.#value[n] = value;
    this.#scale[n] = scale;
    this.#other[n] = other;
    this.n = n + 1;
  }

  /** Writes a value as number `i` of a column of integers (scale 0) or numerics. */
  write(part: number, cells: Cells, i: number): void {
    const other = this.#other[part];
    if (other !== undefined) {
      cells.setDatum(i, other);
      return;
    }
    const value = this.#value[part];
    const physical = physicalOf(cells.type);
    if (physical === 'i32') cells.setOne(i, value);
    else if (physical === 'i64') cells.setInteger(i, value);
    else {
      const at = cells.take(3);
      cells.setVar(i, at, writeSmallNumeric(cells.heap, at, value, this.#scale[part]));
    }
  }
}
