/**
 * The parser against an independent reader: every plain query that node-sql-parser accepts must
 * give the same tree, after its known misreadings are undone (test/support/nsp) and positions are
 * left out. The queries: a hand-written list, seeded random expressions over all operators that
 * both know, and the SQL of a shared test corpus where that lies beside the checkout.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { beforeAll, describe, expect, test } from 'vitest';
import { Adapter } from '../../../test/support/nsp/adapter.ts';
import { mask } from '../../../test/support/nsp/mask.ts';
import { Unread } from '../../../test/support/nsp/tree.ts';
import { Random } from '../../../test/support/random.ts';
import { SqlError } from '../../base/error.ts';
import { initializeParser, parseStatements } from './parse.ts';

beforeAll(initializeParser);

const library: {
  Parser: new () => {
    astify(text: string, options: { database: string; trimQuery: boolean }): unknown;
  };
} = createRequire(import.meta.url)('node-sql-parser/build/postgresql');
const reader = new library.Parser();

/** Known misreadings that leave no trace in the tree, so nothing can undo them. */
const hopeless: readonly (readonly [RegExp, string])[] = [
  [/\brollup\b|\bcube\b|\bgrouping\b/i, 'grouping sets are read as functions'],
  [/\btime zone\b/i, 'AT TIME ZONE lands inside the cast before it, and WITH TIME ZONE is dropped'],
  [/\bisnull\b|\bnotnull\b/i, 'ISNULL and NOTNULL are read as aliases'],
  [/\bonly\b/i, 'ONLY is read as a table with an alias'],
  [/join[^()]*\bon\b[^()]*,/i, 'a comma after ON is swallowed by the condition'],
  [/\bint8\b|\bint4range\b|\bfloat\s*\(/i, 'types are rewritten with other lengths'],
  [/\bis\s+(not\s+)?distinct\b/i, 'the operand is cut at casts and IS NOT is lost'],
  [/::\s*\w+(\s*\(\s*\d+(\s*,\s*\d+)?\s*\))?\s*\[/, 'a subscript after a cast is dropped'],
  [/\blike\b[^()]*(\|\||escape|::)/i, 'LIKE takes only the first part of its pattern'],
  [
    /\bdate_part\b|\bextract\b|\btrim\b|\bsubstring\b|\bposition\b|\boverlay\b/i,
    'special spellings lose their parts',
  ],
  [/\bnatural\b|\bcross\s+join\b/i, 'join words are read as aliases'],
  [/\blateral\b|\bordinality\b/i, 'LATERAL and ORDINALITY are kept in no field'],
  [/\bin\s*\(\s*select\s*\(/i, 'SELECT ( … ) inside IN is read as a function'],
  [/\bvalues\b/i, 'VALUES is read as a function or refused'],
  [/->|#>|@>|<@|\?/, 'operators on jsonb are given a level of their own'],
];

/** Without positions and empty fields, with names as the adapter gives them. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries: [string, unknown][] = [];
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'position' || key === 'syntax') continue;
    if (key === 'distinct' && Array.isArray(inner) && inner.length === 0)
      entries.push([key, 'plain']);
    else if (key === 'parts' && Array.isArray(inner)) entries.push([key, partsOf(inner)]);
    else if (
      inner !== null &&
      inner !== false &&
      inner !== '' &&
      !(Array.isArray(inner) && inner.length === 0)
    )
      entries.push([key, plain(inner)]);
  }
  return Object.fromEntries(entries);
}

function partsOf(parts: readonly unknown[]): unknown[] {
  return parts[0] === 'pg_catalog' && parts.length === 2 ? parts.slice(1) : [...parts];
}

type Outcome = 'same' | 'different' | 'not compared';

/** Compares one query; `report` takes the two trees where they differ. */
function compare(sql: string, report: (ours: unknown, theirs: unknown) => void): Outcome {
  if (hopeless.some(([pattern]) => pattern.test(sql))) return 'not compared';
  const masked = mask(sql);
  if (masked === undefined) return 'not compared';
  let theirs: unknown;
  try {
    const tree = reader.astify(masked.text, { database: 'postgresql', trimQuery: false });
    theirs = new Adapter(masked).query(Array.isArray(tree) ? tree[0] : tree);
  } catch (error) {
    // Their syntax error, or a construct that the adapter leaves out.
    if (error instanceof Unread || (error instanceof Error && error.name === 'SyntaxError'))
      return 'not compared';
    throw error;
  }
  const ours = parsed(sql);
  if (ours === undefined) return 'not compared';
  if (JSON.stringify(sorted(ours)) === JSON.stringify(sorted(plain(theirs)))) return 'same';
  report(sorted(ours), sorted(plain(theirs)));
  return 'different';
}

/** Our tree; undefined for what is no query or what we refuse. */
function parsed(sql: string): unknown {
  try {
    const statement = parseStatements(sql)[0]?.statement;
    return statement?.kind === 'select' ? plain(statement.query) : undefined;
  } catch (error) {
    if (error instanceof SqlError) return undefined;
    throw error;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** Compares all and fails with the first differences; gives how many were compared. */
function compareAll(queries: readonly string[]): number {
  const differences: string[] = [];
  let same = 0;
  for (const sql of queries) {
    const outcome = compare(sql, (ours, theirs) =>
      differences.push(
        `${sql}\n  ours   ${JSON.stringify(ours)}\n  theirs ${JSON.stringify(theirs)}`,
      ),
    );
    if (outcome === 'same') same++;
  }
  expect(differences.slice(0, 5).join('\n')).toBe('');
  return same;
}

const operands = [
  'a',
  't.b',
  '"Quoted"',
  '1',
  '1.50',
  '123.4567890123456789012345678',
  "'x'",
  "'it''s'",
  "'C:\\new'",
  'null',
  'true',
  'f(a)',
  'f(a, 1)',
  's.f()',
  'count(*)',
  'count(distinct a)',
  'sum(a)',
  'coalesce(a, b)',
  'nullif(a, 1)',
  'greatest(a, b)',
  'a::text',
  'cast(a as numeric(10, 2))',
  'case when a then b end',
  'case a when 1 then b else c end',
  '(select max(a) from t)',
  'exists (select 1)',
  '- a',
  'lower(a)',
  'a::integer::text',
  'current_date',
];

const templates = [
  '$ + $ * $',
  '$ - $ - $',
  '($ + $) * $',
  '$ = $ or $ = $ and $ < $',
  '$ = $ and $ = $ or $ < $',
  'not $ = $',
  '$ between $ and $',
  '$ in ($, $)',
  '$ not in ($, $)',
  '$ is null',
  '$ is not null',
  '$ like $',
  '$ not ilike $',
  '$ || $ || $',
  '$ + $ || $',
  '$ <> $',
  '$ != $',
  '$ >= $ and not $ <= $',
  '($ or $) and $',
  '$ % $ / $',
  'a in (select b from u where $)',
  '$ is true',
  '$ is not false',
  '(($))',
];

test('constructs', () => {
  const expressions = [
    ...operands,
    ...templates.flatMap((template) =>
      [0, 1, 2, 3, 4, 5].map((shift) =>
        fill(template, (hole) => operands[(hole * 7 + shift * 5) % operands.length] ?? 'a'),
      ),
    ),
  ];
  const clauses = [
    ...expressions.map((expression) => `select ${expression} from t`),
    ...expressions.map((expression) => `select a from t where ${expression}`),
    'select 1',
    'select a as x, b y from t',
    'select t.* from t',
    'select distinct a from t',
    'select distinct on (a, b) c from t',
    'select * from s.t as x',
    'select * from t x(a, b)',
    'select * from t, u, v',
    'select * from t join u on t.a = u.a',
    'select * from t left join u using (a, b)',
    'select * from t right outer join u on t.a = u.a full join v on v.b = u.b',
    'select * from (select a from t) x',
    'select * from f(1, 2) x',
    'select a from t order by a',
    'select a from t order by a desc, b nulls first, 3',
    'select a from t limit 10',
    'select a from t limit 10 offset 5',
    'select a from t offset 5',
    'select a, count(*) from t group by a having count(*) > 1',
    'select a from t group by a, b + 1',
    'select 1 union select 2',
    'select 1 union all select 2 union all select 3',
    'select a from t intersect select b from u',
    'select a from t except select b from u',
    'select 1 union select 2 order by 1 limit 3',
    'with w as (select 1) select * from w',
    'with w (a, b) as (select 1, 2), v as (select a from w) select * from v',
    'select a from t where (a, b) = (1, 2)',
    'select a from t where not exists (select 1 from u where u.a = t.a)',
    'select string_agg(a, b) from t',
    'select "Mixed"."Case" from "Mixed"',
    'select A.B from A',
    'select a-t.b from t',
    'select a-f(b) from t',
    'select -1',
    'select 0.1 + .5',
    "select 'a' 'b'",
  ];
  expect(clauses.length).toBeGreaterThan(300);
  expect(compareAll(clauses)).toBeGreaterThan(200);
});

function fill(template: string, choose: (hole: number) => string): string {
  let hole = 0;
  return template.replace(/\$/g, () => choose(hole++));
}

test('random expressions', () => {
  const random = new Random(7);
  const expression = (depth: number): string => {
    if (depth === 0 || random.chance(0.2)) return random.pick(operands);
    const text = fill(random.pick(templates), () => expression(depth - 1));
    return random.chance(0.3) ? `(${text})` : text;
  };
  const queries = Array.from(
    { length: 1_500 },
    () => `select ${expression(1)} from t where ${expression(2)}`,
  );
  expect(compareAll(queries)).toBeGreaterThan(400);
});

describe('a shared corpus', () => {
  const root = new URL('../../../../shared/data/slt/', import.meta.url);
  test('every query of it that both read', () => {
    const files = existsSync(root)
      ? readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
          /\.(slt|part)/.test(name),
        )
      : [];
    const queries = files.flatMap((name) => queriesOf(readFileSync(new URL(name, root), 'utf8')));
    const same = compareAll([...new Set(queries)]);
    expect(same).toBeGreaterThanOrEqual(files.length === 0 ? 0 : 500);
  });
});

/** The SELECTs of `query` records that are not expected to fail. */
function queriesOf(text: string): string[] {
  return [...text.matchAll(/^query (?!error)[^\n]*\n([\s\S]*?)(?:\n----|\n\n)/gm)]
    .map((match) => match[1] ?? '')
    .filter((sql) => /^\s*(select|with)\b/i.test(sql) && !sql.includes('${'));
}
