/** SHOW: settings, lists of objects, and SHOW CREATE. */
import { unsupported } from '../../base/error.ts';
import type { Statement } from '../ast.ts';
import type { Cursor } from './cursor.ts';

/** What SHOW lists; everything else is a setting. */
const lists: readonly string[] = [
  'materialized views',
  'views',
  'tables',
  'sources',
  'sinks',
  'connections',
  'secrets',
  'schemas',
  'databases',
  'columns',
  'indexes',
  'indices',
  'keys',
  'objects',
  'types',
  'roles',
  'clusters',
  'cluster replicas',
  'subsources',
];

const creatable: readonly string[] = [
  'materialized view',
  'view',
  'table',
  'source',
  'connection',
  'index',
  'sink',
  'cluster',
  'schema',
];

/** `SHOW setting`, `SHOW list [FROM schema] [LIKE pattern]`, `SHOW CREATE kind name`. */
export function readShow(cursor: Cursor): Statement {
  const position = cursor.position;
  cursor.expect('show');
  if (cursor.accept('create')) return readShowCreate(cursor, position);
  // A setting of one of these names would be followed by nothing else than the end, but there is
  // none.
  const list = cursor.isSymbol('.', 1) ? undefined : lists.find((name) => cursor.accept(name));
  return list === undefined
    ? readShowSetting(cursor, position)
    : readShowList(cursor, list, position);
}

function readShowCreate(cursor: Cursor, position: number): Statement {
  const kind = creatable.find((name) => cursor.accept(name));
  if (kind === undefined) throw cursor.syntaxError();
  const name = cursor.qualifiedName();
  cursor.expectEnd();
  return {
    kind: 'showObjects',
    object: `CREATE ${kind.toUpperCase()}`,
    name,
    like: null,
    position,
  };
}

/** `SHOW list [FROM | IN | ON name] [LIKE 'pattern']`. */
function readShowList(cursor: Cursor, list: string, position: number): Statement {
  const object = list === 'indices' || list === 'keys' ? 'INDEXES' : list.toUpperCase();
  const hasName =
    cursor.accept('from') || cursor.accept('in') || (object === 'INDEXES' && cursor.accept('on'));
  const name = hasName ? cursor.qualifiedName() : null;
  if (object === 'COLUMNS' && name === null) throw cursor.syntaxError();
  if (cursor.word() === 'where') throw unsupported('SHOW … WHERE', cursor.position);
  const like = cursor.accept('like') ? cursor.string() : null;
  cursor.expectEnd();
  return { kind: 'showObjects', object, name, like, position };
}

function readShowSetting(cursor: Cursor, position: number): Statement {
  const name = readSettingName(cursor);
  cursor.expectEnd();
  return { kind: 'show', name, position };
}

function readSettingName(cursor: Cursor): string {
  if (cursor.accept('time zone')) return 'timezone';
  if (cursor.accept('transaction isolation level')) return 'transaction_isolation';
  if (cursor.accept('session authorization')) return 'session_authorization';
  if (cursor.accept('all')) return 'all';
  const parts = [cursor.name()];
  while (cursor.acceptSymbol('.')) parts.push(cursor.anyWord());
  return parts.join('.').toLowerCase();
}
