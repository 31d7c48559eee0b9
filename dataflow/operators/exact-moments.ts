/**
 * The count, sum and sum of squares of any numbers, exactly, as an object: for aggregates and
 * groups that words cannot hold. Numbers are coefficients in units of 10^-scale; the object keeps
 * how many values have which scale, since the scale of a result is the largest of the values that
 * are there.
 */
import { tenTo } from '../value/decimal.ts';
import type { Saved } from '../value/saved.ts';
import { bigText, savedBig, savedInteger, savedList } from '../value/saved-parts.ts';
import type { SideForm } from './side-table.ts';
import type { SumParts } from './sum-parts.ts';

/** Estimated bytes of one. */
export const momentsBytes = 400;

/** Exact sums of a changing multiset of numbers. */
export class ExactMoments {
  /** Sum in units of 10^-unit, and of squares in units of 10^-2·unit. */
  #sum = 0n;
  #squares = 0n;
  #unit = 0;
  readonly #scales = new Map<number, number>();
  nan = 0;
  positive = 0;
  negative = 0;

  /** As plain data and back. */
  static readonly form: SideForm<ExactMoments> = {
    save: (moments) => moments.#save(),
    restore: (saved) => ExactMoments.#restored(saved),
  };

  #save(): Saved {
    const { nan, positive, negative } = this;
    const scales = [...this.#scales].flat();
    const sums = [bigText(this.#sum), bigText(this.#squares), this.#unit];
    return [...sums, nan, positive, negative, ...scales];
  }

  static #restored(saved: Saved): ExactMoments {
    const [sum, squares, unit, nan, positive, negative, ...scales] = savedList(saved);
    const moments = new ExactMoments();
    moments.#sum = savedBig(sum);
    moments.#squares = savedBig(squares);
    moments.#unit = savedInteger(unit, 0);
    moments.nan = savedInteger(nan);
    moments.positive = savedInteger(positive);
    moments.negative = savedInteger(negative);
    for (let s = 0; s < scales.length; s += 2) {
      moments.#scales.set(savedInteger(scales[s], 0), savedInteger(scales[s + 1]));
    }
    return moments;
  }

  /** Adds `weight` times coefficient · 10^-scale. */
  add(coefficient: bigint, scale: number, weight: number): void {
    this.addSum(coefficient * BigInt(weight), scale, weight);
    const square = coefficient * coefficient * BigInt(weight);
    this.#squares += square * tenTo(2 * (this.#unit - scale));
  }

  /** Adds to the sum alone: `weight` values of that scale whose sum is sum · 10^-scale. */
  addSum(sum: bigint, scale: number, weight: number): void {
    if (scale > this.#unit) {
      this.#sum *= tenTo(scale - this.#unit);
      this.#squares *= tenTo(2 * (scale - this.#unit));
      this.#unit = scale;
    }
    this.#sum += sum * tenTo(this.#unit - scale);
    const count = (this.#scales.get(scale) ?? 0) + weight;
    if (count === 0) this.#scales.delete(scale);
    else this.#scales.set(scale, count);
  }

  /** Adds values that are not finite. */
  addSpecial(form: 'NaN' | 'Infinity' | '-Infinity', weight: number): void {
    if (form === 'NaN') this.nan += weight;
    else if (form === 'Infinity') this.positive += weight;
    else this.negative += weight;
  }

  /** Values with the same sum, of which as many as of these have each scale and form. */
  parts(out: SumParts): void {
    const finite = { kind: 'decimal', form: 'finite', scale: this.#unit } as const;
    if (this.#sum !== 0n) {
      out.addDatum({ ...finite, coefficient: this.#sum }, 1);
      out.addDatum({ ...finite, coefficient: 0n }, -1);
    }
    for (const [scale, count] of this.#scales) out.add(0, count, scale);
    for (const [form, count] of [
      ['NaN', this.nan],
      ['Infinity', this.positive],
      ['-Infinity', this.negative],
    ] as const)
      out.addDatum({ kind: 'decimal', form, coefficient: 0n, scale: 0 }, count);
  }

  /** The largest scale of the values that are there. */
  get scale(): number {
    return Math.max(0, ...this.#scales.keys());
  }

  /** The sum in units of 10^-scale. */
  get sum(): bigint {
    return this.#sum / tenTo(this.#unit - this.scale);
  }

  /** The sum of squares in units of 10^-2·scale. */
  get squares(): bigint {
    return this.#squares / tenTo(2 * (this.#unit - this.scale));
  }

  /** What a sum is if some values are not finite; 'finite' if all are. */
  get form(): 'finite' | 'NaN' | 'Infinity' | '-Infinity' {
    if (this.nan > 0 || (this.positive > 0 && this.negative > 0)) return 'NaN';
    return this.positive > 0 ? 'Infinity' : this.negative > 0 ? '-Infinity' : 'finite';
  }

  /** Whether nothing was added that was not also retracted. */
  get isEmpty(): boolean {
    return (
      this.#sum === 0n &&
      this.#squares === 0n &&
      this.#scales.size === 0 &&
      this.nan === 0 &&
      this.positive === 0 &&
      this.negative === 0
    );
  }
}
