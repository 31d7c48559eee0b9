/**
 * What happens between reading the log and the first client: the catalog is as it was, tables have
 * their rows again, sources read on, views go on. Dataflows start in the order in which their
 * objects were made, so each finds what it reads.
 *
 * What a checkpoint has is loaded first. Tables then get their rows by the steps of the log, each
 * at its own number and time; steps in between that had no rows of tables are passed over. A source
 * that keeps its rows reads its topic from where the checkpoint, or it itself, began; until it has
 * what it had (`SourceRuntime.onCaughtUp`), statements that read it wait. Views that the checkpoint
 * does not have, or has of another plan, are hydrated when all that is there. A view that this
 * release cannot plan is there and says why when it is read; nothing else is concerned.
 */
import { assert, defined } from '../base/assert.ts';
import type { ErrorFields } from '../base/error.ts';
import { SqlError } from '../base/error.ts';
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
import type { PieceReader } from '../storage/checkpoint-reader.ts';
import type { RecordReader } from '../storage/log-reader.ts';
import { decodeStep } from '../storage/step-record.ts';
import type { Query } from '../sql/ast.ts';
import { noParameters, planQuery } from '../sql/plan-query.ts';
import type { Coordinator } from './coordinator.ts';
import type { RecoveredState } from './recovered-state.ts';
import { runtimeOf } from './runtime.ts';
import { SavedState } from './saved-state.ts';
import { SessionRegistry } from './session-registry.ts';
import { defaultDatabase, defaultUser } from './session-state.ts';
import { wholeOf } from './statement/index.ts';
import { turn } from './turn.ts';

/** Where what was comes from. */
export interface RecoveryPlace {
  /** Reads the log once more. */
  replay(each: RecordReader): Promise<void>;
  /** Reads the pieces of the checkpoint. */
  readPieces(each: PieceReader): Promise<void>;
}

/** Restores a coordinator that has done nothing yet. */
export async function recover(
  coordinator: Coordinator,
  state: RecoveredState,
  place: RecoveryPlace,
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
  const saved = new SavedState(state.checkpoint);
  const views = new Map(
    objects.flatMap((object) => (object.kind === 'view' ? [[object.oid, object]] : [])),
  );
  const known: Known = { state, views, saved, started: new Set() };
  if (saved.at !== null) {
    const { step, time } = saved.at;
    engine.send({ kind: 'restore', step, time });
    timeline.standAt(step, time);
  }
  const beginAll = async (): Promise<void> => {
    for (const object of objects) {
      begin(coordinator, known, object);
      // The disk has a turn: what it gives is needed next.
      if (saved.at !== null) await turn(coordinator.clock);
    }
  };
  if (saved.at === null) await beginAll();
  else await load(coordinator, place, beginAll);
  const tables = objects.filter((object) => object.kind === 'table');
  const collections = new Set(tables.map(({ collection }) => collection));
  await refill(coordinator, state, collections, (each) => place.replay(each));
  // What can be read from now on is the last step, whether or not it had rows of tables.
  const { step, time } = state.last;
  if (step > timeline.sealed) await timeline.resend(step, time, []);
  for (const object of objects) start(coordinator, known, object);
  coordinator.catchUp();
}

/**
 * Gives the engine all that the checkpoint has, once `begin` has made what that belongs to: the
 * first of it is read meanwhile.
 */
async function load(
  { engine }: Coordinator,
  place: RecoveryPlace,
  begin: () => Promise<void>,
): Promise<void> {
  const begun = Promise.withResolvers<void>();
  const reading = place.readPieces(async (image, piece) => {
    await begun.promise;
    const words = piece.byteLength / 4;
    return engine.load(image, new Int32Array(piece.buffer, piece.byteOffset, words));
  });
  // If the beginning fails this fails for the same reason.
  reading.catch(() => undefined);
  await begin().then(begun.resolve, begun.reject);
  await reading;
  await engine.loaded();
}

/** A view keeps no rows until its first index is there: what was made before reads its query. */
function withoutRows(object: CatalogObject): CatalogObject {
  return object.kind === 'view' ? { ...object, indexed: null } : object;
}

/** What is known of the time before. */
interface Known {
  readonly state: RecoveredState;
  /** Views with the rows that they keep, by oid. */
  readonly views: ReadonlyMap<number, ViewObject>;
  readonly saved: SavedState;
  /** Oids of views and of their indexes that have been started. */
  readonly started: Set<number>;
}

/**
 * What has to be there before the checkpoint is loaded and the log is read: tables, sources, and
 * the views whose state is in the checkpoint.
 */
function begin(coordinator: Coordinator, known: Known, object: CatalogObject): void {
  const { state, saved } = known;
  switch (object.kind) {
    case 'table':
      return beginTable(coordinator, object, saved);
    case 'source': {
      const offsets = state.offsets(object);
      return coordinator.makeSource(object, offsets, (one) => saved.collection(one));
    }
    case 'materialized view':
    case 'index':
      return startMaintained(coordinator, known, object, true);
    case 'schema':
    case 'secret':
    case 'source group':
    case 'connection':
    case 'subsource':
    case 'view':
      return;
  }
}

function beginTable(coordinator: Coordinator, table: TableObject, known: SavedState): void {
  const { collection, columns } = table;
  const saved = known.collection(collection);
  coordinator.engine.send({
    kind: 'createCollection',
    collection,
    stored: true,
    columns: columns.map((column) => ({ type: column.type.name, nullable: column.nullable })),
    ...(saved === undefined ? {} : { saved }),
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
    // The log begins before the checkpoint.
    if (step <= (state.checkpoint?.step ?? 0)) return;
    const inputs = tables.filter(
      ({ collection }, i) => collections.has(collection) && !state.isRefused(step, i),
    );
    if (inputs.length === 0) return;
    underWay.push(timeline.resend(step, time, inputs));
    if (underWay.length > limits.recoveryStepsInFlightMax) await underWay.shift();
  });
  await Promise.all(underWay);
}

/** Sources read on; what could not go on from the checkpoint is hydrated. */
function start(coordinator: Coordinator, known: Known, object: CatalogObject): void {
  if (object.kind === 'source') coordinator.runSource(object.collection);
  if (object.kind === 'materialized view' || object.kind === 'index')
    startMaintained(coordinator, known, object, false);
}

/**
 * Starts what keeps rows of a query, and indexes on them, once: `restoring`, if the checkpoint has
 * their state, else without.
 */
function startMaintained(
  coordinator: Coordinator,
  known: Known,
  object: MaterializedViewObject | IndexObject,
  restoring: boolean,
): void {
  const { started } = known;
  if (started.has(object.oid)) return;
  if (object.kind === 'materialized view') {
    const rows = { view: object, kept: object, query: object.query };
    if (startRows(coordinator, known, rows, restoring)) started.add(object.oid);
    return;
  }
  const collection = collectionOf(coordinator, known, object, restoring);
  if (collection === null) return;
  startIndex(coordinator, object, collection);
  started.add(object.oid);
}

/**
 * The collection that an index is on, unless it is to be started later; indexes of tables come with
 * these. The first index of a view keeps the view's rows.
 */
function collectionOf(
  coordinator: Coordinator,
  known: Known,
  index: IndexObject,
  restoring: boolean,
): number | null {
  const on = coordinator.catalog.byOid(index.on);
  if (on?.kind === 'source' || on?.kind === 'subsource') return on.collection;
  if (on?.kind === 'materialized view') return known.started.has(on.oid) ? on.collection : null;
  if (on?.kind !== 'view') return null;
  const view = defined(known.views.get(on.oid), 'the view is in the log');
  const kept = defined(view.indexed, 'an indexed view keeps its rows');
  if (on.indexed !== null) return kept.collection;
  const rows = { view: on, kept, query: wholeOf(on) };
  if (!startRows(coordinator, known, rows, restoring)) return null;
  coordinator.catalog.reinstate(view);
  return kept.collection;
}

/** A query whose rows are kept. */
interface KeptRows {
  readonly view: ViewObject | MaterializedViewObject;
  readonly kept: { readonly dataflow: number; readonly collection: number };
  readonly query: Query;
}

/**
 * Starts a dataflow that keeps rows; false if it is to be restored and cannot be. If it cannot be
 * planned its collection has stopped from the beginning.
 */
function startRows(
  coordinator: Coordinator,
  { saved }: Known,
  { view, kept, query }: KeptRows,
  restoring: boolean,
): boolean {
  const { dataflow, collection } = kept;
  let plan: Plan;
  try {
    plan = planOf(coordinator, view, query);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    if (restoring) return false;
    coordinator.stopCollection(collection, view.columns, unplanned(error));
    return true;
  }
  if (!restoring) {
    coordinator.startDataflow(dataflow, plan, collection);
    return true;
  }
  const restored = saved.dataflow(kept, plan, coordinator.catalog.objects());
  if (restored === null) return false;
  coordinator.startDataflow(dataflow, plan, collection, restored);
  return true;
}

/** What readers of a view are told that was planned before and cannot be now. */
function unplanned({ fields }: SqlError): ErrorFields {
  const { code, message, detail } = fields;
  return {
    ...{ code, message },
    detail: `This release cannot compute what an earlier one has kept. ${detail ?? ''}`.trim(),
    hint: 'Drop it and make it anew in another way, or use the release that made it.',
  };
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
