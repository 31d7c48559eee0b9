/**
 * An Avro schema as the reader and the resolver see it: a graph of plain objects, where a named
 * type that is used twice is one object, and a recursive type refers to itself. What only matters
 * to producers (documentation, order, properties of tools) is left out.
 */

/** Meanings of the primitive and fixed types that Avro's specification names. */
export type Logical =
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | {
      readonly kind:
        | 'uuid'
        | 'date'
        | 'duration'
        | 'time-millis'
        | 'time-micros'
        | 'timestamp-millis'
        | 'timestamp-micros'
        | 'timestamp-nanos'
        | 'local-timestamp-millis'
        | 'local-timestamp-micros'
        | 'local-timestamp-nanos'
        /** Debezium's: an instant, or a document, as text. */
        | 'zoned-timestamp'
        | 'json';
    };

/** Types without parts. */
export type PrimitiveName =
  'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

/** A name with its namespace, and other names by which a reader knows it. */
interface Named {
  readonly name: string;
  readonly aliases: readonly string[];
}

/** A field of a record. */
export interface AvroField extends Named {
  readonly type: AvroType;
  /** The default in the binary encoding of `type`; null if there is none. */
  readonly initial: Uint8Array | null;
}

export interface AvroPrimitive {
  readonly kind: PrimitiveName;
  readonly logical: Logical | null;
}

export interface AvroFixed extends Named {
  readonly kind: 'fixed';
  /** Bytes. */
  readonly size: number;
  readonly logical: Logical | null;
}

export interface AvroEnum extends Named {
  readonly kind: 'enum';
  readonly symbols: readonly string[];
  /** The symbol that stands for ones a reader does not know. */
  readonly fallback: string | null;
}

export interface AvroRecord extends Named {
  readonly kind: 'record';
  readonly fields: readonly AvroField[];
}

export interface AvroArray {
  readonly kind: 'array';
  readonly items: AvroType;
}

export interface AvroMap {
  readonly kind: 'map';
  readonly values: AvroType;
}

export interface AvroUnion {
  readonly kind: 'union';
  readonly branches: readonly AvroType[];
}

export type AvroType =
  AvroPrimitive | AvroFixed | AvroEnum | AvroRecord | AvroArray | AvroMap | AvroUnion;

/** The name without its namespace. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** What a type is called in messages and in columns of unions. */
export function typeLabel(type: AvroType): string {
  return 'name' in type ? shortName(type.name) : type.kind;
}

/** Whether a type is Debezium's decimal with its own scale: a record of scale and bytes. */
export function isVariableDecimal(type: AvroType): boolean {
  return (
    type.kind === 'record' &&
    type.name === 'io.debezium.data.VariableScaleDecimal' &&
    type.fields.length === 2 &&
    type.fields[0]?.type.kind === 'int' &&
    type.fields[1]?.type.kind === 'bytes'
  );
}

/** The types directly within a type. */
export function partsOf(type: AvroType): readonly AvroType[] {
  switch (type.kind) {
    case 'record':
      return type.fields.map((field) => field.type);
    case 'array':
      return [type.items];
    case 'map':
      return [type.values];
    case 'union':
      return type.branches;
    default:
      return [];
  }
}

/** The name of a record that contains itself, or null if there is none. */
export function recursiveName(root: AvroType): string | null {
  const open = new Set<AvroType>();
  const done = new Set<AvroType>();
  const visit = (type: AvroType): string | null => {
    if (done.has(type)) return null;
    if (open.has(type)) return typeLabel(type);
    open.add(type);
    for (const part of partsOf(type)) {
      const found = visit(part);
      if (found !== null) return found;
    }
    open.delete(type);
    done.add(type);
    return null;
  };
  return visit(root);
}
