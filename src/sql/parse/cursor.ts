/**
 * A place in the tokens of one statement, for the front parser: look, take, or fail as Postgres'
 * grammar would ("syntax error at or near").
 */
import { assert } from '../../base/assert.ts';
import { sqlError } from '../../base/error.ts';
import type { SqlError } from '../../base/error.ts';
import type { Position, QualifiedName } from '../ast.ts';
import { isReserved } from './keyword.ts';
import type { Script } from './script.ts';
import { tokenKind } from './token.ts';
import { foldName, quotedNameValue, stringValue } from './token-value.ts';

/** Tokens [at, to) of a script; every method that reads leaves `at` behind what it took. */
export class Cursor {
  readonly script: Script;
  /** The current token, at most `to`. */
  at: number;
  readonly to: number;

  constructor(script: Script, from: number, to: number) {
    assert(from <= to, `a range of tokens, got ${from}..${to}`);
    this.script = script;
    this.at = from;
    this.to = to;
  }

  get atEnd(): boolean {
    return this.at >= this.to;
  }

  /** Position of the current token. */
  get position(): Position {
    return this.script.position(this.at);
  }

  get kind(): number {
    return this.atEnd ? 0 : this.script.tokens.kind(this.at);
  }

  /** The unquoted word some tokens ahead in lower case, '' for anything else. */
  word(ahead = 0): string {
    return this.at + ahead < this.to ? this.script.word(this.at + ahead) : '';
  }

  isSymbol(symbol: string, ahead = 0): boolean {
    return this.at + ahead < this.to && this.script.isSymbol(this.at + ahead, symbol);
  }

  /** True if the next tokens are these words, separated by blanks in `words`. */
  sees(words: string): boolean {
    return words.split(' ').every((word, ahead) => this.word(ahead) === word);
  }

  /** Takes the words if they are next. */
  accept(words: string): boolean {
    if (!this.sees(words)) return false;
    this.at += words.split(' ').length;
    return true;
  }

  expect(words: string): void {
    for (const word of words.split(' ')) {
      if (!this.accept(word)) throw this.syntaxError();
    }
  }

  acceptSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false;
    this.at++;
    return true;
  }

  expectSymbol(symbol: string): void {
    if (!this.acceptSymbol(symbol)) throw this.syntaxError();
  }

  expectEnd(): void {
    if (!this.atEnd) throw this.syntaxError();
    // What the lexer could not read is also something behind the end.
    const error = this.to === this.script.tokens.count ? this.script.lexicalError() : null;
    if (error !== null) throw error;
  }

  syntaxError(): SqlError {
    return this.script.syntaxError(Math.min(this.at, this.to));
  }

  get isName(): boolean {
    return (
      this.kind === tokenKind.quoted || (this.kind === tokenKind.word && !isReserved(this.word()))
    );
  }

  name(): string {
    if (!this.isName) throw this.syntaxError();
    return this.anyWord();
  }

  /** A name that may be a reserved word, as after a dot or as the name of a column alias. */
  anyWord(): string {
    const spelling = this.script.tokens.spelling(this.at);
    if (this.kind === tokenKind.word) {
      this.at++;
      return foldName(spelling);
    }
    if (this.kind !== tokenKind.quoted) throw this.syntaxError();
    const value = quotedNameValue(spelling);
    if (value === undefined)
      throw sqlError('42601', 'invalid Unicode escape', { position: this.position });
    this.at++;
    return value;
  }

  qualifiedName(): QualifiedName {
    const position = this.position;
    const parts = [this.name()];
    while (this.acceptSymbol('.')) parts.push(this.anyWord());
    if (parts.length > 3) {
      throw sqlError(
        '42601',
        `improper qualified name (too many dotted names): ${parts.join('.')}`,
        { position },
      );
    }
    return { parts, position };
  }

  get isString(): boolean {
    return this.kind === tokenKind.string;
  }

  /** Whether a string is so many tokens ahead. */
  isStringAhead(ahead: number): boolean {
    const at = this.at + ahead;
    return at < this.to && this.script.tokens.kind(at) === tokenKind.string;
  }

  string(): string {
    if (!this.isString) throw this.syntaxError();
    const value = stringValue(this.script.tokens.spelling(this.at));
    if (value === undefined)
      throw sqlError('22025', 'invalid Unicode escape', { position: this.position });
    this.at++;
    return value;
  }

  /** A whole number without sign. */
  integer(): number {
    if (this.kind !== tokenKind.number) throw this.syntaxError();
    const value = Number(this.script.tokens.spelling(this.at).replaceAll('_', ''));
    if (!Number.isSafeInteger(value)) throw this.syntaxError();
    this.at++;
    return value;
  }

  /** With the cursor on an opening parenthesis: the index of its closing one. */
  closing(): number {
    assert(this.isSymbol('('), 'the cursor is on a parenthesis');
    let depth = 0;
    for (let at = this.at; at < this.to; at++) {
      if (this.script.isSymbol(at, '(')) depth++;
      else if (this.script.isSymbol(at, ')') && --depth === 0) return at;
    }
    throw this.script.syntaxError(this.to);
  }
}
