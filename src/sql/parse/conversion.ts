/**
 * What every converter of the grammar's tree needs: positions, refusals, small readers. The tree
 * omits fields that are zero, empty or false, so a missing `location` is the first byte and -1 is
 * unknown.
 */
import { assert, defined } from '../../base/assert.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { SqlError } from '../../base/error.ts';
import type { Position, QualifiedName, Query } from '../ast.ts';
import type { Node, SelectStmt } from './postgres-grammar.ts';

export interface Conversion {
  /** Where the statement begins: stands in where the tree has no location. */
  readonly start: Position;
  /**
   * Position of the first such words (lower case) among the statement's tokens, for what the tree
   * gives no location.
   */
  find(words: string): Position;
  /** The statement from its first top-level AS on: the query of a view, as written. */
  textAfterAs(): string;
  /** The expression behind the DEFAULT at a position, as written. */
  textOfDefault(position: Position): string;
  /** The client's position of a byte location. */
  at(location: number | undefined): Position;
  /** Subqueries; given here so that expressions need not import queries. */
  query(select: SelectStmt, position: Position): Query;
}

/** Refused by name, at a place of the tree. */
export function refuse(c: Conversion, what: string, location?: number): SqlError {
  return unsupported(what, location === undefined ? c.start : c.at(location));
}

/** The same where the tree has no location but the words are known. */
export function refuseWords(
  c: Conversion,
  what: string,
  words: string = what.toLowerCase(),
): SqlError {
  return unsupported(what, c.find(words));
}

/** As the grammar would say it, for what only we refuse. */
export function syntaxError(message: string, position: Position): SqlError {
  return sqlError('42601', message, { position });
}

/** The text of a String node. */
export function stringOf(node: Node): string {
  assert('String' in node, 'the grammar gives a String here');
  return node.String.sval ?? '';
}

/** The texts of a list of String nodes; none for a missing list. */
export function stringsOf(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map(stringOf);
}

/** The items of a List node. */
export function listItems(node: Node): readonly Node[] {
  assert('List' in node, 'the grammar gives a List here');
  return node.List.items ?? [];
}

/** A name that the tree holds as a list of strings. */
export function nameOf(nodes: readonly Node[] | undefined, position: Position): QualifiedName {
  const parts = stringsOf(nodes);
  assert(parts.length > 0, 'a name has a part');
  return { parts, position };
}

/** The statement inside a node that can only be a SELECT. */
export function selectOf(node: Node | undefined): SelectStmt {
  const inner = defined(node, 'the grammar gives a query here');
  assert('SelectStmt' in inner, 'the grammar gives a SELECT here');
  return inner.SelectStmt;
}
