/**
 * Reading JSON: checks text as Postgres 15 does, with its error details, and writes jsonb's
 * canonical form (see jsonb.ts) in the same pass.
 *
 * A recursive descent over the string, one method per production, bounded by `jsonDepthMax`.
 * For type json only the syntax counts; for jsonb escapes must also be text: no \u0000 and no half
 * of a surrogate pair.
 */
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import { plainDecimal } from './decimal-text.ts';
import { compareRuns } from './jsonb.ts';
import { utf8 } from './words.ts';

const simpleEscapes = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);
const numberShape = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const numberJunk =
  /-?(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?(?:[eE][+-]?[0-9]*)?[A-Za-z0-9_\u0080-\u{10ffff}]*/uy;
const word = /[A-Za-z0-9_\u0080-\u{10ffff}]+/uy;
const exponentSign = /[eE]/;

function invalidJson(detail: string): SqlError {
  return sqlError('22P02', 'invalid input syntax for type json', { detail });
}

/** 54000: numbers with exponents stand for more digits than one jsonb may hold. */
export function tooManyDigits(): SqlError {
  const most = `exceeds the maximum of ${limits.jsonDigitsMax} bytes`;
  return sqlError('54000', `total size of jsonb numbers with exponents ${most}`);
}

/** Checks that `text` is JSON. */
export function checkJson(text: string): void {
  new JsonReader(text, false).document();
}

/** The canonical form of JSON text. */
export function canonicalJsonb(text: string): string {
  return new JsonReader(text, true).document();
}

/** A string as a JSON string literal. */
export function jsonQuote(text: string): string {
  return JSON.stringify(text);
}

/** The canonical text of an object with these members; keys may repeat, the last one counts. */
export function jsonbObject(members: Iterable<readonly [string, string]>): string {
  const unique = new Map(members);
  if (unique.size === 0) return '{}';
  const sorted = [...unique.keys()];
  if (sorted.length > 1) sorted.sort(sorted.every(isAscii) ? compareAscii : compareKeys);
  let text = '';
  for (const key of sorted)
    text += `${text === '' ? '{' : ', '}${jsonQuote(key)}: ${unique.get(key) ?? ''}`;
  return `${text}}`;
}

function isAscii(text: string): boolean {
  for (let k = 0; k < text.length; k++) if (text.charCodeAt(k) > 0x7f) return false;
  return true;
}

function compareAscii(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}

/** jsonb's order of keys: the shorter first, then by bytes. */
function compareKeys(a: string, b: string): number {
  const x = utf8(a);
  const y = utf8(b);
  return x.length - y.length || compareRuns(x, y);
}

/** The canonical text of an array of canonical texts. */
export function jsonbArray(elements: readonly string[]): string {
  return `[${elements.join(', ')}]`;
}

class JsonReader {
  readonly #text: string;
  readonly #strict: boolean;
  #at = 0;
  #depth = 0;
  /** Characters that numbers with exponent have become. */
  #digits = 0;

  constructor(text: string, strict: boolean) {
    this.#text = text;
    this.#strict = strict;
  }

  document(): string {
    const value = this.#value();
    this.#blank();
    if (this.#at < this.#text.length) throw this.#unexpected('end of input');
    return value;
  }

  #blank(): void {
    for (;;) {
      const c = this.#text.charCodeAt(this.#at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
      this.#at++;
    }
  }

  /** Takes `symbol` if it is next. */
  #take(symbol: string): boolean {
    this.#blank();
    if (this.#text[this.#at] !== symbol) return false;
    this.#at++;
    return true;
  }

  #value(): string {
    this.#blank();
    const c = this.#text[this.#at];
    switch (c) {
      case '{':
        return this.#nested(() => this.#object());
      case '[':
        return this.#nested(() => this.#array());
      case '"':
        return this.#stringValue();
      case 't':
        return this.#literal('true');
      case 'f':
        return this.#literal('false');
      case 'n':
        return this.#literal('null');
      default:
        if (c === '-' || (c !== undefined && c >= '0' && c <= '9')) return this.#number();
        throw this.#unexpected('JSON value');
    }
  }

  /** A string as a value: most have no escape and are canonical as they stand. */
  #stringValue(): string {
    const start = this.#at;
    const end = this.#runEnd(start + 1);
    if (this.#text.charCodeAt(end) === 0x22) {
      this.#at = end + 1;
      return this.#strict ? this.#text.slice(start, end + 1) : '';
    }
    const value = this.#string();
    return this.#strict ? jsonQuote(value) : '';
  }

  /** Index of the first character at or after `at` that ends a string or needs a look. */
  #runEnd(at: number): number {
    let k = at;
    for (;;) {
      const c = this.#text.charCodeAt(k);
      if (c === 0x22 || c === 0x5c || c < 0x20 || Number.isNaN(c)) return k;
      k++;
    }
  }

  #nested(read: () => string): string {
    if (++this.#depth > limits.jsonDepthMax) {
      throw sqlError('54001', 'stack depth limit exceeded', {
        detail: `JSON may be nested ${limits.jsonDepthMax} deep.`,
      });
    }
    this.#at++;
    const value = read();
    this.#depth--;
    return value;
  }

  #object(): string {
    const members = new Map<string, string>();
    if (this.#take('}')) return '{}';
    for (let expected = 'string or "}"'; ; expected = 'string') {
      this.#blank();
      if (this.#text[this.#at] !== '"') throw this.#unexpected(expected);
      const key = this.#string();
      if (!this.#take(':')) throw this.#unexpected('":"');
      members.set(key, this.#value());
      if (this.#take(',')) continue;
      if (this.#take('}')) return this.#strict ? jsonbObject(members) : '';
      throw this.#unexpected('"," or "}"');
    }
  }

  #array(): string {
    const elements: string[] = [];
    if (this.#take(']')) return '[]';
    for (;;) {
      elements.push(this.#value());
      if (this.#take(',')) continue;
      if (this.#take(']')) return this.#strict ? jsonbArray(elements) : '';
      throw this.#unexpected('"," or "]"');
    }
  }

  #literal(expected: string): string {
    const end = this.#at + expected.length;
    if (
      this.#text.startsWith(expected, this.#at) &&
      ',]} \n\r\t'.includes(this.#text[end] ?? ' ')
    ) {
      this.#at = end;
      return expected;
    }
    const found = this.#match(word);
    if (found !== expected) throw invalidJson(`Token "${found}" is invalid.`);
    this.#at += found.length;
    return found;
  }

  #number(): string {
    const valid = this.#match(numberShape);
    const after = this.#text[this.#at + valid.length];
    if (valid === '' || !(after === undefined || ', }]\n\r\t'.includes(after))) {
      const whole = this.#match(numberJunk);
      if (valid === '' || whole !== valid) throw invalidJson(`Token "${whole}" is invalid.`);
    }
    this.#at += valid.length;
    if (!this.#strict) return '';
    const plain = valid.length < 1000 && !valid.startsWith('-0') && !exponentSign.test(valid);
    if (plain) return valid;
    const digits = plainDecimal(valid);
    this.#digits += digits.length;
    if (this.#digits > limits.jsonDigitsMax) throw tooManyDigits();
    return digits;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0] ?? '';
  }

  /** Reads a string literal; answers what it stands for. */
  #string(): string {
    const start = this.#at++;
    let value = '';
    for (;;) {
      const end = this.#runEnd(this.#at);
      value += this.#text.slice(this.#at, end);
      this.#at = end;
      const c = this.#text[this.#at];
      if (c === undefined) throw invalidJson(`Token "${this.#text.slice(start)}" is invalid.`);
      this.#at++;
      if (c === '"') return value;
      if (c === '\\') value += this.#escape(start);
      else {
        const code = c.charCodeAt(0).toString(16).padStart(2, '0');
        throw invalidJson(`Character with value 0x${code} must be escaped.`);
      }
    }
  }

  /** Reads an escape whose backslash was taken. */
  #escape(start: number): string {
    const c = this.#text[this.#at++];
    if (c === undefined) throw invalidJson(`Token "${this.#text.slice(start)}" is invalid.`);
    if (c !== 'u') {
      const plain = simpleEscapes.get(c);
      if (plain !== undefined) return plain;
      const shown = String.fromCodePoint(this.#text.codePointAt(this.#at - 1) ?? 0);
      throw invalidJson(`Escape sequence "\\${shown}" is invalid.`);
    }
    const unit = this.#fourDigits(start);
    return this.#strict ? this.#unicode(unit, start) : String.fromCharCode(unit);
  }

  #fourDigits(start: number): number {
    const digits = this.#text.slice(this.#at, this.#at + 4);
    if (digits.length < 4 && /^[0-9a-fA-F]*$/.test(digits)) {
      throw invalidJson(`Token "${this.#text.slice(start)}" is invalid.`);
    }
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
      throw invalidJson('"\\u" must be followed by four hexadecimal digits.');
    }
    this.#at += 4;
    return Number.parseInt(digits, 16);
  }

  #unicode(unit: number, start: number): string {
    if (unit === 0) {
      const detail = '\\u0000 cannot be converted to text.';
      throw sqlError('22P05', 'unsupported Unicode escape sequence', { detail });
    }
    const lonely = 'Unicode low surrogate must follow a high surrogate.';
    if (unit >= 0xdc00 && unit <= 0xdfff) throw invalidJson(lonely);
    if (unit < 0xd800 || unit > 0xdbff) return String.fromCharCode(unit);
    if (!this.#text.startsWith('\\u', this.#at)) throw invalidJson(lonely);
    this.#at += 2;
    const low = this.#fourDigits(start);
    if (low >= 0xd800 && low <= 0xdbff) {
      throw invalidJson('Unicode high surrogate must not follow a high surrogate.');
    }
    if (low < 0xdc00 || low > 0xdfff) throw invalidJson(lonely);
    return String.fromCharCode(unit, low);
  }

  /** The error for the token at hand where `expected` should be. */
  #unexpected(expected: string): SqlError {
    this.#blank();
    const c = this.#text[this.#at];
    if (c === undefined) return invalidJson('The input string ended unexpectedly.');
    const invalid = (token: string): SqlError => invalidJson(`Token "${token}" is invalid.`);
    let token = c;
    if (c === '"') {
      const start = this.#at;
      this.#string();
      token = this.#text.slice(start, this.#at);
    } else if (c === '-' || (c >= '0' && c <= '9')) {
      token = this.#match(numberJunk);
      if (token !== this.#match(numberShape)) return invalid(token);
    } else if (!'{}[],:'.includes(c)) {
      token = this.#match(word);
      if (token === '') return invalid(String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0));
      if (token !== 'true' && token !== 'false' && token !== 'null') return invalid(token);
    }
    return invalidJson(`Expected ${expected}, but found "${token}".`);
  }
}
