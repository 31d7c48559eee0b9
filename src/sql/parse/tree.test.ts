/**
 * Every form of statement and expression as its tree. A tree is written as a compact picture:
 * positions are left out (parse.test.ts has those), and so are fields that are empty, null or
 * false.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { defined } from '../../base/assert.ts';
import { initializeParser, parseOne } from './parse.ts';

beforeAll(initializeParser);

/** Without positions and empty fields. */
function compact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(compact);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(
      ([key, inner]) =>
        key !== 'position' &&
        inner !== null &&
        inner !== false &&
        inner !== '' &&
        !(Array.isArray(inner) && inner.length === 0),
    )
    .map(([key, inner]) => [key, compact(inner)] as const);
  return Object.fromEntries(entries);
}

function tree(text: string): unknown {
  return compact(defined(parseOne(text), 'one statement').statement);
}

/** An expression as one line: `binary(+ a 1)`. */
function picture(text: string): string {
  const statement = defined(parseOne(`select ${text}`), 'one statement').statement;
  if (statement.kind !== 'select' || statement.query.body.kind !== 'select')
    throw new Error('a SELECT');
  return draw(compact(defined(statement.query.body.items[0], 'an item').expression));
}

function draw(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(draw).join(' ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value);
  const kind = entries.find(([key]) => key === 'kind')?.[1];
  if (kind === 'column' || kind === 'collate') return drawNamed(value, String(kind));
  if ('parts' in value && Array.isArray(value.parts)) return value.parts.join('.');
  const rest = entries
    .filter(([key]) => key !== 'kind')
    .map(([key, inner]) => (inner === true ? key : draw(inner)));
  return typeof kind === 'string' ? `${kind}(${rest.join(' ')})` : `{${rest.join(' ')}}`;
}

function drawNamed(value: object, kind: string): string {
  const entries = Object.entries(value).filter(([key]) => key !== 'kind');
  const inner = entries.map(([, part]) => draw(part)).join(' ');
  return kind === 'column' ? inner : `${kind}(${inner})`;
}

describe('expressions', () => {
  test.each([
    ['1.50', 'number(1.50)'],
    ['-9223372036854775808', 'unary(- number(9223372036854775808))'],
    ['0xFF + 1_000', 'binary(+ number(255) number(1000))'],
    ['0xFFFFFFFFFF', 'number(1099511627775)'],
    ["'it''s'", "string(it's)"],
    ["E'a\\nb'", 'string(a\nb)'],
    ['null', 'null()'],
    ['true', 'boolean(value)'],
    ['$2', 'parameter(2)'],
    ['"A".b.*', 'A.b.*'],
    ['a + b * c', 'binary(+ a binary(* b c))'],
    ['a - b - c', 'binary(- binary(- a b) c)'],
    ['a or b and not c', 'or([a and([b not(c)])])'],
    ['a || b -> c', 'binary(-> binary(|| a b) c)'],
    ['-a::int4', 'unary(- cast(a {int4}))'],
    ["a like 'x' escape '!'", 'binary(~~ a call(pg_catalog.like_escape [string(x) string(!)]))'],
    ["a not ilike 'x'", 'binary(!~~* a string(x))'],
    ["a similar to 'x'", 'binary(~ a call(pg_catalog.similar_to_escape [string(x)]))'],
    ['a is not null', 'isNull(a negated)'],
    ['a isnull', 'isNull(a)'],
    ['a is not unknown', 'isBoolean(a unknown negated)'],
    ['a is not distinct from b', 'isDistinct(a b negated)'],
    ['a between symmetric 1 and 2', 'between(a number(1) number(2) symmetric)'],
    ['a not between 1 and 2', 'between(a number(1) number(2) negated)'],
    ['a not in (1, 2)', 'in(a [number(1) number(2)] negated)'],
    ['a = any(b)', 'quantified(a = b)'],
    ['a <> all(b)', 'quantified(a <> all b)'],
    ['case when a then b end', 'case([{a b}])'],
    ['case a when 1 then b else c end', 'case(a [{number(1) b}] c)'],
    ['cast(a as numeric(10, 2))', 'cast(a {pg_catalog.numeric [10 2]})'],
    ['a::text[]', 'cast(a {text array})'],
    ["interval '1' day to second(3)", 'cast(string(1) {pg_catalog.interval [3] day to second})'],
    ["timestamp with time zone 'x'", 'cast(string(x) {pg_catalog.timestamptz})'],
    ['coalesce(a, b)', 'coalesce([a b])'],
    ['greatest(a, least(b, c))', 'greatest([a least([b c])])'],
    ['nullif(a, b)', 'nullif(a b)'],
    ['count(*)', 'call(count star)'],
    [
      'sum(distinct a order by b desc) filter (where c)',
      'call(sum [a] distinct [{b descending nullsFirst}] c)',
    ],
    ['f(variadic a)', 'call(f [a] variadic)'],
    [
      'percentile_cont(0.5) within group (order by a)',
      'call(percentile_cont [number(0.5)] [{a}] withinGroup)',
    ],
    ['rank() over (partition by a order by b)', 'call(rank {[a] [{b}]})'],
    ['extract(day from a)', 'call(pg_catalog.extract [string(day) a] extract)'],
    ["trim(leading 'x' from a)", 'call(pg_catalog.ltrim [a string(x)] trim)'],
    ['substring(a from 1 for 2)', 'call(pg_catalog.substring [a number(1) number(2)] substring)'],
    ['substring(a, 1)', 'call(substring [a number(1)])'],
    ["position('x' in a)", 'call(pg_catalog.position [a string(x)] position)'],
    ['overlay(a placing b from 1)', 'call(pg_catalog.overlay [a b number(1)] overlay)'],
    ["a at time zone 'UTC'", 'call(pg_catalog.timezone [string(UTC) a] atTimeZone)'],
    ['array[a, array[b]]', 'array([a array([b])])'],
    ['row(a, b)', 'row([a b])'],
    ['(a, b) = (1, 2)', 'binary(= row([a b]) row([number(1) number(2)]))'],
    ['a[1][2:]', 'subscript(a [{number(1)} {number(2) slice}])'],
    ['(a).b', 'field(a b)'],
    ['(a).*', 'field(a *)'],
    ['a[1].b', 'field(subscript(a [{number(1)}]) b)'],
    ['a collate "C"', 'collate(a C)'],
    ['current_timestamp(3)', 'keywordFunction(current_timestamp 3)'],
    ['current_user', 'keywordFunction(current_user)'],
    ['a operator(pg_catalog.~) b', 'binary(~ a b)'],
  ])('%s', (text, expected) => {
    expect(picture(text)).toBe(expected);
  });

  test('subqueries', () => {
    const inner = 'query(select([{number(1)}]))';
    expect(picture('exists (select 1)')).toBe(`subquery(exists ${inner})`);
    expect(picture('(select 1)')).toBe(`subquery(scalar ${inner})`);
    expect(picture('array(select 1)')).toBe(`subquery(array ${inner})`);
    expect(picture('a in (select 1)')).toBe(`subqueryComparison(any = a ${inner})`);
    expect(picture('a not in (select 1)')).toBe(`subqueryComparison(any = negated a ${inner})`);
    expect(picture('not a in (select 1)')).toBe(`not(subqueryComparison(any = a ${inner}))`);
    expect(picture('a < all (select 1)')).toBe(`subqueryComparison(all < a ${inner})`);
  });
});

describe('queries', () => {
  test('the clauses of SELECT', () => {
    expect(
      tree(
        'select distinct on (a) a as x, * from t where b group by a having c order by a nulls first limit 1 offset 2',
      ),
    ).toEqual({
      kind: 'select',
      query: {
        kind: 'query',
        body: {
          kind: 'select',
          distinct: [{ kind: 'column', name: { parts: ['a'] } }],
          items: [
            { expression: { kind: 'column', name: { parts: ['a'] } }, alias: 'x' },
            { expression: { kind: 'star' } },
          ],
          from: [{ kind: 'table', name: { parts: ['t'] } }],
          where: { kind: 'column', name: { parts: ['b'] } },
          groupBy: [{ kind: 'column', name: { parts: ['a'] } }],
          having: { kind: 'column', name: { parts: ['c'] } },
        },
        order: [{ expression: { kind: 'column', name: { parts: ['a'] } }, nullsFirst: true }],
        limit: { kind: 'number', text: '1' },
        offset: { kind: 'number', text: '2' },
      },
    });
  });

  test('set operations lean left, INTERSECT binds tighter', () => {
    const query = parseOne(
      'select 1 union all select 2 except select 3 intersect select 4',
    )?.statement;
    expect(query).toMatchObject({
      query: {
        body: {
          operation: 'except',
          all: false,
          left: { body: { operation: 'union', all: true } },
          right: { body: { operation: 'intersect' } },
        },
      },
    });
  });

  test('inner ORDER BY and LIMIT stay inside', () => {
    expect(
      parseOne('(select a from t order by a limit 1) union select 2 limit all')?.statement,
    ).toMatchObject({
      query: {
        limit: null,
        order: [],
        body: { left: { limit: { text: '1' }, order: [{ descending: false }] } },
      },
    });
  });

  test('FROM items', () => {
    const text =
      'select 1 from a x(p, q), lateral (select 2) y, f(1) with ordinality z, a cross join b, a left join b using (c), (a natural full join b) w';
    expect(parseOne(text)?.statement).toMatchObject({
      query: {
        body: {
          from: [
            { kind: 'table', alias: { name: 'x', columns: ['p', 'q'] } },
            { kind: 'derived', lateral: true, alias: { name: 'y' } },
            {
              kind: 'function',
              ordinality: true,
              calls: [{ name: { parts: ['f'] } }],
              alias: { name: 'z' },
            },
            { kind: 'join', type: 'cross', on: null },
            { kind: 'join', type: 'left', using: ['c'] },
            { kind: 'join', type: 'full', natural: true, alias: { name: 'w' } },
          ],
        },
      },
    });
  });

  test('WITH, VALUES, TABLE', () => {
    expect(
      parseOne('with recursive w (a) as (values (1, default)) table w')?.statement,
    ).toMatchObject({
      query: {
        with: [
          {
            name: 'w',
            columns: ['a'],
            recursive: true,
            query: { body: { kind: 'values', rows: [[{ text: '1' }, { kind: 'default' }]] } },
          },
        ],
        body: { items: [{ expression: { kind: 'star' } }], from: [{ name: { parts: ['w'] } }] },
      },
    });
  });

  test('grouping sets are seen', () => {
    expect(parseOne('select 1 from t group by rollup (a), b')?.statement).toMatchObject({
      query: { body: { groupingSets: true } },
    });
    expect(parseOne('select distinct 1')?.statement).toMatchObject({
      query: { body: { distinct: [] } },
    });
  });
});

describe('streaming statements', () => {
  test('CREATE CONNECTION', () => {
    expect(
      tree(
        "create connection if not exists s.k to kafka (broker 'a:1', brokers ('b', 'c'), security protocol = plaintext) with (validate false)",
      ),
    ).toEqual({
      kind: 'createConnection',
      name: { parts: ['s', 'k'] },
      ifNotExists: true,
      type: 'KAFKA',
      options: [
        { name: 'BROKER', value: { kind: 'string', text: 'a:1' } },
        {
          name: 'BROKERS',
          value: {
            kind: 'list',
            items: [
              { kind: 'string', text: 'b' },
              { kind: 'string', text: 'c' },
            ],
          },
        },
        { name: 'SECURITY PROTOCOL', value: { kind: 'identifier', text: 'plaintext' } },
      ],
      with: [{ name: 'VALIDATE', value: { kind: 'identifier', text: 'false' } }],
    });
  });

  test('CREATE SOURCE with every clause', () => {
    const text =
      "create source if not exists s (id int8 not null, price numeric(10, 2), primary key (id)) from kafka connection k (topic 't', start offset (1, -2), start timestamp -5) " +
      "key format text value format json include key as kk, partition, offset, timestamp as ts, headers, header 'h' as x bytes envelope upsert with (size = 'big')";
    expect(tree(text)).toEqual({
      kind: 'createSource',
      name: { parts: ['s'] },
      ifNotExists: true,
      columns: [
        { name: 'id', type: { name: { parts: ['int8'] } }, notNull: true, primaryKey: true },
        { name: 'price', type: { name: { parts: ['pg_catalog', 'numeric'] }, modifiers: [10, 2] } },
      ],
      connector: 'KAFKA',
      connection: { parts: ['k'] },
      options: [
        { name: 'TOPIC', value: { kind: 'string', text: 't' } },
        {
          name: 'START OFFSET',
          value: {
            kind: 'list',
            items: [
              { kind: 'number', text: '1' },
              { kind: 'number', text: '-2' },
            ],
          },
        },
        { name: 'START TIMESTAMP', value: { kind: 'number', text: '-5' } },
      ],
      keyFormat: { name: 'TEXT' },
      valueFormat: { name: 'JSON' },
      include: [
        { item: 'KEY', alias: 'kk' },
        { item: 'PARTITION' },
        { item: 'OFFSET' },
        { item: 'TIMESTAMP', alias: 'ts' },
        { item: 'HEADERS' },
        { item: 'HEADER', header: 'h', alias: 'x', bytes: true },
      ],
      envelope: { name: 'UPSERT' },
      with: [{ name: 'SIZE', value: { kind: 'string', text: 'big' } }],
    });
  });

  test.each([
    ['format bytes', { name: 'BYTES' }],
    [
      'format avro using confluent schema registry connection c',
      {
        name: 'AVRO',
        options: [
          {
            name: 'CONFLUENT SCHEMA REGISTRY CONNECTION',
            value: { kind: 'list', items: [{ kind: 'identifier', text: 'c' }] },
          },
        ],
      },
    ],
    [
      'format avro using confluent schema registry connection s.c key strategy id 7 value strategy inline \'"int"\'',
      {
        name: 'AVRO',
        options: [
          {
            name: 'CONFLUENT SCHEMA REGISTRY CONNECTION',
            value: {
              kind: 'list',
              items: [
                { kind: 'identifier', text: 's' },
                { kind: 'identifier', text: 'c' },
              ],
            },
          },
          { name: 'KEY STRATEGY', value: { kind: 'number', text: '7' } },
          { name: 'VALUE STRATEGY', value: { kind: 'string', text: '"int"' } },
        ],
      },
    ],
    [
      'format avro using schema \'"string"\'',
      { name: 'AVRO', options: [{ name: 'SCHEMA', value: { kind: 'string', text: '"string"' } }] },
    ],
    [
      "format csv with 3 columns delimited by '|'",
      {
        name: 'CSV',
        options: [
          { name: 'COLUMNS', value: { kind: 'number', text: '3' } },
          { name: 'DELIMITED BY', value: { kind: 'string', text: '|' } },
        ],
      },
    ],
    [
      'format csv with header (a, b)',
      {
        name: 'CSV',
        options: [
          {
            name: 'HEADER',
            value: {
              kind: 'list',
              items: [
                { kind: 'identifier', text: 'a' },
                { kind: 'identifier', text: 'b' },
              ],
            },
          },
        ],
      },
    ],
    [
      "format protobuf message 'm' using schema 'x'",
      {
        name: 'PROTOBUF',
        options: [
          { name: 'MESSAGE', value: { kind: 'string', text: 'm' } },
          { name: 'SCHEMA', value: { kind: 'string', text: 'x' } },
        ],
      },
    ],
  ])('%s', (format, expected) => {
    expect(tree(`create source s from kafka connection k (topic 't') ${format}`)).toMatchObject({
      valueFormat: expected,
    });
  });

  test('CREATE MATERIALIZED VIEW keeps the text of its query', () => {
    expect(
      parseOne(
        'create or replace materialized view s.v (a) with (x = 1) as  select 1 /* c */ from t ;',
      )?.statement,
    ).toMatchObject({
      kind: 'createView',
      materialized: true,
      orReplace: true,
      columns: ['a'],
      queryText: 'select 1 /* c */ from t',
      with: [{ name: 'X', value: { kind: 'number', text: '1' } }],
    });
  });

  test('CREATE INDEX', () => {
    expect(
      tree('create index if not exists i on s.t using hash (a, (b + 1), lower(c))'),
    ).toMatchObject({
      kind: 'createIndex',
      name: 'i',
      ifNotExists: true,
      on: { parts: ['s', 't'] },
      method: 'hash',
      keys: [{ kind: 'column' }, { kind: 'binary' }, { kind: 'call' }],
    });
    expect(tree('create default index on t')).toEqual({
      kind: 'createIndex',
      isDefault: true,
      on: { parts: ['t'] },
    });
  });

  test.each(['schema', 'connection', 'source', 'table', 'view', 'materialized view', 'index'])(
    'DROP %s',
    (object) => {
      expect(tree(`drop ${object} if exists a, "B".c cascade`)).toEqual({
        kind: 'drop',
        object,
        names: [{ parts: ['a'] }, { parts: ['B', 'c'] }],
        ifExists: true,
        cascade: true,
      });
      expect(tree(`drop ${object} a restrict`)).toEqual({
        kind: 'drop',
        object,
        names: [{ parts: ['a'] }],
      });
    },
  );

  test('SUBSCRIBE', () => {
    expect(tree('subscribe to s.t')).toMatchObject({
      kind: 'subscribe',
      snapshot: true,
      query: { body: { from: [{ name: { parts: ['s', 't'] } }] } },
    });
    expect(
      tree('subscribe (select 1) with (snapshot = false, progress) as of at least 5 up to 10 + 1'),
    ).toMatchObject({
      progress: true,
      asOf: { kind: 'number', text: '5' },
      asOfAtLeast: true,
      upTo: { kind: 'binary' },
    });
    expect(tree('subscribe select a from t as of 3')).toMatchObject({
      asOf: { text: '3' },
      query: { body: { kind: 'select' } },
    });
    expect(parseOne('subscribe t with (snapshot false)')?.statement).toMatchObject({
      snapshot: false,
      progress: false,
    });
  });

  test('cursors', () => {
    expect(
      tree('declare c binary insensitive no scroll cursor with hold for select 1'),
    ).toMatchObject({
      kind: 'declare',
      name: 'c',
      binary: true,
      hold: true,
      statement: { kind: 'select' },
    });
    expect(tree('declare c cursor for subscribe t')).toMatchObject({
      statement: { kind: 'subscribe' },
    });
    expect(tree('fetch c')).toEqual({ kind: 'fetch', name: 'c', count: 1 });
    expect(tree('fetch all from c')).toEqual({ kind: 'fetch', name: 'c' });
    expect(tree('move 3 in c')).toEqual({ kind: 'fetch', name: 'c', count: 3, move: true });
    expect(tree("fetch forward 5 in c with (timeout '1 minute 500ms')")).toEqual({
      kind: 'fetch',
      name: 'c',
      count: 5,
      timeoutMilliseconds: 60_500,
    });
    expect(tree("fetch 2 c with (timeout = '00:00:01.5')")).toMatchObject({
      timeoutMilliseconds: 1_500,
    });
    expect(tree('close c')).toEqual({ kind: 'close', name: 'c' });
    expect(tree('close all')).toEqual({ kind: 'close' });
  });

  test('EXPLAIN', () => {
    for (const what of ['plan', 'optimized plan', 'physical plan', 'timestamp']) {
      expect(tree(`explain ${what} for select 1`)).toMatchObject({
        kind: 'explain',
        what,
        statement: { kind: 'select' },
      });
    }
    expect(tree('explain (verbose) select 1')).toMatchObject({
      what: 'plan',
      options: [{ name: 'VERBOSE' }],
    });
    expect(tree('explain create materialized view v as select 1')).toMatchObject({
      statement: { kind: 'createView' },
    });
    expect(tree('explain (select 1)')).toMatchObject({
      what: 'plan',
      statement: { kind: 'select' },
    });
  });

  test('SHOW', () => {
    expect(tree("show materialized views in s like 'a%'")).toEqual({
      kind: 'showObjects',
      object: 'MATERIALIZED VIEWS',
      name: { parts: ['s'] },
      like: 'a%',
    });
    expect(tree('show indexes on t')).toEqual({
      kind: 'showObjects',
      object: 'INDEXES',
      name: { parts: ['t'] },
    });
    expect(tree('show create source s')).toEqual({
      kind: 'showObjects',
      object: 'CREATE SOURCE',
      name: { parts: ['s'] },
    });
    expect(tree('show time zone')).toEqual({ kind: 'show', name: 'timezone' });
    expect(tree('show transaction isolation level')).toEqual({
      kind: 'show',
      name: 'transaction_isolation',
    });
    expect(tree('show all')).toEqual({ kind: 'show', name: 'all' });
    expect(tree('show DateStyle')).toEqual({ kind: 'show', name: 'datestyle' });
  });
});

describe("Postgres' statements", () => {
  test('INSERT, UPDATE, DELETE', () => {
    expect(tree('insert into s.t (a, b) values (1, default) returning a as x')).toMatchObject({
      kind: 'insert',
      table: { parts: ['s', 't'] },
      columns: [{ name: 'a' }, { name: 'b' }],
      source: { body: { kind: 'values' } },
      returning: [{ alias: 'x' }],
    });
    expect(tree('insert into t default values')).toEqual({
      kind: 'insert',
      table: { parts: ['t'] },
      source: 'default values',
    });
    expect(tree('update t x set a = 1, (b, c) = (2, 3) from u where d')).toMatchObject({
      alias: 'x',
      set: [
        { column: 'a', value: { text: '1' } },
        { column: 'b', value: { text: '2' } },
        { column: 'c', value: { text: '3' } },
      ],
      from: [{ kind: 'table' }],
    });
    expect(tree('delete from t using u where a returning *')).toMatchObject({
      kind: 'delete',
      using: [{ kind: 'table' }],
      returning: [{ expression: { kind: 'star' } }],
    });
  });

  test('definitions', () => {
    expect(
      tree(
        'create temp table if not exists t (a int not null default 1 primary key, b varchar(3)[])',
      ),
    ).toEqual({
      kind: 'createTable',
      name: { parts: ['t'] },
      ifNotExists: true,
      temporary: true,
      primaryKey: { columns: ['a'] },
      columns: [
        {
          name: 'a',
          type: { name: { parts: ['pg_catalog', 'int4'] } },
          notNull: true,
          primaryKey: true,
          default: { kind: 'number', text: '1' },
          defaultText: '1',
        },
        {
          name: 'b',
          type: { name: { parts: ['pg_catalog', 'varchar'] }, modifiers: [3], array: true },
        },
      ],
    });
    const texts = (text: string): unknown => {
      const statement = parseOne(`create table t (a int ${text}, z int)`)?.statement;
      return statement?.kind === 'createTable' && statement.columns[0]?.defaultText;
    };
    expect(texts('default null not null')).toBe('null');
    expect(texts('not null default -1')).toBe('-1');
    expect(texts("default (1) + f(2, 'x') /* c */ primary key")).toBe("(1) + f(2, 'x')");
    expect(texts('default case when b is not null then 1 else 2 end not null')).toBe(
      'case when b is not null then 1 else 2 end',
    );
    expect(texts('default a is not distinct from b null')).toBe('a is not distinct from b');
    expect(texts('default array[1, 2]')).toBe('array[1, 2]');
    expect(texts('default 1 constraint k not null')).toBe('1');
    expect(texts('')).toBe(null);
    expect(
      tree('create table t (a text collate "C", b int, constraint k primary key (b, a))'),
    ).toMatchObject({
      columns: [
        { name: 'a', primaryKey: true, notNull: true },
        { name: 'b', primaryKey: true, notNull: true },
      ],
      primaryKey: { name: 'k', columns: ['b', 'a'] },
    });
    expect(
      tree('create index i on t (a desc nulls last, (b + 1) asc, c) include (d, e)'),
    ).toMatchObject({
      keys: [{ name: { parts: ['a'] } }, { kind: 'binary' }, { name: { parts: ['c'] } }],
      include: ['d', 'e'],
    });
    expect(tree('create or replace view v (a) as select 1 as b')).toMatchObject({
      kind: 'createView',
      orReplace: true,
      columns: ['a'],
      queryText: 'select 1 as b',
    });
    expect(tree('create schema if not exists s')).toEqual({
      kind: 'createSchema',
      name: { parts: ['s'] },
      ifNotExists: true,
    });
  });

  test('settings and transactions', () => {
    expect(tree("set local a.b to 'x', y, 1")).toEqual({
      kind: 'set',
      name: 'a.b',
      local: true,
      value: ['x', 'y', '1'],
    });
    expect(tree('set x = default')).toEqual({ kind: 'set', name: 'x' });
    expect(tree("set time zone 'UTC'")).toEqual({ kind: 'set', name: 'timezone', value: ['UTC'] });
    expect(tree('reset x')).toEqual({ kind: 'reset', name: 'x' });
    expect(tree('reset all')).toEqual({ kind: 'reset' });
    expect(tree('begin isolation level serializable read only')).toEqual({
      kind: 'begin',
      isolation: 'serializable',
      readOnly: true,
    });
    expect(tree('start transaction')).toEqual({ kind: 'begin' });
    expect(tree('end')).toEqual({ kind: 'commit' });
    expect(tree('abort')).toEqual({ kind: 'rollback' });
    expect(parseOne('set transaction read write')?.statement).toMatchObject({
      kind: 'setTransaction',
      session: false,
      readOnly: false,
    });
    expect(
      tree('set session characteristics as transaction isolation level repeatable read'),
    ).toEqual({ kind: 'setTransaction', session: true, isolation: 'repeatable read' });
    expect(tree('discard temp')).toEqual({ kind: 'discard', what: 'temp' });
  });

  test('prepared statements', () => {
    expect(tree('prepare p (int, text[]) as select $1')).toMatchObject({
      kind: 'prepare',
      name: 'p',
      types: [{ name: { parts: ['pg_catalog', 'int4'] } }, { array: true }],
      statement: { kind: 'select' },
    });
    expect(tree("execute p (1, 'a')")).toMatchObject({
      kind: 'execute',
      args: [{ text: '1' }, { value: 'a' }],
    });
    expect(tree('deallocate all')).toEqual({ kind: 'deallocate' });
  });

  test('COPY in both spellings', () => {
    const options = { format: 'csv', delimiter: ';', header: true, quote: '"' };
    expect(
      tree(`copy t (a, b) from stdin with (format csv, header true, delimiter ';', quote '"')`),
    ).toEqual({ kind: 'copyFrom', table: { parts: ['t'] }, columns: ['a', 'b'], options });
    expect(tree(`copy t (a, b) from stdin csv header delimiter as ';' quote '"'`)).toEqual({
      kind: 'copyFrom',
      table: { parts: ['t'] },
      columns: ['a', 'b'],
      options,
    });
    expect(tree('copy t to stdout')).toMatchObject({
      kind: 'copyTo',
      source: { kind: 'select' },
      options: { format: 'text' },
    });
    expect(tree('copy (select 1) to stdout binary')).toMatchObject({
      kind: 'copyTo',
      options: { format: 'binary' },
    });
    expect(tree('copy (subscribe t with (progress)) to stdout (format csv)')).toMatchObject({
      source: { kind: 'subscribe', progress: true },
      options: { format: 'csv' },
    });
  });
});
