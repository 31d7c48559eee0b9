/**
 * Random queries for the referee, from a seed: a small grammar of typed expressions over the tables
 * `every`, `l` and `r` of `referee-queries.ts`, with joins, groups, set operations and subqueries.
 * Rows with extreme values are left out, so that few queries end in an overflow.
 */
import { Random } from '../support/random.ts';

type Kind = 'number' | 'text' | 'bool' | 'time';

const columns: Readonly<Record<Kind, readonly string[]>> = {
  number: ['e.id', 'e.i2', 'e.i4', 'e.i8', 'e.n2', 'l.a', 'r.a', 'r.c'],
  text: ['e.t', 'e.v', 'l.b'],
  bool: ['e.b'],
  time: ['e.ts', 'e.d'],
};

const constants: Readonly<Record<Kind, readonly string[]>> = {
  number: ['0', '1', '2', '-3', '2.5', 'NULL::int4'],
  text: ["'x'", "'one'", "''", 'NULL::text'],
  bool: ['true', 'false', 'NULL::bool'],
  time: ["timestamp '2024-01-31 01:02:03.5'", "date '2000-02-29'"],
};

const kinds = ['number', 'text', 'bool', 'time'] as const;

export class RandomQuery {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** An expression of a kind; `depth` is how deep it may nest. */
  #expression(kind: Kind, depth: number): string {
    if (depth === 0 || this.#random.chance(0.25))
      return this.#random.pick(this.#random.chance(0.75) ? columns[kind] : constants[kind]);
    const of = (k: Kind): string => this.#expression(k, depth - 1);
    const some = this.#random.pick(kinds);
    switch (kind) {
      case 'number':
        return this.#random.pick([
          () => `(${of('number')} ${this.#random.pick(['+', '-', '*'])} ${of('number')})`,
          () => `abs(${of('number')})`,
          () => `length(${of('text')})`,
          () => `coalesce(${of('number')}, ${of('number')})`,
          () => `nullif(${of('number')}, ${of('number')})`,
          () => `extract(day from ${of('time')})`,
          () => `(CASE WHEN ${of('bool')} THEN ${of('number')} ELSE ${of('number')} END)`,
          () => `greatest(${of('number')}, ${of('number')})`,
        ])();
      case 'text':
        return this.#random.pick([
          () => `(${of('text')} || ${of('text')})`,
          () => `upper(${of('text')})`,
          () => `left(${of('text')}, 2)`,
          () => `coalesce(${of('text')}, ${of('text')})`,
          () => `(CASE WHEN ${of('bool')} THEN ${of('text')} END)`,
          () => `replace(${of('text')}, 'o', 'u')`,
        ])();
      case 'bool':
        return this.#random.pick([
          () =>
            `(${of(some)} ${this.#random.pick(['=', '<>', '<', '>=', 'IS DISTINCT FROM'])} ${of(some)})`,
          () => `(${of(some)} IS NULL)`,
          () => `(${of('bool')} ${this.#random.pick(['AND', 'OR'])} ${of('bool')})`,
          () => `(NOT ${of('bool')})`,
          () => `(${of('text')} LIKE '%o%')`,
          () => `(${of('number')} IN (1, 2, ${of('number')}))`,
          () => `(${of('number')} BETWEEN ${of('number')} AND ${of('number')})`,
          () => `(${this.#random.pick(columns.number)} IN (SELECT i.a FROM r i))`,
          () => 'EXISTS (SELECT 1 FROM r i WHERE i.a = l.a)',
        ])();
      case 'time':
        return this.#random.pick([
          () => `(${of('time')} + interval '1 day 01:00')`,
          () => `coalesce(${of('time')}, ${of('time')})`,
          () => `date_trunc('month', ${of('time')})`,
        ])();
    }
  }

  #from(): string {
    const join = (): string => this.#random.pick(['JOIN', 'LEFT JOIN', 'RIGHT JOIN']);
    const small = '(SELECT * FROM every WHERE id NOT IN (2, 3)) e';
    return `${small} ${join()} l ON e.id = l.a ${join()} r ON r.a = ${this.#random.pick(['l.a', 'e.id', 'e.i2'])}`;
  }

  #plain(): string {
    const items = [
      this.#expression('number', 2),
      this.#expression('text', 2),
      this.#expression(this.#random.pick(kinds), 2),
    ];
    const distinct = this.#random.chance(0.2) ? 'DISTINCT ' : '';
    return `SELECT ${distinct}${items.map((item, i) => `${item} AS c${i}`).join(', ')} FROM ${this.#from()} WHERE ${this.#expression('bool', 3)}`;
  }

  #grouped(): string {
    const key = this.#expression(this.#random.pick(kinds), 1);
    const aggregate = this.#random.pick([
      'sum',
      'min',
      'max',
      'count',
      'count(DISTINCT',
      'sum(DISTINCT',
      'avg',
    ]);
    const call = `${aggregate}${aggregate.includes('(') ? ' ' : '('}${this.#expression('number', 1)})`;
    const filter = this.#random.chance(0.3) ? ` FILTER (WHERE ${this.#expression('bool', 1)})` : '';
    const having = this.#random.chance(0.3) ? ' HAVING count(*) > 1' : '';
    return `SELECT ${key} AS k, count(*) AS n, ${call}${filter} AS a, max(${this.#expression('text', 1)}) AS t FROM ${this.#from()}
      WHERE ${this.#expression('bool', 2)} GROUP BY ${key}${having}`;
  }

  #numbers(): string {
    return `SELECT ${this.#expression('number', 2)} AS c FROM ${this.#from()} WHERE ${this.#expression('bool', 2)}`;
  }

  /** The next query. */
  next(): string {
    const choice = this.#random.below(5);
    if (choice < 2) return this.#plain();
    if (choice < 4) return this.#grouped();
    return `${this.#numbers()} ${this.#random.pick(['UNION', 'UNION ALL', 'EXCEPT', 'EXCEPT ALL', 'INTERSECT', 'INTERSECT ALL'])} ${this.#numbers()}`;
  }
}
