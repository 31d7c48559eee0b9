/**
 * INSERT, UPDATE and DELETE: the planned query gives old rows and new rows side by side; the old
 * ones are retracted and the new ones added in one step.
 *
 * An INSERT of values waits in the transaction until it ends. What reads before it writes (UPDATE,
 * DELETE, INSERT … SELECT) runs alone among its like, reads the newest step and is written at once,
 * so that nothing that it read can have been changed by another of them.
 */
import { defined } from '../../base/assert.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { PackedBatch } from '../../../dataflow/graph/command.ts';
import type { Row } from '../../../dataflow/value/datum.ts';
import type { ColumnType } from '../../../dataflow/value/type.ts';
import { constantRows } from '../../sql/plan-constant.ts';
import { literalsOf, planLiterals } from '../../sql/plan-literals.ts';
import type { InsertStatement, PlannedWrite, WriteStatement } from '../../sql/plan-write.ts';
import { planWrite } from '../../sql/plan-write.ts';
import type { LiteralRows } from '../../sql/ast.ts';
import type { Relation } from '../../sql/catalog-view.ts';
import { keepsNotNull, rowTypes } from '../insert-slot.ts';
import { turn } from '../turn.ts';
import { multiplicity } from '../row-window.ts';
import { batchStream, columnTypes, packDatums } from '../row-stream.ts';
import type { Outcome } from '../session.ts';
import type { WriteInput } from '../write-groups.ts';
import { inputOf, packedInput } from '../write-groups.ts';
import { command } from './context.ts';
import type { ExecutionContext } from './context.ts';
import { collect } from './select.ts';

interface Input {
  readonly collection: number;
  readonly batch: PackedBatch;
}

/** Some columns of a batch, in the same buffer. */
export function pickColumns(batch: PackedBatch, columns: readonly number[]): PackedBatch {
  return {
    ...batch,
    column: Int32Array.from(columns, (c) => batch.column[c] ?? 0),
    nulls: Int32Array.from(columns, (c) => batch.nulls[c] ?? -1),
  };
}

/** The same rows with weights of the other sign, in a buffer of their own. */
function negated(batch: PackedBatch): PackedBatch {
  const words = batch.buffer.byteLength >> 2;
  const copy = new Int32Array(words);
  copy.set(new Int32Array(batch.buffer));
  for (let row = 0; row < batch.rows; row++)
    copy[batch.weight + row] = -(copy[batch.weight + row] ?? 0);
  return { ...batch, buffer: copy.buffer };
}

/** Throws 23502 if a column that may not be NULL holds one. */
export function requireNotNull(table: Relation, batch: PackedBatch): void {
  const bytes = new Uint8Array(batch.buffer);
  table.columns.forEach((column, c) => {
    const at = batch.nulls[c] ?? -1;
    if (column.nullable || at < 0) return;
    if (!bytes.subarray(at, at + batch.rows).includes(1)) return;
    throw sqlError(
      '23502',
      `null value in column "${column.name}" of relation "${table.name}" violates not-null constraint`,
    );
  });
}

/** The rows of a query that reads nothing, computed here; null for any other. */
function computedRows({ query }: PlannedWrite): readonly Row[] | null {
  const { project, order, limit, offset } = query.finishing;
  if (order.length > 0 || limit >= 0 || offset > 0) return null;
  const rows = constantRows(query.plan);
  if (rows === null) return null;
  return rows.flatMap(({ row, weight }) =>
    new Array<Row>(weight).fill(project.map((c) => row[c] ?? null)),
  );
}

/** The result of the planned query: computed here if it reads nothing, else by the engine. */
async function affected(
  context: ExecutionContext,
  planned: PlannedWrite,
): Promise<readonly PackedBatch[]> {
  const rows = computedRows(planned);
  if (rows === null) return collect(context, planned.query, context.coordinator.timeline.complete);
  if (rows.length === 0) return [];
  const types: readonly ColumnType[] = columnTypes(planned.query.columns).map((type) => ({
    ...type,
    nullable: true,
  }));
  return [packDatums(types, rows)];
}

/** INSERT of a few values, which may travel with those of others; null if it is something else. */
async function insertValues(
  context: ExecutionContext,
  planned: PlannedWrite,
): Promise<Outcome | null> {
  const { table, returning, newRow } = planned;
  if (returning !== null) return null;
  const rows = computedRows(planned)?.map((row) => newRow.map((c) => row[c] ?? null));
  if (rows === undefined || !keepsNotNull(table, rows)) return null;
  if (rows.length > 0)
    await gather(context, table, [inputOf(table.collection, rowTypes(table), rows)]);
  return command(`INSERT 0 ${rows.length}`);
}

function changes(planned: PlannedWrite, batches: readonly PackedBatch[]): readonly Input[] {
  const { collection } = planned.table;
  return batches.flatMap((batch) => {
    const inputs: Input[] = [];
    if (planned.newRow.length > 0) {
      const added = pickColumns(batch, planned.newRow);
      requireNotNull(planned.table, added);
      inputs.push({ collection, batch: added });
    }
    if (planned.oldRow.length > 0)
      inputs.push({ collection, batch: negated(pickColumns(batch, planned.oldRow)) });
    return inputs;
  });
}

function outcome(planned: PlannedWrite, batches: readonly PackedBatch[], word: string): Outcome {
  const rows = batches.reduce((sum, batch) => sum + multiplicity(batch), 0);
  const tag = `${word} ${rows}`;
  if (planned.returning === null) return command(tag);
  const { returning } = planned;
  const copies = batches.map((batch) =>
    pickColumns({ ...batch, buffer: batch.buffer.slice(0) }, returning),
  );
  return batchStream(defined(planned.columns, 'RETURNING has columns'), copies, () => tag);
}

/**
 * Gathers rows that an INSERT or COPY adds until the transaction ends. A key that is there already
 * is found at once, and looked for again when they are written, as others may write in between.
 */
export async function gather(
  context: ExecutionContext,
  table: Relation,
  inputs: readonly WriteInput[],
): Promise<void> {
  const {
    coordinator: { uniqueKeys, timeline },
    session: { transaction },
  } = context;
  if (inputs.some((input) => uniqueKeys.has(input.collection))) {
    const added = uniqueKeys.added(inputs);
    await (added === null
      ? uniqueKeys.check(inputs.map(packedInput), timeline.complete)
      : uniqueKeys.requireAbsent(added, timeline.complete));
    // What came by the short way of a prepared statement has not been compared with anything yet.
    if (transaction.keys.size === 0)
      uniqueKeys.gather(transaction.keys, transaction.writes.map(packedInput));
    uniqueKeys.gather(transaction.keys, inputs.map(packedInput));
  }
  for (const input of inputs) transaction.insert({ ...input, table });
}

/**
 * Reads and writes while no other statement of the kind does. It is planned when its turn comes,
 * since the catalog may change while it waits; until then it can be cancelled.
 */
async function readThenWrite(
  context: ExecutionContext,
  plan: () => PlannedWrite,
  word: string,
): Promise<Outcome> {
  const { coordinator, session, cancellation } = context;
  await cancellation.race(session.transaction.flush());
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const done = coordinator.exclusively(async () => {
    begin();
    cancellation.check();
    const planned = plan();
    const batches = await affected(context, planned);
    const result = outcome(planned, batches, word);
    const inputs = changes(planned, batches);
    if (inputs.length > 0) await coordinator.writeAlone(inputs);
    return result;
  });
  // If the statement is given up while it waits, nobody else hears of its end.
  done.catch(() => undefined);
  await cancellation.race(begun);
  return done;
}

/**
 * INSERT of many literals: the rows are made slice by slice, and others get their turn in between.
 * null if it has to go the way of every other statement.
 */
async function insertLiterals(
  context: ExecutionContext,
  statement: InsertStatement,
  literals: LiteralRows,
): Promise<Outcome | null> {
  const { session, coordinator, cancellation, parameters } = context;
  const { catalog } = coordinator;
  const { version } = catalog;
  const planned = planLiterals(statement, literals, session.catalog(), {
    parameters,
    mode: 'once',
  });
  const { table } = planned;
  const types = rowTypes(table);
  const inputs: Input[] = [];
  for (const rows of planned.slices) {
    if (rows === null) return null;
    inputs.push({ collection: table.collection, batch: packDatums(types, rows) });
    await turn(coordinator.clock);
    cancellation.check();
    if (catalog.version !== version) return null;
  }
  for (const { batch } of inputs) requireNotNull(table, batch);
  await gather(context, table, inputs);
  return command(`INSERT 0 ${literals.rows}`);
}

const words = { insert: 'INSERT 0', update: 'UPDATE', delete: 'DELETE' } as const;

/** INSERT, UPDATE, DELETE, with RETURNING. Throws 23502 and what the query is wrong about. */
export async function write(
  context: ExecutionContext,
  statement: WriteStatement,
): Promise<Outcome> {
  const { session } = context;
  const word = words[statement.kind];
  if (statement.kind !== 'insert') session.transaction.refuseInBlock(word);
  session.transaction.use('insert');
  const literals = statement.kind === 'insert' ? literalsOf(statement) : null;
  if (statement.kind === 'insert' && literals !== null) {
    const inserted = await insertLiterals(context, statement, literals);
    if (inserted !== null) return inserted;
  }
  const plan = (): PlannedWrite =>
    planWrite(statement, session.catalog(), { parameters: context.parameters, mode: 'once' });
  const planned = plan();
  if (planned.query.effects !== undefined)
    throw unsupported(`a function that does something in ${statement.kind.toUpperCase()}`);
  if (statement.kind !== 'insert' || (!planned.query.constant && !session.transaction.inBlock)) {
    const { catalog } = context.coordinator;
    const { version } = catalog;
    return readThenWrite(context, () => (catalog.version === version ? planned : plan()), word);
  }
  const inserted = await insertValues(context, planned);
  if (inserted !== null) return inserted;
  const batches = await affected(context, planned);
  const result = outcome(planned, batches, word);
  await gather(context, planned.table, changes(planned, batches));
  return result;
}
