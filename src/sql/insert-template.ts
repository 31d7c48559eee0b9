/**
 * INSERT of values that is planned once and executed often: the plan of a prepared statement with
 * its parameters open. An execution fills in values and computes the rows on the spot; where every
 * cell is a parameter or a constant, as in most statements, a row is put together from those.
 */
import type { Plan } from '../../dataflow/plan/plan.ts';
import type { Datum, Row } from '../../dataflow/value/datum.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import { defined } from '../base/assert.ts';
import { SqlError } from '../base/error.ts';
import { BindContext } from './bind/context.ts';
import type { CatalogView, Relation } from './catalog-view.ts';
import { constantRows } from './plan-constant.ts';
import { fillProgram } from './plan-template.ts';
import type { InsertStatement } from './plan-write.ts';
import { planWriteIn } from './plan-write.ts';

/** One column of a row: the number of a parameter, from 1, or 0 for the constant. */
interface Cell {
  readonly parameter: number;
  readonly constant: Datum;
}

/** What executions of one prepared INSERT share. */
export interface InsertTemplate {
  readonly table: Relation;
  readonly plan: Plan;
  /** Positions of the table's columns in the plan's rows. */
  readonly project: readonly number[];
  /** The row, if there is one and nothing in it is computed. */
  readonly cells: readonly Cell[] | null;
}

/**
 * The template of an INSERT, or null if it has none: it reads something, has RETURNING or an
 * effect, or its values depend on the time or the session.
 */
export function planInsertTemplate(
  statement: InsertStatement,
  catalog: CatalogView,
  types: readonly TypeName[],
): InsertTemplate | null {
  const { source, returning } = statement;
  if (returning.length > 0) return null;
  // Rows of literals are not put into the syntax tree that a plan is made of.
  if (source !== 'default values' && source.kind === 'literals') return null;
  const context = new BindContext(catalog, 'once', { types, values: null });
  try {
    const { table, query, newRow } = planWriteIn(context, statement);
    const { plan, finishing } = query;
    const plain = finishing.order.length === 0 && finishing.limit < 0 && finishing.offset <= 0;
    if (!context.repeatable || !plain || !query.constant || query.effects !== undefined)
      return null;
    if (!plan.nodes.every(({ kind }) => kind === 'constant' || kind === 'mfp' || kind === 'union'))
      return null;
    const project = newRow.map((c) => defined(finishing.project[c], 'a column of the result'));
    return { table, plan, project, cells: cellsOf(plan, project) };
  } catch (error) {
    // Planning with the values at hand will tell, if it fails too.
    if (error instanceof SqlError) return null;
    throw error;
  }
}

/** The cells of the one row of a plan that computes nothing; null for any other. */
function cellsOf({ nodes, root }: Plan, project: readonly number[]): readonly Cell[] | null {
  const last = nodes[root];
  if (last?.kind !== 'mfp' || last.program.filters.length > 0) return null;
  const input = nodes[last.input];
  if (input?.kind !== 'constant' || input.rows.length !== 1 || input.rows[0]?.weight !== 1)
    return null;
  const { program } = last;
  const cells = project.flatMap((column): readonly Cell[] => {
    const node = program.nodes[program.outputs[column] ?? -1];
    return node?.kind === 'constant'
      ? [{ parameter: node.parameter ?? 0, constant: node.value }]
      : [];
  });
  return cells.length === project.length ? cells : null;
}

/**
 * The rows of one execution, in the order of the table's columns; null if they have to be planned
 * with their values, which tells what is wrong with them.
 */
export function fillInsert(
  { plan, project, cells }: InsertTemplate,
  values: readonly Datum[],
): readonly Row[] | null {
  if (cells !== null) {
    return [
      cells.map(({ parameter, constant }) =>
        parameter === 0 ? constant : (values[parameter - 1] ?? null),
      ),
    ];
  }
  const nodes = plan.nodes.map((node) =>
    node.kind === 'mfp' ? { ...node, program: fillProgram(node.program, values) } : node,
  );
  try {
    const updates = defined(constantRows({ ...plan, nodes }), 'the plan reads nothing');
    return updates.flatMap(({ row, weight }) =>
      new Array<Row>(weight).fill(project.map((c) => row[c] ?? null)),
    );
  } catch (error) {
    if (error instanceof SqlError) return null;
    throw error;
  }
}
