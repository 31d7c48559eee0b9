/**
 * The text of an Avro schema to `AvroType`, read by avsc: the one file of the product that knows
 * that library. A text is self-contained: what it refers to, it defines.
 *
 * avsc makes code out of names, but only of those that fit Avro's rule for names (letters, digits,
 * underscores), which it checks. Before it sees a text, size, depth and number of types are bounded
 * here, since it walks schemas by recursion.
 */
import avro from 'avsc';
import type { Type, types } from 'avsc';
import { assert } from '../../../src/base/assert.ts';
import { limits } from '../../../src/base/limits.ts';
import { AvroSchemaError, requireBounded } from './bounded.ts';
import type { AvroField, AvroType, Logical } from './schema.ts';

const primitives = [
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
] as const;

const plainLogicals = [
  'uuid',
  'date',
  'duration',
  'time-millis',
  'time-micros',
  'timestamp-millis',
  'timestamp-micros',
  'timestamp-nanos',
  'local-timestamp-millis',
  'local-timestamp-micros',
  'local-timestamp-nanos',
  'zoned-timestamp',
  'json',
] as const;

type Schema = Parameters<typeof Type.forSchema>[0];

/** Keeps a logical type's attributes; values pass through it as they are. */
class Annotated extends avro.types.LogicalType {
  readonly attributes: unknown;

  constructor(schema: Schema, options?: unknown) {
    super(schema, options);
    this.attributes = schema;
  }

  protected override _fromValue(value: unknown): unknown {
    return value;
  }

  protected override _toValue(value: unknown): unknown {
    return value;
  }
}

const logicalTypes = Object.fromEntries(
  ['decimal', ...plainLogicals].map((name) => [name, Annotated]),
);

/** The schema that a text is. Throws AvroSchemaError. */
export function parseSchema(text: string): AvroType {
  if (text.length > limits.avroSchemaUnitsMax) {
    throw new AvroSchemaError(
      `the schema is longer than ${limits.avroSchemaUnitsMax} characters (avroSchemaUnitsMax)`,
    );
  }
  const json = jsonOf(text);
  requireBounded(json);
  const registry: Record<string, Type> = Object.create(null);
  try {
    const type = avro.Type.forSchema(json, { registry, logicalTypes, wrapUnions: true });
    return new Converter().type(type);
  } catch (error) {
    if (error instanceof AvroSchemaError) throw error;
    throw new AvroSchemaError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Why records written with `writer` cannot be read as `reader`, by avsc's own rules; null if they
 * can. Throws AvroSchemaError if one of them is no schema.
 */
export function unreadable(reader: string, writer: string): string | null {
  const [readerType, writerType] = [reader, writer].map((text) => {
    parseSchema(text);
    const registry: Record<string, Type> = Object.create(null);
    return avro.Type.forSchema(jsonOf(text), { registry, wrapUnions: true });
  });
  try {
    readerType.createResolver(writerType);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A schema is JSON; a primitive's bare name is taken too, as registries do. */
function jsonOf(text: string): Schema {
  const primitive = primitives.find((name) => name === text.trim());
  if (primitive !== undefined) return primitive;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AvroSchemaError(
      `the schema is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Types of avsc to ours; a named type is converted once. */
class Converter {
  readonly #known = new Map<Type, AvroType>();

  type(type: Type): AvroType {
    const known = this.#known.get(type);
    if (known !== undefined) return known;
    if (type instanceof Annotated) return this.#annotated(type);
    const primitive = primitives.find((name) => name === type.typeName);
    if (primitive !== undefined) return { kind: primitive, logical: null };
    if (type instanceof avro.types.RecordType) return this.#record(type);
    const converted = this.#other(type);
    this.#known.set(type, converted);
    return converted;
  }

  #other(type: Type): AvroType {
    const named = { name: type.name ?? '', aliases: type.aliases ?? [] };
    if (type instanceof avro.types.EnumType) {
      const fallback: unknown = 'default' in type ? type.default : undefined;
      return {
        kind: 'enum',
        ...named,
        symbols: type.symbols,
        fallback: typeof fallback === 'string' ? fallback : null,
      };
    }
    if (type instanceof avro.types.FixedType)
      return { kind: 'fixed', ...named, size: type.size, logical: null };
    if (type instanceof avro.types.ArrayType)
      return { kind: 'array', items: this.type(type.itemsType) };
    if (type instanceof avro.types.MapType)
      return { kind: 'map', values: this.type(type.valuesType) };
    assert(type instanceof avro.types.WrappedUnionType, `avsc has no type ${type.typeName}`);
    return { kind: 'union', branches: type.types.map((branch) => this.type(branch)) };
  }

  /** A record may contain itself, so it is known before its fields are. */
  #record(type: types.RecordType): AvroType {
    const fields: AvroField[] = [];
    const record: AvroType = {
      kind: 'record',
      name: type.name ?? '',
      aliases: type.aliases ?? [],
      fields,
    };
    this.#known.set(type, record);
    for (const field of type.fields) {
      fields.push({
        name: field.name,
        aliases: field.aliases,
        type: this.type(field.type),
        initial: initialOf(field),
      });
    }
    return record;
  }

  #annotated(type: Annotated): AvroType {
    const underlying = this.type(type.underlyingType);
    const converted = withLogical(underlying, type.attributes);
    this.#known.set(type, converted);
    return converted;
  }
}

function initialOf(field: types.Field): Uint8Array | null {
  const value: unknown = field.defaultValue();
  return value === undefined ? null : new Uint8Array(field.type.toBuffer(value));
}

/** A logical type that does not fit what it stands on is ignored, as the specification wants. */
function withLogical(type: AvroType, attributes: unknown): AvroType {
  const logical = logicalOf(attributes);
  if (logical === null || !isFitting(logical, type)) return type;
  return 'logical' in type ? { ...type, logical } : type;
}

function logicalOf(attributes: unknown): Logical | null {
  if (typeof attributes !== 'object' || attributes === null || !('logicalType' in attributes))
    return null;
  const name = attributes.logicalType;
  const plain = plainLogicals.find((one) => one === name);
  if (plain !== undefined) return { kind: plain };
  if (name !== 'decimal') return null;
  const precision = 'precision' in attributes ? attributes.precision : undefined;
  const scale = 'scale' in attributes ? attributes.scale : 0;
  if (typeof precision !== 'number' || typeof scale !== 'number') return null;
  const isValid =
    Number.isInteger(precision) &&
    Number.isInteger(scale) &&
    precision >= 1 &&
    scale >= 0 &&
    scale <= precision;
  return isValid ? { kind: 'decimal', precision, scale } : null;
}

function isFitting(logical: Logical, type: AvroType): boolean {
  switch (logical.kind) {
    case 'decimal':
      return type.kind === 'bytes' || type.kind === 'fixed';
    case 'uuid':
      return type.kind === 'string' || (type.kind === 'fixed' && type.size === 16);
    case 'zoned-timestamp':
    case 'json':
      return type.kind === 'string';
    case 'duration':
      return type.kind === 'fixed' && type.size === 12;
    case 'date':
    case 'time-millis':
      return type.kind === 'int';
    default:
      return type.kind === 'long';
  }
}
