/** All consumer groups of the embedded broker, and the offsets that they have committed. */
import { limits } from '../../../src/base/limits.ts';
import type { Entropy } from '../../../src/base/seam.ts';
import { brokerError } from './errors.ts';
import { Group } from './group.ts';
import type { Waits } from './waits.ts';

/** How far a group has read a partition. */
export interface CommittedOffset {
  readonly offset: bigint;
  readonly leaderEpoch: number;
  readonly metadata: string | null;
}

/** See the head of this file. */
export class Groups {
  readonly #waits: Waits;
  readonly #entropy: Entropy;
  readonly #groups = new Map<string, Group>();
  /** By group, by topic, by partition. */
  readonly #offsets = new Map<string, Map<string, Map<number, CommittedOffset>>>();
  #offsetCount = 0;

  constructor(waits: Waits, entropy: Entropy) {
    this.#waits = waits;
    this.#entropy = entropy;
  }

  get(id: string): Group | undefined {
    return this.#groups.get(id);
  }

  /** The group, made if need be; an error code if there may be no more. */
  open(id: string): Group | number {
    const known = this.#groups.get(id);
    if (known !== undefined) return known;
    if (id === '') return brokerError.invalidRequest;
    if (this.#groups.size >= limits.brokerGroupsMax) return brokerError.policyViolation;
    const made = new Group(id, this.#waits);
    this.#groups.set(id, made);
    return made;
  }

  all(): readonly Group[] {
    return [...this.#groups.values()];
  }

  newMember(client: string): string {
    return `${client}-${Buffer.from(this.#entropy.bytes(16)).toString('hex')}`;
  }

  /** Keeps a committed offset; false if there are too many. */
  keepOffset(group: string, topic: string, partition: number, offset: CommittedOffset): boolean {
    let topics = this.#offsets.get(group);
    if (topics === undefined) this.#offsets.set(group, (topics = new Map()));
    let partitions = topics.get(topic);
    if (partitions === undefined) topics.set(topic, (partitions = new Map()));
    if (!partitions.has(partition)) {
      if (this.#offsetCount >= limits.brokerOffsetsMax) return false;
      this.#offsetCount++;
    }
    partitions.set(partition, offset);
    return true;
  }

  offset(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#offsets.get(group)?.get(topic)?.get(partition);
  }

  /** What a group has committed. */
  committed(group: string): { readonly name: string; readonly partitions: readonly number[] }[] {
    return [...(this.#offsets.get(group) ?? [])].map(([name, partitions]) => ({
      name,
      partitions: [...partitions.keys()],
    }));
  }

  /** Takes a group out; answers the error for which it stays. */
  delete(id: string): number {
    const group = this.#groups.get(id);
    if (group === undefined && !this.#offsets.has(id)) return brokerError.groupIdNotFound;
    if (group !== undefined && !group.empty) return brokerError.nonEmptyGroup;
    for (const partitions of this.#offsets.get(id)?.values() ?? [])
      this.#offsetCount -= partitions.size;
    this.#offsets.delete(id);
    this.#groups.delete(id);
    return brokerError.none;
  }
}
