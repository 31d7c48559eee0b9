/**
 * A simple query holds any number of statements. They are split here, not by the grammar, because
 * each may be of a kind that only the front parser knows. A semicolon always ends a statement, even
 * inside parentheses: Postgres has no statement of ours that allows one there.
 */
import { tokenKind } from './token.ts';
import type { Tokens } from './token.ts';

/** Tokens [from, to) of one statement; empty statements are left out. */
export interface StatementRange {
  readonly from: number;
  readonly to: number;
}

/** The statements of a text in order, by their tokens. */
export function splitStatements(tokens: Tokens): StatementRange[] {
  const ranges: StatementRange[] = [];
  let from = 0;
  for (let at = 0; at < tokens.count; at++) {
    if (
      tokens.kind(at) !== tokenKind.punctuation ||
      tokens.text.charCodeAt(tokens.start(at)) !== 59
    )
      continue;
    if (at > from) ranges.push({ from, to: at });
    from = at + 1;
  }
  // A lexical error belongs to the statement that it breaks, even if that has no token yet.
  if (tokens.count > from || tokens.error !== null) ranges.push({ from, to: tokens.count });
  return ranges;
}
