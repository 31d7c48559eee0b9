/** Topics of the embedded broker: names, partitions, the few settings that it heeds. */
import { limits } from '../../../src/base/limits.ts';
import type { Entropy } from '../../../src/base/seam.ts';
import { brokerError } from './errors.ts';
import type { MemoryBudget } from './partition-log.ts';
import { PartitionLog } from './partition-log.ts';

/** Settings that are heeded, with their defaults. -1 is "without bound". */
const heeded: ReadonlyMap<string, number> = new Map([
  ['max.message.bytes', 1_048_588],
  ['retention.bytes', -1],
]);
/**
 * Settings that are taken and shown, without effect: nothing is compacted or expires by time here.
 */
const shown: ReadonlyMap<string, string> = new Map([
  ['cleanup.policy', 'delete'],
  ['compression.type', 'producer'],
  ['retention.ms', '-1'],
  ['message.timestamp.type', 'CreateTime'],
  ['min.insync.replicas', '1'],
  ['segment.bytes', '1048576'],
]);

/** A refusal, with Kafka's code and words for people. */
export interface Refusal {
  readonly error: number;
  readonly message: string;
}

/** One topic. */
export class Topic {
  readonly name: string;
  /** Thirty-two hexadecimal digits. */
  readonly id: string;
  readonly partitions: PartitionLog[] = [];
  readonly #settings: ReadonlyMap<string, string>;

  constructor(name: string, id: string, settings: ReadonlyMap<string, string>) {
    this.name = name;
    this.id = id;
    this.#settings = settings;
  }

  #number(name: string): number {
    return Number(this.#settings.get(name) ?? heeded.get(name) ?? -1);
  }

  get messageBytesMax(): number {
    return this.#number('max.message.bytes');
  }

  /** Bytes that a partition keeps; Infinity by default. */
  get retentionBytes(): number {
    const bytes = this.#number('retention.bytes');
    return bytes < 0 ? Infinity : bytes;
  }

  /** Every setting with its value, and whether it is the default. */
  settings(): { readonly name: string; readonly value: string; readonly set: boolean }[] {
    const defaults = [...heeded].map(([name, value]): [string, string] => [name, String(value)]);
    return [...defaults, ...shown].map(([name, value]) => ({
      name,
      value: this.#settings.get(name) ?? value,
      set: this.#settings.has(name),
    }));
  }
}

function checkSettings(settings: ReadonlyMap<string, string>): Refusal | null {
  for (const [name, value] of settings) {
    if (heeded.has(name)) {
      if (/^-?\d{1,15}$/.test(value)) continue;
      return {
        error: brokerError.invalidConfig,
        message: `"${value}" is not a number for ${name}`,
      };
    }
    if (!shown.has(name))
      return { error: brokerError.invalidConfig, message: `unknown topic setting ${name}` };
    if (name === 'message.timestamp.type' && value !== 'CreateTime') {
      return {
        error: brokerError.invalidConfig,
        message: 'this broker keeps the time of the producer',
      };
    }
  }
  return null;
}

/** All topics of a broker. */
export class Topics {
  readonly #topics = new Map<string, Topic>();
  readonly #budget: MemoryBudget;
  readonly #entropy: Entropy;
  #partitions = 0;

  constructor(budget: MemoryBudget, entropy: Entropy) {
    this.#budget = budget;
    this.#entropy = entropy;
  }

  all(): readonly Topic[] {
    return [...this.#topics.values()];
  }

  get(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  byId(id: string): Topic | undefined {
    return this.all().find((topic) => topic.id === id);
  }

  log(name: string, partition: number): PartitionLog | undefined {
    return this.#topics.get(name)?.partitions[partition];
  }

  /** Why a topic cannot be made; null if it can. */
  refusal(name: string, partitions: number, settings: ReadonlyMap<string, string>): Refusal | null {
    if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..') {
      return {
        error: brokerError.invalidTopic,
        message: 'a topic name has 1 to 249 letters, digits, ".", "_" or "-"',
      };
    }
    if (this.#topics.has(name))
      return { error: brokerError.topicExists, message: `topic "${name}" exists already` };
    return this.#partitionRefusal(partitions) ?? checkSettings(settings);
  }

  #partitionRefusal(more: number): Refusal | null {
    if (more < 1)
      return {
        error: brokerError.invalidPartitions,
        message: 'a topic has at least one partition',
      };
    if (this.#partitions + more <= limits.brokerPartitionsMax) return null;
    return {
      error: brokerError.policyViolation,
      message: `this broker keeps at most ${limits.brokerPartitionsMax} partitions`,
    };
  }

  /** Makes a topic, or says why not. */
  create(
    name: string,
    partitions: number,
    settings: ReadonlyMap<string, string> = new Map(),
  ): Topic | Refusal {
    const refusal = this.refusal(name, partitions, settings);
    if (refusal !== null) return refusal;
    const id = Buffer.from(this.#entropy.bytes(16)).toString('hex');
    const topic = new Topic(name, id, settings);
    this.#topics.set(name, topic);
    this.#add(topic, partitions);
    return topic;
  }

  #add(topic: Topic, count: number): void {
    for (let k = 0; k < count; k++)
      topic.partitions.push(new PartitionLog(this.#budget, topic.retentionBytes));
    this.#partitions += count;
  }

  /** Grows a topic to `count` partitions. */
  grow(name: string, count: number, validateOnly: boolean): Refusal | null {
    const topic = this.#topics.get(name);
    if (topic === undefined)
      return { error: brokerError.unknownTopic, message: `topic "${name}" does not exist` };
    if (count <= topic.partitions.length) {
      return {
        error: brokerError.invalidPartitions,
        message: `topic "${name}" has ${topic.partitions.length} partitions already`,
      };
    }
    const more = count - topic.partitions.length;
    const refusal = this.#partitionRefusal(more);
    if (refusal === null && !validateOnly) this.#add(topic, more);
    return refusal;
  }

  /** False if there is no such topic. */
  delete(name: string): boolean {
    const topic = this.#topics.get(name);
    if (topic === undefined) return false;
    this.#topics.delete(name);
    this.#partitions -= topic.partitions.length;
    for (const log of topic.partitions) log.close();
    return true;
  }
}
