/**
 * Slow, plain reference for Avro: what a value that avsc has read should be as a datum, by the JSON
 * of its schema; and random schemas and values for tests.
 */
import { assert } from '../../../src/base/assert.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { decimal, interval } from '../../../dataflow/value/datum.ts';
import { canonicalJsonb } from '../../../dataflow/value/json-text.ts';
import { parseDatum } from '../../../dataflow/value/text-input.ts';
import { formatDatum } from '../../../dataflow/value/text-output.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { Random } from '../../../test/support/random.ts';

/** A schema as JSON, of the shapes that `randomSchema` makes. */
export type Schema =
  | string
  | readonly Schema[]
  | {
      readonly type: string;
      readonly logicalType?: string;
      readonly precision?: number;
      readonly scale?: number;
      readonly name?: string;
      readonly size?: number;
      readonly symbols?: readonly string[];
      readonly items?: Schema;
      readonly values?: Schema;
      readonly fields?: readonly Field[];
    };

export interface Field {
  readonly name: string;
  readonly type: Schema;
  readonly default?: unknown;
  readonly aliases?: readonly string[];
}

type Complex = Exclude<Schema, string | readonly Schema[]>;

function isUnion(schema: Schema): schema is readonly Schema[] {
  return Array.isArray(schema);
}

function complex(schema: Schema): Complex {
  assert(!isUnion(schema), 'a union is taken apart first');
  return typeof schema === 'string' ? { type: schema } : schema;
}

/** The name by which avsc wraps a value of a union. */
export function branchName(schema: Schema): string {
  const { name, type } = complex(schema);
  return name ?? type;
}

/** The branch of a wrapped value and what is in it. */
function unwrap(schema: readonly Schema[], value: unknown): readonly [Schema, unknown] {
  if (value === null) return ['null', null];
  assert(typeof value === 'object', 'a wrapped value is an object');
  const [[name, inner] = []] = Object.entries(value);
  const branch = schema.find((one) => branchName(one) === name);
  assert(branch !== undefined, `the union has branch ${name ?? ''}`);
  return [branch, inner];
}

function bytesOf(value: unknown): Uint8Array {
  assert(value instanceof Uint8Array, 'bytes are bytes');
  return new Uint8Array(value);
}

function signed(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = value * 256n + BigInt(byte);
  return BigInt.asIntN(bytes.length * 8, value);
}

const epoch = 946_684_800_000_000n;

/** The SQL type and the datum of a plain value; null if the value has parts. */
export function plainDatum(schema: Schema, value: unknown): readonly [TypeName, Datum] | null {
  const { type, logicalType, scale } = complex(schema);
  switch (logicalType) {
    case 'decimal':
      return ['numeric', decimal(signed(bytesOf(value)), scale ?? 0)];
    case 'uuid':
      return ['uuid', type === 'fixed' ? bytesOf(value) : parseDatum('uuid', String(value), -1)];
    case 'date':
      return ['date', Number(value) - 10_957];
    case 'duration': {
      const view = new DataView(bytesOf(value).buffer);
      const [months, days, ms] = [0, 4, 8].map((at) => view.getUint32(at, true));
      return ['interval', interval(months, days, BigInt(ms) * 1000n)];
    }
    case 'time-millis':
      return ['time', BigInt(Number(value)) * 1000n];
    case 'time-micros':
      return ['time', BigInt(Number(value))];
    case 'timestamp-millis':
      return ['timestamptz', BigInt(Number(value)) * 1000n - epoch];
    case 'timestamp-micros':
      return ['timestamptz', BigInt(Number(value)) - epoch];
    case 'timestamp-nanos':
      return ['timestamptz', BigInt(Math.floor(Number(value) / 1000)) - epoch];
    case 'local-timestamp-millis':
      return ['timestamp', BigInt(Number(value)) * 1000n - epoch];
    case 'local-timestamp-micros':
      return ['timestamp', BigInt(Number(value)) - epoch];
    default:
      return primitiveDatum(type, value);
  }
}

function primitiveDatum(type: string, value: unknown): readonly [TypeName, Datum] | null {
  switch (type) {
    case 'boolean':
      return ['bool', value === true];
    case 'int':
      return ['int4', Number(value)];
    case 'long':
      return ['int8', BigInt(Number(value))];
    case 'float':
      return ['float4', Math.fround(Number(value))];
    case 'double':
      return ['float8', Number(value)];
    case 'string':
    case 'enum':
      return ['text', String(value)];
    case 'bytes':
    case 'fixed':
      return ['bytea', bytesOf(value)];
    default:
      return null;
  }
}

/** The text of a value as jsonb. */
export function jsonOf(schema: Schema, value: unknown): string {
  if (isUnion(schema)) {
    const [branch, inner] = unwrap(schema, value);
    return jsonOf(branch, inner);
  }
  const { type, items, values, fields } = complex(schema);
  if (type === 'null') return 'null';
  if (type === 'array' && items !== undefined && Array.isArray(value)) {
    const list: readonly unknown[] = value;
    return canonicalJsonb(`[${list.map((one) => jsonOf(items, one)).join(',')}]`);
  }
  if (typeof value === 'object' && value !== null && (type === 'map' || type === 'record')) {
    const members = Object.entries(value).map(([key, one]) => {
      const inner = type === 'map' ? values : fields?.find(({ name }) => name === key)?.type;
      assert(inner !== undefined, `there is a type for ${key}`);
      return `${JSON.stringify(key)}:${jsonOf(inner, one)}`;
    });
    return canonicalJsonb(`{${members.join(',')}}`);
  }
  const plain = plainDatum(schema, value);
  assert(plain !== null, `a ${type} is plain`);
  return plainJson(...plain);
}

function plainJson(type: TypeName, datum: Datum): string {
  const text = formatDatum(type, datum, -1);
  switch (type) {
    case 'bool':
      return datum === true ? 'true' : 'false';
    case 'int4':
    case 'int8':
    case 'numeric':
      return text;
    case 'float4':
    case 'float8':
      return Number.isFinite(datum) ? canonicalJsonb(text) : JSON.stringify(text);
    case 'timestamptz':
      return JSON.stringify(text.replace(' ', 'T').replace(/\+00/, '+00:00'));
    case 'timestamp':
      return JSON.stringify(text.replace(' ', 'T'));
    default:
      return JSON.stringify(text);
  }
}

/** The datums of the columns that a field of this type gives. */
export function columnDatums(schema: Schema, value: unknown): readonly Datum[] {
  if (!isUnion(schema)) return [columnDatum(schema, value)];
  const branches = schema.filter((branch) => branchName(branch) !== 'null');
  const [chosen, inner] = unwrap(schema, value);
  return branches.map((branch) => (branch === chosen ? columnDatum(branch, inner) : null));
}

function columnDatum(schema: Schema, value: unknown): Datum {
  const plain = plainDatum(schema, value);
  if (plain !== null) return plain[1];
  const { type, items } = complex(schema);
  if (type === 'array' && items !== undefined && Array.isArray(value)) {
    const list: readonly unknown[] = value;
    const kinds = (isUnion(items) ? items : [items]).filter((one) => branchName(one) !== 'null');
    const [kind] = kinds;
    const isPlain =
      kinds.length === 1 &&
      kind !== undefined &&
      !['array', 'map', 'record'].includes(complex(kind).type);
    if (isPlain)
      return { kind: 'array', elements: list.map((one) => columnDatums(items, one)[0] ?? null) };
  }
  return jsonOf(schema, value);
}

const logicals: readonly Schema[] = [
  { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 3 },
  { type: 'bytes', logicalType: 'decimal', precision: 40, scale: 0 },
  { type: 'string', logicalType: 'uuid' },
  { type: 'int', logicalType: 'date' },
  { type: 'int', logicalType: 'time-millis' },
  { type: 'long', logicalType: 'time-micros' },
  { type: 'long', logicalType: 'timestamp-millis' },
  { type: 'long', logicalType: 'timestamp-micros' },
  { type: 'long', logicalType: 'timestamp-nanos' },
  { type: 'long', logicalType: 'local-timestamp-millis' },
  { type: 'long', logicalType: 'local-timestamp-micros' },
];
const primitives = ['boolean', 'int', 'long', 'float', 'double', 'string', 'bytes'];

/** Makes schemas with names that do not repeat. */
export class RandomSchemas {
  readonly #random: Random;
  #names = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  record(fieldsMax: number, depth: number): Complex {
    const n = 1 + this.#random.below(fieldsMax);
    const fields = Array.from({ length: n }, (_, k) => ({
      name: `f${k}`,
      type: this.type(depth, true),
    }));
    return { type: 'record', name: `R${this.#names++}`, fields };
  }

  /** `union` says whether the type may be a union. */
  type(depth: number, union: boolean): Schema {
    const random = this.#random;
    if (union && random.chance(0.3)) return this.#union(depth);
    if (depth > 0 && random.chance(0.25)) {
      const kind = random.below(3);
      if (kind === 0) return { type: 'array', items: this.type(depth - 1, true) };
      if (kind === 1) return { type: 'map', values: this.type(depth - 1, true) };
      return this.record(4, depth - 1);
    }
    if (random.chance(0.3)) return random.pick(logicals);
    if (random.chance(0.15)) return this.#named();
    return random.pick(primitives);
  }

  #named(): Schema {
    const name = `N${this.#names++}`;
    switch (this.#random.below(4)) {
      case 0:
        return { type: 'enum', name, symbols: ['A', 'Bb', 'Ccccc', 'LONG_SYMBOL'] };
      case 1:
        return { type: 'fixed', name, size: 1 + this.#random.below(9) };
      case 2:
        return { type: 'fixed', name, size: 12, logicalType: 'duration' };
      default:
        return {
          type: 'fixed',
          name,
          size: 9,
          logicalType: 'decimal',
          precision: 20,
          scale: 4,
        };
    }
  }

  #union(depth: number): Schema {
    const branches: Schema[] = this.#random.chance(0.7) ? ['null'] : [];
    const n = 1 + this.#random.below(3);
    for (let k = 0; k < n; k++) {
      const branch = this.type(Math.max(0, depth - 1), false);
      const kind = (one: Schema): string => branchName(one);
      if (!branches.some((one) => kind(one) === kind(branch))) branches.push(branch);
    }
    if (branches.length > 1 && this.#random.chance(0.3)) branches.reverse();
    return branches;
  }
}

const texts = [
  '',
  'a',
  'plain',
  'exactly8',
  'Grüße',
  '漢字',
  '😀',
  'a "quoted" \\ text',
  'x'.repeat(300),
];

/** A value of the schema, as avsc takes it. */
export function randomValue(schema: Schema, random: Random): unknown {
  if (isUnion(schema)) {
    const branch = random.pick(schema);
    const name = branchName(branch);
    return name === 'null' ? null : { [name]: randomValue(branch, random) };
  }
  const { type, logicalType, size, symbols, items, values, fields } = complex(schema);
  if (logicalType !== undefined) return logicalValue(complex(schema), random);
  const length = random.below(4);
  switch (type) {
    case 'null':
      return null;
    case 'boolean':
      return random.chance(0.5);
    case 'int':
      return random.pick([0, -1, 1, 63, 64, -64, -65, 2 ** 31 - 1, -(2 ** 31), random.next() | 0]);
    case 'long':
      return randomLong(random);
    case 'float':
      return Math.fround(random.pick([0, -1.5, 1e30, 3.4e-30, random.next() / 7]));
    case 'double':
      return random.pick([0, -1.5, 1e300, 5e-324, Infinity, random.next() / 7]);
    case 'string':
      return random.pick(texts);
    case 'bytes':
      return randomBytes(random.below(20), random);
    case 'fixed':
      return randomBytes(size ?? 0, random);
    case 'enum':
      return random.pick(symbols ?? []);
    case 'array':
      return Array.from({ length }, () => randomValue(items ?? 'null', random));
    case 'map':
      return Object.fromEntries(
        Array.from({ length }, (_, k) => [
          `${random.pick(texts)}${k}`,
          randomValue(values ?? 'null', random),
        ]),
      );
    default:
      return Object.fromEntries(
        (fields ?? []).map((field) => [field.name, randomValue(field.type, random)]),
      );
  }
}

function randomBytes(length: number, random: Random): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

function randomLong(random: Random): number {
  const magnitude = Math.floor((random.next() / 2 ** 32) * 2 ** random.below(54));
  return random.chance(0.5) ? magnitude : -magnitude;
}

/** Of decimals, numbers that fit their precision. */
function logicalValue(schema: Complex, random: Random): unknown {
  switch (schema.logicalType) {
    case 'decimal': {
      const digits = BigInt(random.below(schema.precision ?? 1));
      const value = (BigInt(random.next()) * 10n ** digits) / 2n ** 32n;
      return decimalBytes(random.chance(0.5) ? value : -value, schema.size ?? 0);
    }
    case 'uuid': {
      const hex = randomBytes(16, random).toString('hex');
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    }
    case 'duration': {
      const bytes = randomBytes(12, random);
      bytes[3] = (bytes[3] ?? 0) & 0x7f;
      bytes[7] = (bytes[7] ?? 0) & 0x7f;
      return bytes;
    }
    case 'date':
      return random.below(6_000_000) - 2_400_000;
    case 'time-millis':
      return random.below(86_400_001);
    case 'time-micros':
      return random.below(86_400_000_001);
    case 'timestamp-millis':
    case 'local-timestamp-millis':
      return random.below(4e14) - 2e14 < -6e13 ? -6e13 : random.below(4e14);
    default:
      return random.below(4e15) - 2e15;
  }
}

/** Big-endian two's complement in `size` bytes, or as few as hold it. */
export function decimalBytes(value: bigint, size = 0): Buffer {
  let length = 1;
  while (BigInt.asIntN(8 * length, value) !== value) length++;
  const bytes = Buffer.alloc(Math.max(length, size));
  let rest = BigInt.asUintN(8 * bytes.length, value);
  for (let k = bytes.length - 1; k >= 0; k--) {
    bytes[k] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}
