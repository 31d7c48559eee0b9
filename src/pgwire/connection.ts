/**
 * One client connection: the protocol's state machine (Postgres manual, section 55.2).
 *
 * Messages are handled strictly in order. While one is being worked on the rest waits in a bounded
 * queue and the socket is not read further: that is the back-pressure on clients that pipeline.
 * After an error in the extended protocol everything up to Sync is skipped. Answers are gathered in
 * one writer and handed to the socket at Sync, Flush, the end of a simple query, before any wait,
 * and whenever the buffer is large; a socket that does not drain stops the row streams.
 */
import type { DatetimeContext } from '../../dataflow/value/datetime-text.ts';
import { plainContext } from '../../dataflow/value/datetime-text.ts';
import { SqlError, sqlError } from '../base/error.ts';
import type { ErrorFields } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/seam.ts';
import type { Outcome, Session, Sessions } from '../coordinator/session.ts';
import { BackendWriter } from './backend.ts';
import { runCopyIn, runCopyOut } from './copy.ts';
import { ExtendedProtocol } from './extended.ts';
import { FrontendDecoder } from './frontend.ts';
import type { FrontendMessage } from './frontend.ts';
import { sendRows } from './rows.ts';

/** The transport, as far as a connection needs it. */
export interface Transport {
  /** False if the bytes had to be queued: wait for `drained` before writing much more. */
  write(bytes: Uint8Array): boolean;
  /** Resolves when the queue is empty or the transport is gone. */
  drained(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  readonly remote: string;
  /** Whether the peer is on this machine. */
  readonly loopback: boolean;
}

/** One client. */
export class Connection {
  readonly #transport: Transport;
  readonly #sessions: Sessions;
  readonly #log: Log;
  readonly #decoder = new FrontendDecoder();
  readonly #queue: FrontendMessage[] = [];
  readonly writer = new BackendWriter();
  #session: Session | null = null;
  #extended: ExtendedProtocol | null = null;
  #running = false;
  #closed = false;
  #skipping = false;
  /** The client went on with something else in the middle of its data. */
  #lost = false;
  #stopIdle: (() => void) | undefined = undefined;
  /** An answer is complete and was not sent yet. */
  #due = false;
  #paused = false;
  /** Bytes that came since the queue was last empty. */
  #queuedBytes = 0;
  /** What broke the protocol; reported when everything before it is answered. */
  #broken: ErrorFields | null = null;
  /** Set while COPY FROM STDIN wants the client's messages. */
  #waiting: ((message: FrontendMessage | null) => void) | null = null;

  constructor(transport: Transport, sessions: Sessions, log: Log) {
    this.#transport = transport;
    this.#sessions = sessions;
    this.#log = log;
  }

  /** Bytes from the client. */
  receive(chunk: Uint8Array): void {
    if (this.#closed || this.#broken !== null) return;
    try {
      this.#decoder.feed(chunk);
      for (
        let message = this.#decoder.next();
        message !== undefined;
        message = this.#decoder.next()
      ) {
        this.#queue.push(message);
      }
    } catch (error) {
      // Whole messages that came before the broken one are still answered.
      this.#broken = fieldsOf(error, this.#log);
    }
    this.#queuedBytes += chunk.length;
    if (this.#waiting !== null && (this.#queue.length > 0 || this.#broken !== null))
      this.#deliver();
    else if (!this.#running) this.#run();
    else if (this.#queuedBytes > limits.queuedMessageBytesMax) this.#pause();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#transport.pause();
  }

  /** The queue is empty: the client may send more. */
  #resume(): void {
    this.#queuedBytes = 0;
    if (!this.#paused) return;
    this.#paused = false;
    this.#transport.resume();
  }

  /** The client is gone. */
  disconnected(): void {
    this.#closed = true;
    this.#stopIdle?.();
    this.#session?.close();
    this.#session = null;
    this.#deliver();
  }

  /** Time is over for a client that has not begun a session: it would hold its place for ever. */
  startupIsLate(): void {
    if (this.#session !== null) return;
    this.fatal({ code: '57014', message: 'canceling authentication due to timeout' });
  }

  /** The server shuts down. */
  shutdown(): void {
    if (this.#closed) return;
    this.fatal({ code: '57P01', message: 'terminating connection due to administrator command' });
  }

  /**
   * Works through the queue; goes on by itself after a wait. What is due to the client is sent
   * before each wait and at the end, so that the answers to pipelined messages share a write.
   */
  #run(): void {
    this.#running = true;
    while (!this.#closed) {
      const message = this.#queue.shift();
      const working = message === undefined ? undefined : this.#handle(message);
      if (message !== undefined && working === undefined) continue;
      const draining = this.#due && !this.#closed ? this.#send() : undefined;
      if (working === undefined && draining === undefined) break;
      const both =
        working === undefined || draining === undefined
          ? (working ?? draining)
          : Promise.all([working, draining]);
      void both?.then(() => this.#run());
      return;
    }
    this.#running = false;
    if (this.#closed) return;
    if (this.#broken !== null) this.fatal(this.#broken);
    else this.#resume();
  }

  /** Never throws, and its promise never rejects. */
  #handle(message: FrontendMessage): Promise<void> | undefined {
    const session = this.#session;
    if (session === null) {
      this.#start(message);
      return undefined;
    }
    this.#stopIdle?.();
    if (message.kind === 'terminate') {
      this.#close();
      return undefined;
    }
    if (this.#skipping && message.kind !== 'sync') return undefined;
    try {
      return this.#dispatch(session, message)?.catch((error: unknown) =>
        this.#failed(session, message, error),
      );
    } catch (error) {
      return this.#failed(session, message, error);
    }
  }

  #failed(session: Session, message: FrontendMessage, error: unknown): Promise<void> | undefined {
    if (this.#closed) return undefined;
    session.fail();
    this.#report(session, error);
    if (this.#lost) {
      this.fatal({
        code: '08P01',
        message: 'terminating connection because protocol synchronization was lost',
      });
      return undefined;
    }
    if (message.kind === 'query') return this.#endQuery(session, true);
    this.#skipping = true;
    return undefined;
  }

  #dispatch(session: Session, message: FrontendMessage): Promise<void> | undefined {
    switch (message.kind) {
      case 'query':
        return this.#query(session, message.text);
      case 'sync': {
        const failed = this.#skipping;
        this.#skipping = false;
        return this.#endQuery(session, failed);
      }
      case 'flush':
        return this.flush();
      case 'copyData':
      case 'copyDone':
      case 'copyFail':
        return undefined; // What is left of a COPY that failed; Postgres ignores it too.
      case 'functionCall':
        throw sqlError('0A000', 'function calls through the protocol are not supported');
      case 'parse':
      case 'bind':
      case 'describe':
      case 'execute':
      case 'close':
        return this.#extended?.handle(message);
      default:
        throw sqlError('08P01', `unexpected message ${message.kind}`);
    }
  }

  async #query(session: Session, text: string): Promise<void> {
    session.setStatement('', null);
    session.setPortal('', null);
    const script =
      text.length > limits.parseStretchUnits
        ? await session.parseLongScript(text)
        : session.parseScript(text);
    if (script.length === 0) this.writer.plain('I');
    for (const statement of script) {
      const outcome = await session.run(statement);
      await this.#answer(session, outcome);
    }
    await this.#endQuery(session, false);
  }

  async #answer(session: Session, outcome: Outcome): Promise<void> {
    switch (outcome.kind) {
      case 'empty':
        return this.writer.plain('I');
      case 'command':
        this.#notices(session);
        return this.writer.commandComplete(outcome.tag);
      case 'rows': {
        const formats = outcome.columns.map(() => 0);
        this.writer.rowDescription(outcome.columns, formats);
        const rows = await sendRows(this, outcome, formats);
        this.#notices(session);
        return this.writer.commandComplete(outcome.tag(rows));
      }
      case 'copyIn':
        return runCopyIn(this, outcome);
      case 'copyOut':
        return runCopyOut(this, outcome);
    }
  }

  #endQuery(session: Session, failed: boolean): Promise<void> | undefined {
    const ending = session.sync(failed);
    if (ending === undefined) return this.#ready(session);
    return ending.then(
      () => this.#ready(session),
      (error: unknown) => {
        this.#report(session, error);
        return this.#ready(session);
      },
    );
  }

  #ready(session: Session): Promise<void> | undefined {
    if (this.#closed) return undefined;
    this.#notices(session);
    for (const [name, value] of session.changedSettings()) this.writer.parameterStatus(name, value);
    this.writer.readyForQuery(session.transactionStatus);
    this.#stopIdle = session.watchIdle(() =>
      this.fatal({
        code: '25P03',
        message: 'terminating connection due to idle-in-transaction timeout',
      }),
    );
    this.#due = true;
    return this.writer.at < limits.writeBufferBytes ? undefined : this.#send();
  }

  /** Hands what is written to the socket; a promise if the client has to take it first. */
  #send(): Promise<void> | undefined {
    this.#due = false;
    if (this.writer.at === 0) return undefined;
    return this.#transport.write(this.writer.take()) ? undefined : this.#transport.drained();
  }

  #notices(session: Session): void {
    for (const notice of session.notices()) this.writer.report('N', notice.severity, notice);
  }

  #report(session: Session, error: unknown): void {
    this.#notices(session);
    this.writer.report('E', 'ERROR', fieldsOf(error, this.#log));
  }

  /** The next message of a COPY FROM STDIN; null if no more can come. */
  nextMessage(): Promise<FrontendMessage | null> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      if (this.#closed || this.#queue.length > 0 || this.#broken !== null) this.#deliver();
      else this.#resume();
    });
  }

  /** Nobody waits for the next message of a COPY any more. */
  stopWaiting(): void {
    this.#waiting = null;
  }

  #deliver(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(this.#queue.shift() ?? null);
  }

  /** Sends what is written; a promise if the client does not read fast enough. Throws 08006. */
  flush(): Promise<void> | undefined {
    if (this.#closed) throw sqlError('08006', 'the client is gone');
    return this.#send();
  }

  /** Like `flush`, but only when the buffer is worth a write. */
  flushWhenLarge(): Promise<void> | undefined {
    return this.writer.at < limits.writeBufferBytes ? undefined : this.flush();
  }

  /** After the error that is about to be thrown nothing that comes can be understood. */
  loseTrack(): void {
    this.#lost = true;
  }

  /** How texts of moments are written now. */
  get datetime(): DatetimeContext {
    return this.#session?.datetime ?? plainContext;
  }

  get session(): Session | null {
    return this.#session;
  }

  #start(message: FrontendMessage): void {
    switch (message.kind) {
      case 'sslRequest':
      case 'gssRequest':
        if (this.#queue.length > 0 || this.#decoder.partial || this.#broken !== null) {
          return this.fatal({
            code: '08P01',
            message: 'received unencrypted data after SSL request',
          });
        }
        this.#transport.write(Uint8Array.of('N'.charCodeAt(0)));
        return;
      case 'cancelRequest':
        this.#sessions.cancel(message.processId, message.secret);
        return this.#close();
      case 'startup':
        return this.#open(message);
      default:
        return this.fatal({ code: '08P01', message: 'expected a startup message' });
    }
  }

  #open(message: Extract<FrontendMessage, { kind: 'startup' }>): void {
    if (message.major !== 3) {
      return this.fatal({
        code: '0A000',
        message:
          `unsupported frontend protocol ${message.major}.${message.minor}: ` +
          'server supports 3.0 to 3.0',
      });
    }
    if (!this.#transport.loopback) {
      return this.fatal({
        code: '28000',
        message: `connections from ${this.#transport.remote} are not allowed`,
        hint: 'Only connections from this machine are trusted.',
      });
    }
    if (!message.parameters.has('user')) {
      return this.fatal({
        code: '28000',
        message: 'no PostgreSQL user name specified in startup packet',
      });
    }
    try {
      this.#greet(message);
    } catch (error) {
      this.fatal(fieldsOf(error, this.#log));
    }
  }

  #greet(message: Extract<FrontendMessage, { kind: 'startup' }>): void {
    const options = [...message.parameters.keys()].filter((name) => name.startsWith('_pq_.'));
    if (message.minor > 0 || options.length > 0) this.writer.negotiateVersion(options);
    this.writer.authenticationOk();
    const session = this.#sessions.open(message.parameters, this.#transport.remote);
    this.#session = session;
    session.onTerminate(() => this.shutdown());
    session.onNotice(() => {
      this.#notices(session);
      if (!this.#closed) void this.#send();
    });
    this.#extended = new ExtendedProtocol(this, session);
    for (const [name, value] of session.reportedSettings())
      this.writer.parameterStatus(name, value);
    this.writer.backendKey(session.backend.processId, session.backend.secret);
    this.#notices(session);
    this.writer.readyForQuery(session.transactionStatus);
    this.#transport.write(this.writer.take());
  }

  /** An error that ends the connection. */
  fatal(fields: ErrorFields): void {
    if (this.#closed) return;
    this.writer.report('E', 'FATAL', fields);
    this.#transport.write(this.writer.take());
    this.#close();
  }

  #close(): void {
    this.#transport.end();
    this.disconnected();
  }
}

/** What the client is told about an error; a bug of ours is logged and reported as XX000. */
export function fieldsOf(error: unknown, log: Log): ErrorFields {
  if (error instanceof SqlError) return error.fields;
  log.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return {
    code: 'XX000',
    message: `internal error: ${error instanceof Error ? error.message : String(error)}`,
  };
}
