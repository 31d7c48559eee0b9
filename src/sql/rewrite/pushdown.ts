/**
 * Predicate push-down: a filter goes as near to where its columns come from as it can without
 * changing what it sees: one that sees how a value is spelled (`n::text`) stays above what merges
 * equal values. Inner joins are taken as a whole: all their inputs and predicates, put
 * together anew so that every input meets one it has an equality with (`orderJoins`).
 */
import { functionByKey } from '../../../dataflow/expr/function-table.ts';
import type { Column } from '../logical/column.ts';
import { columnsRead } from '../logical/deep.ts';
import type { Definition, Rel } from '../logical/rel.ts';
import { columnsOf, filter } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { respectsEquality } from '../logical/spelling.ts';
import { conjuncts, substitute, walk } from '../logical/scalar.ts';
import { limits } from '../../base/limits.ts';
import { sizeOf } from '../bind/expression-size.ts';
import { factored } from './factor.ts';
import { foldScalar } from './fold.ts';
import { orderJoins } from './join-order.ts';

/** One pass over one plan. */
export class Pushdown {
  readonly #definitions = new Map<Definition, Definition>();

  /** The rows of the relation for which all predicates are true. */
  push(rel: Rel, predicates: readonly Scalar[]): Rel {
    switch (rel.kind) {
      case 'constant':
      case 'get':
        return filter(rel, predicates);
      case 'shared':
        return filter({ ...rel, definition: this.#definition(rel.definition) }, predicates);
      case 'filter':
        return this.push(rel.input, [
          ...rel.predicates.flatMap((each) => factored(foldScalar(each))),
          ...predicates,
        ]);
      case 'project': {
        const made = new Map(rel.outputs.map((output) => [output.column.id, output.expression]));
        const [fine, above] = split(
          predicates,
          (predicate) => sizeWith(predicate, made) <= limits.pushedNodesMax,
        );
        const below = fine.flatMap((predicate) =>
          conjuncts(
            foldScalar(
              substitute(predicate, (reference) =>
                retyped(made.get(reference.column.id), reference),
              ),
            ),
          ),
        );
        return filter({ ...rel, input: this.push(rel.input, below) }, above);
      }
      case 'join':
      case 'apply':
        return this.#join(rel, predicates);
      case 'reduce':
        return this.#through(rel, predicates, rel.keys);
      case 'topk':
        return this.#through(rel, predicates, rel.keys);
      case 'negate':
        return { ...rel, input: this.push(rel.input, predicates) };
      case 'distinct':
      case 'threshold': {
        const [below, above] = split(predicates, respectsEquality);
        return filter({ ...rel, input: this.push(rel.input, below) }, above);
      }
      case 'union':
        return {
          ...rel,
          inputs: rel.inputs.map((input) => {
            const from = new Map(rel.columns.map((column, i) => [column.id, input.columns[i]]));
            const own = predicates.map((predicate) =>
              substitute(predicate, (reference) => {
                const column = from.get(reference.column.id);
                return column === undefined ? undefined : { ...reference, column };
              }),
            );
            return { ...input, rel: this.push(input.rel, own) };
          }),
        };
      case 'flatMap':
        return this.#through(rel, predicates, columnsOf(rel.input));
    }
  }

  #definition(definition: Definition): Definition {
    const known = this.#definitions.get(definition);
    if (known !== undefined) return known;
    const pushed = { ...definition, rel: this.push(definition.rel, []) };
    this.#definitions.set(definition, pushed);
    return pushed;
  }

  /**
   * Predicates over the given columns go below the operator, the others stay above, and with them
   * those that would tell apart what a group takes for one.
   */
  #through(
    rel: Extract<Rel, { kind: 'reduce' | 'topk' | 'flatMap' }>,
    predicates: readonly Scalar[],
    columns: readonly Column[],
  ): Rel {
    const free = rel.kind === 'reduce' && rel.single ? [] : columns;
    const isGroup = rel.kind !== 'flatMap';
    const [blind, sharp] = split(predicates, (each) => !isGroup || respectsEquality(each));
    const [below, above] = divide(blind, free);
    return filter({ ...rel, input: this.push(rel.input, below) }, [...above, ...sharp]);
  }

  #join(rel: Extract<Rel, { kind: 'join' | 'apply' }>, predicates: readonly Scalar[]): Rel {
    const type = strengthened(rel, predicates);
    const on = rel.on.flatMap((each) => factored(foldScalar(each)));
    switch (type) {
      case 'inner':
        return this.#innerJoin({ ...rel, type, on: [...on, ...predicates] });
      case 'left': {
        const [onLeft, above] = divide(predicates, columnsOf(rel.left));
        const [onRight, rest] = divide(on, columnsOf(rel.right));
        return filter(
          {
            ...rel,
            type,
            on: rest,
            left: this.push(rel.left, onLeft),
            right: this.push(rel.right, onRight),
          },
          above,
        );
      }
      case 'right': {
        const [onRight, above] = divide(predicates, columnsOf(rel.right));
        const [onLeft, rest] = divide(on, columnsOf(rel.left));
        return filter(
          {
            ...rel,
            type,
            on: rest,
            left: this.push(rel.left, onLeft),
            right: this.push(rel.right, onRight),
          },
          above,
        );
      }
      case 'full':
        return filter(
          { ...rel, on, left: this.push(rel.left, []), right: this.push(rel.right, []) },
          predicates,
        );
      case 'semi':
      case 'anti': {
        const [onRight, others] = divide(on, columnsOf(rel.right));
        const [onLeft, rest] = type === 'semi' ? divide(others, columnsOf(rel.left)) : [[], others];
        return {
          ...rel,
          type,
          on: rest,
          left: this.push(rel.left, [...predicates, ...onLeft]),
          right: this.push(rel.right, onRight),
        };
      }
    }
  }

  /** All inner joins below and at this one together. */
  #innerJoin(rel: Extract<Rel, { kind: 'join' | 'apply' }>): Rel {
    const inputs: Rel[] = [];
    const predicates: Scalar[] = [];
    flatten(rel, inputs, predicates);
    const single = inputs.map((): Scalar[] => []);
    const shared: Scalar[] = [];
    const owners = new Map(
      inputs.flatMap((input, i) =>
        columnsOf(input).map((column): [number, number] => [column.id, i]),
      ),
    );
    for (const predicate of predicates) {
      const reads = new Set([...columnsRead(predicate).keys()].map((id) => owners.get(id) ?? -1));
      const [only] = reads;
      if (reads.size === 1 && only !== undefined && only >= 0) single[only]?.push(predicate);
      else shared.push(predicate);
    }
    return orderJoins(
      inputs.map((input, i) => this.push(input, single[i] ?? [])),
      shared,
    );
  }
}

function split<T>(
  list: readonly T[],
  test: (item: T) => boolean,
): readonly [readonly T[], readonly T[]] {
  return [list.filter(test), list.filter((item) => !test(item))];
}

/** How large a predicate gets when its columns are replaced by what computes them. */
function sizeWith(predicate: Scalar, made: ReadonlyMap<number, Scalar>): number {
  let size = 0;
  walk(predicate, (node) => {
    const expression = node.kind === 'column' ? made.get(node.column.id) : undefined;
    size += expression === undefined ? 1 : sizeOf(expression);
  });
  return size;
}

/**
 * An expression in place of a reference to it; the reference's type wins where they differ in name
 * only.
 */
function retyped(made: Scalar | undefined, reference: Scalar): Scalar | undefined {
  if (
    made === undefined ||
    made.type === reference.type ||
    made.kind === 'and' ||
    made.kind === 'or'
  )
    return made;
  return { ...made, type: reference.type };
}

/** The inputs and predicates of a tree of inner joins, filters between them included. */
function flatten(rel: Rel, inputs: Rel[], predicates: Scalar[]): void {
  if (rel.kind === 'join' && rel.type === 'inner') {
    predicates.push(...rel.on.flatMap((each) => factored(foldScalar(each))));
    flatten(rel.left, inputs, predicates);
    flatten(rel.right, inputs, predicates);
  } else if (rel.kind === 'filter') {
    predicates.push(...rel.predicates.flatMap((each) => factored(foldScalar(each))));
    flatten(rel.input, inputs, predicates);
  } else inputs.push(rel);
}

/** Predicates that read only the given columns (and at least one), and the rest. */
function divide(
  predicates: readonly Scalar[],
  columns: readonly Column[],
): readonly [readonly Scalar[], readonly Scalar[]] {
  const ids = new Set(columns.map((column) => column.id));
  const fits = (predicate: Scalar): boolean => {
    const read = [...columnsRead(predicate).keys()];
    return read.length > 0 && read.every((id) => ids.has(id));
  };
  return [predicates.filter(fits), predicates.filter((predicate) => !fits(predicate))];
}

/** An outer join whose padded rows a predicate refuses is an inner one (or pads one side less). */
function strengthened(
  rel: Extract<Rel, { kind: 'join' | 'apply' }>,
  predicates: readonly Scalar[],
): typeof rel.type {
  if (rel.type !== 'left' && rel.type !== 'right' && rel.type !== 'full') return rel.type;
  const refused = new Set(predicates.flatMap((predicate) => [...refusesNull(predicate)]));
  const refuses = (side: Rel): boolean => columnsOf(side).some((column) => refused.has(column.id));
  const left = refuses(rel.left);
  const right = refuses(rel.right);
  if (rel.type === 'left') return right ? 'inner' : 'left';
  if (rel.type === 'right') return left ? 'inner' : 'right';
  return left && right ? 'inner' : left ? 'left' : right ? 'right' : 'full';
}

/** Columns that, being NULL, keep the predicate from being true. */
export function refusesNull(predicate: Scalar): ReadonlySet<number> {
  switch (predicate.kind) {
    case 'and':
      return new Set(predicate.args.flatMap((arg) => [...refusesNull(arg)]));
    case 'or': {
      const [first, ...rest] = predicate.args.map(refusesNull);
      return new Set([...(first ?? [])].filter((id) => rest.every((set) => set.has(id))));
    }
    case 'not':
      return passesNullOn(predicate.arg.kind === 'isNull' ? predicate.arg.arg : predicate);
    default:
      return passesNullOn(predicate);
  }
}

/** Columns of which one NULL makes the value NULL: of AND and OR, which may still be false, none. */
function passesNullOn(scalar: Scalar): ReadonlySet<number> {
  switch (scalar.kind) {
    case 'column':
      return new Set([scalar.column.id]);
    case 'not':
      return passesNullOn(scalar.arg);
    case 'call':
      return functionByKey(scalar.fn)?.nullHandling === 'strict'
        ? new Set(scalar.args.flatMap((arg) => [...passesNullOn(arg)]))
        : new Set();
    default:
      return new Set();
  }
}
