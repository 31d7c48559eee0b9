/**
 * The checkpoints of a data directory, each a data file and a manifest in one folder
 * (docs/design/checkpoints.md). The two newest that can be used are kept, with all that they are
 * patches on; whatever else lies in the folder is removed: what was being written when the machine
 * stopped, and what newer ones have made superfluous. Manifests go before data files and newer ones
 * before older ones, so a stop in between leaves nothing that could be taken for damage.
 *
 * A checkpoint can be used if its manifest is whole, its data file is there and as long as it says,
 * and the same holds for what it is a patch on. Whether the bytes of a data file are right shows
 * when they are read.
 *
 * Use, while steps go on:
 *
 *     const logPosition = await log.rotate();            before step p is sealed
 *     const writer = await store.begin({ full: store.shouldBeFull });
 *     await writer.append(image, piece);                 … as pieces come
 *     await writer.finish({ step: p, time, logPosition, content });
 *     await log.cut(store.logPositionNeeded);
 *
 * and at a start `DataDirectory.open` has the newest one in `store.newest`.
 */
import { assert, defined } from '../base/assert.ts';
import { SqlError, sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { Clock, Disk, DiskFile } from '../base/seam.ts';
import { DiskError } from '../base/seam.ts';
import type { CheckpointFileName } from './checkpoint-file.ts';
import {
  checkpointFileName,
  checkpointFormat,
  parseCheckpointFileName,
} from './checkpoint-file.ts';
import type { Checkpoint } from './checkpoint-manifest.ts';
import { decodeManifest } from './checkpoint-manifest.ts';
import type { PieceReader } from './checkpoint-reader.ts';
import { damagedCheckpoint, readPieces } from './checkpoint-reader.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';

/** Checkpoints that are kept, besides what they are patches on. */
const keptCheckpoints = 2;

export interface CheckpointParts {
  readonly disk: Disk;
  /** Folder of the checkpoints' files. */
  readonly folder: string;
  /** Identity of the data directory. */
  readonly identity: Uint8Array;
  /** Whether this process still owns the data directory. */
  owned(): Promise<boolean>;
  /** Tells the operator of damage that is passed over. */
  warn(message: string): void;
  /** Lets a checkpoint that is written rest now and then. */
  readonly clock?: Clock;
  /** Numbers of checkpoints that turned out to be damaged when they were read. */
  readonly without?: ReadonlySet<number>;
}

/** The checkpoints of an open data directory. */
export class CheckpointStore {
  readonly #parts: CheckpointParts;
  /** By number; whole manifests whose data file is there. */
  readonly #checkpoints = new Map<number, Checkpoint>();
  /** Numbers of those whose bytes are not what was written. */
  readonly #damaged: Set<number>;
  /** Numbers of those that were begun here and have failed. */
  readonly #discarded = new Set<number>();
  /** The largest number that was ever seen. */
  #last = 0;
  #writer: CheckpointWriter | null = null;
  /** Removals are made one after the other. */
  #sweeping: Promise<void> = Promise.resolve();

  private constructor(parts: CheckpointParts) {
    this.#parts = parts;
    this.#damaged = new Set(parts.without);
  }

  /**
   * Looks at what is there and removes what nobody needs. Damage is reported to `warn` and passed
   * over. Throws 0A000 if a newer release wrote a manifest, 55000 for one of another directory.
   */
  static async open(parts: CheckpointParts): Promise<CheckpointStore> {
    const store = await CheckpointStore.look(parts);
    await parts.disk.makeFolder(parts.folder);
    // What was read may not have been synced by the process that wrote it.
    await parts.disk.syncFolder(parts.folder);
    await store.#sweep();
    return store;
  }

  /** The same without a change of anything. */
  static async look(parts: CheckpointParts): Promise<CheckpointStore> {
    const store = new CheckpointStore(parts);
    const problems: [number, string][] = [];
    for (const name of (await parts.disk.list(parts.folder)).map(parseCheckpointFileName)) {
      if (name === null) continue;
      store.#last = Math.max(store.#last, name.number);
      if (name.kind !== 'manifest') continue;
      const problem = await store.#lookAt(name.number);
      if (problem !== null) problems.push([name.number, problem]);
    }
    for (const checkpoint of store.#checkpoints.values())
      if (!store.#damaged.has(checkpoint.number) && store.#chain(checkpoint) === null)
        problems.push([checkpoint.number, 'what it is a patch on is missing or damaged']);
    for (const [number, problem] of problems)
      if (number >= store.#oldest) parts.warn(`checkpoint ${number} is passed over: ${problem}`);
    return store;
  }

  /** Takes a manifest in; answers what is wrong with it. */
  async #lookAt(number: number): Promise<string | null> {
    const { disk, folder } = this.#parts;
    try {
      const { checkpoint } = await this.#manifest(number);
      const path = `${folder}/${checkpointFileName({ number, kind: 'data' })}`;
      const size = await fileBytes(disk, path);
      if (size !== checkpoint.bytes)
        throw damagedCheckpoint(path, `it has ${size} bytes instead of ${checkpoint.bytes}`);
      this.#checkpoints.set(number, checkpoint);
      return null;
    } catch (error) {
      if (!isDamage(error)) throw error;
      return error.fields.message;
    }
  }

  /** Checkpoints that can be used, newest first. */
  get usable(): readonly Checkpoint[] {
    return [...this.#checkpoints.values()]
      .filter((checkpoint) => this.#chain(checkpoint) !== null)
      .sort((a, b) => b.number - a.number);
  }

  /** The newest one that can be used. */
  get newest(): Checkpoint | null {
    return this.usable[0] ?? null;
  }

  /** Numbers of those that turned out to be damaged when they were read. */
  get damaged(): ReadonlySet<number> {
    return this.#damaged;
  }

  /**
   * Whether the next one has to be full: there is none to be a patch on, or patches on the last
   * full one have become too large or too many.
   */
  get shouldBeFull(): boolean {
    const chain = this.newest === null ? null : this.#chain(this.newest);
    const [full, ...patches] = chain ?? [];
    if (full === undefined) return true;
    const bytes = patches.reduce((sum, patch) => sum + patch.bytes, 0);
    return bytes > full.bytes || patches.length >= limits.checkpointPatchesMax;
  }

  /**
   * The position from which on the log is needed: that of the older of the two checkpoints that are
   * kept, 0 as long as there are not two.
   */
  get logPositionNeeded(): number {
    return this.usable[keptCheckpoints - 1]?.logPosition ?? 0;
  }

  /**
   * A checkpoint's files, the full one first, by what they are patches on; the last is it itself.
   */
  chain(checkpoint: Checkpoint): readonly Checkpoint[] {
    return defined(this.#chain(checkpoint), `checkpoint ${checkpoint.number} can be used`);
  }

  /** The same; null if it cannot be used. */
  #chain(checkpoint: Checkpoint): readonly Checkpoint[] | null {
    const chain: Checkpoint[] = [];
    for (let next: Checkpoint | undefined = checkpoint; ;) {
      if (next === undefined || this.#damaged.has(next.number)) return null;
      chain.unshift(next);
      const { base, number }: Checkpoint = next;
      if (base === null) return chain;
      assert(base < number, 'a patch is newer than what it is a patch on');
      next = this.#checkpoints.get(base);
    }
  }

  /** What `finish` was given as the content. Throws XX001 if it is damaged. */
  async content(checkpoint: Checkpoint): Promise<Uint8Array> {
    try {
      return (await this.#manifest(checkpoint.number)).content;
    } catch (error) {
      if (isDamage(error)) this.#damaged.add(checkpoint.number);
      throw error;
    }
  }

  /**
   * Gives all pieces of a checkpoint: those of the full one it is based on, then of each patch.
   * Throws XX001 that names the file if one is damaged; what was given out is then to be forgotten,
   * `damaged` has the number, and whoever opens the directory again `without` it gets the
   * checkpoint before.
   */
  async read(checkpoint: Checkpoint, each: PieceReader): Promise<void> {
    for (const part of this.chain(checkpoint)) await this.#readFile(part, each);
  }

  /** Reads the checkpoint's own data file and nothing else. Throws XX001 if it is damaged. */
  check(checkpoint: Checkpoint): Promise<void> {
    return this.#readFile(checkpoint, () => undefined);
  }

  async #readFile(checkpoint: Checkpoint, each: PieceReader): Promise<void> {
    const { disk, folder, identity } = this.#parts;
    try {
      await readPieces(disk, folder, identity, checkpoint, each);
    } catch (error) {
      if (isDamage(error)) this.#damaged.add(checkpoint.number);
      throw error;
    }
  }

  /**
   * Begins a checkpoint: a full one, or a patch on the newest (`shouldBeFull` must not hold then).
   * One is written at a time. Nothing is written before the first pieces have gathered.
   */
  begin({ full }: { readonly full: boolean }): CheckpointWriter {
    assert(this.#writer === null, 'one checkpoint is written at a time');
    assert(full || this.newest !== null, 'a patch needs a checkpoint that it is a patch on');
    const { disk, folder, identity, owned, clock } = this.#parts;
    const number = ++this.#last;
    this.#writer = new CheckpointWriter({
      ...{ disk, folder, identity, owned, clock, number },
      base: full ? null : defined(this.newest, 'there is a checkpoint').number,
      ended: (checkpoint) => this.#ended(number, checkpoint),
    });
    return this.#writer;
  }

  async #ended(number: number, checkpoint: Checkpoint | null): Promise<void> {
    this.#writer = null;
    if (checkpoint === null) this.#discarded.add(number);
    else this.#checkpoints.set(number, checkpoint);
    try {
      await this.#sweep();
    } catch (error) {
      // What cannot be removed now is when the next one has ended, or at the next start.
      if (!(error instanceof DiskError)) throw error;
      this.#parts.warn(`could not remove a file of a checkpoint: ${error.message}`);
    }
  }

  /** Number of the older of those that are kept; 0 as long as there are not enough. */
  get #oldest(): number {
    return this.usable[keptCheckpoints - 1]?.number ?? 0;
  }

  #sweep(): Promise<void> {
    const sweeping = this.#sweeping.then(() => this.#removeSuperfluous());
    this.#sweeping = sweeping.catch(() => undefined);
    return sweeping;
  }

  async #removeSuperfluous(): Promise<void> {
    const { disk, folder, owned } = this.#parts;
    const files = (await disk.list(folder)).map(parseCheckpointFileName);
    const superfluous = this.#superfluous(files.filter((file) => file !== null));
    if (superfluous.length === 0 || !(await owned())) return;
    const data = superfluous.filter(({ kind }) => kind === 'data');
    const others = superfluous.filter(({ kind }) => kind !== 'data');
    for (const names of [others, data]) {
      for (const name of names) await disk.remove(`${folder}/${checkpointFileName(name)}`);
      if (names.length > 0) await disk.syncFolder(folder);
    }
    for (const { number, kind } of others)
      if (kind === 'manifest') this.#checkpoints.delete(number);
  }

  /**
   * What nobody needs, newest first. A checkpoint that cannot be used stays until there are enough
   * newer ones: the operator was told of it, and may want to look at it.
   */
  #superfluous(files: readonly CheckpointFileName[]): readonly CheckpointFileName[] {
    const kept = new Set(
      this.usable
        .slice(0, keptCheckpoints)
        .flatMap((checkpoint) => this.chain(checkpoint))
        .map(({ number }) => number),
    );
    const oldest = this.#oldest;
    for (const { number, kind } of files)
      if (kind === 'manifest' && number > oldest) kept.add(number);
    for (const number of this.#discarded) kept.delete(number);
    const writing = this.#writer?.number;
    return files
      .filter(({ number, kind }) => number !== writing && (kind === 'draft' || !kept.has(number)))
      .sort((a, b) => b.number - a.number);
  }

  /** Reads a manifest. Throws XX001, 0A000 or 55000 for what is none of this directory. */
  async #manifest(
    number: number,
  ): Promise<{ readonly checkpoint: Checkpoint; readonly content: Uint8Array }> {
    const { disk, folder, identity } = this.#parts;
    const path = `${folder}/${checkpointFileName({ number, kind: 'manifest' })}`;
    const read = decodeManifest(await readFile(disk, path), identity, number);
    switch (read.kind) {
      case 'manifest':
        return read;
      case 'damaged':
        throw damagedCheckpoint(path, 'it does not match its checksum');
      case 'foreign':
        throw sqlError('55000', `${path} belongs to another data directory`);
      case 'newer':
        throw sqlError(
          '0A000',
          `${path} has format ${read.format}, newer than ${checkpointFormat}`,
          {
            hint: 'Use the release that wrote it, or a later one.',
          },
        );
    }
  }
}

function isDamage(error: unknown): error is SqlError {
  return error instanceof SqlError && error.fields.code === 'XX001';
}

/** All bytes of a file. Throws XX001 if it cannot be read. */
async function readFile(disk: Disk, path: string): Promise<Uint8Array> {
  return withFile(disk, path, async (file) => {
    const bytes = new Uint8Array(await file.size());
    return bytes.subarray(0, await file.read(0, bytes));
  });
}

/** The size of a file. Throws XX001 if there is none. */
async function fileBytes(disk: Disk, path: string): Promise<number> {
  return withFile(disk, path, (file) => file.size());
}

async function withFile<T>(
  disk: Disk,
  path: string,
  use: (file: DiskFile) => Promise<T>,
): Promise<T> {
  try {
    const file = await disk.open(path);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof DiskError) throw damagedCheckpoint(path, error.message);
    throw error;
  }
}
