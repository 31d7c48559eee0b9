/**
 * Catalog objects as the log keeps them: JSON of their fields, but what was written in SQL (the
 * query of a view, defaults of columns) only as its text. It is read again when the program starts,
 * so that syntax trees may change from release to release; the text is what stays.
 */
import { assert, defined } from '../base/assert.ts';
import type { Expression, Query } from '../sql/ast.ts';
import { parseStatements } from '../sql/parse/parse.ts';
import type { CatalogObject, SourceObject } from './object.ts';

/** Fields that are trees of syntax. */
const trees = new Set(['query', 'defaults']);

function tagged(key: string, value: unknown): unknown {
  if (trees.has(key)) return undefined;
  return typeof value === 'bigint' ? { bigint: String(value) } : value;
}

function untagged(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('bigint' in value)) return value;
  return typeof value.bigint === 'string' ? BigInt(value.bigint) : value;
}

/** An object as text. */
export function objectText(object: CatalogObject): string {
  return JSON.stringify(object, tagged);
}

function queryOf(text: string): Query {
  const statement = parseStatements(text)[0]?.statement;
  assert(statement?.kind === 'select', 'the text of a view is a query');
  return statement.query;
}

function defaultOf(text: string | null): Expression | null {
  if (text === null) return null;
  const { body } = queryOf(`SELECT ${text}`);
  assert(body.kind === 'select', 'SELECT of an expression is a select');
  return defined(body.items[0], 'it has one item').expression;
}

/** The object that a text of `objectText` is about. Throws 42601 if its SQL cannot be read. */
export function objectOf(text: string): CatalogObject {
  const object = JSON.parse(text, untagged) as CatalogObject;
  switch (object.kind) {
    case 'view':
    case 'materialized view':
      return { ...object, query: queryOf(object.queryText) };
    case 'table':
      return { ...object, defaults: object.defaultTexts.map(defaultOf) };
    case 'source':
      return withTopics(object);
    default:
      return object;
  }
}

/** Sources were written with one topic, as a part of their format, before they could have several. */
function withTopics(source: SourceObject): SourceObject {
  const written: Partial<SourceObject> = source;
  if (written.topics !== undefined) return source;
  const { topic, ...format } = { topic: '', ...source.format };
  return { ...source, topics: { kind: 'names', names: [topic] }, format };
}
