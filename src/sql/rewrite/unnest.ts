/**
 * `apply` → `join`: no plan keeps a side that depends on the rows of the other.
 *
 * The easy way first: if the dependent side is a filter over something independent, the predicates
 * move into the join's condition (`pullUp`). In general (Neumann and Kemper, "Unnesting arbitrary
 * queries", 2015) the distinct values D of the outer columns that are read are joined in where they
 * are read, every operator above carries them along (as keys of groups, of limits, …), and the
 * result is joined with the outer rows on them. D is computed from the outer rows, which are
 * therefore a definition used twice.
 */
import { defined } from '../../base/assert.ts';
import { unsupported } from '../../base/error.ts';
import { castBetween } from '../../../dataflow/expr/function-table.ts';
import type { BindContext } from '../bind/context.ts';
import type { Column } from '../logical/column.ts';
import { freeColumns, mapRel } from '../logical/deep.ts';
import { refresh } from '../logical/refresh.ts';
import type { Definition, Output, Rel } from '../logical/rel.ts';
import { columnsOf, mapInputs, scalarsOf, unit } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { coalesce, columnReference, constant, same } from '../logical/scalar.ts';
import { spelledColumns } from '../logical/spelling.ts';
import { pullUp } from './pull-up.ts';
import { simpleAggregate } from './simple-aggregate.ts';

type Apply = Extract<Rel, { kind: 'apply' }>;

/** The outer columns' values in a plan: which column of it holds which outer one. */
type Carried = ReadonlyMap<number, Column>;

interface Pushed {
  readonly rel: Rel;
  readonly carried: Carried;
}

/** One pass over one plan. */
export class Unnesting {
  readonly #context: BindContext;
  readonly #definitions = new Map<Definition, Definition>();

  constructor(context: BindContext) {
    this.#context = context;
  }

  /** The plan without `apply`. */
  unnest(rel: Rel): Rel {
    if (rel.kind === 'shared') return { ...rel, definition: this.#definition(rel.definition) };
    if (rel.kind !== 'apply') return mapInputs(rel, (input) => this.unnest(input));
    const left = this.unnest(rel.left);
    return this.#apply({ ...rel, left });
  }

  #definition(definition: Definition): Definition {
    const known = this.#definitions.get(definition);
    if (known !== undefined) return known;
    const unnested = { ...definition, rel: this.unnest(definition.rel) };
    this.#definitions.set(definition, unnested);
    return unnested;
  }

  /** An apply whose left side is independent of everything. */
  #apply(rel: Apply): Rel {
    const outer = new Set(columnsOf(rel.left).map((column) => column.id));
    const read = [...freeColumns(rel.right).values()].filter((column) => outer.has(column.id));
    const computed = computedRow(rel);
    if (computed !== undefined) return computed;
    if (read.length === 0) return { ...rel, kind: 'join', right: this.unnest(rel.right) };
    const pulled = pullUp(rel.right, outer);
    if (pulled !== undefined) {
      return {
        ...rel,
        kind: 'join',
        right: this.unnest(pulled.rel),
        on: [...rel.on, ...pulled.predicates],
      };
    }
    const aggregate = simpleAggregate(this.#context, rel, outer);
    if (aggregate !== undefined) return this.unnest(aggregate);
    const flat = flatMapped(rel);
    if (flat !== undefined) return flat;
    return this.#general(rel, read);
  }

  #general(rel: Apply, named: readonly Column[]): Rel {
    const context = this.#context;
    const spellings = spelledColumns(named).map((column) => spellingOf(context, column));
    const read = [...named, ...spellings.map((output) => output.column)];
    const outerRows = context.define('', withColumns(rel.left, spellings));
    const use = context.use(outerRows);
    const left: Rel = {
      kind: 'project',
      input: use,
      outputs: outerRows.columns.map((column, i): Output => ({
        column,
        expression: columnReference(defined(use.columns[i], 'a use has all columns')),
      })),
    };
    const again = context.use(outerRows);
    const positions = read.map((column) =>
      outerRows.columns.findIndex((each) => each.id === column.id),
    );
    const values: Rel = {
      kind: 'distinct',
      input: {
        kind: 'project',
        input: again,
        outputs: positions.map((position): Output => {
          const column = defined(
            again.columns[position],
            'what is read is a column of the outer rows',
          );
          return { column: context.columns.like(column), expression: columnReference(column) };
        }),
      },
    };
    const domain = new Domain(context, context.define('', values), read);
    const pushed = domain.push(rel.right);
    const on = read.map((column) =>
      same(columnReference(column), columnReference(carriedColumn(pushed.carried, column))),
    );
    const joined: Rel = {
      kind: 'join',
      type: rel.type,
      left,
      right: this.unnest(pushed.rel),
      on: [...rel.on, ...on],
    };
    if (spellings.length === 0) return joined;
    const wanted = columnsOf(joined).filter((column) => !read.includes(column, named.length));
    return { kind: 'project', input: joined, outputs: wanted.map(passed) };
  }
}

function passed(column: Column): Output {
  return { column, expression: columnReference(column) };
}

/** The relation with further columns. */
function withColumns(rel: Rel, outputs: readonly Output[]): Rel {
  if (outputs.length === 0) return rel;
  return { kind: 'project', input: rel, outputs: [...columnsOf(rel).map(passed), ...outputs] };
}

/**
 * A column that tells equal values apart: 1.0 and 1.00 are one value of the domain if nothing else
 * is, and the subquery may see more than the value.
 */
function spellingOf(context: BindContext, column: Column): Output {
  const cast = defined(castBetween(column.type, 'text'), 'every type has a text');
  return {
    column: context.columns.make('spelling', { name: 'text', modifier: -1 }),
    expression: {
      kind: 'call',
      fn: cast.key,
      name: 'cast',
      args: [columnReference(column)],
      position: 0,
      type: 'text',
      modifier: -1,
    },
  };
}

/**
 * A right side that is one computed row (`SELECT t.a * 2`): it is computed from the outer row
 * itself.
 */
function computedRow(rel: Apply): Rel | undefined {
  const { right } = rel;
  if (
    (rel.type !== 'inner' && rel.type !== 'left') ||
    rel.on.length > 0 ||
    right.kind !== 'project' ||
    right.input !== unit
  )
    return undefined;
  const kept = columnsOf(rel.left).map((column): Output => ({
    column,
    expression: columnReference(column),
  }));
  return { kind: 'project', input: rel.left, outputs: [...kept, ...right.outputs] };
}

/**
 * A set-returning function of the outer row's columns: the function runs over the outer rows
 * themselves.
 */
function flatMapped(rel: Apply): Rel | undefined {
  if (rel.type !== 'inner' || rel.on.length > 0) return undefined;
  const { left, right } = rel;
  const kept = columnsOf(left).map((column): Output => ({
    column,
    expression: columnReference(column),
  }));
  if (right.kind === 'project') {
    const below = flatMapped({ ...rel, right: right.input });
    return below === undefined
      ? undefined
      : { kind: 'project', input: below, outputs: [...kept, ...right.outputs] };
  }
  if (right.kind !== 'flatMap' || right.input.kind !== 'project' || right.input.input !== unit)
    return undefined;
  return {
    ...right,
    input: { kind: 'project', input: left, outputs: [...kept, ...right.input.outputs] },
  };
}

function carriedColumn(carried: Carried, column: Column): Column {
  return defined(carried.get(column.id), `outer column ${column.name} is carried`);
}

/** The distinct values of the outer columns, pushed down to where they are read. */
class Domain {
  readonly #context: BindContext;
  readonly #definition: Definition;
  readonly #columns: readonly Column[];
  readonly #ids: ReadonlySet<number>;

  constructor(context: BindContext, definition: Definition, columns: readonly Column[]) {
    this.#context = context;
    this.#definition = definition;
    this.#columns = columns;
    this.#ids = new Set(columns.map((column) => column.id));
  }

  #use(): Pushed {
    const rel = this.#context.use(this.#definition);
    return {
      rel,
      carried: new Map(
        this.#columns.map((column, i) => [
          column.id,
          defined(rel.columns[i], 'a use has all columns'),
        ]),
      ),
    };
  }

  #reads(rel: Rel): boolean {
    return [...freeColumns(rel).keys()].some((id) => this.#ids.has(id));
  }

  /** The expressions of an operator with carried columns for outer ones. */
  #replace(scalars: readonly Scalar[], carried: Carried): readonly Scalar[] {
    const replaced = mapRel(
      { kind: 'filter', input: { kind: 'constant', rows: [], columns: [] }, predicates: scalars },
      (node) => {
        const column = node.kind === 'column' ? carried.get(node.column.id) : undefined;
        return column === undefined
          ? undefined
          : { ...columnReference(column), type: node.type, modifier: node.modifier };
      },
    );
    return scalarsOf(replaced);
  }

  #equal(left: Carried, right: Carried): readonly Scalar[] {
    return this.#columns.map((column) =>
      same(
        columnReference(carriedColumn(left, column)),
        columnReference(carriedColumn(right, column)),
      ),
    );
  }

  #carriedColumns(carried: Carried): readonly Column[] {
    return this.#columns.map((column) => carriedColumn(carried, column));
  }

  /** The relation for every value of the domain at once. */
  push(rel: Rel): Pushed {
    if (!this.#reads(rel)) {
      const values = this.#use();
      return {
        rel: { kind: 'join', type: 'inner', left: values.rel, right: rel, on: [] },
        carried: values.carried,
      };
    }
    switch (rel.kind) {
      case 'constant':
      case 'get':
        return defined<Pushed>(undefined, 'a leaf reads no outer columns');
      case 'shared':
        return this.push(this.#inline(rel));
      case 'project': {
        const { rel: input, carried } = this.push(rel.input);
        const expressions = this.#replace(
          rel.outputs.map((output) => output.expression),
          carried,
        );
        const outputs = rel.outputs.map((output, i): Output => ({
          column: output.column,
          expression: defined(expressions[i], 'one each'),
        }));
        const passed = this.#carriedColumns(carried).map((column): Output => ({
          column,
          expression: columnReference(column),
        }));
        return { rel: { kind: 'project', input, outputs: [...outputs, ...passed] }, carried };
      }
      case 'filter': {
        const { rel: input, carried } = this.push(rel.input);
        return {
          rel: { kind: 'filter', input, predicates: this.#replace(rel.predicates, carried) },
          carried,
        };
      }
      case 'join':
        return this.#join(rel);
      case 'apply': {
        const { rel: left, carried } = this.push(rel.left);
        const right = this.#inside(rel.right, carried);
        return { rel: { ...rel, left, right, on: this.#replace(rel.on, carried) }, carried };
      }
      case 'reduce':
        return this.#reduce(rel);
      case 'distinct':
      case 'negate':
      case 'threshold':
      case 'flatMap': {
        const { rel: input, carried } = this.push(rel.input);
        return { rel: { ...rel, input }, carried };
      }
      case 'topk': {
        const { rel: input, carried } = this.push(rel.input);
        return {
          rel: { ...rel, input, keys: [...rel.keys, ...this.#carriedColumns(carried)] },
          carried,
        };
      }
      case 'union':
        return this.#union(rel);
    }
  }

  /** Outer columns inside a side that stays dependent on its left side. */
  #inside(rel: Rel, carried: Carried): Rel {
    return mapRel(rel, (node) => {
      const column = node.kind === 'column' ? carried.get(node.column.id) : undefined;
      return column === undefined
        ? undefined
        : { ...columnReference(column), type: node.type, modifier: node.modifier };
    });
  }

  #join(rel: Extract<Rel, { kind: 'join' }>): Pushed {
    if (rel.type === 'full') throw unsupported('a FULL JOIN that reads columns of an outer query');
    const outer = rel.type === 'right' ? 'right' : 'left';
    const readsLeft = this.#reads(rel.left);
    const readsRight = this.#reads(rel.right);
    const both =
      (readsLeft && readsRight) ||
      (outer === 'left' ? readsRight && rel.type !== 'inner' : readsLeft);
    if (both) {
      const left = this.push(rel.left);
      const right = this.push(rel.right);
      const carried = outer === 'left' ? left.carried : right.carried;
      const on = [...this.#replace(rel.on, carried), ...this.#equal(left.carried, right.carried)];
      return { rel: { ...rel, left: left.rel, right: right.rel, on }, carried };
    }
    const pushLeft = outer === 'left' && !(rel.type === 'inner' && readsRight);
    const pushed = this.push(pushLeft ? rel.left : rel.right);
    const on = this.#replace(rel.on, pushed.carried);
    return {
      rel: {
        ...rel,
        left: pushLeft ? pushed.rel : rel.left,
        right: pushLeft ? rel.right : pushed.rel,
        on,
      },
      carried: pushed.carried,
    };
  }

  /** Groups per value; a reduce without keys gives its row also for values without rows. */
  #reduce(rel: Extract<Rel, { kind: 'reduce' }>): Pushed {
    const { rel: input, carried } = this.push(rel.input);
    const grouped: Rel = {
      ...rel,
      input,
      keys: [...rel.keys, ...this.#carriedColumns(carried)],
      single: false,
    };
    if (!rel.single) return { rel: grouped, carried };
    const counts = rel.aggregates.filter((aggregate) => aggregate.fn === 'count');
    const raw = new Map(
      counts.map((aggregate) => [
        aggregate.column.id,
        this.#context.columns.like(aggregate.column),
      ]),
    );
    const renamed: Rel = {
      ...grouped,
      aggregates: rel.aggregates.map((aggregate) => ({
        ...aggregate,
        column: raw.get(aggregate.column.id) ?? aggregate.column,
      })),
    };
    const values = this.#use();
    const joined: Rel = {
      kind: 'join',
      type: 'left',
      left: values.rel,
      right: renamed,
      on: this.#equal(values.carried, carried),
    };
    const outputs = [
      ...rel.aggregates.map((aggregate): Output => {
        const column = raw.get(aggregate.column.id);
        return column === undefined
          ? { column: aggregate.column, expression: columnReference(aggregate.column) }
          : {
              column: aggregate.column,
              expression: coalesce([columnReference(column), constant(0n, 'int8')], 'int8'),
            };
      }),
      ...this.#carriedColumns(values.carried).map((column): Output => ({
        column,
        expression: columnReference(column),
      })),
    ];
    return { rel: { kind: 'project', input: joined, outputs }, carried: values.carried };
  }

  #union(rel: Extract<Rel, { kind: 'union' }>): Pushed {
    const inputs = rel.inputs.map((input) => {
      const pushed = this.push(input.rel);
      return {
        rel: pushed.rel,
        columns: [...input.columns, ...this.#carriedColumns(pushed.carried)],
      };
    });
    const own = this.#columns.map((column) => this.#context.columns.like(column));
    const carried = new Map(
      this.#columns.map((column, i) => [column.id, defined(own[i], 'one each')]),
    );
    return { rel: { kind: 'union', inputs, columns: [...rel.columns, ...own] }, carried };
  }

  /** A definition that reads outer columns is copied to its use. */
  #inline(rel: Extract<Rel, { kind: 'shared' }>): Rel {
    const copy = refresh(this.#context.columns, rel.definition.rel);
    const outputs = rel.columns.map((column, i): Output => {
      const source = defined(rel.definition.columns[i], 'a use has the columns of its definition');
      return { column, expression: columnReference(copy.columns.get(source.id) ?? source) };
    });
    return { kind: 'project', input: copy.rel, outputs };
  }
}
