/**
 * Drives an engine through its commands in the calling thread, as a coordinator would, and folds
 * what it answers into plain rows that tests compare.
 */
import { defined } from '../../src/base/assert.ts';
import type { ErrorFields } from '../../src/base/error.ts';
import { projection } from '../../dataflow/expr/expr.ts';
import type {
  Command,
  PackedBatch,
  Response,
  Sink,
  Statistics,
} from '../../dataflow/graph/command.ts';
import type { SavedCollection, SavedDataflow } from '../../dataflow/graph/checkpoint-messages.ts';
import { Engine } from '../../dataflow/graph/engine.ts';
import { packBatch, unpackBatch } from '../../dataflow/graph/packed-batch.ts';
import type { Plan } from '../../dataflow/plan/plan.ts';
import type { Datum, Row, Update } from '../../dataflow/value/datum.ts';
import { batchFromRows, rowsFromBatch } from '../../dataflow/value/datum-column.ts';
import { SlabPool } from '../../dataflow/value/slab.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';

/** A row as text: equal texts are the same row by identity. */
export function rowText(row: Row): string {
  const text = (datum: Datum): string => {
    if (datum === null) return 'NULL';
    if (datum instanceof Uint8Array) return `\\x${[...datum].join('.')}`;
    if (typeof datum !== 'object') return Object.is(datum, -0) ? '-0' : String(datum);
    if (datum.kind === 'decimal') return `${datum.form}:${datum.coefficient}e-${datum.scale}`;
    if (datum.kind === 'interval') return `${datum.months}m${datum.days}d${datum.microseconds}us`;
    return `[${datum.elements.map(text).join(',')}]`;
  };
  return `(${row.map(text).join(', ')})`;
}

/** The multiset as sorted lines `weight × row`, consolidated. */
export function multiset(updates: readonly Update[]): string[] {
  const weights = new Map<string, number>();
  for (const { row, weight } of updates) {
    const key = rowText(row);
    weights.set(key, (weights.get(key) ?? 0) + weight);
  }
  return [...weights]
    .filter(([, weight]) => weight !== 0)
    .map(([row, weight]) => `${weight} × ${row}`)
    .sort();
}

export interface Answer {
  readonly rows: readonly Row[];
  readonly error: ErrorFields | null;
  readonly ended: boolean;
}

export class EngineRig {
  readonly engine: Engine;
  readonly responses: Response[] = [];
  /** Virtual milliseconds: every look at the clock takes `tick`. */
  time = 0;
  readonly #columns = new Map<number, readonly ColumnType[]>();
  readonly #pool = new SlabPool();
  #request = 1_000_000;
  #step = 0;

  constructor(
    options: {
      rowsMax?: number;
      tick?: number;
      creditBytes?: number;
      regionWords?: number;
      dataflowBytesMax?: number;
      streamQueuedBytesMax?: number;
      checkpointCaptureBytesMax?: number;
    } = {},
  ) {
    const tick = options.tick ?? 0.001;
    this.engine = new Engine({
      respond: (response) => this.responses.push(response),
      now: () => (this.time += tick),
      ...(options.rowsMax === undefined ? {} : { activationRowsMax: options.rowsMax }),
      ...(options.creditBytes === undefined
        ? {}
        : { subscribeBufferedBytesMax: options.creditBytes }),
      ...(options.streamQueuedBytesMax === undefined
        ? {}
        : { streamQueuedBytesMax: options.streamQueuedBytesMax }),
      ...(options.regionWords === undefined ? {} : { regionWords: options.regionWords }),
      ...(options.dataflowBytesMax === undefined
        ? {}
        : { dataflowBytesMax: options.dataflowBytesMax }),
      ...(options.checkpointCaptureBytesMax === undefined
        ? {}
        : { checkpointCaptureBytesMax: options.checkpointCaptureBytesMax }),
    });
  }

  get step(): number {
    return this.#step;
  }

  /** Begins where another engine was when a checkpoint was made. */
  restore(step: number): void {
    this.#step = step;
    this.command({ kind: 'restore', step, time: step * 1000 });
  }

  command(command: Command): void {
    // What crosses threads must be cloneable.
    this.engine.command(structuredClone(command));
  }

  pack(columns: readonly ColumnType[], updates: readonly Update[]): PackedBatch {
    const batch = batchFromRows(this.#pool, columns, updates, 0);
    const packed = packBatch(batch, columns);
    batch.slab.release();
    return packed;
  }

  unpack(columns: readonly ColumnType[], packed: PackedBatch): Update[] {
    return rowsFromBatch(unpackBatch(packed, columns, 0), columns);
  }

  table(
    collection: number,
    columns: readonly ColumnType[],
    closed = false,
    saved?: SavedCollection,
  ): void {
    this.#columns.set(collection, columns);
    const rest = saved === undefined ? {} : { saved };
    this.command({ kind: 'createCollection', collection, columns, stored: true, closed, ...rest });
  }

  /** A quarantine, and an upsert source whose records that do not decode go into it. */
  quarantined(
    source: { readonly collection: number; readonly columns: readonly ColumnType[] },
    into: { readonly collection: number; readonly columns: readonly ColumnType[] },
    full: Row,
  ): void {
    this.#columns.set(source.collection, source.columns);
    this.#columns.set(into.collection, into.columns);
    this.command({ kind: 'createCollection', ...into, stored: true, full });
    const quarantine = into.collection;
    this.command({ kind: 'createCollection', ...source, stored: true, quarantine });
  }

  stream(collection: number, columns: readonly ColumnType[]): void {
    this.#columns.set(collection, columns);
    this.command({ kind: 'createCollection', collection, columns, stored: false });
  }

  dataflow(
    dataflow: number,
    plan: Plan,
    sink: Sink,
    asOf = 0,
    saved?: { readonly dataflow: SavedDataflow; readonly result: SavedCollection },
  ): void {
    if (sink.kind === 'collection') {
      this.#columns.set(sink.collection, defined(plan.nodes[plan.root], 'root').columns);
    }
    const rest = saved === undefined ? {} : { saved };
    this.command({ kind: 'createDataflow', dataflow, plan, sink, asOf, ...rest });
  }

  view(number: number, plan: Plan): void {
    this.dataflow(number, plan, { kind: 'collection', collection: number });
  }

  /** Seals the next step with rows for some collections; answers its number. */
  seal(
    inputs: ReadonlyMap<number, readonly Update[]>,
    since?: number,
    held: readonly number[] = [],
    writes: Extract<Command, { kind: 'step' }>['inputs'] = [],
    checkpoint?: number,
  ): number {
    const step = ++this.#step;
    this.command({
      kind: 'step',
      step,
      time: step * 1000,
      ...(since === undefined ? {} : { since }),
      held,
      ...(checkpoint === undefined ? {} : { checkpoint }),
      inputs: [
        ...writes,
        ...[...inputs].map(([collection, updates]) => ({
          collection,
          batch: this.pack(this.columns(collection), updates),
        })),
      ],
    });
    return step;
  }

  columns(collection: number): readonly ColumnType[] {
    return defined(this.#columns.get(collection), `collection ${collection} exists`);
  }

  /** Runs until nothing is left to do. */
  settle(): void {
    let turns = 0;
    while (this.engine.run(1)) {
      if (++turns > 100_000) throw new Error('the engine does not come to rest');
    }
  }

  /** Asks for every row of a collection at a step; answers the request's number. */
  ask(
    collection: number,
    at: number,
    more: Partial<Extract<Command, { kind: 'lookup' }>> = {},
  ): number {
    const request = ++this.#request;
    const columns = this.columns(collection);
    const all = columns.map((_, c) => c);
    this.command({
      kind: 'lookup',
      request,
      at,
      lookup: { collection, key: null, program: projection(columns, all), columns },
      finishing: { order: [], limit: -1, offset: 0, project: all },
      ...more,
    });
    return request;
  }

  /** What has been answered to a lookup so far. */
  answer(request: number, columns: readonly ColumnType[]): Answer {
    const rows: Row[] = [];
    let error: ErrorFields | null = null;
    let ended = false;
    for (const response of this.responses) {
      if (response.kind === 'rows' && response.request === request) {
        for (const { row, weight } of this.unpack(columns, response.batch)) {
          for (let i = 0; i < weight; i++) rows.push(row);
        }
        ended ||= response.last;
      }
      if (response.kind === 'failed' && response.request === request) {
        error = response.error;
        ended = true;
      }
    }
    return { rows, error, ended };
  }

  /** Reads a collection at a step, to the end. */
  read(collection: number, at: number): string[] {
    const request = this.ask(collection, at);
    this.settle();
    const { rows, error, ended } = this.answer(request, this.columns(collection));
    if (error !== null) return [`${error.code} ${error.message}`];
    if (!ended) throw new Error(`the read of ${collection} at ${at} did not end`);
    return multiset(rows.map((row) => ({ row, weight: 1 })));
  }

  /** Everything that a subscription was told, in order. */
  changes(request: number, columns: readonly ColumnType[]): (Update & { step: number })[] {
    return this.responses.flatMap((response) => {
      if (response.kind !== 'changes' || response.request !== request) return [];
      return response.chunks.flatMap(({ step, batch }) =>
        batch === null ? [] : this.unpack(columns, batch).map((update) => ({ ...update, step })),
      );
    });
  }

  statistics(): Statistics {
    const request = ++this.#request;
    this.command({ kind: 'statistics', request });
    const found = this.responses.findLast(
      (one) => one.kind === 'statistics' && one.request === request,
    );
    if (found?.kind !== 'statistics') throw new Error('statistics are answered at once');
    return found.statistics;
  }
}
