/**
 * Type check of the whole project in two passes: everything under `tsconfig.json`, then `src` and
 * `connectors` once more with `noUncheckedIndexedAccess`. The engine's inner loops over typed
 * arrays are spared the second one (they would drown in assertions that cannot fail).
 *
 * What is known of files that have not changed since the last time is kept in `.cache`.
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
    {
      noUncheckedIndexedAccess: unchecked,
      incremental: true,
      tsBuildInfoFile: `${root}/.cache/types-${unchecked ? 'strict' : 'all'}.tsbuildinfo`,
    },
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic(diagnostic) {
        throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
      },
    },
  );
  if (parsed === undefined) throw new Error('tsconfig.json can be read');
  const program = ts.createIncrementalProgram({
    rootNames: unchecked ? parsed.fileNames.filter(isStrict) : parsed.fileNames,
    options: parsed.options,
  });
  const diagnostics = [
    ...program.getConfigFileParsingDiagnostics(),
    ...program.getOptionsDiagnostics(),
    ...program.getSyntacticDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...program.getSemanticDiagnostics(),
  ];
  program.emit();
  return diagnostics;
}

/** Whether a file is held to the second pass. */
function isStrict(path: string): boolean {
  const file = path.slice(root.length + 1);
  return (
    strictFolders.some((f) => file.startsWith(f)) &&
    !spared.some((f) => file.startsWith(f)) &&
    !file.endsWith('.test.ts')
  );
}

const found = [
  ...check(false),
  ...check(true).filter(({ file }) => isStrict(file?.fileName ?? '')),
];
const text = ts.formatDiagnosticsWithColorAndContext(found, {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => root,
  getNewLine: () => '\n',
});
process.stdout.write(found.length === 0 ? 'types hold\n' : text);
process.exitCode = found.length === 0 ? 0 : 1;
