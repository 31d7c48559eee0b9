/** to_jsonb of a datum: its canonical JSON text. */
import { arrayOf } from '../value/array.ts';
import type { Datum } from '../value/datum.ts';
import { canonicalJsonb, jsonQuote, jsonbArray } from '../value/json-text.ts';
import { elementOf, stringOf } from '../value/scalar-words.ts';
import { formatDatum } from '../value/text-output.ts';
import type { TypeName } from '../value/type.ts';
import { typeInfo } from '../value/type.ts';

/** The canonical text of a value as jsonb. */
export function jsonbOf(type: TypeName, value: Datum): string {
  if (value === null) return 'null';
  switch (type) {
    case 'bool':
      return String(value);
    case 'jsonb':
      return stringOf(value);
    case 'json':
      return canonicalJsonb(stringOf(value));
    case 'int2':
    case 'int4':
    case 'int8':
      return formatDatum(type, value);
    case 'numeric':
    case 'float4':
    case 'float8':
      return numberText(formatDatum(type, value));
    case 'timestamp':
    case 'timestamptz':
      return jsonQuote(isoText(formatDatum(type, value)));
    default: {
      if (typeInfo(type).equality !== 'array') return jsonQuote(formatDatum(type, value));
      const element = elementOf(type);
      return jsonbArray(arrayOf(value).elements.map((e) => jsonbOf(element, e)));
    }
  }
}

/** NaN and infinities are strings in JSON; numbers are without an exponent. */
function numberText(text: string): string {
  return /[a-z]/i.test(text) && !/^-?\d/.test(text) ? jsonQuote(text) : canonicalJsonb(text);
}

/** The key of an object that a value gives. */
export function jsonKeyOf(type: TypeName, value: Datum): string {
  if (typeof value === 'boolean') return String(value);
  const text = formatDatum(type, value);
  return type === 'timestamp' || type === 'timestamptz' ? isoText(text) : text;
}

/** A `T` between date and time, and minutes in the offset. */
function isoText(text: string): string {
  return text.replace(/^(\d+-\d+-\d+) /, '$1T').replace(/([+-]\d\d)$/, '$1:00');
}
