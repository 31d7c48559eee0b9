/**
 * Goal: every SQL example of README and docs runs and answers what it says. Method: each file gets
 * a fresh engine on a data directory; its ```sql blocks run in order through a real client. Comment lines behind a
 * statement (`-- a | b` first the column names, then the rows) are its expected answer; `-- ERROR:
 * text` says that it must fail so. Blocks marked ```sql kafka are syntax examples for a cluster
 * that the test does not have: they must parse.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { RealDisk } from '../src/base/real/disk.ts';
import { realProcesses } from '../src/base/real/processes.ts';
import { realClock, realEntropy } from '../src/base/real/seam.ts';
import { Millrace } from '../src/cli/millrace.ts';
import { initializeParser, parseStatements } from '../src/sql/parse/parse.ts';
import { root } from './support/source-files.ts';

interface Example {
  readonly sql: string;
  readonly expected: readonly string[];
}

interface Block {
  readonly line: number;
  readonly kafka: boolean;
  readonly text: string;
}

function blocksOf(text: string): readonly Block[] {
  return [...text.matchAll(/^```sql( kafka)?\n([\s\S]*?)^```/gm)].map((match) => ({
    line: text.slice(0, match.index).split('\n').length,
    kafka: match[1] !== undefined,
    text: match[2] ?? '',
  }));
}

/** Statements with the comment lines that follow each. */
function examplesOf(text: string): readonly Example[] {
  const examples: Example[] = [];
  let sql = '';
  let expected: string[] = [];
  let complete = false;
  const end = (): void => {
    if (sql.trim() !== '') examples.push({ sql, expected });
    sql = '';
    expected = [];
    complete = false;
  };
  for (const line of text.split('\n')) {
    const comment = /^--\s(.*)$/.exec(line);
    if (complete && comment !== null) {
      expected.push((comment[1] ?? '').trim());
      continue;
    }
    if (complete) end();
    sql += `${line}\n`;
    complete = /;\s*(--.*)?$/.test(line);
  }
  end();
  return examples;
}

/** Cells separated by bars, with any blanks. */
function cells(line: string): string {
  return line
    .split('|')
    .map((cell) => cell.trim())
    .join(' | ');
}

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const files = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

async function check(client: pg.Client, example: Example): Promise<void> {
  const [first] = example.expected;
  const failure = first === undefined ? null : /^ERROR: (.*)$/.exec(first);
  if (failure !== null) {
    await expect(client.query(example.sql), example.sql).rejects.toThrow(failure[1]);
    return;
  }
  const result = await client.query({ text: example.sql, rowMode: 'array' });
  const last = Array.isArray(result) ? result[result.length - 1] : result;
  if (first === undefined) return;
  const rows: unknown[][] = last.rows;
  const shown = [last.fields.map((field: pg.FieldDef) => field.name), ...rows].map((row) =>
    row.map((value: unknown) => (value === null ? 'NULL' : String(value).trim())).join(' | '),
  );
  expect(shown, example.sql).toEqual(example.expected.map(cells));
}

describe('examples in the documentation', () => {
  for (const file of files) {
    const blocks = blocksOf(readFileSync(join(root, file), 'utf8'));
    if (blocks.length === 0) continue;
    it(`run: ${file}`, async () => {
      await initializeParser();
      const directory = mkdtempSync(join(tmpdir(), 'millrace-docs-'));
      const millrace = await Millrace.start({
        data: { disk: new RealDisk(directory), processes: realProcesses },
        host: '127.0.0.1',
        port: 0,
        clock: realClock,
        entropy: realEntropy,
        log: silent,
      });
      const client = new pg.Client({
        host: '127.0.0.1',
        port: millrace.port,
        user: 'materialize',
        database: 'materialize',
      });
      client.on('error', () => undefined);
      pg.types.setTypeParser(16, (value) => value);
      await client.connect();
      try {
        for (const block of blocks) {
          if (block.kafka) expect(parseStatements(block.text).length).toBeGreaterThan(0);
          else for (const example of examplesOf(block.text)) await check(client, example);
        }
      } finally {
        await client.end();
        await millrace.stop();
        rmSync(directory, { recursive: true });
      }
    });
  }
});
