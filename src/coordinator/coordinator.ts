/**
 * The coordinator: the one owner of catalog, timeline, sources and the line to the engine. Sessions
 * run statements against it; it runs on the main thread, and everything in it happens in turns of
 * the event loop, so between two awaits nothing else changes the catalog.
 */
import { assert, defined } from '../base/assert.ts';
import type { ErrorFields } from '../base/error.ts';
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { Clock, Entropy, Log } from '../base/seam.ts';
import { fullRow } from '../../connectors/format/error-relation.ts';
import type { SourceConnection } from '../../connectors/connector.ts';
import type { SchemaRegistry } from '../../connectors/registry/client.ts';
import { GatedConnection } from '../../connectors/registry/gate.ts';
import type { SavedCollection } from '../../dataflow/graph/checkpoint-messages.ts';
import type { Plan } from '../../dataflow/plan/plan.ts';
import { Catalog } from '../catalog/catalog.ts';
import type {
  CatalogObject,
  KafkaConnectionObject,
  RegistryConnectionObject,
  SourceObject,
  SubsourceObject,
} from '../catalog/object.ts';
import { isRelation } from '../catalog/object.ts';
import type { RelationColumn } from '../sql/catalog-view.ts';
import type { SystemRelation } from '../catalog/system/relation.ts';
import type { CheckpointPlace } from './checkpointer.ts';
import { Checkpointer } from './checkpointer.ts';
import { EngineClient } from './engine-client.ts';
import type { EngineLink } from './engine-link.ts';
import { Journal } from './journal.ts';
import { KeyClaims } from './key-claims.ts';
import { Laggards } from './laggards.ts';
import { RegisteredLookups } from './registered-lookups.ts';
import { fingerprintOf } from './plan-fingerprint.ts';
import { Replay } from './replay.ts';
import type { ReplayStart } from './replay.ts';
import type { RestoredDataflow } from './saved-state.ts';
import type { RecoveredOffsets } from './source-runtime.ts';
import { SourceRuntime } from './source-runtime.ts';
import { Timeline } from './timeline.ts';
import { UniqueKeys } from './unique-keys.ts';
import type { AddedKey, TableInput } from './unique-keys.ts';
import type { WriteInput } from './write-groups.ts';
import { packedInput } from './write-groups.ts';
import { WriteTurns } from './write-turns.ts';

export interface CoordinatorParts {
  readonly link: EngineLink;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Where what must survive the process is written; without it nothing does. */
  readonly durable?: CheckpointPlace;
  readonly system: readonly SystemRelation[];
  /** Opens a connection to what a connection object describes. */
  connect(connection: KafkaConnectionObject, secrets: Secrets): SourceConnection;
  /** Opens a schema registry; without it there is none. */
  openRegistry?(connection: RegistryConnectionObject): SchemaRegistry;
}

/** The values of secrets by oid, as they are when asked for. */
export type Secrets = (oid: number) => string;

/** One per process. */
export class Coordinator {
  readonly catalog: Catalog;
  readonly journal: Journal;
  readonly engine: EngineClient;
  readonly timeline: Timeline;
  readonly uniqueKeys: UniqueKeys;
  readonly lookups: RegisteredLookups;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly #link: EngineLink;
  readonly #connect: (connection: KafkaConnectionObject) => SourceConnection;
  readonly #openRegistry: (connection: RegistryConnectionObject) => SchemaRegistry;
  readonly #sources = new Map<number, SourceRuntime>();
  /** The sources that other collections are about, by these. */
  readonly #subsources = new Map<number, SourceRuntime>();
  readonly #connections = new Map<number, SourceConnection>();
  readonly #registries = new Map<number, SchemaRegistry>();
  /** Of every dataflow that reads streams. */
  readonly #replays = new Map<number, Replay>();
  readonly #laggards: Laggards;
  readonly #checkpointer: Checkpointer | null;
  /** What identifies the plans of dataflows that keep collections. */
  readonly #fingerprints = new Map<number, string>();
  /** What restored dataflows wait for: to be given what they have missed. */
  readonly #toCatchUp: (() => void)[] = [];
  readonly #frontiers = new Map<number, number>();
  /** Collections that each live dataflow reads. */
  readonly #imports = new Map<number, ReadonlySet<number>>();
  /** What waits for the first state of a dataflow. */
  readonly #unhydrated = new Map<number, (() => void)[]>();
  /**
   * By collection, dataflows that keep rows of views without an index only for those that still
   * read them.
   */
  readonly #orphans = new Map<number, number>();
  readonly #ticking = new Set<number>();
  #stopTicks: (() => void) | null = null;
  readonly #writeTurns = new WriteTurns();
  readonly #keyClaims = new KeyClaims();
  #crashed: string | null = null;
  #reportCrash: (message: string) => void = () => undefined;
  /** Resolves with the reason once the engine is gone. */
  readonly crashed = new Promise<string>((resolve) => {
    this.#reportCrash = resolve;
  });

  constructor(parts: CoordinatorParts) {
    this.clock = parts.clock;
    this.entropy = parts.entropy;
    this.log = parts.log;
    this.#laggards = new Laggards(parts.clock, parts.log);
    this.#link = parts.link;
    this.#connect = (connection) => parts.connect(connection, (oid) => this.#secret(oid));
    this.#openRegistry = (connection) =>
      defined(parts.openRegistry?.(connection), 'schema registries can be opened');
    this.journal = new Journal(parts.durable?.log ?? null, parts.clock, () => ({
      oid: this.catalog.oidAhead,
      number: this.engine.numberAhead,
    }));
    this.catalog = new Catalog(parts.system, this.journal);
    this.engine = new EngineClient(parts.link, {
      complete: (step, refused) => this.timeline.completed(step, refused),
      stopped: (collection, error) => this.#stopped(collection, error),
      detached: (dataflow, step) => this.#detached(dataflow, step),
      awaits: (dataflow, step) => this.#replays.get(dataflow)?.awaits(step),
      nameOf: (collection) => this.#nameOf(collection),
      frontier: (dataflow, step) => this.#advanced(dataflow, step),
      ingested: (collection, counts) => this.#sources.get(collection)?.ingested(counts),
      replayed: (dataflow, collection) => this.#replays.get(dataflow)?.replayed(collection),
      shared: (template, shared) => this.lookups.share(template, shared),
      checkpoint: (response) => this.#checkpointer?.receive(response),
      crashed: (message) => {
        this.#crashed = message;
        const error = sqlError('57P02', `the dataflow thread has ended: ${message}`);
        this.timeline.fail(error);
        this.#checkpointer?.fail(error);
        this.#reportCrash(message);
        this.log.error(`the dataflow thread has ended: ${message}`);
      },
    });
    this.timeline = new Timeline(this.engine, parts.clock, this.journal);
    this.lookups = new RegisteredLookups((command) => this.engine.send(command));
    this.uniqueKeys = new UniqueKeys(this.engine, this.lookups, () => this.catalog.version);
    this.#checkpointer = parts.durable === undefined ? null : new Checkpointer(this, parts.durable);
  }

  /** Throws if the engine is gone. */
  requireEngine(): void {
    if (this.#crashed !== null)
      throw sqlError('57P02', `the dataflow thread has ended: ${this.#crashed}`);
  }

  /** Frontier of a dataflow: -1 until it is hydrated. */
  frontier(dataflow: number): number {
    return this.#frontiers.get(dataflow) ?? -1;
  }

  /** The kind and the name of what a collection belongs to. */
  #nameOf(collection: number): string {
    const object = this.catalog
      .objects()
      .find(
        (one) =>
          (one.kind === 'view' ? one.indexed?.collection : undefined) === collection ||
          ('collection' in one && one.collection === collection),
      );
    return object === undefined ? 'what it reads' : `${object.kind} "${object.name}"`;
  }

  /** How the user calls whoever reads by a dataflow. */
  #nameOfReader(dataflow: number): string {
    const object = this.catalog.objects().find((one) => {
      const kept =
        one.kind === 'view' ? one.indexed : one.kind === 'materialized view' ? one : null;
      return kept?.dataflow === dataflow;
    });
    return object === undefined ? 'a query' : `${object.kind} "${object.name}"`;
  }

  /** Too much of its streams waited for a dataflow: it is given the rest by a replay. */
  #detached(dataflow: number, step: number): void {
    const replay = this.#replays.get(dataflow);
    if (replay === undefined) return;
    this.#laggards.detached(dataflow, this.#nameOfReader(dataflow), replay.sources);
    this.#inBackground(dataflow, async () => {
      await replay.detached(step);
      this.#laggards.attached(dataflow);
    });
  }

  #inBackground(dataflow: number, replay: () => Promise<void>): void {
    replay().catch((error: unknown) =>
      this.log.error(`replay of dataflow ${dataflow}: ${String(error)}`),
    );
  }

  #stopped(collection: number, { message, detail }: ErrorFields): void {
    this.log.error(`${this.#nameOf(collection)} has stopped: ${message}. ${detail ?? ''}`);
  }

  #advanced(dataflow: number, step: number): void {
    this.#frontiers.set(dataflow, step);
    if (step < 0) return;
    this.#replays.get(dataflow)?.advanced(step);
    for (const callback of this.#unhydrated.get(dataflow) ?? []) callback();
    this.#unhydrated.delete(dataflow);
  }

  /** Calls back once when a live dataflow has its first state, or has ended. */
  onHydrated(dataflow: number, callback: () => void): void {
    if (this.frontier(dataflow) >= 0) return callback();
    const waiting = this.#unhydrated.get(dataflow);
    if (waiting === undefined) this.#unhydrated.set(dataflow, [callback]);
    else waiting.push(callback);
  }

  sources(): readonly SourceRuntime[] {
    return [...this.#sources.values()];
  }

  /** The open connection of a connection object; made when first asked for. */
  connection(oid: number): SourceConnection {
    const open = this.#connections.get(oid);
    if (open !== undefined) return open;
    const object = this.catalog.byOid(oid);
    if (object?.kind !== 'connection' || object.type !== 'kafka')
      throw sqlError('42704', `Kafka connection ${oid} does not exist`);
    const connection = this.#connect(object);
    this.#connections.set(oid, connection);
    return connection;
  }

  #secret(oid: number): string {
    const object = this.catalog.byOid(oid);
    assert(object?.kind === 'secret', 'a secret outlives the connections that use it');
    return object.value;
  }

  /** A connection that belongs to nobody yet, for validation. */
  openConnection(object: KafkaConnectionObject): SourceConnection {
    return this.#connect(object);
  }

  /** The schema registry of a connection object; made when first asked for. */
  registry(object: RegistryConnectionObject): SchemaRegistry {
    const open = this.#registries.get(object.oid) ?? this.#openRegistry(object);
    this.#registries.set(object.oid, open);
    return open;
  }

  /** A schema registry that belongs to nobody yet, for validation. */
  openRegistry(object: RegistryConnectionObject): SchemaRegistry {
    return this.#openRegistry(object);
  }

  /** What a source reads through: its connection, behind the schemas of its records if need be. */
  #connectionOf(source: SourceObject): SourceConnection {
    const connection = this.connection(source.connection);
    const { format, collection } = source;
    const registry =
      source.registry === undefined ? undefined : this.catalog.byOid(source.registry);
    if (registry?.kind !== 'connection' || registry.type !== 'schema registry') return connection;
    return new GatedConnection(connection, {
      registry: this.registry(registry),
      framed: {
        key: (format.avro?.key ?? format.protobuf?.key)?.framing === 'registry',
        value: (format.avro?.value ?? format.protobuf?.value)?.framing === 'registry',
      },
      clock: this.clock,
      entropy: this.entropy,
      deliver: (id, answer) => this.engine.send({ kind: 'writerSchema', collection, id, answer }),
    });
  }

  /** Keeps a validated connection. */
  keepConnection(oid: number, connection: SourceConnection): void {
    this.#connections.set(oid, connection);
  }

  /** Makes checkpoints from now on; the last one was of `step`. */
  keepCheckpoints(step: number): void {
    this.#checkpointer?.start(step);
  }

  /** Makes a checkpoint. Throws 55000 without a data directory, else as `Checkpointer` does. */
  checkpoint(): Promise<void> {
    if (this.#checkpointer !== null) return this.#checkpointer.checkpoint();
    throw sqlError('55000', 'the server keeps nothing on the disk', {
      hint: 'Start it with --data-directory instead of --memory.',
    });
  }

  /** What identifies the plan of a dataflow that keeps a collection. */
  fingerprint(dataflow: number): string | undefined {
    return this.#fingerprints.get(dataflow);
  }

  /** Starts a source whose object is in the catalog. */
  startSource(source: SourceObject): void {
    this.makeSource(source);
    this.runSource(source.collection);
  }

  /**
   * Makes a source that `runSource` lets read; `recovered` is what the process before knew of its
   * offsets, `savedOf` what a checkpoint has of the rows of a collection. Relations about it, which
   * are in the catalog, are made with it.
   */
  makeSource(
    source: SourceObject,
    recovered?: RecoveredOffsets,
    savedOf: (collection: number) => SavedCollection | undefined = () => undefined,
  ): void {
    const { collection, format, stored } = source;
    const runtime = new SourceRuntime(
      source,
      this.#connectionOf(source),
      this.timeline,
      this.clock,
      recovered,
    );
    const closed = runtime.isBehind;
    const create = ({ columns, ...one }: SourceObject | SubsourceObject) => {
      const saved = savedOf(one.collection);
      return {
        kind: 'createCollection' as const,
        ...{ collection: one.collection, stored: one.stored, closed },
        columns: columns.map(({ type, nullable }) => ({ type: type.name, nullable })),
        ...(saved === undefined ? {} : { saved }),
      };
    };
    const errors = this.#errorsOf(source);
    const kept = errors?.stored === true ? errors.collection : null;
    if (errors !== undefined)
      this.engine.send({ ...create(errors), ...(errors.stored ? { full: fullRow } : {}) });
    this.engine.send({ ...create(source), ...(kept === null ? {} : { quarantine: kept }) });
    const listed = errors === undefined ? {} : { errors: errors.collection };
    this.engine.send({ kind: 'createSource', collection, format, ...listed });
    this.#sources.set(collection, runtime);
    if (errors !== undefined) this.#subsources.set(errors.collection, runtime);
    if (!closed) return;
    runtime.onCaughtUp(() => {
      for (const one of stored && kept !== null ? [kept, collection] : [collection])
        this.engine.send({ kind: 'openCollection', collection: one });
    });
  }

  /** The relation of errors of a source, if it has one. */
  #errorsOf({ oid }: SourceObject): SubsourceObject | undefined {
    return this.catalog.dependents(oid).find((one) => one.kind === 'subsource');
  }

  /** The source that a collection has its rows of. */
  #sourceOf(collection: number): SourceRuntime | undefined {
    return this.#sources.get(collection) ?? this.#subsources.get(collection);
  }

  /** Lets a source read its topic. */
  runSource(collection: number): void {
    const runtime = defined(this.#sources.get(collection), 'the source has been made');
    void (runtime.source.stored ? runtime.live() : runtime.watch());
  }

  /**
   * Starts a dataflow that keeps a collection up to date; one that is `restored` is given what it
   * has missed by `catchUp`.
   */
  startDataflow(
    dataflow: number,
    plan: Plan,
    collection: number,
    restored: RestoredDataflow | null = null,
  ): void {
    const asOf = this.timeline.complete;
    this.#fingerprints.set(dataflow, fingerprintOf(plan));
    this.engine.send({
      kind: 'createDataflow',
      ...{ dataflow, plan, asOf, sink: { kind: 'collection', collection } },
      ...(restored === null ? {} : { saved: restored.saved }),
    });
    this.hydrate(dataflow, plan, restored?.start ?? null);
  }

  /** Gives restored dataflows what they have missed of their streams. */
  catchUp(): void {
    for (const act of this.#toCatchUp.splice(0)) act();
  }

  /**
   * Notes what a dataflow reads and replays the streams among it. Call it right after the dataflow
   * was created; the replay goes on in the background until the dataflow is hydrated or dropped.
   *
   * It begins when the maintained collections that the dataflow reads are hydrated: one that is
   * live before it can work would only let records queue up.
   */
  hydrate(dataflow: number, plan: Plan, start: ReplayStart | null = null): void {
    const collections = new Set(
      plan.nodes.flatMap((node) => (node.kind === 'get' ? [node.collection] : [])),
    );
    this.#imports.set(dataflow, collections);
    const streams = [...collections].flatMap((collection) => {
      const source = this.#sourceOf(collection);
      return source === undefined || source.source.stored ? [] : [{ collection, source }];
    });
    if (streams.length === 0) return;
    const replay = new Replay(this.engine, this.timeline, dataflow, streams);
    this.#replays.set(dataflow, replay);
    if (start !== null) {
      this.#toCatchUp.push(() => {
        const ready = this.#caughtUp(collections);
        this.#inBackground(dataflow, () => replay.catchUp(start, ready));
      });
      return;
    }
    this.#inBackground(dataflow, async () => {
      await this.#ready(collections);
      await replay.hydrate();
    });
  }

  /**
   * Resolves when no source that these collections come from is behind what it was before the
   * program began; null: none is.
   */
  #caughtUp(collections: ReadonlySet<number>): Promise<unknown> | null {
    const all = new Set(collections);
    // What is added while the set is walked is walked too.
    for (const one of all)
      for (const dataflow of this.#writersOf(new Set([one])))
        for (const other of this.#imports.get(dataflow) ?? []) all.add(other);
    const behind = [...all].flatMap((one) => {
      const source = this.#sourceOf(one);
      return source?.isBehind === true ? [source] : [];
    });
    if (behind.length === 0) return null;
    return Promise.all(
      behind.map((source) => new Promise<void>((resolve) => source.onCaughtUp(resolve))),
    );
  }

  /** The dataflows that write these collections. */
  #writersOf(collections: ReadonlySet<number>): readonly number[] {
    return this.catalog.objects().flatMap((object) => {
      const kept =
        object.kind === 'view'
          ? object.indexed
          : object.kind === 'materialized view'
            ? object
            : null;
      return kept !== null && collections.has(kept.collection) ? [kept.dataflow] : [];
    });
  }

  /** Resolves when every maintained collection among these has its first state. */
  async #ready(collections: ReadonlySet<number>): Promise<void> {
    const dataflows = this.#writersOf(collections);
    const sources = [...collections].flatMap((one) => this.#sourceOf(one) ?? []);
    const behind = sources.filter((source) => source.isBehind);
    await Promise.all([
      ...dataflows.map(
        (dataflow) => new Promise<void>((resolve) => this.onHydrated(dataflow, resolve)),
      ),
      ...behind.map((source) => new Promise<void>((resolve) => source.onCaughtUp(resolve))),
    ]);
  }

  /**
   * Makes a step every `tickMilliseconds` even of nothing while the dataflow lives, so that a
   * subscriber with PROGRESS sees time go on.
   */
  keepTicking(dataflow: number): void {
    this.#ticking.add(dataflow);
    this.#stopTicks ??= this.clock.after(limits.tickMilliseconds, () => this.#tick());
  }

  #tick(): void {
    this.#stopTicks = null;
    if (this.#ticking.size === 0) return;
    if (this.#crashed !== null) return;
    void this.timeline.tick().catch(() => undefined);
    this.#stopTicks = this.clock.after(limits.tickMilliseconds, () => this.#tick());
  }

  /**
   * What should be kept in a collection cannot be computed any more: whoever reads it, or a view
   * over it, is told why, until it is dropped.
   */
  stopCollection(collection: number, columns: readonly RelationColumn[], error: ErrorFields): void {
    this.engine.send({
      kind: 'createCollection',
      collection,
      stored: true,
      columns: columns.map(({ type, nullable }) => ({ type: type.name, nullable })),
      stopped: error,
    });
    this.log.warn(`${this.#nameOf(collection)} cannot be computed: ${error.message}`);
  }

  /** A dataflow has ended by itself (an answer, a cancelled subscription), or must end now. */
  forgetDataflow(dataflow: number): void {
    this.#ticking.delete(dataflow);
    this.#replays.get(dataflow)?.cancel();
    this.#replays.delete(dataflow);
    this.#laggards.forget(dataflow);
    this.#frontiers.delete(dataflow);
    this.#imports.delete(dataflow);
    this.#fingerprints.delete(dataflow);
    for (const callback of this.#unhydrated.get(dataflow) ?? []) callback();
    this.#unhydrated.delete(dataflow);
    this.engine.send({ kind: 'dropDataflow', dataflow });
    this.#dropOrphans();
  }

  /**
   * Takes an object out of the catalog and out of the engine. Both has happened when the call comes
   * back; what it answers resolves when connections to the outside are closed too.
   */
  async drop(object: CatalogObject): Promise<void> {
    this.catalog.remove(object.oid);
    this.lookups.forgetAll();
    switch (object.kind) {
      case 'schema':
      case 'secret':
      case 'source group':
        return;
      case 'connection': {
        this.#registries.get(object.oid)?.close();
        this.#registries.delete(object.oid);
        const connection = this.#connections.get(object.oid);
        this.#connections.delete(object.oid);
        return connection?.close();
      }
      case 'subsource':
        // What writes it goes first.
        return;
      case 'source':
        return this.#stopSource(object.collection);
      case 'table':
        this.uniqueKeys.forget(object.collection);
        return this.#dropCollection(object.collection);
      case 'materialized view':
        return this.#dropMaintained(object);
      case 'view':
        if (object.indexed !== null) this.#dropMaintained(object.indexed);
        return;
      case 'index':
        return this.#dropIndex(object.on, object.key);
    }
  }

  #dropMaintained(view: { readonly collection: number; readonly dataflow: number }): void {
    this.forgetDataflow(view.dataflow);
    this.#dropCollection(view.collection);
  }

  #dropCollection(collection: number): void {
    for (const [orphan, dataflow] of this.#orphans) {
      if (this.#imports.get(dataflow)?.has(collection) !== true) continue;
      this.#orphans.delete(orphan);
      this.#dropMaintained({ collection: orphan, dataflow });
    }
    for (const [dataflow, replay] of this.#replays) {
      if (this.#imports.get(dataflow)?.has(collection) === true) replay.cancel();
    }
    this.engine.send({ kind: 'dropCollection', collection });
  }

  #isRead(collection: number): boolean {
    return [...this.#imports.values()].some((collections) => collections.has(collection));
  }

  #dropOrphans(): void {
    for (const [collection, dataflow] of this.#orphans) {
      if (this.#isRead(collection)) continue;
      this.#orphans.delete(collection);
      this.#dropMaintained({ collection, dataflow });
    }
  }

  #dropIndex(on: number, key: readonly number[]): void {
    const relation = this.catalog.byOid(on);
    if (relation === undefined || !isRelation(relation)) return;
    if (relation.kind === 'view') {
      if (relation.indexed === null) return;
      const { collection } = relation.indexed;
      if (this.catalog.dependents(on).some((other) => other.kind === 'index'))
        return this.engine.send({ kind: 'dropIndex', collection, key });
      // Views and subscriptions that read its rows go on with them.
      this.#orphans.set(relation.indexed.collection, relation.indexed.dataflow);
      this.catalog.replace({ ...relation, indexed: null });
      this.#dropOrphans();
      return;
    }
    // The engine counts the uses of an index.
    this.engine.send({ kind: 'dropIndex', collection: relation.collection, key });
  }

  async #stopSource(collection: number): Promise<void> {
    const runtime = defined(
      this.#sources.get(collection),
      `source of collection ${collection} runs`,
    );
    this.#sources.delete(collection);
    const closed = runtime.close();
    this.#dropCollection(collection);
    for (const [one, about] of this.#subsources) {
      if (about !== runtime) continue;
      this.#subsources.delete(one);
      this.#dropCollection(one);
    }
    await closed;
  }

  /**
   * Writes rows of tables in one step. Where a table has a primary key, nobody else writes the same
   * key between the check and the write. Rejects with 23505, and with 40001 if a table with a key
   * is dropped while the write waits.
   */
  write(inputs: readonly WriteInput[]): Promise<unknown> {
    const isKeyed = ({ collection }: WriteInput): boolean => this.uniqueKeys.has(collection);
    if (!inputs.some(isKeyed)) return this.timeline.write(inputs);
    let added: readonly AddedKey[] | null;
    try {
      added = this.uniqueKeys.added(inputs);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    if (added === null) return this.exclusively(() => this.writeAlone(inputs.map(packedInput)));
    const keys = added;
    return this.#writeTurns.together(() => this.#insertKeys(inputs, keys));
  }

  /** Adds rows of which the keys are not there yet; who wants one that is claimed waits. */
  async #insertKeys(inputs: readonly WriteInput[], keys: readonly AddedKey[]): Promise<void> {
    for (let other = this.#keyClaims.taken(keys); other !== null;) {
      await other;
      other = this.#keyClaims.taken(keys);
    }
    const release = this.#keyClaims.take(keys);
    try {
      const absent = this.uniqueKeys.requireAbsent(keys, this.timeline.complete);
      if (absent !== undefined) await absent;
      if (keys.some(({ collection }) => !this.uniqueKeys.has(collection)))
        throw sqlError('40001', 'a table was dropped by another session');
      await this.timeline.write(inputs);
    } finally {
      release();
    }
  }

  /** The same for who is within `exclusively` already. */
  async writeAlone(inputs: readonly TableInput[]): Promise<void> {
    await this.uniqueKeys.check(inputs, this.timeline.complete);
    await this.timeline.write(inputs);
  }

  /**
   * Runs `act` while no other read-then-write does: UPDATE, DELETE and INSERT … SELECT read at the
   * newest step and write into the next one, and nobody writes in between.
   */
  exclusively<T>(act: () => Promise<T>): Promise<T> {
    return this.#writeTurns.alone(act);
  }

  /** Stops everything. */
  async close(): Promise<void> {
    this.#stopTicks?.();
    await this.#checkpointer?.close();
    for (const replay of this.#replays.values()) replay.cancel();
    this.#laggards.close();
    await Promise.all(this.sources().map((source) => source.close()));
    await Promise.all([...this.#connections.values()].map((connection) => connection.close()));
    for (const registry of this.#registries.values()) registry.close();
    await this.#link.close();
  }
}
