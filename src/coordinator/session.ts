/**
 * The session as protocols see it (pgwire now, HTTP later): statements in, results out as batches
 * of columns. The implementation is session-core.ts; this file is the contract.
 *
 * A protocol calls one method at a time and awaits it, except `cancel`, which may come at any
 * moment. Errors are thrown as `SqlError`; the protocol turns anything else into XX000 and closes.
 */
import type { ErrorFields, SqlError } from '../base/error.ts';
import type { DatetimeContext } from '../../dataflow/value/datetime-text.ts';
import type { Datum } from '../../dataflow/value/datum.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import type { FoundRecords } from '../../dataflow/value/found-records.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import type { CopyOptions } from '../sql/ast.ts';
import type { ResultColumn } from '../sql/planned.ts';
import type { RowWindow } from './row-window.ts';

/** Reported in ReadyForQuery: idle, in a transaction block, in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E';

export interface Notice extends ErrorFields {
  readonly severity: 'NOTICE' | 'WARNING' | 'INFO' | 'LOG' | 'DEBUG';
}

/** A statement after parse and analysis. */
export interface PreparedStatement {
  /** Types of $1, $2, … */
  readonly parameters: readonly TypeName[];
  /** null if it returns no rows. */
  readonly columns: readonly ResultColumn[] | null;
  /** '' for an empty query. */
  readonly text: string;
}

/** What executing gives. */
export type Outcome =
  | { readonly kind: 'empty' }
  | { readonly kind: 'command'; readonly tag: string }
  | RowStream
  | CopyIn
  | CopyOut;

/** Rows of SELECT, RETURNING, SHOW, FETCH, EXPLAIN, SUBSCRIBE. */
export interface RowStream {
  readonly kind: 'rows';
  readonly columns: readonly ResultColumn[];
  /**
   * The next rows, or null at the end. Weights are multiplicities: a row of weight 3 is sent three
   * times. May take arbitrarily long for SUBSCRIBE: the protocol flushes what it has before
   * waiting. Not called again until the client has taken the previous rows: that is the
   * back-pressure.
   */
  next(): Promise<PackedBatch | null>;
  /**
   * True if rows may come at any time for ever (SUBSCRIBE): what is written is flushed before a
   * wait.
   */
  readonly live: boolean;
  /** Ends it early; idempotent; frees what it held. */
  close(): void;
  /** The command tag for `rows` rows sent: `SELECT 3`, `FETCH 3`, `INSERT 0 3`. */
  tag(rows: number): string;
}

export interface CopyIn {
  readonly kind: 'copyIn';
  readonly columns: readonly ResultColumn[];
  readonly options: CopyOptions;
  /**
   * Takes raw CopyData bytes in order. Throws SqlError for a bad row (22P02, 22P04, with the line
   * number in `detail`).
   */
  data(bytes: Uint8Array): Promise<void>;
  /** CopyDone: the rows become visible; answers the tag. */
  done(): Promise<string>;
  /** Where it is in the data, for messages: `COPY t, line 3`. */
  place(): string;
  /** CopyFail or a broken connection: nothing becomes visible. */
  abort(): void;
  /** Calls back when the statement is cancelled while data is awaited; answers how to forget that. */
  onCancel?(stop: (error: SqlError) => void): () => void;
}

export interface CopyOut {
  readonly kind: 'copyOut';
  readonly options: CopyOptions;
  readonly rows: RowStream;
}

/** Rows `first … first + rows - 1` of a batch. */
export interface RowRange {
  readonly batch: PackedBatch;
  readonly first: number;
  readonly rows: number;
}

/** A portal: a prepared statement with its parameters. */
export interface Portal {
  readonly columns: readonly ResultColumn[] | null;
  /** Starts or continues; the same RowStream object comes back until it is exhausted. */
  execute(): Promise<Outcome>;
  /**
   * The short way for a statement that is one lookup of a key: all of its rows at once, as records
   * to be used up before anything else is called, or later as batches. null if it has to be
   * executed. Called at most once, and instead of `execute`.
   */
  lookup?(): FoundRecords | Promise<readonly RowRange[]> | null;
  /**
   * The short way for an INSERT of values: its rows wait for the end of the transaction when the
   * tag comes back. null if it has to be executed. Called as `lookup` is.
   */
  insert?(): string | null;
  /** What the protocol keeps with it. */
  kept?: object;
  /** What is left of its rows, for those who take them in parts: FETCH and row limits share it. */
  window?: RowWindow;
  close(): void;
}

export interface Session {
  readonly transactionStatus: TransactionStatus;
  /** Process id and secret for CancelRequest. */
  readonly backend: { readonly processId: number; readonly secret: number };
  /** The zone that texts of moments are in; the same object while the zone is the same. */
  readonly datetime: DatetimeContext;
  /** Reportable settings (ParameterStatus) by their canonical name; read at start-up. */
  reportedSettings(): readonly (readonly [string, string])[];
  /** Those that changed since the last call, to be sent before ReadyForQuery. */
  changedSettings(): readonly (readonly [string, string])[];
  /**
   * Calls back when there are notices for a client that waits: before anything of the answer of the
   * statement under way has been given.
   */
  onNotice(callback: () => void): void;
  /** Notices since the last call. */
  notices(): readonly Notice[];

  /** Splits and parses a simple query whole (a syntax error anywhere runs nothing). */
  parseScript(text: string): readonly ScriptStatement[];
  /** The same for a long text, with turns for others in between. */
  parseLongScript(text: string): Promise<readonly ScriptStatement[]>;
  /**
   * Analyses one statement. Declared types win; null leaves the type to inference. Throws 42601 if
   * there are several.
   */
  prepare(text: string, declared: readonly (TypeName | null)[]): PreparedStatement;
  bind(statement: PreparedStatement, parameters: readonly Datum[]): Portal;
  /** Runs one statement of a simple query. */
  run(statement: ScriptStatement): Promise<Outcome>;

  /** SQL-level PREPARE and DECLARE share their names with the protocol's statements and portals. */
  statement(name: string): PreparedStatement | undefined;
  setStatement(name: string, statement: PreparedStatement | null): void;
  portal(name: string): Portal | undefined;
  setPortal(name: string, portal: Portal | null): void;

  /**
   * The end of a simple query or a Sync: commits or rolls back the implicit transaction. `failed`:
   * an error was sent. Undefined if there is nothing to wait for.
   */
  sync(failed: boolean): Promise<unknown> | undefined;
  /** Marks an explicit block as failed after an error. */
  fail(): void;
  /** Sets what ends the connection when another session asks for it. */
  onTerminate(end: () => void): void;
  /**
   * The client may now be idle: calls back after idle_in_transaction_session_timeout. Undefined if
   * nothing bounds it; else how to stop waiting.
   */
  watchIdle(expired: () => void): (() => void) | undefined;
  /** Cancels what is running now (57014), if anything. */
  cancel(): void;
  /** The connection is gone: rolls back, ends subscriptions, frees everything. */
  close(): void;
}

/** A parsed statement of a script; opaque to protocols. */
export interface ScriptStatement {
  readonly text: string;
  /** '' kinds are empty statements. */
  readonly kind: string;
}

/** Makes sessions; one per process. */
export interface Sessions {
  open(startup: ReadonlyMap<string, string>, remote: string): Session;
  /** CancelRequest: finds the session by id and secret; silent if there is none. */
  cancel(processId: number, secret: number): void;
}
