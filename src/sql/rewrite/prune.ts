/**
 * Projection push-down: what nobody above asks for is not computed, not carried and, at the bottom,
 * not read. A definition gives what all its uses ask for together.
 */
import type { Column } from '../logical/column.ts';
import { columnsRead } from '../logical/deep.ts';
import { columnsOf } from '../logical/rel.ts';
import type { Definition, LogicalAggregate, OrderKey, Rel } from '../logical/rel.ts';
import { columnReference } from '../logical/scalar.ts';
import type { Scalar } from '../logical/scalar.ts';
import { assert } from '../../base/assert.ts';

type Wanted = ReadonlySet<number>;

/** What is wanted of each definition, and the pruned definitions. */
class Pruning {
  readonly wanted = new Map<Definition, Set<number>>();
  readonly done = new Map<Definition, Definition>();
}

/** The same rows of `columns`. */
export function prune(rel: Rel, columns: readonly Column[]): Rel {
  const pruning = new Pruning();
  const wanted = new Set(columns.map((column) => column.id));
  collectUses(rel, wanted, pruning);
  return pruneRel(rel, wanted, pruning);
}

/** Notes what each use of a definition asks for, before any definition is pruned. */
function collectUses(rel: Rel, wanted: Wanted, pruning: Pruning): void {
  pruneRel(rel, wanted, pruning, (definition, positions) => {
    const known = pruning.wanted.get(definition) ?? new Set<number>();
    const before = known.size;
    for (const position of positions) known.add(position);
    const isNew = !pruning.wanted.has(definition);
    pruning.wanted.set(definition, known);
    if (!isNew && known.size === before) return;
    const ids = new Set([...known].map((position) => definition.columns[position]?.id ?? -1));
    collectUses(definition.rel, ids, pruning);
  });
}

type Note = (definition: Definition, positions: readonly number[]) => void;

function pruneRel(rel: Rel, wanted: Wanted, pruning: Pruning, note?: Note): Rel {
  const down = (input: Rel, need: Wanted): Rel => pruneRel(input, need, pruning, note);
  switch (rel.kind) {
    case 'constant': {
      const keep = rel.columns.flatMap((column, i) => (wanted.has(column.id) ? [i] : []));
      if (keep.length === rel.columns.length) return rel;
      return {
        ...rel,
        columns: pick(rel.columns, keep),
        rows: rel.rows.map((row) => pick(row, keep)),
      };
    }
    case 'get': {
      const keep = rel.columns.flatMap((column, i) => (wanted.has(column.id) ? [i] : []));
      return { ...rel, columns: pick(rel.columns, keep), positions: pick(rel.positions, keep) };
    }
    case 'shared':
      return pruneShared(rel, wanted, pruning, note);
    case 'project': {
      const outputs = rel.outputs.filter((output) => wanted.has(output.column.id));
      return {
        ...rel,
        outputs,
        input: down(rel.input, reads(outputs.map((output) => output.expression))),
      };
    }
    case 'filter':
      return only({ ...rel, input: down(rel.input, join(wanted, reads(rel.predicates))) }, wanted);
    case 'join':
    case 'apply': {
      const need = join(wanted, reads(rel.on));
      return only({ ...rel, left: down(rel.left, need), right: down(rel.right, need) }, wanted);
    }
    case 'reduce': {
      const aggregates = rel.aggregates.filter((aggregate) => wanted.has(aggregate.column.id));
      const need = new Set([
        ...rel.keys.map((key) => key.id),
        ...aggregates.flatMap(aggregateReads),
      ]);
      return { ...rel, aggregates, input: down(rel.input, need) };
    }
    case 'distinct':
      return { ...rel, input: down(rel.input, ids(columnsOf(rel.input))) };
    case 'topk': {
      const need = join(
        wanted,
        new Set([...rel.keys.map((key) => key.id), ...orderReads(rel.order)]),
      );
      const keepAll = rel.limit >= 0 || rel.offset > 0;
      return {
        ...rel,
        input: down(rel.input, keepAll ? join(need, ids(columnsOf(rel.input))) : need),
      };
    }
    case 'union':
      return pruneUnion(rel, wanted, down);
    case 'negate':
      return { ...rel, input: down(rel.input, wanted) };
    case 'threshold':
      return { ...rel, input: down(rel.input, ids(columnsOf(rel.input))) };
    case 'flatMap':
      return only(
        { ...rel, input: down(rel.input, join(wanted, new Set(rel.args.map((arg) => arg.id)))) },
        wanted,
      );
  }
}

/**
 * Drops columns that only the operator itself needed, so that nothing above carries or keeps them.
 */
function only(rel: Rel, wanted: Wanted): Rel {
  const columns = columnsOf(rel);
  const kept = columns.filter((column) => wanted.has(column.id));
  if (kept.length === columns.length) return rel;
  return {
    kind: 'project',
    input: rel,
    outputs: kept.map((column) => ({ column, expression: columnReference(column) })),
  };
}

function pruneUnion(
  rel: Extract<Rel, { kind: 'union' }>,
  wanted: Wanted,
  down: (input: Rel, need: Wanted) => Rel,
): Rel {
  const keep = rel.columns.flatMap((column, i) => (wanted.has(column.id) ? [i] : []));
  const inputs = rel.inputs.map((input) => {
    const columns = pick(input.columns, keep);
    return { rel: down(input.rel, ids(columns)), columns };
  });
  return { ...rel, inputs, columns: pick(rel.columns, keep) };
}

function pruneShared(
  rel: Extract<Rel, { kind: 'shared' }>,
  wanted: Wanted,
  pruning: Pruning,
  note?: Note,
): Rel {
  const asked = rel.columns.flatMap((column, i) => (wanted.has(column.id) ? [i] : []));
  if (note !== undefined) {
    note(rel.definition, asked);
    return rel;
  }
  const union = pruning.wanted.get(rel.definition);
  assert(union !== undefined, 'every use of a definition was noted');
  const keep = rel.columns.flatMap((_, i) => (union.has(i) ? [i] : []));
  let definition = pruning.done.get(rel.definition);
  if (definition === undefined) {
    const columns = pick(rel.definition.columns, keep);
    definition = {
      ...rel.definition,
      columns,
      rel: pruneRel(rel.definition.rel, ids(columns), pruning),
    };
    pruning.done.set(rel.definition, definition);
  }
  return { kind: 'shared', definition, columns: pick(rel.columns, keep) };
}

function pick<T>(list: readonly T[], keep: readonly number[]): readonly T[] {
  const kept = new Set(keep);
  return list.filter((_, i) => kept.has(i));
}

function ids(columns: readonly Column[]): Wanted {
  return new Set(columns.map((column) => column.id));
}

function join(a: Wanted, b: Wanted): Wanted {
  return new Set([...a, ...b]);
}

function reads(scalars: readonly Scalar[]): Wanted {
  return new Set(scalars.flatMap((scalar) => [...columnsRead(scalar).keys()]));
}

function orderReads(order: readonly OrderKey[]): readonly number[] {
  return order.map((key) => key.column.id);
}

function aggregateReads(aggregate: LogicalAggregate): readonly number[] {
  return [
    ...[aggregate.argument, aggregate.argument2, aggregate.filter].flatMap((column) =>
      column === null ? [] : [column.id],
    ),
    ...orderReads(aggregate.order),
  ];
}
