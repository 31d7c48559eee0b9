/** Settings, transactions, prepared statements and COPY of the grammar's tree to ours. */
import { assert, defined } from '../../base/assert.ts';
import { sqlError } from '../../base/error.ts';
import type { CopyOptions, Statement } from '../ast.ts';
import { listItems, refuse, refuseWords, stringsOf } from './conversion.ts';
import type { Conversion } from './conversion.ts';
import { convertExpressions } from './convert-expression.ts';
import { relationName } from './convert-from.ts';
import { convertQueryNode } from './convert-query.ts';
import type {
  CopyStmt,
  DefElem,
  DiscardStmt,
  Node,
  TransactionStmt,
  VariableSetStmt,
} from './postgres-grammar.ts';

/** SET, RESET, SET TRANSACTION and SET SESSION CHARACTERISTICS. */
export function convertSet(c: Conversion, set: VariableSetStmt): Statement {
  const position = c.start;
  const name = (set.name ?? '').toLowerCase();
  const local = set.is_local === true;
  switch (set.kind) {
    case 'VAR_SET_VALUE':
      return {
        kind: 'set',
        name,
        local,
        value: (set.args ?? []).map((node) => settingValue(c, node)),
        position,
      };
    case 'VAR_SET_DEFAULT':
      return { kind: 'set', name, local, value: null, position };
    case 'VAR_RESET':
      return { kind: 'reset', name, position };
    case 'VAR_RESET_ALL':
      return { kind: 'reset', name: null, position };
    case 'VAR_SET_MULTI':
      if (name === 'transaction snapshot') throw refuse(c, 'SET TRANSACTION SNAPSHOT');
      return {
        kind: 'setTransaction',
        session: name === 'session characteristics',
        ...transactionModes(c, set.args),
        position,
      };
    default:
      throw refuse(c, 'SET … FROM CURRENT');
  }
}

/** Values as the text that SHOW would give; an interval as a time zone as it was written. */
function settingValue(c: Conversion, node: Node): string {
  if ('TypeCast' in node) {
    const { arg } = node.TypeCast;
    const text = arg !== undefined && 'A_Const' in arg ? arg.A_Const.sval?.sval : undefined;
    if (text !== undefined && !text.includes("'")) return `interval '${text}'`;
  }
  if (!('A_Const' in node)) throw refuse(c, 'a setting of this kind');
  const { ival, fval, sval, boolval, location } = node.A_Const;
  if (sval !== undefined) return sval.sval ?? '';
  if (fval !== undefined) return fval.fval ?? '';
  if (ival !== undefined) return String(ival.ival ?? 0);
  if (boolval !== undefined) return boolval.boolval === true ? 'on' : 'off';
  throw refuse(c, 'a setting of this kind', location);
}

interface Modes {
  readonly isolation: string | null;
  readonly readOnly: boolean | null;
}

/** DEFERRABLE says only that a reader may wait; none does here, so it is taken as read. */
function transactionModes(c: Conversion, nodes: readonly Node[] | undefined): Modes {
  let isolation: string | null = null;
  let readOnly: boolean | null = null;
  for (const node of nodes ?? []) {
    assert('DefElem' in node, 'transaction modes are options');
    const { defname, arg } = node.DefElem;
    const value = arg === undefined ? '' : settingValue(c, arg);
    if (defname === 'transaction_isolation') isolation = value;
    else if (defname === 'transaction_read_only') readOnly = value === '1';
    else assert(defname === 'transaction_deferrable', `a transaction mode, got ${String(defname)}`);
  }
  return { isolation, readOnly };
}

/** BEGIN, COMMIT, ROLLBACK; savepoints, chains and two-phase commit are refused. */
export function convertTransaction(c: Conversion, transaction: TransactionStmt): Statement {
  const position = c.start;
  if (transaction.chain === true) throw refuseWords(c, 'AND CHAIN');
  switch (transaction.kind) {
    case 'TRANS_STMT_BEGIN':
    case 'TRANS_STMT_START':
      return { kind: 'begin', ...transactionModes(c, transaction.options), position };
    case 'TRANS_STMT_COMMIT':
      return { kind: 'commit', position };
    case 'TRANS_STMT_ROLLBACK':
      return { kind: 'rollback', position };
    case 'TRANS_STMT_SAVEPOINT':
      throw refuse(c, 'SAVEPOINT');
    case 'TRANS_STMT_RELEASE':
      throw refuse(c, 'RELEASE SAVEPOINT');
    case 'TRANS_STMT_ROLLBACK_TO':
      throw refuse(c, 'ROLLBACK TO SAVEPOINT');
    default:
      throw refuse(c, 'a prepared transaction');
  }
}

/** DISCARD. */
export function convertDiscard(c: Conversion, discard: DiscardStmt): Statement {
  const what = new Map<string, 'all' | 'plans' | 'temp' | 'sequences'>([
    ['DISCARD_ALL', 'all'],
    ['DISCARD_PLANS', 'plans'],
    ['DISCARD_TEMP', 'temp'],
    ['DISCARD_SEQUENCES', 'sequences'],
  ]).get(String(discard.target));
  return { kind: 'discard', what: defined(what, 'DISCARD names a target'), position: c.start };
}

/** EXECUTE with its arguments. */
export function convertExecute(
  c: Conversion,
  execute: { name?: string; params?: Node[] },
): Statement {
  return {
    kind: 'execute',
    name: execute.name ?? '',
    args: convertExpressions(c, execute.params),
    position: c.start,
  };
}

/** COPY from STDIN and to STDOUT; files and programs of the server are refused. */
export function convertCopy(c: Conversion, copy: CopyStmt): Statement {
  const position = c.start;
  if (copy.is_program === true) throw refuseWords(c, 'COPY with PROGRAM', 'program');
  if (copy.filename !== undefined) throw refuse(c, 'COPY with a file on the server', undefined);
  if (copy.whereClause !== undefined) throw refuseWords(c, 'WHERE in COPY', 'where');
  const options = copyOptions(c, copy.options, copy.is_from === true);
  const columns = stringsOf(copy.attlist);
  if (copy.query !== undefined) {
    if (!('SelectStmt' in copy.query)) throw refuse(c, 'COPY of a data-modifying statement');
    const query = convertQueryNode(c, copy.query, position);
    return {
      kind: 'copyTo',
      source: { kind: 'select', query, position: query.position },
      options,
      position,
    };
  }
  const table = relationName(c, defined(copy.relation, 'COPY names a table or a query'));
  if (copy.is_from === true) return { kind: 'copyFrom', table, columns, options, position };
  return { kind: 'copyTo', source: tableSource(table, columns), options, position };
}

type Source = Extract<Statement, { kind: 'copyTo' }>['source'];

/** `COPY t (a, b) TO STDOUT` is `COPY (SELECT a, b FROM t) TO STDOUT`. */
function tableSource(table: ReturnType<typeof relationName>, columns: readonly string[]): Source {
  const position = table.position;
  const items = columns.map((name) => ({
    expression: { kind: 'column' as const, name: { parts: [name], position }, position },
    alias: null,
    position,
  }));
  const star = [{ expression: { kind: 'star' as const, position }, alias: null, position }];
  return {
    kind: 'select',
    position,
    query: {
      kind: 'query',
      with: [],
      body: {
        kind: 'select',
        distinct: null,
        items: columns.length === 0 ? star : items,
        from: [{ kind: 'table', name: table, alias: null, position }],
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
    },
  };
}

/** Both spellings of options arrive in one form: `csv header` and `(format csv, header true)`. */
function copyOptions(
  c: Conversion,
  nodes: readonly Node[] | undefined,
  isFrom: boolean,
): CopyOptions {
  let format: CopyOptions['format'] = 'text';
  let header = false;
  const texts = new Map<string, string>();
  const seen = new Set<string>();
  for (const node of nodes ?? []) {
    assert('DefElem' in node, 'COPY options are options');
    const option = node.DefElem;
    const name = option.defname ?? '';
    if (seen.has(name))
      throw sqlError('42601', 'conflicting or redundant options', {
        position: c.at(option.location),
      });
    seen.add(name);
    if (name === 'format') format = copyFormat(c, option);
    else if (name === 'header') header = copyHeader(c, option);
    else if (name === 'encoding') requireUtf8(c, option);
    else if (['delimiter', 'null', 'quote', 'escape'].includes(name))
      texts.set(name, optionText(c, option));
    else throw unknownCopyOption(c, option, isFrom);
  }
  if (format === 'binary') refuseTextOptions(header, texts);
  return {
    format,
    delimiter: texts.get('delimiter') ?? null,
    null: texts.get('null') ?? null,
    header,
    quote: texts.get('quote') ?? null,
    escape: texts.get('escape') ?? null,
  };
}

/** Binary data has none of what these say. */
function refuseTextOptions(header: boolean, texts: ReadonlyMap<string, string>): void {
  for (const name of ['delimiter', 'null'] as const)
    if (texts.has(name))
      throw sqlError('42601', `cannot specify ${name.toUpperCase()} in BINARY mode`);
  if (header) throw sqlError('0A000', 'cannot specify HEADER in BINARY mode');
  for (const name of ['quote', 'escape'] as const)
    if (texts.has(name)) throw sqlError('0A000', `COPY ${name} available only in CSV mode`);
}

function optionText(c: Conversion, option: DefElem): string {
  const arg = option.arg;
  if (arg !== undefined && 'String' in arg) return arg.String.sval ?? '';
  if (arg !== undefined && 'Integer' in arg) return String(arg.Integer.ival ?? 0);
  if (arg !== undefined && 'List' in arg)
    throw refuse(
      c,
      `a list for COPY option "${option.defname ?? ''}" (${listItems(arg).length} items)`,
      option.location,
    );
  throw sqlError('42601', `${option.defname ?? ''} requires a parameter`, {
    position: c.at(option.location),
  });
}

function copyFormat(c: Conversion, option: DefElem): CopyOptions['format'] {
  const text = optionText(c, option);
  if (text === 'text' || text === 'csv' || text === 'binary') return text;
  throw sqlError('22023', `COPY format "${text}" not recognized`, {
    position: c.at(option.location),
  });
}

function copyHeader(c: Conversion, option: DefElem): boolean {
  const arg = option.arg;
  if (arg === undefined) return true;
  if ('Boolean' in arg) return arg.Boolean.boolval === true;
  const text = optionText(c, option).toLowerCase();
  if (text === 'true' || text === 'on' || text === '1') return true;
  if (text === 'false' || text === 'off' || text === '0') return false;
  if (text === 'match') throw refuse(c, 'HEADER MATCH', option.location);
  throw sqlError('42601', 'header requires a Boolean value or "match"', {
    position: c.at(option.location),
  });
}

function requireUtf8(c: Conversion, option: DefElem): void {
  const text = optionText(c, option);
  if (/^utf-?8$/i.test(text)) return;
  throw refuse(c, `COPY in the encoding "${text}"`, option.location);
}

/** Options of Postgres that we do not have are refused by name; others do not exist. */
function unknownCopyOption(c: Conversion, option: DefElem, isFrom: boolean): Error {
  const name = option.defname ?? '';
  const known = [
    'force_quote',
    'force_not_null',
    'force_null',
    'freeze',
    'convert_selectively',
    'default',
    'on_error',
    'log_verbosity',
    'reject_limit',
  ];
  if (known.includes(name))
    return refuse(
      c,
      `COPY ${isFrom ? 'FROM' : 'TO'} option ${name.toUpperCase()}`,
      option.location,
    );
  return sqlError('42601', `option "${name}" not recognized`, { position: c.at(option.location) });
}
