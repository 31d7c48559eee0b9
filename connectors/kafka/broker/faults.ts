/**
 * Faults on demand, for tests of what reads from or writes to the embedded broker: lost
 * connections, partitions whose leader is elsewhere, slow answers, errors of one kind of request,
 * and records that come broken.
 */
import type { Clock } from '../../../src/base/seam.ts';
import { brokerError } from './errors.ts';

interface Planned {
  readonly code: number;
  left: number;
}

/** How fetched records come broken: a byte of the last batch is another, or its end is missing. */
export type Breakage = 'changed' | 'cut';

/** What is to go wrong. */
export class Faults {
  readonly #clock: Clock;
  readonly #drop: () => void;
  readonly #moved = new Map<string, number>();
  readonly #planned = new Map<number, Planned>();
  readonly #broken = new Map<string, { readonly how: Breakage; left: number }>();
  #slowMilliseconds = 0;

  constructor(clock: Clock, drop: () => void) {
    this.#clock = clock;
    this.#drop = drop;
  }

  /** Cuts every connection at once, in the middle of whatever goes on. */
  dropConnections(): void {
    this.#drop();
  }

  /**
   * For `milliseconds` the topic answers NOT_LEADER_OR_FOLLOWER to Produce, Fetch and ListOffsets.
   */
  notLeader(topic: string, milliseconds: number): void {
    this.#moved.set(topic, this.#clock.now() + milliseconds);
  }

  /** From now on every answer waits so long; 0 ends it. */
  slow(milliseconds: number): void {
    this.#slowMilliseconds = milliseconds;
  }

  /** The next `count` requests of the API with this key get the error code. */
  error(api: number, code: number, count: number): void {
    this.#planned.set(api, { code, left: count });
  }

  /** The next `count` answers with records of the topic bring them broken; 0 ends it. */
  breakRecords(topic: string, how: Breakage, count: number): void {
    this.#broken.set(topic, { how, left: count });
  }

  /** The records of one answer as they go out. */
  recordsOf(topic: string, pieces: readonly Uint8Array[]): readonly Uint8Array[] {
    const broken = this.#broken.get(topic);
    const last = pieces.at(-1);
    if (broken === undefined || broken.left <= 0 || last === undefined) return pieces;
    broken.left--;
    const spoilt = broken.how === 'cut' ? last.slice(0, -1) : last.slice();
    if (broken.how === 'changed') spoilt[spoilt.length - 1] ^= 1;
    return [...pieces.slice(0, -1), spoilt];
  }

  get delayMilliseconds(): number {
    return this.#slowMilliseconds;
  }

  /** The planned error for one request of an API; 0 if there is none. */
  take(api: number): number {
    const planned = this.#planned.get(api);
    if (planned === undefined || planned.left <= 0) return brokerError.none;
    planned.left--;
    return planned.code;
  }

  /** The error of a partition of this topic; 0 if its leader is here. */
  ofTopic(topic: string): number {
    const until = this.#moved.get(topic);
    if (until === undefined) return brokerError.none;
    if (this.#clock.now() < until) return brokerError.notLeader;
    this.#moved.delete(topic);
    return brokerError.none;
  }
}
