/**
 * What one session is, without any protocol: user, settings, transaction, notices, prepared
 * statements and portals. Statements (statement/*.ts) work on it; session-core.ts drives it.
 */
import type { Notice, Portal, PreparedStatement } from './session.ts';
import { SessionCatalog } from '../catalog/session-catalog.ts';
import type { Runtime } from '../catalog/system/relation.ts';
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { SessionDoor } from '../sql/catalog-view.ts';
import type { Coordinator } from './coordinator.ts';
import { effectivePath, parseSearchPath } from './search-path.ts';
import { Settings } from './settings.ts';
import { Transaction } from './transaction.ts';
import type { PendingWrite } from './transaction.ts';

export const defaultDatabase = 'materialize';
export const defaultUser = 'materialize';

/** Microseconds between 1970-01-01 and 2000-01-01. */
const epochMicroseconds = 946_684_800_000_000n;

const none: readonly Notice[] = [];

/** The other sessions, by process id. */
export interface Peers {
  exists(processId: number): boolean;
  cancel(processId: number): void;
  /** Ends its connection: 57P01. */
  terminate(processId: number): void;
}

/** The state of one session. */
export class SessionState {
  readonly coordinator: Coordinator;
  readonly user: string;
  readonly database: string;
  readonly settings = new Settings();
  readonly transaction: Transaction;
  readonly statements = new Map<string, PreparedStatement>();
  readonly portals = new Map<string, Portal>();
  readonly #runtime: Runtime;
  readonly peers: Peers;
  /** The number by which clients and other sessions name this one. */
  readonly processId: number;
  readonly #door: SessionDoor;
  /** Set by whoever speaks with the client: there are notices that are to be sent at once. */
  onNotice: () => void = () => undefined;
  #notices: Notice[] = [];
  #block: { readonly snapshot: ReadonlyMap<string, string>; readonly time: bigint } | null = null;
  #localSettings: ReadonlyMap<string, string> | null = null;
  #time: bigint | null = null;

  constructor(
    coordinator: Coordinator,
    runtime: Runtime,
    peers: Peers,
    identity: { readonly user: string; readonly database: string; readonly processId: number },
  ) {
    const { user, database, processId } = identity;
    this.coordinator = coordinator;
    this.peers = peers;
    this.processId = processId;
    this.#door = {
      processId,
      randomBytes: (count) => coordinator.entropy.bytes(count),
      clockMicroseconds: () => this.#now(),
      readTime: () => coordinator.timeline.timeOf(this.transaction.readStep()),
      sessionExists: (other) => peers.exists(other),
      checkedSetting: (name, value) => this.settings.checked(name, value),
    };
    this.#runtime = runtime;
    this.user = user;
    this.database = database;
    this.transaction = new Transaction(coordinator.timeline, (writes) => this.#write(writes));
  }

  /**
   * Rejects with 40001 if another session has dropped a table in the meantime, and as a write does.
   */
  #write(writes: readonly PendingWrite[]): Promise<unknown> {
    const { catalog } = this.coordinator;
    const gone = writes.find(({ table }) => catalog.byOid(table.oid) === undefined);
    if (gone !== undefined) {
      const message = `table "${gone.table.name}" was dropped by another session`;
      const detail = 'What the transaction inserted is lost with it.';
      return Promise.reject(sqlError('40001', message, { detail }));
    }
    return this.coordinator.write(writes);
  }

  notice(notice: Notice): void {
    if (this.#notices.length < limits.noticesMax) this.#notices.push(notice);
  }

  /** The same for one that is not to wait for the end of the statement. */
  noticeNow(notice: Notice): void {
    this.notice(notice);
    this.onNotice();
  }

  takeNotices(): readonly Notice[] {
    const notices = this.#notices;
    if (notices.length === 0) return none;
    this.#notices = [];
    return notices;
  }

  /** Fixes the statement's time; inside a block now() is that of BEGIN. */
  startStatement(): void {
    this.#time = this.#block?.time ?? null;
  }

  /** The statement's time: the clock is read when it is first asked for. */
  get #statementTime(): bigint {
    return (this.#time ??= this.#now());
  }

  #now(): bigint {
    return BigInt(Math.floor(this.coordinator.clock.now())) * 1000n - epochMicroseconds;
  }

  /** The catalog as the current statement sees it. */
  catalog(): SessionCatalog {
    const { catalog } = this.coordinator;
    const written = parseSearchPath(this.settings.get('search_path') ?? '', this.user);
    return new SessionCatalog(catalog, {
      system: { catalog, runtime: this.#runtime, database: this.database, user: this.user },
      searchPath: effectivePath(catalog, written),
      nowMicroseconds: this.#statementTime,
      door: this.#door,
      setting: (name) => this.settings.get(name),
    });
  }

  beginBlock(): void {
    this.#block = { snapshot: this.settings.snapshot(), time: this.#statementTime };
  }

  /** SET LOCAL: undone at the end of the block. */
  setLocal(name: string, value: string): void {
    this.#localSettings ??= this.settings.snapshot();
    this.settings.set(name, value);
  }

  /** The block has ended: settings made in a rolled-back block, and local ones, are undone. */
  endBlock(committed: boolean): void {
    if (!committed && this.#block !== null) this.settings.restore(this.#block.snapshot);
    else if (this.#localSettings !== null) this.settings.restore(this.#localSettings);
    this.#block = null;
    this.#localSettings = null;
    for (const portal of this.portals.values()) portal.close();
    this.portals.clear();
  }
}
