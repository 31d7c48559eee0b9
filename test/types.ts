/**
 * Type check of the whole project in two passes: everything under `tsconfig.json`, then `src` and
 * `connectors` once more with `noUncheckedIndexedAccess`. The engine's inner loops over typed
 * arrays are spared the second one (they would drown in assertions that cannot fail).
 */
import ts from 'typescript';

const root = ts.sys.getCurrentDirectory();
const strictFolders = ['src/', 'connectors/'];
/** Columnar byte loops, as in the engine. */
const spared = ['connectors/format/', 'connectors/kafka/'];

function check(unchecked: boolean): readonly ts.Diagnostic[] {
  const path = ts.findConfigFile(root, (file) => ts.sys.fileExists(file), 'tsconfig.json');
  if (path === undefined) throw new Error('tsconfig.json is at the root');
  const parsed = ts.getParsedCommandLineOfConfigFile(
    path,
    { noUncheckedIndexedAccess: unchecked },
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic(diagnostic) {
        throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
      },
    },
  );
  if (parsed === undefined) throw new Error('tsconfig.json can be read');
  const program = ts.createProgram(parsed.fileNames, parsed.options);
  return ts.getPreEmitDiagnostics(program);
}

function strict(diagnostic: ts.Diagnostic): boolean {
  const file = diagnostic.file?.fileName.slice(root.length + 1) ?? '';
  return (
    strictFolders.some((f) => file.startsWith(f)) &&
    !spared.some((f) => file.startsWith(f)) &&
    !file.endsWith('.test.ts')
  );
}

const found = [...check(false), ...check(true).filter(strict)];
const text = ts.formatDiagnosticsWithColorAndContext(found, {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => root,
  getNewLine: () => '\n',
});
process.stdout.write(found.length === 0 ? 'types hold\n' : text);
process.exitCode = found.length === 0 ? 0 : 1;
