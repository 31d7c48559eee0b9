/**
 * The embedded broker: enough of Kafka for the demo, tests and benchmarks, in this process and in
 * memory. It listens on loopback only, and whatever it holds is gone when the process ends; nothing
 * is replicated, compacted or expired by time. What it does speak behaves as Kafka's own:
 * idempotent and transactional producers, read_committed, consumer groups, all codecs.
 */
import { assert } from '../../../src/base/assert.ts';
import { limits } from '../../../src/base/limits.ts';
import type { Clock, Entropy, Log } from '../../../src/base/seam.ts';
import type { BrokerState } from './broker-state.ts';
import { Dispatch } from './dispatch.ts';
import { Faults } from './faults.ts';
import { Groups } from './groups.ts';
import { Listener } from './listener.ts';
import type { MemoryBudget } from './partition-log.ts';
import { Topic, Topics } from './topic.ts';
import { Transactions } from './transactions.ts';
import { Waits } from './waits.ts';

const loopback = '127.0.0.1';

/** How to start a broker. */
export interface EmbeddedBrokerOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /**
   * Partitions of a topic that a client asks for and that does not exist; null, the default, makes
   * none.
   */
  readonly autoCreatePartitions?: number | null;
  /** Bytes of records that are kept; `brokerKeptBytesMax` by default. */
  readonly keptBytesMax?: number;
}

/** See the head of this file. */
export class EmbeddedBroker {
  readonly faults: Faults;
  readonly #listener: Listener;
  readonly #state: BrokerState;
  readonly #budget: MemoryBudget;

  private constructor(options: EmbeddedBrokerOptions) {
    const { clock, entropy, log } = options;
    const waits = new Waits(clock);
    const budget: MemoryBudget = {
      used: 0,
      bytesMax: options.keptBytesMax ?? limits.brokerKeptBytesMax,
    };
    const groups = new Groups(waits, entropy);
    this.#budget = budget;
    this.faults = new Faults(clock, () => this.#listener.drop());
    this.#state = {
      topics: new Topics(budget, entropy),
      groups,
      transactions: new Transactions(clock, waits, groups),
      faults: this.faults,
      waits,
      clock,
      address: { host: loopback, port: options.port ?? 0 },
      autoCreate: options.autoCreatePartitions ?? null,
    };
    const dispatch = new Dispatch(this.#state);
    this.#listener = new Listener({ dispatch, faults: () => this.faults, waits, log });
  }

  /** Starts a broker. Throws 58000 if the port is taken. */
  static async start(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
    const broker = new EmbeddedBroker(options);
    await broker.up();
    return broker;
  }

  get port(): number {
    return this.#state.address.port;
  }

  /** `host:port`, as clients are given it. */
  get brokers(): string {
    return `${loopback}:${this.port}`;
  }

  /** Bytes that its topics hold. */
  get keptBytes(): number {
    return this.#budget.used;
  }

  /** Open connections. */
  get connections(): number {
    return this.#listener.connections;
  }

  /** Makes a topic; false if it exists already. */
  createTopic(
    name: string,
    partitions = 1,
    settings: ReadonlyMap<string, string> = new Map(),
  ): boolean {
    if (this.#state.topics.get(name) !== undefined) return false;
    const made = this.#state.topics.create(name, partitions, settings);
    assert(made instanceof Topic, `topic "${name}" can be made`);
    return true;
  }

  /** Log end of a partition, -1 if there is none. */
  end(topic: string, partition: number): number {
    return this.#state.topics.log(topic, partition)?.end ?? -1;
  }

  /** Goes away as in a crash: no port, no connections. What it holds stays. */
  async down(): Promise<void> {
    await this.#listener.close();
  }

  /** Listens (again), on the port that it had. */
  async up(): Promise<void> {
    this.#state.address.port = await this.#listener.listen(loopback, this.port);
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    this.#state.waits.stop();
    await this.#listener.close();
  }
}
