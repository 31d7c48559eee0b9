/** Messages of the protocol as lines of a script, in both directions. */
import { assert } from '../../src/base/assert.ts';

/** A message of the server: its name and its contents as JSON, or the fields of a report. */
export interface Shown {
  readonly type: string;
  readonly value: string | readonly (readonly [string, string])[];
}

interface Startup {
  readonly raw?: boolean;
  readonly user?: string;
  readonly database?: string;
  readonly version?: number;
  readonly options?: Readonly<Record<string, string>>;
}

/** Bytes that are read as text where they are text. */
function textOf(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return /[\x00-\x08\x0e-\x1f\ufffd]/.test(text) ? `\\x${bytes.toString('hex')}` : text;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length && this.#bytes[this.#at] !== 0;
  }

  byte(): string {
    return String.fromCharCode(this.#bytes[this.#at++] ?? 0);
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  take(length: number): Buffer {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.int16() }, read);
  }
}

const plain = new Map([
  ['1', 'ParseComplete'],
  ['2', 'BindComplete'],
  ['3', 'CloseComplete'],
  ['n', 'NoData'],
  ['s', 'PortalSuspended'],
  ['I', 'EmptyQueryResponse'],
  ['c', 'CopyDone'],
]);

/** What a server sends, message by message. */
export class FlowMessages {
  processId = 0;
  secret = 0;
  #pending = Buffer.alloc(0);
  #single = false;

  /** The next byte is an answer of its own (to SSLRequest and its like). */
  expectByte(): void {
    this.#single = true;
  }

  /** The start-up packet that the JSON of a `connect` asks for; null for none. */
  static startup(json: string): Buffer | null {
    const options = JSON.parse(json) as Startup;
    if (options.raw === true) return null;
    const pairs = {
      user: options.user ?? 'postgres',
      database: options.database ?? 'materialize',
      ...options.options,
    };
    const body = Object.entries(pairs).flatMap(([key, value]) => [key, '\0', value, '\0']);
    const text = Buffer.from(`${body.join('')}\0`);
    const head = Buffer.alloc(8);
    head.writeInt32BE(text.length + 8, 0);
    head.writeInt32BE(options.version ?? 196_608, 4);
    return Buffer.concat([head, text]);
  }

  /** The contents of a message as a line shows them. */
  static text({ value, type }: Shown, reportFields: string, namesOnly: boolean): string {
    if (typeof value !== 'string') {
      const fields = value.filter(([key]) => reportFields.includes(key));
      return JSON.stringify({ fields: fields.map(([typ, text]) => ({ typ, value: text })) });
    }
    if (type !== 'RowDescription' || !namesOnly) return value;
    const { fields } = JSON.parse(value) as { fields: readonly { name: string }[] };
    return JSON.stringify({ fields: fields.map(({ name }) => ({ name })) });
  }

  /** The messages that are whole with these bytes. */
  read(bytes: Buffer): readonly Shown[] {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const shown: Shown[] = [];
    if (this.#single && this.#pending.length > 0) {
      this.#single = false;
      shown.push({ type: 'EncryptionResponse', value: JSON.stringify(this.#cut(1).toString()) });
    }
    while (this.#pending.length >= 5) {
      const length = this.#pending.readInt32BE(1) + 1;
      if (this.#pending.length < length) break;
      const message = this.#cut(length);
      shown.push(this.#show(String.fromCharCode(message[0] ?? 0), message.subarray(5)));
    }
    return shown;
  }

  #cut(length: number): Buffer {
    const cut = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(length);
    return cut;
  }

  #show(code: string, body: Buffer): Shown {
    const type = plain.get(code);
    if (type !== undefined) return { type, value: '' };
    const reader = new Reader(body);
    const json = (name: string, value: unknown): Shown => ({
      type: name,
      value: JSON.stringify(value),
    });
    switch (code) {
      case 'R':
        return json('Authentication', { code: reader.int32() });
      case 'S':
        return json('ParameterStatus', Object.fromEntries([[reader.text(), reader.text()]]));
      case 'K':
        this.processId = reader.int32();
        this.secret = reader.int32();
        return { type: 'BackendKeyData', value: '' };
      case 'Z':
        return json('ReadyForQuery', { status: reader.byte() });
      case 'C':
        return json('CommandComplete', { tag: reader.text() });
      case 'T':
        return json('RowDescription', { fields: reader.list(() => field(reader)) });
      case 't':
        return json('ParameterDescription', {
          parameters: reader.list(() => reader.int32() >>> 0),
        });
      case 'D':
        return json('DataRow', {
          fields: reader.list(() => {
            const length = reader.int32();
            return length < 0 ? null : textOf(reader.take(length));
          }),
        });
      case 'E':
      case 'N': {
        const value: [string, string][] = [];
        while (reader.more) value.push([reader.byte(), reader.text()]);
        return { type: code === 'E' ? 'ErrorResponse' : 'NoticeResponse', value };
      }
      case 'G':
      case 'H': {
        const format = reader.byte() === '\0' ? 'text' : 'binary';
        const columns = reader.list(() => reader.int16());
        return json(code === 'G' ? 'CopyInResponse' : 'CopyOutResponse', { format, columns });
      }
      case 'd':
        return json('CopyData', textOf(body));
      case 'v': {
        const minor = reader.int32();
        const unrecognized = Array.from({ length: reader.int32() }, () => reader.text());
        return json('NegotiateProtocolVersion', { minor, unrecognized });
      }
      default:
        return json('Unknown', code);
    }
  }
}

function field(reader: Reader): unknown {
  const name = reader.text();
  const tab = reader.int32() === 0 ? 0 : 'rel';
  const [att, oid] = [reader.int16(), reader.int32() >>> 0];
  return { name, tab, att, oid, size: reader.int16(), mod: reader.int32(), fmt: reader.int16() };
}

type Formats = number | readonly (number | 'text' | 'binary')[];

/** Format codes; one alone stands for a list of one. */
function codes(formats: Formats = []): Buffer[] {
  const list = typeof formats === 'number' ? [formats] : formats;
  return list.map((code) => int16(code === 'text' ? 0 : code === 'binary' ? 1 : code));
}

interface Arguments {
  readonly query?: string;
  readonly name?: string;
  readonly types?: readonly number[];
  readonly portal?: string;
  readonly statement?: string;
  readonly formats?: Formats;
  readonly values?: readonly (string | null)[];
  readonly result_formats?: Formats;
  readonly type?: string;
  readonly max_rows?: number;
  readonly hex?: string;
  readonly data?: string;
  readonly message?: string;
}

const zero = (text = ''): Buffer => Buffer.from(`${text}\0`);

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function counted(items: readonly Buffer[]): Buffer {
  return Buffer.concat([int16(items.length), ...items]);
}

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function bind(args: Arguments): Buffer {
  const formats = codes(args.formats);
  const value = (text: string | null): Buffer => {
    if (text === null) return int32(-1);
    const isHex = text.startsWith('\\x') && formats.length > 0;
    const bytes = isHex ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text);
    return Buffer.concat([int32(bytes.length), bytes]);
  };
  return message(
    'B',
    zero(args.portal),
    zero(args.statement),
    counted(formats),
    counted((args.values ?? []).map(value)),
    counted(codes(args.result_formats)),
  );
}

/** The bytes of a message written as `Type {JSON}`. */
export function encodeMessage(line: string): Buffer {
  const space = line.indexOf(' ');
  const type = space < 0 ? line : line.slice(0, space);
  const given: unknown = space < 0 ? {} : JSON.parse(line.slice(space + 1));
  const args = (typeof given === 'string' ? { data: given, message: given } : given) as Arguments;
  switch (type) {
    case 'Query':
      return message('Q', zero(args.query));
    case 'Parse':
      return message(
        'P',
        zero(args.name),
        zero(args.query),
        counted((args.types ?? []).map(int32)),
      );
    case 'Bind':
      return bind(args);
    case 'Describe':
      return message('D', Buffer.from(args.type ?? 'S'), zero(args.name));
    case 'Close':
      return message('C', Buffer.from(args.type ?? 'S'), zero(args.name));
    case 'Execute':
      return message('E', zero(args.portal), int32(args.max_rows ?? 0));
    case 'Sync':
      return message('S');
    case 'Flush':
      return message('H');
    case 'Terminate':
      return message('X');
    case 'CopyData':
      return message(
        'd',
        args.hex === undefined ? Buffer.from(args.data ?? '') : Buffer.from(args.hex, 'hex'),
      );
    case 'CopyDone':
      return message('c');
    case 'CopyFail':
      return message('f', zero(args.message));
    case 'Raw':
      return Buffer.from(args.hex ?? '', 'hex');
    default:
      assert(false, `a message of the protocol, not ${type}`);
  }
}
