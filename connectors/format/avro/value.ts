/**
 * One Avro value to a datum, as its plan says: the plain and complete way, which the generated
 * reader leaves rare and faulty values to. jsonb values are made as canonical text.
 */
import { assert, unreachable } from '../../../src/base/assert.ts';
import { SqlError } from '../../../src/base/error.ts';
import { formatBytea, formatUuid, parseUuid } from '../../../dataflow/value/bytea-text.ts';
import { unixEpochDays, unixEpochMicroseconds } from '../../../dataflow/value/calendar.ts';
import {
  formatDate,
  formatTime,
  formatTimestamp,
  isDate,
  isTimestamp,
  parseTimestamptz,
} from '../../../dataflow/value/datetime-text.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { decimal, interval } from '../../../dataflow/value/datum.ts';
import { formatDecimal } from '../../../dataflow/value/decimal-text.ts';
import {
  numericIntegerDigitsMax,
  numericScaleMax,
  tenTo,
} from '../../../dataflow/value/decimal.ts';
import { formatInterval } from '../../../dataflow/value/interval-text.ts';
import {
  canonicalJsonb,
  jsonQuote,
  jsonbArray,
  jsonbObject,
} from '../../../dataflow/value/json-text.ts';
import { formatFloat } from '../../../dataflow/value/number-text.ts';
import { usuallyUnavailable } from '../debezium/unavailable.ts';
import { AvroInput, BadAvro } from './input.ts';
import type { RecordPlan, ScalarPlan, ValuePlan } from './plan.ts';

const dayMicroseconds = 86_400_000_000n;
const int4Max = 0x7fffffff;
/** Bytes of an integer that a numeric can hold; a digit takes more than 0.415 of them. */
const decimalBytesMax = Math.floor(numericIntegerDigitsMax * 0.415);

/** Reads a value for a column that is not jsonb. NULL is null. */
export function readDatum(plan: ValuePlan, input: AvroInput, depth: number): Datum {
  input.count(depth);
  switch (plan.kind) {
    case 'null':
      return null;
    case 'scalar':
      return readScalar(plan, input);
    case 'enum':
      return readSymbol(plan, input);
    case 'union':
      return readDatum(branchOf(plan.branches, input), input, depth + 1);
    case 'array': {
      const elements: Datum[] = [];
      for (let n = input.block(); n > 0; n = input.block())
        for (let k = 0; k < n; k++) elements.push(readDatum(plan.items, input, depth + 1));
      return { kind: 'array', elements };
    }
    case 'variable decimal':
      return readVariableDecimal(input);
    case 'refused':
      throw new BadAvro(plan.reason, '42804');
    case 'record':
    case 'map':
      assert(false, `a ${plan.kind} is read as jsonb`);
      return null;
    default:
      return unreachable(plan);
  }
}

function branchOf(branches: readonly ValuePlan[], input: AvroInput): ValuePlan {
  return branches[input.index(branches.length, 'branch')];
}

function readSymbol(plan: Extract<ValuePlan, { kind: 'enum' }>, input: AvroInput): string {
  const index = input.index(plan.symbols.length, 'symbol');
  const symbol = plan.symbols[index];
  if (symbol === null)
    throw new BadAvro(`symbol ${index} of the writer is unknown to enum ${plan.name}`, '42804');
  return symbol;
}

/** Reads a plain value in the form of its type. */
function readScalar(plan: ScalarPlan, input: AvroInput): Datum {
  switch (plan.meaning) {
    case 'bool':
      return input.boolean();
    case 'int4':
      return input.int();
    case 'int8':
      return plan.wire === 'int' ? BigInt(input.int()) : input.long();
    case 'float4':
      return Math.fround(readNumber(plan, input));
    case 'float8':
      return readNumber(plan, input);
    case 'text':
      return input.text(input.length());
    case 'bytea':
      return new Uint8Array(readRun(plan, input));
    case 'uuid':
      return readUuid(plan, input);
    case 'decimal':
      return readDecimal(plan, input);
    case 'interval':
      return readDuration(input);
    case 'zoned-timestamp':
      return valueOf(() => parseTimestamptz(input.text(input.length())));
    case 'json':
      return input.text(input.length());
    case 'date': {
      const days = input.int() + unixEpochDays;
      if (!isDate(days)) throw new BadAvro('date out of range', '22008');
      return days;
    }
    case 'time-millis':
    case 'time-micros':
      return readTime(plan, input);
    case 'timestamp-millis':
    case 'timestamp-micros':
    case 'timestamp-nanos':
      return readTimestamp(plan, input);
    default:
      return unreachable(plan.meaning);
  }
}

function readNumber(plan: ScalarPlan, input: AvroInput): number {
  switch (plan.wire) {
    case 'int':
      return input.int();
    case 'long':
      return Number(input.long());
    case 'float':
      return input.float();
    default:
      return input.double();
  }
}

function readRun(plan: ScalarPlan, input: AvroInput): Uint8Array {
  return input.run(plan.wire === 'fixed' ? plan.size : input.length());
}

function readUuid(plan: ScalarPlan, input: AvroInput): Uint8Array {
  if (plan.wire === 'fixed') return new Uint8Array(input.run(plan.size));
  const text = input.text(input.length());
  return valueOf(() => parseUuid(text));
}

/** A value that is read from text, which may be wrong. */
function valueOf<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw new BadAvro(error.message, error.fields.code);
  }
}

/** A decimal with its own scale, and no bound on its digits but that of numeric. */
function readVariableDecimal(input: AvroInput): Datum {
  const scale = input.int();
  const digits = readDecimal({ ...unscaled, scale: 0 }, input);
  assert(typeof digits === 'object' && digits !== null && 'kind' in digits, 'bytes are a number');
  assert(digits.kind === 'decimal', 'bytes are a decimal');
  if (Math.abs(scale) > numericScaleMax) throw new BadAvro(`a scale of ${scale}`, '22003');
  return scale >= 0
    ? decimal(digits.coefficient, scale)
    : decimal(digits.coefficient * tenTo(-scale), 0);
}

const unscaled: ScalarPlan = {
  kind: 'scalar',
  wire: 'bytes',
  size: 0,
  meaning: 'decimal',
  precision: Number.MAX_SAFE_INTEGER,
  scale: 0,
  instant: false,
};

function readDecimal(plan: ScalarPlan, input: AvroInput): Datum {
  const bytes = readRun(plan, input);
  if (bytes.length === 0) throw new BadAvro('a decimal has no bytes');
  if (bytes.length > decimalBytesMax) throw new BadAvro('numeric field overflow', '22003');
  let hex = '0x';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  const coefficient = BigInt.asIntN(bytes.length * 8, BigInt(hex));
  const isBounded = plan.precision <= numericIntegerDigitsMax;
  const magnitude = coefficient < 0n ? -coefficient : coefficient;
  if (isBounded && magnitude >= tenTo(plan.precision)) {
    throw new BadAvro(
      `the value has more than the ${plan.precision} digits of its decimal`,
      '22003',
    );
  }
  return decimal(coefficient, plan.scale);
}

/** Months, days and milliseconds, each an unsigned little-endian number of 32 bits. */
function readDuration(input: AvroInput): Datum {
  const at = input.take(12);
  const part = (k: number): number => {
    const [a, b, c, d] = input.bytes.subarray(at + k, at + k + 4);
    return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  };
  const months = part(0);
  const days = part(4);
  if (months > int4Max || days > int4Max) throw new BadAvro('interval out of range', '22008');
  return interval(months, days, BigInt(part(8)) * 1000n);
}

function readInteger(plan: ScalarPlan, input: AvroInput): bigint {
  return plan.wire === 'int' ? BigInt(input.int()) : input.long();
}

function readTime(plan: ScalarPlan, input: AvroInput): bigint {
  const value = readInteger(plan, input);
  const microseconds = plan.meaning === 'time-millis' ? value * 1000n : value;
  if (microseconds < 0n || microseconds > dayMicroseconds)
    throw new BadAvro('time out of range', '22008');
  return microseconds;
}

function readTimestamp(plan: ScalarPlan, input: AvroInput): bigint {
  const value = readInteger(plan, input);
  const unix =
    plan.meaning === 'timestamp-millis'
      ? value * 1000n
      : plan.meaning === 'timestamp-micros'
        ? value
        : (value - (((value % 1000n) + 1000n) % 1000n)) / 1000n;
  const microseconds = unix + unixEpochMicroseconds;
  if (!isTimestamp(microseconds)) throw new BadAvro('timestamp out of range', '22008');
  return microseconds;
}

/** Reads a value as canonical jsonb text. */
export function readJson(plan: ValuePlan, input: AvroInput, depth: number): string {
  input.count(depth);
  switch (plan.kind) {
    case 'null':
      return 'null';
    case 'scalar':
      if (plan.meaning === 'json') return readDocument(input);
      return scalarJson(plan, readScalar(plan, input));
    case 'enum':
      return jsonQuote(readSymbol(plan, input));
    case 'union':
      return readJson(branchOf(plan.branches, input), input, depth + 1);
    case 'array': {
      const elements: string[] = [];
      for (let n = input.block(); n > 0; n = input.block())
        for (let k = 0; k < n; k++) elements.push(readJson(plan.items, input, depth + 1));
      return jsonbArray(elements);
    }
    case 'map': {
      const members: [string, string][] = [];
      for (let n = input.block(); n > 0; n = input.block()) {
        for (let k = 0; k < n; k++) {
          const key = input.text(input.length());
          members.push([key, readJson(plan.values, input, depth + 1)]);
        }
      }
      return jsonbObject(members);
    }
    case 'record':
      return readRecord(plan, input, depth);
    case 'variable decimal': {
      const value = readVariableDecimal(input);
      assert(typeof value === 'object' && value !== null && 'kind' in value, 'it is a number');
      assert(value.kind === 'decimal', 'it is a decimal');
      return formatDecimal(value);
    }
    case 'refused':
      throw new BadAvro(plan.reason, '42804');
    default:
      return unreachable(plan);
  }
}

function readRecord(plan: RecordPlan, input: AvroInput, depth: number): string {
  const members: [string, string][] = [];
  for (const field of plan.fields) {
    if (field.plan === null) input.skip(field.wire, depth + 1);
    else members.push([field.name, readJson(field.plan, input, depth + 1)]);
  }
  for (const { name, initial, plan: own } of plan.missing) {
    const inner = new AvroInput();
    inner.open(initial, 0, initial.length);
    members.push([name, readJson(own, inner, depth + 1)]);
  }
  return jsonbObject(members);
}

/** A document that was written as text; the text for one that is missing is a string. */
function readDocument(input: AvroInput): string {
  const text = input.text(input.length());
  return text === usuallyUnavailable ? jsonQuote(text) : valueOf(() => canonicalJsonb(text));
}

/** As `to_jsonb` of Postgres would have it. */
function scalarJson(plan: ScalarPlan, datum: Datum): string {
  if (typeof datum === 'boolean') return datum ? 'true' : 'false';
  if (typeof datum === 'string') return jsonQuote(datum);
  if (datum instanceof Uint8Array)
    return jsonQuote(plan.meaning === 'uuid' ? formatUuid(datum) : formatBytea(datum));
  if (typeof datum === 'bigint') {
    if (plan.meaning === 'int8') return String(datum);
    if (plan.meaning.startsWith('time-')) return jsonQuote(formatTime(Number(datum)));
    return jsonQuote(timestampText(datum, plan.instant));
  }
  if (typeof datum === 'number') {
    if (plan.meaning === 'int4') return String(datum);
    if (plan.meaning === 'date') return jsonQuote(formatDate(datum));
    const text = formatFloat(plan.meaning === 'float4' ? 'float4' : 'float8', datum);
    return Number.isFinite(datum) ? canonicalJsonb(text) : jsonQuote(text);
  }
  assert(datum !== null && datum.kind !== 'array', 'a plain value is neither NULL nor an array');
  return datum.kind === 'decimal' ? formatDecimal(datum) : jsonQuote(formatInterval(datum));
}

/** ISO 8601 with a T; the zone of instants is UTC. */
function timestampText(microseconds: bigint, instant: boolean): string {
  const text = formatTimestamp(microseconds).replace(' ', 'T');
  if (!instant) return text;
  return text.endsWith(' BC') ? `${text.slice(0, -3)}+00:00 BC` : `${text}+00:00`;
}
