/**
 * to_char for numbers: templates of 9, 0, decimal point, group separators and signs, as Postgres
 * reads them. A template is taken apart once; then the number's digits, already rounded to the
 * template's decimals, are laid over it from left to right.
 */
import { sqlError, unsupported } from '../../src/base/error.ts';

type Piece =
  | '9'
  | '0'
  | '.'
  | ','
  | 'L'
  | 'MI'
  | 'PL'
  | 'SG'
  | 'TH'
  | 'th'
  | 'S'
  | 'PR'
  | 'V'
  | { readonly literal: string };

/** A template taken apart. */
export interface NumberTemplate {
  readonly pieces: readonly Piece[];
  /** Digits before and after the point, and after V. */
  pre: number;
  post: number;
  multi: number;
  fill: boolean;
  decimal: boolean;
  /** Positions of the first and after the last 0; 0 for none. */
  zeroStart: number;
  zeroEnd: number;
  bracket: boolean;
  plus: boolean;
  minus: boolean;
  sign: 'none' | 'pre' | 'post';
  signAt: number;
}

const tokens = [
  'FM',
  'MI',
  'PL',
  'SG',
  'PR',
  'TH',
  'RN',
  'EEEE',
  '9',
  '0',
  '.',
  'D',
  ',',
  'G',
  'L',
  'S',
  'V',
] as const;

function bad(message: string): never {
  throw sqlError('42601', message);
}

function emptyTemplate(pieces: readonly Piece[]): NumberTemplate {
  return {
    pieces,
    pre: 0,
    post: 0,
    multi: 0,
    fill: false,
    decimal: false,
    zeroStart: 0,
    zeroEnd: 0,
    bracket: false,
    plus: false,
    minus: false,
    sign: 'none',
    signAt: 0,
  };
}

/** Takes a template apart. */
export function numberTemplate(text: string): NumberTemplate {
  const pieces: Piece[] = [];
  const template = emptyTemplate(pieces);
  for (let at = 0; at < text.length;) {
    const quoted = /^"((?:[^"\\]|\\.)*)"?/s.exec(text.slice(at));
    if (quoted !== null) {
      pieces.push({ literal: quoted[1].replace(/\\(.)/gs, '$1') });
      at += quoted[0].length;
      continue;
    }
    const token = tokens.find((word) => text.slice(at, at + word.length).toUpperCase() === word);
    if (token === undefined) {
      const c = String.fromCodePoint(text.codePointAt(at) ?? 0);
      pieces.push({ literal: c });
      at += c.length;
      continue;
    }
    note(template, pieces, token, text.slice(at, at + token.length));
    at += token.length;
  }
  return template;
}

function digit(
  template: NumberTemplate,
  pieces: Piece[],
  token: '9' | '0',
  isMulti: boolean,
): void {
  if (template.bracket) bad('"PR" must be the last format');
  if (token === '0' && template.zeroStart === 0 && !template.decimal)
    template.zeroStart = template.pre + 1;
  if (isMulti) template.multi++;
  else if (template.decimal) template.post++;
  else template.pre++;
  if (token === '0') template.zeroEnd = template.pre + template.post;
  pieces.push(token);
}

function note(
  template: NumberTemplate,
  pieces: Piece[],
  token: (typeof tokens)[number],
  spelled: string,
): void {
  switch (token) {
    case '9':
    case '0':
      digit(template, pieces, token, pieces.includes('V'));
      return;
    case '.':
    case 'D':
      if (template.decimal) bad('multiple decimal points');
      if (pieces.includes('V')) bad('cannot use "V" and decimal point together');
      template.decimal = true;
      pieces.push('.');
      return;
    case ',':
    case 'G':
      pieces.push(',');
      return;
    case 'FM':
      template.fill = true;
      return;
    case 'S':
      if (template.sign !== 'none') bad('cannot use "S" twice');
      if (template.plus || template.minus || template.bracket)
        bad('cannot use "S" and "PL"/"MI"/"SG"/"PR" together');
      template.sign = template.decimal ? 'post' : 'pre';
      template.signAt = template.pre;
      pieces.push('S');
      return;
    case 'V':
      if (template.decimal) bad('cannot use "V" and decimal point together');
      pieces.push('V');
      return;
    case 'RN':
    case 'EEEE':
      throw unsupported(`the number format ${token}`);
    default:
      noteSign(template, token);
      pieces.push(token === 'TH' && spelled === 'th' ? 'th' : token);
  }
}

function noteSign(template: NumberTemplate, token: 'MI' | 'PL' | 'SG' | 'PR' | 'TH' | 'L'): void {
  if (token === 'TH' || token === 'L') return;
  if (template.sign !== 'none') bad(`cannot use "S" and "${token}" together`);
  if (token === 'PR') {
    if (template.plus || template.minus) bad('cannot use "PR" and "S"/"PL"/"MI"/"SG" together');
    template.bracket = true;
  }
  if (token === 'MI' || token === 'SG') template.minus = true;
  if (token === 'PL' || token === 'SG') template.plus = true;
}

/** Lays one number over a template. */
class Layout {
  readonly #template: NumberTemplate;
  readonly #digits: string;
  readonly #negative: boolean;
  readonly #blanks: number;
  readonly #zeroStart: number;
  readonly #sign: 'none' | 'pre' | 'post';
  readonly #bracket: boolean;
  readonly #lastRelevant: number;
  readonly #count: number;
  #signDone: boolean;
  #inNumber = false;
  #position = 0;
  #at = 0;
  #out = '';

  constructor(template: NumberTemplate, digits: string, negative: boolean) {
    const { fill, plus, minus } = template;
    this.#template = template;
    this.#negative = negative;
    const whole = digits.split('.')[0].length;
    const pre = template.pre + template.multi;
    this.#blanks = Math.max(0, pre - whole);
    this.#digits = whole > pre ? `${'#'.repeat(pre)}.${'#'.repeat(template.post)}` : digits;
    this.#zeroStart = template.zeroStart === 0 ? -1 : template.zeroStart - 1;
    this.#bracket = template.bracket && (negative || !fill);
    this.#sign = template.sign === 'pre' && template.signAt === pre ? 'post' : template.sign;
    this.#signDone =
      plus || minus ? !(plus && !minus) : !negative && fill && template.sign === 'none';
    this.#lastRelevant = fill && template.decimal ? this.#relevant() : -1;
    this.#count = template.post + pre - (!this.#signDone && this.#blanks === 0 ? 0 : 1);
  }

  /** Index of the last digit of the fraction that FM keeps; that of the point if it keeps none. */
  #relevant(): number {
    const point = this.#digits.indexOf('.');
    if (point < 0) return -1;
    let last = this.#digits.length - 1;
    while (last > point && this.#digits[last] === '0') last--;
    const kept = this.#template.zeroEnd - this.#blanks;
    return this.#template.zeroEnd > this.#blanks
      ? Math.max(last, Math.min(this.#digits.length - 1, kept))
      : last;
  }

  text(): string {
    for (const piece of this.#template.pieces) this.#piece(piece);
    return this.#out;
  }

  #blank(): void {
    if (!this.#template.fill) this.#out += ' ';
  }

  #piece(piece: Piece): void {
    if (typeof piece === 'object') {
      this.#out += piece.literal;
      return;
    }
    switch (piece) {
      case '9':
      case '0':
      case '.':
        this.#digit(piece);
        return;
      case ',':
        if (this.#inNumber) this.#out += ',';
        else this.#blank();
        return;
      case 'L':
        this.#out += ' ';
        return;
      case 'MI':
        if (this.#negative) this.#out += '-';
        else this.#blank();
        return;
      case 'PL':
        if (this.#negative) this.#blank();
        else this.#out += '+';
        return;
      case 'SG':
        this.#out += this.#negative ? '-' : '+';
        return;
      case 'TH':
      case 'th':
        if (/^[A-Z]/.test(this.#digits)) {
          throw sqlError('22P02', `"${this.#digits}" is not a number`);
        }
        if (!this.#negative && !this.#template.decimal && !this.#digits.startsWith('#')) {
          const suffix = ordinal(this.#digits);
          this.#out += piece === 'TH' ? suffix.toUpperCase() : suffix;
        }
        return;
      case 'S':
      case 'PR':
      case 'V':
    }
  }

  /** The leading zero of a number below one is not shown unless the template has a 0. */
  #hiddenZero(): boolean {
    return (
      this.#zeroStart < 0 &&
      this.#at === 0 &&
      this.#digits.startsWith('0') &&
      this.#template.post !== 0
    );
  }

  #writeSign(): void {
    const ready = this.#position >= this.#blanks || this.#zeroStart === this.#position;
    const bare = this.#lastRelevant >= 0 && this.#digits[this.#lastRelevant] === '.';
    if (this.#signDone || !ready || (this.#hiddenZero() && !bare)) return;
    if (this.#sign !== 'none') {
      if (this.#sign === 'post') return;
      this.#out += this.#negative ? '-' : '+';
    } else if (this.#bracket) this.#out += this.#negative ? '<' : ' ';
    else if (this.#negative) this.#out += '-';
    else this.#blank();
    this.#signDone = true;
  }

  #digit(piece: '9' | '0' | '.'): void {
    this.#writeSign();
    const before = this.#position < this.#blanks;
    if (before && (this.#zeroStart < 0 || this.#zeroStart > this.#position)) this.#blank();
    else if (before) {
      this.#out += '0';
      this.#inNumber = true;
    } else {
      this.#own(piece);
      if (this.#at < this.#digits.length) this.#at++;
    }
    this.#closeSign();
    this.#position++;
  }

  /** A character of the number itself. */
  #own(piece: '9' | '0' | '.'): void {
    const c = this.#digits[this.#at];
    const last = this.#lastRelevant;
    if (c === undefined) return;
    if (c === '.') {
      this.#out += '.';
      return;
    }
    if (last >= 0 && this.#at > last && piece !== '0') return;
    if (this.#hiddenZero()) {
      if (!this.#template.fill) this.#out += ' ';
      else if (last >= 0 && this.#digits[last] === '.') this.#out += '0';
      return;
    }
    this.#out += c;
    this.#inNumber = true;
  }

  /** Signs that follow the last digit. */
  #closeSign(): void {
    let end = this.#count + (this.#blanks > 0 ? 1 : 0) + (this.#template.decimal ? 1 : 0);
    if (this.#lastRelevant >= 0 && this.#lastRelevant === this.#at) end = this.#position;
    if (this.#position + 1 !== end) return;
    if (this.#signDone && this.#bracket) this.#out += this.#negative ? '>' : ' ';
    else if (this.#sign === 'post') this.#out += this.#negative ? '-' : '+';
  }
}

/** st, nd, rd or th. */
export function ordinal(digits: string): string {
  const teen = digits.length > 1 && digits.at(-2) === '1';
  const suffix = new Map([
    ['1', 'st'],
    ['2', 'nd'],
    ['3', 'rd'],
  ]).get(digits.at(-1) ?? '');
  return teen ? 'th' : (suffix ?? 'th');
}

/** A number, given by its rounded digits, laid over a template. */
export function formatNumber(template: NumberTemplate, digits: string, negative: boolean): string {
  return new Layout(template, digits, negative).text();
}
