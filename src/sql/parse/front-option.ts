/**
 * Lists of options as the streaming statements have them: `(NAME [=] value, …)`. Names are several
 * words, and the `=` may be missing, so the known names tell where a name ends and a word as value
 * begins; unknown names take all words. Which options exist is for the statement's planner to say.
 */
import { unsupported } from '../../base/error.ts';
import type { Option, OptionValue } from '../ast.ts';
import type { Cursor } from './cursor.ts';
import { tokenKind } from './token.ts';

/** Longest first where one begins like another. */
const knownNames: readonly string[] = [
  'progress topic replication factor',
  'topic metadata refresh interval',
  'confluent schema registry connection',
  'group id prefix',
  'bootstrap broker',
  'security protocol',
  'sasl mechanisms',
  'sasl mechanism',
  'sasl username',
  'sasl password',
  'ssl certificate authority',
  'ssl certificate',
  'ssl key',
  'ssh tunnel',
  'aws connection',
  'progress topic',
  'start offset',
  'start timestamp',
  'retain history for',
  'retain history',
  'partition by',
  'timestamp interval',
  'brokers',
  'broker',
  'reference',
  'topic pattern',
  'topic',
  'url',
  'host',
  'port',
  'database',
  'user',
  'password',
  'validate',
  'snapshot',
  'progress',
  'timeout',
  'size',
  'analyze',
  'verbose',
  'costs',
  'settings',
  'buffers',
  'wal',
  'timing',
  'summary',
  'format',
  'message',
  'delimiter',
  'quote',
  'escape',
  'null',
  'schema',
  'seed',
  'on error',
];

/** Options in parentheses, the cursor on the opening one. May be empty. */
export function readOptionList(cursor: Cursor): Option[] {
  cursor.expectSymbol('(');
  const options: Option[] = [];
  if (cursor.acceptSymbol(')')) return options;
  do {
    options.push(readOption(cursor));
  } while (cursor.acceptSymbol(','));
  cursor.expectSymbol(')');
  return options;
}

/** `WITH (…)` if it is next. */
export function readWith(cursor: Cursor): Option[] {
  return cursor.accept('with') ? readOptionList(cursor) : [];
}

function readOption(cursor: Cursor): Option {
  const position = cursor.position;
  const name = readOptionName(cursor);
  const isAssigned = cursor.acceptSymbol('=') || cursor.acceptSymbol('=>');
  if (!isAssigned && (cursor.isSymbol(',') || cursor.isSymbol(')')))
    return { name, value: { kind: 'none' }, position };
  const value = readOptionValue(cursor);
  return { name, value: name === 'TOPIC' ? readMore(cursor, value) : value, position };
}

/** `TOPIC 'a', 'b'`: more texts behind the first are of the same option. */
function readMore(cursor: Cursor, first: OptionValue): OptionValue {
  const items = [first];
  while (cursor.isSymbol(',') && cursor.isStringAhead(1)) {
    cursor.at++;
    items.push(readOptionValue(cursor));
  }
  return items.length === 1 ? first : { kind: 'list', items };
}

function readOptionName(cursor: Cursor): string {
  if (cursor.kind === tokenKind.quoted) return cursor.anyWord().toUpperCase();
  if (cursor.kind !== tokenKind.word) throw cursor.syntaxError();
  const known = knownNames.find((name) => cursor.accept(name));
  if (known !== undefined) return known.toUpperCase();
  const words: string[] = [];
  while (cursor.kind === tokenKind.word) words.push(cursor.anyWord().toUpperCase());
  return words.join(' ');
}

function readOptionValue(cursor: Cursor): OptionValue {
  if (cursor.isString) {
    const text = cursor.string();
    // The way to a broker through something else, such as a tunnel.
    if (cursor.word() === 'using') throw unsupported('an address with USING', cursor.position);
    return { kind: 'string', text };
  }
  if (cursor.sees('matching')) throw unsupported('MATCHING', cursor.position);
  if (cursor.isSymbol('(') || cursor.isSymbol('[')) return readList(cursor);
  if (cursor.kind === tokenKind.number || cursor.isSymbol('-') || cursor.isSymbol('+'))
    return readNumber(cursor);
  if (cursor.word() === 'secret' && !cursor.isSymbol(',', 1) && !cursor.isSymbol(')', 1)) {
    cursor.at++;
    return { kind: 'secret', name: cursor.qualifiedName() };
  }
  const words: string[] = [cursor.anyWord()];
  while (cursor.acceptSymbol('.')) words.push('.', cursor.anyWord());
  while (cursor.kind === tokenKind.word) words.push(' ', cursor.anyWord());
  return { kind: 'identifier', text: words.join('') };
}

function readList(cursor: Cursor): OptionValue {
  const close = cursor.isSymbol('(') ? ')' : ']';
  cursor.at++;
  const items: OptionValue[] = [];
  if (cursor.acceptSymbol(close)) return { kind: 'list', items };
  do {
    items.push(readOptionValue(cursor));
  } while (cursor.acceptSymbol(','));
  cursor.expectSymbol(close);
  return { kind: 'list', items };
}

function readNumber(cursor: Cursor): OptionValue {
  const isNegative = cursor.acceptSymbol('-');
  if (!isNegative) cursor.acceptSymbol('+');
  if (cursor.kind !== tokenKind.number) throw cursor.syntaxError();
  const digits = cursor.script.tokens.spelling(cursor.at).replaceAll('_', '');
  cursor.at++;
  return { kind: 'number', text: isNegative ? `-${digits}` : digits };
}
