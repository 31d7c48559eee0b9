/**
 * What clients send: from a byte stream cut anywhere to whole messages (Postgres manual, section
 * 55.7). The decoder keeps at most one incomplete message; lengths are checked against the limits
 * before anything is buffered, so a lying length costs nothing.
 */
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';

export type FrontendMessage =
  | { readonly kind: 'sslRequest' | 'gssRequest' }
  | { readonly kind: 'cancelRequest'; readonly processId: number; readonly secret: number }
  | { readonly kind: 'startup'; readonly major: number; readonly minor: number; readonly parameters: ReadonlyMap<string, string> }
  | { readonly kind: 'query'; readonly text: string }
  | { readonly kind: 'parse'; readonly name: string; readonly text: string; readonly types: readonly number[] }
  | Bind
  | { readonly kind: 'describe' | 'close'; readonly target: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'execute'; readonly portal: string; readonly rowsMax: number }
  | { readonly kind: 'flush' | 'sync' | 'terminate' | 'copyDone' | 'password' | 'functionCall' }
  | { readonly kind: 'copyData'; readonly bytes: Uint8Array }
  | { readonly kind: 'copyFail'; readonly message: string };

export interface Bind {
  readonly kind: 'bind';
  readonly portal: string;
  readonly statement: string;
  /** 0 text, 1 binary: none, one for all, or one each. */
  readonly parameterFormats: readonly number[];
  readonly parameters: readonly (Uint8Array | null)[];
  readonly resultFormats: readonly number[];
}

/** Encoding error of a text: the only one that is not a broken protocol. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const sslCode = 80_877_103;
const gssCode = 80_877_104;
const cancelCode = 80_877_102;
const headerBytes = 5;

function violation(message: string): Error {
  return sqlError('08P01', message);
}

/** Reads the fields of one message body. Any read past the end is a protocol violation. */
class BodyReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(length: number): number {
    const at = this.#at;
    if (length < 0 || at + length > this.#bytes.length) throw violation('insufficient data left in message');
    this.#at = at + length;
    return at;
  }

  byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  int16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A zero-terminated string. Throws 22021 for bytes that are not UTF-8. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw violation('invalid string in message');
    const bytes = this.bytes(end - this.#at);
    this.#at++;
    return decodeText(bytes);
  }

  rest(): Uint8Array {
    return this.bytes(this.#bytes.length - this.#at);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw violation('invalid message format');
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }
}

/** UTF-8 to string. Throws 22021. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw sqlError('22021', 'invalid byte sequence for encoding "UTF8"');
  }
}

function list<T>(reader: BodyReader, read: () => T): readonly T[] {
  const count = reader.int16() & 0xffff;
  return Array.from({ length: count }, read);
}

function readBind(reader: BodyReader): Bind {
  const portal = reader.text();
  const statement = reader.text();
  const parameterFormats = list(reader, () => reader.int16());
  const parameters = list(reader, () => {
    const length = reader.int32();
    return length === -1 ? null : reader.bytes(length);
  });
  const resultFormats = list(reader, () => reader.int16());
  return { kind: 'bind', portal, statement, parameterFormats, parameters, resultFormats };
}

function readTarget(reader: BodyReader, kind: 'describe' | 'close'): FrontendMessage {
  const letter = String.fromCharCode(reader.byte());
  if (letter !== 'S' && letter !== 'P') throw violation(`invalid ${kind.toUpperCase()} message subtype "${letter}"`);
  return { kind, target: letter === 'S' ? 'statement' : 'portal', name: reader.text() };
}

function readBody(type: string, reader: BodyReader): FrontendMessage {
  switch (type) {
    case 'Q': return { kind: 'query', text: reader.text() };
    case 'P': return { kind: 'parse', name: reader.text(), text: reader.text(), types: list(reader, () => reader.int32()) };
    case 'B': return readBind(reader);
    case 'D': return readTarget(reader, 'describe');
    case 'C': return readTarget(reader, 'close');
    case 'E': return { kind: 'execute', portal: reader.text(), rowsMax: reader.int32() };
    case 'H': return { kind: 'flush' };
    case 'S': return { kind: 'sync' };
    case 'X': return { kind: 'terminate' };
    case 'd': return { kind: 'copyData', bytes: reader.rest() };
    case 'c': return { kind: 'copyDone' };
    case 'f': return { kind: 'copyFail', message: reader.text() };
    case 'p': reader.rest(); return { kind: 'password' };
    case 'F': reader.rest(); return { kind: 'functionCall' };
    default: throw violation(`invalid frontend message type ${type.charCodeAt(0)}`);
  }
}

function readStartup(reader: BodyReader): FrontendMessage {
  const code = reader.int32();
  if (code === sslCode || code === gssCode) {
    reader.end();
    return { kind: code === sslCode ? 'sslRequest' : 'gssRequest' };
  }
  if (code === cancelCode) {
    const message: FrontendMessage = { kind: 'cancelRequest', processId: reader.int32(), secret: reader.int32() };
    reader.end();
    return message;
  }
  const parameters = new Map<string, string>();
  if (code >>> 16 === 3) {
    while (reader.left > 1) parameters.set(reader.text(), reader.text());
    if (reader.left !== 1 || reader.byte() !== 0) throw violation('invalid startup packet layout: expected terminator as last byte');
  }
  return { kind: 'startup', major: code >>> 16, minor: code & 0xffff, parameters };
}

/** Turns chunks of bytes into messages. Before the startup message has come, messages have no type byte. */
export class FrontendDecoder {
  #pending: Uint8Array = new Uint8Array(0);
  #started = false;

  /**
   * The whole messages in what has come so far, oldest first. Throws 08P01 for what no later bytes
   * can mend; the connection is then beyond repair. Messages before the bad one were yielded.
   */
  *push(chunk: Uint8Array): Generator<FrontendMessage> {
    this.#pending = this.#pending.length === 0 ? chunk : concat(this.#pending, chunk);
    for (;;) {
      const message = this.#next();
      if (message === undefined) return;
      if (message.kind === 'startup') this.#started = true;
      yield message;
    }
  }

  /** True if bytes of an incomplete message are held. */
  get partial(): boolean {
    return this.#pending.length > 0;
  }

  #next(): FrontendMessage | undefined {
    const lengthAt = this.#started ? 1 : 0;
    const bytes = this.#pending;
    if (bytes.length < lengthAt + 4) return undefined;
    const length = new DataView(bytes.buffer, bytes.byteOffset).getInt32(lengthAt);
    this.#check(length);
    const end = lengthAt + length;
    if (bytes.length < end) return undefined;
    const body = new BodyReader(bytes.subarray(lengthAt + 4, end));
    this.#pending = bytes.subarray(end);
    if (!this.#started) return readStartup(body);
    const message = readBody(String.fromCharCode(bytes[0] ?? 0), body);
    body.end();
    return message;
  }

  #check(length: number): void {
    if (!this.#started) {
      if (length < 8 || length > limits.startupBytesMax) throw violation('invalid length of startup packet');
      return;
    }
    if (length < 4) throw violation('invalid message length');
    if (length > limits.messageBytesMax) {
      throw sqlError('54000', `message of ${length} bytes is longer than the limit of ${limits.messageBytesMax} bytes`);
    }
  }
}

/** Grows by doubling, so that a large message cut in many pieces is copied a bounded number of times. */
function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const used = a.length + b.length;
  const room = a.buffer.byteLength - a.byteOffset - a.length;
  if (room >= b.length && grown.has(a.buffer)) {
    const joined = new Uint8Array(a.buffer, a.byteOffset, used);
    joined.set(b, a.length);
    return joined;
  }
  const buffer = new ArrayBuffer(Math.max(2 * used, headerBytes));
  grown.add(buffer);
  const joined = new Uint8Array(buffer, 0, used);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

/** Buffers that `concat` made and may fill further. */
const grown = new WeakSet<ArrayBufferLike>();
