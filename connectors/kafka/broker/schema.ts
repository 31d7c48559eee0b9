/**
 * Message schemas as data: a `Field<T>` reads and writes one value of the Kafka protocol at a given
 * version, and messages are records of fields in wire order. From Kafka's version of "flexible" on,
 * strings and arrays are compact and each record ends with tagged fields (KIP-482); the same field
 * serves both forms. The types of messages follow from their schemas.
 *
 * Record batches are not copied into answers: `records` keeps them apart, and
 * `MessageWriter.pieces` lists the encoded parts and the batches in their order.
 */
import type { WireReader } from '../wire.ts';
import { WireError, WireWriter } from '../wire.ts';

/** The version that a message is read or written at. */
export interface Version {
  readonly version: number;
  readonly flexible: boolean;
}

/** Gathers an answer: encoded bytes, with runs of foreign bytes between them. */
export class MessageWriter {
  readonly wire = new WireWriter();
  readonly #foreign: { readonly at: number; readonly pieces: readonly Uint8Array[] }[] = [];

  /** Puts bytes here without copying them. They must not change any more. */
  splice(pieces: readonly Uint8Array[]): void {
    if (pieces.length > 0) this.#foreign.push({ at: this.wire.bytes().length, pieces });
  }

  /** Everything, in order. */
  pieces(): Uint8Array[] {
    const encoded = this.wire.bytes();
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (const { at, pieces: foreign } of this.#foreign) {
      pieces.push(encoded.subarray(from, at), ...foreign);
      from = at;
    }
    pieces.push(encoded.subarray(from));
    return pieces;
  }
}

/** One value of a message. */
export interface Field<T> {
  read(reader: WireReader, at: Version): T;
  write(writer: MessageWriter, value: T, at: Version): void;
}

/** The type of a field's values. */
export type ValueOf<F> = F extends Field<infer T> ? T : never;

type Fields = Readonly<Record<string, Field<unknown>>>;
type RecordOf<F extends Fields> = { [K in keyof F]: ValueOf<F[K]> };

export const int8: Field<number> = {
  read: (reader) => reader.int8(),
  write: (writer, value) => void writer.wire.int8(value),
};

export const int16: Field<number> = {
  read: (reader) => reader.int16(),
  write: (writer, value) => void writer.wire.int16(value),
};

export const int32: Field<number> = {
  read: (reader) => reader.int32(),
  write: (writer, value) => void writer.wire.int32(value),
};

export const int64: Field<bigint> = {
  read: (reader) => reader.int64(),
  write: (writer, value) => void writer.wire.int64(value),
};

export const bool: Field<boolean> = {
  read: (reader) => reader.bool(),
  write: (writer, value) => void writer.wire.bool(value),
};

/** Sixteen bytes as 32 hexadecimal digits. */
export const uuid: Field<string> = {
  read: (reader) => Buffer.from(reader.slice(16)).toString('hex'),
  write: (writer, value) => void writer.wire.raw(Buffer.from(value, 'hex')),
};

export const nullableString: Field<string | null> = {
  read: (reader, at) => (at.flexible ? reader.compactString() : reader.nullableString()),
  write(writer, value, at) {
    if (at.flexible) writer.wire.compactString(value);
    else writer.wire.nullableString(value);
  },
};

export const string: Field<string> = {
  read(reader, at) {
    const text = nullableString.read(reader, at);
    if (text === null) throw new WireError('a string is NULL that may not be');
    return text;
  },
  write: (writer, value, at) => nullableString.write(writer, value, at),
};

function readBytes(reader: WireReader, at: Version): Uint8Array | null {
  const length = at.flexible ? reader.uvarint() - 1 : reader.int32();
  return length < 0 ? null : reader.slice(length);
}

function writeLength(writer: MessageWriter, length: number, at: Version): void {
  if (at.flexible) writer.wire.uvarint(length + 1);
  else writer.wire.int32(length);
}

/** Bytes; NULL reads as none. What is read is a view of the frame. */
export const bytes: Field<Uint8Array> = {
  read: (reader, at) => readBytes(reader, at) ?? new Uint8Array(0),
  write(writer, value, at) {
    writeLength(writer, value.length, at);
    writer.wire.raw(value);
  },
};

/** Record batches: pieces that stand one after the other, never copied. */
export const records: Field<readonly Uint8Array[]> = {
  read(reader, at) {
    const found = readBytes(reader, at);
    return found === null ? [] : [found];
  },
  write(writer, value, at) {
    writeLength(
      writer,
      value.reduce((sum, piece) => sum + piece.length, 0),
      at,
    );
    writer.splice(value);
  },
};

/** A list, or NULL. */
export function nullableArray<T>(item: Field<T>): Field<readonly T[] | null> {
  return {
    read(reader, at) {
      const count = at.flexible ? reader.uvarint() - 1 : reader.int32();
      if (count < 0) return null;
      // Every item has at least a byte: a count beyond the frame is a lie.
      if (count > reader.bytes.length - reader.position)
        throw new WireError(`an array claims ${count} items`);
      return Array.from({ length: count }, () => item.read(reader, at));
    },
    write(writer, value, at) {
      writeLength(writer, value === null ? -1 : value.length, at);
      for (const one of value ?? []) item.write(writer, one, at);
    },
  };
}

/** A list; NULL reads as none. */
export function array<T>(item: Field<T>): Field<readonly T[]> {
  const nullable = nullableArray(item);
  return {
    read: (reader, at) => nullable.read(reader, at) ?? [],
    write: (writer, value, at) => nullable.write(writer, value, at),
  };
}

/** A field that is there in versions `from` to `to`; elsewhere it reads as `otherwise`. */
export function within<T>(from: number, to: number, field: Field<T>, otherwise: T): Field<T> {
  const there = (at: Version): boolean => at.version >= from && at.version <= to;
  return {
    read: (reader, at) => (there(at) ? field.read(reader, at) : otherwise),
    write(writer, value, at) {
      if (there(at)) field.write(writer, value, at);
    },
  };
}

/** A field that came with version `from`. */
export function since<T>(from: number, field: Field<T>, otherwise: T): Field<T> {
  return within(from, Infinity, field, otherwise);
}

/** Fields one after the other, with tagged fields (skipped, never written) in flexible versions. */
export function record<F extends Fields>(fields: F): Field<RecordOf<F>> {
  const entries = Object.entries(fields);
  return {
    read(reader, at) {
      const value = Object.fromEntries(
        entries.map(([name, field]) => [name, field.read(reader, at)]),
      );
      if (at.flexible) reader.tags();
      // Built from the very entries that the type is made of.
      return value as RecordOf<F>;
    },
    write(writer, value, at) {
      for (const [name, field] of entries) field.write(writer, value[name], at);
      if (at.flexible) writer.wire.tags();
    },
  };
}

/** One request and its answer, with the versions that are spoken. */
export interface Api<Request, Answer> {
  readonly key: number;
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** First flexible version. */
  readonly flexible: number;
  readonly request: Field<Request>;
  readonly answer: Field<Answer>;
}

/** Declares an API: key, name, versions [min, max, first flexible one], request and answer. */
export function api<Q extends Fields, A extends Fields>(
  key: number,
  name: string,
  [min, max, flexible]: readonly [number, number, number],
  request: Q,
  answer: A,
): Api<RecordOf<Q>, RecordOf<A>> {
  return { key, name, min, max, flexible, request: record(request), answer: record(answer) };
}
