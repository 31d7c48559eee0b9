/** The project's TypeScript files as syntax trees, for the tests that hold style and layers. */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface SourceFile {
  /** Relative to the root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly tree: ts.SourceFile;
  /** Not a test, a reference or test support. */
  readonly product: boolean;
}

const productFolders = ['src', 'dataflow', 'connectors'];

function* filesBelow(folder: string): Iterable<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

function read(path: string): SourceFile {
  const text = readFileSync(path, 'utf8');
  const name = relative(root, path).replaceAll('\\', '/');
  const tree = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const product =
    !/(\.test|\.reference|-cases)\.ts$/.test(name) &&
    productFolders.some((folder) => name.startsWith(`${folder}/`));
  return { path: name, text, lines: text.split('\n'), tree, product };
}

/** All files of the product, its tests, examples and benchmarks. */
export function sourceFiles(): readonly SourceFile[] {
  return [...productFolders, 'test', 'examples', 'bench']
    .flatMap((folder) => [...filesBelow(join(root, folder))])
    .map(read);
}

/** Calls `visit` for every node below (and including) `node`. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}
