/**
 * The session: from statement texts to outcomes. It parses, keeps transactions right around what
 * runs (implicit ones, failed blocks), gives each statement its cancellation and its timeout, and
 * leaves the work to statement/*.ts.
 */
import { assert } from '../base/assert.ts';
import { SqlError, sqlError } from '../base/error.ts';
import type { DatetimeContext } from '../../dataflow/value/datetime-text.ts';
import type { FoundRecords } from '../../dataflow/value/found-records.ts';
import type { Datum } from '../../dataflow/value/datum.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import type { Statement } from '../sql/ast.ts';
import { parseInSlices, parseStatements } from '../sql/parse/parse.ts';
import type { ParsedStatement } from '../sql/parse/parse.ts';
import { Cancellation, cancelled } from './cancellation.ts';
import type { Coordinator } from './coordinator.ts';
import type {
  CopyIn,
  Notice,
  Outcome,
  Portal,
  PreparedStatement,
  RowRange,
  RowStream,
  ScriptStatement,
  Session,
  TransactionStatus,
} from './session.ts';
import type { SessionState } from './session-state.ts';
import { durationMilliseconds } from './setting-value.ts';
import { analyse } from './statement/analyse.ts';
import { asAnalysed } from './statement/analysed.ts';
import type { Analysed } from './statement/analysed.ts';
import type { ExecutionContext, Parameters } from './statement/context.ts';
import { noParameters } from './statement/context.ts';
import { inTurns } from './turn.ts';
import type { WriteInput } from './write-groups.ts';
import { inputOf } from './write-groups.ts';
import { execute } from './statement/execute.ts';
import type { TemplateSlot } from './template-slot.ts';

interface Parsed extends ScriptStatement {
  readonly statement: Statement;
}

/** Of statements that nobody can cancel: they are planned in one piece. */
const idle = new Cancellation();

function changesCatalog({ kind }: Statement): boolean {
  return kind.startsWith('create') || kind.startsWith('drop');
}

/** Allowed in a failed block. */
const endings = new Set(['commit', 'rollback']);

/** What has changed rows when it comes back: it is not refused after that. */
const writes = new Set(['insert', 'update', 'delete']);
/** What says nothing of what is defined. */
const brackets = new Set(['begin', ...endings]);

/** One client's session. */
export class SessionCore implements Session {
  readonly backend: { readonly processId: number; readonly secret: number };
  readonly #state: SessionState;
  readonly #onClose: () => void;
  /** What a cancel ends: nothing once the statement has ended. */
  #current: { cancel(): void } | null = null;
  #closed = false;
  #end: () => void = () => undefined;

  constructor(
    state: SessionState,
    backend: { processId: number; secret: number },
    onClose: () => void,
  ) {
    this.#state = state;
    this.backend = backend;
    this.#onClose = onClose;
  }

  get #coordinator(): Coordinator {
    return this.#state.coordinator;
  }

  get transactionStatus(): TransactionStatus {
    return this.#state.transaction.status;
  }

  get datetime(): DatetimeContext {
    return this.#state.settings.datetime;
  }

  reportedSettings(): readonly (readonly [string, string])[] {
    return this.#state.settings.reported();
  }

  changedSettings(): readonly (readonly [string, string])[] {
    return this.#state.settings.takeChanged();
  }

  onNotice(callback: () => void): void {
    this.#state.onNotice = callback;
  }

  notices(): readonly Notice[] {
    return this.#state.takeNotices();
  }

  parseScript(text: string): readonly ScriptStatement[] {
    return parseStatements(text).map(asScript);
  }

  async parseLongScript(text: string): Promise<readonly ScriptStatement[]> {
    return (await inTurns(this.#coordinator.clock, parseInSlices(text))).map(asScript);
  }

  prepare(text: string, declared: readonly (TypeName | null)[]): PreparedStatement {
    const statements = parseStatements(text);
    if (statements.length > 1) {
      throw sqlError('42601', 'cannot insert multiple commands into a prepared statement');
    }
    const statement = statements[0]?.statement ?? null;
    this.#refuseInFailedBlock(statement);
    this.#state.startStatement();
    return analyse(this.#context(noParameters, idle, null), statement, declared, text);
  }

  bind(prepared: PreparedStatement, values: readonly Datum[]): Portal {
    const analysed = asAnalysed(prepared);
    assert(
      values.length === analysed.parameters.length,
      'the protocol checks the number of parameters',
    );
    const parameters: Parameters = { types: analysed.parameters, values };
    let outcome: Promise<Outcome> | null = null;
    let cancellation: Cancellation | null = null;
    return {
      columns: analysed.columns,
      execute: () => {
        cancellation ??= new Cancellation();
        // Others may have run since its last rows were taken.
        this.#current = cancellation;
        return (outcome ??= this.#run(
          analysed.statement,
          parameters,
          analysed.template,
          cancellation,
        ));
      },
      lookup: () => (outcome === null ? this.#lookup(analysed, parameters) : null),
      insert: () => (outcome === null ? this.#insert(analysed, parameters) : null),
      close() {
        void outcome?.then(
          (made) => closeOutcome(made),
          () => undefined,
        );
      },
    };
  }

  /**
   * The short way of a lookup by key, or null. Whatever needs care (a failed block, pending writes,
   * a timeout, values that make another plan) goes the long way.
   */
  #lookup(
    { statement, template }: Analysed,
    parameters: Parameters,
  ): FoundRecords | Promise<readonly RowRange[]> | null {
    if (statement?.kind !== 'select') return null;
    const { transaction, settings } = this.#state;
    if (transaction.failed || transaction.pending || settings.statementTimeoutMilliseconds > 0)
      return null;
    if (settings.serializable) return null;
    const { engine, journal } = this.#coordinator;
    // Nobody sees what was defined before it is durable.
    if (journal.settled() !== undefined) return null;
    this.#coordinator.requireEngine();
    this.#state.startStatement();
    const found = template.key(this.#context(parameters, idle, template), statement.query);
    if (found === null) return null;
    transaction.use('read');
    const step = transaction.readStep();
    const records = found.lookup.direct?.read(found.key, step) ?? null;
    if (records !== null) return records;
    return new Promise((resolve, reject) => {
      const request = engine.lookupKey(found.lookup.template, step, found.key, {
        answered: resolve,
        failed: reject,
      });
      this.#current = { cancel: () => engine.cancelKey(request, cancelled()) };
    });
  }

  /** The short way of an INSERT of values, or null; what needs care goes the long way here too. */
  #insert({ statement, insert }: Analysed, parameters: Parameters): string | null {
    if (statement?.kind !== 'insert' || this.#closed) return null;
    const { transaction, settings } = this.#state;
    if (transaction.failed || settings.statementTimeoutMilliseconds > 0) return null;
    const { journal } = this.#coordinator;
    // What was defined may be seen in what is inserted.
    if (journal.settled() !== undefined) return null;
    this.#coordinator.requireEngine();
    this.#state.startStatement();
    const inserted = insert.rows(this.#context(parameters, idle, null), statement);
    if (inserted === null) return null;
    const { table, types, rows } = inserted;
    const input = inputOf(table.collection, types, rows);
    if (!this.#addsNewKeys(input)) return null;
    transaction.use('insert');
    if (rows.length > 0) transaction.insert({ table, ...input });
    return rows.length === 1 ? 'INSERT 0 1' : `INSERT 0 ${rows.length}`;
  }

  /**
   * Whether rows have keys that are known not to be in the table, if it has a primary key. They are
   * looked for once more when they are written. Throws 23505.
   */
  #addsNewKeys(input: WriteInput): boolean {
    const { uniqueKeys, timeline } = this.#coordinator;
    if (!uniqueKeys.has(input.collection)) return true;
    const { transaction } = this.#state;
    // Keys of one transaction are compared with each other too.
    if (transaction.inBlock || transaction.pending) return false;
    const added = uniqueKeys.added([input]);
    return added?.every((key) => uniqueKeys.isAbsent(key, timeline.complete)) === true;
  }

  run(statement: ScriptStatement): Promise<Outcome> {
    assert('statement' in statement, 'statements come from parseScript');
    const cancellation = new Cancellation();
    this.#current = cancellation;
    return this.#run((statement as Parsed).statement, noParameters, null, cancellation);
  }

  async #run(
    statement: Statement | null,
    parameters: Parameters,
    template: TemplateSlot | null,
    cancellation: Cancellation,
  ): Promise<Outcome> {
    if (statement === null) return { kind: 'empty' };
    if (this.#closed) throw sqlError('08006', 'the client is gone');
    this.#refuseInFailedBlock(statement);
    this.#coordinator.requireEngine();
    this.#state.startStatement();
    const stopTimer = this.#timeout(cancellation);
    try {
      const { journal } = this.#coordinator;
      if (changesCatalog(statement)) journal.requireRoom();
      const outcome = await execute(this.#context(parameters, cancellation, template), statement);
      await this.#settle(statement, outcome, cancellation);
      if (outcome.kind === 'rows') return supervised(outcome, cancellation, stopTimer);
      if (outcome.kind === 'copyOut') {
        return { ...outcome, rows: supervised(outcome.rows, cancellation, stopTimer) };
      }
      if (outcome.kind === 'copyIn') return supervisedCopy(outcome, cancellation, stopTimer);
      stopTimer();
      if (this.#current === cancellation) this.#current = null;
      return outcome;
    } catch (error) {
      stopTimer();
      throw error;
    }
  }

  /** What was defined, by this session or by one that it has seen the work of, is durable first. */
  async #settle(statement: Statement, outcome: Outcome, cancellation: Cancellation): Promise<void> {
    const { journal } = this.#coordinator;
    if (brackets.has(statement.kind)) return;
    // Rows that are only gathered can still be refused.
    const wrote = writes.has(statement.kind) && !this.#state.transaction.pending;
    const done = changesCatalog(statement) || wrote;
    const settled = done ? journal.settled() : journal.seen();
    if (settled === undefined) return;
    try {
      await cancellation.race(settled);
    } catch (error) {
      closeOutcome(outcome);
      throw error;
    }
  }

  #context(
    parameters: Parameters,
    cancellation: Cancellation,
    template: TemplateSlot | null,
  ): ExecutionContext {
    return {
      coordinator: this.#coordinator,
      session: this.#state,
      parameters,
      cancellation,
      template,
      execute,
    };
  }

  /** `statement_timeout`, for as long as the statement runs. */
  #timeout(cancellation: Cancellation): () => void {
    const milliseconds = this.#state.settings.statementTimeoutMilliseconds;
    if (milliseconds === 0) return () => undefined;
    return this.#coordinator.clock.after(milliseconds, () =>
      cancellation.cancel('canceling statement due to statement timeout'),
    );
  }

  #refuseInFailedBlock(statement: Statement | null): void {
    if (!this.#state.transaction.failed || statement === null || endings.has(statement.kind))
      return;
    throw sqlError(
      '25P02',
      'current transaction is aborted, commands ignored until end of transaction block',
    );
  }

  statement(name: string): PreparedStatement | undefined {
    return this.#state.statements.get(name);
  }

  setStatement(name: string, statement: PreparedStatement | null): void {
    if (statement === null) this.#state.statements.delete(name);
    else this.#state.statements.set(name, statement);
  }

  portal(name: string): Portal | undefined {
    return this.#state.portals.get(name);
  }

  setPortal(name: string, portal: Portal | null): void {
    this.#state.portals.get(name)?.close();
    if (portal === null) this.#state.portals.delete(name);
    else this.#state.portals.set(name, portal);
  }

  sync(failed: boolean): Promise<unknown> | undefined {
    const { transaction, portals } = this.#state;
    if (transaction.inBlock) return undefined;
    for (const portal of portals.values()) portal.close();
    portals.clear();
    if (transaction.idle) return undefined;
    // Whoever is gone has committed nothing.
    return transaction.end(!failed && !this.#closed);
  }

  fail(): void {
    this.#state.transaction.fail();
  }

  onTerminate(end: () => void): void {
    this.#end = end;
  }

  /** Ends the connection, as an administrator would. */
  terminate(): void {
    this.#end();
  }

  watchIdle(expired: () => void): (() => void) | undefined {
    const { settings, transaction } = this.#state;
    if (transaction.status === 'I') return undefined;
    const setting = settings.get('idle_in_transaction_session_timeout') ?? '0';
    const milliseconds = durationMilliseconds(setting) ?? 0;
    if (milliseconds === 0) return undefined;
    return this.#coordinator.clock.after(milliseconds, expired);
  }

  cancel(): void {
    this.#current?.cancel();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.cancel();
    for (const portal of this.#state.portals.values()) portal.close();
    this.#state.portals.clear();
    void this.#state.transaction.end(false);
    this.#onClose();
  }
}

function asScript({ statement, text }: ParsedStatement): Parsed {
  return { statement, text, kind: statement.kind };
}

function closeOutcome(outcome: Outcome): void {
  if (outcome.kind === 'rows') outcome.close();
  else if (outcome.kind === 'copyOut') outcome.rows.close();
  else if (outcome.kind === 'copyIn') outcome.abort();
}

/** Data that is taken until it ends, is given up, or the statement is cancelled. */
function supervisedCopy(copy: CopyIn, cancellation: Cancellation, stopTimer: () => void): CopyIn {
  const step = <T>(work: Promise<T>): Promise<T> => cancellation.race(work);
  return {
    ...copy,
    data: (bytes) => step(copy.data(bytes)),
    done: () => step(copy.done()).finally(stopTimer),
    abort() {
      stopTimer();
      copy.abort();
    },
    onCancel: (stop) => cancellation.onCancel(() => stop(cancellation.error())),
  };
}

/** A row stream whose waits end when the statement is cancelled. */
function supervised(
  stream: RowStream,
  cancellation: Cancellation,
  stopTimer: () => void,
): RowStream {
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    stopTimer();
  };
  return {
    ...stream,
    async next() {
      try {
        const batch = await cancellation.race(stream.next());
        if (batch === null) end();
        return batch;
      } catch (error) {
        stream.close();
        end();
        throw error instanceof Error
          ? error
          : new SqlError({ code: 'XX000', message: String(error) });
      }
    },
    close() {
      stream.close();
      end();
    },
  };
}
