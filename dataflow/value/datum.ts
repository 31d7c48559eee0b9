/**
 * Datums: single values in JavaScript's own forms. They are the language of everything that is not
 * hot: constants in plans, the row interpreter, parameters, test cases, catalog rows. Between
 * decode and wire there are only columns.
 *
 * Form by type: bool → boolean; int2, int4, date, float4, float8 → number; int8, time, timestamp,
 * timestamptz, oid, reg* → bigint; numeric → Decimal; text, varchar, bpchar, name, char, jsonb
 * (canonical text), json, unknown → string; bytea, uuid → Uint8Array; interval → Interval; arrays →
 * ArrayDatum. SQL's NULL is `null`. Units are those of `TypeName`. Plain data: it crosses threads.
 */

/** coefficient × 10^−scale; `scale` is also the number of decimals shown. */
export interface Decimal {
  readonly kind: 'decimal';
  /** 'finite' uses coefficient and scale; the others have coefficient 0n and scale 0. */
  readonly form: 'finite' | 'NaN' | 'Infinity' | '-Infinity';
  readonly coefficient: bigint;
  /** 0 to 16,383. */
  readonly scale: number;
}

/** As in Postgres: three parts that are kept apart. */
export interface Interval {
  readonly kind: 'interval';
  readonly months: number;
  readonly days: number;
  readonly microseconds: bigint;
}

/** A one-dimensional array (lower bound 1; int2vector and oidvector: 0), or an empty one. */
export interface ArrayDatum {
  readonly kind: 'array';
  readonly elements: readonly Datum[];
}

export type Datum =
  null | boolean | number | bigint | string | Uint8Array | Decimal | Interval | ArrayDatum;

/** One row of datums. */
export type Row = readonly Datum[];

/** A row with a weight: +1 added, −1 removed, and so on. */
export interface Update {
  readonly row: Row;
  readonly weight: number;
}

/** A finite decimal. */
export function decimal(coefficient: bigint, scale: number): Decimal {
  return { kind: 'decimal', form: 'finite', coefficient, scale };
}

/** An interval of its three parts. */
export function interval(months: number, days: number, microseconds: bigint): Interval {
  return { kind: 'interval', months, days, microseconds };
}
