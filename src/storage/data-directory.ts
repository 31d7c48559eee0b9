/**
 * A data directory: everything that survives the process, below one folder.
 *
 *     lock       who writes here (directory-lock.ts)
 *     identity   16 random bytes and their checksum, made with the directory; all files repeat them
 *     log/       the durable log (log.ts)
 *     checkpoints/
 *                what a start reads instead of all of the log (checkpoint-store.ts)
 *
 * It is made when it is not there. A folder with other things in it is refused, so that nobody's
 * files get mixed with ours by a wrong option.
 */
import { crc32 } from 'node:zlib';
import { sqlError } from '../base/error.ts';
import type { Clock, Disk, Entropy, Processes } from '../base/seam.ts';
import type { Checkpoint } from './checkpoint-manifest.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import { DirectoryLock } from './directory-lock.ts';
import { identityBytes } from './log-file.ts';
import { Log } from './log.ts';
import type { RecordReader } from './log-reader.ts';

const identityPath = 'identity';
const identityFileBytes = identityBytes + 4;
const known = /^(lock(\..*)?|identity(\.new)?|log|checkpoints)$/;

export interface DataDirectoryParts {
  readonly disk: Disk;
  readonly processes: Processes;
  readonly entropy: Entropy;
  /** Lets checkpoints rest while they are written. */
  readonly clock?: Clock;
  /** Tells the operator of a damaged checkpoint that is passed over. */
  warn(message: string): void;
  /** Checkpoints that turned out to be damaged when they were read: they are passed over. */
  readonly without?: ReadonlySet<number>;
}

/** The checkpoint that a start goes on from, and what was written as its `content`. */
export interface Begin {
  readonly checkpoint: Checkpoint;
  readonly content: Uint8Array;
}

/** An open data directory, owned by this process. */
export class DataDirectory {
  readonly log: Log;
  readonly checkpoints: CheckpointStore;
  readonly #lock: DirectoryLock;

  private constructor(log: Log, checkpoints: CheckpointStore, lock: DirectoryLock) {
    this.log = log;
    this.checkpoints = checkpoints;
    this.#lock = lock;
  }

  /**
   * Takes the directory, or makes it. `begin` is told of the newest checkpoint that can be used, or
   * null; its answer gets the records of the log that are needed after that. Pieces of the
   * checkpoint are then read with `checkpoints.read`. If that throws XX001 and
   * `checkpoints.damaged` has grown, close the directory and open it `without` those: it begins
   * with the checkpoint before and more of the log.
   *
   * Throws 55006 if another process has it, 55000 for a folder that is something else, XX001 if it
   * is damaged, 0A000 if a newer release wrote it.
   */
  static async open(
    parts: DataDirectoryParts,
    begin: (begin: Begin | null) => RecordReader,
  ): Promise<DataDirectory> {
    const { disk } = parts;
    await disk.makeFolder('');
    const foreign = (await disk.list('')).find((name) => !known.test(name));
    if (foreign !== undefined)
      throw sqlError('55000', `the folder is no data directory: it contains "${foreign}"`, {
        hint:
          foreign === 'backup'
            ? 'Restore the backup to a folder of its own: millrace restore.'
            : 'Use an empty folder, or one that does not exist.',
      });
    const lock = await DirectoryLock.take(parts);
    try {
      const identity = await identityOf(parts);
      const owned = (): Promise<boolean> => lock.held();
      const shared = { disk, identity, owned };
      const checkpoints = await CheckpointStore.open({
        ...parts,
        ...shared,
        folder: 'checkpoints',
      });
      const { newest } = checkpoints;
      const each = begin(
        newest && { checkpoint: newest, content: await checkpoints.content(newest) },
      );
      const from = newest?.logPosition ?? 0;
      const log = await Log.open({ ...shared, folder: 'log', from }, each);
      // The folders have names of their own.
      await disk.syncFolder('');
      return new DataDirectory(log, checkpoints, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Closes the log and lets the directory go. */
  async close(): Promise<void> {
    await this.log.close();
    await this.#lock.release();
  }
}

/** The directory's identity; made if there is none and nothing that repeats it either. */
async function identityOf({ disk, entropy }: DataDirectoryParts): Promise<Uint8Array> {
  const names = await disk.list('');
  const draft = `${identityPath}.new`;
  if (names.includes(identityPath)) {
    // The machine may have stopped while the draft had both names.
    if (names.includes(draft)) await disk.remove(draft);
    // Whoever gave it the name may have ended before that was synced, and what is written from now
    // on is nothing without it.
    await disk.syncFolder('');
    return readIdentity(disk);
  }
  if ((await disk.list('log')).length + (await disk.list('checkpoints')).length > 0)
    throw sqlError('XX001', 'the data directory has data and no identity', {
      hint: 'Restore the data directory from a backup.',
    });
  if (names.includes(draft)) await disk.remove(draft);
  const identity = entropy.bytes(identityBytes);
  await writeIdentity(disk, identity);
  return identity;
}

/** Makes the folder a data directory of that identity. */
export async function writeIdentity(disk: Disk, identity: Uint8Array): Promise<void> {
  const bytes = new Uint8Array(identityFileBytes);
  bytes.set(identity);
  new DataView(bytes.buffer).setUint32(identityBytes, crc32(identity), true);
  const draft = `${identityPath}.new`;
  const file = await disk.create(draft);
  await file.write(0, bytes);
  await file.sync();
  await file.close();
  await disk.rename(draft, identityPath);
  await disk.syncFolder('');
}

/** Reads the identity. Throws XX001 if it is damaged or not there. */
export async function readIdentity(disk: Disk): Promise<Uint8Array> {
  const file = await disk.open(identityPath);
  try {
    const bytes = new Uint8Array(identityFileBytes);
    const n = await file.read(0, bytes);
    const checksum = new DataView(bytes.buffer).getUint32(identityBytes, true);
    const identity = bytes.subarray(0, identityBytes);
    if (n === identityFileBytes && checksum === crc32(identity)) return identity;
    throw sqlError('XX001', 'the identity of the data directory is damaged', {
      hint: 'Restore the data directory from a backup.',
    });
  } finally {
    await file.close();
  }
}
