/**
 * Answers in a form that can be compared with what Postgres sends: columns as `name:type:modifier`,
 * cells as output text. Plans are evaluated by the plain reference of the operators.
 */
import { castBetween, functionByKey } from '../../../dataflow/expr/function-table.ts';
import { evaluate } from '../../../dataflow/operators/reference.ts';
import { compareDatums } from '../../../dataflow/value/datum-column.ts';
import type { Datum, Row, Update } from '../../../dataflow/value/datum.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { defined } from '../../../src/base/assert.ts';
import { SqlError } from '../../../src/base/error.ts';
import type { Mode } from '../../../src/sql/bind/context.ts';
import type { CatalogView } from '../../../src/sql/catalog-view.ts';
import type { PlannedQuery } from '../../../src/sql/planned.ts';
import { noParameters, planQuery } from '../../../src/sql/plan-query.ts';
import { parseQuery } from './catalog.ts';

/** What a query gives; `error` has the SQLSTATE. */
export type Answer =
  | { readonly columns: readonly string[]; readonly rows: readonly (readonly (string | null)[])[] }
  | {
      readonly error: string;
      readonly message: string;
      readonly position?: number;
      readonly hint?: string;
      readonly detail?: string;
    };

/** Plans and evaluates a query. */
export function answerOf(
  sql: string,
  mode: Mode,
  catalog: CatalogView,
  contents: ReadonlyMap<number, readonly Update[]>,
): Answer {
  try {
    const planned = planQuery(parseQuery(sql), catalog, { parameters: noParameters, mode });
    const { rows, errors } = evaluate(planned.plan, contents);
    const [failed] = errors;
    if (failed !== undefined) return { error: failed.error.code, message: failed.error.message };
    return {
      columns: planned.columns.map(
        (column) => `${column.name}:${column.type.name}:${column.type.modifier}`,
      ),
      rows: finished(planned, rows),
    };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const { code, ...fields } = error.fields;
    return { error: code, ...fields };
  }
}

/** ORDER BY, LIMIT, OFFSET and the projection of a one-off answer; rows as text. */
export function finished(
  planned: PlannedQuery,
  updates: readonly Update[],
): readonly (readonly (string | null)[])[] {
  const { order, limit, offset, project } = planned.finishing;
  const types = defined(planned.plan.nodes[planned.plan.root], 'a plan has its root').columns;
  const compare = (a: Row, b: Row): number => {
    for (const key of order) {
      const x = a[key.column] ?? null;
      const y = b[key.column] ?? null;
      if (x === null && y === null) continue;
      if (x === null) return key.nullsFirst ? -1 : 1;
      if (y === null) return key.nullsFirst ? 1 : -1;
      const sign = compareDatums(defined(types[key.column], 'keys are columns').type, x, y);
      if (sign !== 0) return key.descending ? -sign : sign;
    }
    return 0;
  };
  const rows = updates.flatMap(({ row, weight }) => Array<Row>(weight).fill(row)).toSorted(compare);
  return rows
    .slice(offset, limit < 0 ? undefined : offset + limit)
    .map((row) =>
      project.map((column) =>
        datumOutput(row[column] ?? null, defined(types[column], 'outputs are columns').type),
      ),
    );
}

/** The output text of a value. */
function datumOutput(value: Datum, type: TypeName): string | null {
  if (value === null || typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  const cast = defined(castBetween(type, 'text'), `${type} has an output`);
  const { evaluate: output } = defined(functionByKey(cast.key), 'casts are in the table');
  return String(defined(output, 'casts are evaluated')([value], { args: [type], result: 'text' }));
}
