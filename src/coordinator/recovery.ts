/**
 * What happens between reading the log and the first client: the catalog is as it was, tables have
 * their rows again, sources read on, views are hydrated anew. Dataflows start in the order in which
 * their objects were made, so each finds what it reads.
 *
 * Tables get their rows by the steps of the log, each at its own number and time; steps in between
 * that had no rows of tables are passed over. A source that keeps its rows reads its topic from the
 * start; until it has what it had (`SourceRuntime.onCaughtUp`), statements that read it wait.
 */
import { assert, defined } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { SessionCatalog } from '../catalog/session-catalog.ts';
import type {
  CatalogObject,
  IndexObject,
  MaterializedViewObject,
  TableObject,
  ViewObject,
} from '../catalog/object.ts';
import type { Plan } from '../../dataflow/plan/plan.ts';
import type { RecordReader } from '../storage/log-reader.ts';
import { decodeStep } from '../storage/step-record.ts';
import type { Query } from '../sql/ast.ts';
import { noParameters, planQuery } from '../sql/plan-query.ts';
import type { Coordinator } from './coordinator.ts';
import type { RecoveredState } from './recovered-state.ts';
import { runtimeOf } from './runtime.ts';
import { SessionRegistry } from './session-registry.ts';
import { defaultDatabase, defaultUser } from './session-state.ts';
import { wholeOf } from './statement/index.ts';

/** Restores a coordinator that has done nothing yet; `replay` reads the log once more. */
export async function recover(
  coordinator: Coordinator,
  state: RecoveredState,
  replay: (each: RecordReader) => Promise<void>,
): Promise<void> {
  const { catalog, engine, timeline, journal } = coordinator;
  if (state.isNew) {
    for (const object of catalog.objects()) journal.put(object);
    await journal.settled();
    return;
  }
  const objects = state.objects();
  catalog.restore(objects.map(withoutRows), state.counters.oid);
  engine.reserveNumbers(state.counters.number);
  const tables = objects.filter((object) => object.kind === 'table');
  for (const table of tables) startTable(coordinator, table);
  await refill(coordinator, state, new Set(tables.map(({ collection }) => collection)), replay);
  // What can be read from now on is the last step, whether or not it had rows of tables.
  const { step, time } = state.last;
  if (step > timeline.sealed) await timeline.resend(step, time, []);
  const views = new Map(
    objects.flatMap((object) => (object.kind === 'view' ? [[object.oid, object]] : [])),
  );
  for (const object of objects) start(coordinator, { state, views }, object);
}

/** A view keeps no rows until its first index is there: what was made before reads its query. */
function withoutRows(object: CatalogObject): CatalogObject {
  return object.kind === 'view' ? { ...object, indexed: null } : object;
}

/** What is known from the log. */
interface Known {
  readonly state: RecoveredState;
  /** Views with the rows that they keep, by oid. */
  readonly views: ReadonlyMap<number, ViewObject>;
}

function startTable(coordinator: Coordinator, table: TableObject): void {
  const { collection, columns } = table;
  coordinator.engine.send({
    kind: 'createCollection',
    collection,
    stored: true,
    columns: columns.map((column) => ({ type: column.type.name, nullable: column.nullable })),
  });
  for (const index of coordinator.catalog.dependents(table.oid)) {
    if (index.kind === 'index') startIndex(coordinator, index, collection);
  }
}

function startIndex(coordinator: Coordinator, index: IndexObject, collection: number): void {
  coordinator.engine.send({ kind: 'createIndex', collection, key: index.key });
  if (!index.primary) return;
  const table = coordinator.catalog.byOid(index.on);
  assert(table?.kind === 'table', 'a primary key belongs to a table');
  const { name, key } = index;
  coordinator.uniqueKeys.declare(collection, { name, columns: table.columns, key });
}

/** Gives the tables their rows, a few steps at a time. */
async function refill(
  { timeline }: Coordinator,
  state: RecoveredState,
  collections: ReadonlySet<number>,
  replay: (each: RecordReader) => Promise<void>,
): Promise<void> {
  const underWay: Promise<number>[] = [];
  await replay(async (bytes) => {
    const { step, time, tables } = decodeStep(bytes);
    const inputs = tables.filter(
      ({ collection }, i) => collections.has(collection) && !state.isRefused(step, i),
    );
    if (inputs.length === 0) return;
    underWay.push(timeline.resend(step, time, inputs));
    if (underWay.length > limits.recoveryStepsInFlightMax) await underWay.shift();
  });
  await Promise.all(underWay);
}

function start(coordinator: Coordinator, known: Known, object: CatalogObject): void {
  switch (object.kind) {
    case 'schema':
    case 'connection':
    case 'table':
    case 'view':
      return;
    case 'source':
      return coordinator.startSource(object, known.state.offsets(object.collection));
    case 'materialized view': {
      const plan = planOf(coordinator, object, object.query);
      return coordinator.startDataflow(object.dataflow, plan, object.collection);
    }
    case 'index':
      return startOther(coordinator, known, object);
  }
}

/** An index on anything but a table; the first one of a view keeps the view's rows. */
function startOther(coordinator: Coordinator, { views }: Known, index: IndexObject): void {
  const { catalog } = coordinator;
  const on = catalog.byOid(index.on);
  if (on?.kind === 'source' || on?.kind === 'materialized view')
    return startIndex(coordinator, index, on.collection);
  if (on?.kind !== 'view') return;
  const view = defined(views.get(on.oid), 'the view is in the log');
  const { collection, dataflow } = defined(view.indexed, 'an indexed view keeps its rows');
  if (on.indexed === null) {
    const plan = planOf(coordinator, on, wholeOf(on));
    catalog.reinstate(view);
    coordinator.startDataflow(dataflow, plan, collection);
  }
  startIndex(coordinator, index, collection);
}

/** The plan of a view's rows, with names looked up as when the view was made. */
function planOf(
  coordinator: Coordinator,
  { searchPath }: ViewObject | MaterializedViewObject,
  query: Query,
): Plan {
  const { catalog } = coordinator;
  const runtime = runtimeOf(coordinator, new SessionRegistry(coordinator));
  const view = new SessionCatalog(catalog, {
    system: { catalog, runtime, database: defaultDatabase, user: defaultUser },
    searchPath,
    nowMicroseconds: 0n,
    setting: () => undefined,
  });
  return planQuery(query, view, { parameters: noParameters, mode: 'maintained' }).plan;
}
