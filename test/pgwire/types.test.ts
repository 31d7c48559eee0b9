/**
 * Goal: values of every type go over the wire as a real Postgres sends them: text and binary, as
 * results and as parameters. Method: a table of expressions with their oid, length, modifier, text
 * and binary form, written down from a Postgres 15 (ours, and a larger one beside the checkout
 * where it is there). A value that is sent in either form must come back in both.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Millrace } from '../../src/cli/millrace.ts';
import { root } from '../support/source-files.ts';
import { FlowPlayer } from './flow.ts';
import { startQuietServer } from './quiet-server.ts';

interface Case {
  readonly setting: string;
  readonly expression: string;
  readonly oid: number;
  readonly size: number;
  readonly modifier: number;
  readonly text: string;
  readonly binary: string;
}

function read(path: string): readonly Case[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [setting = '', expression = '', , oid, size, modifier, text = '', binary = ''] =
        line.split('\t');
      const numbers = [oid, size, modifier].map(Number);
      const [a = 0, b = 0, c = 0] = numbers;
      return { setting, expression, oid: a, size: b, modifier: c, text, binary };
    });
}

const own = join(root, 'test/pgwire/type-cases.tsv');
const beside = join(dirname(root), 'shared');
const shared = join(existsSync(beside) ? realpathSync(beside) : beside, 'data/pgwire/types.tsv');

/** What is not offered: types, settings and functions, by a part of the expression or setting. */
const missing = [
  /timetz|range|inet|cidr|macaddr|\bbit\b|varbit|money|xml|point|box|circle|path|lseg|polygon/,
  /sales\.|row\(|ROW\(|hstore|tsvector|tsquery|regrole|regprocedure|\[\d+:\d+\]|'\{\{|array\[\[/,
  /aclitem|\bB'|regnamespace|pg_lsn|xid|\bcid\b|\btid\b|jsonpath|name\[\]|current_|with time zone|regproc|regtype|regclass/,
];

let server: Millrace;

beforeAll(async () => {
  server = await startQuietServer();
});

afterAll(() => server.stop());

/** Escapes of the table's texts. */
const escapes = new Map([
  ['n', '\n'],
  ['t', '\t'],
]);

/** Bytes as the script player shows them in a row. */
function shown(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  const text = bytes.toString('utf8');
  return [...text].some((c) => c === '\ufffd' || (c < ' ' && !/[\t-\r]/.test(c)))
    ? `\\x${hex}`
    : text;
}

/** The differences of a case, empty if there is none. */
async function differences(each: Case): Promise<readonly string[]> {
  const player = new FlowPlayer(server.port);
  const query = JSON.stringify(`SELECT ${each.expression}`);
  const echo = JSON.stringify('SELECT $1 AS x');
  const binary = `\\\\x${each.binary}`;
  const text = each.text.replaceAll(/\\(.)/g, (_, letter: string) => escapes.get(letter) ?? letter);
  const script = [
    'send',
    ...(each.setting === '' ? [] : [`Query {"query":${JSON.stringify(each.setting)}}`]),
    `Parse {"query":${query}}`,
    'Describe {"type":"S"}',
    'Bind {}',
    'Execute {}',
    'Bind {"result_formats":[1]}',
    'Execute {}',
    'Sync',
    `Parse {"query":${echo},"types":[${each.oid}]}`,
    `Bind {"formats":[1],"values":["${binary}"]}`,
    'Execute {}',
    `Bind {"values":[${JSON.stringify(text)}],"result_formats":[1]}`,
    'Execute {}',
    'Sync',
    '----',
    '',
    'until',
    ...(each.setting === '' ? [] : ['ReadyForQuery']),
    'ReadyForQuery',
    'ReadyForQuery',
    '----',
    '',
  ];
  const [result] = await player.play('case', script.join('\n'));
  const got = result?.got ?? [];
  const rows = got.filter((line) => /^(DataRow|ErrorResponse)/.test(line));
  const row = (value: string): string => `DataRow ${JSON.stringify({ fields: [value] })}`;
  const both = [row(text), row(shown(each.binary))];
  // The blanks at the end of a character(n) are those of its column; a parameter has none.
  const wanted = /::char\(/.test(each.expression) ? both : [...both, ...both];
  const description = `"oid":${each.oid},"size":${each.size},"mod":${each.modifier},`;
  return [
    ...(got.some((line) => line.includes(description)) ? [] : [`not ${description}`]),
    ...wanted.flatMap((line, i) => (rows[i] === line ? [] : [`${rows[i]}, not ${line}`])),
  ];
}

async function check(path: string): Promise<void> {
  const cases = read(path).filter(
    ({ setting, expression, text }) =>
      text !== '\\N' &&
      !text.startsWith('ERR') &&
      setting === '' &&
      !missing.some((pattern) => pattern.test(expression)),
  );
  const wrong: string[] = [];
  for (const each of cases) {
    for (const difference of await differences(each)) {
      wrong.push(`${each.expression}: ${difference}`);
    }
  }
  expect(cases.length).toBeGreaterThan(30);
  expect(wrong).toEqual([]);
}

describe('values of every type', () => {
  it('are sent and taken as Postgres does', () => check(own), 30_000);

  it.runIf(existsSync(shared))('are in the larger table too', () => check(shared), 60_000);
});
