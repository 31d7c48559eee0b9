/** A copy of a plan whose columns are all new, so that both can stand in one tree. */
import type { Column, ColumnMaker } from './column.ts';
import { everyRel, mapRel } from './deep.ts';
import type { LogicalAggregate, OrderKey, Rel } from './rel.ts';
import { columnsOf, mapInputs } from './rel.ts';
import { columnReference } from './scalar.ts';

export interface Copy {
  readonly rel: Rel;
  /** The new column for each old one. */
  readonly columns: ReadonlyMap<number, Column>;
}

/** Copies a plan (without subqueries in expressions). Definitions are shared with the original. */
export function refresh(maker: ColumnMaker, rel: Rel): Copy {
  const columns = new Map<number, Column>();
  const own = (each: Rel): void => {
    for (const column of columnsOf(each))
      if (!columns.has(column.id)) columns.set(column.id, maker.like(column));
  };
  visitWithoutDefinitions(rel, own);
  const renamed = mapRel(rel, (node) => {
    const column = node.kind === 'column' ? columns.get(node.column.id) : undefined;
    return column === undefined
      ? undefined
      : { ...columnReference(column), type: node.type, modifier: node.modifier };
  });
  return { rel: rename(renamed, columns), columns };
}

function visitWithoutDefinitions(rel: Rel, visit: (rel: Rel) => void): void {
  const definitions = new Set<Rel>();
  everyRel(rel, (each) => {
    if (definitions.has(each)) return;
    if (each.kind === 'shared')
      everyRel(each.definition.rel, (inner) => {
        definitions.add(inner);
      });
    visit(each);
  });
}

function rename(rel: Rel, columns: ReadonlyMap<number, Column>): Rel {
  const one = (column: Column): Column => columns.get(column.id) ?? column;
  const maybe = (column: Column | null): Column | null => (column === null ? null : one(column));
  const order = (keys: readonly OrderKey[]): readonly OrderKey[] =>
    keys.map((key) => ({ ...key, column: one(key.column) }));
  const mapped = mapInputs(rel, (input) => rename(input, columns));
  switch (mapped.kind) {
    case 'constant':
    case 'get':
    case 'shared':
      return { ...mapped, columns: mapped.columns.map(one) };
    case 'project':
      return {
        ...mapped,
        outputs: mapped.outputs.map((output) => ({ ...output, column: one(output.column) })),
      };
    case 'reduce':
      return {
        ...mapped,
        keys: mapped.keys.map(one),
        aggregates: mapped.aggregates.map((aggregate): LogicalAggregate => ({
          ...aggregate,
          column: one(aggregate.column),
          argument: maybe(aggregate.argument),
          argument2: maybe(aggregate.argument2),
          filter: maybe(aggregate.filter),
          order: order(aggregate.order),
        })),
      };
    case 'topk':
      return { ...mapped, keys: mapped.keys.map(one), order: order(mapped.order) };
    case 'union':
      return {
        ...mapped,
        columns: mapped.columns.map(one),
        inputs: mapped.inputs.map((input) => ({ ...input, columns: input.columns.map(one) })),
      };
    case 'flatMap':
      return { ...mapped, args: mapped.args.map(one), outputs: mapped.outputs.map(one) };
    case 'filter':
    case 'join':
    case 'apply':
    case 'distinct':
    case 'negate':
    case 'threshold':
      return mapped;
  }
}
