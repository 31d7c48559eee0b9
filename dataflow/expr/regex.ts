/**
 * Regular expressions in Postgres' advanced form, translated to JavaScript's. The two agree on most
 * of the syntax; what differs is translated here: embedded options `(?i)`, class shorthands inside
 * brackets, POSIX classes, `\m \M \y \Y \A \Z`, `\uXXXX`. What has no counterpart is refused by
 * name.
 *
 * Two differences stay: Postgres prefers the longest match among alternatives, JavaScript the
 * first; and a hostile pattern can take long on a long text, which `regexTextMax` bounds.
 */
import { sqlError, unsupported } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';

const posixClasses = new Map([
  ['alpha', '\\p{L}'],
  ['digit', '0-9'],
  ['alnum', '\\p{L}\\p{Nd}'],
  ['upper', '\\p{Lu}'],
  ['lower', '\\p{Ll}'],
  ['space', '\\s'],
  ['blank', ' \\t'],
  ['punct', '!-\\/:-@\\[-`\\{-~'],
  ['xdigit', '0-9A-Fa-f'],
  ['cntrl', '\\x00-\\x1f\\x7f'],
  ['print', '\\x20-\\x7e\\u{a0}-\\u{10ffff}'],
  ['graph', '\\x21-\\x7e\\u{a1}-\\u{10ffff}'],
  ['word', '\\w'],
]);

/** Constraint escapes and others that are spelled differently outside brackets. */
const escapes = new Map([
  ['m', '(?<!\\w)(?=\\w)'],
  ['M', '(?<=\\w)(?!\\w)'],
  ['<', '(?<!\\w)(?=\\w)'],
  ['>', '(?<=\\w)(?!\\w)'],
  ['y', '\\b'],
  ['Y', '\\B'],
  ['A', '^'],
  ['Z', '$'],
  ['a', '\\x07'],
  ['b', '\\x08'],
  ['B', '\\\\'],
  ['e', '\\x1b'],
]);
const kept = 'dDwWsStnrvf0123456789';

/** Options of a match: from flags or from `(?…)` at the start of the pattern. */
interface Options {
  ignoreCase: boolean;
  global: boolean;
  /** . and [^…] leave out newlines. */
  dotNewline: boolean;
  /** ^ and $ match at lines. */
  anchorsNewline: boolean;
  literal: boolean;
  expanded: boolean;
}

function readFlags(flags: string, options: Options, allowGlobal: boolean): void {
  for (const flag of flags) {
    switch (flag) {
      case 'i':
        options.ignoreCase = true;
        break;
      case 'c':
        options.ignoreCase = false;
        break;
      case 'g':
        if (!allowGlobal) throw unsupported('the regular expression flag "g" here');
        options.global = true;
        break;
      case 'n':
      case 'm':
        options.dotNewline = true;
        options.anchorsNewline = true;
        break;
      case 'p':
        options.dotNewline = true;
        options.anchorsNewline = false;
        break;
      case 'w':
        options.dotNewline = false;
        options.anchorsNewline = true;
        break;
      case 's':
        options.dotNewline = false;
        options.anchorsNewline = false;
        break;
      case 't':
        options.expanded = false;
        break;
      case 'x':
        options.expanded = true;
        break;
      case 'e':
        break;
      case 'q':
        options.literal = true;
        break;
      default:
        throw sqlError('22023', `invalid regular expression option: "${flag}"`);
    }
  }
}

function invalid(why: string): never {
  throw sqlError('2201B', `invalid regular expression: ${why}`);
}

/** Rewrites one pattern; a cursor over its characters. */
class Translator {
  readonly #source: string;
  readonly #options: Options;
  readonly #bothCases: boolean;
  #at = 0;
  #groups = 0;

  /** `bothCases` spells every ASCII letter in both cases, instead of the engine's flag. */
  constructor(source: string, options: Options, bothCases: boolean) {
    this.#source = source;
    this.#options = options;
    this.#bothCases = bothCases;
  }

  /** The pattern in JavaScript's syntax. */
  translate(): string {
    let result = '';
    while (this.#at < this.#source.length) result += this.#next();
    return result;
  }

  #next(): string {
    const c = this.#source[this.#at];
    switch (c) {
      case '\\':
        return this.#escape();
      case '[':
        return this.#bracket();
      case '.':
        this.#at++;
        return this.#options.dotNewline ? '[^\\n]' : '[\\s\\S]';
      case '^':
        this.#at++;
        return this.#options.anchorsNewline ? '(?<![^\\n])' : '^';
      case '$':
        this.#at++;
        return this.#options.anchorsNewline ? '(?![^\\n])' : '$';
      case '(':
        return this.#open();
      case '{':
        return this.#brace();
      case '}':
      case ']':
      case '/':
        this.#at++;
        return `\\${c}`;
      default:
        return this.#plain(c);
    }
  }

  #plain(c: string): string {
    if (this.#options.expanded && /\s/.test(c)) {
      this.#at++;
      return '';
    }
    if (this.#options.expanded && c === '#') {
      while (this.#at < this.#source.length && this.#source[this.#at] !== '\n') this.#at++;
      return '';
    }
    const code = this.#source.codePointAt(this.#at) ?? 0;
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return this.#bothCases && /[a-z]/i.test(character) ? `[${casesOf(character)}]` : character;
  }

  #open(): string {
    this.#at++;
    if (!this.#source.startsWith('?', this.#at)) {
      this.#groups++;
      return '(';
    }
    const kind = /^\?(?::|=|!|<=|<!)/.exec(this.#source.slice(this.#at, this.#at + 3))?.[0];
    if (kind !== undefined) {
      this.#at += kind.length;
      return `(${kind}`;
    }
    if (this.#source[this.#at + 1] === '#') {
      while (this.#at < this.#source.length && this.#source[this.#at] !== ')') this.#at++;
      this.#at++;
      return '';
    }
    return invalid('quantifier operand invalid');
  }

  /** A bound {m,n}, or a brace that stands for itself. */
  #brace(): string {
    const bound = /^\{(\d+)(,(\d*))?\}/.exec(this.#source.slice(this.#at, this.#at + 16));
    if (bound === null) {
      if (/\d/.test(this.#source[this.#at + 1] ?? '')) invalid('invalid repetition count(s)');
      this.#at++;
      return '\\{';
    }
    const least = Number(bound[1]);
    const most = bound[3] === undefined || bound[3] === '' ? least : Number(bound[3]);
    if (least > 255 || most > 255 || least > most) invalid('invalid repetition count(s)');
    this.#at += bound[0].length;
    return bound[0];
  }

  #escape(): string {
    const c = this.#source[this.#at + 1];
    if (c === undefined) return invalid('invalid escape \\ sequence');
    this.#at += 2;
    const translated = escapes.get(c);
    if (translated !== undefined) return translated;
    if (c === 'u' || c === 'U' || c === 'x') return this.#codePoint(c);
    if (kept.includes(c)) {
      if (/[1-9]/.test(c) && Number(c) > this.#groups) invalid('invalid backreference number');
      return c === '0' ? '\\x00' : `\\${c}`;
    }
    if (/[a-zA-Z]/.test(c)) return invalid('invalid escape \\ sequence');
    return literalCharacter(c);
  }

  #codePoint(kind: string): string {
    const width = kind === 'u' ? 4 : kind === 'U' ? 8 : 255;
    const digits = /^[0-9a-fA-F]+/.exec(this.#source.slice(this.#at, this.#at + width))?.[0] ?? '';
    const code = Number.parseInt(digits, 16);
    if (digits === '' || (kind !== 'x' && digits.length !== width) || code > 0x10ffff) {
      return invalid('invalid escape \\ sequence');
    }
    this.#at += digits.length;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
  }

  #bracket(): string {
    const start = this.#at++;
    let body = '';
    const negated = this.#source[this.#at] === '^';
    if (negated) this.#at++;
    for (let first = true; ; first = false) {
      const c = this.#source[this.#at];
      if (c === undefined) return invalid('brackets [] not balanced');
      if (c === ']' && !first) break;
      body += this.#member(start);
    }
    this.#at++;
    if (negated && this.#options.dotNewline) body += '\\n';
    return `[${negated ? '^' : ''}${body}]`;
  }

  #member(start: number): string {
    const c = this.#source[this.#at];
    if (c === '[' && /[:.=]/.test(this.#source[this.#at + 1] ?? '')) return this.#posix(start);
    if (c === '\\') {
      const next = this.#source[this.#at + 1];
      if (next === undefined) return invalid('invalid escape \\ sequence');
      this.#at += 2;
      if (next === 'u' || next === 'U' || next === 'x') return this.#codePoint(next);
      return kept.includes(next) ? `\\${next}` : literalCharacter(next);
    }
    if (c === '-') {
      this.#at++;
      return this.#source[this.#at] === ']' || this.#source[this.#at - 2] === '[' ? '\\-' : '-';
    }
    const range = this.#bothCases
      ? /^(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[a-zA-Z](?!-))/.exec(this.#source.slice(this.#at))
      : null;
    if (range !== null) {
      this.#at += range[0].length;
      return casesOf(range[0]);
    }
    const character = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0);
    this.#at += character.length;
    return /[[\]^|{}()/]/.test(character) ? `\\${character}` : character;
  }

  #posix(start: number): string {
    const kind = this.#source[this.#at + 1];
    const end = this.#source.indexOf(`${kind}]`, this.#at + 2);
    if (end < 0) return invalid('brackets [] not balanced');
    const name = this.#source.slice(this.#at + 2, end);
    const found = kind === ':' ? posixClasses.get(name) : undefined;
    if (found === undefined) {
      return invalid(
        kind === ':' ? 'invalid character class' : `invalid collating element at ${start}`,
      );
    }
    this.#at = end + 2;
    return found;
  }
}

function literalCharacter(c: string): string {
  return /[$()*+./?[\\\]^{|}\-]/.test(c) ? `\\${c}` : c;
}

/** A letter, or a range of letters, in small and in capital letters. */
function casesOf(letters: string): string {
  return letters.toLowerCase() + letters.toUpperCase();
}

/**
 * A compiled pattern, twice. `plain` has no Unicode mode and no case flag: the form for which the
 * JavaScript engine can change to matching in linear time when a pattern makes it backtrack too
 * often (see base/real/runtime-flags.ts). It serves texts without surrogates, and if case does not
 * count ASCII texts; `unicode` serves the rest.
 */
export interface Pattern {
  readonly plain: RegExp | null;
  readonly unicode: RegExp;
  readonly ignoreCase: boolean;
  /** The flags hold g, which only some functions allow. */
  readonly global: boolean;
}

const cache = new Map<string, Pattern>();

/** The compiled form of a pattern with flags. */
export function compileRegex(pattern: string, flags = '', allowGlobal = false): Pattern {
  const key = `${flags} ${pattern}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const options: Options = {
    ignoreCase: false,
    global: false,
    dotNewline: false,
    anchorsNewline: false,
    literal: false,
    expanded: false,
  };
  readFlags(flags, options, allowGlobal);
  const made = build(pattern, options);
  if (cache.size >= limits.regexCacheMax) cache.clear();
  cache.set(key, made);
  return made;
}

function build(pattern: string, options: Options): Pattern {
  if (pattern.length > limits.regexPatternMax) invalid('regular expression is too complex');
  let source = pattern;
  if (source.startsWith('***=')) {
    options.literal = true;
    source = source.slice(4);
  } else if (source.startsWith('***:')) source = source.slice(4);
  else if (source.startsWith('***')) invalid('quantifier operand invalid');
  const embedded = options.literal ? null : /^\(\?([a-z]+)\)/.exec(source);
  if (embedded !== null) {
    readFlags(embedded[1], options, false);
    source = source.slice(embedded[0].length);
  }
  const { ignoreCase, global } = options;
  const text = options.literal
    ? Array.from(source, literalCharacter).join('')
    : new Translator(source, options, false).translate();
  const unicode = construct(text, ignoreCase ? 'giu' : 'gu');
  const needsUnicode =
    /\\p|\\u\{|[\ud800-\udfff]/.test(text) ||
    (ignoreCase && (options.literal || /[^\x00-\x7f]/.test(text)));
  const spelled =
    ignoreCase && !needsUnicode ? new Translator(source, options, true).translate() : text;
  return { plain: needsUnicode ? null : construct(spelled, 'g'), unicode, ignoreCase, global };
}

function construct(text: string, flags: string): RegExp {
  try {
    return new RegExp(text, flags);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    return invalid(reason(error.message));
  }
}

/** The form of a pattern that serves a text. */
function formFor({ plain, unicode, ignoreCase }: Pattern, text: string): RegExp {
  const outside = ignoreCase ? /[^\x00-\x7f]/ : /[\ud800-\udfff]/;
  return plain === null || outside.test(text) ? unicode : plain;
}

/** What Postgres says where JavaScript's engine says something else. */
function reason(message: string): string {
  if (/unterminated group|unmatched/i.test(message)) return 'parentheses () not balanced';
  if (/nothing to repeat|lone quantifier/i.test(message)) return 'quantifier operand invalid';
  if (/range out of order/i.test(message)) return 'invalid character range';
  return 'syntax error';
}

/**
 * The engine compiles at the first match, and only then finds that a pattern is too large for it.
 */
function execute(regex: RegExp, text: string): RegExpExecArray | null {
  try {
    return regex.exec(text);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    return invalid('regular expression is too complex');
  }
}

/** All matches from the `from`th UTF-16 unit on, at most `most`. */
export function matches(
  pattern: Pattern,
  text: string,
  most = Infinity,
  from = 0,
): RegExpExecArray[] {
  if (text.length > limits.regexTextMax) {
    throw sqlError(
      '54000',
      `a regular expression is matched against at most ${limits.regexTextMax} characters`,
    );
  }
  const regex = formFor(pattern, text);
  regex.lastIndex = from;
  const found: RegExpExecArray[] = [];
  while (found.length < most) {
    const match = execute(regex, text);
    if (match === null) break;
    found.push(match);
    if (match[0] === '')
      regex.lastIndex += (text.codePointAt(regex.lastIndex) ?? 0) > 0xffff ? 2 : 1;
    if (regex.lastIndex > text.length) break;
  }
  return found;
}

/** Whether the pattern occurs in the text. */
export function occurs(pattern: Pattern, text: string): boolean {
  return matches(pattern, text, 1).length > 0;
}
