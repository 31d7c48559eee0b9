/**
 * The text of a Protobuf schema to `ProtoSchema`, read by protobufjs: the one file of the product
 * that knows that library. Only its parsers are used, never the code that it makes for messages.
 *
 * A text is self-contained, in one of three forms that cannot be taken for each other:
 *  - the source of one `.proto` file, which may import nothing but Google's well-known types;
 *  - several sources as a JSON list of [name, source], the main one first, as they come from a
 *    registry;
 *  - a `FileDescriptorSet`, as `\x` and hexadecimal digits or as base64; its last file is the main
 *    one. Sources have braces or semicolons, which base64 has not.
 *
 * Sizes and depth are bounded before the library sees the text.
 */
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';
import { limits } from '../../../src/base/limits.ts';
import type {
  Initial,
  ProtoEnum,
  ProtoField,
  ProtoMessage,
  ProtoSchema,
  ScalarName,
} from './schema.ts';

/** Why a text is no schema that can be read. */
export class ProtobufSchemaError extends Error {
  override readonly name = 'ProtobufSchemaError';
}

const scalars: ReadonlyMap<string, ScalarName> = new Map(
  (
    [
      'double',
      'float',
      'int32',
      'uint32',
      'sint32',
      'fixed32',
      'sfixed32',
      'int64',
      'uint64',
      'sint64',
      'fixed64',
      'sfixed64',
      'bool',
      'string',
      'bytes',
    ] as const
  ).map((name) => [name, name]),
);

/** A source with the name by which others import it. */
export type ProtoFile = readonly [name: string, source: string];

/** One text of a main file and those that it needs. */
export function bundled(main: string, imports: readonly ProtoFile[]): string {
  return imports.length === 0 ? main : JSON.stringify([['', main], ...imports]);
}

/** The schema that a text is. Throws ProtobufSchemaError. */
export function parseProtobuf(text: string): ProtoSchema {
  if (text.length > limits.protobufSchemaUnitsMax) {
    throw new ProtobufSchemaError(
      `the schema is longer than ${limits.protobufSchemaUnitsMax} characters (protobufSchemaUnitsMax)`,
    );
  }
  const trimmed = text.trim();
  try {
    if (trimmed.startsWith('[')) return ofSources(filesOf(trimmed));
    const bytes = descriptorBytes(trimmed);
    return bytes === null ? ofSources([['', text]]) : ofDescriptor(bytes);
  } catch (error) {
    if (error instanceof ProtobufSchemaError) throw error;
    throw new ProtobufSchemaError(error instanceof Error ? error.message : String(error));
  }
}

function filesOf(json: string): readonly ProtoFile[] {
  const list: unknown = JSON.parse(json);
  const items: readonly unknown[] = Array.isArray(list) ? list : [];
  const files = items.flatMap((item): readonly ProtoFile[] => {
    if (!Array.isArray(item)) return [];
    const [name, source]: unknown[] = item;
    return typeof name === 'string' && typeof source === 'string' ? [[name, source]] : [];
  });
  if (files.length === 0 || files.length !== items.length)
    throw new ProtobufSchemaError('the list of files is malformed');
  return files;
}

/** The bytes of a descriptor, or null if the text is a source. */
function descriptorBytes(text: string): Uint8Array | null {
  if (text.startsWith('\\x')) {
    const digits = text.slice(2).replaceAll(/\s/g, '');
    if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits))
      throw new ProtobufSchemaError('the descriptor is not hexadecimal');
    return new Uint8Array(Buffer.from(digits, 'hex'));
  }
  return text !== '' && /^[A-Za-z0-9+/=\s]+$/.test(text)
    ? new Uint8Array(Buffer.from(text, 'base64'))
    : null;
}

/** Nesting of braces, quotes and comments aside: a bound, not a syntax. */
function requireShallow(source: string): void {
  let depth = 0;
  for (const character of source) {
    if (character === '{') depth++;
    else if (character === '}') depth--;
    if (depth > limits.protobufSchemaDepthMax) {
      throw new ProtobufSchemaError(
        `the schema is nested deeper than ${limits.protobufSchemaDepthMax} levels (protobufSchemaDepthMax)`,
      );
    }
  }
}

function ofSources(files: readonly ProtoFile[]): ProtoSchema {
  const root = new protobuf.Root();
  const own = new protobuf.Root();
  const wanted = new Set<string>();
  const known = new Set(files.map(([name]) => name));
  files.forEach(([, source], k) => {
    requireShallow(source);
    const { imports = [], weakImports = [] } = protobuf.parse(source, root, { keepCase: true });
    for (const name of [...imports, ...weakImports]) wanted.add(name);
    if (k === 0) protobuf.parse(source, own, { keepCase: true });
  });
  for (const name of wanted) if (!known.has(name)) addCommon(root, name, new Set());
  root.resolveAll();
  const names = topMessages(own);
  return new Converter().schema(root, names);
}

/** Google's own files, which come with the library, and what they import. */
function addCommon(root: protobuf.Root, name: string, added: Set<string>): void {
  if (added.has(name)) return;
  added.add(name);
  const found = protobuf.common.get(name);
  // Options of fields, which say nothing about records.
  if (found === null && (name === 'google/protobuf/descriptor.proto' || isConfluent(name))) return;
  if (found?.nested === undefined)
    throw new ProtobufSchemaError(`the schema imports "${name}", which is not there`);
  root.addJSON(found.nested);
}

function isConfluent(name: string): boolean {
  return name === 'confluent/meta.proto';
}

/** Full names of the messages of one file, in order. */
function topMessages(namespace: protobuf.NamespaceBase): readonly string[] {
  return namespace.nestedArray.flatMap((one): readonly string[] => {
    if (one instanceof protobuf.Type) return [plainName(one)];
    return one instanceof protobuf.Namespace ? topMessages(one) : [];
  });
}

function ofDescriptor(bytes: Uint8Array): ProtoSchema {
  const set: unknown = descriptor.FileDescriptorSet.decode(bytes).toJSON();
  const root = protobuf.Root.fromDescriptor(bytes, { keepCase: true });
  root.resolveAll();
  return new Converter().schema(root, mainMessages(set));
}

/** Full names of the messages of a set's last file, in order. */
function mainMessages(set: unknown): readonly string[] {
  const files: readonly unknown[] = listOf(set, 'file');
  const main = files.at(-1);
  if (main === undefined) throw new ProtobufSchemaError('the descriptor has no file');
  const space = textOf(main, 'package');
  return listOf(main, 'messageType').map((message) => {
    const name = textOf(message, 'name');
    return space === '' ? name : `${space}.${name}`;
  });
}

function memberOf(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null ? Reflect.get(object, name) : undefined;
}

function listOf(object: unknown, name: string): readonly unknown[] {
  const list = memberOf(object, name);
  return Array.isArray(list) ? list : [];
}

function textOf(object: unknown, name: string): string {
  const text = memberOf(object, name);
  return typeof text === 'string' ? text : '';
}

function plainName(type: protobuf.ReflectionObject): string {
  return type.fullName.replace(/^\./, '');
}

/** Messages whose fields are still to come. */
interface Growing {
  readonly kind: 'message';
  readonly name: string;
  fields: readonly ProtoField[];
  nested: readonly ProtoMessage[];
}

class Converter {
  readonly #messages = new Map<protobuf.Type, Growing>();
  readonly #enums = new Map<protobuf.Enum, ProtoEnum>();
  #fields = 0;

  schema(root: protobuf.Root, main: readonly string[]): ProtoSchema {
    const byName = new Map<string, ProtoMessage>();
    const visit = (space: protobuf.NamespaceBase): void => {
      for (const one of space.nestedArray) {
        if (one instanceof protobuf.Type) byName.set(plainName(one), this.#message(one));
        if (one instanceof protobuf.Type || one instanceof protobuf.Namespace) visit(one);
      }
    };
    visit(root);
    const messages = main.flatMap((name) => byName.get(name) ?? []);
    return { messages, byName };
  }

  #message(type: protobuf.Type): ProtoMessage {
    const known = this.#messages.get(type);
    if (known !== undefined) return known;
    const made: Growing = { kind: 'message', name: plainName(type), fields: [], nested: [] };
    this.#messages.set(type, made);
    this.#fields += type.fieldsArray.length + 1;
    if (this.#fields > limits.protobufSchemaPartsMax) {
      throw new ProtobufSchemaError(
        `the schema has more than ${limits.protobufSchemaPartsMax} parts (protobufSchemaPartsMax)`,
      );
    }
    made.fields = type.fieldsArray.flatMap((field) => this.#field(field));
    made.nested = type.nestedArray.flatMap((one) =>
      one instanceof protobuf.Type ? [this.#message(one)] : [],
    );
    return made;
  }

  #field(field: protobuf.Field): readonly ProtoField[] {
    const { resolvedType } = field;
    const isGroup = resolvedType instanceof protobuf.Type && field.delimited;
    if (isGroup || field.declaringField !== null) return [];
    const label = labelOf(field);
    return [
      {
        name: field.name,
        jsonName: field.jsonName ?? field.name,
        number: field.id,
        type: this.#type(field),
        label,
        key: field instanceof protobuf.MapField ? scalarOf(field.keyType) : null,
        oneof: field.partOf === null || field.partOf.isProto3Optional ? null : field.partOf.name,
        initial: label === 'optional' ? initialOf(field) : null,
      },
    ];
  }

  #type(field: protobuf.Field): ProtoField['type'] {
    const { resolvedType } = field;
    if (resolvedType instanceof protobuf.Type) return this.#message(resolvedType);
    return resolvedType instanceof protobuf.Enum ? this.#enum(resolvedType) : scalarOf(field.type);
  }

  #enum(type: protobuf.Enum): ProtoEnum {
    const known = this.#enums.get(type);
    if (known !== undefined) return known;
    const symbols = new Map<number, string>();
    let first: number | null = null;
    for (const [name, number] of Object.entries(type.values)) {
      first ??= number;
      if (!symbols.has(number)) symbols.set(number, name);
    }
    const made: ProtoEnum = { kind: 'enum', name: plainName(type), symbols, first: first ?? 0 };
    this.#enums.set(type, made);
    return made;
  }
}

function scalarOf(name: string): ScalarName {
  const scalar = scalars.get(name);
  if (scalar !== undefined) return scalar;
  throw new ProtobufSchemaError(`there is no type "${name}"`);
}

function labelOf(field: protobuf.Field): ProtoField['label'] {
  if (field.map) return 'map';
  if (field.repeated) return 'repeated';
  if (field.required) return 'required';
  const isThere =
    field.hasPresence || field.partOf !== null || field.resolvedType instanceof protobuf.Type;
  return isThere ? 'optional' : 'implicit';
}

/** The default that a field was declared with. */
function initialOf(field: protobuf.Field): Initial | null {
  const given: unknown = field.options?.['default'];
  if (given === undefined || given === null) return null;
  const value: unknown = field.defaultValue;
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Enum) return typeof value === 'number' ? value : null;
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (!field.type.endsWith('64')) return typeof value === 'number' ? value : null;
  if (typeof given === 'number' && !Number.isSafeInteger(given))
    throw new ProtobufSchemaError(`the default of field "${field.name}" is beyond 2^53`);
  return BigInt(String(given));
}
