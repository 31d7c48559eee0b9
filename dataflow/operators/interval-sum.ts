/**
 * sum and avg of interval: months, days and microseconds are summed apart, exactly, in an object
 * per group. A sum that does not fit the parts of an interval is an error of the group. State
 * words: number of the object, unused.
 */
import type { Aggregate } from '../plan/plan.ts';
import type { Interval } from '../value/datum.ts';
import { interval } from '../value/datum.ts';
import { readInterval } from '../value/interval.ts';
import { bigText, savedBig, savedInteger, savedList } from '../value/saved-parts.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import type { SideForm } from './side-table.ts';
import { SideTable } from './side-table.ts';
import type { StateMemory } from './state-memory.ts';

interface Parts {
  count: number;
  months: number;
  days: number;
  microseconds: bigint;
}

const partsForm: SideForm<Parts> = {
  save: ({ count, months, days, microseconds }) => [count, months, days, bigText(microseconds)],
  restore: (saved) => {
    const [count, months, days, microseconds] = savedList(saved, 4);
    return {
      count: savedInteger(count),
      // Large weights take them beyond what is exact.
      months: savedInteger(months, -Infinity, Infinity),
      days: savedInteger(days, -Infinity, Infinity),
      microseconds: savedBig(microseconds),
    };
  },
};

const partsBytes = 120;
const daysPerMonth = 30;
const secondsPerDay = 86_400;
const int32Max = 2 ** 31 - 1;

/** The accumulator of sum and avg over intervals. */
export class IntervalSum implements Accumulator {
  readonly words = 2;
  readonly skipsNulls = true;
  readonly #memory: StateMemory;
  readonly #column: number;
  readonly #mean: boolean;
  readonly #parts = new SideTable<Parts>(partsForm);
  readonly registers = this.#parts;
  #objectAt = 0;

  constructor(memory: StateMemory, aggregate: Aggregate) {
    this.#memory = memory;
    this.#column = aggregate.argument;
    this.#mean = aggregate.fn === 'avg';
  }

  place(offset: number): void {
    this.#objectAt = offset;
  }

  add(rows: GroupedRows): void {
    const { batch, first, n, groups, weights } = rows;
    const { i32 } = batch.slab;
    const pairs = batch.column[this.#column] + 2 * first;
    for (let i = 0; i < n; i++) {
      const weight = weights[i];
      if (weight === 0) continue;
      const value = readInterval(i32, i32[pairs + 2 * i]);
      const parts = this.#partsOf(groups[i]);
      parts.count += weight;
      parts.months += value.months * weight;
      parts.days += value.days * weight;
      parts.microseconds += value.microseconds * BigInt(weight);
      if (isZero(parts)) this.release(groups[i]);
    }
  }

  #partsOf(group: number): Parts {
    const { i32 } = this.#memory;
    const at = group + this.#objectAt;
    if (i32[at] === 0)
      i32[at] = this.#parts.add({ count: 0, months: 0, days: 0, microseconds: 0n });
    return this.#parts.get(i32[at]);
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    for (let i = 0; i < n; i++) {
      const number = this.#memory.i32[groups[first + i] + this.#objectAt];
      const parts = number === 0 ? null : this.#parts.get(number);
      if (parts === null || parts.count <= 0) out.setNull(i);
      else if (!fits(parts)) out.setError(i, '22008', 'interval out of range');
      else {
        const sum = interval(parts.months, parts.days, parts.microseconds);
        out.setDatum(i, this.#mean ? divideInterval(sum, parts.count) : sum);
      }
    }
  }

  isEmpty(group: number): boolean {
    return this.#memory.i32[group + this.#objectAt] === 0;
  }

  release(group: number): void {
    const at = group + this.#objectAt;
    if (this.#memory.i32[at] === 0) return;
    this.#parts.remove(this.#memory.i32[at]);
    this.#memory.i32[at] = 0;
  }

  bytes(): number {
    return this.#parts.bytes(partsBytes);
  }
}

function isZero(parts: Parts): boolean {
  return parts.count === 0 && parts.months === 0 && parts.days === 0 && parts.microseconds === 0n;
}

function fits(parts: Parts): boolean {
  return (
    Math.abs(parts.months) <= int32Max &&
    Math.abs(parts.days) <= int32Max &&
    BigInt.asIntN(64, parts.microseconds) === parts.microseconds
  );
}

/** To whole microseconds, as Postgres rounds seconds. */
function toMicroseconds(seconds: number): number {
  return roundToEven(seconds * 1e6) / 1e6;
}

function roundToEven(value: number): number {
  const whole = Math.round(value);
  return Math.abs(value % 1) === 0.5 && whole % 2 !== 0 ? whole - 1 : whole;
}

/** An interval divided by a number: fractions of months become days, of days become time. */
export function divideInterval(value: Interval, divisor: number): Interval {
  const months = Math.trunc(value.months / divisor);
  let days = Math.trunc(value.days / divisor);
  const monthDays = toMicroseconds((value.months / divisor - months) * daysPerMonth);
  let seconds = toMicroseconds(
    (value.days / divisor - days + monthDays - Math.trunc(monthDays)) * secondsPerDay,
  );
  if (Math.abs(seconds) >= secondsPerDay) {
    const whole = Math.trunc(seconds / secondsPerDay);
    days += whole;
    seconds -= whole * secondsPerDay;
  }
  days += Math.trunc(monthDays);
  const time = roundToEven(Number(value.microseconds) / divisor + seconds * 1e6);
  return interval(months, days, BigInt(time));
}
