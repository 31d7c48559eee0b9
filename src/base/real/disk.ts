/**
 * The real disk: Node's promises over a root folder. Every path is checked to stay below the root,
 * since names may come from records that somebody has tampered with.
 */
import { constants, statSync, write } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { link, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { assert } from '../assert.ts';
import type { Disk, DiskFile } from '../seam.ts';
import { DiskError } from '../seam.ts';

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function failure(error: unknown, path: string): DiskError {
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new DiskError({ kind: 'full' }, path);
  if (code === 'ENOENT') return new DiskError({ kind: 'missing' }, path);
  if (code === 'EEXIST') return new DiskError({ kind: 'exists' }, path);
  return new DiskError({ kind: 'failed', code }, path);
}

async function attempt<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw failure(error, path);
  }
}

async function writeAll(handle: FileHandle, position: number, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const at = position + done;
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at);
    assert(bytesWritten > 0, 'a write that does not fail makes progress');
    done += bytesWritten;
  }
}

/** Writes what the system takes at once; by callback, since that costs half of a file handle's. */
function writeSome(fd: number, bytes: Uint8Array, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, bytes.length - from, position, (error, written) => {
      if (error !== null) reject(error);
      else resolve(written);
    });
  });
}

class RealFile implements DiskFile {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #place: string;
  /** The same file, opened so that each write is synced: one call to the system instead of two. */
  #synced: FileHandle | null = null;

  /** `path` for messages, `place` to open it. */
  constructor(handle: FileHandle, path: string, place: string) {
    this.#handle = handle;
    this.#path = path;
    this.#place = place;
  }

  size(): Promise<number> {
    return attempt(this.#path, async () => (await this.#handle.stat()).size);
  }

  read(position: number, into: Uint8Array): Promise<number> {
    return attempt(this.#path, async () => {
      let done = 0;
      while (done < into.length) {
        const at = position + done;
        const { bytesRead } = await this.#handle.read(into, done, into.length - done, at);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    });
  }

  write(position: number, bytes: Uint8Array): Promise<void> {
    return attempt(this.#path, () => writeAll(this.#handle, position, bytes));
  }

  writeSynced(position: number, bytes: Uint8Array): Promise<void> {
    return attempt(this.#path, async () => {
      // What is open is asked in this turn: whoever calls wakes others next.
      this.#synced ??= await open(this.#place, constants.O_RDWR | constants.O_DSYNC);
      const { fd } = this.#synced;
      let done = 0;
      while (done < bytes.length) {
        const written = await writeSome(fd, bytes, done, position + done);
        assert(written > 0, 'a write that does not fail makes progress');
        done += written;
      }
    });
  }

  truncate(size: number): Promise<void> {
    return attempt(this.#path, () => this.#handle.truncate(size));
  }

  sync(): Promise<void> {
    return attempt(this.#path, () => this.#handle.datasync());
  }

  close(): Promise<void> {
    return attempt(this.#path, async () => {
      await this.#synced?.close();
      await this.#handle.close();
    });
  }
}

/** The files below one folder of the machine. */
export class RealDisk implements Disk {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  #at(path: string): string {
    const names = path.split('/');
    assert(!names.includes('..') && !path.startsWith('/'), `${path} lies below the root`);
    return `${this.#root}/${path}`;
  }

  open(path: string): Promise<DiskFile> {
    return this.#file(path, 'r+');
  }

  create(path: string): Promise<DiskFile> {
    return this.#file(path, 'wx+');
  }

  #file(path: string, flags: string): Promise<DiskFile> {
    const place = this.#at(path);
    return attempt(path, async () => new RealFile(await open(place, flags, 0o600), path, place));
  }

  /**
   * Asked after every commit, and answered by the system from its memory: on the spot, since that
   * takes a tenth of the time of a turn of another thread.
   */
  identity(path: string): Promise<string | null> {
    return attempt(path, () => {
      const found = statSync(this.#at(path), { bigint: true, throwIfNoEntry: false });
      return Promise.resolve(found === undefined ? null : `${found.dev} ${found.ino}`);
    });
  }

  async list(folder: string): Promise<readonly string[]> {
    try {
      return (await readdir(this.#at(folder))).sort();
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw failure(error, folder);
    }
  }

  makeFolder(path: string): Promise<void> {
    return attempt(path, async () => {
      await mkdir(this.#at(path), { recursive: true, mode: 0o700 });
    });
  }

  rename(from: string, to: string): Promise<void> {
    return attempt(from, () => rename(this.#at(from), this.#at(to)));
  }

  link(from: string, to: string): Promise<void> {
    return attempt(from, () => link(this.#at(from), this.#at(to)));
  }

  remove(path: string): Promise<void> {
    return attempt(path, () => rm(this.#at(path)));
  }

  syncFolder(path: string): Promise<void> {
    return attempt(path, async () => {
      const handle = await open(this.#at(path), 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }
}
