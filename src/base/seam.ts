/**
 * Seams: everything that touches the outside world comes through one of these, handed over by
 * constructor. The real ones live in `src/base/real`; tests drive the product with fakes from a
 * seed.
 */

/** Wall-clock and timers. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds, monotonic, with a fraction: for measuring and for fuel. */
  monotonic(): number;
  /** Calls back once after `milliseconds`; the answer cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Calls back once in the next turn of the event loop. */
  soon(callback: () => void): void;
}

/** Randomness. */
export interface Entropy {
  bytes(length: number): Uint8Array;
  /** A uniform integer in [0, bound). */
  below(bound: number): number;
}

/** Where the program reports to its operator. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** What a disk says that it could not do. */
export type DiskFailure =
  | { readonly kind: 'full' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'failed'; readonly code: string };

/** Thrown by `Disk` and `DiskFile` only. `path` is the file or folder that was meant. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly failure: DiskFailure;
  readonly path: string;

  constructor(failure: DiskFailure, path: string) {
    super(`${path}: ${failure.kind === 'failed' ? failure.code : failure.kind}`);
    this.failure = failure;
    this.path = path;
  }
}

/**
 * An open file. Positions and sizes are bytes. What was written survives a crash only once `sync`
 * has resolved; until then all of it, parts of it or nothing may.
 */
export interface DiskFile {
  size(): Promise<number>;
  /** Fills `into` from `position` on; answers how many bytes there were. */
  read(position: number, into: Uint8Array): Promise<number>;
  /** Writes all of `bytes`. A failure may leave any part of them written. */
  write(position: number, bytes: Uint8Array): Promise<void>;
  /** The same, and resolves when the bytes survive a crash; a failure may be the sync's. */
  writeSynced(position: number, bytes: Uint8Array): Promise<void>;
  truncate(size: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A tree of files below one root; paths are relative to it, with `/` between names. Names made or
 * changed in a folder survive a crash once `syncFolder` of it has resolved. Every method rejects
 * with `DiskError`.
 */
export interface Disk {
  /** An existing file for reading and writing. */
  open(path: string): Promise<DiskFile>;
  /** A new file; fails with `exists` if the name is taken. */
  create(path: string): Promise<DiskFile>;
  /** Tells a file from all others, whatever its names are; null if there is none. */
  identity(path: string): Promise<string | null>;
  /** Names in a folder, sorted; empty if there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Makes a folder and those above it. */
  makeFolder(path: string): Promise<void>;
  /** Gives a file a new name, in place of what had it. */
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name; fails with `exists` if that is taken. */
  link(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
}

/** Processes of this machine, for locks that outlive a crash of their owner. */
export interface Processes {
  /**
   * Names this process so that no other has the name, not even one with the same number after it
   * ended or the machine started again.
   */
  self(): string;
  /** Whether the process of that name is running. */
  alive(name: string): boolean;
}
