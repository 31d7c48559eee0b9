/** SUBSCRIBE, and the statements that can hold one: DECLARE, COPY; FETCH with its timeout. */
import { defined } from '../../base/assert.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { Expression, Option, Query, QualifiedName, Statement, Subscribe } from '../ast.ts';
import { convertStatement } from './convert-statement.ts';
import { Cursor } from './cursor.ts';
import { readOptionList } from './front-option.ts';
import { readExpression, readQuery } from './front-piece.ts';
import { parsePiece } from './script.ts';
import { tokenKind } from './token.ts';

/**
 * `SUBSCRIBE [TO] object | (query) [WITH (…)] [AS OF [AT LEAST] e] [UP TO e]`, up to the cursor's
 * end.
 */
export function readSubscribe(cursor: Cursor): Subscribe {
  const position = cursor.position;
  cursor.expect('subscribe');
  cursor.accept('to');
  const query = readSubscribed(cursor);
  refuseClauses(cursor);
  const { snapshot, progress } = readFlags(cursor);
  refuseClauses(cursor);
  let asOf: Expression | null = null;
  let asOfAtLeast = false;
  if (cursor.accept('as of')) {
    asOfAtLeast = cursor.accept('at least');
    asOf = readExpression(cursor, clauseEnd(cursor, true));
  }
  const upTo = cursor.accept('up to') ? readExpression(cursor, clauseEnd(cursor, false)) : null;
  refuseClauses(cursor);
  cursor.expectEnd();
  return { kind: 'subscribe', query, snapshot, progress, asOf, asOfAtLeast, upTo, position };
}

function readSubscribed(cursor: Cursor): Query {
  if (cursor.isSymbol('(')) return readQuery(cursor, cursor.closing() + 1);
  if (['select', 'values', 'with', 'table'].includes(cursor.word()) && !cursor.isSymbol('.', 1)) {
    return readQuery(cursor, bareQueryEnd(cursor));
  }
  return tableQuery(cursor.qualifiedName());
}

/** The query TABLE name. */
function tableQuery(name: QualifiedName): Query {
  const { position } = name;
  return {
    kind: 'query',
    with: [],
    body: {
      kind: 'select',
      distinct: null,
      items: [{ expression: { kind: 'star', position }, alias: null, position }],
      from: [{ kind: 'table', name, alias: null, position }],
      where: null,
      groupBy: [],
      groupingSets: false,
      having: null,
      position,
    },
    order: [],
    limit: null,
    offset: null,
    position,
  };
}

/** A query without parentheses ends where a clause of SUBSCRIBE begins. */
function bareQueryEnd(cursor: Cursor): number {
  let depth = 0;
  for (let at = cursor.at; at < cursor.to; at++) {
    const { script } = cursor;
    if (script.isSymbol(at, '(')) depth++;
    else if (script.isSymbol(at, ')')) depth--;
    if (depth > 0 || at === cursor.at) continue;
    const word = script.word(at);
    const next = at + 1 < cursor.to ? script.word(at + 1) : '';
    if ((word === 'as' && next === 'of') || (word === 'up' && next === 'to') || word === 'envelope')
      return at;
    if (word === 'with' && script.isSymbol(at + 1, '(')) return at;
  }
  return cursor.to;
}

/** Where the expression of AS OF or UP TO ends. */
function clauseEnd(cursor: Cursor, beforeUpTo: boolean): number {
  let depth = 0;
  for (let at = cursor.at; at < cursor.to; at++) {
    const { script } = cursor;
    if (script.isSymbol(at, '(')) depth++;
    else if (script.isSymbol(at, ')')) depth--;
    if (depth > 0) continue;
    const word = script.word(at);
    if (beforeUpTo && word === 'up' && script.word(at + 1) === 'to') return at;
    if (word === 'envelope' || (word === 'within' && script.word(at + 1) === 'timestamp'))
      return at;
  }
  return cursor.to;
}

/** Clauses that Materialize has and we do not. */
function refuseClauses(cursor: Cursor): void {
  if (cursor.word() === 'envelope') throw unsupported('SUBSCRIBE … ENVELOPE', cursor.position);
  if (cursor.sees('within timestamp'))
    throw unsupported('SUBSCRIBE … WITHIN TIMESTAMP ORDER BY', cursor.position);
}

function readFlags(cursor: Cursor): { snapshot: boolean; progress: boolean } {
  let snapshot = true;
  let progress = false;
  if (!cursor.accept('with')) return { snapshot, progress };
  for (const option of readOptionList(cursor)) {
    if (option.name === 'SNAPSHOT') snapshot = flagOf(option);
    else if (option.name === 'PROGRESS') progress = flagOf(option);
    else throw unsupported(`SUBSCRIBE option ${option.name}`, option.position);
  }
  return { snapshot, progress };
}

/** A flag without a value is set. */
function flagOf(option: Option): boolean {
  const { value } = option;
  if (value.kind === 'none') return true;
  const text = 'text' in value ? value.text.toLowerCase() : '';
  if (['true', 'on', '1', 't', 'yes'].includes(text)) return true;
  if (['false', 'off', '0', 'f', 'no'].includes(text)) return false;
  throw sqlError('22023', `invalid value for option ${option.name}: a boolean is needed`, {
    position: option.position,
  });
}

/**
 * `DECLARE c [BINARY] [INSENSITIVE | ASENSITIVE] [[NO] SCROLL] CURSOR [WITH | WITHOUT HOLD] FOR
 * query`.
 */
export function readDeclare(cursor: Cursor): Statement {
  const position = cursor.position;
  cursor.expect('declare');
  const name = cursor.name();
  let binary = false;
  while (cursor.word() !== 'cursor') {
    if (cursor.accept('binary')) binary = true;
    else if (cursor.word() === 'scroll') throw unsupported('a SCROLL cursor', cursor.position);
    // Every cursor of ours is insensitive and goes forward only.
    else if (
      !cursor.accept('insensitive') &&
      !cursor.accept('asensitive') &&
      !cursor.accept('no scroll')
    )
      throw cursor.syntaxError();
  }
  cursor.expect('cursor');
  const hold = cursor.accept('with hold');
  if (!hold) cursor.accept('without hold');
  cursor.expect('for');
  return { kind: 'declare', name, statement: readCursorQuery(cursor), binary, hold, position };
}

function readCursorQuery(cursor: Cursor): Extract<Statement, { kind: 'declare' }>['statement'] {
  if (cursor.word() === 'subscribe') return readSubscribe(cursor);
  const query = readQuery(cursor, cursor.to);
  return { kind: 'select', query, position: query.position };
}

/** `FETCH [NEXT | [FORWARD] [n | ALL]] [FROM | IN] c [WITH (TIMEOUT [=] 'interval')]`, MOVE. */
export function readFetch(cursor: Cursor): Statement {
  const position = cursor.position;
  const verb = cursor.accept('move') ? 'MOVE' : 'FETCH';
  if (verb === 'FETCH') cursor.expect('fetch');
  refuseDirection(cursor, verb);
  let count: number | null = 1;
  if (!cursor.accept('next')) {
    cursor.accept('forward');
    if (cursor.accept('all')) count = null;
    else if (cursor.kind === tokenKind.number) count = cursor.integer();
    else if (cursor.isSymbol('-')) throw unsupported(`${verb} BACKWARD`, cursor.position);
  }
  if (!cursor.accept('from')) cursor.accept('in');
  const name = cursor.name();
  const timeoutMilliseconds = readTimeout(cursor);
  cursor.expectEnd();
  const fetch = { kind: 'fetch', name, count, timeoutMilliseconds, position } as const;
  return verb === 'MOVE' ? { ...fetch, move: true } : fetch;
}

function refuseDirection(cursor: Cursor, verb: 'FETCH' | 'MOVE'): void {
  const word = cursor.word();
  const isDirection = ['prior', 'first', 'last', 'absolute', 'relative', 'backward'].includes(word);
  // `FETCH first` is a cursor of that name.
  if (isDirection && cursor.at + 1 < cursor.to)
    throw unsupported(`${verb} ${word.toUpperCase()}`, cursor.position);
}

function readTimeout(cursor: Cursor): number | null {
  if (!cursor.accept('with')) return null;
  let timeout: number | null = null;
  for (const option of readOptionList(cursor)) {
    if (option.name !== 'TIMEOUT')
      throw unsupported(`FETCH option ${option.name}`, option.position);
    timeout = timeoutOf(option);
  }
  return timeout;
}

const unitMilliseconds = new Map([
  ['us', 0.001],
  ['ms', 1],
  ['millisecond', 1],
  ['s', 1_000],
  ['sec', 1_000],
  ['second', 1_000],
  ['m', 60_000],
  ['min', 60_000],
  ['minute', 60_000],
  ['h', 3_600_000],
  ['hour', 3_600_000],
  ['d', 86_400_000],
  ['day', 86_400_000],
]);

/**
 * `'1s'`, `'500 milliseconds'`, `'1 minute 30 s'`, `'00:00:05'`; a bare number is seconds, as for
 * an interval.
 */
function timeoutOf(option: Option): number {
  const { value } = option;
  const text = value.kind === 'string' || value.kind === 'number' ? value.text.trim() : '';
  const clock = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(text);
  if (clock !== null)
    return Math.round((Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3])) * 1000);
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  let total = 0;
  for (const part of text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)\s*|[\s\S]/gi)) {
    const unit = (part[2] ?? '').toLowerCase();
    const factor = unitMilliseconds.get(unit) ?? unitMilliseconds.get(unit.replace(/s$/, ''));
    if (factor === undefined) throw badTimeout(option, text);
    total += Number(part[1]) * factor;
  }
  if (text === '' || total > Number.MAX_SAFE_INTEGER) throw badTimeout(option, text);
  return Math.round(total);
}

function badTimeout(option: Option, text: string): Error {
  return sqlError('22007', `invalid input syntax for type interval: "${text}"`, {
    position: option.position,
  });
}

/**
 * `COPY (SUBSCRIBE …) TO STDOUT …`: the options are those of any COPY, so the grammar reads them.
 */
export function readCopySubscribe(cursor: Cursor): Statement {
  const position = cursor.position;
  cursor.expect('copy');
  const close = cursor.closing();
  const inner = new Cursor(cursor.script, cursor.at + 1, close);
  const source = readSubscribe(inner);
  const { node, conversion } = parsePiece(cursor.script, close + 1, cursor.to, 'COPY (TABLE x) ');
  const statement = convertStatement(conversion, defined(node, 'there is a statement'));
  if (statement?.kind !== 'copyTo') throw cursor.script.syntaxError(close + 1);
  return { ...statement, source, position };
}
