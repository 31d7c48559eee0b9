/**
 * Strings: positions and lengths count characters (code points), as in a UTF-8 database. Results
 * are bounded by `functionResultBytesMax`.
 */
import { sqlError, unsupported } from '../../../src/base/error.ts';
import { limits } from '../../../src/base/limits.ts';
import type { Datum } from '../../value/datum.ts';
import { numberOf, stringOf } from '../../value/scalar-words.ts';
import { formatDatum } from '../../value/text-output.ts';
import type { TypeName } from '../../value/type.ts';
import { utf8 } from '../../value/words.ts';
import { formatText } from '../format-text.ts';
import type {
  CallSite,
  FunctionEntry,
  Options,
  SignatureType,
  Template,
} from '../function-entry.ts';
import { entry } from '../function-entry.ts';
import { md5 } from '../md5.ts';
import { quoteIdentifier, quoteLiteral } from '../quoting.ts';

type Of = (...texts: string[]) => Datum;

function ofTexts(
  name: string,
  count: number,
  result: SignatureType,
  description: string,
  of: Of,
): FunctionEntry {
  const args = Array.from({ length: count }, () => 'text' as const);
  return entry('string', name, args, result, description, (values) => of(...values.map(stringOf)));
}

function isAscii(text: string): boolean {
  return /^[\x00-\x7f]*$/.test(text);
}

/** Number of characters. */
export function characters(text: string): number {
  let count = text.length;
  for (const c of text) if (c.length > 1) count--;
  return count;
}

/** Characters `from` to `to` (0-based, exclusive), clamped. */
export function sliceCharacters(text: string, from: number, to: number): string {
  if (isAscii(text)) return text.slice(Math.max(0, from), Math.max(0, to));
  return Array.from(text).slice(Math.max(0, from), Math.max(0, to)).join('');
}

/** Refuses a result that would be too large, before it is made. */
export function checkLength(bytes: number): void {
  if (bytes > limits.functionResultBytesMax) throw sqlError('54000', 'requested length too large');
}

/** Maps letters one by one; letters whose other case is more than one character stay. */
function mapCase(text: string, map: (c: string) => string): string {
  if (isAscii(text)) return map(text);
  let result = '';
  for (const c of text) {
    const mapped = map(c);
    result += characters(mapped) === 1 ? mapped : c;
  }
  return result;
}

/** The text in small letters. */
export function lower(text: string): string {
  return mapCase(text, (c) => c.toLowerCase());
}

/** The text in capital letters. */
export function upper(text: string): string {
  return mapCase(text, (c) => c.toUpperCase());
}

function capitalized(text: string): string {
  let inWord = false;
  let result = '';
  for (const c of text) {
    result += inWord ? lower(c) : upper(c);
    inWord = /[\p{L}\p{Nd}]/u.test(c);
  }
  return result;
}

function trim(text: string, set: string, left: boolean, right: boolean): string {
  const members = new Set(set);
  const all = Array.from(text);
  let from = 0;
  let to = all.length;
  while (left && from < to && members.has(all[from])) from++;
  while (right && to > from && members.has(all[to - 1])) to--;
  return all.slice(from, to).join('');
}

function trims(name: string, left: boolean, right: boolean, where: string): FunctionEntry[] {
  return [
    ofTexts(name, 1, 'text', `Removes blanks ${where}.`, (text) => trim(text, ' ', left, right)),
    ofTexts(
      name,
      2,
      'text',
      `Removes any of the characters of the second text ${where}.`,
      (text, set) => trim(text, set, left, right),
    ),
  ];
}

/** Start and end (0-based) of a substring whose 1-based start may lie before the text. */
export function bounds(start: number, length: number): readonly [number, number] {
  if (length < 0) throw sqlError('22011', 'negative substring length not allowed');
  return [start - 1, start - 1 + length];
}

function substrings(name: string): FunctionEntry[] {
  return [
    entry(
      'string',
      name,
      ['text', 'int4'],
      'text',
      'The characters from a position (1 is the first) on.',
      ([text, start]) => sliceCharacters(stringOf(text), numberOf(start) - 1, Infinity),
    ),
    entry(
      'string',
      name,
      ['text', 'int4', 'int4'],
      'text',
      'So many characters from a position (1 is the first) on.',
      ([text, start, length]) =>
        sliceCharacters(stringOf(text), ...bounds(numberOf(start), numberOf(length))),
    ),
  ];
}

function overlay(text: string, other: string, start: number, length: number): string {
  if (start <= 0) throw sqlError('22011', 'negative substring length not allowed');
  return (
    sliceCharacters(text, 0, start - 1) +
    other +
    sliceCharacters(text, start - 1 + length, Infinity)
  );
}

function overlays(): FunctionEntry[] {
  const description =
    'Puts the second text in the place of characters of the first, from a position on.';
  return [
    entry('string', 'overlay', ['text', 'text', 'int4'], 'text', description, ([a, b, start]) =>
      overlay(stringOf(a), stringOf(b), numberOf(start), characters(stringOf(b))),
    ),
    entry(
      'string',
      'overlay',
      ['text', 'text', 'int4', 'int4'],
      'text',
      description,
      ([a, b, start, length]) =>
        overlay(stringOf(a), stringOf(b), numberOf(start), numberOf(length)),
    ),
  ];
}

function pad(text: string, length: number, fill: string, left: boolean): string {
  const count = characters(text);
  if (length <= count) return sliceCharacters(text, 0, Math.max(0, length));
  if (fill === '') return text;
  checkLength(length * 4);
  const missing = length - count;
  const width = characters(fill);
  const padding = sliceCharacters(fill.repeat(Math.ceil(missing / width)), 0, missing);
  return left ? padding + text : text + padding;
}

function pads(name: string, left: boolean): FunctionEntry[] {
  const side = left ? 'left' : 'right';
  return [
    entry(
      'string',
      name,
      ['text', 'int4'],
      'text',
      `Fills up with blanks on the ${side}, or cuts, to a length.`,
      ([text, length]) => pad(stringOf(text), numberOf(length), ' ', left),
    ),
    entry(
      'string',
      name,
      ['text', 'int4', 'text'],
      'text',
      `Fills up with a text on the ${side}, or cuts, to a length.`,
      ([text, length, fill]) => pad(stringOf(text), numberOf(length), stringOf(fill), left),
    ),
  ];
}

function repeat(text: string, times: number): string {
  if (times <= 0) return '';
  checkLength(text.length * times);
  return text.repeat(times);
}

function replaceAll(text: string, from: string, to: string): string {
  if (from === '') return text;
  const parts = text.split(from);
  checkLength(text.length + (parts.length - 1) * to.length);
  return parts.join(to);
}

function splitPart(text: string, delimiter: string, field: number): string {
  if (field === 0) throw sqlError('22023', 'field position must not be zero');
  const parts = text === '' ? [] : delimiter === '' ? [text] : text.split(delimiter);
  return (field > 0 ? parts[field - 1] : parts[parts.length + field]) ?? '';
}

function translate(text: string, from: string, to: string): string {
  const targets = Array.from(to);
  const map = new Map<string, string>();
  Array.from(from).forEach((c, k) => {
    if (!map.has(c)) map.set(c, targets[k] ?? '');
  });
  return Array.from(text, (c) => map.get(c) ?? c).join('');
}

function characterOf(code: number): string {
  if (code === 0) throw sqlError('54000', 'null character not permitted');
  if (code < 0) throw sqlError('22023', 'character number must be positive');
  if (code > 0x10ffff) {
    throw sqlError('54000', `requested character too large for encoding: ${code}`);
  }
  if (code >= 0xd800 && code < 0xe000) {
    throw sqlError('54000', `requested character not valid for encoding: ${code}`);
  }
  return String.fromCodePoint(code);
}

/** What a cast to text gives, which differs from what is printed for booleans. */
function castText(type: TypeName, value: Datum): string {
  return typeof value === 'boolean' ? String(value) : formatDatum(type, value);
}

/** The texts of the values from argument `from` on that are not NULL. */
function outputs(values: readonly Datum[], site: CallSite, from: number): string[] {
  const texts: string[] = [];
  for (let k = from; k < values.length; k++) {
    const value = values[k];
    if (value !== null) texts.push(formatDatum(site.args[k], value));
  }
  return texts;
}

const concatenation: Template = {
  total: false,
  emit: ([a, b]) =>
    `X.concatenate(X.heap, ${a.words}, ${a.value}, ${a.bytes}, ${b.words}, ${b.value}, ${b.bytes})`,
};

const called: Options = { nullHandling: 'called' };

function concatenations(): FunctionEntry[] {
  const text = 'Both texts, one after the other.';
  return [
    { ...ofTexts('||', 2, 'text', text, (a, b) => a + b), template: concatenation },
    entry(
      'string',
      '||',
      ['text', 'anynonarray'],
      'text',
      text,
      ([a, b], { args }) => stringOf(a) + castText(args[1], b),
    ),
    entry(
      'string',
      '||',
      ['anynonarray', 'text'],
      'text',
      text,
      ([a, b], { args }) => castText(args[0], a) + stringOf(b),
    ),
    entry(
      'string',
      'concat',
      [],
      'text',
      'The texts of all values that are not NULL, one after the other.',
      (values, site) => outputs(values, site, 0).join(''),
      { ...called, variadic: 'any' },
    ),
    entry(
      'string',
      'concat_ws',
      ['text'],
      'text',
      'The texts of all values that are not NULL, with the first text between them.',
      (values, site) =>
        values[0] === null ? null : outputs(values, site, 1).join(stringOf(values[0])),
      { ...called, nullable: true, variadic: 'any' },
    ),
    entry(
      'string',
      'format',
      ['text'],
      'text',
      'Fills values into a text: %s as they are, %I as identifiers, %L as literals.',
      (values, site) => (values[0] === null ? null : formatText(values, site)),
      { ...called, nullable: true, variadic: 'any' },
    ),
    entry('string', 'format', ['text'], 'text', 'The text with %% as %.', (values, site) =>
      formatText(values, site),
    ),
  ];
}

function quotings(): FunctionEntry[] {
  return [
    ofTexts(
      'quote_ident',
      1,
      'text',
      'The name as an SQL identifier, in double quotes if it needs them.',
      quoteIdentifier,
    ),
    ofTexts('quote_literal', 1, 'text', 'The text as an SQL literal.', quoteLiteral),
    entry(
      'string',
      'quote_literal',
      ['anyelement'],
      'text',
      'The value as an SQL literal.',
      ([value], { args }) => quoteLiteral(castText(args[0], value)),
    ),
    entry(
      'string',
      'quote_nullable',
      ['text'],
      'text',
      'The text as an SQL literal, or NULL in letters.',
      ([value]) => (value === null ? 'NULL' : quoteLiteral(stringOf(value))),
      called,
    ),
    entry(
      'string',
      'quote_nullable',
      ['anyelement'],
      'text',
      'The value as an SQL literal, or NULL in letters.',
      ([value], { args }) => (value === null ? 'NULL' : quoteLiteral(castText(args[0], value))),
      called,
    ),
  ];
}

function lengths(): FunctionEntry[] {
  return [
    ...['length', 'char_length', 'character_length'].flatMap((name) =>
      (['text', 'bpchar'] as const).map((type) =>
        entry('string', name, [type], 'int4', 'Number of characters.', ([text]) =>
          characters(stringOf(text)),
        ),
      ),
    ),
    ...(['text', 'bpchar'] as const).map((type) =>
      entry(
        'string',
        'octet_length',
        [type],
        'int4',
        'Number of bytes in UTF-8.',
        ([text]) => utf8(stringOf(text)).length,
      ),
    ),
    ofTexts('bit_length', 1, 'int4', 'Number of bits in UTF-8.', (text) => utf8(text).length * 8),
  ];
}

function normalized(text: string, form: string): string {
  switch (form.toUpperCase()) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return text.normalize(form.toUpperCase());
    default:
      throw unsupported(`the normalization form "${form}"`);
  }
}

export const stringFunctions: readonly FunctionEntry[] = [
  ...lengths(),
  ofTexts('lower', 1, 'text', 'The text in small letters.', lower),
  ofTexts('upper', 1, 'text', 'The text in capital letters.', upper),
  ofTexts('initcap', 1, 'text', 'Each word with a capital first letter.', capitalized),
  ...trims('btrim', true, true, 'at both ends'),
  ...trims('ltrim', true, false, 'at the start'),
  ...trims('rtrim', false, true, 'at the end'),
  ...substrings('substr'),
  ...substrings('substring'),
  ...overlays(),
  entry(
    'string',
    'left',
    ['text', 'int4'],
    'text',
    'The first characters; a negative number leaves out so many at the end.',
    ([text, n]) =>
      sliceCharacters(
        stringOf(text),
        0,
        numberOf(n) < 0 ? characters(stringOf(text)) + numberOf(n) : numberOf(n),
      ),
  ),
  entry(
    'string',
    'right',
    ['text', 'int4'],
    'text',
    'The last characters; a negative number leaves out so many at the start.',
    ([text, n]) =>
      sliceCharacters(
        stringOf(text),
        numberOf(n) < 0 ? -numberOf(n) : characters(stringOf(text)) - numberOf(n),
        Infinity,
      ),
  ),
  ...pads('lpad', true),
  ...pads('rpad', false),
  ...['strpos', 'position'].map((name) =>
    ofTexts(
      name,
      2,
      'int4',
      'Position of the second text in the first; 0 if it does not occur.',
      (text, part) => {
        const at = text.indexOf(part);
        return at < 0 ? 0 : characters(text.slice(0, at)) + 1;
      },
    ),
  ),
  ofTexts(
    'replace',
    3,
    'text',
    'Puts the third text wherever the second occurs in the first.',
    replaceAll,
  ),
  entry('string', 'repeat', ['text', 'int4'], 'text', 'The text so many times.', ([text, times]) =>
    repeat(stringOf(text), numberOf(times)),
  ),
  ofTexts('reverse', 1, 'text', 'The characters in reverse order.', (text) =>
    Array.from(text).reverse().join(''),
  ),
  entry(
    'string',
    'split_part',
    ['text', 'text', 'int4'],
    'text',
    'The field of that number (negative: from the end) of the text cut at a delimiter.',
    ([text, delimiter, field]) => splitPart(stringOf(text), stringOf(delimiter), numberOf(field)),
  ),
  ofTexts(
    'starts_with',
    2,
    'bool',
    'Whether the first text begins with the second.',
    (text, start) => text.startsWith(start),
  ),
  ofTexts('^@', 2, 'bool', 'Whether the first text begins with the second.', (text, start) =>
    text.startsWith(start),
  ),
  ...concatenations(),
  ...quotings(),
  ofTexts(
    'translate',
    3,
    'text',
    'Replaces each character of the second text by the one at its place in the third.',
    translate,
  ),
  ofTexts(
    'ascii',
    1,
    'int4',
    'Code point of the first character.',
    (text) => text.codePointAt(0) ?? 0,
  ),
  entry('string', 'chr', ['int4'], 'text', 'The character of a code point.', ([code]) =>
    characterOf(numberOf(code)),
  ),
  ofTexts('md5', 1, 'text', 'MD5 of the text in UTF-8, in hexadecimal.', (text) => md5(utf8(text))),
  ofTexts(
    'normalize',
    2,
    'text',
    'The text in a Unicode normalization form: NFC, NFD, NFKC or NFKD.',
    normalized,
  ),
];
