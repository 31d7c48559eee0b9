/**
 * The short way of `INSERT INTO t [(…)] VALUES (literals), …` with many rows: the rows are read
 * straight from the tokens and kept as flat columns (kind, start and end of each literal), without
 * a syntax tree. The head with the first row goes through the grammar like every statement, so
 * names, columns and their positions are read in one place only. Whatever is not plainly such a
 * list, or is wrong in any way, is left to the grammar as a whole, which also finds its errors.
 *
 * A generator, since a statement may have a million tokens: it pauses between slices of work.
 */
import { SqlError } from '../../base/error.ts';
import { limits } from '../../base/limits.ts';
import type { Expression, LiteralKind, LiteralRows, Query, Statement } from '../ast.ts';
import { literalKinds } from '../ast.ts';
import { convertStatement } from './convert-statement.ts';
import { parsePiece } from './script.ts';
import type { Script } from './script.ts';
import { tokenKind } from './token.ts';

/** Statements with fewer tokens gain nothing. */
const fewTokens = 512;
/** How far the word VALUES may be from the start: a table has at most 1,600 columns. */
const headTokensMax = 4_096;

const openParenthesis = 40;
const closeParenthesis = 41;
const comma = 44;
const minus = 45;

const words = new Map<string, number>([
  ['null', literalKinds.null],
  ['true', literalKinds.true],
  ['false', literalKinds.false],
  ['default', literalKinds.default],
]);

/** The statement in the tokens [from, to), or null if it is not such a one. */
export function* readLiteralInsert(
  script: Script,
  from: number,
  to: number,
): Generator<undefined, Statement | null> {
  if (to - from < fewTokens || script.tokens.error !== null) return null;
  if (script.word(from) !== 'insert' || script.word(from + 1) !== 'into') return null;
  const first = firstRow(script, from, to);
  if (first < 0) return null;
  const reader = new LiteralReader(script, first, to);
  for (;;) {
    const state = reader.some(limits.parseSliceTokens);
    if (state === 'other') return null;
    if (state === 'end') break;
    yield undefined;
  }
  const head = readHead(script, from, reader.firstRowEnd);
  return head === null ? null : { ...head.statement, source: reader.rows(head.query) };
}

/** The token behind VALUES, outside of parentheses; -1 if it is not near. */
function firstRow(script: Script, from: number, to: number): number {
  let depth = 0;
  const end = Math.min(to, from + headTokensMax);
  for (let at = from; at < end; at++) {
    if (script.isSymbol(at, '(')) depth++;
    else if (script.isSymbol(at, ')')) depth--;
    else if (depth === 0 && script.word(at) === 'values' && script.isSymbol(at + 1, '('))
      return at + 1;
  }
  return -1;
}

type Insert = Extract<Statement, { kind: 'insert' }>;

/** The statement with its first row only, by the grammar. */
function readHead(
  script: Script,
  from: number,
  to: number,
): { readonly statement: Insert; readonly query: Query } | null {
  try {
    const { node, conversion } = parsePiece(script, from, to);
    const statement = node === null ? null : convertStatement(conversion, node);
    if (statement?.kind !== 'insert' || statement.returning.length > 0) return null;
    const { source } = statement;
    if (source === 'default values' || source.kind !== 'query') return null;
    if (source.body.kind !== 'values' || source.body.rows.length !== 1) return null;
    return { statement, query: source };
  } catch (error) {
    if (error instanceof SqlError) return null;
    throw error;
  }
}

/** Reads rows of literals; it stops at the first token that cannot be part of them. */
class LiteralReader {
  readonly #script: Script;
  readonly #to: number;
  #at: number;
  #kinds: Uint8Array;
  #starts: Int32Array;
  #ends: Int32Array;
  #count = 0;
  /** Literals of the first row; of the row at hand while that is the first. */
  #width = 0;
  #rows = 0;
  /** The token behind the first row. */
  firstRowEnd = 0;

  constructor(script: Script, at: number, to: number) {
    this.#script = script;
    this.#at = at;
    this.#to = to;
    const capacity = (to - at) >> 1;
    this.#kinds = new Uint8Array(capacity);
    this.#starts = new Int32Array(capacity);
    this.#ends = new Int32Array(capacity);
  }

  /** Reads rows of about so many tokens. */
  some(tokens: number): 'more' | 'end' | 'other' {
    const until = this.#at + tokens;
    while (this.#at < until) {
      if (!this.#row()) return 'other';
      if (this.#at === this.#to) return 'end';
      if (!this.#accept(comma)) return 'other';
    }
    return 'more';
  }

  #accept(code: number): boolean {
    const { tokens, text } = this.#script;
    if (this.#at >= this.#to || tokens.kind(this.#at) !== tokenKind.punctuation) return false;
    if (text.charCodeAt(tokens.start(this.#at)) !== code) return false;
    this.#at++;
    return true;
  }

  #row(): boolean {
    if (!this.#accept(openParenthesis)) return false;
    const before = this.#count;
    do {
      const kind = this.#literal();
      if (kind === 0) return false;
    } while (this.#accept(comma));
    if (!this.#accept(closeParenthesis)) return false;
    const width = this.#count - before;
    if (this.#rows === 0) {
      this.#width = width;
      this.firstRowEnd = this.#at;
    }
    this.#rows++;
    return width === this.#width;
  }

  /** Reads one literal; its kind, or 0 if it is none. */
  #literal(): number {
    if (this.#at >= this.#to) return 0;
    const { tokens, text } = this.#script;
    const start = tokens.start(this.#at);
    const end = tokens.end(this.#at);
    switch (tokens.kind(this.#at)) {
      case tokenKind.number:
        return this.#take(isPlainNumber(text, start, end) ? literalKinds.number : 0, start, end);
      case tokenKind.string:
        return this.#take(stringKind(text, start, end), start, end);
      case tokenKind.word:
        return this.#take(words.get(this.#script.word(this.#at)) ?? 0, start, end);
      case tokenKind.operator:
        return this.#negative(start, end);
      default:
        return 0;
    }
  }

  /** A minus and a number that is not zero, which the grammar reads as one literal. */
  #negative(start: number, end: number): number {
    const { tokens, text } = this.#script;
    if (end - start !== 1 || text.charCodeAt(start) !== minus) return 0;
    this.#at++;
    if (this.#at >= this.#to || tokens.kind(this.#at) !== tokenKind.number) return 0;
    const from = tokens.start(this.#at);
    const to = tokens.end(this.#at);
    const isNegative = from === end && isPlainNumber(text, from, to) && !isZero(text, from, to);
    return this.#take(isNegative ? literalKinds.negative : 0, start, to);
  }

  #take(kind: number, start: number, end: number): number {
    this.#kinds[this.#count] = kind;
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#count++;
    this.#at++;
    return kind;
  }

  /** What was read; `head` is the query with its first row. */
  rows(head: Query): LiteralRows {
    const script = this.#script;
    const literals: LiteralRows = {
      kind: 'literals',
      text: script.text,
      rows: this.#rows,
      width: this.#width,
      kinds: this.#kinds.subarray(0, this.#count),
      starts: this.#starts.subarray(0, this.#count),
      ends: this.#ends.subarray(0, this.#count),
      expression: (cell) =>
        expressionOf(literals, cell, script.positionOfOffset(literals.starts[cell] ?? 0)),
      query: () => queryOf(literals, head),
    };
    return literals;
  }
}

const zeroDigit = 48;

/** Decimal digits, perhaps a point and an exponent, as the grammar keeps them: no zero in front. */
function isPlainNumber(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code >= zeroDigit && code <= 57) continue;
    return /^(?:0|[1-9]\d*)?(?:\.\d*)?(?:[eE][+-]?\d+)?$/.test(text.slice(start, end));
  }
  return text.charCodeAt(start) !== zeroDigit || end - start === 1;
}

function isZero(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code > zeroDigit && code <= 57) return false;
  }
  return true;
}

const quote = 39;

/** A string in single quotes of one part; with doubled quotes it is of another kind. */
function stringKind(text: string, start: number, end: number): number {
  if (text.charCodeAt(start) !== quote) return 0;
  const inner = text.indexOf("'", start + 1);
  if (inner === end - 1) return literalKinds.string;
  return /^(?:[^']|'')*$/.test(text.slice(start + 1, end - 1)) ? literalKinds.quotedString : 0;
}

/** The literal as the grammar's tree has it. */
function expressionOf(literals: LiteralRows, cell: number, position: number): Expression {
  const { text, starts, ends } = literals;
  const start = starts[cell] ?? 0;
  const end = ends[cell] ?? 0;
  switch (kindOf(literals, cell)) {
    case literalKinds.null:
      return { kind: 'null', position };
    case literalKinds.true:
      return { kind: 'boolean', value: true, position };
    case literalKinds.false:
      return { kind: 'boolean', value: false, position };
    case literalKinds.default:
      return { kind: 'default', position };
    case literalKinds.number:
      return { kind: 'number', text: text.slice(start, end), position };
    case literalKinds.negative: {
      const operand: Expression = { kind: 'number', text: text.slice(start + 1, end), position };
      return { kind: 'unary', operator: '-', operand, position };
    }
    case literalKinds.string:
      return { kind: 'string', value: text.slice(start + 1, end - 1), position };
    case literalKinds.quotedString: {
      const value = text.slice(start + 1, end - 1).replaceAll("''", "'");
      return { kind: 'string', value, position };
    }
  }
}

function kindOf(literals: LiteralRows, cell: number): LiteralKind {
  const kind = literals.kinds[cell];
  for (const known of Object.values(literalKinds)) if (known === kind) return known;
  return literalKinds.null;
}

function queryOf(literals: LiteralRows, head: Query): Query {
  const { width, rows, expression } = literals;
  const lists = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: width }, (__, column) => expression(row * width + column)),
  );
  const position = lists[0]?.[0]?.position ?? head.position;
  return { ...head, body: { kind: 'values', rows: lists, position } };
}
