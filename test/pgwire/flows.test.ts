/**
 * Goal: conversations that were recorded from a real Postgres go the same way here, byte for byte
 * in what the scripts show. Method: our own scripts (`flows/*.pt`), and a larger set beside the
 * checkout where it is there. What cannot go the same way is listed with its reason, and must
 * differ as long as it is listed.
 */
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Millrace } from '../../src/cli/millrace.ts';
import { root } from '../support/source-files.ts';
import { FlowPlayer } from './flow.ts';
import { startQuietServer } from './quiet-server.ts';

const own = join(root, 'test/pgwire/flows');
const beside = join(dirname(root), 'shared');
const shared = join(existsSync(beside) ? realpathSync(beside) : beside, 'data/pgwire/flows');

/** Blocks that differ from Postgres, by where they begin, and why. */
const differing = new Map<string, string>([
  ['async.pt:16', 'LISTEN does not exist'],
  ['async.pt:28', 'NOTIFY does not exist'],
  ['async.pt:43', 'NOTIFY does not exist'],
  ['async.pt:56', 'NOTIFY does not exist'],
  ['async.pt:177', 'a session that ends itself is told so after its answer'],
  ['copy.pt:84', 'the header of binary COPY data is a message of its own'],
  ['copy.pt:196', 'a table is no temporary one: it is there already'],
  ['cursor.pt:20', 'FETCH 0, MOVE BACKWARD and WITH HOLD do not exist'],
  ['cursor.pt:136', 'BINARY cursors do not exist'],
  ['extended.pt:404', 'an unknown format is refused by Bind, not only by Execute'],
  ['extended.pt:514', 'ALTER TABLE does not exist'],
  ['simple.pt:150', 'it reads a table of the fixture with domains and enums'],
  ['startup.pt:19', 'another database is answered with a notice'],
  ['startup.pt:30', 'server_version is ours, and DateStyle is always MDY'],
  ['startup.pt:88', 'another database is answered with a notice'],
  ['startup.pt:98', 'every user of this machine is known'],
  ['startup.pt:130', 'client_encoding is always UTF8'],
  ['tags.pt:57', 'ALTER, COMMENT, GRANT, savepoints, functions and types do not exist'],
]);

let server: Millrace;

beforeEach(async () => {
  server = await startQuietServer();
  const client = new pg.Client({ host: '127.0.0.1', port: server.port, user: 'postgres' });
  await client.connect();
  await client.query('CREATE SCHEMA sales; CREATE TABLE t (k int PRIMARY KEY, v text)');
  await client.query("INSERT INTO t SELECT g, 'v' || g % 10 FROM generate_series(1, 100) AS x (g)");
  await client.end();
});

afterEach(() => server.stop());

/** There are no temporary tables, and the database has another name. */
function adapted(line: string): string {
  return line.replace('CREATE TEMP TABLE', 'CREATE TABLE').replace('"database":"lab"', '"a":"b"');
}

function scripts(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.pt')) : [];
}

async function play(folder: string, name: string): Promise<void> {
  const player = new FlowPlayer(server.port, adapted);
  const results = await player.play(name, readFileSync(join(folder, name), 'utf8'));
  expect(results.length).toBeGreaterThan(0);
  const wrong = results.filter(({ got, expected }) => got.join('\n') !== expected.join('\n'));
  expect(wrong.filter(({ at }) => !differing.has(at))).toEqual([]);
  const listed = [...differing.keys()].filter((at) => at.startsWith(`${name}:`));
  expect(wrong.map(({ at }) => at).filter((at) => differing.has(at))).toEqual(listed);
}

describe('our own scripts', () => {
  it.each(scripts(own))('%s', (name) => play(own, name), 20_000);
});

describe.runIf(scripts(shared).length > 0)('recorded scripts', () => {
  it.each(scripts(shared))('%s', (name) => play(shared, name), 60_000);
});
