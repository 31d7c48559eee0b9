/**
 * Copies a data directory while a server works on it, without its lock and without its help: the
 * newest checkpoint, and the log from there up to the last commit that is whole.
 *
 * The server may remove files meanwhile. A file that is open can be read to its end whatever
 * becomes of its name, so everything is opened first, the checkpoint before the log: if something
 * is gone by then, there is a newer checkpoint, and the copy begins again with that. Files of
 * checkpoints never change; they get a second name where the file system allows it, which costs
 * neither time nor room. Files of the log are copied: the last one is being written to.
 *
 * In the end all of the copy is read back, and only then noted to be a backup (backup-note.ts).
 */
import { assert } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { Disk, DiskFile } from '../base/seam.ts';
import { DiskError } from '../base/seam.ts';
import type { Verified } from './backup-note.ts';
import { notePath, verifyCopy, writeNote } from './backup-note.ts';
import { checkpointFileName } from './checkpoint-file.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import { readIdentity } from './data-directory.ts';
import { below } from './folder-disk.ts';
import type { Place } from './frame.ts';
import { findLaterFrame, isOneBitOff, readFrame } from './frame.ts';
import { firstOfLogFile, logHeaderBytes, readLogHeader } from './log-file.ts';

export interface BackupParts {
  /** Has both folders. */
  readonly disk: Disk;
  /** The data directory, and where its copy is to be: a folder that is empty or not there. */
  readonly source: string;
  readonly target: string;
  /** When it is made, milliseconds since the epoch. */
  readonly time: number;
}

/** What was done. */
export interface Backup extends Verified {
  readonly linked: number;
  readonly copied: number;
  /** Bytes that were copied. */
  readonly bytes: number;
}

/** Folders of a data directory. */
export const ourFolders: readonly string[] = ['checkpoints', 'log'];
/** Times that it is begun again because the server has removed something meanwhile. */
const attemptsMax = 10;
/** Times that the end of the log is read until it makes sense. */
const readsMax = 3;

/** Something is gone that was there: the server has a newer checkpoint. */
class Gone extends Error {}

interface OpenFile {
  readonly path: string;
  readonly file: DiskFile;
}

/**
 * Makes a backup. Throws 55000 if the target is not empty or the source is no data directory, XX001
 * if what is to be copied is damaged, 53100 and 58030 if the copy cannot be written; the target is
 * then as it was.
 */
export async function makeBackup(parts: BackupParts): Promise<Backup> {
  const { disk, source, target, time } = parts;
  await requireEmpty(disk, target);
  const from = below(disk, source);
  if ((await from.identity('identity')) === null)
    throw sqlError('55000', 'the folder is no data directory: it has no identity');
  const to = below(disk, target);
  for (const folder of ourFolders) await to.makeFolder(folder);
  for (let attempt = 1; ; attempt++) {
    const copy = new Copy(parts);
    try {
      await copy.run();
      const verified = await verifyCopy(to);
      await writeNote(to, verified, time);
      return { ...verified, ...copy.counts };
    } catch (error) {
      await copy.removeAll();
      if (!(error instanceof Gone)) throw refusal(error);
      if (attempt === attemptsMax)
        throw sqlError('55000', `a file is missing, or gone before it is read: ${error.message}`);
    }
  }
}

/** Throws 55000 unless the folder is empty, has only empty folders of ours, or is not there. */
export async function requireEmpty(disk: Disk, folder: string): Promise<void> {
  for (const name of await disk.list(folder)) {
    const ours = ourFolders.includes(name);
    if (ours && (await disk.list(`${folder}/${name}`)).length === 0) continue;
    throw sqlError('55000', `the target is not empty: it contains "${name}"`, {
      hint: 'Use an empty folder, or one that does not exist.',
    });
  }
}

function refusal(error: unknown): unknown {
  if (!(error instanceof DiskError)) return error;
  return error.failure.kind === 'full'
    ? sqlError('53100', 'could not copy the data directory: no space left on the disk')
    : sqlError('58030', `could not copy the data directory: ${error.message}`);
}

/** One attempt. */
class Copy {
  readonly counts = { linked: 0, copied: 0, bytes: 0 };
  readonly #disk: Disk;
  readonly #from: Disk;
  readonly #to: Disk;
  readonly #source: string;
  readonly #target: string;
  readonly #made: string[] = [];
  readonly #open: DiskFile[] = [];

  constructor({ disk, source, target }: BackupParts) {
    this.#disk = disk;
    this.#source = source;
    this.#target = target;
    this.#from = below(disk, source);
    this.#to = below(disk, target);
  }

  async run(): Promise<void> {
    try {
      const identity = await readIdentity(this.#from);
      const store = await this.#look(identity);
      const { newest } = store;
      const files: OpenFile[] = [];
      for (const { number } of newest === null ? [] : store.chain(newest))
        for (const kind of ['data', 'manifest'] as const)
          files.push(await this.#opened(`checkpoints/${checkpointFileName({ number, kind })}`));
      const log = await this.#openLog(newest?.logPosition ?? 0);
      await this.#copy(await this.#opened('identity'));
      for (const file of files) await this.#linkOrCopy(file);
      await this.#copyLog(log);
      for (const folder of [...ourFolders, '']) await this.#to.syncFolder(folder);
    } finally {
      for (const file of this.#open) await file.close();
    }
  }

  /** Removes what this attempt has made. */
  async removeAll(): Promise<void> {
    for (const path of [notePath, `${notePath}.new`, ...this.#made]) {
      await this.#to.remove(path).catch((error: unknown) => {
        if (!(error instanceof DiskError)) throw error;
      });
    }
  }

  /** What is damaged is passed over only if a newer one that is whole has come meanwhile. */
  async #look(identity: Uint8Array): Promise<CheckpointStore> {
    const problems: string[] = [];
    const store = await CheckpointStore.look({
      ...{ disk: this.#from, folder: 'checkpoints', identity },
      owned: () => Promise.resolve(false),
      warn: (message) => void problems.push(message),
    });
    if (problems.length > 0 && store.newest === null) throw new Gone(problems.join('; '));
    return store;
  }

  async #opened(path: string): Promise<OpenFile> {
    try {
      const file = await this.#from.open(path);
      this.#open.push(file);
      return { path, file };
    } catch (error) {
      if (error instanceof DiskError && error.failure.kind === 'missing') throw new Gone(path);
      throw error;
    }
  }

  /** Opens the files of the log that hold `position` and what comes after it, in order. */
  async #openLog(position: number): Promise<readonly OpenFile[]> {
    const names = await this.#from.list('log');
    const begin = names.findLastIndex((name) => (firstOfLogFile(name) ?? Infinity) <= position);
    if (begin < 0 && (names.length > 0 || position > 0)) throw new Gone('the log');
    const files: OpenFile[] = [];
    // A last file may be unfinished: then the one before says where the log ends.
    const start = begin === names.length - 1 ? begin - 1 : begin;
    for (const name of names.slice(Math.max(0, start)))
      files.push(await this.#opened(`log/${name}`));
    return files;
  }

  async #create(path: string): Promise<DiskFile> {
    const file = await this.#to.create(path);
    this.#made.push(path);
    this.counts.copied++;
    return file;
  }

  async #linkOrCopy(open: OpenFile): Promise<void> {
    const { path } = open;
    try {
      await this.#disk.link(`${this.#source}/${path}`, `${this.#target}/${path}`);
      this.#made.push(path);
      this.counts.linked++;
    } catch (error) {
      // The name is gone, or the file system has no second names.
      if (!(error instanceof DiskError) || error.failure.kind === 'full') throw error;
      await this.#copy(open);
    }
  }

  async #copy({ path, file }: OpenFile): Promise<void> {
    const copy = await this.#create(path);
    try {
      this.counts.bytes += await copyBytes(file, copy, 0);
      await copy.sync();
    } finally {
      await copy.close();
    }
  }

  async #copyLog(files: readonly OpenFile[]): Promise<void> {
    for (const [i, open] of files.entries()) {
      const bytes = await wholeCommits(open, i === files.length - 1);
      if (bytes === null) return;
      const copy = await this.#create(open.path);
      try {
        await copy.write(0, bytes);
        await copy.sync();
      } finally {
        await copy.close();
      }
      this.counts.bytes += bytes.length;
    }
  }
}

/** Copies all bytes from `at` on; answers how many. */
export async function copyBytes(from: DiskFile, to: DiskFile, at: number): Promise<number> {
  const block = new Uint8Array(limits.checkpointBlockBytes);
  let done = at;
  for (;;) {
    const n = await from.read(done, block);
    if (n === 0) return done - at;
    await to.write(done, block.subarray(0, n));
    done += n;
  }
}

/**
 * The bytes of a file of the log up to the end of its last whole commit; null for a file that is
 * only being begun. Throws XX001 if it is damaged.
 *
 * While it is read it may be written to, so what was read first may be older than what was read
 * last. But a commit is written when the one before it is on the disk: if a later one can be seen,
 * a second look sees the one before.
 */
async function wholeCommits({ path, file }: OpenFile, last: boolean): Promise<Uint8Array | null> {
  for (let reads = 1; ; reads++) {
    const buffer = new Uint8Array(await file.size());
    const bytes = buffer.subarray(0, await file.read(0, buffer));
    const end = endOfCommits(bytes, firstOfLogFile(path.slice(path.indexOf('/') + 1)) ?? 0);
    if (end.sound && (last || (end.at > 0 && end.at === bytes.length)))
      return end.at === 0 ? null : bytes.subarray(0, end.at);
    if (reads < readsMax) continue;
    throw sqlError('XX001', `the log is damaged: ${path}, byte ${end.at}: a commit is not whole`);
  }
}

/** Where the whole commits end, and whether what follows can only be one that is being written. */
function endOfCommits(
  bytes: Uint8Array,
  first: number,
): { readonly at: number; readonly sound: boolean } {
  const read = readLogHeader(bytes);
  if (read.kind !== 'header') {
    const before: Place = { previous: 0, sequence: (first - 1) >>> 0 };
    return { at: 0, sound: findLaterFrame(bytes, logHeaderBytes, before) < 0 };
  }
  let place: Place = { previous: read.header.previous, sequence: first >>> 0 };
  let at = logHeaderBytes;
  while (at < bytes.length) {
    const frame = readFrame(bytes, at, place);
    if (frame === null) {
      const sound = findLaterFrame(bytes, at, place) < 0 && !isOneBitOff(bytes, at, place);
      return { at, sound };
    }
    assert(frame.end > at, 'a frame has bytes');
    at = frame.end;
    place = frame.next;
  }
  return { at, sound: true };
}
