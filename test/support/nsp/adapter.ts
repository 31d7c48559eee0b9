/**
 * node-sql-parser's tree of a query as ours, without positions: the independent reading that the
 * parser is checked against.
 */
import { rebuild } from './chain.ts';
import type { Plain } from './chain.ts';
import type { Masked } from './mask.ts';
import { isEmpty, listOf, onlyFields, textOf, treeOf, Unread } from './tree.ts';
import type { Tree } from './tree.ts';

/** Drops empty fields, as the comparison does on our side. */
export function dense(fields: Plain): Plain {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}

const selectFields = [
  'type',
  'with',
  'distinct',
  'columns',
  'from',
  'where',
  'groupby',
  'having',
  'orderby',
  'limit',
  'into',
  '_next',
  'set_op',
  'parentheses',
  '_parentheses',
  '_orderby',
  '_limit',
];

/** Types by the name that Postgres gives them. */
const typeNames = new Map([
  ['int', 'int4'],
  ['integer', 'int4'],
  ['bigint', 'int8'],
  ['smallint', 'int2'],
  ['real', 'float4'],
  ['double precision', 'float8'],
  ['decimal', 'numeric'],
  ['dec', 'numeric'],
  ['boolean', 'bool'],
  ['character varying', 'varchar'],
  ['float', 'float8'],
  ['char', 'bpchar'],
  ['character', 'bpchar'],
]);

export class Adapter {
  readonly #mask: Masked;

  constructor(mask: Masked) {
    this.#mask = mask;
  }

  /**
   * A query: the branches of set operations are a flat list here; only one operator, folded to the
   * left, is read.
   */
  query(value: unknown): Plain {
    const branches = this.#branches(treeOf(value));
    const last = branches.at(-1);
    const first = branches[0];
    if (last === undefined || first === undefined) throw new Unread('a query');
    if (branches.length === 1) return this.#single(first.tree);
    if (new Set(branches.slice(0, -1).map(({ next }) => next.replace(' ALL', ''))).size > 1)
      throw new Unread('mixed set operations');
    if (
      branches.some(
        ({ tree }) => !isEmpty(tree.get('parentheses')) || !isEmpty(tree.get('_parentheses')),
      )
    )
      throw new Unread('parentheses around a branch');
    let left: Plain = { kind: 'query', body: this.#body(first.tree) };
    branches.slice(1).forEach(({ tree }, index) => {
      const operator = branches[index]?.next ?? '';
      const [operation, all] = operator.split(' ');
      const body = dense({
        kind: 'setOperation',
        operation: operation?.toLowerCase(),
        all: all === 'ALL',
        left,
        right: { kind: 'query', body: this.#body(tree) },
      });
      left = { kind: 'query', body };
    });
    return dense({ ...left, with: this.#with(first.tree), ...this.#tail(last.tree) });
  }

  #branches(tree: Tree): { tree: Tree; next: string }[] {
    const branches: { tree: Tree; next: string }[] = [];
    let at: Tree | null = tree;
    while (at !== null) {
      onlyFields(at, [...selectFields, 'options', 'window']);
      if (!isEmpty(at.get('options')) || !isEmpty(at.get('window')) || at.get('type') !== 'select')
        throw new Unread('a clause');
      const next = at.get('_next');
      branches.push({
        tree: at,
        next: isEmpty(next) ? '' : textOf(at.get('set_op')).toUpperCase(),
      });
      at = isEmpty(next) ? null : treeOf(next);
    }
    return branches;
  }

  #single(tree: Tree): Plain {
    return dense({
      kind: 'query',
      with: this.#with(tree),
      body: this.#body(tree),
      ...this.#tail(tree),
    });
  }

  #with(tree: Tree): Plain[] {
    return listOf(tree.get('with')).map((entry) => {
      const table = treeOf(entry);
      if (!isEmpty(table.get('recursive'))) throw new Unread('recursion');
      return dense({
        name: this.#word(treeOf(table.get('name')).get('value')),
        columns: listOf(table.get('columns')).map((column) => this.#columnName(treeOf(column))),
        query: this.query(this.#inner(table.get('stmt'))),
      });
    });
  }

  #inner(value: unknown): unknown {
    const tree = treeOf(value);
    return tree.get('ast') ?? value;
  }

  #tail(tree: Tree): Plain {
    const limit = tree.get('limit');
    const fields: Plain = { order: this.#order(tree.get('orderby')) };
    if (isEmpty(limit)) return fields;
    const parts = listOf(treeOf(limit).get('value'));
    const separator = textOf(treeOf(limit).get('seperator')).toLowerCase();
    const [first, second] = parts.map((part) => this.expression(part));
    if (separator === 'offset')
      return parts.length === 1
        ? { ...fields, offset: first }
        : { ...fields, limit: first, offset: second };
    if (separator !== '') throw new Unread('LIMIT');
    return { ...fields, limit: first };
  }

  #order(value: unknown): Plain[] {
    return listOf(value).map((entry) => {
      const item = treeOf(entry);
      onlyFields(item, ['expr', 'type', 'nulls']);
      const descending = item.get('type') === 'DESC';
      const nulls = item.get('nulls');
      const nullsFirst = isEmpty(nulls) ? descending : /first/i.test(textOf(nulls));
      return dense({ expression: this.expression(item.get('expr')), descending, nullsFirst });
    });
  }

  #body(tree: Tree): Plain {
    const into = tree.get('into');
    if (!isEmpty(into) && !isEmpty(treeOf(into).get('position'))) throw new Unread('INTO');
    const groupby = tree.get('groupby');
    if (!isEmpty(groupby)) onlyFields(treeOf(groupby), ['columns']);
    return dense({
      kind: 'select',
      ...this.#distinct(tree),
      items: listOf(tree.get('columns')).map((item) => this.#item(treeOf(item))),
      from: this.#from(listOf(tree.get('from'))),
      where: this.#optional(tree.get('where')),
      groupBy: isEmpty(groupby)
        ? []
        : listOf(treeOf(groupby).get('columns')).map((key) => this.expression(key)),
      having: this.#optional(tree.get('having')),
    });
  }

  #distinct(tree: Tree): Plain {
    const distinct = tree.get('distinct');
    if (isEmpty(distinct)) return {};
    const type = treeOf(distinct).get('type');
    if (isEmpty(type)) return {};
    if (type !== 'DISTINCT ON') return { distinct: 'plain' };
    return {
      distinct: listOf(treeOf(distinct).get('columns')).map((item) =>
        this.expression(treeOf(item).get('expr')),
      ),
    };
  }

  #optional(value: unknown): Plain | null {
    return isEmpty(value) ? null : this.expression(value);
  }

  #item(item: Tree): Plain {
    onlyFields(item, ['type', 'expr', 'as']);
    const alias = item.get('as');
    return dense({
      expression: this.expression(item.get('expr')),
      alias: isEmpty(alias) ? null : this.#word(alias),
    });
  }

  /** A flat list in which an entry with `join` joins what stands before it. */
  #from(entries: readonly unknown[]): Plain[] {
    const items: Plain[] = [];
    for (const value of entries) {
      const entry = treeOf(value);
      const right = this.#relation(entry);
      const join = entry.get('join');
      if (isEmpty(join)) {
        items.push(right);
        continue;
      }
      const left = items.pop();
      if (left === undefined) throw new Unread('a join without a left side');
      items.push(this.#join(entry, textOf(join).toUpperCase(), left, right));
    }
    return items;
  }

  #join(entry: Tree, spelled: string, left: Plain, right: Plain): Plain {
    const type = new Map([
      ['INNER JOIN', 'inner'],
      ['JOIN', 'inner'],
      ['LEFT JOIN', 'left'],
      ['LEFT OUTER JOIN', 'left'],
      ['RIGHT JOIN', 'right'],
      ['RIGHT OUTER JOIN', 'right'],
      ['FULL JOIN', 'full'],
      ['FULL OUTER JOIN', 'full'],
      ['CROSS JOIN', 'cross'],
    ]).get(spelled);
    if (type === undefined) throw new Unread(spelled);
    // A join word read as an alias of the left side: CROSS JOIN, NATURAL JOIN.
    const alias = left['alias'];
    if (
      typeof alias === 'object' &&
      alias !== null &&
      'name' in alias &&
      ['cross', 'natural'].includes(String(alias.name))
    )
      throw new Unread('a join word as alias');
    const using = listOf(entry.get('using')).map((column) =>
      this.#word(treeOf(column).get('value')),
    );
    return dense({ kind: 'join', type, left, right, on: this.#optional(entry.get('on')), using });
  }

  #relation(entry: Tree): Plain {
    onlyFields(entry, [
      'db',
      'schema',
      'table',
      'as',
      'join',
      'on',
      'using',
      'expr',
      'prefix',
      'parentheses',
    ]);
    const as = entry.get('as');
    const alias = isEmpty(as) ? null : this.#alias(textOf(as));
    const expr = entry.get('expr');
    if (isEmpty(expr)) {
      const parts = [entry.get('db'), entry.get('schema'), entry.get('table')]
        .filter((part) => !isEmpty(part))
        .map((part) => this.#word(part));
      return dense({ kind: 'table', name: { parts }, alias });
    }
    if (!isEmpty(entry.get('prefix'))) throw new Unread('a prefix');
    const inner = treeOf(expr);
    if (inner.get('type') === 'function')
      return dense({ kind: 'function', calls: [this.expression(expr)], alias });
    if (!inner.has('ast')) throw new Unread('a FROM item');
    return dense({ kind: 'derived', query: this.query(inner.get('ast')), alias });
  }

  /** `v(a, b)` is one text. */
  #alias(text: string): Plain {
    const match = /^([^(]+)\((.*)\)$/s.exec(text);
    if (match === null) return { name: this.#word(text) };
    return {
      name: this.#word(match[1]?.trim()),
      columns: (match[2] ?? '').split(',').map((column) => this.#word(column.trim())),
    };
  }

  #word(value: unknown): string {
    return this.#mask.name(textOf(value));
  }

  expression(value: unknown): Plain {
    return rebuild(
      value,
      (leaf) => this.#leaf(leaf),
      (operator, left, right) => this.#combine(operator, left, right),
    );
  }

  #combine(operator: string, left: Plain, right: unknown): Plain {
    const negated = /\bNOT\b/.test(operator);
    switch (operator) {
      case 'AND':
      case 'OR':
        return flat(operator.toLowerCase(), left, right);
      case 'IS':
      case 'IS NOT':
        return this.#is(left, treeOf(right), negated);
      case 'IN':
      case 'NOT IN':
        return this.#in(left, treeOf(right), negated);
      case 'BETWEEN':
      case 'NOT BETWEEN': {
        const [low, high] = listOf(treeOf(right).get('value')).map((bound) =>
          this.expression(bound),
        );
        return dense({ kind: 'between', operand: left, low, high, negated });
      }
      case 'IS DISTINCT FROM':
      case 'IS NOT DISTINCT FROM':
        return dense({ kind: 'isDistinct', left, right, negated });
      default: {
        const name =
          new Map([
            ['LIKE', '~~'],
            ['NOT LIKE', '!~~'],
            ['ILIKE', '~~*'],
            ['NOT ILIKE', '!~~*'],
            ['!=', '<>'],
          ]).get(operator) ?? operator;
        if (/[A-Z]/.test(name)) throw new Unread(name);
        return { kind: 'binary', operator: name, left, right };
      }
    }
  }

  #is(operand: Plain, right: Tree, negated: boolean): Plain {
    if (right.get('type') === 'null') return dense({ kind: 'isNull', operand, negated });
    if (right.get('type') === 'bool')
      return dense({
        kind: 'isBoolean',
        operand,
        test: right.get('value') === true ? 'true' : 'false',
        negated,
      });
    throw new Unread('IS');
  }

  #in(operand: Plain, right: Tree, negated: boolean): Plain {
    const items = listOf(right.get('value'));
    const [only] = items;
    if (items.length === 1 && treeOf(only).has('ast')) {
      return dense({
        kind: 'subqueryComparison',
        form: 'any',
        operator: '=',
        negated,
        operand,
        query: this.query(treeOf(only).get('ast')),
      });
    }
    return dense({
      kind: 'in',
      operand,
      list: items.map((item) => this.expression(item)),
      negated,
    });
  }

  #leaf(value: unknown): Plain {
    const tree = treeOf(value);
    if (tree.has('ast'))
      return { kind: 'subquery', form: 'scalar', query: this.query(tree.get('ast')) };
    switch (tree.get('type')) {
      case 'binary_expr':
        return this.expression(value);
      case 'column_ref':
        return this.#column(tree);
      case 'number':
        return { kind: 'number', text: digitsOf(this.#mask.number(textOf(tree.get('value')))) };
      case 'single_quote_string':
        return dense({ kind: 'string', value: this.#mask.string(textOf(tree.get('value'))) });
      case 'null':
        return { kind: 'null' };
      case 'bool':
        return dense({ kind: 'boolean', value: tree.get('value') });
      case 'function':
        return this.#call(tree);
      case 'aggr_func':
        return this.#aggregate(tree);
      case 'case':
        return this.#case(tree);
      case 'cast':
        return this.#cast(tree);
      case 'unary_expr':
        return this.#unary(tree, value);
      case 'expr_list':
        return this.#row(tree);
      default:
        throw new Unread(String(tree.get('type')));
    }
  }

  #row(tree: Tree): Plain {
    const items = listOf(tree.get('value'));
    if (items.length < 2) throw new Unread('a list of one');
    return { kind: 'row', elements: items.map((item) => this.expression(item)) };
  }

  #unary(tree: Tree, value: unknown): Plain {
    if (textOf(tree.get('operator')).toUpperCase() !== 'NOT EXISTS') return this.expression(value);
    return {
      kind: 'not',
      operand: {
        kind: 'subquery',
        form: 'exists',
        query: this.query(this.#inner(tree.get('expr'))),
      },
    };
  }

  #columnName(tree: Tree): string {
    const column = tree.get('column');
    if (typeof column === 'string') return column === '*' ? '*' : this.#word(column);
    return this.#word(treeOf(treeOf(column).get('expr')).get('value'));
  }

  #column(tree: Tree): Plain {
    onlyFields(tree, ['type', 'table', 'column', 'parentheses', 'schema', 'db']);
    const qualifiers = [tree.get('db'), tree.get('schema'), tree.get('table')].filter(
      (part) => !isEmpty(part),
    );
    const parts = [
      ...qualifiers.map((part) =>
        this.#word(typeof part === 'string' ? part : treeOf(part).get('value')),
      ),
      this.#columnName(tree),
    ];
    if (parts.length === 1 && parts[0] === '*') return { kind: 'star' };
    if (
      parts.length === 1 &&
      [
        'default',
        'unknown',
        'localtime',
        'localtimestamp',
        'current_catalog',
        'current_schema',
        'current_role',
        'current_date',
        'current_time',
        'current_timestamp',
        'current_user',
        'session_user',
        'user',
      ].includes(parts[0] ?? '')
    )
      throw new Unread('a keyword as column');
    return { kind: 'column', name: { parts } };
  }

  #call(tree: Tree): Plain {
    onlyFields(tree, ['type', 'name', 'args', 'parentheses']);
    const parts = this.#functionName(tree);
    const args = isEmpty(tree.get('args')) ? [] : listOf(treeOf(tree.get('args')).get('value'));
    const name = parts.join('.');
    if (name === 'not') throw new Unread('NOT as a function');
    if (name === 'exists')
      return { kind: 'subquery', form: 'exists', query: this.query(this.#inner(args[0])) };
    // `= SOME (…)`, ARRAY(query) and their like are no functions.
    if (['any', 'some', 'all', 'array', 'select', 'values', 'interval'].includes(name))
      throw new Unread(name);
    if (
      /^(current_(date|time|timestamp|user|role|catalog|schema)|localtime|localtimestamp)$/.test(
        name,
      )
    ) {
      if (args.length > 0) throw new Unread(name);
      return { kind: 'keywordFunction', name };
    }
    const operands = args.map((arg) => this.expression(arg));
    if (name === 'row') return dense({ kind: 'row', elements: operands });
    if (name === 'coalesce' || name === 'greatest' || name === 'least')
      return { kind: name, operands };
    if (name === 'nullif') return { kind: 'nullif', left: operands[0], right: operands[1] };
    return dense({ kind: 'call', name: { parts }, args: operands });
  }

  #functionName(tree: Tree): string[] {
    const name = treeOf(tree.get('name'));
    const parts = listOf(name.get('name')).map((part) => this.#word(treeOf(part).get('value')));
    const schema = name.get('schema');
    return isEmpty(schema) ? parts : [this.#word(treeOf(schema).get('value')), ...parts];
  }

  #aggregate(tree: Tree): Plain {
    onlyFields(tree, ['type', 'name', 'args', 'over', 'filter', 'parentheses']);
    if (!isEmpty(tree.get('over')) || !isEmpty(tree.get('filter')))
      throw new Unread('OVER or FILTER');
    const args = treeOf(tree.get('args'));
    onlyFields(args, ['expr', 'distinct', 'orderby', 'separator']);
    if (!isEmpty(args.get('separator'))) throw new Unread('a separator');
    const inner = treeOf(args.get('expr'));
    const isStar = inner.get('type') === 'star';
    return dense({
      kind: 'call',
      name: { parts: [textOf(tree.get('name')).toLowerCase()] },
      args: isStar ? [] : [this.expression(args.get('expr'))],
      star: isStar,
      distinct: !isEmpty(args.get('distinct')),
      order: this.#order(args.get('orderby')),
    });
  }

  #case(tree: Tree): Plain {
    const branches: Plain[] = [];
    let otherwise: Plain | null = null;
    for (const arg of listOf(tree.get('args'))) {
      const branch = treeOf(arg);
      if (branch.get('type') === 'else') otherwise = this.expression(branch.get('result'));
      else
        branches.push({
          when: this.expression(branch.get('cond')),
          then: this.expression(branch.get('result')),
        });
    }
    return dense({ kind: 'case', operand: this.#optional(tree.get('expr')), branches, otherwise });
  }

  #cast(tree: Tree): Plain {
    onlyFields(tree, ['type', 'keyword', 'expr', 'symbol', 'target', 'parentheses']);
    let operand = this.expression(tree.get('expr'));
    for (const target of listOf(tree.get('target'))) {
      const type = treeOf(target);
      onlyFields(type, ['dataType', 'suffix', 'length', 'scale', 'parentheses']);
      const written = textOf(type.get('dataType')).toLowerCase();
      const modifiers = [type.get('length'), type.get('scale')]
        .filter((part) => !isEmpty(part))
        .map((part) => Number(this.#mask.number(textOf(part))));
      if (modifiers.length === 0 && /^char(acter)?$/.test(written)) modifiers.push(1);
      else if (isEmpty(type.get('parentheses')) && modifiers.length > 0)
        throw new Unread('a length inside a type name');
      operand = dense({
        kind: 'cast',
        operand,
        type: dense({
          name: { parts: [typeNames.get(written) ?? this.#word(written)] },
          modifiers,
        }),
      });
    }
    return operand;
  }
}

/**
 * AND and OR are lists in our tree; a nested one of the same kind on the left joins it, on the
 * right it doesn't.
 */
function flat(kind: string, left: Plain, right: unknown): Plain {
  const operands: unknown[] =
    left['kind'] === kind && Array.isArray(left['operands']) ? left['operands'] : [left];
  return { kind, operands: [...operands, right] };
}

/** Postgres reads integers to their value. */
function digitsOf(text: string): string {
  return /^(0[xob])?[0-9a-f_]+$/i.test(text) ? BigInt(text.replaceAll('_', '')).toString() : text;
}
