/**
 * The whole product but its sockets, in one thread, for benchmarks: statements go through a
 * session, plans to the real engine; batches of columns come in where a decoder hands them over,
 * and changes go out where a SUBSCRIBE takes them.
 */
import { defined } from '../../src/base/assert.ts';
import { realClock, realEntropy, stderrLog } from '../../src/base/real/seam.ts';
import type { SourceConnection, SourceReader } from '../../connectors/connector.ts';
import { Engine } from '../../dataflow/graph/engine.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import type { Batch } from '../../dataflow/value/batch.ts';
import { BatchWriter } from '../../dataflow/value/batch-writer.ts';
import type { Row } from '../../dataflow/value/datum.ts';
import { readDatum } from '../../dataflow/value/datum-column.ts';
import { unpackBatch } from '../../dataflow/graph/packed-batch.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';
import { isRelation } from '../../src/catalog/object.ts';
import type { RelationObject } from '../../src/catalog/object.ts';
import { systemRelations } from '../../src/catalog/system/all.ts';
import { Coordinator } from '../../src/coordinator/coordinator.ts';
import type { EngineLink, HostCommand, HostResponse } from '../../src/coordinator/engine-link.ts';
import { SessionRegistry } from '../../src/coordinator/session-registry.ts';
import type { Session } from '../../src/coordinator/session.ts';
import { initializeParser } from '../../src/sql/parse/parse.ts';

/** The engine itself, called at once; raw records do not occur. */
class DirectLink implements EngineLink {
  readonly engine: Engine;
  /** Takes a subscription's changes; everything else goes to the coordinator. */
  changes: ((batch: PackedBatch, request: number) => void) | null = null;
  /** Set while the benchmark itself makes a step, of which the timeline is not told. */
  stepping = false;
  #handler: (response: HostResponse) => void = () => undefined;
  readonly #queue: HostResponse[] = [];
  /** Whether a turn of the event loop will settle: one for many commands, or they would pile up. */
  #due = false;

  constructor() {
    this.engine = new Engine({
      respond: (response) => this.#respond(response),
      now: () => realClock.monotonic(),
    });
  }

  #respond(response: HostResponse): void {
    if (this.stepping && response.kind === 'frontier') return;
    if (response.kind === 'changes' && this.changes !== null) {
      for (const { batch } of response.chunks)
        if (batch !== null) this.changes(batch, response.request);
    } else if (!this.stepping || response.kind !== 'complete') this.#queue.push(response);
  }

  receive(handler: (response: HostResponse) => void): void {
    this.#handler = handler;
  }

  send(command: HostCommand): void {
    if (command.kind === 'replayChunks')
      this.engine.replay(command.dataflow, command.collection, null, null, command.last);
    else if (
      command.kind !== 'createSource' &&
      command.kind !== 'writerSchema' &&
      command.kind !== 'ingest'
    )
      this.engine.command(command);
    if (this.#due) return;
    this.#due = true;
    realClock.soon(() => this.settle());
  }

  /** Runs the engine until it has nothing to do, then delivers what it answered. */
  settle(): void {
    this.#due = false;
    this.work();
    for (const response of this.#queue.splice(0)) this.#handler(response);
  }

  /** Length of a turn in milliseconds, and who makes the turns. */
  turn: {
    readonly milliseconds: number;
    readonly told: ((work: () => boolean) => boolean) | null;
  } = { milliseconds: 1_000, told: null };

  /** The same without delivering: what a step costs. */
  work(): void {
    const { milliseconds, told } = this.turn;
    const run = (): boolean => this.engine.run(milliseconds);
    if (told === null) while (run());
    else while (told(run));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const silentReader: SourceReader = {
  start: () => undefined,
  resume: () => undefined,
  ends: () => new Map(),
  stalled: () => new Map(),
  close: () => Promise.resolve(),
};

/** A Kafka connection on which nothing ever comes: batches are handed over directly. */
const silentConnection: SourceConnection = {
  validate: () => Promise.resolve(),
  survey: () => Promise.resolve([]),
  reader: () => silentReader,
  close: () => Promise.resolve(),
};

export class SqlEngine {
  readonly #link = new DirectLink();
  readonly #coordinator: Coordinator;
  readonly #session: Session;
  #step = 0;

  private constructor() {
    this.#coordinator = new Coordinator({
      link: this.#link,
      clock: realClock,
      entropy: realEntropy,
      log: stderrLog,
      system: systemRelations,
      connect: () => silentConnection,
    });
    this.#session = new SessionRegistry(this.#coordinator).open(new Map([['user', 'bench']]), '');
  }

  static async open(): Promise<SqlEngine> {
    await initializeParser();
    return new SqlEngine();
  }

  /** Runs statements; answers the rows of the last one. */
  async sql(text: string): Promise<readonly Row[]> {
    let rows: Row[] = [];
    for (const statement of this.#session.parseScript(text)) {
      const outcome = await this.#session.run(statement);
      if (outcome.kind !== 'rows') continue;
      const types = outcome.columns.map((column): ColumnType => ({
        type: column.type.name,
        nullable: column.nullable,
      }));
      rows = [];
      for (let packed = await outcome.next(); packed !== null; packed = await outcome.next()) {
        const batch = unpackBatch(packed, types, 0);
        for (let r = 0; r < batch.rows; r++)
          rows.push(types.map((type, c) => readDatum(batch, c, r, type.type)));
      }
    }
    await this.#session.sync(false);
    return rows;
  }

  /** Starts `SUBSCRIBE name`; `changes` is called with every batch of changes from now on. */
  async subscribe(name: string, changes: (batch: PackedBatch) => void): Promise<void> {
    this.#link.changes = (batch, request) => {
      changes(batch);
      this.#link.engine.command({ kind: 'credit', request, bytes: batch.buffer.byteLength });
    };
    for (const statement of this.#session.parseScript(`SUBSCRIBE ${name}`))
      await this.#session.run(statement);
    this.#link.settle();
    // Streams are given their past in later turns; what waits for them is there when this answers.
    await this.sql(`SELECT * FROM ${name} LIMIT 1`);
  }

  relation(name: string): RelationObject {
    const object = defined(this.#coordinator.catalog.item('public', name), `relation ${name}`);
    if (!isRelation(object)) throw new Error(`${name} is not a relation`);
    return object;
  }

  /** A writer of batches of a relation. */
  writer(name: string): BatchWriter {
    const columns = this.relation(name).columns.map((column) => ({
      type: column.type.name,
      nullable: column.nullable,
    }));
    return new BatchWriter(this.#link.engine.pool, columns);
  }

  collection(name: string): number {
    const relation = this.relation(name);
    if (relation.kind === 'view') throw new Error(`${name} is a view`);
    return relation.collection;
  }

  /** One step of these batches, worked off to the end. */
  step(inputs: readonly (readonly [collection: number, batch: Batch])[]): void {
    this.#step = Math.max(this.#step, this.#coordinator.timeline.sealed) + 1;
    this.#link.stepping = true;
    for (const [collection, batch] of inputs) this.#link.engine.input(collection, batch, null);
    this.#link.engine.command({ kind: 'step', step: this.#step, time: this.#step, inputs: [] });
    this.#link.work();
    this.#link.stepping = false;
  }

  /**
   * From now on runs in turns of `milliseconds`; `told` must make each turn and say whether there
   * is more.
   */
  watchTurns(milliseconds: number, told: (turn: () => boolean) => boolean): void {
    this.#link.turn = { milliseconds, told };
  }

  /** The engine's own count of what it holds. */
  get engine(): Engine {
    return this.#link.engine;
  }

  /** Rows of a query by a lookup at the last step, after steps were made here. */
  async rows(text: string): Promise<readonly Row[]> {
    this.#coordinator.timeline.adopt(this.#step);
    return this.sql(text);
  }
}
