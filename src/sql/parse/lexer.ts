/**
 * Text to tokens by the rules of Postgres' scanner (manual, section 4.1): nested comments, quoted
 * names, every kind of string with its continuation over line ends, numbers with bases and
 * underscores, operators by longest match with the rule for trailing + and -.
 *
 * The lexer finds where tokens begin and end, and what kind they are; values are decoded only for
 * those that the front parser reads (token-value.ts). It never throws for bad text: the error is
 * kept in the tokens, because a syntax error further left has to be reported first.
 */
import { limits } from '../../base/limits.ts';
import { Tokens, tokenKind } from './token.ts';
import type { TokenKind } from './token.ts';

const tab = 9;
const lineFeed = 10;
const carriageReturn = 13;
const blank = 32;
const doubleQuote = 34;
const dollar = 36;
const quote = 39;
const star = 42;
const plus = 43;
const minus = 45;
const dot = 46;
const slash = 47;
const zero = 48;
const colon = 58;
const equals = 61;
const backslash = 92;
const underscore = 95;

/** Bits of the class of a character below 128; everything above is a letter. */
const isSpace = 1;
const isLetter = 2;
const isDigit = 4;
const isOperator = 8;
const isPunctuation = 16;
const keepsTrailingSign = 32;

const classes = new Uint8Array(128);
for (const c of [tab, lineFeed, 11, 12, carriageReturn, blank]) classes[c] = isSpace;
for (let c = 0; c < 26; c++) {
  classes[65 + c] = isLetter;
  classes[97 + c] = isLetter;
}
classes[underscore] = isLetter;
for (let c = 0; c < 10; c++) classes[zero + c] = isDigit;
for (const c of '~!@#^&|`?+-*/%<>=') classes[c.charCodeAt(0)] = isOperator;
for (const c of '~!@#^&|`?%') classes[c.charCodeAt(0)] = isOperator | keepsTrailingSign;
for (const c of '()[],;:.') classes[c.charCodeAt(0)] = isPunctuation;

/** Characters that Postgres' longest operator has are 63; a run may hold a few of them. */
const operatorRunMax = 1_000;

/** The class bits of a character; NaN past the end has none. */
function classOf(code: number): number {
  return code < 128 ? (classes[code] ?? 0) : code >= 128 ? isLetter : 0;
}

/** Splits a text into tokens, up to its end or its first lexical error. */
export function tokenize(text: string): Tokens {
  const lexer = new Lexer(text);
  lexer.run(Number.POSITIVE_INFINITY);
  return lexer.tokens;
}

/** The same with a pause after every so many tokens. */
export function* tokenizeInSlices(text: string, slice: number): Generator<undefined, Tokens> {
  const lexer = new Lexer(text);
  while (!lexer.run(slice)) yield undefined;
  return lexer.tokens;
}

class Lexer {
  readonly #text: string;
  readonly #tokens: Tokens;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = new Tokens(text);
  }

  get tokens(): Tokens {
    return this.#tokens;
  }

  /** Reads up to so many tokens more; true once there are no more. */
  run(tokens: number): boolean {
    const until = this.#tokens.count + tokens;
    while (this.#tokens.error === null) {
      if (this.#tokens.count >= until) return false;
      this.#skipSpace();
      if (this.#at >= this.#text.length || this.#tokens.error !== null) break;
      if (this.#tokens.count + this.#tokens.comments.length > limits.statementTokensMax) {
        this.#fail(
          '54000',
          `statement has more than ${limits.statementTokensMax} tokens`,
          this.#at,
          this.#at + 1,
        );
        break;
      }
      this.#token();
    }
    return true;
  }

  #code(offset: number): number {
    return this.#text.charCodeAt(offset);
  }

  #fail(code: string, message: string, start: number, end: number): void {
    this.#tokens.error = { code, message, start, end };
    this.#at = this.#text.length;
  }

  /** As the scanner's own errors: the offending text up to the end, quoted. */
  #failNear(message: string, start: number, end: number): void {
    const near = this.#text.slice(start, end);
    this.#fail('42601', `${message} at or near "${near}"`, start, end);
  }

  #emit(kind: TokenKind, start: number, end: number): void {
    this.#tokens.push(kind, start, end);
    this.#at = end;
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#code(this.#at);
      if ((classOf(code) & isSpace) !== 0) {
        this.#at++;
      } else if (code === minus && this.#code(this.#at + 1) === minus) {
        this.#at = this.#lineEnd(this.#at);
      } else if (code === slash && this.#code(this.#at + 1) === star) {
        this.#skipComment();
        if (this.#tokens.comments.length > limits.statementTokensMax) return;
      } else {
        return;
      }
    }
  }

  #lineEnd(from: number): number {
    let at = from;
    while (at < this.#text.length && !isLineEnd(this.#code(at))) at++;
    return at;
  }

  #skipComment(): void {
    const start = this.#at;
    let depth = 1;
    let at = start + 2;
    while (depth > 0) {
      if (at >= this.#text.length) {
        this.#failNear('unterminated /* comment', start, this.#text.length);
        return;
      }
      const code = this.#code(at);
      const next = this.#code(at + 1);
      if (code === slash && next === star) {
        depth++;
        at += 2;
      } else if (code === star && next === slash) {
        depth--;
        at += 2;
      } else {
        at++;
      }
    }
    this.#tokens.comments.push(this.#at, at);
    this.#at = at;
  }

  #token(): void {
    const start = this.#at;
    const code = this.#code(start);
    const bits = classOf(code);
    if ((bits & isLetter) !== 0) this.#wordOrPrefixed(start, code);
    else if (
      (bits & isDigit) !== 0 ||
      (code === dot && (classOf(this.#code(start + 1)) & isDigit) !== 0)
    )
      this.#number(start);
    else if (code === quote)
      this.#string(tokenKind.string, start, start + 1, false, 'unterminated quoted string');
    else if (code === doubleQuote) this.#quotedName(start, start + 1);
    else if (code === dollar) this.#dollar(start);
    else if ((bits & isOperator) !== 0) this.#operator(start);
    else if ((bits & isPunctuation) !== 0) this.#punctuation(start, code);
    else this.#failNear('syntax error', start, start + 1);
  }

  /** A word, or a string whose prefix is one letter: E'', B'', X'', U&'' and U&"". */
  #wordOrPrefixed(start: number, code: number): void {
    const next = this.#code(start + 1);
    const letter = code | 32;
    if (next === quote) {
      if (letter === 0x65)
        return this.#string(tokenKind.string, start, start + 2, true, 'unterminated quoted string');
      if (letter === 0x62)
        return this.#string(
          tokenKind.bits,
          start,
          start + 2,
          false,
          'unterminated bit string literal',
        );
      if (letter === 0x78)
        return this.#string(
          tokenKind.bits,
          start,
          start + 2,
          false,
          'unterminated hexadecimal string literal',
        );
    }
    if (letter === 0x75 && next === 0x26) {
      const third = this.#code(start + 2);
      if (third === quote)
        return this.#string(
          tokenKind.string,
          start,
          start + 3,
          false,
          'unterminated quoted string',
        );
      if (third === doubleQuote) return this.#quotedName(start, start + 3);
    }
    this.#emit(tokenKind.word, start, this.#wordEnd(start + 1));
  }

  #wordEnd(from: number): number {
    let at = from;
    for (;;) {
      const code = this.#code(at);
      if ((classOf(code) & (isLetter | isDigit)) === 0 && code !== dollar) return at;
      at++;
    }
  }

  /** A string in single quotes whose content begins at `from`, with its continuations. */
  #string(
    kind: TokenKind,
    start: number,
    from: number,
    escapes: boolean,
    unterminated: string,
  ): void {
    let at = from;
    for (;;) {
      const code = this.#code(at);
      if (Number.isNaN(code)) {
        this.#failNear(unterminated, start, this.#text.length);
        return;
      }
      if (code === backslash && escapes) {
        at += 2;
      } else if (code !== quote) {
        at++;
      } else if (this.#code(at + 1) === quote && kind === tokenKind.string) {
        at += 2;
      } else {
        const continued = this.#continuation(at + 1);
        if (continued < 0) {
          this.#emit(kind, start, at + 1);
          return;
        }
        at = continued;
      }
    }
  }

  /**
   * Where a string goes on that has just closed: blanks with a line end among them, then a quote.
   * -1 if it doesn't.
   */
  #continuation(from: number): number {
    let at = from;
    let lines = 0;
    for (;;) {
      const code = this.#code(at);
      if (isLineEnd(code)) lines++;
      if ((classOf(code) & isSpace) !== 0) at++;
      else return code === quote && lines > 0 ? at + 1 : -1;
    }
  }

  #quotedName(start: number, from: number): void {
    let at = from;
    for (;;) {
      at = this.#text.indexOf('"', at);
      if (at < 0) {
        this.#failNear('unterminated quoted identifier', start, this.#text.length);
        return;
      }
      if (this.#code(at + 1) !== doubleQuote) break;
      at += 2;
    }
    if (at === from) this.#failNear('zero-length delimited identifier', start, at + 1);
    else this.#emit(tokenKind.quoted, start, at + 1);
  }

  /** `$1`, or a dollar-quoted string. */
  #dollar(start: number): void {
    let at = start + 1;
    if ((classOf(this.#code(at)) & isDigit) !== 0) {
      while ((classOf(this.#code(at)) & isDigit) !== 0) at++;
      if ((classOf(this.#code(at)) & isLetter) !== 0) {
        this.#failNear('trailing junk after parameter', start, this.#wordEnd(at));
      } else {
        this.#emit(tokenKind.parameter, start, at);
      }
      return;
    }
    if ((classOf(this.#code(at)) & isLetter) !== 0) {
      while ((classOf(this.#code(at)) & (isLetter | isDigit)) !== 0) at++;
    }
    if (this.#code(at) !== dollar) {
      this.#failNear('syntax error', start, start + 1);
      return;
    }
    const tag = this.#text.slice(start, at + 1);
    const close = this.#text.indexOf(tag, at + 1);
    if (close < 0) this.#failNear('unterminated dollar-quoted string', start, this.#text.length);
    else this.#emit(tokenKind.string, start, close + tag.length);
  }

  #number(start: number): void {
    const at = this.#numberEnd(start);
    const code = this.#code(at);
    if ((classOf(code) & isLetter) !== 0) {
      this.#failNear('trailing junk after numeric literal', start, this.#wordEnd(at));
    } else {
      this.#emit(tokenKind.number, start, at);
    }
  }

  #numberEnd(start: number): number {
    if (this.#code(start) === zero) {
      const base = this.#code(start + 1) | 32;
      if (base === 0x78 || base === 0x6f || base === 0x62) return this.#basedEnd(start + 2);
    }
    let at = this.#digits(start);
    // Two dots after digits are a range of the grammar, not a fraction.
    if (this.#code(at) === dot && this.#code(at + 1) !== dot) at = this.#digits(at + 1);
    if ((this.#code(at) | 32) === 0x65) {
      const sign = this.#code(at + 1);
      const digits = sign === plus || sign === minus ? at + 2 : at + 1;
      if ((classOf(this.#code(digits)) & isDigit) !== 0) at = this.#digits(digits);
    }
    return at;
  }

  /**
   * Letters beyond the base are found by Postgres' grammar itself; here they only belong to the
   * token.
   */
  #basedEnd(from: number): number {
    let at = from;
    for (;;) {
      const code = this.#code(at);
      const hex = (code | 32) >= 0x61 && (code | 32) <= 0x66;
      if ((classOf(code) & isDigit) === 0 && code !== underscore && !hex) return at;
      at++;
    }
  }

  #digits(from: number): number {
    let at = from;
    for (;;) {
      const isSeparator =
        this.#code(at) === underscore && (classOf(this.#code(at + 1)) & isDigit) !== 0 && at > from;
      if ((classOf(this.#code(at)) & isDigit) === 0 && !isSeparator) return at;
      at++;
    }
  }

  #operator(start: number): void {
    let end = start;
    let keeps = false;
    for (;;) {
      const code = this.#code(end);
      const bits = classOf(code);
      if ((bits & isOperator) === 0) break;
      // A run of + and - is cut into single signs, each after a look at all the rest.
      if (end - start > operatorRunMax) {
        this.#failNear('operator too long', start, end);
        return;
      }
      const next = this.#code(end + 1);
      if ((code === minus && next === minus) || (code === slash && next === star)) break;
      if ((bits & keepsTrailingSign) !== 0) keeps = true;
      end++;
    }
    if (!keeps) {
      while (end - start > 1 && (this.#code(end - 1) === plus || this.#code(end - 1) === minus))
        end--;
    }
    this.#emit(tokenKind.operator, start, end);
  }

  #punctuation(start: number, code: number): void {
    const next = this.#code(start + 1);
    const isPair =
      (code === colon && (next === colon || next === equals)) || (code === dot && next === dot);
    this.#emit(tokenKind.punctuation, start, start + (isPair ? 2 : 1));
  }
}

function isLineEnd(code: number): boolean {
  return code === lineFeed || code === carriageReturn;
}
