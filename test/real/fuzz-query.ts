/**
 * Random queries over the tables of `fuzz-data.ts`, from a seed: every kind of join and subquery,
 * groups, DISTINCT [ON], set operations, ORDER BY with LIMIT, derived tables, WITH, LATERAL, over
 * typed expressions of `fuzz-templates.ts`. Each query has one answer: limits stand behind an order
 * over all columns, aggregates that depend on order have one.
 */
import { Random } from '../support/random.ts';
import { tables } from './fuzz-data.ts';
import type { SqlType } from './fuzz-templates.ts';
import {
  aggregates,
  constants,
  extremes,
  extremeTypes,
  general,
  generalOrdered,
  sqlTypes,
  templates,
} from './fuzz-templates.ts';

/** A column, or a text that stands for one, and its type. */
interface Item {
  readonly text: string;
  readonly type: SqlType;
}

type Scope = readonly Item[];

/** A query with the types of its columns, which are named c0, c1 and so on. */
interface Select {
  readonly text: string;
  readonly types: readonly SqlType[];
}

export interface FuzzQuery {
  readonly text: string;
  /** The order of rows is part of the answer. */
  readonly ordered: boolean;
  /** It holds an operation that can fail. */
  readonly risky: boolean;
  /** It holds no group and nothing else that may choose between spellings of equal values. */
  readonly exact: boolean;
  /** Expressions over one table and nothing else. */
  readonly single: boolean;
}

/** Derived tables within derived tables, subqueries within subqueries. */
const nestingMax = 2;

export class FuzzQueries {
  readonly #random: Random;
  #risk = false;
  #exact = false;
  #single = false;
  #names = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** The next query. */
  next(): FuzzQuery {
    this.#single = false;
    this.#risk = this.#random.chance(0.2);
    this.#exact = this.#random.chance(0.25);
    if (this.#risk && this.#chance(0.5)) return this.#overTable();
    const query = this.#exact ? this.#plain([], 1, undefined) : this.#query([], 0, undefined);
    const ordered = this.#random.chance(0.25);
    const limit = this.#random.chance(0.4) ? this.#limit() : '';
    const text = ordered
      ? `SELECT * FROM (${query.text}) AS o ORDER BY ${this.#order(query.types.length)}${limit}`
      : query.text;
    return { text, ordered, risky: this.#risk, exact: this.#exact && !ordered, single: false };
  }

  /**
   * Expressions over one table and nothing else: whatever fails there must fail. NULLIF is left
   * out: whether its second operand is looked at when the first is NULL is open.
   */
  #overTable(): FuzzQuery {
    this.#exact = true;
    this.#single = true;
    const { text, scope } = this.#table([], nestingMax);
    const types = this.#types();
    const texts = types.map((type) => this.#expression(type, scope, 2, nestingMax));
    return {
      text: `SELECT ${this.#items(texts)} FROM ${text}`,
      ordered: false,
      risky: false,
      exact: true,
      single: true,
    };
  }

  /** An expression without risk over columns, for a change to a table. */
  value(type: SqlType, columns: Scope): string {
    this.#risk = false;
    this.#exact = false;
    return this.#expression(type, columns, 2, nestingMax);
  }

  /** A condition without risk, perhaps with a subquery. */
  condition(columns: Scope): string {
    this.#risk = false;
    this.#exact = false;
    return this.#expression('bool', columns, 2, 1);
  }

  #chance(p: number): boolean {
    return this.#random.chance(p);
  }

  #name(): string {
    return `q${this.#names++}`;
  }

  #limit(): string {
    const offset = this.#chance(0.4) ? ` OFFSET ${this.#random.below(4)}` : '';
    return this.#chance(0.15) && offset !== ''
      ? offset
      : ` LIMIT ${this.#random.below(8)}${offset}`;
  }

  #order(columns: number): string {
    const first = this.#random.below(columns);
    return Array.from({ length: columns }, (_, i) => ((i + first) % columns) + 1)
      .map((n) => `${n}${this.#random.pick(['', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST'])}`)
      .join(', ');
  }

  #constant(type: SqlType): string {
    if (this.#chance(0.1)) return `NULL::${type}`;
    const far = this.#risk && this.#chance(0.3) ? extremes[type] : undefined;
    const text = this.#random.pick(far ?? constants[type]);
    if (type === 'int4' && this.#chance(0.5)) return `(${text})`;
    return `'${text}'::${type}`;
  }

  #leaf(type: SqlType, scope: Scope): string {
    const fitting = scope.filter((item) => item.type === type);
    return fitting.length > 0 && this.#chance(this.#single ? 1 : 0.85)
      ? this.#random.pick(fitting).text
      : this.#constant(type);
  }

  #expression(type: SqlType, scope: Scope, depth: number, nesting: number): string {
    if (depth <= 0 || this.#chance(0.2)) return this.#leaf(type, scope);
    if (nesting < nestingMax && this.#chance(type === 'bool' ? 0.18 : 0.06))
      return type === 'bool' ? this.#predicate(scope, nesting) : this.#scalar(type, scope, nesting);
    const shared = this.#chance(0.2)
      ? [...general, ...(extremeTypes.includes(type) ? generalOrdered : [])]
      : templates[type];
    const fitting = shared.filter(
      (text) =>
        !(this.#single && text.startsWith('nullif')) &&
        (this.#risk || !text.startsWith('!')) &&
        (this.#exact || !text.startsWith('~')),
    );
    return this.#fill(this.#random.pick(fitting), type, scope, depth - 1, nesting);
  }

  #fill(template: string, type: SqlType, scope: Scope, depth: number, nesting: number): string {
    const drawn = this.#random.pick(sqlTypes);
    const same = template.includes('{any}') ? drawn : type;
    return template
      .replace(/^[!~]/, '')
      .replaceAll(/\{([a-z0-9]+(?:\[\])?)\}/g, (whole, name: string) => {
        if (name === 'any' || name === 'same') return this.#expression(same, scope, depth, nesting);
        const operand = sqlTypes.find((known) => known === name);
        return operand === undefined ? whole : this.#expression(operand, scope, depth, nesting);
      });
  }

  /** A condition with a subquery that sees `scope`. */
  #predicate(scope: Scope, nesting: number): string {
    const not = this.#chance(0.35) ? 'NOT ' : '';
    const type = this.#random.pick(sqlTypes);
    switch (this.#random.below(5)) {
      case 0:
      case 1:
        return `${not}EXISTS (${this.#plain(scope, nesting + 1, undefined).text})`;
      case 2:
        return `(${this.#expression(type, scope, 1, nestingMax)} ${not}IN (${this.#subquery([type], scope, nesting)}))`;
      case 3: {
        const row = `(${this.#expression(type, scope, 1, nestingMax)}, ${this.#leaf('int4', scope)})`;
        return `(${row} ${not}IN (${this.#subquery([type, 'int4'], scope, nesting)}))`;
      }
      default:
        return `(${this.#expression(type, scope, 1, nestingMax)} ${this.#random.pick(['=', '<>', '<', '>='])} ${this.#random.pick(['ANY', 'ALL'])} (${this.#subquery([type], scope, nesting)}))`;
    }
  }

  #subquery(types: readonly SqlType[], scope: Scope, nesting: number): string {
    return this.#exact
      ? this.#plain(scope, nesting + 1, types).text
      : this.#query(scope, nesting + 1, types).text;
  }

  /** A subquery of one row at most. */
  #scalar(type: SqlType, scope: Scope, nesting: number): string {
    if (this.#exact) return this.#leaf(type, scope);
    if (this.#risk && this.#chance(0.3)) return `(${this.#subquery([type], scope, nesting)})`;
    if (type === 'text[]')
      return `ARRAY(SELECT c0 FROM (${this.#subquery(['text'], scope, nesting)}) AS ${this.#name()} ORDER BY 1)`;
    const fitting = this.#aggregatesOf(type);
    if (fitting.length > 0 && this.#chance(0.7)) {
      const from = this.#from(scope, nesting + 1);
      const both = [...from.scope, ...this.#some(scope)];
      const drawn = this.#aggregate(this.#random.pick(fitting), both, nestingMax);
      const call = this.#own(drawn, type, from.scope);
      return `(SELECT ${call} FROM ${from.text} WHERE ${this.#condition([...from.scope, ...scope])})`;
    }
    return `(SELECT * FROM (${this.#subquery([type], scope, nesting)}) AS ${this.#name()} ORDER BY 1 ${this.#random.pick(['', 'DESC '])}LIMIT 1)`;
  }

  /** An aggregate over columns of the outer query alone would belong to that query. */
  #own(call: string, type: SqlType, scope: Scope): string {
    return scope.some(({ text }) => call.includes(text))
      ? call
      : `CASE WHEN count(*) > 2 THEN ${this.#constant(type)} END`;
  }

  #some(scope: Scope): Scope {
    return scope.filter(() => this.#chance(0.3));
  }

  #aggregatesOf(type: SqlType): readonly string[] {
    return [
      ...aggregates.filter(([result]) => result === type).map(([, text]) => text),
      ...(extremeTypes.includes(type) ? [`min({${type}})`, `max({${type}})`] : []),
    ];
  }

  /** Fills an aggregate call; `{same}` is the text of the operand before. */
  #aggregate(template: string, scope: Scope, nesting: number): string {
    let last = '';
    const call = template.replaceAll(/\{([a-z0-9]+(?:\[\])?)\}/g, (_, name: string) => {
      if (name === 'same') return last;
      const type = sqlTypes.find((known) => known === name) ?? this.#random.pick(sqlTypes);
      last = this.#expression(type, scope, 1, nesting);
      return last;
    });
    return this.#chance(0.2)
      ? `${call} FILTER (WHERE ${this.#expression('bool', scope, 1, nestingMax)})`
      : call;
  }

  /** A condition that compares a column of one part of a scope with another where it can. */
  #condition(scope: Scope): string {
    const left = this.#random.pick(scope);
    const fitting = scope.filter((item) => item.type === left.type && item !== left);
    const equal =
      fitting.length > 0
        ? `${left.text} = ${this.#random.pick(fitting).text}`
        : this.#expression('bool', scope, 1, nestingMax);
    switch (this.#random.below(4)) {
      case 0:
        return this.#expression('bool', scope, 2, nestingMax);
      case 1:
        return `${equal} AND ${this.#expression('bool', scope, 1, nestingMax)}`;
      default:
        return equal;
    }
  }

  #table(outer: Scope, nesting: number): { readonly text: string; readonly scope: Scope } {
    const name = this.#name();
    const choice = this.#random.below(10);
    if (choice < 7 || nesting >= nestingMax || this.#exact) {
      const table = this.#random.pick(tables);
      return {
        text: `${table.name} ${name}`,
        scope: table.columns.map(({ name: column, type }) => ({ text: `${name}.${column}`, type })),
      };
    }
    const named = (types: readonly SqlType[]): Scope =>
      types.map((type, i) => ({ text: `${name}.c${i}`, type }));
    if (choice === 7) {
      const types = [this.#random.pick(sqlTypes), 'int4'] as const;
      const rows = Array.from(
        { length: 1 + this.#random.below(3) },
        () => `(${types.map((type) => this.#constant(type)).join(', ')})`,
      );
      return { text: `(VALUES ${rows.join(', ')}) AS ${name} (c0, c1)`, scope: named(types) };
    }
    if (choice === 8 && outer.length === 0 && this.#chance(0.5))
      return {
        text: `generate_series(1, ${1 + this.#random.below(4)}) AS ${name} (c0)`,
        scope: named(['int4']),
      };
    const query = this.#query([], nesting + 1, undefined);
    return { text: `(${query.text}) AS ${name}`, scope: named(query.types) };
  }

  /** A FROM clause; subqueries in it may see `outer`. */
  #from(outer: Scope, nesting: number): { readonly text: string; readonly scope: Scope } {
    let { text, scope } = this.#table(outer, nesting);
    const count = this.#random.pick(nesting === 0 ? [0, 0, 1, 1, 2] : [0, 0, 0, 1]);
    for (let i = 0; i < count; i++) {
      if (this.#chance(0.1)) {
        const rows = this.#rowsOf(scope);
        text = `${text} ${rows.text}`;
        scope = [...scope, ...rows.scope];
        continue;
      }
      const lateral = nesting < nestingMax && !this.#exact && this.#chance(0.12);
      const name = this.#name();
      const query = lateral ? this.#query(scope, nesting + 1, undefined) : undefined;
      const next =
        query === undefined
          ? this.#table(outer, nesting)
          : {
              text: `LATERAL (${query.text}) AS ${name}`,
              scope: query.types.map((type, n) => ({ text: `${name}.c${n}`, type })),
            };
      const kind = this.#random.pick(
        lateral
          ? ['JOIN', 'LEFT JOIN']
          : ['JOIN', 'JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN', ','],
      );
      const both = [...scope, ...next.scope];
      if (kind === ',') text = `${text} CROSS JOIN ${next.text}`;
      else {
        const left = this.#random.pick(scope);
        const right = next.scope.filter((item) => item.type === left.type);
        const equal =
          right.length > 0 ? `${left.text} = ${this.#random.pick(right).text}` : undefined;
        const on =
          equal === undefined || this.#chance(0.15)
            ? this.#expression('bool', both, 2, nestingMax)
            : this.#chance(0.3)
              ? `${equal} AND ${this.#expression('bool', both, 1, nestingMax)}`
              : equal;
        text = `${text} ${kind} ${next.text} ON ${on}`;
      }
      scope = both;
    }
    return { text, scope };
  }

  /** A join with what a set-returning function makes of each row. */
  #rowsOf(scope: Scope): { readonly text: string; readonly scope: Scope } {
    const name = this.#name();
    const [call, type] = this.#random.pick([
      ['unnest({text[]})', 'text'],
      ["regexp_split_to_table({text}, 'o')", 'text'],
      ['generate_series(1, {int2})', 'int4'],
      ["jsonb_array_elements(CASE WHEN jsonb_typeof({jsonb}) = 'array' THEN {jsonb} END)", 'jsonb'],
    ] as const);
    // The guard and what it guards are one expression.
    const guarded = this.#expression('jsonb', scope, 1, nestingMax);
    const filled = this.#fill(
      call.replaceAll('{jsonb}', () => guarded),
      'text',
      scope,
      1,
      nestingMax,
    );
    const join = this.#random.pick(['CROSS JOIN', 'JOIN', 'LEFT JOIN']);
    const on = join === 'CROSS JOIN' ? '' : ' ON true';
    return {
      text: `${join} LATERAL ${filled} AS ${name} (c0)${on}`,
      scope: [{ text: `${name}.c0`, type }],
    };
  }

  #types(): readonly SqlType[] {
    return Array.from({ length: 1 + this.#random.below(4) }, () => this.#random.pick(sqlTypes));
  }

  #query(outer: Scope, nesting: number, types: readonly SqlType[] | undefined): Select {
    const choice = this.#random.below(20);
    if (choice < 7) return this.#plain(outer, nesting, types);
    if (choice < 13) return this.#grouped(outer, nesting, types);
    if (choice < 15) return this.#distinctOn(outer, nesting, types);
    if (choice < 16) return this.#limited(outer, nesting, types);
    if (choice < 17 && nesting === 0) return this.#with(types);
    return this.#set(outer, nesting, types);
  }

  #items(texts: readonly string[]): string {
    return texts.map((text, i) => `${text} AS c${i}`).join(', ');
  }

  #where(scope: Scope, nesting: number): string {
    return this.#chance(0.7) ? ` WHERE ${this.#expression('bool', scope, 2, nesting)}` : '';
  }

  #plain(outer: Scope, nesting: number, wanted: readonly SqlType[] | undefined): Select {
    const from = this.#from(outer, nesting);
    const types = wanted ?? this.#types();
    const scope = [...from.scope, ...outer];
    const distinct = !this.#exact && this.#chance(0.15) ? 'DISTINCT ' : '';
    const texts = types.map((type) => this.#expression(type, scope, 2, nesting));
    const where =
      outer.length > 0 && this.#chance(0.7)
        ? ` WHERE ${this.#condition(scope)}`
        : this.#where(scope, nesting);
    return { text: `SELECT ${distinct}${this.#items(texts)} FROM ${from.text}${where}`, types };
  }

  #grouped(outer: Scope, nesting: number, wanted: readonly SqlType[] | undefined): Select {
    const from = this.#from(outer, nesting);
    const keyCount = this.#random.pick([0, 1, 1, 2]);
    const plainKeys = this.#chance(0.6);
    const keys: Item[] = [];
    for (let i = 0; i < keyCount; i++) {
      const type = this.#random.pick(sqlTypes);
      const fitting = from.scope.filter((item) => item.type === type);
      if (fitting.length === 0) continue;
      const text = plainKeys
        ? this.#random.pick(fitting).text
        : this.#expression(type, from.scope, 1, nestingMax);
      if (/\bq\d+\./.test(text)) keys.push({ text, type });
    }
    const inner = [...from.scope, ...this.#some(outer)];
    const calls: Item[] = Array.from({ length: 1 + this.#random.below(3) }, () => {
      const type = this.#random.pick(sqlTypes);
      const fitting = this.#aggregatesOf(type);
      return fitting.length === 0
        ? { text: this.#aggregate('count({any})', from.scope, nestingMax), type: 'int8' as const }
        : {
            text: this.#own(
              this.#aggregate(
                this.#random.pick(fitting),
                this.#chance(0.3) ? inner : from.scope,
                nestingMax,
              ),
              type,
              from.scope,
            ),
            type,
          };
    });
    const scope = [...keys, ...calls];
    const made: Item[] =
      wanted === undefined
        ? [
            ...keys,
            ...calls,
            ...(this.#chance(0.4)
              ? [this.#random.pick(sqlTypes)].map((type) => ({
                  text: this.#expression(type, scope, 2, nestingMax),
                  type,
                }))
              : []),
          ]
        : wanted.map((type) => {
            const fitting = this.#aggregatesOf(type);
            return {
              text:
                fitting.length > 0 && this.#chance(0.5)
                  ? this.#aggregate(this.#random.pick(fitting), from.scope, nestingMax)
                  : this.#expression(type, scope, 2, nestingMax),
              type,
            };
          });
    const having = this.#chance(0.3)
      ? ` HAVING ${this.#expression('bool', scope, 2, nestingMax)}`
      : '';
    const group = keys.length > 0 ? ` GROUP BY ${keys.map(({ text }) => text).join(', ')}` : '';
    const where =
      outer.length > 0 && this.#chance(0.7)
        ? ` WHERE ${this.#condition([...from.scope, ...outer])}`
        : this.#where([...from.scope, ...outer], nesting);
    return {
      text: `SELECT ${this.#items(made.map(({ text }) => text))} FROM ${from.text}${where}${group}${having}`,
      types: made.map(({ type }) => type),
    };
  }

  #distinctOn(outer: Scope, nesting: number, wanted: readonly SqlType[] | undefined): Select {
    const { text, types } = this.#plain(outer, nesting, wanted);
    const name = this.#name();
    const keys = 1 + this.#random.below(types.length);
    const on = Array.from({ length: keys }, (_, i) => `${name}.c${i}`);
    const order = types.map(
      (_, i) => `${name}.c${i}${this.#random.pick(['', ' DESC', ' NULLS FIRST'])}`,
    );
    return {
      text: `(SELECT DISTINCT ON (${on.join(', ')}) * FROM (${text}) AS ${name} ORDER BY ${order.join(', ')})`,
      types,
    };
  }

  #limited(outer: Scope, nesting: number, wanted: readonly SqlType[] | undefined): Select {
    const { text, types } = this.#plain(outer, nesting, wanted);
    return { text: `(${text} ORDER BY ${this.#order(types.length)}${this.#limit()})`, types };
  }

  #with(wanted: readonly SqlType[] | undefined): Select {
    const name = this.#name();
    const inner = this.#query([], 1, undefined);
    const scope = (alias: string): Scope =>
      inner.types.map((type, i) => ({ text: `${alias}.c${i}`, type }));
    const types = wanted ?? this.#types();
    const both = [...scope('x'), ...scope('y')];
    const kind = this.#random.pick(['JOIN', 'LEFT JOIN', 'FULL JOIN']);
    const texts = types.map((type) => this.#expression(type, both, 2, nestingMax));
    return {
      text: `WITH ${name} AS (${inner.text}) SELECT ${this.#items(texts)} FROM ${name} x ${kind} ${name} y ON x.c0 = y.c0${this.#where(both, 1)}`,
      types,
    };
  }

  #set(outer: Scope, nesting: number, wanted: readonly SqlType[] | undefined): Select {
    const types = wanted ?? this.#types();
    const part = (): string => {
      const inner = Math.max(nesting, 1);
      return this.#chance(0.3) && inner < nestingMax
        ? `(${this.#query(outer, inner + 1, types).text})`
        : `(${this.#plain(outer, inner, types).text})`;
    };
    const operation = this.#random.pick([
      'UNION',
      'UNION ALL',
      'INTERSECT',
      'INTERSECT ALL',
      'EXCEPT',
      'EXCEPT ALL',
    ]);
    const more = this.#chance(0.2)
      ? ` ${this.#random.pick(['UNION', 'UNION ALL', 'EXCEPT'])} ${part()}`
      : '';
    return { text: `${part()} ${operation} ${part()}${more}`, types };
  }
}
