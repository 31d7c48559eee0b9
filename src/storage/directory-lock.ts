/**
 * One writer to a data directory. The file `lock` names its owner; it comes into being whole, by
 * giving a second name to a file that is already written, so that of two who try one fails. A lock
 * whose owner has ended is renamed away first, and read once more under its new name: if it turns
 * out to be somebody's who was quicker, it is put back.
 */
import { sqlError } from '../base/error.ts';
import type { Disk, Entropy, Processes } from '../base/seam.ts';
import { DiskError } from '../base/seam.ts';

const path = 'lock';
const attemptsMax = 5;
const lockBytesMax = 4096;
const tokenBytes = 16;

export interface LockParts {
  readonly disk: Disk;
  readonly processes: Processes;
  readonly entropy: Entropy;
}

interface Owner {
  readonly process: string;
  readonly token: string;
}

function isFailure(error: unknown, kind: 'missing' | 'exists'): boolean {
  return error instanceof DiskError && error.failure.kind === kind;
}

/** The owner in a lock file; null if there is none or it cannot be understood. */
async function readOwner(disk: Disk, name: string): Promise<Owner | null> {
  try {
    const file = await disk.open(name);
    try {
      const bytes = new Uint8Array(lockBytesMax);
      const n = await file.read(0, bytes);
      const [process, token] = new TextDecoder().decode(bytes.subarray(0, n)).split('\n');
      return process === undefined || token === undefined ? null : { process, token };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isFailure(error, 'missing')) return null;
    throw error;
  }
}

/** The name of the process that the lock names; null if there is none or it makes no sense. */
export async function lockOwner(disk: Disk): Promise<string | null> {
  return (await readOwner(disk, path))?.process ?? null;
}

/** A lock that is held. */
export class DirectoryLock {
  readonly #disk: Disk;
  /** Of the file that is the lock. */
  readonly #identity: string | null;

  private constructor(disk: Disk, identity: string | null) {
    this.#disk = disk;
    this.#identity = identity;
  }

  /** Takes the lock. Throws 55006 if a running process has it. */
  static async take({ disk, processes, entropy }: LockParts): Promise<DirectoryLock> {
    const token = [...entropy.bytes(tokenBytes)]
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join('');
    const own = `${path}.${token}`;
    const file = await disk.create(own);
    await file.write(0, new TextEncoder().encode(`${processes.self()}\n${token}\n`));
    await file.sync();
    await file.close();
    const identity = await disk.identity(own);
    let taken = false;
    try {
      for (let attempt = 0; attempt < attemptsMax && !taken; attempt++) {
        taken = await linked(disk, own);
        if (!taken) await removeStale(disk, processes, `${path}.stale.${token}`);
      }
    } finally {
      await disk.remove(own);
    }
    if (taken) {
      await removeLeftovers(disk, processes);
      return new DirectoryLock(disk, identity);
    }
    throw sqlError('55006', 'the data directory is being taken by another process');
  }

  /** Whether the lock is still this one. */
  async held(): Promise<boolean> {
    return (await this.#disk.identity(path)) === this.#identity;
  }

  /** Gives it back, if it is still ours. */
  async release(): Promise<void> {
    if (await this.held()) await this.#disk.remove(path);
  }
}

/**
 * Removes what processes have left that ended while they tried. Only who has the lock does it, and
 * a process that still tries keeps its file.
 */
async function removeLeftovers(disk: Disk, processes: Processes): Promise<void> {
  for (const name of await disk.list('')) {
    if (!name.startsWith(`${path}.`)) continue;
    const owner = await readOwner(disk, name);
    if (owner !== null && processes.alive(owner.process)) continue;
    try {
      await disk.remove(name);
    } catch (error) {
      if (!isFailure(error, 'missing')) throw error;
    }
  }
}

/** Tries to make the file `own` the lock. */
async function linked(disk: Disk, own: string): Promise<boolean> {
  try {
    await disk.link(own, path);
    return true;
  } catch (error) {
    if (isFailure(error, 'exists')) return false;
    throw error;
  }
}

/** Takes a lock away whose owner has ended. Throws 55006 if it has not. */
async function removeStale(disk: Disk, processes: Processes, aside: string): Promise<void> {
  const owner = await readOwner(disk, path);
  if (owner !== null && processes.alive(owner.process)) {
    const [pid] = owner.process.split(' ');
    throw sqlError('55006', `the data directory is in use by process ${pid}`, {
      hint: 'Stop that process, or use another --data-directory.',
    });
  }
  try {
    await disk.rename(path, aside);
  } catch (error) {
    // Somebody else has done it.
    if (isFailure(error, 'missing')) return;
    throw error;
  }
  const moved = await readOwner(disk, aside);
  if (moved !== null && moved.token !== owner?.token) await linked(disk, aside);
  await disk.remove(aside);
}
