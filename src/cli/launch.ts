#!/usr/bin/env node
/**
 * What the package's command runs first: it imports nothing, so that a Node which is too old for
 * the rest says what it needs instead of failing on a missing export.
 */
const majorMin = 24;
const major = Number.parseInt(process.versions.node, 10);

if (major >= majorMin) {
  await import('./main.ts');
} else {
  process.stderr.write(
    `millrace: needs Node.js ${majorMin} or later, this is ${process.versions.node}\n`,
  );
  process.exitCode = 1;
}
