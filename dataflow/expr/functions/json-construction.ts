/** Construction of JSON: from values of other types, from arguments, and from arrays of texts. */
import { sqlError } from '../../../src/base/error.ts';
import { arrayOf } from '../../value/array.ts';
import type { Datum } from '../../value/datum.ts';
import { canonicalJsonb, jsonQuote, jsonbArray, jsonbObject } from '../../value/json-text.ts';
import { stringOf } from '../../value/scalar-words.ts';
import { formatDatum } from '../../value/text-output.ts';
import type { Zone } from '../../value/timezone.ts';
import { utc } from '../../value/timezone.ts';
import type { TypeName } from '../../value/type.ts';
import { typeInfo } from '../../value/type.ts';
import type { CallSite, FunctionEntry, Options, SignatureType } from '../function-entry.ts';
import { entry } from '../function-entry.ts';

/** An entry of the chapter JSON. */
export function json(
  name: string,
  args: readonly SignatureType[],
  result: SignatureType,
  description: string,
  evaluate: (values: readonly Datum[], site: CallSite) => Datum,
  options: Options = {},
): FunctionEntry {
  return entry('JSON', name, args, result, description, evaluate, options);
}

/** The texts of a text[]. */
export function texts(value: Datum): (string | null)[] {
  return arrayOf(value).elements.map((e) => (e === null ? null : stringOf(e)));
}

/** A `T` between date and time, and minutes in the offset. */
function isoText(text: string): string {
  return text.replace(' ', 'T').replace(/(:.*[+-]\d\d)(?=$| BC$)/, '$1:00');
}

/** A value of any type as jsonb. */
function toJsonb(type: TypeName, value: Datum, zone: Zone = utc): string {
  if (value === null) return 'null';
  const info = typeInfo(type);
  const { element: elementType } = info;
  if (elementType !== undefined) {
    return jsonbArray(arrayOf(value).elements.map((e) => toJsonb(elementType, e, zone)));
  }
  switch (type) {
    case 'bool':
      return value === true ? 'true' : 'false';
    case 'jsonb':
      return stringOf(value);
    case 'json':
      return canonicalJsonb(stringOf(value));
    case 'timestamp':
    case 'timestamptz':
      return jsonQuote(isoText(formatDatum(type, value, -1, { zone })));
    case 'int2':
    case 'int4':
    case 'int8':
    case 'float4':
    case 'float8':
    case 'numeric': {
      const text = formatDatum(type, value);
      return /[IN]/.test(text) ? jsonQuote(text) : canonicalJsonb(text);
    }
    default:
      return jsonQuote(formatDatum(type, value));
  }
}

/** A value as json: the same, but json keeps its text and numbers theirs. */
function toJson(type: TypeName, value: Datum, zone: Zone = utc): string {
  if (value === null) return 'null';
  const { element: elementType } = typeInfo(type);
  if (elementType !== undefined) {
    return `[${arrayOf(value)
      .elements.map((e) => toJson(elementType, e, zone))
      .join(',')}]`;
  }
  if (type === 'json') return stringOf(value);
  const text = formatDatum(type, value);
  const isNumber =
    (typeInfo(type).category === 'N' && typeInfo(type).physical !== 'i64') || type === 'int8';
  return isNumber && !/[IN]/.test(text) ? text : toJsonb(type, value, zone);
}

function keyText(values: readonly Datum[], k: number, site: CallSite): string {
  const value = values[k];
  if (value === null) throw sqlError('22023', `argument ${k + 1}: key must not be null`);
  const type = site.args[k];
  if (type === 'json' || type === 'jsonb' || typeInfo(type).element !== undefined) {
    throw sqlError('22023', 'key value must be scalar, not array, composite, or json');
  }
  const text = formatDatum(type, value);
  if (type === 'timestamp' || type === 'timestamptz') return isoText(text);
  return typeof value === 'boolean' ? String(value) : text;
}

function pairs(
  values: readonly Datum[],
  site: CallSite,
  of: (type: TypeName, value: Datum) => string,
): [string, string][] {
  if (values.length % 2 !== 0) {
    throw sqlError('22023', 'argument list must have even number of elements');
  }
  return Array.from({ length: values.length / 2 }, (_, k) => [
    keyText(values, 2 * k, site),
    of(site.args[2 * k + 1], values[2 * k + 1]),
  ]);
}

/** A value of another type as JSON. */
function conversion(): FunctionEntry[] {
  return [
    json(
      'to_jsonb',
      ['anyelement'],
      'jsonb',
      'The value as jsonb.',
      ([v], { args }) => toJsonb(args[0], v),
      { inZone: ([v], zone, { args }) => toJsonb(args[0], v, zone) },
    ),
    json(
      'to_json',
      ['anyelement'],
      'json',
      'The value as json.',
      ([v], { args }) => toJson(args[0], v),
      { inZone: ([v], zone, { args }) => toJson(args[0], v, zone) },
    ),
    json(
      'array_to_json',
      ['anyarray'],
      'json',
      'The array as json.',
      ([v], { args }) => toJson(args[0], v),
      { inZone: ([v], zone, { args }) => toJson(args[0], v, zone) },
    ),
  ];
}

/** Arrays and objects of the arguments. */
function building(): FunctionEntry[] {
  const called: Options = { nullHandling: 'called', variadic: 'any' };
  return [
    json(
      'jsonb_build_array',
      [],
      'jsonb',
      'An array of the arguments.',
      (values, { args }) => jsonbArray(values.map((v, k) => toJsonb(args[k], v))),
      called,
    ),
    json(
      'json_build_array',
      [],
      'json',
      'An array of the arguments.',
      (values, { args }) => `[${values.map((v, k) => toJson(args[k], v)).join(', ')}]`,
      called,
    ),
    json(
      'jsonb_build_object',
      [],
      'jsonb',
      'An object of keys and values, given in turn.',
      (values, site) => jsonbObject(pairs(values, site, toJsonb)),
      called,
    ),
    json(
      'json_build_object',
      [],
      'json',
      'An object of keys and values, given in turn.',
      (values, site) =>
        `{${pairs(values, site, toJson)
          .map(([k, v]) => `${jsonQuote(k)} : ${v}`)
          .join(', ')}}`,
      called,
    ),
  ];
}

/** Objects of arrays of texts. */
function objectsOfTexts(): FunctionEntry[] {
  return [
    json(
      'jsonb_object',
      ['_text'],
      'jsonb',
      'An object of texts: keys and values in turn.',
      ([v]) => {
        const all = texts(v);
        if (all.length % 2 !== 0)
          throw sqlError('2202E', 'array must have even number of elements');
        return jsonbObject(
          objectOf(
            all.filter((_, k) => k % 2 === 0),
            all.filter((_, k) => k % 2 === 1),
          ),
        );
      },
    ),
    json(
      'jsonb_object',
      ['_text', '_text'],
      'jsonb',
      'An object of an array of keys and an array of values.',
      ([keys, values]) => {
        if (texts(keys).length !== texts(values).length) {
          throw sqlError('2202E', 'mismatched array dimensions');
        }
        return jsonbObject(objectOf(texts(keys), texts(values)));
      },
    ),
  ];
}

function objectOf(
  keys: readonly (string | null)[],
  values: readonly (string | null)[],
): [string, string][] {
  return keys.map((key, k) => {
    if (key === null) throw sqlError('22004', 'null value not allowed for object key');
    const value = values[k];
    return [key, value === null ? 'null' : jsonQuote(value)];
  });
}

export const jsonConstruction: readonly FunctionEntry[] = [
  ...conversion(),
  ...building(),
  ...objectsOfTexts(),
];
