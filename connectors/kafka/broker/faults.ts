/**
 * Faults on demand, for tests of what reads from or writes to the embedded broker: lost
 * connections, partitions whose leader is elsewhere, slow answers, and errors of one kind of
 * request.
 */
import type { Clock } from '../../../src/base/seam.ts';
import { brokerError } from './errors.ts';

interface Planned {
  readonly code: number;
  left: number;
}

/** What is to go wrong. */
export class Faults {
  readonly #clock: Clock;
  readonly #drop: () => void;
  readonly #moved = new Map<string, number>();
  readonly #planned = new Map<number, Planned>();
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
