/**
 * The schema part of Debezium's keys and values: what it says of how the values of wanted columns
 * were written. It is the same in record after record, so the last one is kept, byte for byte, with
 * what was read from it; equal bytes are passed without being looked at.
 *
 * What a column's values are becomes part of the number by which the reader of values knows the
 * column's type: type + 32 * encoding + 256 * scale.
 */
import { assert } from '../../../src/base/assert.ts';
import { limits } from '../../../src/base/limits.ts';
import { fieldKind } from '../field-value.ts';
import type { JsonCursor } from '../json-cursor.ts';
import { openBrace } from '../json-cursor.ts';
import type { WantedField } from '../json-fields.ts';

/** Nothing is known but the column's type. */
export const encodingTold = 0;
export const encodingDays = 1;
export const encodingMilliseconds = 2;
export const encodingMicroseconds = 3;
export const encodingNanoseconds = 4;
/** The bytes of a decimal's two's complement; its scale goes with it. */
export const encodingBytes = 5;
/** The digits of a decimal. */
export const encodingDigits = 6;
/** A number that is no time. */
export const encodingPlain = 7;

const typeBits = 5;
const encodingBits = 3;
const scaleMax = 16_383;

const namedEncodings: ReadonlyMap<unknown, number> = new Map([
  ['io.debezium.time.Date', encodingDays],
  ['org.apache.kafka.connect.data.Date', encodingDays],
  ['io.debezium.time.Time', encodingMilliseconds],
  ['org.apache.kafka.connect.data.Time', encodingMilliseconds],
  ['io.debezium.time.MicroTime', encodingMicroseconds],
  ['io.debezium.time.NanoTime', encodingNanoseconds],
  ['io.debezium.time.Timestamp', encodingMilliseconds],
  ['org.apache.kafka.connect.data.Timestamp', encodingMilliseconds],
  ['io.debezium.time.MicroTimestamp', encodingMicroseconds],
  ['io.debezium.time.NanoTimestamp', encodingNanoseconds],
  ['io.debezium.time.MicroDuration', encodingMicroseconds],
  ['io.debezium.time.NanoDuration', encodingNanoseconds],
]);

/** The column's type in a number that may say more. */
export function typeOf(kind: number): number {
  return kind & ((1 << typeBits) - 1);
}

/** How values were written. */
export function encodingOf(kind: number): number {
  return (kind >> typeBits) & ((1 << encodingBits) - 1);
}

/** The scale of a decimal's bytes. */
export function scaleOf(kind: number): number {
  return kind >> (typeBits + encodingBits);
}

/** The last schema part, and what it says. */
export class EventSchema {
  /** For each wanted field, what its values are by the last schema part. */
  readonly kinds: Int32Array;
  readonly #wanted: readonly WantedField[];
  /** The field of the schema that describes rows, or null if it is the whole. */
  readonly #within: string | null;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(wanted: readonly WantedField[], within: string | null) {
    this.#wanted = wanted;
    this.#within = within;
    this.kinds = Int32Array.from(wanted, ({ type }) => fieldKind(type));
  }

  /** Reads the schema part at `at`; answers the index after it, or -1. */
  read(cursor: JsonCursor, at: number): number {
    const known = this.#bytes;
    const after = at + known.length;
    const isKnown =
      known.length > 0 &&
      after <= cursor.end &&
      cursor.buffer.compare(known, 0, known.length, at, after) === 0;
    if (isKnown) return after;
    const next = cursor.skipValue(at, limits.jsonDepthMax);
    if (next < 0) return -1;
    if (next - at > limits.debeziumSchemaBytesMax)
      return cursor.fail('its schema part is too long', '54000');
    this.#learn(cursor.text(at, next));
    // Only an object ends where it ends, whatever comes behind it: a number may go on.
    const isObject = cursor.bytes[at] === openBrace;
    this.#bytes = isObject ? Buffer.from(cursor.buffer.subarray(at, next)) : Buffer.alloc(0);
    return next;
  }

  #learn(text: string): void {
    const whole: unknown = JSON.parse(text);
    const fields = fieldsOf(this.#within === null ? whole : fieldsOf(whole).get(this.#within));
    this.#wanted.forEach(({ name, type }, i) => {
      const kind = fieldKind(type);
      assert(kind < 1 << typeBits, `type ${kind} has a number of five bits`);
      const field = fields.get(name);
      this.kinds[i] = field === undefined ? kind : kind + (encodingNumber(field) << typeBits);
    });
  }
}

/** A field's encoding, with its scale above it. */
function encodingNumber(field: object): number {
  const named = namedEncodings.get(property(field, 'name'));
  if (named !== undefined) return named;
  switch (property(field, 'type')) {
    case 'string':
      return encodingDigits;
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return encodingPlain;
    case 'bytes': {
      if (property(field, 'name') !== 'org.apache.kafka.connect.data.Decimal') return encodingTold;
      const scale = property(property(field, 'parameters'), 'scale');
      const isScale = typeof scale === 'string' && /^\d{1,5}$/.test(scale);
      return isScale && Number(scale) <= scaleMax
        ? encodingBytes + (Number(scale) << encodingBits)
        : encodingTold;
    }
    default:
      return encodingTold;
  }
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
}

/** The fields of a struct's schema by name. */
function fieldsOf(struct: unknown): ReadonlyMap<unknown, object> {
  const fields: unknown = property(struct, 'fields');
  const items: readonly unknown[] = Array.isArray(fields) ? fields : [];
  return new Map(
    items.flatMap((item): [unknown, object][] =>
      typeof item === 'object' && item !== null ? [[property(item, 'field'), item]] : [],
    ),
  );
}
