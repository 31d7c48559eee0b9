/**
 * A client that speaks in whole messages, for tests of the protocol: what is sent is built by
 * pg-protocol, an independent implementation; what comes back is shown one line a message, so that
 * a test reads like a recorded conversation: `T a,b`, `D 1|x`, `C SELECT 1`, `Z I`.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { serialize } from 'pg-protocol';

const notShown = new Set(['S', 'K', 'R']);

export class WireClient {
  readonly #socket: Socket;
  #pending = Buffer.alloc(0);
  readonly #lines: string[] = [];
  /** Lines before this one were read. */
  #first = 0;
  #wake: () => void = () => undefined;
  /** From BackendKeyData. */
  processId = 0;
  secret = 0;
  closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#lines.push('closed');
      this.#wake();
    });
  }

  /** A connection on which nothing was sent. */
  static async raw(port: number): Promise<WireClient> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    return new WireClient(socket);
  }

  /** A connection that is ready for queries. */
  static async open(port: number, options: Record<string, string> = {}): Promise<WireClient> {
    const client = await WireClient.raw(port);
    client.send(serialize.startup({ user: 'tester', database: 'materialize', ...options }));
    await client.until('Z');
    return client;
  }

  send(...messages: readonly Uint8Array[]): void {
    this.#socket.write(Buffer.concat(messages));
  }

  /** Lines up to and including the first that begins so, or the end of the connection. */
  async until(start: string): Promise<readonly string[]> {
    for (let at = this.#first; ;) {
      while (
        at < this.#lines.length &&
        !(this.#lines[at] ?? '').startsWith(start) &&
        this.#lines[at] !== 'closed'
      )
        at++;
      if (at < this.#lines.length) {
        const lines = this.#lines.slice(this.#first, at + 1);
        this.#first = at + 1;
        return lines;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends and reads up to the next ReadyForQuery. */
  async ask(...messages: readonly Uint8Array[]): Promise<readonly string[]> {
    this.send(...messages);
    return this.until('Z');
  }

  /** A simple query. */
  query(text: string): Promise<readonly string[]> {
    return this.ask(serialize.query(text));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Breaks the connection without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const bytes = Buffer.concat([this.#pending, chunk]);
    let at = 0;
    while (bytes.length - at >= 5) {
      const end = at + bytes.readInt32BE(at + 1) + 1;
      if (bytes.length < end) break;
      this.#line(String.fromCharCode(bytes[at] ?? 0), bytes.subarray(at + 5, end));
      at = end;
    }
    this.#pending = bytes.subarray(at);
    this.#wake();
  }

  #line(type: string, body: Buffer): void {
    if (type === 'K') {
      this.processId = body.readInt32BE(0);
      this.secret = body.readInt32BE(4);
    }
    if (type === 'S' && /^(application_name|TimeZone)\0/.test(body.toString()))
      this.#lines.push(`S ${body.toString().split('\0').join(' ').trim()}`);
    if (!notShown.has(type)) this.#lines.push(show(type, body));
  }
}

function show(type: string, body: Buffer): string {
  switch (type) {
    case 'T':
      return `T ${columns(body).join(',')}`;
    case 't':
      return `t ${Array.from({ length: body.readInt16BE(0) }, (_, i) => body.readInt32BE(2 + 4 * i)).join(',')}`;
    case 'D':
      return `D ${fields(body).join('|')}`;
    case 'C':
      return `C ${body.toString('utf8', 0, body.length - 1)}`;
    case 'Z':
      return `Z ${body.toString()}`;
    case 'E':
    case 'N':
      return `${type} ${report(body)}`;
    case 'd':
      return `d ${body.toString().replace(/\n$/, '')}`;
    default:
      return type;
  }
}

/** Names, with the format if it is binary. */
function columns(body: Buffer): readonly string[] {
  let at = 2;
  return Array.from({ length: body.readInt16BE(0) }, () => {
    const end = body.indexOf(0, at);
    const name = body.toString('utf8', at, end);
    at = end + 19;
    return body.readInt16BE(at - 2) === 1 ? `${name}:binary` : name;
  });
}

function fields(body: Buffer): readonly string[] {
  let at = 2;
  return Array.from({ length: body.readInt16BE(0) }, () => {
    const length = body.readInt32BE(at);
    at += 4;
    if (length < 0) return 'NULL';
    at += length;
    const value = body.subarray(at - length, at);
    return /^[\x20-\x7e\n]*$/.test(value.toString('latin1'))
      ? value.toString()
      : `x${value.toString('hex')}`;
  });
}

/** SQLSTATE, message and context. */
function report(body: Buffer): string {
  const parts = new Map(
    body
      .toString()
      .split('\0')
      .filter((part) => part !== '')
      .map((part) => [part[0], part.slice(1)]),
  );
  const where = parts.get('W');
  return `${parts.get('C')} ${parts.get('M')}${where === undefined ? '' : ` (${where})`}`;
}
