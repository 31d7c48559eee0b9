/**
 * Goal: what `npm pack` makes can be installed and run by somebody who has only the tarball.
 * Method: compile and pack as a release does, `npm install` the tarball into an empty folder (its
 * runtime dependencies come from this checkout, so that no registry is asked), run its command, and
 * make it work: a view must be answered, which also shows that the dataflow thread is found among
 * compiled files.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from './support/source-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-package-'));
const project = join(folder, 'project');
const installed = join(project, 'node_modules', 'millrace');
const command = join(project, 'node_modules', '.bin', 'millrace');
/** The pinned Node first: npm's shims start `node` by its name. */
const env = {
  ...process.env,
  PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
};

function run(program: string, args: readonly string[], cwd: string): string {
  const done = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
  if (done.status !== 0)
    throw new Error(
      `${program} ${args.join(' ')}: ${done.stdout}${done.stderr}${done.error ?? ''}`,
    );
  return done.stdout;
}

/**
 * The tarball of a staging folder, so that the checkout's own `dist` is left alone. Types are not
 * checked again: that is a stage of its own.
 */
function pack(): string {
  const staging = join(folder, 'staging');
  mkdirSync(staging);
  run(
    process.execPath,
    [
      join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
      '-p',
      'tsconfig.build.json',
      '--noCheck',
      '--outDir',
      join(staging, 'dist'),
    ],
    root,
  );
  for (const file of ['package.json', 'README.md', 'LICENSE'])
    copyFileSync(join(root, file), join(staging, file));
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], staging);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack wrote no tarball');
  return join(folder, tarball);
}

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
}

/** Starts `millrace serve` on a free port and waits for the line that names it. */
function serve(): Promise<Running> {
  const child = spawn(command, ['serve', '--memory', '--port', '0'], { cwd: project, env });
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (data: Buffer): void => {
      output += data.toString();
      const port = /listens on [^\s]*:(\d+)/.exec(output)?.[1];
      if (port !== undefined) resolve({ child, port: Number(port) });
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => reject(new Error(`millrace serve ended with ${code}: ${output}`)));
  });
}

beforeAll(() => {
  const tarball = pack();
  const dependencies = Object.fromEntries(
    ['kafkajs', 'libpg-query', '@pgsql/types'].map((name) => [
      name,
      `file:${join(root, 'node_modules', name)}`,
    ]),
  );
  mkdirSync(project);
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({
      private: true,
      dependencies: { ...dependencies, millrace: `file:${tarball}` },
    }),
  );
  run(
    'npm',
    ['install', '--offline', '--install-links', '--no-audit', '--no-fund', '--loglevel=error'],
    project,
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packed tarball', () => {
  it('holds compiled code, its licence and nothing of the tests', () => {
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    expect(files).toContain('LICENSE');
    expect(files).toContain('dist/src/cli/dataflow-worker.js');
    expect(
      files.filter((file) => /\.test\.|\.reference\.|\.ts$|^(src|test|bench)\//.test(file)),
    ).toEqual([]);
    for (const file of files.filter((name) => name.endsWith('.js'))) {
      expect(readFileSync(join(installed, file), 'utf8'), file).not.toMatch(/from '\.[^']*\.ts'/);
    }
  });

  it('explains itself', () => {
    expect(run('npx', ['--no-install', 'millrace', 'help'], project)).toMatch(/^usage: millrace/);
  });

  it('tells an old Node what it needs', () => {
    const old =
      'data:text/javascript,Object.defineProperty(process.versions, "node", { value: "20.1.0" })';
    const done = spawnSync(
      process.execPath,
      ['--import', old, join(installed, 'dist/src/cli/launch.js'), 'help'],
      { encoding: 'utf8' },
    );
    expect(done.stderr).toBe('millrace: needs Node.js 24 or later, this is 20.1.0\n');
    expect(done.status).toBe(1);
  });

  it('serves a view', async () => {
    const { child, port } = await serve();
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'materialize',
      database: 'materialize',
    });
    try {
      await client.connect();
      await client.query('CREATE TABLE t (a int8)');
      await client.query('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, sum(a) AS s FROM t');
      await client.query('INSERT INTO t VALUES (1), (2)');
      expect((await client.query('SELECT n, s FROM v')).rows).toEqual([{ n: '2', s: '3' }]);
    } finally {
      await client.end();
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      expect(await gone).toBe(0);
    }
  });
});
