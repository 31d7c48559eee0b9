/**
 * Indexes that commands have asked for and that are being built, a slice a turn, one after the
 * other. One for which there is no memory is given up; reads that need it look for a way without,
 * or fail by themselves.
 */
import type { ErrorFields } from '../../src/base/error.ts';
import { SqlError } from '../../src/base/error.ts';
import type { StoredCollection } from './stored-collection.ts';
import type { Surroundings } from './surroundings.ts';

interface Build {
  readonly collection: StoredCollection;
  readonly index: number;
  readonly request: number | null;
}

const dropped: ErrorFields = {
  code: '42704',
  message: 'the index was dropped while it was built',
};

/** The builds of one engine. */
export class IndexBuilds {
  readonly #around: Surroundings;
  readonly #builds: Build[] = [];

  constructor(around: Surroundings) {
    this.#around = around;
  }

  begin(collection: StoredCollection, key: readonly number[], request: number | null): void {
    try {
      const index = collection.useIndex(key);
      // What a checkpoint brings is indexed when it is there (restoring.ts).
      if (request === null && collection.arrangement.image.loading) return;
      this.#builds.push({ collection, index, request });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.#fail(request, error.fields);
    }
  }

  /** Builds a slice; false if there is nothing to build. */
  run(): boolean {
    const build = this.#builds[0];
    if (build === undefined) return false;
    const { collection, index, request } = build;
    try {
      if (!collection.buildIndex(index, this.#around.rowsMax)) return true;
      if (request !== null) this.#around.respond({ kind: 'indexed', request });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      collection.releaseIndex(index);
      this.#fail(request, error.fields);
    }
    this.#builds.shift();
    return true;
  }

  /** Gives the use of an index back that `begin` has taken; the last use ends its build. */
  drop(collection: StoredCollection, key: readonly number[]): void {
    const index = collection.indexOn(key);
    if (index === undefined) return;
    collection.releaseIndex(index);
    if (collection.indexOn(key) !== undefined) return;
    this.#end((one) => one.collection === collection && one.index === index, dropped);
  }

  /** Gives up a build that a request waits for; false if it does not wait for one. */
  cancel(request: number): boolean {
    const build = this.#builds.find((one) => one.request === request);
    if (build === undefined) return false;
    this.#builds.splice(this.#builds.indexOf(build), 1);
    build.collection.releaseIndex(build.index);
    this.#around.respond({ kind: 'cancelled', request });
    return true;
  }

  /** The collection goes away. */
  forget(collection: StoredCollection, error: ErrorFields): void {
    this.#end((one) => one.collection === collection, error);
  }

  #end(which: (build: Build) => boolean, error: ErrorFields): void {
    for (let i = this.#builds.length - 1; i >= 0; i--) {
      if (!which(this.#builds[i])) continue;
      const [build] = this.#builds.splice(i, 1);
      this.#fail(build.request, error);
    }
  }

  #fail(request: number | null, error: ErrorFields): void {
    if (request !== null) this.#around.respond({ kind: 'failed', request, error });
  }
}
