/** Expressions of a program as SQL-like text, with names for the columns that have one. */
import type { Program } from '../../../dataflow/expr/expr.ts';
import { evaluateNode } from '../../../dataflow/expr/interpret.ts';
import { castBetween, functionByKey } from '../../../dataflow/expr/function-table.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { defined } from '../../base/assert.ts';
import { datumText } from '../logical/scalar.ts';

/** What the columns of an input are called. */
export type Labels = readonly string[];

/** Longer texts of a part are cut: shared parts would make them grow exponentially. */
const textCharactersMax = 1_000;

/** The text of one node. */
export function expressionText(program: Program, id: number, labels: Labels): string {
  const texts: string[] = [];
  for (let i = 0; i <= id; i++) {
    const text = nodeText(program, i, labels, texts);
    texts.push(text.length > textCharactersMax ? `${text.slice(0, textCharactersMax)}…` : text);
  }
  return defined(texts[id], 'the node has a text');
}

function nodeText(program: Program, id: number, labels: Labels, texts: readonly string[]): string {
  const node = defined(program.nodes[id], 'a program has its nodes');
  const of = (child: number): string => texts[child] ?? '';
  switch (node.kind) {
    case 'column':
      return labels[node.column] ?? `#${node.column}`;
    case 'constant':
      return constantText(node.value, node.type);
    case 'call':
      return callText(node.fn, node.type, node.args.map(of));
    case 'and':
      return `(${node.args.map(of).join(' AND ')})`;
    case 'or':
      return `(${node.args.map(of).join(' OR ')})`;
    case 'not': {
      const inner = defined(program.nodes[node.arg], 'a program has its nodes');
      return inner.kind === 'isNull' ? `(${of(inner.arg)} IS NOT NULL)` : `(NOT ${of(node.arg)})`;
    }
    case 'isNull':
      return `(${of(node.arg)} IS NULL)`;
    case 'coalesce':
      return `coalesce(${node.args.map(of).join(', ')})`;
    case 'case': {
      const branches = node.branches.map(([when, then]) => `WHEN ${of(when)} THEN ${of(then)}`);
      return `CASE ${branches.join(' ')} ELSE ${of(node.otherwise)} END`;
    }
  }
}

function callText(key: string, type: TypeName, args: readonly string[]): string {
  const entry = functionByKey(key);
  if (entry === undefined) return `${key}(${args.join(', ')})`;
  const [value = '', zone] = args;
  if (entry.kind === 'cast') {
    const shown = `${value}::${typeInfo(type).sqlName}`;
    return zone === undefined ? shown : `(${shown} in zone ${zone})`;
  }
  if (entry.kind === 'operator' && entry.key.endsWith(' in zone'))
    return `(${args.slice(0, -1).join(` ${entry.name} `)} in zone ${args.at(-1) ?? ''})`;
  if (entry.kind === 'operator')
    return args.length === 1
      ? `(${entry.name} ${args[0] ?? ''})`
      : `(${args.join(` ${entry.name} `)})`;
  return `${entry.name}(${args.join(', ')})`;
}

/** A constant as SQL would write it. */
export function constantText(value: Datum, type: TypeName): string {
  if (value === null) return 'NULL';
  if (typeof value === 'boolean' || typeof value === 'number' || typeof value === 'bigint')
    return plainText(value, type);
  const text = textOf(value, type);
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return type === 'text' || type === 'varchar'
    ? quoted
    : type === 'numeric'
      ? text
      : `${quoted}::${typeInfo(type).sqlName}`;
}

function plainText(value: boolean | number | bigint, type: TypeName): string {
  const category = typeInfo(type).category;
  return category === 'B' || category === 'N'
    ? String(value)
    : `'${textOf(value, type)}'::${typeInfo(type).sqlName}`;
}

/** The output text of a value. */
function textOf(value: Datum, type: TypeName): string {
  if (typeof value === 'string') return value;
  const cast = castBetween(type, 'text');
  if (cast === undefined) return datumText(value);
  const text = evaluateNode(
    [
      { kind: 'constant', value, type },
      { kind: 'call', fn: cast.key, args: [0], type: 'text' },
    ],
    1,
    [],
  );
  return typeof text === 'string' ? text : datumText(value);
}
