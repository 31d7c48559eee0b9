import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{src,dataflow,connectors,test,examples,bench}/**/*.test.ts'],
    exclude: ['test/real/**', 'node_modules/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
