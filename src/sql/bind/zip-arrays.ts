/**
 * Several arrays unnested side by side, or one with its row numbers: `unnest(a, b)`, `unnest(a)
 * WITH ORDINALITY`, two `unnest` calls in a select list. The rows count up to the longest array,
 * and each column takes its array's element of that number: beyond the end that is NULL.
 */
import { functionByKey, functionsNamed } from '../../../dataflow/expr/function-table.ts';
import { defined } from '../../base/assert.ts';
import type { Column } from '../logical/column.ts';
import type { Output, Rel } from '../logical/rel.ts';
import { columnsOf } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { coalesce, columnReference, constant } from '../logical/scalar.ts';
import { callEntry } from './coerce.ts';
import type { BindContext } from './context.ts';

/**
 * The rows of `input`, each with the elements of its arrays in `columns`, and their numbers in
 * `ordinal`.
 */
export function zipArrays(
  context: BindContext,
  input: Rel,
  arrays: readonly Scalar[],
  columns: readonly Column[],
  ordinal: Column | null,
): Rel {
  const made = (name: string, type: Column['type']): Column =>
    context.columns.make(name, { name: type, modifier: -1 });
  const keep = (column: Column): Output => ({ column, expression: columnReference(column) });
  const sources = arrays.map((expression): Output => ({
    column: made('array', expression.type),
    expression,
  }));
  const count = entryOf('cardinality');
  const lengths = arrays.map((array) =>
    coalesce([callEntry(count, [array], 'int4'), constant(0, 'int4')], 'int4'),
  );
  const length = {
    column: made('length', 'int4'),
    expression: callEntry(entryOf('greatest'), lengths, 'int4'),
  };
  const first = { column: made('first', 'int4'), expression: constant(1, 'int4') };
  const series = defined(
    functionsNamed('generate_series').find((entry) => entry.args.join() === 'int4,int4'),
    'int4 has a series',
  );
  const number = made('ordinality', 'int4');
  const numbered: Rel = {
    kind: 'flatMap',
    fn: series.key,
    args: [first.column, length.column],
    outputs: [number],
    input: {
      kind: 'project',
      input,
      outputs: [...columnsOf(input).map(keep), ...sources, first, length],
    },
  };
  const elements = columns.map((column, i): Output => {
    const source = defined(sources[i], 'an array per column').column;
    return {
      column,
      expression: callEntry(
        entryOf('array_element'),
        [columnReference(source), columnReference(number)],
        column.type,
      ),
    };
  });
  const cast = defined(functionByKey('cast(int4,int8)'), 'int4 becomes int8');
  const order =
    ordinal === null
      ? []
      : [{ column: ordinal, expression: callEntry(cast, [columnReference(number)], 'int8') }];
  return {
    kind: 'project',
    input: numbered,
    outputs: [...columnsOf(input).map(keep), ...elements, ...order],
  };
}

function entryOf(name: string): ReturnType<typeof functionsNamed>[number] {
  return defined(functionsNamed(name)[0], `${name} is in the table`);
}
