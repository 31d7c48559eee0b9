/**
 * A Protobuf schema as the reader sees it: a graph of plain objects, where a message that is used
 * twice is one object, and a recursive one refers to itself. Groups are left out: they are passed
 * like fields that nobody knows.
 */

/** Types without parts. */
export type ScalarName =
  | 'double'
  | 'float'
  | 'int32'
  | 'uint32'
  | 'sint32'
  | 'fixed32'
  | 'sfixed32'
  | 'int64'
  | 'uint64'
  | 'sint64'
  | 'fixed64'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes';

export interface ProtoEnum {
  readonly kind: 'enum';
  /** With its package, as those of messages. */
  readonly name: string;
  /** The first name of each number. */
  readonly symbols: ReadonlyMap<number, string>;
  /** The number that stands for nothing. */
  readonly first: number;
}

export interface ProtoMessage {
  readonly kind: 'message';
  readonly name: string;
  readonly fields: readonly ProtoField[];
  /** Messages that are declared in it, in order. */
  readonly nested: readonly ProtoMessage[];
}

/** What a field that is not there stands for. */
export type Initial = number | bigint | string | boolean | Uint8Array;

export interface ProtoField {
  readonly name: string;
  readonly jsonName: string;
  readonly number: number;
  readonly type: ScalarName | ProtoEnum | ProtoMessage;
  /** `implicit`: the default and nothing are the same. */
  readonly label: 'implicit' | 'optional' | 'required' | 'repeated' | 'map';
  /** The type of a map's keys. */
  readonly key: ScalarName | null;
  /** The oneof that it is a branch of; those of one branch do not count. */
  readonly oneof: string | null;
  /** The default that the schema gives, else null. */
  readonly initial: Initial | null;
}

/** The messages of a schema. */
export interface ProtoSchema {
  /** Those of its main file, in order. */
  readonly messages: readonly ProtoMessage[];
  /** All, by full name. */
  readonly byName: ReadonlyMap<string, ProtoMessage>;
}

/** Whether a field's type is a message. */
export function isMessage(type: ProtoField['type']): type is ProtoMessage {
  return typeof type !== 'string' && type.kind === 'message';
}

/** What a type is called in messages. */
export function typeLabel(type: ProtoField['type']): string {
  return typeof type === 'string' ? type : type.name;
}

/** Messages with a meaning of their own are prefixed so. */
const wellKnownPrefix = 'google.protobuf.';

/** Types whose JSON is not that of a message, and which may contain themselves. */
const wellKnownNames = new Set([
  'Any',
  'BoolValue',
  'BytesValue',
  'DoubleValue',
  'Duration',
  'Empty',
  'FieldMask',
  'FloatValue',
  'Int32Value',
  'Int64Value',
  'ListValue',
  'StringValue',
  'Struct',
  'Timestamp',
  'UInt32Value',
  'UInt64Value',
  'Value',
]);

/** The short name of a well-known type, or null. */
export function wellKnown(message: ProtoMessage): string | null {
  if (!message.name.startsWith(wellKnownPrefix)) return null;
  const short = message.name.slice(wellKnownPrefix.length);
  return wellKnownNames.has(short) ? short : null;
}

/** The wrapped type of a wrapper, or null. */
export function wrapped(message: ProtoMessage): ScalarName | null {
  const short = wellKnown(message);
  const [field] = message.fields;
  const isWrapper = short !== null && short !== 'Value' && short.endsWith('Value');
  if (!isWrapper || short === 'ListValue' || field === undefined) return null;
  return typeof field.type === 'string' ? field.type : null;
}

/** The name of a message that contains itself, or null if there is none. */
export function recursiveName(root: ProtoMessage): string | null {
  const open = new Set<ProtoMessage>();
  const done = new Set<ProtoMessage>();
  const visit = (message: ProtoMessage): string | null => {
    if (done.has(message) || wellKnown(message) !== null) return null;
    if (open.has(message)) return message.name;
    open.add(message);
    for (const { type } of message.fields) {
      const found = isMessage(type) ? visit(type) : null;
      if (found !== null) return found;
    }
    open.delete(message);
    done.add(message);
    return null;
  };
  return visit(root);
}
