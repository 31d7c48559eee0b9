/**
 * Writes one checkpoint: pieces as they come, then the manifest. Pieces gather in one buffer while
 * another one is written; who brings more than that waits. The data file is written and synced
 * `checkpointSyncBytes` at a time, and the disk is left alone in between for as long as that took:
 * the log's own writes share it, and somebody waits for each of them.
 *
 * A full disk or a failed write ends this checkpoint and nothing else: its file is removed at once,
 * as the log may need the room, and is never trusted.
 */
import { assert } from '../base/assert.ts';
import type { SqlError } from '../base/error.ts';
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { Clock, Disk, DiskFile } from '../base/seam.ts';
import { DiskError } from '../base/seam.ts';
import {
  checkpointFileName,
  dataHeaderBytes,
  firstChecksum,
  pieceFrameBytes,
  writeDataHeader,
  writePiece,
} from './checkpoint-file.ts';
import type { Checkpoint } from './checkpoint-manifest.ts';
import { encodeManifest } from './checkpoint-manifest.ts';

/** What a writer gets from the store. */
export interface WriterParts {
  readonly disk: Disk;
  readonly folder: string;
  readonly identity: Uint8Array;
  readonly number: number;
  /** What it is a patch on; null if it is full. */
  readonly base: number | null;
  /** Times its rests; without it there are none. */
  readonly clock: Clock | undefined;
  /** Whether this process still owns the data directory. */
  owned(): Promise<boolean>;
  /** The checkpoint is there, or its files can go: called once. */
  ended(checkpoint: Checkpoint | null): Promise<void>;
}

/** What is known when the last piece has come. */
export interface CheckpointEnd {
  /** The step that the pieces hold, and its time, milliseconds since the epoch. */
  readonly step: number;
  readonly time: number;
  /** Number of the first frame of the log that has to be read after it: see `Log.rotate`. */
  readonly logPosition: number;
  /** What else is needed to go on from it. */
  readonly content: Uint8Array;
}

/** A checkpoint that is being written. Ends with `finish` or `abandon`. */
export class CheckpointWriter {
  readonly number: number;
  readonly full: boolean;
  readonly #parts: WriterParts;
  readonly #images = new Set<number>();
  #file: DiskFile | null = null;
  #pieces = 0;
  /** Bytes that were handed to the file, synced or not. */
  #written = 0;
  #synced = 0;
  #checksum: number;
  /** What gathers, and the buffer that may still be on its way to the disk. */
  #gathering = new Uint8Array(limits.checkpointBufferBytes);
  #other = new Uint8Array(limits.checkpointBufferBytes);
  #filled = 0;
  /** Resolves when nothing is on its way to the disk. */
  #writing: Promise<void> = Promise.resolve();
  /** Calls are worked on in their order. */
  #calls: Promise<void> = Promise.resolve();
  /** Why nothing more is taken: it has failed, or was abandoned. */
  #failure: unknown = null;
  #finishing = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.number = parts.number;
    this.full = parts.base === null;
    this.#checksum = firstChecksum(parts.number);
    this.#gathering.set(writeDataHeader(parts.identity, parts.number));
    this.#filled = dataHeaderBytes;
  }

  /** Bytes of the pieces so far. */
  get bytes(): number {
    return this.#written + this.#filled;
  }

  /**
   * Adds a piece of an image, of at most `checkpointPieceBytesMax`; pieces of all images may come
   * in any order, and are given back in it. Resolves when there is room for more; the bytes must
   * not change until then. Rejects with 53100 (the disk is full) or 58030 once the checkpoint has
   * failed; it has then been abandoned.
   */
  append(image: number, piece: Uint8Array): Promise<void> {
    assert(piece.length <= limits.checkpointPieceBytesMax, `${piece.length} bytes are one piece`);
    assert(!this.#finishing, 'nothing comes after the last piece');
    return this.#call(async () => {
      const size = pieceFrameBytes(piece.length);
      if (this.#filled + size > this.#gathering.length) await this.#flush();
      const at = this.#filled;
      this.#checksum = writePiece(this.#gathering, at, image, piece, this.#checksum);
      this.#filled += size;
      this.#images.add(image);
      this.#pieces++;
    });
  }

  /**
   * Makes it a checkpoint: once this resolves it is there after any crash. Rejects as `append`
   * does; it is then not there.
   */
  finish(end: CheckpointEnd): Promise<Checkpoint> {
    const { step, time, logPosition, content } = end;
    assert(!this.#finishing, 'a checkpoint ends once');
    assert(content.length <= limits.checkpointContentBytesMax, 'the content has a limit');
    assert(logPosition >= 0 && Number.isSafeInteger(logPosition), 'a position is a frame number');
    this.#finishing = true;
    return this.#call(async () => {
      await this.#flush();
      await this.#writing;
      if (this.#synced < this.#written) await this.#file?.sync();
      await this.#close();
      const { number, base } = this.#parts;
      const checkpoint: Checkpoint = {
        ...{ number, base, step, time, logPosition },
        ...{ images: this.#images.size, pieces: this.#pieces },
        ...{ bytes: this.#written, checksum: this.#checksum },
      };
      await this.#writeManifest(checkpoint, content);
      await this.#parts.ended(checkpoint);
      return checkpoint;
    });
  }

  /** Gives up: nothing of it stays. Does nothing if it has failed already, or is there. */
  async abandon(): Promise<void> {
    if (this.#finishing || this.#failure !== null) return;
    this.#failure = sqlError('57014', 'the checkpoint was abandoned');
    await this.#calls;
    await this.#discard();
  }

  /** Works when the calls before it are done; the first failure is that of all later ones. */
  #call<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#calls.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        return await work();
      } catch (error) {
        if (this.#failure !== null) throw this.#failure;
        this.#failure = refusal(error);
        await this.#discard();
        throw this.#failure;
      }
    });
    this.#calls = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  /** Hands what has gathered to the disk; resolves when the other buffer is free. */
  async #flush(): Promise<void> {
    await this.#writing;
    const bytes = this.#gathering.subarray(0, this.#filled);
    const at = this.#written;
    this.#written += this.#filled;
    [this.#gathering, this.#other] = [this.#other, this.#gathering];
    this.#filled = 0;
    this.#writing = this.#write(at, bytes);
    // Whoever waits for it next is told of the failure.
    this.#writing.catch(() => undefined);
  }

  async #write(at: number, bytes: Uint8Array): Promise<void> {
    const { disk, folder, number } = this.#parts;
    const path = `${folder}/${checkpointFileName({ number, kind: 'data' })}`;
    this.#file ??= await disk.create(path);
    for (let done = 0; done < bytes.length; done += limits.checkpointSyncBytes) {
      const begun = this.#now();
      await this.#file.write(at + done, bytes.subarray(done, done + limits.checkpointSyncBytes));
      await this.#file.sync();
      await this.#rest(this.#now() - begun);
    }
    this.#synced = at + bytes.length;
  }

  #now(): number {
    return this.#parts.clock?.monotonic() ?? 0;
  }

  #rest(milliseconds: number): Promise<void> | undefined {
    const { clock } = this.#parts;
    if (clock === undefined || milliseconds <= 0) return undefined;
    return new Promise((resolve) => void clock.after(Math.ceil(milliseconds), resolve));
  }

  async #writeManifest(checkpoint: Checkpoint, content: Uint8Array): Promise<void> {
    const { disk, folder, identity, number } = this.#parts;
    const draft = `${folder}/${checkpointFileName({ number, kind: 'draft' })}`;
    const file = await disk.create(draft);
    try {
      await file.write(0, encodeManifest(identity, checkpoint, content));
      await file.sync();
    } finally {
      await file.close();
    }
    if (!(await this.#parts.owned()))
      throw sqlError('58030', 'another process has taken over the data directory');
    await disk.rename(draft, `${folder}/${checkpointFileName({ number, kind: 'manifest' })}`);
    await disk.syncFolder(folder);
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  /** Nothing of it stays. */
  async #discard(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#close().catch(() => undefined);
    await this.#parts.ended(null);
  }
}

/** What the caller is told of a failure. */
function refusal(error: unknown): unknown {
  if (!(error instanceof DiskError)) return error;
  return error.failure.kind === 'full' ? noSpace() : failed(error);
}

function noSpace(): SqlError {
  return sqlError('53100', 'could not write a checkpoint: no space left on the disk', {
    hint: 'Free some space; the next checkpoint is then written.',
  });
}

function failed({ message }: DiskError): SqlError {
  return sqlError('58030', `could not write a checkpoint: ${message}`);
}
