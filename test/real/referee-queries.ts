/**
 * Queries for the referee, written by hand: every type, NULLs, joins of every kind, aggregates, set
 * operations, subqueries, casts and wrong statements, over one table with a column of each type and two
 * small ones that join. Expected answers are not written down: a real Postgres gives them.
 */

/** Statements that both servers run first. */
export const setup: readonly string[] = [
  `CREATE TABLE every (id int4, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(10,2), t text,
    v varchar(8), c char(4), x bytea, d date, ti time, ts timestamp, tz timestamptz, iv interval, u uuid, j jsonb)`,
  `INSERT INTO every VALUES
    (1, true, 1, 10, 100, 1.5, 2.5, 1.10, 3.14, 'one', 'var', 'ab', '\\x00ff', '2024-01-31', '01:02:03', '2024-01-31 01:02:03.5',
      '2024-01-31 01:02:03+02', '1 mon 2 days 03:04:05', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": 1, "b": [1, 2, {"c": null}]}'),
    (2, false, -32768, -2147483648, -9223372036854775808, -0.0, 'NaN', 'NaN', -0.01, '', '', '', '', '0001-01-01', '00:00',
      '0001-01-01 00:00:00', '1969-12-31 23:59:59.999999+00', '-1 year -00:00:01', '00000000-0000-0000-0000-000000000000', '[]'),
    (3, NULL, 32767, 2147483647, 9223372036854775807, 'Infinity', '-Infinity', 12345678901234567890.123456789, 99999999.99, 'Ünï 中 😀',
      'ünï', 'ü', '\\xdeadbeef', '9999-12-31', '23:59:59.999999', '9999-12-31 23:59:59.999999', '2024-06-30 12:00:00-07', '1000 years',
      'ffffffff-ffff-ffff-ffff-ffffffffffff', '"text"'),
    (4, true, 1, 10, 100, 1.5, 2.50, 1.1, 3.14, 'one', 'var', 'ab  ', '\\x00ff', '2024-01-31', '01:02:03', '2024-01-31 01:02:03.5',
      '2024-01-30 23:02:03+00', '32 days 03:04:05', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{"b": [1, 2, {"c": null}], "a": 1.0}'),
    (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (6, false, 0, 0, 0, 0, 0, 0, 0, 'zero%_', 'o_e', 'one', '\\x', '2000-02-29', '12:00', '2000-02-29 12:00', '2000-02-29 12:00+00', '0', NULL, 'null')`,
  'CREATE TABLE l (a int4, b text)',
  "INSERT INTO l VALUES (1, 'x'), (2, 'y'), (2, 'y'), (3, NULL), (NULL, 'n'), (5, 'z')",
  'CREATE TABLE r (a int8, c numeric)',
  'INSERT INTO r VALUES (1, 1.0), (1, 1.00), (2, 2.5), (4, NULL), (NULL, 7), (5, -1)',
  'CREATE TABLE nothing (a int4, b text)',
];

const types = ['b', 'i2', 'i4', 'i8', 'f4', 'f8', 'n', 'n2', 't', 'v', 'c', 'x', 'd', 'ti', 'ts', 'tz', 'iv', 'u', 'j'] as const;
const ordered = types.filter((name) => name !== 'j');
const aggregated = ordered.filter((name) => name !== 'b' && name !== 'u' && name !== 'x');
const numbers = ['i2', 'i4', 'i8', 'f4', 'f8', 'n', 'n2'] as const;

const perType: readonly string[] = [
  ...types.flatMap((c) => [
    `SELECT id, ${c} FROM every ORDER BY id`,
    `SELECT ${c}, count(*) FROM every GROUP BY ${c}`,
    `SELECT DISTINCT ${c} FROM every`,
    `SELECT p.id, q.id FROM every p JOIN every q ON p.${c} = q.${c}`,
    `SELECT p.id, q.id FROM every p FULL JOIN every q ON p.${c} = q.${c} AND p.id < q.id`,
    `SELECT id, ${c} IS NULL, coalesce(${c}::text, 'none') FROM every`,
    `SELECT count(${c}), count(DISTINCT ${c}) FROM every`,
    `SELECT ${c} FROM every UNION SELECT ${c} FROM every`,
    `SELECT ${c} FROM every EXCEPT SELECT ${c} FROM every WHERE id > 3`,
    `SELECT ${c} FROM every INTERSECT ALL SELECT ${c} FROM every WHERE id <> 2`,
  ]),
  ...ordered.flatMap((c) => [
    `SELECT p.id, q.id, p.${c} < q.${c}, p.${c} >= q.${c}, p.${c} <> q.${c}, p.${c} IS DISTINCT FROM q.${c} FROM every p, every q`,
    `SELECT id, ${c} FROM every WHERE ${c} BETWEEN (SELECT ${c} FROM every WHERE id = 6) AND (SELECT ${c} FROM every WHERE id = 3)`,
    `SELECT id, ${c} FROM every ORDER BY ${c}, id`,
    `SELECT id, ${c} FROM every ORDER BY ${c} DESC NULLS LAST, id DESC LIMIT 3 OFFSET 1`,
  ]),
  ...aggregated.map((c) => `SELECT b, min(${c}), max(${c}) FROM every GROUP BY b`),
  ...numbers.flatMap((c) => [
    `SELECT sum(${c}), avg(${c}) FROM every WHERE id IN (1, 4, 6)`,
    `SELECT id, ${c} + 1::int2, ${c} * 2, - ${c}, abs(${c}) FROM every WHERE id IN (1, 4, 5, 6)`,
    `SELECT id, ${c} / 3, 7 / nullif(${c}, 0) FROM every WHERE id IN (1, 4, 5, 6)`,
    ...numbers.map((other) => `SELECT id, ${c} + ${other}, ${c} < ${other}, ${c}::${other === 'n2' ? 'numeric(10,2)' : 'numeric'} FROM every WHERE id IN (1, 4, 5, 6)`),
  ]),
];

const joins: readonly string[] = [
  ...['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'].flatMap((join) => [
    `SELECT * FROM l ${join} r ON l.a = r.a`,
    `SELECT * FROM l ${join} r USING (a)`,
    `SELECT * FROM l NATURAL ${join} r`,
    `SELECT l.b, r.c FROM l ${join} r ON l.a = r.a AND r.c > 1`,
    `SELECT l.b, r.c, e.t FROM l ${join} r ON l.a = r.a ${join} every e ON e.id = r.a`,
    `SELECT * FROM l ${join} nothing n ON l.a = n.a`,
    `SELECT * FROM nothing n ${join} l ON l.a = n.a`,
  ]),
  ...['JOIN', 'LEFT JOIN', 'RIGHT JOIN'].map((join) => `SELECT * FROM l ${join} r ON l.a < r.a`),
  'SELECT * FROM l CROSS JOIN r', 'SELECT * FROM l, r WHERE l.a = r.a OR l.b IS NULL', 'SELECT * FROM l, LATERAL (SELECT c FROM r WHERE r.a = l.a) s',
  'SELECT l.a, s.n FROM l LEFT JOIN LATERAL (SELECT count(*) AS n FROM r WHERE r.a = l.a) s ON true',
  'SELECT x.a, y.a FROM l x JOIN l y ON x.a = y.a AND x.b = y.b',
  'SELECT * FROM l WHERE a IN (SELECT a FROM r)', 'SELECT * FROM l WHERE a NOT IN (SELECT a FROM r)', 'SELECT * FROM l WHERE a NOT IN (SELECT a FROM r WHERE a IS NOT NULL)',
  'SELECT * FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.a = l.a)', 'SELECT * FROM l WHERE NOT EXISTS (SELECT 1 FROM r WHERE r.a = l.a AND c > 1)',
  'SELECT a, (SELECT sum(c) FROM r WHERE r.a = l.a) FROM l', 'SELECT a, a = ANY (SELECT a FROM r) FROM l', 'SELECT a, a > ALL (SELECT a FROM nothing) FROM l',
  'SELECT a, (a IN (SELECT a FROM r)) FROM l', 'SELECT (SELECT max(c) FROM r), (SELECT a FROM nothing)', 'SELECT a, (SELECT c FROM r WHERE r.a = l.a) FROM l',
];

const groups: readonly string[] = [
  'SELECT a, count(*), count(c), sum(c), avg(c), min(c), max(c) FROM r GROUP BY a', 'SELECT count(*), sum(a), avg(a), min(b) FROM nothing',
  'SELECT a, count(*) FROM nothing GROUP BY a', 'SELECT b, sum(a) FROM l GROUP BY b HAVING count(*) > 1', 'SELECT count(*) FILTER (WHERE a > 1), sum(a) FILTER (WHERE b IS NULL) FROM l',
  'SELECT sum(DISTINCT a), count(DISTINCT b), avg(DISTINCT a) FROM l', "SELECT string_agg(b, ',' ORDER BY b), array_agg(a ORDER BY a) FROM l", 'SELECT bool_and(a > 0), bool_or(a > 4), every(b IS NULL) FROM l',
  'SELECT a + 1, count(*) FROM l GROUP BY a + 1', 'SELECT a AS k, count(*) FROM l GROUP BY k ORDER BY k', 'SELECT a, b, count(*) FROM l GROUP BY 1, 2 ORDER BY 1, 2',
  'SELECT jsonb_agg(b ORDER BY b) FROM l', 'SELECT DISTINCT ON (b) b, a FROM l ORDER BY b, a', 'SELECT a FROM l ORDER BY a DESC LIMIT 2', 'SELECT a FROM l ORDER BY b NULLS FIRST, a OFFSET 2',
  'SELECT stddev(a), variance(a), stddev_pop(a), var_pop(a) FROM l', 'SELECT max(b), min(b) FROM l WHERE a IS NULL', 'SELECT 1 FROM l HAVING true', 'SELECT count(*) FROM l, r',
  'WITH q AS (SELECT a, count(*) AS n FROM l GROUP BY a) SELECT x.a, y.n FROM q x JOIN q y USING (a)', 'SELECT a FROM l UNION ALL SELECT a FROM r', 'SELECT a FROM l UNION SELECT c FROM r',
  'SELECT a FROM l EXCEPT ALL SELECT a FROM r', 'SELECT b FROM l INTERSECT SELECT t FROM every', '(SELECT a FROM l ORDER BY a LIMIT 1) UNION ALL SELECT 9', 'VALUES (1, NULL), (2, \'x\')',
  'SELECT * FROM (VALUES (1, 1.5), (2, NULL)) AS v(a, b) ORDER BY a', 'SELECT CASE WHEN a > 2 THEN b WHEN a = 1 THEN \'one\' END FROM l', 'SELECT CASE a WHEN 1 THEN 1 WHEN 2 THEN 2.5 ELSE NULL END FROM l',
];

const scalars: readonly string[] = [
  "SELECT 1, 'a', 1.5, true, NULL, 2147483648, 1e3, '1'::int4 + 1", "SELECT 'a' || 1, 1 || 'a', NULL || 'a'", "SELECT upper('straße'), length('中文'), lower('ÀÉ'), initcap('hello wORLD')",
  "SELECT substring('hello' from 2 for 3), position('l' in 'hello'), trim(both 'x' from 'xxaxx'), lpad('7', 3, '0'), rpad('a', 3, '-')", "SELECT 7 / 2, -7 / 2, 7 % -3, 7.0 / 2, 2 ^ 10, |/ 16, @ -5",
  "SELECT round(2.5), round(-2.5), round(2.5::float8), trunc(-2.7), ceil(1.1), floor(-1.1), round(1.2345, 2)", "SELECT '1.10'::numeric, 1.10::numeric(5,1), '1e5'::numeric, 'NaN'::numeric > 1e300::numeric",
  "SELECT 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, -16 >> 2", "SELECT date '2024-02-28' + 2, date '2024-03-01' - date '2024-02-01', timestamp '2024-01-31' + interval '1 month'",
  "SELECT extract(year from date '2024-05-06'), extract(epoch from timestamp '2000-01-01'), date_trunc('month', timestamp '2024-05-06 07:08'), extract(dow from date '2024-05-05')",
  "SELECT interval '1 day' * 2.5, interval '1 month' / 2, -interval '1 hour', interval '25 hours' = interval '1 day 1 hour', justify_hours(interval '25:00')",
  "SELECT '2024-01-01 00:00+02'::timestamptz, '2024-01-01'::timestamptz AT TIME ZONE 'Europe/Berlin', timestamp '2024-07-01' AT TIME ZONE 'America/New_York'", "SELECT to_char(1234.5, '9,999.99'), to_char(timestamp '2024-05-06 07:08:09', 'YYYY-MM-DD HH24:MI:SS')",
  `SELECT '{"a": {"b": [1, 2]}}'::jsonb #> '{a,b}', '{"a": 1}'::jsonb ->> 'a', '[1, 2]'::jsonb -> -1, '{"a": 1}'::jsonb @> '{}'`, "SELECT '[1, \"a\", null]'::jsonb, jsonb_typeof('1'), jsonb_array_length('[1,2]')",
  "SELECT 'abc' LIKE 'a_c', 'abc' ILIKE 'A%', 'a%c' LIKE 'a\\%c', 'abc' NOT LIKE '%d%', 'abc' ~ '^a.c$', 'ABC' ~* 'b'", "SELECT 1 IN (1, NULL), 2 IN (1, NULL), NULL IN (1), 1 NOT IN (2, NULL), (1, 2) = (1, 2), (1, NULL) < (2, 1)",
  "SELECT greatest(1, NULL, 2.5), least('b', 'a'), nullif(1, 1), coalesce(NULL, 2)", "SELECT true AND NULL, false AND NULL, true OR NULL, NOT NULL::bool, NULL IS UNKNOWN, 1 = 1 IS TRUE", "SELECT '\\xff'::bytea || '\\x00', length('\\x0102'::bytea), encode('\\x01ff', 'hex'), md5('a')",
  "SELECT 'ab'::char(4) = 'ab', 'ab'::char(4) || 'c', length('ab'::char(4)), 'abcdef'::varchar(3), 'x'::char", "SELECT 3.7::int4, 2.5::int4, '12'::text::int8, 1::bool, 'yes'::bool, true::int4, 'f'::bool::text", "SELECT '00:00'::time + interval '25 hours', time '10:00' - time '09:30', '24:00'::time",
  "SELECT split_part('a,b,c', ',', 2), replace('aaa', 'a', 'bb'), reverse('abc'), repeat('ab', 2), left('abc', -1), right('abc', 2), strpos('abc', 'c')", "SELECT concat('a', NULL, 1), concat_ws('-', 'a', NULL, 'b'), ascii('a'), chr(8364), translate('abc', 'ab', 'x')",
  "SELECT ARRAY[1, 2, NULL], array_length(ARRAY[1, 2], 1), 2 = ANY (ARRAY[1, 2]), ARRAY[1] || 2", "SELECT power(2, 0.5), sqrt(2::numeric), exp(0), ln(1), log(100), mod(7, 3), sign(-2.5), div(7, 2)", 'SELECT * FROM generate_series(1, 3)', "SELECT a, generate_series(1, 2) FROM l",
];

/** Statements that must fail alike. */
export const wrong: readonly string[] = [
  'SELECT 1 / 0', 'SELECT 1 % 0', 'SELECT 2147483647 + 1', "SELECT 9223372036854775807 + 1", "SELECT 'x'::int4", "SELECT '2024-02-30'::date", "SELECT '25:00'::time", "SELECT 'maybe'::bool",
  "SELECT '{'::jsonb", "SELECT 'zz'::uuid", "SELECT '\\xz'::bytea", 'SELECT 99999::int2', "SELECT 1e400::float8", "SELECT 'abc'::numeric", 'SELECT 123.45::numeric(4,2)', 'SELECT sqrt(-1)', 'SELECT ln(0)',
  'SELECT nope FROM l', 'SELECT l.nope FROM l', 'SELECT * FROM nope', 'SELECT nope(1)', 'SELECT a FROM l, r', 'SELECT l.a FROM l AS x', 'SELECT x.* FROM l', 'SELECT FROM WHERE', 'SELECT 1 +', 'SELEC 1', "SELECT 'open",
  'SELECT a, count(*) FROM l', 'SELECT sum(count(*)) FROM l', 'SELECT a FROM l WHERE count(*) > 1', 'SELECT a FROM l HAVING a > 1', 'SELECT sum(b) FROM l', "SELECT a + 'x' FROM l", 'SELECT a || a FROM l', 'SELECT b + 1 FROM l',
  'SELECT a FROM l UNION SELECT b FROM l', 'SELECT a, b FROM l UNION SELECT a FROM l', 'SELECT a FROM l ORDER BY 2', 'SELECT DISTINCT a FROM l ORDER BY b', 'SELECT a FROM l LIMIT -1', 'SELECT CASE WHEN 1 THEN 2 END', 'SELECT NOT 1',
  'SELECT a FROM l WHERE a', "SELECT a FROM l WHERE 'x'", 'SELECT * FROM l JOIN r USING (b)', 'SELECT * FROM l JOIN l ON true', 'SELECT (SELECT a, b FROM l)', 'SELECT a FROM l WHERE a = (SELECT a FROM r)', 'SELECT a IN (SELECT a, c FROM r) FROM l',
  'SELECT coalesce(1, \'x\')', 'SELECT greatest(1, true)', 'SELECT true + true', 'SELECT - true', "SELECT date '2024-01-01' + date '2024-01-01'", 'VALUES (1), (1, 2)', 'SELECT * FROM (VALUES (1)) v(a, b)', 'SELECT 1 AS a GROUP BY a HAVING b',
  'INSERT INTO nothing VALUES (1, 2, 3)', 'INSERT INTO nothing (a, a) VALUES (1, 2)', 'INSERT INTO nothing (z) VALUES (1)', "INSERT INTO nothing VALUES ('x')", 'INSERT INTO nothing (a) VALUES (99999999999)', 'UPDATE nothing SET z = 1', 'UPDATE nothing SET a = true',
  'DELETE FROM nothing WHERE z', 'DELETE FROM nope', 'DROP TABLE nope', 'DROP VIEW l', 'CREATE TABLE l (a int4)', 'CREATE TABLE bad (a int4, a int4)', 'CREATE TABLE bad (a nope)', 'CREATE VIEW l AS SELECT 1', 'EXECUTE nope', 'FETCH 1 FROM nope',
];

/** Queries that must answer alike. */
export const queries: readonly string[] = [...perType, ...joins, ...groups, ...scalars];
