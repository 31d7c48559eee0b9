/**
 * A SQL text with its tokens, and the way from stretches of it to the grammar: the grammar is given
 * exactly the client's words, so its errors point exactly, with at most a few words of ours around
 * them (`SELECT ROW(` … `)` makes a statement of an expression).
 */
import type { Position } from '../ast.ts';
import { unsupported, sqlError } from '../../base/error.ts';
import type { SqlError } from '../../base/error.ts';
import type { Conversion } from './conversion.ts';
import { convertQuery } from './convert-query.ts';
import { tokenize } from './lexer.ts';
import { BytePositions, CodePoints } from './position.ts';
import { cutForError, parseGrammar } from './postgres-grammar.ts';
import type { Node, Place } from './postgres-grammar.ts';
import { tokenKind } from './token.ts';
import type { Tokens } from './token.ts';

/** A text, its tokens, and positions in it. */
export class Script {
  readonly text: string;
  readonly tokens: Tokens;
  readonly #codePoints: CodePoints;

  /** `tokens` are those of the text, if they are there already. */
  constructor(text: string, tokens = tokenize(text)) {
    this.text = text;
    this.tokens = tokens;
    this.#codePoints = new CodePoints(text);
  }

  /** The position of a token, or just behind the text past the last one. */
  position(token: number): Position {
    return this.#codePoints.position(this.tokens.start(token));
  }

  positionOfOffset(offset: number): Position {
    return this.#codePoints.position(offset);
  }

  /** An unquoted word in lower case, '' for any other token. */
  word(token: number): string {
    return this.tokens.kind(token) === tokenKind.word
      ? this.tokens.spelling(token).toLowerCase()
      : '';
  }

  /** True if the token is this operator or punctuation. */
  isSymbol(token: number, symbol: string): boolean {
    const kind = this.tokens.kind(token);
    return (
      (kind === tokenKind.punctuation || kind === tokenKind.operator) &&
      this.tokens.spelling(token) === symbol
    );
  }

  /** The text from one token up to another, without the blanks and comments around it. */
  slice(from: number, to: number): string {
    return to > from ? this.text.slice(this.tokens.start(from), this.tokens.end(to - 1)) : '';
  }

  lexicalError(): SqlError | null {
    const error = this.tokens.error;
    return error === null
      ? null
      : sqlError(error.code, cutForError(error.message), {
          position: this.positionOfOffset(error.start),
        });
  }

  /** A token in an error message: as written, but never the megabytes that a token can have. */
  near(token: number): string {
    return cutForError(this.tokens.spelling(token));
  }

  /** What Postgres says of a token that cannot stand where it does. */
  syntaxError(token: number): SqlError {
    if (token < this.tokens.count) {
      return sqlError('42601', `syntax error at or near "${this.near(token)}"`, {
        position: this.position(token),
      });
    }
    return (
      this.lexicalError() ??
      sqlError('42601', 'syntax error at end of input', {
        position: this.positionOfOffset(this.text.length),
      })
    );
  }
}

/** A stretch of a script in the grammar's reading. */
export interface Piece {
  readonly node: Node | null;
  readonly conversion: Conversion;
}

/** Parses the tokens [from, to) with words of ours around them. */
export function parsePiece(
  script: Script,
  from: number,
  to: number,
  prefix = '',
  suffix = '',
): Piece {
  const { tokens } = script;
  const startOffset = tokens.start(from);
  const endOffset = Math.max(startOffset, to > from ? tokens.end(to - 1) : startOffset);
  // The grammar never sees a token that our lexer could not read: what is left of it comes first.
  const isBroken = tokens.error !== null && to === tokens.count;
  if (isBroken && from === to) throw script.syntaxError(to);
  const own = withoutComments(script, startOffset, endOffset);
  const start = script.positionOfOffset(startOffset);
  const position = (codePoints: number): Position =>
    start + Math.max(0, codePoints - prefix.length);
  const place = (): Place => ({
    position,
    codePointsEnd: prefix.length + script.positionOfOffset(endOffset) - start,
    endError: () => script.syntaxError(to),
  });
  const text = prefix + own + suffix;
  const node = parseGrammar(text, place);
  if (isBroken) throw script.syntaxError(to);
  const bytes = new BytePositions(text);
  const conversion: Conversion = {
    start,
    textAfterAs: () => textAfterAs(script, from, to),
    textOfDefault: (at) => textOfDefault(script, from, to, at),
    find: (words) => script.position(findWords(script, from, to, words)),
    at: (location) => (location === -1 ? start : position(bytes.codePointsBefore(location ?? 0))),
    query: (select, at) => convertQuery(conversion, select, at),
  };
  return { node, conversion };
}

/** The text with block comments as blanks, one for each code point. */
function withoutComments(script: Script, startOffset: number, endOffset: number): string {
  const { comments } = script.tokens;
  if (comments.length === 0) return script.text.slice(startOffset, endOffset);
  const parts: string[] = [];
  let at = startOffset;
  for (let index = firstComment(comments, startOffset); index < comments.length; index += 2) {
    const from = comments[index] ?? 0;
    const to = comments[index + 1] ?? 0;
    if (from >= endOffset) break;
    parts.push(
      script.text.slice(at, from),
      ' '.repeat(script.positionOfOffset(to) - script.positionOfOffset(from)),
    );
    at = to;
  }
  parts.push(script.text.slice(at, endOffset));
  return parts.join('');
}

/**
 * Index of the first comment that begins at `offset` or later; a script has many statements, so by
 * halving.
 */
function firstComment(comments: readonly number[], offset: number): number {
  let low = 0;
  let high = comments.length >> 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((comments[2 * middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return 2 * low;
}

/** The first token where these words follow each other, else `from`. */
function findWords(script: Script, from: number, to: number, words: string): number {
  const list = words.split(' ');
  for (let at = from; at + list.length <= to; at++) {
    if (list.every((word, ahead) => script.word(at + ahead) === word)) return at;
  }
  return from;
}

function textAfterAs(script: Script, from: number, to: number): string {
  let depth = 0;
  for (let at = from; at < to; at++) {
    if (script.isSymbol(at, '(')) depth++;
    else if (script.isSymbol(at, ')')) depth--;
    else if (depth === 0 && script.word(at) === 'as') return script.slice(at + 1, to);
  }
  return script.slice(from, to);
}

/** Words that may follow a column's DEFAULT expression. */
const behindDefault = new Set(
  'not null primary unique check references collate generated constraint deferrable initially'.split(
    ' ',
  ),
);

/** The expression behind the DEFAULT at a position, as written. */
function textOfDefault(script: Script, from: number, to: number, position: Position): string {
  let first = from;
  while (first < to && script.position(first) < position) first++;
  first++;
  let depth = 0;
  let end = first;
  for (; end < to; end++) {
    const word = script.word(end);
    if (script.isSymbol(end, '(') || script.isSymbol(end, '[') || word === 'case') depth++;
    else if (
      depth > 0 &&
      (script.isSymbol(end, ')') || script.isSymbol(end, ']') || word === 'end')
    )
      depth--;
    else if (depth === 0) {
      if (script.isSymbol(end, ',') || script.isSymbol(end, ')')) break;
      // IS NOT DISTINCT FROM goes on; NULL may be the expression itself.
      const before = script.word(end - 1);
      if (end > first && behindDefault.has(word) && before !== 'is') break;
    }
  }
  return script.slice(first, end);
}

/** Words that come between CREATE or ALTER or DROP and the kind of object. */
const betweenWords = new Set([
  'or',
  'replace',
  'temp',
  'temporary',
  'unlogged',
  'global',
  'local',
  'unique',
  'if',
  'exists',
  'not',
  'recursive',
  'constraint',
  'trusted',
  'procedural',
]);

/** Kinds of object of two words, by their first. */
const longKinds = new Map([
  ['foreign', 1],
  ['event', 1],
  ['text', 2],
  ['access', 1],
  ['materialized', 1],
  ['user', 1],
  ['operator', 0],
  ['cluster', 0],
  ['network', 1],
  ['default', 1],
]);

/** Refuses the statement that begins at a token by its name: `ALTER TABLE is not supported`. */
export function refuseStatement(script: Script, from: number, to: number): SqlError {
  const verb = script.word(from);
  let name = verb.toUpperCase();
  if (verb === 'create' || verb === 'alter' || verb === 'drop') {
    let at = from + 1;
    while (at < to && betweenWords.has(script.word(at))) at++;
    const length = 1 + (longKinds.get(script.word(at)) ?? 0);
    for (let taken = 0; taken < length && script.word(at) !== ''; taken++)
      name += ` ${script.word(at++).toUpperCase()}`;
  }
  return unsupported(name, script.position(from));
}
