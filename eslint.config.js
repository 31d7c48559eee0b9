import tseslint from 'typescript-eslint';

const effects = ['Date', 'setTimeout', 'setInterval', 'setImmediate', 'process', 'fetch', 'queueMicrotask'];
const restricted = effects.map((name) => ({ name, message: 'effects come through the seams of src/base' }));

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.cache/', '**/*.mjs', '*.config.js'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      'no-console': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      eqeqeq: 'error',
      'no-duplicate-imports': ['error', { allowSeparateTypeImports: true }],
    },
  },
  {
    files: ['src/**/*.ts', 'dataflow/**/*.ts', 'connectors/**/*.ts'],
    ignores: ['src/base/real/**', 'src/cli/**', '**/*.test.ts'],
    rules: {
      'no-restricted-globals': ['error', ...restricted],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: 'randomness comes through Entropy' }],
    },
  },
  { files: ['dataflow/value/codegen.ts'], rules: { 'no-new-func': 'off' } },
);
