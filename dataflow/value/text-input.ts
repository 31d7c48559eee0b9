/**
 * Reading a value of any type from its text, as Postgres 15 does in casts from literals,
 * text-format parameters and COPY. Bad text is an `SqlError` with Postgres' code and message.
 *
 * `modifier` is `atttypmod` (−1: none): it limits and rounds. For varchar(n) and char(n) a text
 * that is too long is an error (22001) unless only blanks are lost; an explicit cast cuts it
 * instead, which is `fitText` with `cut`.
 */
import { sqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import { array } from './array.ts';
import { splitArray } from './array-text.ts';
import { parseBytea, parseUuid } from './bytea-text.ts';
import type { Datum } from './datum.ts';
import type { DatetimeContext } from './datetime-text.ts';
import {
  parseDate,
  parseTime,
  parseTimestamp,
  parseTimestamptz,
  plainContext,
} from './datetime-text.ts';
import { parseDecimal } from './decimal-text.ts';
import { parseInterval } from './interval-text.ts';
import { canonicalJsonb, checkJson } from './json-text.ts';
import {
  parseBigint,
  parseBool,
  parseFloatText,
  parseInteger,
  parseOid,
  trimBlanks,
} from './number-text.ts';
import { elementOf } from './scalar-words.ts';
import type { TypeName } from './type.ts';
import { typeInfo, types } from './type.ts';
import { utf8, utf8Text } from './words.ts';

/** The value of type `type` that `text` spells. */
export function parseDatum(
  type: TypeName,
  text: string,
  modifier = -1,
  context: DatetimeContext = plainContext,
): Datum {
  switch (type) {
    case 'bool':
      return parseBool(text);
    case 'int2':
    case 'int4':
      return parseInteger(type, text);
    case 'int8':
      return parseBigint(text);
    case 'float4':
    case 'float8':
      return parseFloatText(type, text);
    case 'numeric':
      return parseDecimal(text, modifier);
    case 'bytea':
      return parseBytea(text);
    case 'uuid':
      return parseUuid(text);
    case 'date':
      return parseDate(text, context);
    case 'time':
      return parseTime(text, modifier, context);
    case 'timestamp':
      return parseTimestamp(text, modifier, context);
    case 'timestamptz':
      return parseTimestamptz(text, modifier, context);
    case 'interval':
      return parseInterval(text, modifier);
    case 'jsonb':
      return canonicalJsonb(text);
    case 'json':
      checkJson(text);
      return text;
    default:
      return parseOther(type, text, modifier, context);
  }
}

function parseOther(
  type: TypeName,
  text: string,
  modifier: number,
  context: DatetimeContext,
): Datum {
  const info = typeInfo(type);
  if (type === 'int2vector' || type === 'oidvector') {
    const element = elementOf(type);
    const words = trimBlanks(text)
      .split(/[ \t-\r]+/)
      .filter((word) => word !== '');
    return array(words.map((word) => parseDatum(element, word)));
  }
  if (info.element !== undefined) {
    const element = info.element;
    const parts = splitArray(text);
    return array(parts.map((p) => (p === null ? null : parseDatum(element, p, modifier, context))));
  }
  if (info.physical === 'i64') return parseObjectId(type, text);
  return parseText(type, text, modifier);
}

/** oid and its aliases. Names of objects other than types are the catalog's business. */
function parseObjectId(type: TypeName, text: string): bigint {
  if (type === 'oid' || /^[0-9]+$/.test(text)) return parseOid(text, type);
  if (text === '-') return 0n;
  if (type === 'regtype') return parseTypeName(text);
  const kind =
    type === 'regclass'
      ? ['42P01', 'relation']
      : type === 'regproc'
        ? ['42883', 'function']
        : ['3F000', 'schema'];
  throw sqlError(kind[0], `${kind[1]} "${text}" does not exist`);
}

function parseTypeName(text: string): bigint {
  const name = trimBlanks(text)
    .toLowerCase()
    .replace(/^pg_catalog\./, '');
  const found = types.find((info) => info.name === name || info.sqlName === name);
  if (found === undefined) throw sqlError('42704', `type "${text}" does not exist`);
  return BigInt(found.oid);
}

function parseText(type: TypeName, text: string, modifier: number): string {
  if (text.includes('\0')) {
    throw sqlError('22021', 'invalid byte sequence for encoding "UTF8": 0x00');
  }
  switch (type) {
    case 'varchar':
    case 'bpchar':
      return fitText(type, text, modifier, false);
    case 'name':
      return cutToBytes(text, limits.identifierBytesMax);
    case 'char':
      return cutToBytes(text, 1);
    default:
      return text;
  }
}

/** The longest prefix of whole characters that fits into `bytesMax` bytes. */
function cutToBytes(text: string, bytesMax: number): string {
  const bytes = utf8(text);
  if (bytes.length <= bytesMax) return text;
  let end = bytesMax;
  while (end > 0 && (bytes[end] & 0xc0) === 0x80) end--;
  return utf8Text(bytes.subarray(0, end));
}

/**
 * Text made to fit varchar(n) or char(n), whose modifier is n + 4; char loses its trailing blanks.
 * 22001 if it is too long for an assignment; with `cut` (explicit casts) it is shortened.
 */
export function fitText(
  type: 'varchar' | 'bpchar',
  text: string,
  modifier: number,
  cut: boolean,
): string {
  const fitted =
    modifier < 4 || text.length <= modifier - 4 ? text : shorten(type, text, modifier - 4, cut);
  return type === 'bpchar' ? trimPadding(fitted) : fitted;
}

function shorten(type: 'varchar' | 'bpchar', text: string, max: number, cut: boolean): string {
  let end = 0;
  for (let n = 0; n < max && end < text.length; n++)
    end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  if (!cut && /[^ ]/.test(text.slice(end))) {
    throw sqlError('22001', `value too long for type ${typeInfo(type).sqlName}(${max})`);
  }
  return text.slice(0, end);
}

/** Text without its trailing blanks: how char(n) is kept. */
export function trimPadding(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0x20) end--;
  return end === text.length ? text : text.slice(0, end);
}
