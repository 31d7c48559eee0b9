/**
 * Goal: imports point downward only, along the layer map of docs/architecture.md, and the files
 * form no cycle. Method: every import of every product file, read from its syntax tree. Imports of
 * types count for the layer map and not for cycles, since they leave nothing at run time.
 */
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import type { SourceFile } from './support/source-files.ts';
import { sourceFiles, walk } from './support/source-files.ts';

/** Folder → folders that it may import; the longest matching prefix counts. */
const allowed = new Map<string, readonly string[]>([
  ['src/base/real', ['src/base']],
  ['src/base', []],
  ['dataflow/value', ['src/base']],
  ['dataflow/expr', ['dataflow/value', 'src/base', 'dataflow/operators/operator.ts']],
  ['dataflow/plan', ['dataflow/expr', 'dataflow/value', 'src/base']],
  ['dataflow/arrangement', ['dataflow/value', 'src/base']],
  [
    'dataflow/operators',
    ['dataflow/plan', 'dataflow/expr', 'dataflow/arrangement', 'dataflow/value', 'src/base'],
  ],
  [
    'dataflow/graph',
    [
      'dataflow/render',
      'dataflow/operators',
      'dataflow/plan',
      'dataflow/expr',
      'dataflow/arrangement',
      'dataflow/value',
      'src/base',
    ],
  ],
  [
    'dataflow/render',
    [
      'dataflow/graph',
      'dataflow/operators',
      'dataflow/plan',
      'dataflow/expr',
      'dataflow/arrangement',
      'dataflow/value',
      'src/base',
    ],
  ],
  ['connectors', ['dataflow/value', 'src/base']],
  [
    'src/sql',
    ['dataflow/graph/command.ts', 'dataflow/plan', 'dataflow/expr', 'dataflow/value', 'src/base'],
  ],
  ['src/storage', ['dataflow/value', 'src/base']],
  [
    'src/catalog',
    ['src/sql', 'connectors', 'dataflow/expr/quoting.ts', 'dataflow/value', 'src/base'],
  ],
  [
    'src/coordinator',
    ['src/catalog', 'src/storage', 'src/sql', 'connectors', 'dataflow', 'src/base'],
  ],
  [
    'src/pgwire',
    [
      'src/coordinator',
      'src/sql',
      'dataflow/graph/command.ts',
      'dataflow/graph/packed-batch.ts',
      'dataflow/value',
      'src/base',
    ],
  ],
  ['src/cli', ['src', 'dataflow', 'connectors', 'examples']],
]);

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function importsOf(file: SourceFile): readonly Import[] {
  const found: Import[] = [];
  walk(file.tree, (node) => {
    if (!ts.isImportDeclaration(node) && !ts.isExportDeclaration(node)) return;
    const specifier = node.moduleSpecifier;
    if (
      specifier === undefined ||
      !ts.isStringLiteral(specifier) ||
      !specifier.text.startsWith('.')
    )
      return;
    const typeOnly = ts.isImportDeclaration(node)
      ? node.importClause?.isTypeOnly === true
      : node.isTypeOnly;
    found.push({
      from: file.path,
      to: normalize(join(dirname(file.path), specifier.text)),
      typeOnly,
    });
  });
  return found;
}

function layerOf(path: string): string {
  const fits = [...allowed.keys()].filter((folder) => path.startsWith(`${folder}/`));
  return fits.sort((a, b) => b.length - a.length)[0] ?? '';
}

const product = sourceFiles().filter((file) => file.product);
const imports = product.flatMap(importsOf);

describe('layers', () => {
  it('has every product file in a layer', () => {
    expect(product.map((file) => file.path).filter((path) => layerOf(path) === '')).toEqual([]);
  });

  it('imports downward only', () => {
    const upward = imports.filter(({ from, to }) => {
      const layer = layerOf(from);
      if (layerOf(to) === layer) return false;
      return !(allowed.get(layer) ?? []).some(
        (folder) => to === folder || to.startsWith(`${folder}/`),
      );
    });
    expect(upward.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  it('names the file with its extension', () => {
    expect(imports.filter(({ to }) => !to.endsWith('.ts'))).toEqual([]);
  });

  it('has no import cycle', () => {
    const edges = new Map<string, string[]>();
    for (const { from, to, typeOnly } of imports)
      if (!typeOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (at: string, path: readonly string[]): void => {
      const start = path.indexOf(at);
      if (start >= 0) cycles.push([...path.slice(start), at].join(' → '));
      if (done.has(at) || start >= 0) return;
      for (const next of edges.get(at) ?? []) visit(next, [...path, at]);
      done.add(at);
    };
    for (const { path } of product) visit(path, []);
    expect(cycles).toEqual([]);
  });
});
