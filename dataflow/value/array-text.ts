/**
 * The text form of arrays, `{a,"b c",NULL}`, split into and joined from the texts of the elements;
 * what an element means is its type's business. One dimension; deeper arrays and explicit bounds
 * are refused by name.
 */
import { sqlError, unsupported } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';

function malformed(text: string, detail: string): SqlError {
  return sqlError('22P02', `malformed array literal: "${text}"`, { detail });
}

function isBlank(c: string | undefined): boolean {
  return c === ' ' || (c !== undefined && c >= '\t' && c <= '\r');
}

/** The texts of an array's elements; null for an unquoted NULL. */
export function splitArray(text: string): (string | null)[] {
  return new ArraySplitter(text).elements();
}

class ArraySplitter {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  elements(): (string | null)[] {
    this.#blank();
    const c = this.#text[this.#at];
    if (c === '[') throw unsupported('an array with explicit bounds');
    if (c !== '{') {
      throw malformed(this.#text, 'Array value must start with "{" or dimension information.');
    }
    this.#at++;
    const found: (string | null)[] = [];
    this.#blank();
    if (this.#text[this.#at] === '}') this.#at++;
    else
      do found.push(this.#element());
      while (this.#more());
    this.#blank();
    if (this.#at < this.#text.length)
      throw malformed(this.#text, 'Junk after closing right brace.');
    return found;
  }

  #blank(): void {
    while (isBlank(this.#text[this.#at])) this.#at++;
  }

  /** Takes the comma or the closing brace after an element. */
  #more(): boolean {
    this.#blank();
    const c = this.#text[this.#at++];
    if (c === ',') return true;
    if (c === '}') return false;
    throw this.#end(c);
  }

  #end(c: string | undefined): SqlError {
    if (c === undefined) return malformed(this.#text, 'Unexpected end of input.');
    if (c === '\\') return malformed(this.#text, 'Unexpected "\\" character.');
    return malformed(this.#text, 'Unexpected array element.');
  }

  #element(): string | null {
    this.#blank();
    const c = this.#text[this.#at];
    if (c === '{') throw unsupported('an array of more than one dimension');
    if (c === '"') return this.#quoted();
    if (c === ',' || c === '}') throw malformed(this.#text, `Unexpected "${c}" character.`);
    return this.#bare();
  }

  #quoted(): string {
    let value = '';
    for (this.#at++; ; this.#at++) {
      let c = this.#text[this.#at];
      if (c === '"') break;
      if (c === '\\') c = this.#text[++this.#at];
      if (c === undefined) throw this.#end(c);
      value += c;
    }
    this.#at++;
    return value;
  }

  /** An element without quotes: blanks at its end do not count, unless escaped. */
  #bare(): string | null {
    let value = '';
    let kept = 0;
    let escaped = false;
    for (; ; this.#at++) {
      let c = this.#text[this.#at];
      if (c === ',' || c === '}') break;
      if (c === '"' || c === '{')
        throw malformed(
          this.#text,
          c === '"' ? 'Unexpected array element.' : 'Unexpected "{" character.',
        );
      const escape = c === '\\';
      if (escape) c = this.#text[++this.#at];
      if (c === undefined) throw this.#end(c);
      escaped ||= escape;
      value += c;
      if (escape || !isBlank(c)) kept = value.length;
    }
    const trimmed = value.slice(0, kept);
    return !escaped && trimmed.toUpperCase() === 'NULL' ? null : trimmed;
  }
}

/** The text of an array whose elements have these texts. */
export function joinArray(elements: readonly (string | null)[]): string {
  return `{${elements.map((e) => (e === null ? 'NULL' : quoteElement(e))).join(',')}}`;
}

function quoteElement(text: string): string {
  if (text !== '' && !/[{}",\\ \t-\r]/.test(text) && text.toUpperCase() !== 'NULL') return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
