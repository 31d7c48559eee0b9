/**
 * Random queries over tables `t0`, `t1`, … with columns a int, b int, s text: joins of every kind,
 * subqueries in conditions, groups, DISTINCT, set operations, the best few of an order. They never
 * fail, and their answer is determined: LIMIT comes only with an order of all columns.
 */
import type { Random } from './random.ts';

/** Columns in scope: how to write them, by type. */
interface Scope {
  readonly numbers: readonly string[];
  readonly texts: readonly string[];
}

const comparisons = ['=', '<>', '<', '<=', '>', '>='] as const;
const joins = ['join', 'join', 'left join', 'right join', 'full join'] as const;
const tables = 3;

export class QueryMaker {
  readonly #random: Random;
  #aliases = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A query of columns of any number. */
  query(): string {
    this.#aliases = 0;
    const columns = 1 + this.#random.below(3);
    const select = this.#select(columns, 2);
    if (!this.#random.chance(0.2)) return select;
    const operation = this.#random.pick([
      'union',
      'union all',
      'except',
      'except all',
      'intersect',
      'intersect all',
    ]);
    return `(${select}) ${operation} (${this.#plain(columns, 1)})`;
  }

  /** Changes of the tables, a statement each. */
  change(): string {
    const table = this.#table();
    const { numbers } = scopeOf('', false);
    switch (this.#random.below(4)) {
      case 0:
        return `delete from ${table} where a ${this.#random.pick(comparisons)} ${this.#random.below(5)}`;
      case 1:
        return `update ${table} set ${this.#random.pick(numbers)} = ${this.#number()} where b ${this.#random.pick(comparisons)} ${this.#random.below(5)}`;
      case 2:
        return `update ${table} set s = ${this.#text()}, b = b + 1 where a = ${this.#random.below(5)}`;
      default:
        return this.insert(table, 1 + this.#random.below(4));
    }
  }

  insert(table: string, rows: number): string {
    const values = Array.from(
      { length: rows },
      () => `(${this.#number()}, ${this.#number()}, ${this.#text()})`,
    );
    return `insert into ${table} values ${values.join(', ')}`;
  }

  #number(): string {
    return this.#random.chance(0.15) ? 'null' : String(this.#random.below(5));
  }

  #text(): string {
    return this.#random.chance(0.15) ? 'null' : `'${this.#random.pick(['x', 'y', 'z', 'xy'])}'`;
  }

  #table(): string {
    return `t${this.#random.below(tables)}`;
  }

  #alias(): string {
    return `q${this.#aliases++}`;
  }

  /** Numbers only, so that set operations fit. */
  #plain(columns: number, depth: number): string {
    const { from, scope } = this.#from(depth);
    const items = Array.from({ length: columns }, (_, i) => `${this.#expression(scope)} as c${i}`);
    return `select ${items.join(', ')} from ${from}${this.#where(scope, depth)}`;
  }

  #select(columns: number, depth: number): string {
    const choice = this.#random.below(10);
    if (choice < 4) return this.#plain(columns, depth);
    if (choice < 6) return this.#plain(columns, depth).replace('select ', 'select distinct ');
    if (choice === 6) {
      const names = Array.from({ length: columns }, (_, i) => `c${i}`).join(', ');
      return `select ${names} from (${this.#plain(columns, depth)}) best order by ${names} limit ${1 + this.#random.below(4)}`;
    }
    return this.#grouped(columns, depth);
  }

  #grouped(columns: number, depth: number): string {
    const { from, scope } = this.#from(depth);
    const keys = Array.from({ length: this.#random.below(columns + 1) }, () =>
      this.#random.pick(scope.numbers),
    );
    const items = Array.from(
      { length: columns },
      (_, i) => `${keys[i] ?? this.#aggregate(scope)} as c${i}`,
    );
    const group = keys.length === 0 ? '' : ` group by ${[...new Set(keys)].join(', ')}`;
    const having = this.#random.chance(0.3)
      ? ` having ${this.#aggregate(scope)} ${this.#random.pick(comparisons)} ${this.#random.below(6)}`
      : '';
    return `select ${items.join(', ')} from ${from}${this.#where(scope, depth)}${group}${having}`;
  }

  /** An aggregate whose type is int or bigint. */
  #aggregate(scope: Scope): string {
    const column = this.#random.pick(scope.numbers);
    const filter = this.#random.chance(0.2)
      ? ` filter (where ${this.#random.pick(scope.numbers)} > 1)`
      : '';
    switch (this.#random.below(6)) {
      case 0:
        return `count(*)${filter}`;
      case 1:
        return `count(distinct ${this.#random.pick([...scope.numbers, ...scope.texts])})${filter}`;
      case 2:
        return `min(${column})${filter}`;
      case 3:
        return `max(${column})${filter}`;
      case 4:
        return `sum(distinct ${column})${filter}`;
      default:
        return `sum(${column})${filter}`;
    }
  }

  #from(depth: number): { readonly from: string; readonly scope: Scope } {
    let { text, scope } = this.#item(depth);
    for (let more = this.#random.below(3); more > 0; more--) {
      const next = this.#item(depth);
      const kind = this.#random.pick(joins);
      const residual = this.#random.chance(0.3)
        ? ` and ${this.#random.pick(scope.numbers)} ${this.#random.pick(comparisons)} ${this.#random.pick(next.scope.numbers)}`
        : '';
      const equal = this.#random.chance(0.2)
        ? `${this.#random.pick(scope.texts)} = ${this.#random.pick(next.scope.texts)}`
        : `${this.#random.pick(scope.numbers)} = ${this.#random.pick(next.scope.numbers)}`;
      text = `${text} ${kind} ${next.text} on ${equal}${residual}`;
      scope = {
        numbers: [...scope.numbers, ...next.scope.numbers],
        texts: [...scope.texts, ...next.scope.texts],
      };
    }
    return { from: text, scope };
  }

  #item(depth: number): { readonly text: string; readonly scope: Scope } {
    const alias = this.#alias();
    if (depth === 0 || this.#random.chance(0.8))
      return { text: `${this.#table()} ${alias}`, scope: scopeOf(alias, true) };
    return {
      text: `(${this.#select(2, depth - 1)}) ${alias}(a, b) `,
      scope: { numbers: [`${alias}.a`, `${alias}.b`], texts: [`${alias}.a::text`] },
    };
  }

  #expression(scope: Scope): string {
    const column = this.#random.pick(scope.numbers);
    switch (this.#random.below(6)) {
      case 0:
        return `${column} + ${this.#random.pick(scope.numbers)}`;
      case 1:
        return `coalesce(${column}, ${this.#random.below(5)})`;
      case 2:
        return `case when ${this.#comparison(scope)} then ${column} else ${this.#random.below(5)} end`;
      case 3:
        return `length(${this.#random.pick(scope.texts)})`;
      default:
        return column;
    }
  }

  #comparison(scope: Scope): string {
    const column = this.#random.pick(scope.numbers);
    const other = this.#random.chance(0.5)
      ? this.#random.pick(scope.numbers)
      : String(this.#random.below(5));
    return `${column} ${this.#random.pick(comparisons)} ${other}`;
  }

  #where(scope: Scope, depth: number): string {
    const parts = Array.from({ length: this.#random.below(3) }, () =>
      this.#condition(scope, depth),
    );
    return parts.length === 0 ? '' : ` where ${parts.join(this.#random.pick([' and ', ' or ']))}`;
  }

  #condition(scope: Scope, depth: number): string {
    const column = this.#random.pick(scope.numbers);
    const inner = this.#alias();
    const table = `${this.#table()} ${inner}`;
    const own = scopeOf(inner, true);
    const not = this.#random.pick(['', 'not ']);
    const correlated = `${this.#random.pick(own.numbers)} = ${this.#random.pick(scope.numbers)}`;
    switch (depth === 0 ? 9 : this.#random.below(10)) {
      case 0:
        return `${not}exists (select 1 from ${table} where ${correlated})`;
      case 1:
        return `${column} ${not}in (select ${inner}.a from ${table} where ${this.#comparison(own)})`;
      case 2:
        return `${column} ${not}in (select ${inner}.b from ${table} where ${correlated})`;
      case 3:
        return `${column} ${this.#random.pick(comparisons)} (select ${this.#aggregate(own)} from ${table} where ${correlated})`;
      case 4:
        return `${column} ${this.#random.pick(comparisons)} ${this.#random.pick(['any', 'all'])} (select ${inner}.a from ${table})`;
      case 5:
        return `${not}exists (select 1 from ${table} where ${correlated} and ${this.#comparison(own)})`;
      case 6:
        return `${column} is ${not}null`;
      case 7:
        return `${this.#random.pick(scope.texts)} ${not}in ('x', 'y')`;
      default:
        return this.#comparison(scope);
    }
  }
}

function scopeOf(alias: string, qualified: boolean): Scope {
  const name = (column: string): string => (qualified ? `${alias}.${column}` : column);
  return { numbers: [name('a'), name('b')], texts: [name('s')] };
}
