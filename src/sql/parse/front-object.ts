/** CREATE MATERIALIZED VIEW, CREATE INDEX and DROP. */
import { unsupported } from '../../base/error.ts';
import type { Expression, ObjectKind, Statement } from '../ast.ts';
import type { Cursor } from './cursor.ts';
import { readOptionList } from './front-option.ts';
import { readExpressions, readQuery, topLevelComma } from './front-piece.ts';
import { refuseStatement } from './script.ts';

/** After `CREATE [OR REPLACE] MATERIALIZED VIEW`. */
export function readCreateMaterializedView(
  cursor: Cursor,
  orReplace: boolean,
  position: number,
): Statement {
  const ifNotExists = cursor.accept('if not exists');
  const name = cursor.qualifiedName();
  const columns = cursor.isSymbol('(') ? readColumnNames(cursor) : [];
  if (cursor.sees('in cluster')) throw unsupported('IN CLUSTER', cursor.position);
  const withOptions = cursor.accept('with') ? readOptionList(cursor) : [];
  cursor.expect('as');
  const { at: from } = cursor;
  refuseNoData(cursor);
  const query = readQuery(cursor, cursor.to);
  const queryText = cursor.script.slice(from, cursor.to);
  return {
    kind: 'createView',
    name,
    ifNotExists,
    orReplace,
    materialized: true,
    columns,
    query,
    queryText,
    with: withOptions,
    position,
  };
}

/** Postgres' own form ends in WITH [NO] DATA. */
function refuseNoData(cursor: Cursor): void {
  const { script, to } = cursor;
  if (script.word(to - 1) !== 'data') return;
  const from = script.word(to - 2) === 'no' ? to - 3 : to - 2;
  if (script.word(from) === 'with')
    throw unsupported(
      script.slice(from, to).toUpperCase().replace(/\s+/g, ' '),
      script.position(from),
    );
}

function readColumnNames(cursor: Cursor): string[] {
  cursor.expectSymbol('(');
  const names: string[] = [];
  do {
    names.push(cursor.name());
  } while (cursor.acceptSymbol(','));
  cursor.expectSymbol(')');
  return names;
}

/**
 * After `CREATE`: `[DEFAULT] [UNIQUE] INDEX [CONCURRENTLY] [[IF NOT EXISTS] name] ON relation
 * [USING method] (keys)`.
 */
export function readCreateIndex(cursor: Cursor, position: number): Statement {
  const isDefault = cursor.accept('default');
  if (cursor.word() === 'unique') throw unsupported('a UNIQUE index', cursor.position);
  cursor.expect('index');
  if (cursor.word() === 'concurrently')
    throw unsupported('CREATE INDEX CONCURRENTLY', cursor.position);
  const ifNotExists = cursor.accept('if not exists');
  const name = cursor.word() === 'on' ? null : cursor.name();
  if (ifNotExists && name === null) throw cursor.syntaxError();
  if (cursor.sees('in cluster')) throw unsupported('IN CLUSTER', cursor.position);
  cursor.expect('on');
  const on = cursor.qualifiedName();
  const method = cursor.accept('using') ? cursor.name() : null;
  if (isDefault && cursor.atEnd)
    return {
      kind: 'createIndex',
      name,
      ifNotExists,
      isDefault,
      on,
      keys: [],
      include: [],
      method,
      position,
    };
  if (!cursor.isSymbol('(')) throw cursor.syntaxError();
  const close = cursor.closing();
  cursor.at++;
  const keys = readKeys(cursor, close);
  cursor.at = close + 1;
  const include = cursor.accept('include') ? readColumnNames(cursor) : [];
  if (['where', 'with', 'tablespace', 'nulls'].includes(cursor.word())) {
    throw unsupported(`${cursor.word().toUpperCase()} of an index`, cursor.position);
  }
  cursor.expectEnd();
  return { kind: 'createIndex', name, ifNotExists, isDefault, on, keys, include, method, position };
}

/**
 * The key expressions up to `close`; the order that may be asked for is read over, as indexes have
 * none.
 */
function readKeys(cursor: Cursor, close: number): Expression[] {
  const keys: Expression[] = [];
  for (;;) {
    const comma = topLevelComma(cursor, cursor.at, close);
    const [key, ...more] = readExpressions(cursor, withoutOrder(cursor, comma));
    if (key === undefined || more.length > 0) throw cursor.syntaxError();
    keys.push(key);
    cursor.at = comma;
    if (comma === close) return keys;
    cursor.at++;
  }
}

/** The end of an index element without its ASC, DESC, NULLS FIRST and NULLS LAST. */
function withoutOrder(cursor: Cursor, end: number): number {
  const { script } = cursor;
  let to = end;
  if (script.word(to - 2) === 'nulls' && ['first', 'last'].includes(script.word(to - 1))) to -= 2;
  if (['asc', 'desc'].includes(script.word(to - 1))) to--;
  return Math.max(to, cursor.at);
}

const objectKinds: readonly ObjectKind[] = [
  'schema',
  'secret',
  'connection',
  'source',
  'table',
  'view',
  'materialized view',
  'index',
];

/** After `DROP`. Kinds of object that we do not have are refused by name. */
export function readDrop(cursor: Cursor, from: number): Statement {
  const position = cursor.script.position(from);
  const object = objectKinds.find((kind) => cursor.accept(kind));
  if (object === undefined) {
    if (cursor.word() === '') throw cursor.syntaxError();
    throw refuseStatement(cursor.script, from, cursor.to);
  }
  if (object === 'index' && cursor.word() === 'concurrently')
    throw unsupported('DROP INDEX CONCURRENTLY', cursor.position);
  const ifExists = cursor.accept('if exists');
  const names = [cursor.qualifiedName()];
  while (cursor.acceptSymbol(',')) names.push(cursor.qualifiedName());
  const cascade = cursor.accept('cascade');
  if (!cascade) cursor.accept('restrict');
  cursor.expectEnd();
  return { kind: 'drop', object, names, ifExists, cascade, position };
}
