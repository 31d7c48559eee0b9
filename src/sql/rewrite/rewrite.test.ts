/**
 * Goal: each rewrite does what it is for, seen in the plan it leads to.
 * Method: plans as EXPLAIN prints them; meaning is held against Postgres in answers.test.ts.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { parseQuery, TestCatalog } from '../../../test/support/sql/catalog.ts';
import type { Mode } from '../bind/context.ts';
import { initializeParser } from '../parse/parse.ts';
import { explainQuery, noParameters } from '../plan-query.ts';

beforeAll(initializeParser);

function catalog(): TestCatalog {
  return new TestCatalog()
    .table('t', 'a int4 not null, b text, c int8', [[0]])
    .table('s', 'a int4, d varchar(5), e numeric(10,2)', [[0, 1]])
    .table('log', 'k int8 not null, line text', [], { stored: false, kind: 'source' })
    .view('totals', 'b text, n int8', 'select b, count(*) n from t group by b');
}

function plan(sql: string, mode: Mode = 'once'): string {
  return `\n${explainQuery(parseQuery(sql), catalog(), { parameters: noParameters, mode }).join('\n')}\n`;
}

describe('lookups', () => {
  test('a key with a constant for each column of an index', () => {
    expect(plan('select b from t where a = 3 and c > 5')).toBe(`
Lookup public.t using index (a) = 3 (fast path)
  filter: (c > 5)
  output: b
`);
    expect(plan(`select e from s where d = 'x' and 4 = a`)).toBe(`
Lookup public.s using index (a, d) = (4, 'x') (fast path)
  output: e
`);
  });

  test('several keys', () => {
    expect(plan('select b from t where a in (1, 2, 2) order by c desc limit 3')).toBe(`
Finish: order by c desc; limit 3; output b
Lookup public.t using index (a) = 1, 2 (fast path)
  output: b, c
`);
  });

  test('a scan where no index helps, a dataflow where nothing is stored', () => {
    expect(plan(`select a from t where b = 'x'`)).toBe(`
Scan public.t (fast path)
  filter: (b = 'x')
  output: a
`);
    expect(plan('select line from log where k = 1')).toBe(`
Map filter: (k = 1); output: line
  Get public.log (k, line)
`);
  });
});

describe('filters go down', () => {
  test('through a view, its aggregate and its projection', () => {
    expect(plan(`select n from totals where b = 'x'`)).toBe(`
Map output: #1
  Reduce by b: count(*)
    Map filter: (b = 'x'); output: b
      Get public.t (b)
`);
  });

  test('into both parts of a union, which flattens', () => {
    expect(
      plan(
        'select x from (select a x from t union all (select a from s union all select 7)) q where x > 3',
      ),
    ).toBe(`
Union
  Map filter: (a > 3); output: a
    Get public.t (a)
  Map filter: (a > 3); output: a
    Get public.s (a)
  Map output: 7
    Constant ()
`);
  });

  test('from WHERE into keys and residuals of joins; unconnected inputs wait', () => {
    expect(
      plan('select 1 from t x, t y, s where x.c < y.c and x.a = s.a and s.d = y.b and x.b is null'),
    ).toBe(`
Map output: 1
  Join on d = b; where (c < c)
    Map output: c, d
      Join on a = a
        Map filter: (b IS NULL); output: a, c
          Get public.t (a, b, c)
        Get public.s (a, d)
    Get public.t (b, c)
`);
  });

  test('what all branches of an OR ask for becomes a key', () => {
    expect(plan(`select 1 from t, s where (t.a = s.a and b = 'x') or (t.a = s.a and d = 'y')`))
      .toBe(`
Map output: 1
  Join on a = a; where ((b = 'x') OR (d = 'y'))
    Get public.t (a, b)
    Get public.s (a, d)
`);
  });

  test('an outer join whose padded rows are refused is an inner one', () => {
    expect(plan('select t.a from t left join s on t.a = s.a where s.e > 4')).toBe(`
Map output: a
  Join on a = a; left as counts; right as counts
    Get public.t (a)
    Map filter: (e > 4); output: a
      Get public.s (a, e)
`);
  });
});

describe('joins are composed', () => {
  test('a left join by key', () => {
    expect(plan('select t.b, s.e from t left join s on t.a = s.a')).toBe(`
Union
  Map output: b, e
    Join on a = a
      Get public.t (a, b)
      Get public.s (a, e)
  Map output: b, NULL
    Antijoin on a = a
      Get public.t (a, b)
      Get public.s (a, e)
`);
  });

  test('a left join with a residual: unmatched rows are those in no pair', () => {
    expect(plan('select t.a, s.e from t left join s on t.a = s.a and t.c > s.e')).toBe(`
Shared s1:
  Join on a = a; where (c::numeric > e)
    Get public.t (a, c)
    Get public.s (a, e)
Union
  Map output: a, e
    Use s1
  Map output: a, NULL
    Antijoin on a IS NOT DISTINCT FROM a AND c IS NOT DISTINCT FROM c
      Get public.t (a, c)
      Distinct
        Map output: a, c
          Use s1
`);
  });

  test('NOT IN: NULLs on either side count only where they can occur', () => {
    expect(plan('select a from t where a not in (select a from s)')).toBe(`
Antijoin
  Antijoin on a = a
    Get public.t (a)
    Get public.s (a)
  Map filter: (a IS NULL); output: a
    Get public.s (a)
`);
    expect(plan('select a from t where a not in (select a from t)')).toBe(`
Antijoin on a = a
  Get public.t (a)
  Get public.t (a)
`);
  });
});

describe('subqueries', () => {
  test('EXISTS and IN are semijoins', () => {
    expect(
      plan(
        'select b from t where exists (select 1 from s where s.a = t.a) and c in (select e from s)',
      ),
    ).toBe(`
Map output: b
  Semijoin on #2 = e
    Map output: b, c, c::numeric
      Semijoin on a = a
        Get public.t (a, b, c)
        Get public.s (a)
    Get public.s (e)
`);
  });

  test('an aggregate correlated by equality is computed per key', () => {
    expect(plan('select a, (select sum(e) from s where s.a = t.a) from t')).toBe(`
Shared s1:
  Reduce by a: sum(e)
    Map output: e, a
      Get public.s (a, e)
Union
  Map output: a, #1
    Join on a = a
      Get public.t (a)
      Use s1
  Map output: a, NULL
    Antijoin on a = a
      Get public.t (a)
      Use s1
`);
  });

  test('any other correlation goes through the distinct outer values', () => {
    expect(
      plan('select a from t where exists (select sum(e) from s where s.a < t.a having sum(e) > 1)'),
    ).toContain('Distinct');
  });
});

describe('the rest', () => {
  test('an aggregate without GROUP BY has a row for no input', () => {
    expect(plan('select count(*) from log', 'maintained')).toBe(`
Shared s1:
  Reduce: count(*)
    Get public.log ()
Union
  Use s1
  Antijoin
    Constant (0)
    Use s1
`);
  });

  test('a WITH entry that is used twice is one node, used once it is inlined', () => {
    expect(
      plan(
        'with x as (select b, sum(c) n from t group by b) select x.b from x join x y on x.n = y.n',
      ),
    ).toBe(`
Shared s1:
  Reduce by b: sum(c)
    Get public.t (b, c)
Map output: b
  Join on #1 = #1
    Use s1
    Use s1
`);
    expect(plan('with x as (select a, c from t) select a from x where c = 4')).toBe(`
Scan public.t (fast path)
  filter: (c = 4)
  output: a
`);
  });

  test('what is never true leaves nothing behind', () => {
    expect(plan('select a from t where false union all select a from s where 1 = 2')).toBe(`
Constant: no rows
`);
    expect(plan('select t.a from t join s on false left join t u on true')).toBe(`
Constant: no rows
`);
  });

  test('constants fold, errors stay where they are', () => {
    expect(plan(`select a + (1 + 2) * 3, 'x' || 'y', 1 / 0 from t where a > 1 + 1`)).toBe(`
Scan public.t (fast path)
  filter: (a > 2)
  output: (a + 9), 'xy', (1 / 0)
`);
  });

  test('limits inside a view are part of the plan, ORDER BY of its top is not', () => {
    expect(plan('select a from t order by b desc limit 2', 'maintained')).toBe(`
Map output: a
  TopK order by b desc limit 2
    Get public.t (a, b)
`);
    expect(plan('select a from t order by b', 'maintained')).toBe(`
Get public.t (a)
`);
    expect(plan('select distinct on (b) b, a from t order by b, a', 'maintained')).toBe(`
TopK by b order by b, a limit 1
  Map output: b, a
    Get public.t (a, b)
`);
  });
});

describe('join sides of which only counts and sums are asked for', () => {
  const grouped = (aggregates: string, more = ''): string =>
    `select b, ${aggregates} from log join t on log.k = t.c ${more} group by b`;
  const joinLine = (sql: string): string | undefined =>
    plan(sql)
      .split('\n')
      .map((line) => line.trim())
      .find((line) => line.startsWith('Join'));

  test('are kept as such, whatever is asked of the other side', () => {
    expect(plan(grouped('count(*), max(a)'))).toBe(`
Reduce by b: count(*), max(a)
  Map output: b, a
    Join on k = c; left as counts
      Get public.log (k)
      Get public.t (a, b, c)
`);
    expect(joinLine(`select d, sum(c), avg(c) from t join s using (a) group by d`)).toBe(
      'Join on a = a; left as sums of c',
    );
  });

  test('through further joins and unions', () => {
    expect(
      plan(`select e, sum(x.n) from (select k, n from (select k, a n from log join t on k = a
        union all select c, a from t) u) x join s on x.k = s.a group by e`),
    ).toBe(`
Reduce by e: sum(a)
  Map output: e, a
    Join on k = #2; left as sums of a
      Union
        Map output: k, a
          Join on k = #1; left as counts; right as sums of a
            Get public.log (k)
            Map output: a, a::bigint
              Get public.t (a)
        Map output: c, a
          Get public.t (a, c)
      Map output: a, e, a::bigint
        Get public.s (a, e)
`);
  });

  test('where they are their key, whoever asks', () => {
    expect(joinLine('select k, b from log join t on log.k = t.c')).toBe(
      'Join on k = c; left as counts',
    );
    expect(joinLine('select distinct k, a from log join t on k = c')).toBe(
      'Join on k = c; left as counts',
    );
  });

  test('not where a row of them matters', () => {
    expect(joinLine(grouped('max(line)'))).toBe('Join on k = c');
    expect(joinLine(grouped('count(distinct line)'))).toBe('Join on k = c');
    expect(joinLine(grouped('count(line)'))).toBe('Join on k = c');
    expect(joinLine(grouped('count(*)', 'and line < b'))).toBe('Join on k = c; where (line < b)');
    expect(joinLine(grouped('sum(length(line))'))).toBe('Join on k = c');
    expect(
      joinLine('select count(*) from (select distinct line, a from log join t on k = c) x'),
    ).toBe('Join on k = c');
  });
});
