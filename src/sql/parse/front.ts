/**
 * The front parser: statements that Postgres' grammar does not know, or of which it keeps too
 * little (names without positions). Everything else is left to the grammar.
 */
import type { Statement } from '../ast.ts';
import { Cursor } from './cursor.ts';
import { readExplain } from './front-explain.ts';
import { readCreateIndex, readCreateMaterializedView, readDrop } from './front-object.ts';
import { readAlterSecret, readCreateSecret, readValidateConnection } from './front-secret.ts';
import { readShow } from './front-show.ts';
import {
  isTableFromSource,
  readAlterSource,
  readCreateConnection,
  readCreateSource,
  readTableFromSource,
} from './front-source.ts';
import { readCopySubscribe, readDeclare, readFetch, readSubscribe } from './front-subscribe.ts';
import { refuseStatement } from './script.ts';
import type { Script } from './script.ts';

/**
 * The statement in the tokens [from, to), or null if it is the grammar's. `read` parses inner
 * statements.
 */
export function readFront(
  script: Script,
  from: number,
  to: number,
  read: (from: number, to: number) => Statement,
): Statement | null {
  const cursor = new Cursor(script, from, to);
  switch (cursor.word()) {
    case 'create':
      return readCreate(cursor, from);
    case 'drop':
      cursor.at++;
      return readDrop(cursor, from);
    case 'alter': {
      const position = cursor.position;
      if (cursor.accept('alter source')) return readAlterSource(cursor, position);
      return cursor.accept('alter secret') ? readAlterSecret(cursor, position) : null;
    }
    case 'validate':
      return readValidateConnection(cursor);
    case 'subscribe':
      return readSubscribe(cursor);
    case 'show':
      return readShow(cursor);
    case 'explain':
      return readExplain(cursor, read);
    case 'fetch':
    case 'move':
      return readFetch(cursor);
    case 'declare':
      return readDeclare(cursor);
    case 'copy':
      return cursor.isSymbol('(', 1) && cursor.word(2) === 'subscribe'
        ? readCopySubscribe(cursor)
        : null;
    default:
      return null;
  }
}

/** Objects of Materialize that Postgres does not know and we do not have. */
const refusedObjects = new Set(['sink', 'cluster', 'network', 'continual']);

function readCreate(cursor: Cursor, from: number): Statement | null {
  const position = cursor.position;
  cursor.expect('create');
  const orReplace = cursor.accept('or replace');
  if (cursor.accept('materialized view'))
    return readCreateMaterializedView(cursor, orReplace, position);
  if (orReplace) return null;
  if (cursor.accept('connection')) return readCreateConnection(cursor, position);
  if (cursor.accept('secret')) return readCreateSecret(cursor, position);
  if (cursor.accept('source')) return readCreateSource(cursor, position);
  if (isTableFromSource(cursor)) return readTableFromSource(cursor, position);
  if (['index', 'unique', 'default'].includes(cursor.word()))
    return readCreateIndex(cursor, position);
  if (refusedObjects.has(cursor.word())) throw refuseStatement(cursor.script, from, cursor.to);
  return null;
}
