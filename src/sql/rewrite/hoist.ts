/**
 * Subqueries in expressions → `apply` nodes below the expression.
 *
 *  - A conjunct of a filter that is EXISTS, IN or ANY becomes a semijoin, its negation an antijoin.
 *  - Any other subquery becomes a column: its relation is brought to exactly one row, whatever it
 *    holds, and joined to the rows that ask for it. A scalar subquery that may give several rows is
 *    counted, and the count checked when the value is used (21000).
 */
import { singleRowName } from '../../../dataflow/expr/functions/internal.ts';
import { functionsNamed, operatorsNamed } from '../../../dataflow/expr/function-table.ts';
import { defined } from '../../base/assert.ts';
import { unsupported } from '../../base/error.ts';
import type { BindContext } from '../bind/context.ts';
import type { Column } from '../logical/column.ts';
import { columnsRead, freeColumns } from '../logical/deep.ts';
import type { Definition, LogicalAggregate, Output, Rel } from '../logical/rel.ts';
import { columnsOf, filter, mapInputs } from '../logical/rel.ts';
import type { Call, Scalar, Subquery } from '../logical/scalar.ts';
import {
  caseOf,
  coalesce,
  columnReference,
  constant,
  isNull,
  mapChildren,
  nullConstant,
  same,
  trueConstant,
  walk,
} from '../logical/scalar.ts';

type Extracted = readonly [Rel, Scalar];

/** One pass over one plan. */
export class Hoisting {
  readonly #context: BindContext;
  readonly #definitions = new Map<Definition, Definition>();

  constructor(context: BindContext) {
    this.#context = context;
  }

  /** The plan without subqueries in expressions. */
  hoist(rel: Rel): Rel {
    if (rel.kind === 'shared') return { ...rel, definition: this.#definition(rel.definition) };
    const mapped = mapInputs(rel, (input) => this.hoist(input));
    switch (mapped.kind) {
      case 'filter':
        return this.#filter(mapped);
      case 'project':
        return this.#project(mapped);
      case 'join':
      case 'apply':
        return this.#join(mapped);
      default:
        return mapped;
    }
  }

  #definition(definition: Definition): Definition {
    const known = this.#definitions.get(definition);
    if (known !== undefined) return known;
    const hoisted = { ...definition, rel: this.hoist(definition.rel) };
    this.#definitions.set(definition, hoisted);
    return hoisted;
  }

  #filter(rel: Extract<Rel, { kind: 'filter' }>): Rel {
    const nested = rel.predicates.filter(hasSubquery);
    if (nested.length === 0) return rel;
    let input = filter(
      rel.input,
      rel.predicates.filter((predicate) => !nested.includes(predicate)),
    );
    const rest: Scalar[] = [];
    for (const predicate of nested) {
      const joined = this.#predicate(input, predicate);
      if (joined === undefined) rest.push(predicate);
      else input = joined;
    }
    if (rest.length === 0) return input;
    const columns = columnsOf(rel.input);
    let extended: Rel = input;
    const predicates = rest.map((predicate) => {
      const [next, scalar] = this.#extract(extended, predicate);
      extended = next;
      return scalar;
    });
    return onlyColumns(filter(extended, predicates), columns);
  }

  /** A conjunct that is a subquery test: a semijoin or antijoin; undefined if it is another one. */
  #predicate(input: Rel, predicate: Scalar): Rel | undefined {
    const negated = predicate.kind === 'not';
    const subquery = negated ? predicate.arg : predicate;
    if (subquery.kind !== 'subquery' || (subquery.form !== 'exists' && subquery.form !== 'any'))
      return undefined;
    if (subquery.test !== null && hasSubquery(subquery.test)) return undefined;
    const right = this.hoist(subquery.rel);
    if (!negated)
      return { kind: 'apply', type: 'semi', left: input, right, on: tests(subquery.test) };
    return {
      kind: 'apply',
      type: 'anti',
      left: input,
      right,
      on: tests(subquery.test).map(mayHold),
    };
  }

  #project(rel: Extract<Rel, { kind: 'project' }>): Rel {
    if (!rel.outputs.some((output) => hasSubquery(output.expression))) return rel;
    let { input } = rel;
    const outputs = rel.outputs.map((output): Output => {
      const [next, expression] = this.#extract(input, output.expression);
      input = next;
      return { column: output.column, expression };
    });
    return { ...rel, input, outputs };
  }

  /**
   * Subqueries in a join's condition: an inner join filters afterwards; the others compute them on
   * one side.
   */
  #join(rel: Extract<Rel, { kind: 'join' | 'apply' }>): Rel {
    const nested = rel.on.filter(hasSubquery);
    if (nested.length === 0) return rel;
    const on = rel.on.filter((predicate) => !nested.includes(predicate));
    if (rel.type === 'inner')
      return this.#filter({ kind: 'filter', input: { ...rel, on }, predicates: nested });
    const columns = columnsOf(rel);
    let { left, right } = rel;
    const ids = new Set(columnsOf(left).map((column) => column.id));
    const others = new Set(columnsOf(right).map((column) => column.id));
    const mixed = nested.some((predicate) => {
      const read = subqueryColumns(predicate);
      return (
        read.some((column) => ids.has(column.id)) && read.some((column) => others.has(column.id))
      );
    });
    if (mixed) return this.#outerByPairs(rel);
    const extracted = nested.map((predicate) => {
      const onLeft = subqueryColumns(predicate).some((column) => ids.has(column.id));
      const [next, scalar] = this.#extract(onLeft ? left : right, predicate);
      if (onLeft) left = next;
      else right = next;
      return scalar;
    });
    return onlyColumns({ ...rel, left, right, on: [...on, ...extracted] }, columns);
  }

  /**
   * An outer join whose condition has a subquery over both sides: the pairs are those of an inner
   * join, and rows of the kept side that are in no pair are added, padded.
   */
  #outerByPairs(rel: Extract<Rel, { kind: 'join' | 'apply' }>): Rel {
    const context = this.#context;
    if (rel.kind === 'apply' || (rel.type !== 'left' && rel.type !== 'right')) {
      throw unsupported(
        `a subquery over both sides in the condition of a ${rel.type.toUpperCase()} JOIN`,
      );
    }
    const [kept, other] = rel.type === 'left' ? [rel.left, rel.right] : [rel.right, rel.left];
    const keptColumns = columnsOf(kept);
    const rows = context.define('', kept);
    const copy = (): Rel => {
      const use = context.use(rows);
      return {
        kind: 'project',
        input: use,
        outputs: keptColumns.map((column, i): Output => ({
          column,
          expression: columnReference(defined(use.columns[i], 'a use has all columns')),
        })),
      };
    };
    const pairs = this.#join({
      kind: 'join',
      type: 'inner',
      left: copy(),
      right: other,
      on: rel.on,
    });
    const definition = context.define('', pairs, columnsOf(rel));
    const whole = context.use(definition);
    const part = context.use(definition);
    const ofPart = (column: Column): Column =>
      defined(
        part.columns[definition.columns.findIndex((each) => each.id === column.id)],
        'pairs have both sides',
      );
    const alone: Rel = {
      kind: 'join',
      type: 'anti',
      left: copy(),
      right: part,
      on: keptColumns.map((column) =>
        same(columnReference(column), columnReference(ofPart(column))),
      ),
    };
    const padded = columnsOf(rel).map((column): Output => {
      const isKept = keptColumns.some((each) => each.id === column.id);
      return {
        column: context.columns.like(column),
        expression: isKept ? columnReference(column) : nullConstant(column.type, column.modifier),
      };
    });
    return {
      kind: 'union',
      columns: columnsOf(rel),
      inputs: [
        { rel: whole, columns: whole.columns },
        {
          rel: { kind: 'project', input: alone, outputs: padded },
          columns: padded.map((output) => output.column),
        },
      ],
    };
  }

  /** The expression with columns for its subqueries, and the relation that provides them. */
  #extract(input: Rel, scalar: Scalar): Extracted {
    let rel = input;
    const replace = (node: Scalar): Scalar => {
      const mapped = mapChildren(node, replace);
      if (mapped.kind !== 'subquery') return mapped;
      const right = this.#oneRow(mapped);
      const [column] = columnsOf(right);
      rel = { kind: 'apply', type: 'left', left: rel, right, on: [] };
      return {
        ...columnReference(defined(column, 'a subquery gives a column')),
        type: mapped.type,
        modifier: mapped.modifier,
      };
    };
    const replaced = replace(scalar);
    return [rel, replaced];
  }

  /** One column, and one row at most. */
  #oneRow(subquery: Subquery): Rel {
    const rel = this.hoist(subquery.rel);
    switch (subquery.form) {
      case 'scalar': {
        const output = defined(subquery.output, 'a scalar subquery has a column');
        return atMostOne(rel) ? onlyColumns(rel, [output]) : this.#checked(rel, output);
      }
      case 'exists': {
        const count = this.#aggregate('count', null, null);
        return this.#single(rel, [count], positive(count.column));
      }
      case 'any':
        return this.#anyOf(rel, defined(subquery.test, 'ANY has a test'));
      case 'array': {
        const output = defined(subquery.output, 'an array subquery has a column');
        const column = this.#context.columns.make('array', { name: subquery.type, modifier: -1 });
        const gathered: LogicalAggregate = {
          column,
          fn: 'array_agg',
          argument: output,
          argument2: null,
          filter: null,
          distinct: false,
          order: subquery.order,
        };
        const empty = constant({ kind: 'array', elements: [] }, subquery.type);
        return this.#single(
          rel,
          [gathered],
          coalesce([columnReference(column), empty], subquery.type),
        );
      }
    }
  }

  #aggregate(
    fn: 'count' | 'min',
    argument: Column | null,
    filterBy: Column | null,
  ): LogicalAggregate {
    const column =
      fn === 'count' || argument === null
        ? this.#context.columns.make('count', { name: 'int8', modifier: -1 })
        : this.#context.columns.like(argument);
    return { column, fn, argument, argument2: null, filter: filterBy, distinct: false, order: [] };
  }

  #single(input: Rel, aggregates: readonly LogicalAggregate[], expression: Scalar): Rel {
    const column = this.#context.columns.make('value', {
      name: expression.type,
      modifier: expression.modifier,
    });
    const reduce: Rel = { kind: 'reduce', input, keys: [], aggregates, single: true };
    return { kind: 'project', input: reduce, outputs: [{ column, expression }] };
  }

  /** The value, and an error if there are several rows. */
  #checked(rel: Rel, output: Column): Rel {
    const count = this.#aggregate('count', null, null);
    const value = this.#aggregate('min', output, null);
    const single = defined(functionsNamed(singleRowName)[0], 'the check is in the table');
    const check: Call = {
      kind: 'call',
      fn: single.key,
      name: singleRowName,
      args: [columnReference(count.column)],
      position: 0,
      type: 'bool',
      modifier: -1,
    };
    return this.#single(
      rel,
      [count, value],
      caseOf(
        [[check, columnReference(value.column)]],
        nullConstant(output.type, output.modifier),
        output.type,
        output.modifier,
      ),
    );
  }

  /** True if the test is for some row, else NULL if it is NULL for some, else false. */
  #anyOf(rel: Rel, test: Scalar): Rel {
    const [input, condition] = this.#extract(rel, test);
    const hit = this.#context.columns.make('hit', { name: 'bool', modifier: -1 });
    const unsure = this.#context.columns.make('unsure', { name: 'bool', modifier: -1 });
    const project: Rel = {
      kind: 'project',
      input,
      outputs: [
        { column: hit, expression: condition },
        { column: unsure, expression: isNull(condition) },
      ],
    };
    const hits = this.#aggregate('count', null, hit);
    const unknowns = this.#aggregate('count', null, unsure);
    return this.#single(
      project,
      [hits, unknowns],
      caseOf(
        [
          [positive(hits.column), trueConstant],
          [positive(unknowns.column), nullConstant('bool')],
        ],
        constant(false, 'bool'),
        'bool',
      ),
    );
  }
}

function hasSubquery(scalar: Scalar): boolean {
  let found = false;
  walk(scalar, (node) => {
    found ||= node.kind === 'subquery';
  });
  return found;
}

function tests(test: Scalar | null): readonly Scalar[] {
  return test === null ? [] : [test];
}

/** What must hold for no row of a NOT IN: true or NULL. */
function mayHold(test: Scalar): Scalar {
  return coalesce([test, trueConstant], 'bool');
}

function positive(count: Column): Scalar {
  const greater = defined(
    operatorsNamed('>').find((entry) => entry.args.every((type) => type === 'int8')),
    'int8 has an order',
  );
  return {
    kind: 'call',
    fn: greater.key,
    name: '>',
    args: [columnReference(count), constant(0n, 'int8')],
    position: 0,
    type: 'bool',
    modifier: -1,
  };
}

/** Projects to the columns, if there are others. */
function onlyColumns(input: Rel, columns: readonly Column[]): Rel {
  if (columnsOf(input).length === columns.length) return input;
  return {
    kind: 'project',
    input,
    outputs: columns.map((column): Output => ({ column, expression: columnReference(column) })),
  };
}

/** True if the relation cannot have a second row. */
export function atMostOne(rel: Rel): boolean {
  switch (rel.kind) {
    case 'constant':
      return rel.rows.length <= 1;
    case 'reduce':
      return rel.single;
    case 'topk':
      return (rel.keys.length === 0 && rel.limit >= 0 && rel.limit <= 1) || atMostOne(rel.input);
    case 'project':
    case 'filter':
    case 'distinct':
      return atMostOne(rel.input);
    case 'shared':
      return atMostOne(rel.definition.rel);
    case 'join':
    case 'apply':
      return rel.type === 'semi' || rel.type === 'anti'
        ? atMostOne(rel.left)
        : rel.type === 'inner' && atMostOne(rel.left) && atMostOne(rel.right);
    case 'get':
    case 'union':
    case 'negate':
    case 'threshold':
    case 'flatMap':
      return false;
  }
}

/** Columns that the subqueries of an expression take from outside. */
function subqueryColumns(scalar: Scalar): readonly Column[] {
  const found: Column[] = [];
  walk(scalar, (node) => {
    if (node.kind !== 'subquery') return;
    found.push(...freeColumns(node.rel).values());
    if (node.test !== null) found.push(...columnsRead(node.test).values());
  });
  return found;
}
