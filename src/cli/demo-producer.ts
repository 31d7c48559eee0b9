/**
 * Sends the demo's traffic at a set rate: every few milliseconds one batch a partition. What could
 * not be sent in time is made up for, at most a second of it; a broker that does not take records
 * slows the producer down and nothing else.
 */
import { defined } from '../base/assert.ts';
import type { Clock } from '../base/seam.ts';
import type { KafkaConnection } from '../../connectors/kafka/client.ts';
import { RecordBatchBuilder } from '../../connectors/kafka/encode-batch.ts';
import type { OrderTraffic } from './demo-traffic.ts';

const tickMilliseconds = 20;
const retryMilliseconds = 500;
const makeUpMillisecondsMax = 1_000;
const encoder = new TextEncoder();

/** The topics and their partitions. */
export const demoTopics: ReadonlyMap<string, number> = new Map([
  ['orders', 4],
  ['payments', 2],
]);

interface Batch {
  readonly topic: string;
  readonly partition: number;
  readonly builder: RecordBatchBuilder;
}

/** See the head of this file. */
export class DemoProducer {
  readonly #connection: KafkaConnection;
  readonly #traffic: OrderTraffic;
  readonly #clock: Clock;
  readonly #rate: number;
  readonly #batches = new Map<string, Batch[]>();
  #sent = 0;
  #error: string | null = null;
  #stopped = false;
  #running: Promise<void> | null = null;
  #wake = (): void => undefined;

  /** `rate` in records a second. */
  constructor(connection: KafkaConnection, traffic: OrderTraffic, clock: Clock, rate: number) {
    this.#connection = connection;
    this.#traffic = traffic;
    this.#clock = clock;
    this.#rate = rate;
    for (const [topic, partitions] of demoTopics) {
      const batches = Array.from({ length: partitions }, (_, partition) => ({
        topic,
        partition,
        builder: new RecordBatchBuilder(),
      }));
      this.#batches.set(topic, batches);
    }
  }

  /** Records sent and acknowledged. */
  get sent(): number {
    return this.#sent;
  }

  /** Why nothing is sent at the moment; null if all is well. */
  get error(): string | null {
    return this.#error;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends it; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    let due = 0;
    let last = this.#clock.monotonic();
    while (!this.#stopped) {
      const now = this.#clock.monotonic();
      due = Math.min(
        due + (this.#rate * (now - last)) / 1000,
        (this.#rate * makeUpMillisecondsMax) / 1000,
      );
      last = now;
      const count = Math.floor(due);
      due -= count;
      await this.#send(count);
      await this.#pause(this.#error === null ? tickMilliseconds : retryMilliseconds);
    }
  }

  async #send(count: number): Promise<void> {
    const now = this.#clock.now();
    for (let k = 0; k < count; k++) {
      const { topic, id, key, value } = this.#traffic.next(now);
      const batches = defined(this.#batches.get(topic), 'traffic is for known topics');
      const { builder } = defined(batches[id % batches.length], 'a partition has a batch');
      builder.add(
        key === null ? null : encoder.encode(key),
        value === null ? null : encoder.encode(value),
        now,
      );
    }
    const full = [...this.#batches.values()].flat().filter(({ builder }) => builder.count > 0);
    const results = await Promise.allSettled(
      full.map(async ({ topic, partition, builder }) => {
        const records = builder.count;
        await this.#connection.produce(topic, partition, builder.finish({ codec: 'lz4' }));
        this.#sent += records;
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    const reason: unknown = failed?.reason;
    this.#error =
      failed === undefined ? null : reason instanceof Error ? reason.message : String(reason);
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(milliseconds, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
