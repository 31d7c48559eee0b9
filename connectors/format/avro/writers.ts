/**
 * The schemas with which records of one source were written, by their number in the registry. The
 * main thread asks the registry and hands them over before it hands over the first record that
 * needs them; every decoder of the source reads here.
 */
import { limits } from '../../../src/base/limits.ts';
import { ProtobufSchemaError, parseProtobuf } from '../protobuf/parse.ts';
import type { ProtoSchema } from '../protobuf/schema.ts';
import { AvroSchemaError } from './bounded.ts';
import { parseSchema } from './parse.ts';
import type { AvroType } from './schema.ts';

/** A schema, or why there is none. */
export type WriterSchema =
  | { readonly kind: 'schema'; readonly schema: AvroType }
  | { readonly kind: 'protobuf'; readonly schema: ProtoSchema }
  | { readonly kind: 'unusable'; readonly reason: string };

/** What the registry said: the self-contained text of a schema (of Avro unless it says), or why not. */
export type SchemaAnswer =
  | { readonly text: string; readonly type?: SchemaType }
  | { readonly text: null; readonly reason: string };

/** Kinds of schemas; those of JSON say nothing that records need. */
export type SchemaType = 'AVRO' | 'PROTOBUF' | 'JSON';

/** See the head of this file. */
export class WriterSchemas {
  readonly #known = new Map<number, WriterSchema>();
  /** Numbers that the registry does not have; of many, the newest. */
  readonly #missing = new Map<number, WriterSchema>();

  /** Takes in what the registry said about a number. */
  set(id: number, answer: SchemaAnswer): void {
    if (answer.text !== null) {
      if (this.#known.size < limits.avroWritersMax)
        this.#known.set(id, writerSchema(answer.text, answer.type));
      return;
    }
    this.#missing.delete(id);
    this.#missing.set(id, { kind: 'unusable', reason: answer.reason });
    for (const oldest of this.#missing.keys()) {
      if (this.#missing.size <= limits.avroWritersMax) break;
      this.#missing.delete(oldest);
    }
  }

  get(id: number): WriterSchema {
    const known = this.#known.get(id) ?? this.#missing.get(id);
    if (known !== undefined) return known;
    const reason =
      this.#known.size >= limits.avroWritersMax
        ? `the source has more than ${limits.avroWritersMax} schemas (avroWritersMax)`
        : 'it is not in the schema registry';
    return { kind: 'unusable', reason };
  }
}

function writerSchema(text: string, type: SchemaType = 'AVRO'): WriterSchema {
  try {
    if (type === 'PROTOBUF') return { kind: 'protobuf', schema: parseProtobuf(text) };
    if (type === 'AVRO') return { kind: 'schema', schema: parseSchema(text) };
  } catch (error) {
    const isExpected = error instanceof AvroSchemaError || error instanceof ProtobufSchemaError;
    if (!isExpected) throw error;
    return { kind: 'unusable', reason: error.message };
  }
  return { kind: 'unusable', reason: `it is of type ${type}` };
}
