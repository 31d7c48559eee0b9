/**
 * Java programs for tests: what they need comes through Maven once and stays under `.cache/` in the
 * checkout; Java 17 must be there.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../src/base/assert.ts';

const cache = join(import.meta.dirname, '..', '..', '.cache');

/** Group, artifact and version of a package, with colons. */
export type Artifact = `${string}:${string}:${string}`;

function dependency(artifact: Artifact): string {
  const [group, name, version] = artifact.split(':');
  return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
}

/** The class path of some packages and all that they need; asks Maven the first time. */
export function classPath(name: string, artifacts: readonly Artifact[]): string {
  const folder = join(cache, name);
  const file = join(folder, 'classpath.txt');
  if (existsSync(file)) {
    const known = readFileSync(file, 'utf8').trim();
    if (known.split(':').every((jar) => existsSync(jar))) return known;
  }
  mkdirSync(folder, { recursive: true });
  const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
    <modelVersion>4.0.0</modelVersion>
    <groupId>millrace.test</groupId><artifactId>classpath</artifactId><version>1</version>
    <packaging>pom</packaging>
    <dependencies>${artifacts.map(dependency).join('')}</dependencies>
  </project>`;
  writeFileSync(join(folder, 'pom.xml'), pom);
  const words = ['-q', '-B', '-f', join(folder, 'pom.xml'), 'dependency:build-classpath'];
  const maven = spawnSync('mvn', [...words, `-Dmdep.outputFile=${file}`], { encoding: 'utf8' });
  const said = `${maven.stdout}${maven.stderr}${maven.error ?? ''}`;
  assert(maven.status === 0, `Maven resolves ${name}: ${said}`);
  return readFileSync(file, 'utf8').trim();
}

/** Compiles one Java file into a folder; answers the class path with that folder. */
export function compiled(file: string, folder: string, needed: string): string {
  const words = ['-nowarn', '-cp', needed, '-d', folder, file];
  const compiler = spawnSync('javac', words, { encoding: 'utf8' });
  const said = `${compiler.stdout}${compiler.stderr}${compiler.error ?? ''}`;
  assert(compiler.status === 0, `${file} compiles: ${said}`);
  return `${folder}:${needed}`;
}
