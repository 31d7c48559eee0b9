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
  | {
      readonly kind: 'startup';
      readonly major: number;
      readonly minor: number;
      readonly parameters: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'query'; readonly text: string }
  | {
      readonly kind: 'parse';
      readonly name: string;
      readonly text: string;
      readonly types: readonly number[];
    }
  | Bind
  | {
      readonly kind: 'describe' | 'close';
      readonly target: 'statement' | 'portal';
      readonly name: string;
    }
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
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  /** Reads bytes `start … end - 1` from now on. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  #take(length: number): number {
    const at = this.#at;
    if (length < 0 || at + length > this.#end) throw violation('insufficient data left in message');
    this.#at = at + length;
    return at;
  }

  byte(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  int16(): number {
    return ((this.byte() << 24) >> 16) | this.byte();
  }

  int32(): number {
    return readInt32(this.#bytes, this.#take(4));
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A zero-terminated string. Throws 22021 for bytes that are not UTF-8. */
  text(): string {
    const start = this.#at;
    if (start < this.#end && this.#bytes[start] === 0) {
      this.#at++;
      return '';
    }
    const end = this.#bytes.indexOf(0, start);
    if (end < 0 || end >= this.#end) throw violation('invalid string in message');
    this.#at = end + 1;
    return decodeText(this.#bytes.subarray(start, end));
  }

  rest(): Uint8Array {
    return this.bytes(this.#end - this.#at);
  }

  end(): void {
    if (this.#at !== this.#end) throw violation('invalid message format');
  }

  get left(): number {
    return this.#end - this.#at;
  }
}

/** UTF-8 to string. Throws 22021. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes.length <= shortTextBytes) {
    let text = '';
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      if (byte >= 0x80) return decodeAny(bytes);
      text += String.fromCharCode(byte);
    }
    return text;
  }
  return decodeAny(bytes);
}

/** Up to this length a loop is quicker than the decoder, if all is ASCII. */
const shortTextBytes = 24;

function decodeAny(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw sqlError('22021', 'invalid byte sequence for encoding "UTF8"');
  }
}

function list<T>(reader: BodyReader, read: () => T): readonly T[] {
  const count = reader.int16() & 0xffff;
  if (count === 0) return nothing;
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read());
  return items;
}

const nothing: readonly never[] = [];

function readInt32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)
  );
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
  if (letter !== 'S' && letter !== 'P')
    throw violation(`invalid ${kind.toUpperCase()} message subtype "${letter}"`);
  return { kind, target: letter === 'S' ? 'statement' : 'portal', name: reader.text() };
}

function readBody(type: string, reader: BodyReader): FrontendMessage {
  switch (type) {
    case 'Q':
      return { kind: 'query', text: reader.text() };
    case 'P':
      return {
        kind: 'parse',
        name: reader.text(),
        text: reader.text(),
        types: list(reader, () => reader.int32()),
      };
    case 'B':
      return readBind(reader);
    case 'D':
      return readTarget(reader, 'describe');
    case 'C':
      return readTarget(reader, 'close');
    case 'E':
      return { kind: 'execute', portal: reader.text(), rowsMax: reader.int32() };
    case 'H':
      return { kind: 'flush' };
    case 'S':
      return { kind: 'sync' };
    case 'X':
      return { kind: 'terminate' };
    case 'd':
      return { kind: 'copyData', bytes: reader.rest() };
    case 'c':
      return { kind: 'copyDone' };
    case 'f':
      return { kind: 'copyFail', message: reader.text() };
    case 'p':
      reader.rest();
      return { kind: 'password' };
    case 'F':
      reader.rest();
      return { kind: 'functionCall' };
    default:
      throw violation(`invalid frontend message type ${type.charCodeAt(0)}`);
  }
}

function readStartup(reader: BodyReader): FrontendMessage {
  const code = reader.int32();
  if (code === sslCode || code === gssCode) {
    reader.end();
    return { kind: code === sslCode ? 'sslRequest' : 'gssRequest' };
  }
  if (code === cancelCode) {
    const message: FrontendMessage = {
      kind: 'cancelRequest',
      processId: reader.int32(),
      secret: reader.int32(),
    };
    reader.end();
    return message;
  }
  const parameters = new Map<string, string>();
  if (code >>> 16 === 3) {
    while (reader.left > 1) parameters.set(reader.text(), reader.text());
    if (reader.left !== 1 || reader.byte() !== 0)
      throw violation('invalid startup packet layout: expected terminator as last byte');
  }
  return { kind: 'startup', major: code >>> 16, minor: code & 0xffff, parameters };
}

const empty = new Uint8Array(0);

/**
 * Turns chunks of bytes into messages. Before the startup message has come, messages have no type
 * byte.
 */
export class FrontendDecoder {
  readonly #reader = new BodyReader();
  #pending: Uint8Array = empty;
  #at = 0;
  #started = false;

  /** Takes bytes that have come; `next` then gives the messages that are whole. */
  feed(chunk: Uint8Array): void {
    this.#pending =
      this.#at === this.#pending.length ? chunk : concat(this.#pending.subarray(this.#at), chunk);
    this.#at = 0;
  }

  /** True if bytes of an incomplete message are held. */
  get partial(): boolean {
    return this.#at < this.#pending.length;
  }

  /**
   * The next whole message, or undefined until more bytes have come. Throws 08P01 for what no later
   * bytes can mend; the connection is then beyond repair.
   */
  next(): FrontendMessage | undefined {
    const start = this.#started ? this.#at + 1 : this.#at;
    const bytes = this.#pending;
    if (bytes.length < start + 4) return undefined;
    const length = readInt32(bytes, start);
    this.#check(length);
    const end = start + length;
    if (bytes.length < end) return undefined;
    const body = this.#reader;
    body.open(bytes, start + 4, end);
    if (end === bytes.length) {
      this.#pending = empty;
      this.#at = 0;
    } else this.#at = end;
    if (!this.#started) {
      const message = readStartup(body);
      this.#started = message.kind === 'startup';
      return message;
    }
    const message = readBody(String.fromCharCode(bytes[start - 1] ?? 0), body);
    body.end();
    return message;
  }

  #check(length: number): void {
    if (!this.#started) {
      if (length < 8 || length > limits.startupBytesMax)
        throw violation('invalid length of startup packet');
      return;
    }
    if (length < 4) throw violation('invalid message length');
    if (length > limits.messageBytesMax) {
      throw sqlError(
        '54000',
        `message of ${length} bytes is longer than the limit of ${limits.messageBytesMax} bytes`,
      );
    }
  }
}

/**
 * Grows by doubling, so that a large message cut in many pieces is copied a bounded number of
 * times.
 */
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
