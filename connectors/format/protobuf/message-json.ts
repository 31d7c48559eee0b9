/**
 * A message as jsonb, in Protobuf's canonical JSON form: fields by their JSON names, those that are
 * at their implicit default left out, numbers of 64 bits and bytes as strings, and the well-known
 * types in their own forms.
 *
 * A message may come in pieces: a field that occurs twice is the two merged, which is what reading
 * the pieces one after the other gives.
 */
import { assert, defined } from '../../../src/base/assert.ts';
import { limits } from '../../../src/base/limits.ts';
import { formatTimestamp } from '../../../dataflow/value/datetime-text.ts';
import { jsonQuote, jsonbArray, jsonbObject } from '../../../dataflow/value/json-text.ts';
import { ProtoCursor, wireBytes } from './cursor.ts';
import type { ProtoEnum, ProtoField, ProtoMessage, ScalarName } from './schema.ts';
import { isMessage, wellKnown, wrapped } from './schema.ts';
import type { Moment, Plain } from './value.ts';
import {
  BadProtobuf,
  must,
  plainJson,
  readMoment,
  readPlain,
  requireDuration,
  textOf,
  timestampOf,
  wireOf,
  zeroOf,
} from './value.ts';

/** Bytes of one occurrence of a field; `wire` is that of its tag. */
export interface Piece {
  readonly at: number;
  readonly end: number;
  readonly wire: number;
}

/** Messages by full name, for what Any holds. */
export type Messages = ReadonlyMap<string, ProtoMessage>;

/** Where a message is read from. */
interface Place {
  readonly bytes: Uint8Array;
  readonly messages: Messages;
}

function cursorOn({ bytes }: Place, { at, end }: Pick<Piece, 'at' | 'end'>): ProtoCursor {
  const cursor = new ProtoCursor();
  cursor.open(bytes, at, end);
  return cursor;
}

/** Whether a field's values may stand one after another without tags. */
function isPackable(type: ProtoField['type']): boolean {
  return wireOf(type) !== wireBytes;
}

/** The occurrences of each field of a message; a later branch of a oneof removes the others. */
function piecesOf(
  message: ProtoMessage,
  pieces: readonly Piece[],
  place: Place,
): ReadonlyMap<ProtoField, Piece[]> {
  const byNumber = new Map(message.fields.map((field) => [field.number, field]));
  const found = new Map<ProtoField, Piece[]>();
  for (const piece of pieces) {
    const cursor = cursorOn(place, piece);
    while (cursor.at < cursor.end) {
      must(cursor, cursor.tag());
      const { wire } = cursor;
      const field = byNumber.get(cursor.number);
      let { at } = cursor;
      must(cursor, cursor.skip(wire));
      if (field === undefined || !takes(field, wire)) continue;
      if (wire === wireBytes) at = cursor.at - cursor.low;
      if (field.oneof !== null)
        for (const other of found.keys())
          if (other !== field && other.oneof === field.oneof) found.delete(other);
      const before = found.get(field);
      const one = { at, end: cursor.at, wire };
      if (before === undefined) found.set(field, [one]);
      else if (isMessage(field.type) || field.label === 'repeated' || field.label === 'map')
        before.push(one);
      else before[0] = one;
    }
  }
  return found;
}

/** Whether an occurrence with a wire type is the field's: others are of a field nobody knows. */
export function takes(field: ProtoField, wire: number): boolean {
  if (field.label === 'map') return wire === wireBytes;
  if (wire === wireOf(field.type)) return true;
  return field.label === 'repeated' && wire === wireBytes && isPackable(field.type);
}

/** The value of a piece whose type has no parts. */
export function pieceValue(type: ScalarName | ProtoEnum, piece: Piece, bytes: Uint8Array): Plain {
  const cursor = cursorOn({ bytes, messages: new Map() }, piece);
  if (wireOf(type) !== wireBytes) return readPlain(type, cursor);
  // The piece begins behind its length.
  return type === 'string' ? textOf(bytes, piece.at, piece.end) : bytes.slice(piece.at, piece.end);
}

/** All values of a repeated field, packed or not. */
export function repeatedValues(
  type: ScalarName | ProtoEnum,
  pieces: readonly Piece[],
  bytes: Uint8Array,
): Plain[] {
  const values: Plain[] = [];
  for (const piece of pieces) {
    if (!isPackable(type) || piece.wire !== wireBytes) {
      values.push(pieceValue(type, piece, bytes));
      continue;
    }
    const cursor = cursorOn({ bytes, messages: new Map() }, piece);
    while (cursor.at < cursor.end) values.push(readPlain(type, cursor));
  }
  return values;
}

/** The pieces of a message as jsonb; `depth` is that of the message. Throws BadProtobuf. */
export function messageJson(
  message: ProtoMessage,
  pieces: readonly Piece[],
  bytes: Uint8Array,
  messages: Messages,
  depth: number,
): string {
  if (depth > limits.protobufDepthMax) {
    throw new BadProtobuf(
      `messages are nested deeper than ${limits.protobufDepthMax} (protobufDepthMax)`,
    );
  }
  const place = { bytes, messages };
  const known = wellKnown(message);
  if (known !== null) return wellKnownJson(known, message, pieces, place, depth);
  return jsonbObject(membersOf(message, pieces, place, depth));
}

function membersOf(
  message: ProtoMessage,
  pieces: readonly Piece[],
  place: Place,
  depth: number,
): [string, string][] {
  const found = piecesOf(message, pieces, place);
  const members: [string, string][] = [];
  for (const field of message.fields) {
    const own = found.get(field);
    if (own === undefined) {
      if (field.label === 'required')
        throw new BadProtobuf(`the required field ${field.name} is missing`, '23502');
      continue;
    }
    const json = fieldJson(field, own, place, depth);
    if (json !== null) members.push([field.jsonName, json]);
  }
  return members;
}

/** The JSON of a field, or null if it is left out. */
function fieldJson(
  field: ProtoField,
  pieces: readonly Piece[],
  place: Place,
  depth: number,
): string | null {
  const { type, label } = field;
  if (label === 'map') return mapJson(field, pieces, place, depth);
  if (isMessage(type)) {
    if (label !== 'repeated')
      return messageJson(type, pieces, place.bytes, place.messages, depth + 1);
    return jsonbArray(
      pieces.map((piece) => messageJson(type, [piece], place.bytes, place.messages, depth + 1)),
    );
  }
  if (label === 'repeated') {
    const values = repeatedValues(type, pieces, place.bytes);
    return values.length === 0 ? null : jsonbArray(values.map((value) => plainJson(type, value)));
  }
  const value = pieceValue(
    type,
    defined(pieces[0], 'a field that was found has a piece'),
    place.bytes,
  );
  return label === 'implicit' && isZero(value) ? null : plainJson(type, value);
}

/** Whether a value is the implicit default: the zero of its type, of positive sign. */
function isZero(value: Plain): boolean {
  return value instanceof Uint8Array
    ? value.length === 0
    : Object.is(value, 0) || value === 0n || value === '' || value === false;
}

/** A map as an object: of equal keys the last one counts. */
export function mapJson(
  field: ProtoField,
  pieces: readonly Piece[],
  place: Place,
  depth: number,
): string {
  const keyType = defined(field.key ?? undefined, 'a map has a type of keys');
  const { type } = field;
  const entry: ProtoMessage = {
    kind: 'message',
    name: '',
    nested: [],
    fields: [
      { ...field, name: 'key', number: 1, type: keyType, label: 'optional', oneof: null },
      { ...field, name: 'value', number: 2, label: 'optional', oneof: null },
    ],
  };
  const members = pieces.map((piece): [string, string] => {
    const found = piecesOf(entry, [piece], place);
    const [keyField, valueField] = entry.fields;
    const key = keyField === undefined ? undefined : found.get(keyField)?.[0];
    const value = valueField === undefined ? undefined : found.get(valueField);
    const name = key === undefined ? zeroOf(keyType) : pieceValue(keyType, key, place.bytes);
    if (isMessage(type)) {
      const inner = messageJson(type, value ?? [], place.bytes, place.messages, depth + 1);
      return [String(name), inner];
    }
    const plain = value?.[0] === undefined ? zeroOf(type) : pieceValue(type, value[0], place.bytes);
    return [String(name), plainJson(type, plain)];
  });
  return jsonbObject(members);
}

/** Seconds and nanoseconds over all pieces. */
export function momentOf(pieces: readonly Piece[], place: Place): Moment {
  const moment = { seconds: 0n, nanos: 0 };
  for (const piece of pieces) readMoment(cursorOn(place, piece), moment);
  return moment;
}

/** Three, six or nine digits of a second, or none. */
function fraction(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(Math.abs(nanos)).padStart(9, '0');
  return `.${digits.replace(/(?:000){1,2}$/, '')}`;
}

function timestampJson(moment: Moment): string {
  // Whole seconds, so that all nine digits can follow.
  const text = formatTimestamp(timestampOf({ seconds: moment.seconds, nanos: 0 }));
  timestampOf(moment);
  if (text.endsWith(' BC') || text.length > '9999-12-31 23:59:59'.length)
    throw new BadProtobuf('timestamp out of range', '22008');
  return jsonQuote(`${text.replace(' ', 'T')}${fraction(moment.nanos)}Z`);
}

function durationJson(moment: Moment): string {
  requireDuration(moment);
  const { seconds, nanos } = moment;
  const sign = seconds < 0n || nanos < 0 ? '-' : '';
  return jsonQuote(`${sign}${seconds < 0n ? -seconds : seconds}${fraction(nanos)}s`);
}

function wellKnownJson(
  known: string,
  message: ProtoMessage,
  pieces: readonly Piece[],
  place: Place,
  depth: number,
): string {
  const scalar = wrapped(message);
  if (scalar !== null) return plainJson(scalar, wrappedValue(message, pieces, place));
  const found = (): ReadonlyMap<ProtoField, Piece[]> => piecesOf(message, pieces, place);
  const [first] = message.fields;
  switch (known) {
    case 'Timestamp':
      return timestampJson(momentOf(pieces, place));
    case 'Duration':
      return durationJson(momentOf(pieces, place));
    case 'Any':
      return anyJson(message, pieces, place, depth);
    case 'FieldMask': {
      const paths = first === undefined ? [] : (found().get(first) ?? []);
      const texts = paths.map((piece) => String(pieceValue('string', piece, place.bytes)));
      return jsonQuote(texts.map(camelCase).join(','));
    }
    case 'Struct':
    case 'ListValue': {
      const own = first === undefined ? undefined : found().get(first);
      if (first === undefined || own === undefined) return known === 'Struct' ? '{}' : '[]';
      return fieldJson(first, own, place, depth) ?? 'null';
    }
    case 'Value': {
      for (const [field, own] of found())
        return fieldJson({ ...field, label: 'optional' }, own, place, depth) ?? 'null';
      return 'null';
    }
    default:
      return jsonbObject(membersOf(message, pieces, place, depth));
  }
}

/** What a wrapper holds. */
export function wrappedValue(wrapper: ProtoMessage, pieces: readonly Piece[], place: Place): Plain {
  const field = defined(wrapper.fields[0], 'a wrapper has a field');
  const { type } = field;
  assert(!isMessage(type), 'a wrapper holds a plain value');
  const piece = piecesOf(wrapper, pieces, place).get(field)?.[0];
  return piece === undefined ? zeroOf(type) : pieceValue(type, piece, place.bytes);
}

function camelCase(path: string): string {
  return path.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** What Any holds, if the schema has its type; else its bytes. */
function anyJson(
  message: ProtoMessage,
  pieces: readonly Piece[],
  place: Place,
  depth: number,
): string {
  const found = piecesOf(message, pieces, place);
  const [urlField, valueField] = message.fields;
  const url = urlField === undefined ? undefined : found.get(urlField)?.[0];
  const value = valueField === undefined ? undefined : found.get(valueField)?.[0];
  if (url === undefined) return '{}';
  const name = String(pieceValue('string', url, place.bytes));
  const type = place.messages.get(name.slice(name.lastIndexOf('/') + 1));
  const members: [string, string][] = [['@type', jsonQuote(name)]];
  const inner = value === undefined ? [] : [value];
  if (type === undefined) {
    const bytes = value === undefined ? '' : pieceValue('bytes', value, place.bytes);
    members.push(['value', plainJson('bytes', bytes)]);
  } else if (wellKnown(type) !== null) {
    const json = messageJson(type, inner, place.bytes, place.messages, depth + 1);
    members.push(['value', json]);
  } else {
    if (depth >= limits.protobufDepthMax)
      throw new BadProtobuf(`messages are nested deeper than ${limits.protobufDepthMax}`);
    members.push(...membersOf(type, inner, place, depth + 1));
  }
  return jsonbObject(members);
}
