#!/usr/bin/env node
/**
 * What the command runs first: it imports nothing by itself, so that a Node which is too old for
 * the rest says what it needs instead of failing on a missing export, and the rest is loaded with
 * the code that was compiled before. A server's dataflow thread begins to load its modules first.
 */
const majorMin = 24;
const major = Number.parseInt(process.versions.node, 10);

if (major >= majorMin) {
  const { setRuntimeFlags } = await import('../base/real/runtime-flags.ts');
  setRuntimeFlags();
  const { useCompileCache } = await import('./compile-cache.ts');
  useCompileCache();
  if (process.argv[2] === 'serve') {
    const { startAhead } = await import('./dataflow-thread.ts');
    startAhead();
  }
  await import('./main.ts');
} else {
  process.stderr.write(
    `millrace: needs Node.js ${majorMin} or later, this is ${process.versions.node}\n`,
  );
  process.exitCode = 1;
}
