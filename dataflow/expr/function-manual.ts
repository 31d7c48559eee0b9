/**
 * The reference manual of functions, printed from the table: one chapter per topic, one row per
 * meaning with all its signatures. `docs/functions.md` holds it; a test keeps the two the same.
 */
import type { TypeName } from '../value/type.ts';
import { types } from '../value/type.ts';
import type { FunctionEntry, SignatureType } from './function-entry.ts';
import { functions } from './function-table.ts';

const sqlNames = new Map<string, string>(types.map((type) => [type.name, type.sqlName]));

function typeText(type: SignatureType): string {
  return sqlNames.get(type) ?? type;
}

/** A call as one would write it. */
function signature(fn: FunctionEntry): string {
  const args = fn.args.map(typeText);
  if (fn.kind === 'operator') {
    return args.length === 1 ? `${fn.name} ${args[0]}` : args.join(` ${fn.name} `);
  }
  const rest = fn.variadic === undefined ? [] : [`${typeText(fn.variadic)} …`];
  return `${fn.name}(${[...args, ...rest].join(', ')})`;
}

function resultText(fn: FunctionEntry): string {
  if (fn.columns !== undefined) {
    const columns = fn.columns.map((column) => `${column.name} ${typeText(column.type)}`);
    return `rows (${columns.join(', ')})`;
  }
  return fn.setReturning ? `rows of ${typeText(fn.result)}` : typeText(fn.result);
}

/** Text that a table cell can hold. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function code(text: string): string {
  return text.includes('`') ? `\`\` ${cell(text)} \`\`` : `\`${cell(text)}\``;
}

/** Entries of one topic by name and description, in the order of the table. */
function grouped(entries: readonly FunctionEntry[]): FunctionEntry[][] {
  const groups = new Map<string, FunctionEntry[]>();
  for (const fn of entries) {
    const key = `${fn.name} ${fn.description}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [fn]);
    else group.push(fn);
  }
  return [...groups.values()];
}

function functionRow(group: readonly FunctionEntry[]): string {
  const calls = group.map((fn) => code(`${signature(fn)} → ${resultText(fn)}`)).join('<br>');
  return `| ${calls} | ${cell(group[0].description)} |`;
}

function chapter(topic: string, entries: readonly FunctionEntry[]): string[] {
  const title = topic.charAt(0).toUpperCase() + topic.slice(1);
  const calls = entries.filter((fn) => fn.kind !== 'cast');
  return [
    `## ${title}`,
    '',
    '| Call | Answer |',
    '|---|---|',
    ...grouped(calls).map(functionRow),
    '',
  ];
}

function castChapter(): string[] {
  const contexts = ['implicit', 'assignment', 'explicit'] as const;
  const targets = (type: TypeName, context: FunctionEntry['context']): string =>
    functions
      .filter((fn) => fn.kind === 'cast' && fn.args[0] === type && fn.context === context)
      .map((fn) => typeText(fn.result))
      .join(', ');
  const rows = types
    .filter((type) => type.element === undefined)
    .map(
      ({ name, sqlName }) =>
        `| ${[sqlName, ...contexts.map((context) => targets(name, context))].join(' | ')} |`,
    );
  return [
    '## Casts',
    '',
    'Implicit casts are applied wherever they are needed, those on assignment by INSERT and UPDATE,',
    'the others when `CAST` or `::` is written. Arrays are cast element by element.',
    '',
    '| From | implicit | on assignment | when written |',
    '|---|---|---|---|',
    ...rows,
    '',
  ];
}

/** The whole manual, in Markdown. */
export function functionManual(): string {
  const topics = [...new Set(functions.map((fn) => fn.topic))];
  return [
    '# Functions and operators',
    '',
    'Made from the function table; answers are those of Postgres 15. A function whose argument is',
    'NULL is NULL unless its description says otherwise. CASE, COALESCE, NULLIF, AND, OR, NOT and',
    'IS NULL are part of the language and not listed.',
    '',
    ...topics.flatMap((topic) =>
      chapter(
        topic,
        functions.filter((fn) => fn.topic === topic),
      ),
    ),
    ...castChapter(),
  ].join('\n');
}
