/**
 * The text of a value of any type, as Postgres 15 prints it (DateStyle ISO, IntervalStyle postgres,
 * bytea in hex, shortest floats). The cold counterpart of wire-text.ts, which writes columns.
 */
import { arrayOf } from './array.ts';
import { joinArray } from './array-text.ts';
import { formatBytea, formatUuid } from './bytea-text.ts';
import type { Datum } from './datum.ts';
import type { DatetimeContext } from './datetime-text.ts';
import {
  formatDate,
  formatTime,
  formatTimestamp,
  formatTimestamptz,
  plainContext,
} from './datetime-text.ts';
import { formatDecimal } from './decimal-text.ts';
import { formatInterval } from './interval-text.ts';
import { formatFloat } from './number-text.ts';
import {
  bigintOf,
  bytesOf,
  decimalOf,
  elementOf,
  intervalOf,
  numberOf,
  stringOf,
} from './scalar-words.ts';
import type { TypeName } from './type.ts';
import { typeByOid, typeInfo } from './type.ts';

/** The text of a datum that is not NULL. `modifier` pads char(n); `context` gives the zone. */
export function formatDatum(
  type: TypeName,
  datum: Datum,
  modifier = -1,
  context: DatetimeContext = plainContext,
): string {
  switch (type) {
    case 'bool':
      return datum === true ? 't' : 'f';
    case 'int2':
    case 'int4':
      return String(numberOf(datum));
    case 'int8':
    case 'oid':
      return String(bigintOf(datum));
    case 'float4':
    case 'float8':
      return formatFloat(type, numberOf(datum));
    case 'numeric':
      return formatDecimal(decimalOf(datum));
    case 'bytea':
      return formatBytea(bytesOf(datum));
    case 'uuid':
      return formatUuid(bytesOf(datum));
    case 'date':
      return formatDate(numberOf(datum));
    case 'time':
      return formatTime(Number(bigintOf(datum)));
    case 'timestamp':
      return formatTimestamp(bigintOf(datum));
    case 'timestamptz':
      return formatTimestamptz(bigintOf(datum), context.zone);
    case 'interval':
      return formatInterval(intervalOf(datum));
    case 'bpchar':
      return padText(stringOf(datum), modifier);
    case 'regtype':
      return typeText(bigintOf(datum));
    case 'regclass':
    case 'regproc':
    case 'regnamespace':
      return datum === 0n ? '-' : String(bigintOf(datum));
    case 'void':
      return '';
    default:
      return formatOther(type, datum, modifier, context);
  }
}

function formatOther(
  type: TypeName,
  datum: Datum,
  modifier: number,
  context: DatetimeContext,
): string {
  if (typeInfo(type).equality !== 'array') return stringOf(datum);
  const element = elementOf(type);
  const texts = arrayOf(datum).elements.map((e) =>
    e === null ? null : formatDatum(element, e, modifier, context),
  );
  return type === 'int2vector' || type === 'oidvector' ? texts.join(' ') : joinArray(texts);
}

function typeText(oid: bigint): string {
  if (oid === 0n) return '-';
  return typeByOid(Number(oid))?.sqlName ?? String(oid);
}

/** char(n) as it is shown: padded with blanks to n characters. */
export function padText(text: string, modifier: number): string {
  if (modifier < 4) return text;
  let characters = text.length;
  for (const c of text) if (c.length > 1) characters--;
  return characters >= modifier - 4 ? text : text + ' '.repeat(modifier - 4 - characters);
}
