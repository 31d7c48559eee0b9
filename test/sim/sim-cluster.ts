/**
 * The embedded broker without sockets, and the network to it: the product's own Kafka client speaks
 * its protocol with the broker's dispatcher, frame by frame, on the clock of the machine. The
 * broker outlives machines. Answers come late, connections break with what is under way, the broker
 * is away, does not lead, answers with errors, or sends records broken on the way.
 */
import type { SourceConnection } from '../../connectors/connector.ts';
import { Dispatch } from '../../connectors/kafka/broker/dispatch.ts';
import { Faults } from '../../connectors/kafka/broker/faults.ts';
import { Groups } from '../../connectors/kafka/broker/groups.ts';
import { Topics } from '../../connectors/kafka/broker/topic.ts';
import { Transactions } from '../../connectors/kafka/broker/transactions.ts';
import { Waits } from '../../connectors/kafka/broker/waits.ts';
import { KafkaConnection } from '../../connectors/kafka/client.ts';
import type { Link } from '../../connectors/kafka/cluster.ts';
import {
  apiFetch,
  apiListOffsets,
  apiMetadata,
  type KafkaRequest,
} from '../../connectors/kafka/protocol.ts';
import { WireWriter } from '../../connectors/kafka/wire.ts';
import { defined } from '../../src/base/assert.ts';
import type { Clock, Entropy } from '../../src/base/seam.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import type { Random } from '../support/random.ts';
import type { Marks } from './marks.ts';

const address = { host: 'nowhere', port: 9092 };
const keptBytesMax = 1 << 26;
const lateMilliseconds = 8;
/** Milliseconds after which a question that got lost fails. */
const lostMilliseconds = 120;
const answerHeadBytes = 8;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The clock of whichever machine runs. */
class WorldClock implements Clock {
  current: FakeClock | null = null;

  #clock(): FakeClock {
    return defined(this.current ?? undefined, 'a machine runs');
  }

  now(): number {
    return this.#clock().now();
  }

  monotonic(): number {
    return this.#clock().monotonic();
  }

  after(milliseconds: number, callback: () => void): () => void {
    return this.#clock().after(milliseconds, callback);
  }

  soon(callback: () => void): void {
    this.#clock().soon(callback);
  }
}

/** See the head of this file. */
export class SimCluster {
  readonly topics: Topics;
  readonly #clock = new WorldClock();
  readonly #random: Random;
  readonly #marks: Marks;
  readonly #dispatch: Dispatch;
  readonly #links = new Set<SimLink>();
  readonly #faults: Faults;
  #awayUntil = -1;

  constructor(random: Random, entropy: Entropy, marks: Marks) {
    this.#random = random;
    this.#marks = marks;
    const clock = this.#clock;
    const waits = new Waits(clock);
    const groups = new Groups(waits, entropy);
    this.topics = new Topics({ used: 0, bytesMax: keptBytesMax }, entropy);
    this.#faults = new Faults(clock, () => this.#drop());
    this.#dispatch = new Dispatch({
      topics: this.topics,
      groups,
      transactions: new Transactions(clock, waits, groups),
      faults: this.#faults,
      waits,
      clock,
      address,
      autoCreate: null,
    });
  }

  /** A connection of the product on a machine with this clock. */
  connect(clock: FakeClock, entropy: Entropy): SourceConnection {
    const seams = { clock, entropy, log: silent };
    return new KafkaConnection(`${address.host}:${address.port}`, seams, {
      link: () => Promise.resolve(this.#link(clock)),
    });
  }

  /** From now on time is that of this machine; links of the one before are gone. */
  machineStarted(clock: FakeClock): void {
    this.#clock.current = clock;
    for (const link of this.#links) link.drop();
    this.#awayUntil = -1;
    // The clock may have gone back, and with it the end of this.
    for (const { name } of this.topics.all()) this.#faults.notLeader(name, 0);
    this.#faults.slow(0);
  }

  #link(clock: FakeClock): Link {
    const link = new SimLink({
      clock,
      random: this.#random,
      answer: (frame) => this.#dispatch.answer(frame, address.host),
      isAway: () => clock.now() < this.#awayUntil,
      delay: () => this.#faults.delayMilliseconds,
      closed: (closed) => void this.#links.delete(closed),
    });
    this.#links.add(link);
    return link;
  }

  #drop(): void {
    for (const link of this.#links) link.drop();
  }

  /** Something goes wrong, for a while. */
  trouble(topics: readonly string[]): void {
    const random = this.#random;
    switch (random.below(7)) {
      case 0:
        this.#marks.sometimes('broker dropped connections');
        return this.#faults.dropConnections();
      case 1:
        this.#marks.sometimes('broker did not lead');
        return this.#faults.notLeader(random.pick(topics), random.below(200));
      case 2:
        this.#marks.sometimes('broker was slow');
        this.#faults.slow(random.below(60));
        this.#clock.after(random.below(300), () => this.#faults.slow(0));
        return;
      case 3:
        this.#marks.sometimes('broker answered with an error');
        // Codes that pass: no leader, not available, a storage error, a request that timed out.
        return this.#faults.error(
          random.pick([apiFetch, apiListOffsets]),
          random.pick([5, 6, 7, 56]),
          1 + random.below(4),
        );
      case 4:
        this.#marks.sometimes('records came broken');
        return this.#faults.breakRecords(
          random.pick(topics),
          random.pick(['changed', 'cut'] as const),
          1 + random.below(3),
        );
      case 5:
        this.#marks.sometimes('broker was away');
        this.#awayUntil = this.#clock.now() + random.below(300);
        return this.#drop();
      default:
        this.#marks.sometimes('question to the broker got lost');
        for (const link of this.#links) link.loseNext();
    }
  }
}

interface LinkParts {
  readonly clock: FakeClock;
  readonly random: Random;
  answer(frame: Uint8Array): Promise<readonly Uint8Array[] | null>;
  isAway(): boolean;
  delay(): number;
  closed(link: SimLink): void;
}

/** A connection to the broker: questions are answered in their order. */
class SimLink implements Link {
  readonly address = `${address.host}:${address.port}`;
  readonly #parts: LinkParts;
  readonly #waiting = new Set<(error: Error) => void>();
  #before: Promise<unknown> = Promise.resolve();
  #broken = false;
  #lose = false;
  #correlation = 0;

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(milliseconds, resolve));
  }

  async connect(): Promise<void> {
    if (this.#broken) throw new Error('the connection is broken');
    if (!this.#parts.isAway()) return;
    await this.#pause(this.#parts.random.below(lateMilliseconds));
    throw new Error('connection refused');
  }

  versionMax(api: number): number {
    return api === apiMetadata ? 12 : -1;
  }

  async send<T>(request: KafkaRequest<T>): Promise<T> {
    if (this.#broken) throw new Error('the connection is broken');
    let cut: (error: Error) => void = () => undefined;
    const broken = new Promise<never>((_, reject) => {
      cut = reject;
    });
    this.#waiting.add(cut);
    const answered = this.#before.then(() => this.#ask(request));
    this.#before = answered.catch(() => undefined);
    try {
      return await Promise.race([answered, broken]);
    } finally {
      this.#waiting.delete(cut);
    }
  }

  async #ask<T>(request: KafkaRequest<T>): Promise<T> {
    const { random } = this.#parts;
    if (this.#lose) {
      this.#lose = false;
      await this.#pause(lostMilliseconds);
      throw new Error('no answer in time');
    }
    await this.#pause(random.below(lateMilliseconds));
    const frame = new WireWriter()
      .int16(request.apiKey)
      .int16(request.apiVersion)
      .int32(this.#correlation++)
      .string('sim')
      .raw(request.body)
      .bytes();
    const pieces = await this.#parts.answer(frame);
    await this.#pause(random.below(lateMilliseconds) + this.#parts.delay());
    const answer = new Uint8Array(Buffer.concat(pieces ?? []));
    return request.read(answer.subarray(answerHeadBytes));
  }

  /** The next question is not answered. */
  loseNext(): void {
    this.#lose = true;
  }

  /** Breaks, with what is under way. */
  drop(): void {
    this.#broken = true;
    this.#parts.closed(this);
    for (const cut of this.#waiting) cut(new Error('the connection was lost'));
  }

  close(): Promise<void> {
    this.drop();
    return Promise.resolve();
  }
}
