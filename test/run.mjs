/**
 * The test command: `npm test` (suite "unit") and `npm run test:real` (suite "real").
 *
 * Plain JavaScript for any Node >= 20, because it is what installs the Node that the project is
 * pinned to. It installs packages if they are missing, runs each stage with the pinned Node, says
 * what it does, and closes with one line `N passed, N failed`. A stage that cannot start counts as
 * a failure. With `--counts FILE` the two numbers are also written there, for `.ci/run`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
const suite = process.argv[2] ?? 'unit';
const countsFile = process.argv[process.argv.indexOf('--counts') + 1];
const total = { passed: 0, failed: 0 };

function say(text) {
  process.stdout.write(`\n== ${text}\n`);
}

function run(command, args, options = {}) {
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, ...options.env };
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env }).status ?? 1;
}

function newer(a, b) {
  return statSync(a).mtimeMs > statSync(b).mtimeMs;
}

function install() {
  const stamp = join(root, 'node_modules', '.package-lock.json');
  const node = join(bin, 'node');
  if (existsSync(node) && existsSync(stamp) && !newer(join(root, 'package-lock.json'), stamp)) return;
  say('installing packages');
  if (run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error']) !== 0) {
    process.stdout.write('packages could not be installed\n0 passed, 1 failed\n');
    process.exit(1);
  }
}

/** A stage that passes or fails as a whole. */
function stage(name, args) {
  say(name);
  if (run(join(bin, 'node'), args) === 0) total.passed++;
  else total.failed++;
}

/** Vitest: counts single tests; a file that cannot be loaded is a failure of its own. */
function vitest(name, args) {
  say(name);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  const report = join(folder, 'report.json');
  const status = run(join(bin, 'node'), [
    join(bin, 'vitest'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args,
  ]);
  let failed = status === 0 ? 0 : 1;
  if (existsSync(report)) {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    total.passed += result.numPassedTests;
    const broken = result.testResults.filter((f) => f.status === 'failed' && f.assertionResults.every((a) => a.status !== 'failed')).length;
    failed = Math.max(failed, result.numFailedTests + broken);
  }
  total.failed += failed;
  rmSync(folder, { recursive: true, force: true });
}

install();
if (suite === 'unit') {
  stage('types', ['test/types.ts']);
  stage('lint', [join(bin, 'eslint'), '--max-warnings', '0', '.']);
  vitest('unit, property, SQL and protocol tests', process.argv.slice(3).filter((a, i, all) => a !== '--counts' && all[i - 1] !== '--counts'));
} else if (suite === 'real') {
  if (run('sh', ['test/real/install.sh']) === 0) vitest('suites on real services', ['--config', 'test/real/vitest.config.ts']);
  else total.failed++;
} else {
  process.stderr.write(`unknown suite ${suite}\n`);
  process.exit(2);
}
if (countsFile !== undefined && process.argv.includes('--counts')) {
  writeFileSync(countsFile, `${total.passed} ${total.failed}\n`);
}
process.stdout.write(`\n${total.failed === 0 ? 'all tests passed' : 'some tests failed'}\n`);
process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
process.exit(total.failed === 0 ? 0 : 1);
