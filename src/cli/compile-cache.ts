/**
 * Code that V8 has compiled is kept for the next start, in the user's folder for caches: without it
 * a start reads and compiles some three hundred modules in each of two threads, half a second of a
 * core each. What is kept belongs to the very text of a module and to the version and flags of V8;
 * if the folder cannot be written, all is compiled as ever.
 *
 * Node writes what is new when a process ends by itself, and a server may not: so it is written
 * when the program has been at work for a while, too. Then functions that a start needs have been
 * compiled and are part of it.
 */
import { enableCompileCache, flushCompileCache, getCompileCacheDir } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { limits } from '../base/limits.ts';
import type { Clock } from '../base/seam.ts';

/** Begins to use what was kept, for modules that are imported from now on in this thread. */
export function useCompileCache(): void {
  const caches = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  enableCompileCache(join(caches, 'millrace'));
}

/** What a thread that is started needs in its environment to use the same. */
export function compileCacheEnvironment(): NodeJS.ProcessEnv {
  const directory = getCompileCacheDir();
  if (directory === undefined) return process.env;
  // The directory in use is one for this version, below the one that was asked for.
  return { ...process.env, NODE_COMPILE_CACHE: join(directory, '..') };
}

/** Writes what was compiled in this thread, in a while; about 0.1 s the first time, then nothing. */
export function keepCompiled(clock: Clock): void {
  clock.after(limits.compileCacheMilliseconds, () => flushCompileCache());
}
