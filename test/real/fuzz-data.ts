/**
 * Tables of the random queries and what is in them: columns of all types, few different values so
 * that joins and groups meet, NULLs, equal values spelled differently, and random changes. Numbers
 * are small, so that sums do not overflow; the table of extremes is left to queries by hand.
 */
import { Random } from '../support/random.ts';
import type { SqlType } from './fuzz-templates.ts';
import { constants, sqlTypes } from './fuzz-templates.ts';

export interface FuzzTable {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: SqlType }[];
}

const column = (
  name: string,
  type: SqlType,
): { readonly name: string; readonly type: SqlType } => ({
  name,
  type,
});

export const tables: readonly FuzzTable[] = [
  {
    name: 'wide',
    columns: [
      column('id', 'int4'),
      ...sqlTypes.map((type) => column(`w_${type.replace('[]', 's')}`, type)),
    ],
  },
  {
    name: 'left_one',
    columns: [
      column('id', 'int4'),
      column('a', 'int4'),
      column('b', 'text'),
      column('n', 'numeric'),
      column('d', 'date'),
      column('f', 'float8'),
    ],
  },
  {
    name: 'right_one',
    columns: [
      column('id', 'int8'),
      column('a', 'int4'),
      column('b', 'text'),
      column('c', 'bpchar'),
      column('t', 'timestamp'),
      column('j', 'jsonb'),
    ],
  },
  {
    name: 'small',
    columns: [
      column('id', 'int4'),
      column('k', 'int8'),
      column('p', 'bool'),
      column('s', 'text'),
      column('iv', 'interval'),
      column('u', 'uuid'),
      column('tz', 'timestamptz'),
    ],
  },
];

/** The statements that make the tables. */
export const definitions: readonly string[] = tables.map(
  ({ name, columns }) =>
    `CREATE TABLE ${name} (${columns.map((c) => `${c.name} ${c.type === 'bpchar' ? 'char(4)' : c.type}`).join(', ')})`,
);

/** Random expressions over columns, for changes. */
export interface FuzzExpressions {
  value(
    type: SqlType,
    columns: readonly { readonly text: string; readonly type: SqlType }[],
  ): string;
  condition(columns: readonly { readonly text: string; readonly type: SqlType }[]): string;
}

/** Random rows and changes. */
export class FuzzChanges {
  readonly #random: Random;
  readonly #expressions: FuzzExpressions;
  /** How many rows one of the tables has more than the others. */
  readonly #extra: number;
  readonly #large: FuzzTable;

  constructor(seed: number, expressions: FuzzExpressions) {
    this.#random = new Random(seed);
    this.#expressions = expressions;
    this.#extra = this.#random.chance(0.15) ? 100 + this.#random.below(1_200) : 0;
    this.#large = this.#random.pick(tables);
  }

  #cell(name: string, type: SqlType): string {
    if (name === 'id') return String(this.#random.below(12));
    if (this.#random.chance(0.15)) return 'NULL';
    return `'${this.#random.pick(constants[type])}'`;
  }

  /** An INSERT of `count` rows, some of them twice. */
  insert(table: FuzzTable, count: number): string {
    const rows = Array.from(
      { length: count },
      () => `(${table.columns.map(({ name, type }) => this.#cell(name, type)).join(', ')})`,
    );
    const doubled = rows.flatMap((row) => (this.#random.chance(0.15) ? [row, row] : [row]));
    return `INSERT INTO ${table.name} VALUES ${doubled.join(', ')}`;
  }

  /** Rows for an empty table. */
  fill(): readonly string[] {
    return tables.map((table) =>
      this.insert(table, 4 + this.#random.below(10) + (table === this.#large ? this.#extra : 0)),
    );
  }

  #where(table: FuzzTable): string {
    const columns = table.columns.map(({ name, type }) => ({
      text: `${table.name}.${name}`,
      type,
    }));
    if (this.#random.chance(0.3)) return this.#expressions.condition(columns);
    return this.#random.pick([
      `id % ${2 + this.#random.below(4)} = ${this.#random.below(3)}`,
      `id = ${this.#random.below(12)}`,
      `id BETWEEN ${this.#random.below(6)} AND ${this.#random.below(12)}`,
    ]);
  }

  #change(): string {
    const table = this.#random.pick(tables);
    const choice = this.#random.below(10);
    if (choice < 4) return this.insert(table, 1 + this.#random.below(5));
    if (choice < 6) return `DELETE FROM ${table.name} WHERE ${this.#where(table)}`;
    if (choice === 6 && this.#random.chance(0.3)) return `DELETE FROM ${table.name}`;
    if (choice === 7)
      return `INSERT INTO ${table.name} SELECT * FROM ${table.name} WHERE ${this.#where(table)}`;
    const columns = table.columns.map(({ name, type }) => ({ text: name, type }));
    const target = this.#random.pick(table.columns);
    const value =
      target.name === 'id' ? `(id + 1) % 12` : this.#expressions.value(target.type, columns);
    return `UPDATE ${table.name} SET ${target.name} = ${value} WHERE ${this.#where(table)}`;
  }

  /** A few changes, as statements. */
  batch(): readonly string[] {
    return Array.from({ length: 1 + this.#random.below(4) }, () => this.#change());
  }
}
