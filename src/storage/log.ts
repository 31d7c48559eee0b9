/**
 * The durable log: records in, in order, each acknowledged once it is on the disk.
 *
 * One write is under way at a time. What is appended meanwhile gathers and goes out together, so
 * that all share a frame and a sync (*group commit*). Failures differ: a full disk refuses what
 * could not be written and nothing else; a failed sync, or the loss of the lock, is final, since
 * what is on the disk is then unknown until it is read again.
 *
 * Frames are numbered. A checkpoint names the number from which on the log is needed after it
 * (`rotate`), and the files that lie wholly before that can go (`cut`).
 */
import { assert, defined } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { Disk, DiskFile } from '../base/seam.ts';
import { DiskError } from '../base/seam.ts';
import type { Place } from './frame.ts';
import { frameBytes, joinRecords, joinedBytes, writeFrame } from './frame.ts';
import { firstOfLogFile, logFileName, logHeaderBytes, writeLogHeader } from './log-file.ts';
import type { LogEnd, RecordReader } from './log-reader.ts';
import { readLog } from './log-reader.ts';

/** Zeros that are written ahead of the commits: as many as the file has, within these. */
const aheadBytesMin = 256 * 1024;
const aheadBytesMax = 1024 * 1024;
/** A file is small with less than this share of the bytes that it may have. */
const smallFileShare = 64;

export interface LogParts {
  readonly disk: Disk;
  /** Folder of the log's files. */
  readonly folder: string;
  /** Identity of the data directory. */
  readonly identity: Uint8Array;
  /** Number of the first frame that is needed: the checkpoint's `logPosition`; 0 without one. */
  readonly from?: number;
  /** Whether this process still owns the data directory; asked before each acknowledgement. */
  owned(): Promise<boolean>;
}

interface Pending {
  readonly payload: Uint8Array;
  /**
   * Set if it was found to have room: it goes where that is, whatever else waits. Called when the
   * disk has been asked to write it.
   */
  readonly issued: (() => void) | null;
  resolve(): void;
  reject(error: Error): void;
}

interface Rotation {
  resolve(position: number): void;
  reject(error: Error): void;
}

/** The log while the program runs. */
export class Log {
  readonly #parts: LogParts;
  #file: DiskFile | null = null;
  /** Byte of the next record in the file. */
  #at = 0;
  /** Bytes of the file, zeros behind the last frame included. */
  #allocated = 0;
  /** Commits so far. */
  #commits = 0;
  #place: Place = { previous: 0, sequence: 0 };
  readonly #pending: Pending[] = [];
  /** Who waits for a new file. */
  #rotations: Rotation[] = [];
  #working: Promise<void> | null = null;
  /** The file is being changed. */
  #busy = false;
  #fatal: Error | null = null;
  #reportFatal: (error: Error) => void = () => undefined;
  /** Resolves with the reason once nothing can be written any more. */
  readonly failed = new Promise<Error>((resolve) => {
    this.#reportFatal = resolve;
  });

  private constructor(parts: LogParts) {
    this.#parts = parts;
  }

  /**
   * Opens the log and gives its records from `from` on to `each`, in order. A torn tail is cut off.
   * Throws as `readLog` does.
   */
  static async open(parts: LogParts, each: RecordReader): Promise<Log> {
    const { disk, folder } = parts;
    await disk.makeFolder(folder);
    const end = await readLog(disk, folder, parts.identity, each, parts.from);
    const log = new Log(parts);
    await log.#goOn(end);
    return log;
  }

  /** Gives the same records once more, in order. Nothing may be appended meanwhile. */
  async replay(each: RecordReader): Promise<void> {
    const { disk, folder, identity, from } = this.#parts;
    await readLog(disk, folder, identity, each, from);
  }

  /**
   * Number of the next frame: what has been acknowledged lies before it, what is appended from now
   * on does not.
   */
  get position(): number {
    return this.#commits;
  }

  /** Bytes of the present file that are frames: what was written since it was begun. */
  get bytesInFile(): number {
    return this.#at - logHeaderBytes;
  }

  /**
   * Goes on in a new file, unless the present one is small or the disk is full. Resolves to a
   * position: everything that is appended from now on lies behind it, and the position before the
   * record of step p is one from which a checkpoint of p can go on. Cutting there frees all files
   * so far. Rejects with 58030 once the log has failed.
   */
  rotate(): Promise<number> {
    if (this.#fatal !== null) return Promise.reject(this.#fatal);
    return new Promise((resolve, reject) => {
      this.#rotations.push({ resolve, reject });
      this.#working ??= this.#work();
    });
  }

  /**
   * Removes files that lie wholly before `position`; a manifest that is on the disk must name it or
   * a later one. A stop in between leaves a shorter log that is whole. Rejects with 58030 if a file
   * cannot be removed: the log is as it was, and longer than necessary.
   */
  async cut(position: number): Promise<void> {
    const { disk, folder, owned } = this.#parts;
    const names = await disk.list(folder);
    const keep = names.findLastIndex((name) => (firstOfLogFile(name) ?? Infinity) <= position);
    if (keep <= 0 || !(await owned())) return;
    try {
      for (const name of names.slice(0, keep)) await disk.remove(`${folder}/${name}`);
      await disk.syncFolder(folder);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      throw sqlError('58030', `could not shorten the log: ${error.message}`);
    }
  }

  async #goOn(end: LogEnd): Promise<void> {
    const { disk, folder } = this.#parts;
    this.#commits = end.sequence;
    this.#place = { previous: end.previous, sequence: end.sequence >>> 0 };
    // A file behind the end was being made when the machine stopped.
    const names = await disk.list(folder);
    const unfinished = names.filter((name) => end.file === null || name > end.file);
    for (const name of unfinished) await disk.remove(`${folder}/${name}`);
    if (end.file === null) return this.#begin();
    this.#file = await disk.open(`${folder}/${end.file}`);
    assert(end.at >= logHeaderBytes, 'a log ends behind the header of its file');
    this.#at = this.#allocated = end.at;
    if (end.torn > 0) await this.#file.truncate(end.at);
    // What was read may not have been synced by the process that wrote it, and is served from now
    // on; nor may what it cut off, and a file that is followed by another must end with a frame.
    await writeAgain(this.#file, end.last, end.at);
    await this.#file.sync();
    await disk.syncFolder(folder);
  }

  /** Goes on in a new file; the present one ends with its last frame. */
  async #rotate(): Promise<void> {
    if (this.#file !== null && this.#allocated > this.#at) await this.#takeBack(this.#file);
    await this.#begin();
  }

  /** Begins a new file. */
  async #begin(): Promise<void> {
    const { disk, folder, identity } = this.#parts;
    const path = `${folder}/${logFileName(this.#commits)}`;
    const file = await disk.create(path);
    try {
      const { previous } = this.#place;
      await file.write(0, writeLogHeader({ identity, first: this.#commits, previous }));
      await file.sync();
      await disk.syncFolder(folder);
    } catch (error) {
      await file.close();
      if (isFull(error)) {
        // The present file is written on, so there must be none behind it, whatever happens.
        await disk.remove(path);
        await disk.syncFolder(folder);
      }
      throw error;
    }
    await this.#file?.close();
    this.#file = file;
    this.#at = this.#allocated = logHeaderBytes;
  }

  /**
   * Whether a record of so many bytes that is appended in this turn, and told of it, is written
   * over zeros that are on the disk already: then there is room for it, unless the disk keeps old
   * versions.
   */
  hasRoomFor(bytes: number): boolean {
    if (this.#fatal !== null || this.#busy || this.#file === null) return false;
    if (this.#pending.length > 0 || this.#rotations.length > 0) return false;
    return this.#fits([bytes]);
  }

  #fits(sizes: readonly number[]): boolean {
    const end = this.#at + frameBytes(joinedBytes(sizes));
    return end <= Math.min(this.#allocated, limits.logFileBytesMax);
  }

  /**
   * Appends a record; resolves once it is durable. Rejects with 53100 if the disk is full and with
   * 58030 once the log has failed; with 53100 the record is not in the log, with 58030 nobody
   * knows. The bytes must not change until then. `issued`: `hasRoomFor` has just said yes; it is
   * called when the disk has been asked to write.
   */
  append(payload: Uint8Array, issued: (() => void) | null = null): Promise<void> {
    if (this.#fatal !== null) return Promise.reject(this.#fatal);
    if (payload.length > limits.logRecordBytesMax) {
      const message = `a step of ${payload.length} bytes is too large for the log`;
      return Promise.reject(
        sqlError('54000', message, { detail: `The limit is ${limits.logRecordBytesMax} bytes.` }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ payload, issued, resolve, reject });
      this.#working ??= this.#work();
    });
  }

  /** Writes what is pending until nothing is. */
  async #work(): Promise<void> {
    // What is appended in the same turn belongs to the same commit.
    await Promise.resolve();
    while (this.#pending.length > 0 || this.#rotations.length > 0) {
      this.#busy = true;
      const [first] = this.#pending;
      const hasRoom = first !== undefined && first.issued !== null;
      if (!hasRoom) await this.#rotateForAll();
      const batch = hasRoom ? this.#takeWhatFits() : this.#pending.splice(0);
      if (batch.length > 0) await this.#commitAll(batch);
    }
    this.#busy = false;
    this.#working = null;
  }

  /** The first record, for which there is room, and as many after it as fit beside it. */
  #takeWhatFits(): Pending[] {
    const sizes: number[] = [];
    const end = this.#pending.findIndex(({ payload }, i) => {
      sizes.push(payload.length);
      return i > 0 && !this.#fits(sizes);
    });
    return this.#pending.splice(0, end < 0 ? this.#pending.length : end);
  }

  /** Begins a new file for those who have asked for one. */
  async #rotateForAll(): Promise<void> {
    const rotations = this.#rotations;
    if (rotations.length === 0) return;
    this.#rotations = [];
    try {
      if (this.#fatal !== null) throw this.#fatal;
      if (this.bytesInFile >= limits.logFileBytesMax / smallFileShare) await this.#rotate();
    } catch (error) {
      const failure = isFull(error) ? null : this.#failure(error);
      if (failure !== null) {
        for (const { reject } of rotations) reject(failure);
        return;
      }
    }
    for (const { resolve } of rotations) resolve(this.#commits);
  }

  async #commitAll(batch: readonly Pending[]): Promise<void> {
    if (this.#fatal !== null) return refuse(batch, this.#fatal);
    try {
      await this.#commit(batch);
      this.#busy = false;
      for (const { resolve } of batch) resolve();
    } catch (error) {
      this.#busy = false;
      refuse(batch, this.#failure(error));
    }
  }

  /** One frame, one write, one sync. */
  async #commit(batch: readonly Pending[]): Promise<void> {
    const payload = joinRecords(batch.map((one) => one.payload));
    const size = frameBytes(payload.length);
    if (this.#at > logHeaderBytes && this.#at + size > limits.logFileBytesMax) await this.#rotate();
    const file = defined(this.#file, 'an open log has a file');
    const bytes = new Uint8Array(size);
    const next = writeFrame(bytes, 0, payload, this.#place);
    try {
      if (this.#at + size > this.#allocated) await this.#allocate(file, size);
      const written = file.writeSynced(this.#at, bytes);
      for (const { issued } of batch) issued?.();
      await written;
    } catch (error) {
      if (isFull(error)) await this.#takeBack(file);
      throw error;
    }
    if (!(await this.#parts.owned()))
      throw sqlError('58030', 'another process has taken over the data directory');
    this.#at += size;
    this.#allocated = Math.max(this.#allocated, this.#at);
    this.#commits++;
    this.#place = next;
    assert(this.#commits >>> 0 === next.sequence, 'frames are counted as commits are');
  }

  /**
   * Fills the file with zeros ahead of small commits: a write within a file is synced in a fraction
   * of the time of one that makes it longer. If there is no room for that, there is for less.
   */
  async #allocate(file: DiskFile, size: number): Promise<void> {
    if (size > aheadBytesMin) return;
    const ahead = Math.min(aheadBytesMax, Math.max(aheadBytesMin, this.#allocated));
    try {
      await file.write(this.#allocated, new Uint8Array(ahead));
      await file.sync();
      this.#allocated += ahead;
    } catch (error) {
      if (!isFull(error)) throw error;
      await this.#takeBack(file);
    }
  }

  /** Cuts off what lies behind the last frame. */
  async #takeBack(file: DiskFile): Promise<void> {
    assert(this.#allocated >= this.#at, 'frames lie in what is allocated');
    await file.truncate(this.#at);
    await file.sync();
    this.#allocated = this.#at;
  }

  /** What the writers are told; anything but a full disk ends the log. */
  #failure(error: unknown): Error {
    if (isFull(error)) {
      return sqlError('53100', 'could not write to the log: no space left on the disk', {
        hint: 'Free some space; writes then go on by themselves.',
      });
    }
    const fatal =
      error instanceof DiskError
        ? sqlError('58030', `could not write to the log: ${error.message}`)
        : error instanceof Error
          ? error
          : new Error(String(error));
    this.#fatal = fatal;
    this.#reportFatal(fatal);
    return fatal;
  }

  /** Waits for what is under way and closes the file. */
  async close(): Promise<void> {
    await this.#working;
    const failed = this.#fatal !== null;
    this.#fatal ??= sqlError('57P01', 'the log is closed');
    if (!failed && this.#allocated > this.#at) await this.#file?.truncate(this.#at);
    await this.#file?.close();
    this.#file = null;
  }
}

/**
 * Writes once more what stands in a file. If the sync of it has failed, it may be in memory only,
 * and taken for clean there, so that a further sync would not write it. That concerns the last
 * frame: whatever lies before it was synced before it was written.
 */
async function writeAgain(file: DiskFile, from: number, to: number): Promise<void> {
  const bytes = new Uint8Array(to - from);
  const n = await file.read(from, bytes);
  assert(n === bytes.length, 'what was read a moment ago is there');
  try {
    await file.write(from, bytes);
  } catch (error) {
    // A disk that takes new room even for this is as good as before.
    if (!isFull(error)) throw error;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof DiskError && error.failure.kind === 'full';
}

function refuse(batch: readonly Pending[], error: Error): void {
  for (const { reject } of batch) reject(error);
}
