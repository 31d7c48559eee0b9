/**
 * INSERT of many rows of literals without a plan: the rows become values slice by slice, so that
 * whoever runs it can give others their turn in between. Rows, errors and their order are those of
 * `planWrite`, which is the way for everything else and for any doubt here.
 */
import type { Datum, Row } from '../../dataflow/value/datum.ts';
import { defined } from '../base/assert.ts';
import { SqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { LiteralRows, Statement } from './ast.ts';
import { defaultOf } from './bind/assign.ts';
import { BindContext } from './bind/context.ts';
import type { Environment } from './bind/environment.ts';
import { checkWidth, targetColumns } from './bind/insert.ts';
import { cellReader } from './bind/literal-cells.ts';
import type { CellReader } from './bind/literal-cells.ts';
import { topEnvironment } from './bind/query.ts';
import type { CatalogView, Relation } from './catalog-view.ts';
import type { Scalar } from './logical/scalar.ts';
import { evaluateScalar } from './plan-constant.ts';
import type { InsertStatement } from './plan-write.ts';
import { writableTable } from './plan-write.ts';
import type { PlanOptions } from './plan-query.ts';

/** The literals of a statement that this way is for; null for any other statement. */
export function literalsOf(statement: InsertStatement): LiteralRows | null {
  const { source, returning } = statement;
  return source !== 'default values' && source.kind === 'literals' && returning.length === 0
    ? source
    : null;
}

/** Rows of a table, slice by slice. */
export interface LiteralInsert {
  readonly table: Relation;
  /** The next rows; null if a value has an effect. Throws SqlError. */
  readonly slices: Generator<readonly Row[] | null, void>;
}

/** Starts the INSERT of a statement with literals. Throws what its head is wrong about. */
export function planLiterals(
  statement: InsertStatement,
  literals: LiteralRows,
  catalog: CatalogView,
  options: PlanOptions,
): LiteralInsert {
  const context = new BindContext(catalog, 'once', options.parameters);
  const table = writableTable(statement.table, catalog, 'insert');
  const environment: Environment = { ...topEnvironment(context), clause: 'VALUES' };
  const targets = targetColumns(statement, table);
  const excess = literals.width > targets.length ? literals.expression(targets.length) : null;
  checkWidth(literals.width, targets, statement, excess?.position ?? 0);
  const readers = columnReaders(literals, table, targets, environment);
  return { table, slices: slices(literals, readers, () => context.effects.length > 0) };
}

/** True if the statement is an INSERT that goes this way. Throws what is wrong about any row. */
export function checkLiterals(statement: Statement, catalog: CatalogView): boolean {
  const literals = statement.kind === 'insert' ? literalsOf(statement) : null;
  if (statement.kind !== 'insert' || literals === null) return false;
  const options: PlanOptions = { parameters: { types: [], values: null }, mode: 'once' };
  for (const slice of planLiterals(statement, literals, catalog, options).slices)
    if (slice === null) return false;
  return true;
}

/** How each column of the table gets its value from the first cell of a row. */
function columnReaders(
  literals: LiteralRows,
  table: Relation,
  targets: readonly number[],
  environment: Environment,
): readonly CellReader[] {
  return table.columns.map((column, i): CellReader => {
    const at = targets.indexOf(i);
    if (at >= 0 && at < literals.width) {
      const read = cellReader(literals, table, i, column, environment);
      return (first) => read(first + at);
    }
    const none = { plain: null };
    const hasDefault = (table.defaults?.[i] ?? null) !== null;
    return hasDefault ? () => defaultOf(table, i, environment) : () => none;
  });
}

function* slices(
  literals: LiteralRows,
  readers: readonly CellReader[],
  hasEffects: () => boolean,
): Generator<readonly Row[] | null, void> {
  const { rows, width } = literals;
  const sliceRows = Math.max(1, Math.floor(limits.literalSliceCells / Math.max(1, readers.length)));
  const failure: Failure = { first: null };
  for (let row = 0; row < rows; row += sliceRows) {
    const slice: Row[] = [];
    for (let each = row; each < Math.min(rows, row + sliceRows); each++)
      slice.push(rowOf(readers, each * width, failure));
    yield hasEffects() ? null : slice;
  }
  if (failure.first !== null) throw failure.first;
}

/**
 * The first value that cannot be computed, as opposed to written: as in every statement that is
 * heard of when all of it has been understood.
 */
interface Failure {
  first: SqlError | null;
}

function rowOf(readers: readonly CellReader[], first: number, failure: Failure): Row {
  const values: Datum[] = new Array<Datum>(readers.length).fill(null);
  for (let i = 0; i < readers.length; i++) {
    const cell = defined(readers[i], 'a reader per column')(first);
    if ('plain' in cell) values[i] = cell.plain;
    else if (cell.kind === 'constant') values[i] = cell.value;
    else values[i] = computed(cell, failure);
  }
  return values;
}

function computed(scalar: Scalar, failure: Failure): Datum {
  try {
    return evaluateScalar(scalar);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    failure.first ??= error;
    return null;
  }
}
