/** EXPLAIN of a statement, in Materialize's spelling and Postgres'. */
import { unsupported } from '../../base/error.ts';
import type { Option, Statement } from '../ast.ts';
import type { Cursor } from './cursor.ts';
import { readOptionList, readWith } from './front-option.ts';

type What = Extract<Statement, { kind: 'explain' }>['what'];

const stages: readonly What[] = ['plan', 'optimized plan', 'physical plan', 'timestamp'];

/** Stages of Materialize that our planner does not have. */
const otherStages: readonly string[] = [
  'raw plan',
  'decorrelated plan',
  'locally optimized plan',
  'query plan',
  'filter pushdown',
  'key schema',
  'value schema',
];

/**
 * `EXPLAIN [stage] [WITH (…)] [AS TEXT] [FOR] statement`; `read` parses the tokens of the inner
 * one.
 */
export function readExplain(
  cursor: Cursor,
  read: (from: number, to: number) => Statement,
): Statement {
  const position = cursor.position;
  cursor.expect('explain');
  const what = readStage(cursor);
  const options =
    cursor.isSymbol('(') && !isQueryAhead(cursor) ? readOptionList(cursor) : readFlags(cursor);
  const analyze = options.find((option) => option.name === 'ANALYZE' && !isOff(option));
  if (analyze !== undefined) throw unsupported('EXPLAIN ANALYZE', analyze.position);
  if (cursor.isSymbol('(', 1)) options.push(...readWith(cursor));
  const format = cursor.position;
  if (cursor.accept('as json') || cursor.accept('as dot') || cursor.accept('as verbose'))
    throw unsupported('this form of EXPLAIN', format);
  cursor.accept('as text');
  cursor.accept('for');
  refuseObject(cursor);
  if (cursor.atEnd || cursor.word() === 'explain') throw cursor.syntaxError();
  const statement = read(cursor.at, cursor.to);
  return { kind: 'explain', what, statement, options, position };
}

function readStage(cursor: Cursor): What {
  const stage = stages.find((name) => cursor.accept(name));
  if (stage !== undefined) return stage;
  const other = otherStages.find((name) => cursor.sees(name));
  if (other !== undefined) throw unsupported(`EXPLAIN ${other.toUpperCase()}`, cursor.position);
  return 'plan';
}

/** `EXPLAIN (SELECT …)` against `EXPLAIN (VERBOSE) SELECT …`. */
function isQueryAhead(cursor: Cursor): boolean {
  return cursor.isSymbol('(', 1) || ['select', 'values', 'with', 'table'].includes(cursor.word(1));
}

/** `EXPLAIN ANALYZE VERBOSE …`. */
function readFlags(cursor: Cursor): Option[] {
  const options: Option[] = [];
  while (
    cursor.word() === 'analyze' ||
    cursor.word() === 'analyse' ||
    cursor.word() === 'verbose'
  ) {
    const name = cursor.word() === 'verbose' ? 'VERBOSE' : 'ANALYZE';
    options.push({ name, value: { kind: 'none' }, position: cursor.position });
    cursor.at++;
  }
  return options;
}

function isOff(option: Option): boolean {
  const { value } = option;
  return 'text' in value && ['off', 'false', '0'].includes(value.text.toLowerCase());
}

function refuseObject(cursor: Cursor): void {
  if (['view', 'materialized', 'index', 'replan'].includes(cursor.word())) {
    throw unsupported('EXPLAIN of an object', cursor.position);
  }
}
