/** CREATE CONNECTION and CREATE SOURCE, which Postgres' grammar does not know. */
import { defined } from '../../base/assert.ts';
import { unsupported } from '../../base/error.ts';
import type { ColumnDefinition, Format, Include, Option, Statement } from '../ast.ts';
import { convertColumns } from './convert-definition.ts';
import { Cursor } from './cursor.ts';
import { readOptionList, readWith } from './front-option.ts';
import { parsePiece } from './script.ts';
import { tokenKind } from './token.ts';

/**
 * `CREATE CONNECTION [IF NOT EXISTS] k TO kind (options) [WITH (options)]`, the first two words
 * taken.
 */
export function readCreateConnection(cursor: Cursor, position: number): Statement {
  const ifNotExists = cursor.accept('if not exists');
  const name = cursor.qualifiedName();
  cursor.expect('to');
  const type = readWordsBefore(cursor, '(');
  const options = cursor.isSymbol('(') ? readOptionList(cursor) : [];
  const withOptions = readWith(cursor);
  cursor.expectEnd();
  return {
    kind: 'createConnection',
    name,
    ifNotExists,
    type,
    options,
    with: withOptions,
    position,
  };
}

/** One or more words in upper case, up to a symbol or the end. */
function readWordsBefore(cursor: Cursor, symbol: string): string {
  const words: string[] = [];
  while (!cursor.isSymbol(symbol) && cursor.word() !== '')
    words.push(cursor.anyWord().toUpperCase());
  if (words.length === 0) throw cursor.syntaxError();
  return words.join(' ');
}

/** `ALTER SOURCE [IF EXISTS] s RESUME`, the first two words taken. */
export function readAlterSource(cursor: Cursor, position: number): Statement {
  const ifExists = cursor.accept('if exists');
  const name = cursor.qualifiedName();
  if (!cursor.accept('resume')) {
    if (cursor.word() === '') throw cursor.syntaxError();
    throw unsupported(`ALTER SOURCE … ${cursor.word().toUpperCase()}`, cursor.position);
  }
  cursor.expectEnd();
  return { kind: 'resumeSource', name, ifExists, position };
}

/** `CREATE SOURCE …`, the first two words taken. */
export function readCreateSource(cursor: Cursor, position: number): Statement {
  const ifNotExists = cursor.accept('if not exists');
  const name = cursor.qualifiedName();
  const columns = cursor.isSymbol('(') ? readColumns(cursor) : [];
  if (cursor.sees('in cluster')) throw unsupported('IN CLUSTER', cursor.position);
  cursor.expect('from');
  const { connector, connection } = readConnector(cursor);
  const options = cursor.isSymbol('(') ? readOptionList(cursor) : [];
  const formats = readFormats(cursor);
  const include = readIncludes(cursor);
  const envelope = readEnvelope(cursor);
  if (cursor.sees('expose progress')) throw unsupported('EXPOSE PROGRESS', cursor.position);
  const withOptions = readWith(cursor);
  cursor.expectEnd();
  return {
    kind: 'createSource',
    name,
    ifNotExists,
    columns,
    connector,
    connection,
    options,
    ...formats,
    include,
    envelope,
    with: withOptions,
    position,
  };
}

/** Whether `CREATE` goes on as a table that a source feeds. */
export function isTableFromSource(cursor: Cursor): boolean {
  const { script, to } = cursor;
  const look = new Cursor(script, cursor.at, to);
  if (!look.accept('table')) return false;
  look.accept('if not exists');
  if (!look.isName) return false;
  look.qualifiedName();
  if (look.isSymbol('(')) {
    const close = closingOf(look);
    if (close === null) return false;
    look.at = close + 1;
  }
  return look.sees('from source');
}

/** Where the parenthesis that the cursor is on closes; null if it does not. */
function closingOf({ script, at: from, to }: Cursor): number | null {
  let depth = 0;
  for (let at = from; at < to; at++) {
    if (script.isSymbol(at, '(')) depth++;
    else if (script.isSymbol(at, ')') && --depth === 0) return at;
  }
  return null;
}

/**
 * `CREATE TABLE [IF NOT EXISTS] t [(columns)] FROM SOURCE s [(options)] [(columns)] FORMAT …`, the
 * first word taken.
 */
export function readTableFromSource(cursor: Cursor, position: number): Statement {
  cursor.expect('table');
  const ifNotExists = cursor.accept('if not exists');
  const name = cursor.qualifiedName();
  const before = cursor.isSymbol('(') ? readColumns(cursor) : [];
  cursor.expect('from source');
  const source = cursor.qualifiedName();
  const isReference = cursor.isSymbol('(') && cursor.word(1) === 'reference';
  const options = isReference ? readOptionList(cursor) : [];
  if (before.length > 0 && cursor.isSymbol('(')) throw cursor.syntaxError();
  const after = cursor.isSymbol('(') ? readColumns(cursor) : [];
  const formats = readFormats(cursor);
  const include = readIncludes(cursor);
  const envelope = readEnvelope(cursor);
  const withOptions = readWith(cursor);
  cursor.expectEnd();
  return {
    kind: 'createTableFrom',
    name,
    ifNotExists,
    columns: [...before, ...after],
    source,
    options,
    ...formats,
    include,
    envelope,
    with: withOptions,
    position,
  };
}

/** Typed columns are those of CREATE TABLE, so the grammar reads them. */
function readColumns(cursor: Cursor): ColumnDefinition[] {
  const close = cursor.closing();
  const { node, conversion } = parsePiece(cursor.script, cursor.at, close + 1, 'CREATE TABLE x');
  const create = defined(node, 'there is a statement');
  if (!('CreateStmt' in create)) throw cursor.syntaxError();
  const columns = convertColumns(conversion, create.CreateStmt);
  if (columns.length === 0) throw cursor.script.syntaxError(close);
  const withDefault = columns.find((column) => column.default !== null);
  if (withDefault !== undefined) throw unsupported('DEFAULT in a source', withDefault.position);
  cursor.at = close + 1;
  return columns;
}

/** `KAFKA CONNECTION k`, `LOAD GENERATOR x`, `WEBHOOK`, `POSTGRES CONNECTION p`, … */
function readConnector(
  cursor: Cursor,
): Pick<Extract<Statement, { kind: 'createSource' }>, 'connector' | 'connection'> {
  const position = cursor.position;
  const words: string[] = [];
  while (cursor.word() !== '' && !isClause(cursor) && cursor.word() !== 'connection')
    words.push(cursor.anyWord().toUpperCase());
  if (words.length === 0) throw cursor.syntaxError();
  const connector = words.join(' ');
  if (cursor.accept('connection')) return { connector, connection: cursor.qualifiedName() };
  // The rest of other connectors' clauses is their own grammar: refused here, before it is misread.
  if (connector === 'KAFKA') throw cursor.syntaxError();
  throw unsupported(`a source from ${connector}`, position);
}

function isClause(cursor: Cursor): boolean {
  return ['format', 'key', 'value', 'include', 'envelope', 'with', 'body'].includes(cursor.word());
}

function readFormats(cursor: Cursor): { keyFormat: Format | null; valueFormat: Format | null } {
  if (cursor.accept('key format')) {
    const keyFormat = readFormat(cursor);
    cursor.expect('value format');
    return { keyFormat, valueFormat: readFormat(cursor) };
  }
  if (cursor.accept('value format') || cursor.accept('format'))
    return { keyFormat: null, valueFormat: readFormat(cursor) };
  return { keyFormat: null, valueFormat: null };
}

function readFormat(cursor: Cursor): Format {
  const position = cursor.position;
  switch (cursor.word()) {
    case 'text':
    case 'bytes': {
      const name = cursor.anyWord() === 'text' ? 'TEXT' : 'BYTES';
      return { name, options: [], position };
    }
    case 'json':
      cursor.at++;
      if (cursor.word() === 'array') throw unsupported('FORMAT JSON ARRAY', position);
      if (cursor.word() === 'using') return { name: 'JSON', options: readUsing(cursor), position };
      return { name: 'JSON', options: [], position };
    case 'avro':
      cursor.at++;
      return { name: 'AVRO', options: readUsing(cursor), position };
    case 'protobuf':
      cursor.at++;
      return {
        name: 'PROTOBUF',
        options: [...readMessage(cursor), ...readUsing(cursor), ...readMessage(cursor)],
        position,
      };
    case 'csv':
      cursor.at++;
      return { name: 'CSV', options: readCsv(cursor), position };
    case 'regex':
      throw unsupported('FORMAT REGEX', position);
    default:
      throw cursor.syntaxError();
  }
}

/**
 * `USING CONFLUENT SCHEMA REGISTRY CONNECTION c [KEY STRATEGY s] [VALUE STRATEGY s] [(options)]` or
 * `USING SCHEMA '…'`. The connection's name is a list of its parts.
 */
function readUsing(cursor: Cursor): Option[] {
  cursor.expect('using');
  const position = cursor.position;
  if (cursor.accept('schema'))
    return [{ name: 'SCHEMA', value: { kind: 'string', text: cursor.string() }, position }];
  cursor.expect('confluent schema registry connection');
  const items = cursor
    .qualifiedName()
    .parts.map((text): Option['value'] => ({ kind: 'identifier', text }));
  const options: Option[] = [
    { name: 'CONFLUENT SCHEMA REGISTRY CONNECTION', value: { kind: 'list', items }, position },
  ];
  for (const words of ['key strategy', 'value strategy']) {
    const strategyPosition = cursor.position;
    if (!cursor.accept(words)) continue;
    const name = words.toUpperCase();
    options.push({ name, value: readStrategy(cursor), position: strategyPosition });
  }
  return cursor.isSymbol('(') ? [...options, ...readOptionList(cursor)] : options;
}

/** Which schema a source reads as: the word LATEST, `ID n` (a number) or `INLINE '…'` (a text). */
function readStrategy(cursor: Cursor): Option['value'] {
  if (cursor.accept('latest')) return { kind: 'identifier', text: 'LATEST' };
  if (cursor.accept('id')) return { kind: 'number', text: String(cursor.integer()) };
  cursor.expect('inline');
  return { kind: 'string', text: cursor.string() };
}

function readMessage(cursor: Cursor): Option[] {
  const position = cursor.position;
  return cursor.accept('message')
    ? [{ name: 'MESSAGE', value: { kind: 'string', text: cursor.string() }, position }]
    : [];
}

/**
 * `CSV [WITH n COLUMNS | WITH HEADER [(names)]] [DELIMITED BY 'c'] [WITH (options)]`; a `WITH (`
 * that follows directly is the format's.
 */
function readCsv(cursor: Cursor): Option[] {
  const options: Option[] = [];
  if (cursor.word() === 'with' && !cursor.isSymbol('(', 1)) options.push(readCsvColumns(cursor));
  const position = cursor.position;
  if (cursor.accept('delimited by'))
    options.push({
      name: 'DELIMITED BY',
      value: { kind: 'string', text: cursor.string() },
      position,
    });
  return [...options, ...readWith(cursor)];
}

function readCsvColumns(cursor: Cursor): Option {
  cursor.expect('with');
  const position = cursor.position;
  if (cursor.accept('header')) {
    const value = cursor.isSymbol('(') ? readNames(cursor) : ({ kind: 'none' } as const);
    return { name: 'HEADER', value, position };
  }
  const value = { kind: 'number', text: String(cursor.integer()) } as const;
  if (!cursor.accept('columns')) cursor.expect('column');
  return { name: 'COLUMNS', value, position };
}

function readNames(cursor: Cursor): Option['value'] {
  cursor.expectSymbol('(');
  const items: { kind: 'identifier'; text: string }[] = [];
  do {
    items.push({ kind: 'identifier', text: cursor.name() });
  } while (cursor.acceptSymbol(','));
  cursor.expectSymbol(')');
  return { kind: 'list', items };
}

const includeItems = new Map<string, Include['item']>([
  ['key', 'KEY'],
  ['partition', 'PARTITION'],
  ['offset', 'OFFSET'],
  ['timestamp', 'TIMESTAMP'],
  ['headers', 'HEADERS'],
  ['header', 'HEADER'],
  ['topic', 'TOPIC'],
]);

function readIncludes(cursor: Cursor): Include[] {
  const items: Include[] = [];
  if (!cursor.accept('include')) return items;
  do {
    const position = cursor.position;
    const item = includeItems.get(cursor.word());
    if (item === undefined) throw cursor.syntaxError();
    cursor.at++;
    const header = item === 'HEADER' ? cursor.string() : null;
    const alias = cursor.accept('as') ? cursor.anyWord() : null;
    items.push({
      item,
      header,
      alias,
      bytes: item === 'HEADER' && cursor.accept('bytes'),
      position,
    });
  } while (cursor.acceptSymbol(','));
  return items;
}

/** `ENVELOPE name [(options)]`; which names exist is for the planner to say. */
function readEnvelope(cursor: Cursor): Extract<Statement, { kind: 'createSource' }>['envelope'] {
  if (!cursor.accept('envelope')) return null;
  const position = cursor.position;
  if (cursor.kind !== tokenKind.word) throw cursor.syntaxError();
  const name = cursor.anyWord().toUpperCase();
  if (cursor.isSymbol('(') && cursor.word(1) === 'transaction' && cursor.word(2) === 'metadata')
    throw unsupported('TRANSACTION METADATA', cursor.position);
  return { name, options: cursor.isSymbol('(') ? readOptionList(cursor) : [], position };
}
