/**
 * The door of the parser: SQL text in, statements of our typed tree out, or a SqlError with the
 * position that Postgres would give. Any text is safe here: its size, tokens, nesting and operator
 * chains are bounded before anything recursive sees it.
 *
 * The way of a text: lexer → statements → depth guard → front parser, or Postgres' grammar and the
 * converters; rows of literals (literal-rows.ts) go around all of that. A syntax error further left
 * wins, as each statement is read in order.
 */
import { assert } from '../../base/assert.ts';
import { SqlError, sqlError, unsupported } from '../../base/error.ts';
import { limits } from '../../base/limits.ts';
import type { Statement } from '../ast.ts';
import { convertStatement } from './convert-statement.ts';
import { readFront } from './front.ts';
import { findTooDeep, tooDeep } from './guard.ts';
import { tokenizeInSlices } from './lexer.ts';
import { readLiteralInsert } from './literal-rows.ts';
import { loadGrammar } from './postgres-grammar.ts';
import { parsePiece, refuseStatement, Script } from './script.ts';
import { splitStatements } from './split.ts';

/**
 * A statement with its own text, without the semicolon, and where that begins in the whole text.
 */
export interface ParsedStatement {
  readonly statement: Statement;
  readonly text: string;
  /** 1-based, in code points. */
  readonly position: number;
}

/** Loads the grammar, once for the process. Await it before the first parse. */
export async function initializeParser(): Promise<void> {
  await loadGrammar();
}

/**
 * All statements of a text; empty ones are left out, so an empty text has none. Throws SqlError
 * (42601, 0A000, 54000, 54001, 22021, …) for the first statement that is wrong or not offered.
 */
export function parseStatements(text: string): ParsedStatement[] {
  const steps = parseInSlices(text);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * The same in slices of a few milliseconds, as far as tokens and rows of literals go: one statement
 * is read by the grammar at a stretch.
 */
export function* parseInSlices(text: string): Generator<undefined, ParsedStatement[]> {
  checkText(text);
  const script = new Script(text, yield* tokenizeInSlices(text, limits.parseSliceTokens));
  const { tokens } = script;
  if (tokens.error?.code === '54000') throw script.syntaxError(tokens.count);
  const ranges = splitStatements(tokens);
  if (ranges.length > limits.scriptStatementsMax) {
    throw sqlError('54000', `query has more than ${limits.scriptStatementsMax} statements`);
  }
  const statements: ParsedStatement[] = [];
  for (const { from, to } of ranges) {
    const statement = (yield* readLiteralInsert(script, from, to)) ?? readGuarded(script, from, to);
    statements.push({ statement, text: script.slice(from, to), position: script.position(from) });
  }
  return statements;
}

/**
 * The one statement of a text; null if it is empty. Several are an error, as for a prepared
 * statement.
 */
export function parseOne(text: string): ParsedStatement | null {
  const statements = parseStatements(text);
  if (statements.length > 1) {
    throw sqlError('42601', 'cannot insert multiple commands into a prepared statement');
  }
  return statements[0] ?? null;
}

function checkText(text: string): void {
  // A UTF-16 unit is at least one byte and at most three.
  const isLarge = text.length > limits.statementBytesMax / 3;
  if (isLarge && new TextEncoder().encode(text).length > limits.statementBytesMax) {
    throw sqlError('54000', `query is longer than ${limits.statementBytesMax} bytes`, {
      hint: 'Send many rows by COPY, and large values as parameters.',
    });
  }
  if (text.includes('\0'))
    throw sqlError('22021', 'invalid byte sequence for encoding "UTF8": 0x00');
  if (!text.isWellFormed()) throw sqlError('22021', 'invalid byte sequence for encoding "UTF8"');
}

/**
 * The bounds before it make an overflow of the call stack unlikely; if it happens, it is the
 * statement's.
 */
function readGuarded(script: Script, from: number, to: number): Statement {
  const deep = findTooDeep(script.tokens, { from, to });
  if (deep !== null) throw tooDeep(deep.detail, script.position(deep.token));
  try {
    return readStatement(script, from, to);
  } catch (error) {
    if (error instanceof RangeError)
      throw tooDeep('The statement is too complex.', script.position(from));
    throw error;
  }
}

function readStatement(script: Script, from: number, to: number): Statement {
  const front = readFront(script, from, to, (innerFrom, innerTo) =>
    readStatement(script, innerFrom, innerTo),
  );
  if (front !== null) return front;
  return readPlain(script, from, to);
}

/** A statement of Postgres' own. */
function readPlain(script: Script, from: number, to: number): Statement {
  try {
    const { node, conversion } = parsePiece(script, from, to);
    assert(node !== null, 'a stretch with tokens has a statement');
    const statement = convertStatement(conversion, node);
    if (statement === null) throw refuseStatement(script, from, to);
    return statement;
  } catch (error) {
    if (error instanceof SqlError && error.fields.code === '42601')
      throw asOfRefusal(script, from, to, error);
    throw error;
  }
}

/**
 * `SELECT … AS OF t` is a syntax error to Postgres; here it is a clause that we know and do not
 * offer.
 */
function asOfRefusal(script: Script, from: number, to: number, error: SqlError): SqlError {
  for (let at = from; at + 2 <= to; at++) {
    if (script.word(at) !== 'as' || script.word(at + 1) !== 'of') continue;
    const expression =
      at + 2 + (script.word(at + 2) === 'at' && script.word(at + 3) === 'least' ? 2 : 0);
    const isError =
      error.fields.position === script.position(at + 2) ||
      error.fields.position === script.position(expression);
    if (isError) return unsupported('AS OF in SELECT', script.position(at));
  }
  return error;
}
