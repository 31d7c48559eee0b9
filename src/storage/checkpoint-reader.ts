/**
 * Reads the data file of a checkpoint at the speed of the disk: some blocks are always being read
 * while one is given out. A frame that goes across the end of a block is completed in front of the
 * next one, which has room for that; all other bytes are given out where they were read to. Blocks
 * are shared memory, so that a piece can be handed to another thread as it is.
 */
import { assert, defined } from '../base/assert.ts';
import type { SqlError } from '../base/error.ts';
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { Disk, DiskFile } from '../base/seam.ts';
import { DiskError } from '../base/seam.ts';
import {
  checkpointFileName,
  checksumOf,
  dataHeaderBytes,
  firstChecksum,
  isDataHeader,
  pieceFrameBytes,
  pieceHeaderBytes,
} from './checkpoint-file.ts';
import type { Checkpoint } from './checkpoint-manifest.ts';

/**
 * Takes a piece of an image. The bytes, which begin at a multiple of 8 in shared memory, stay as
 * they are until the answer resolves. Calls are in order, and many are made before the answers to
 * earlier ones have resolved.
 */
export type PieceReader = (image: number, piece: Uint8Array) => void | Promise<void>;

/** Says that a file of a checkpoint is not what was written. */
export function damagedCheckpoint(path: string, what: string): SqlError {
  return sqlError('XX001', `a checkpoint is damaged: ${path}: ${what}`, {
    detail: 'The disk does not give back what was written and synced.',
  });
}

/** A block, and what is under way with it. */
interface Block {
  readonly bytes: Uint8Array;
  reading: Promise<number>;
}

/** The next frame, as far as it can be seen. */
interface Position {
  at: number;
  end: number;
  checksum: number;
}

/**
 * Gives all pieces of the data file of `checkpoint`, each once it is known to be right. Throws
 * XX001 that names the file if they are not; what was given out until then is to be forgotten.
 */
export async function readPieces(
  disk: Disk,
  folder: string,
  identity: Uint8Array,
  checkpoint: Checkpoint,
  each: PieceReader,
): Promise<void> {
  const path = `${folder}/${checkpointFileName({ number: checkpoint.number, kind: 'data' })}`;
  const file = await opened(disk, path);
  const reader = new DataReader(file, path, checkpoint);
  try {
    const size = await file.size();
    if (size !== checkpoint.bytes)
      throw damagedCheckpoint(path, `it has ${size} bytes instead of ${checkpoint.bytes}`);
    await reader.read(identity, each);
  } finally {
    await reader.end();
    await file.close();
  }
}

async function opened(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path);
  } catch (error) {
    if (error instanceof DiskError) throw damagedCheckpoint(path, error.message);
    throw error;
  }
}

class DataReader {
  readonly #file: DiskFile;
  readonly #path: string;
  readonly #checkpoint: Checkpoint;
  readonly #blocks: Block[] = [];
  /** Resolve, in order, as blocks are not needed any more and are being read again. */
  readonly #inUse: Promise<void>[] = [];
  /** Room in a block for the part of a frame that the one before ended with. */
  readonly #headroom = pieceFrameBytes(limits.checkpointPieceBytesMax);
  /** Byte of the file up to which blocks have been asked for. */
  #asked = 0;
  #pieces = 0;

  constructor(file: DiskFile, path: string, checkpoint: Checkpoint) {
    this.#file = file;
    this.#path = path;
    this.#checkpoint = checkpoint;
  }

  async read(identity: Uint8Array, each: PieceReader): Promise<void> {
    const { bytes: size, checksum, number, pieces } = this.#checkpoint;
    const count = Math.min(
      limits.checkpointReadBlocks,
      Math.ceil(size / limits.checkpointBlockBytes),
    );
    for (let i = 0; i < count; i++) this.#ask(this.#newBlock());
    // Bytes of the frame that a block has ended with, in front of the next block.
    let rest = new Uint8Array();
    let before = firstChecksum(number);
    for (let begin = true; await this.#hasBlock(); begin = false) {
      const block = defined(this.#blocks.shift(), 'a block is being read');
      const end = this.#headroom + (await this.#arrived(block));
      const position = { at: this.#headroom - rest.length, end, checksum: before };
      block.bytes.set(rest, position.at);
      if (begin) this.#header(block.bytes, position, identity);
      const used = this.#give(block.bytes, position, each);
      before = position.checksum;
      rest = block.bytes.slice(position.at, end);
      if (rest.length > this.#headroom) throw this.#damaged('a frame is too long');
      // The next one is looked at while somebody still needs this one.
      const again = Promise.all(used).then(() => this.#ask(block));
      again.catch(() => undefined);
      this.#inUse.push(again);
    }
    if (rest.length > 0) throw this.#damaged('it ends within a frame');
    if (before !== checksum || this.#pieces !== pieces)
      throw this.#damaged('it is not what its manifest says');
  }

  /** Resolves when nobody needs any bytes that were given out. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#inUse);
  }

  /** Whether another block is being read, or will be when one is not needed any more. */
  async #hasBlock(): Promise<boolean> {
    while (this.#blocks.length === 0) {
      const next = this.#inUse[0];
      if (next === undefined) return false;
      await next;
      void this.#inUse.shift();
    }
    return true;
  }

  /** Reads the next block, if there is one. */
  #ask(block: Block): void {
    const left = this.#checkpoint.bytes - this.#asked;
    assert(left >= 0, 'blocks lie in the file');
    if (left === 0) return;
    const length = Math.min(left, limits.checkpointBlockBytes);
    const into = block.bytes.subarray(this.#headroom, this.#headroom + length);
    block.reading = this.#file.read(this.#asked, into).then((n) => {
      if (n !== length) throw this.#damaged('it has become shorter');
      return n;
    });
    // It is waited for later; until then its failure is nobody's.
    block.reading.catch(() => undefined);
    this.#asked += length;
    this.#blocks.push(block);
  }

  async #arrived(block: Block): Promise<number> {
    try {
      return await block.reading;
    } catch (error) {
      if (error instanceof DiskError) throw this.#damaged(error.message);
      throw error;
    }
  }

  #header(bytes: Uint8Array, position: Position, identity: Uint8Array): void {
    const header = bytes.subarray(position.at, position.at + dataHeaderBytes);
    if (position.end - position.at < dataHeaderBytes)
      throw this.#damaged('it is shorter than its header');
    if (!isDataHeader(header, identity, this.#checkpoint.number))
      throw this.#damaged('its header does not match');
    position.at += dataHeaderBytes;
  }

  /** Gives out the whole frames of a block; answers who needs their bytes. */
  #give(bytes: Uint8Array, position: Position, each: PieceReader): readonly Promise<void>[] {
    const view = new DataView(bytes.buffer);
    const using: Promise<void>[] = [];
    try {
      while (position.at + pieceHeaderBytes <= position.end) {
        const { at } = position;
        const length = view.getUint32(at, true);
        if (view.getUint32(at + 8, true) !== ~length >>> 0)
          throw this.#damaged('a length is not right');
        if (length > limits.checkpointPieceBytesMax) throw this.#damaged('a piece is too long');
        const end = at + pieceFrameBytes(length);
        if (end > position.end) return using;
        const checksum = checksumOf(bytes, at, end, position.checksum);
        if (checksum !== view.getUint32(at + 12, true))
          throw this.#damaged(`the piece ${this.#pieces} does not match its checksum`);
        position.at = end;
        position.checksum = checksum;
        this.#pieces++;
        const begin = at + pieceHeaderBytes;
        const used = each(view.getUint32(at + 4, true), bytes.subarray(begin, begin + length));
        if (used !== undefined) using.push(used);
      }
      return using;
    } catch (error) {
      this.#inUse.push(...using);
      throw error;
    }
  }

  #newBlock(): Block {
    const size = this.#headroom + limits.checkpointBlockBytes;
    return { bytes: new Uint8Array(new SharedArrayBuffer(size)), reading: Promise.resolve(0) };
  }

  #damaged(what: string): SqlError {
    return damagedCheckpoint(this.#path, what);
  }
}
