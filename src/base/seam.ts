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
