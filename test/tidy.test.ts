/**
 * Goal: the house style's numbers hold, so that none lives in prose alone. Method: every file's
 * syntax tree is counted. Each test lists what breaks its rule.
 */
import ts from 'typescript';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SourceFile } from './support/source-files.ts';
import { root, sourceFiles, walk } from './support/source-files.ts';

const fileLinesMax = 800;
const functionLinesMax = 70;
const columnsMax = 100;
/** Lines that hold a text, which nothing can break. */
const textColumnsMax = 110;
/** Casts and non-null assertions per 1,000 lines of product code. */
const castsPerThousandMax = 2;
const assertsPerThousandMin = 7;

/** Tables whose length is their content: an entry a function, a name, a code. */
const tables =
  /-cases\.ts$|^(dataflow\/expr\/functions\/|src\/catalog\/system\/|connectors\/kafka\/error-code)/;

const files = sourceFiles();
const product = files.filter((file) => file.product);
const productLines = product.reduce((sum, file) => sum + file.lines.length, 0);

function lineOf(file: SourceFile, position: number): number {
  return file.tree.getLineAndCharacterOfPosition(position).line + 1;
}

/** Where nodes of the product fulfil a test, as path:line. */
function places(
  test: (node: ts.Node, file: SourceFile) => boolean,
  among = product,
): readonly string[] {
  return among.flatMap((file) => {
    const found: string[] = [];
    walk(file.tree, (node) => {
      if (test(node, file)) found.push(`${file.path}:${lineOf(file, node.getStart())}`);
    });
    return found;
  });
}

function isFunction(node: ts.Node): boolean {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isConstructorDeclaration(node) ||
    ts.isGetAccessorDeclaration(node) ||
    ts.isArrowFunction(node) ||
    ts.isFunctionExpression(node)
  );
}

function isCast(node: ts.Node): boolean {
  if (ts.isNonNullExpression(node)) return true;
  return ts.isAsExpression(node) && node.type.getText() !== 'const';
}

describe('tidy', () => {
  it('opens every file with prose', () => {
    expect(
      files.filter((file) => !/^(#!.*\n)?\/\*\*/.test(file.text)).map((file) => file.path),
    ).toEqual([]);
  });

  it('keeps files short', () => {
    const long = files.filter(
      (file) => file.lines.length > fileLinesMax && !tables.test(file.path),
    );
    expect(long.map((file) => `${file.path}: ${file.lines.length}`)).toEqual([]);
  });

  it('keeps lines short', () => {
    const long = product.flatMap((file) =>
      file.lines.flatMap((line, i) =>
        line.length > (/['"`/]/.test(line) ? textColumnsMax : columnsMax)
          ? [`${file.path}:${i + 1}: ${line.length}`]
          : [],
      ),
    );
    expect(long).toEqual([]);
  });

  it('keeps functions short', () => {
    expect(
      places((node, file) => {
        if (!isFunction(node)) return false;
        return lineOf(file, node.getEnd()) - lineOf(file, node.getStart()) >= functionLinesMax;
      }),
    ).toEqual([]);
  });

  it('uses no any', () => {
    expect(places((node) => node.kind === ts.SyntaxKind.AnyKeyword)).toEqual([]);
  });

  it('casts rarely', () => {
    const casts = places(isCast);
    expect(casts.length, casts.join('\n')).toBeLessThanOrEqual(
      (castsPerThousandMax * productLines) / 1000,
    );
  });

  it('asserts what must hold', () => {
    const asserts = places(
      (node) =>
        ts.isCallExpression(node) &&
        ['assert', 'defined', 'unreachable'].includes(node.expression.getText()),
    );
    expect(asserts.length).toBeGreaterThanOrEqual((assertsPerThousandMin * productLines) / 1000);
  });

  it('documents what a file exports as a function or class', () => {
    expect(
      places((node) => {
        if (!ts.isFunctionDeclaration(node) && !ts.isClassDeclaration(node)) return false;
        if (!(ts.getModifiers(node) ?? []).some((m) => m.kind === ts.SyntaxKind.ExportKeyword))
          return false;
        return ts.getJSDocCommentsAndTags(node).length === 0;
      }),
    ).toEqual([]);
  });

  it('makes code in one place only', () => {
    expect(
      places((node) => ts.isNewExpression(node) && node.expression.getText() === 'Function').filter(
        (place) => !place.startsWith('dataflow/value/codegen.ts'),
      ),
    ).toEqual([]);
  });

  it('keeps the engine synchronous and without effects', () => {
    const engine = product.filter((file) => file.path.startsWith('dataflow/'));
    expect(
      places(
        (node) =>
          node.kind === ts.SyntaxKind.AsyncKeyword || node.kind === ts.SyntaxKind.AwaitExpression,
        engine,
      ),
    ).toEqual([]);
    const modules = engine.flatMap((file) =>
      [...file.text.matchAll(/from '(node:[^']+)'/g)].map((m) => `${file.path}: ${m[1] ?? ''}`),
    );
    expect(modules).toEqual([]);
  });

  it('leaves nothing unfinished', () => {
    const words = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`);
    expect(files.filter((file) => words.test(file.text)).map((file) => file.path)).toEqual([]);
    const skips = new RegExp(`\\b(it|test|describe)\\.(skip|only|todo)\\b`);
    expect(files.filter((file) => skips.test(file.text)).map((file) => file.path)).toEqual([]);
  });

  it('has few runtime dependencies, of exact versions', () => {
    const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject({
      dependencies: { avsc: '5.7.9', kafkajs: '2.2.4', 'libpg-query': '18.1.5' },
    });
    const dependencies =
      typeof manifest === 'object' && manifest !== null && 'dependencies' in manifest
        ? manifest.dependencies
        : {};
    expect(Object.keys(dependencies ?? {}).sort()).toEqual([
      'avsc',
      'kafkajs',
      'libpg-query',
      'protobufjs',
    ]);
  });
});
