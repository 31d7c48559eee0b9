/**
 * One topic that a reader follows: its id, what the cluster has last said of it, and its
 * partitions. It changes when metadata come, and asks nobody.
 */
import type { Partition } from './partition.ts';
import { errorLeaderNotAvailable, errorName, errorNone, errorUnknownTopic } from './error-code.ts';
import type { TopicMetadata } from './protocol.ts';

/** Looks in a row at which a topic is not there before it is believed to be gone for good. */
const absencesMax = 3;

/** What metadata say of a topic. */
export type TopicState =
  /** It is there. */
  | { readonly kind: 'there' }
  /** It cannot be read now. */
  | { readonly kind: 'absent'; readonly reason: string; readonly gone: boolean }
  /** Another one has its name. */
  | { readonly kind: 'replaced' };

/** See the head of this file. */
export class FollowedTopic {
  readonly name: string;
  readonly partitions = new Map<number, Partition>();
  #id: string | null = null;
  #seen = false;
  #absences = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** The topic is known from before, with this id if that is known. */
  expect(id: string | null): void {
    this.#id ??= id;
    this.#seen = true;
  }

  /** Takes in what the cluster says; undefined: it does not know the topic. */
  take(metadata: TopicMetadata | undefined): TopicState {
    const error = metadata?.error ?? errorUnknownTopic;
    const hopeful = error === errorNone || error === errorLeaderNotAvailable;
    if (metadata === undefined || !hopeful || metadata.partitions.length === 0) {
      if (error === errorUnknownTopic) this.#absences++;
      return { kind: 'absent', reason: this.#absence(error), gone: this.#absences >= absencesMax };
    }
    this.#absences = 0;
    if (this.#id !== null && metadata.id !== null && metadata.id !== this.#id)
      return { kind: 'replaced' };
    this.expect(metadata.id);
    return { kind: 'there' };
  }

  #absence(error: number): string {
    if (error !== errorUnknownTopic && error !== errorNone)
      return `topic "${this.name}": ${errorName(error)}`;
    return this.#seen
      ? `topic "${this.name}" was deleted`
      : `topic "${this.name}" does not exist yet`;
  }
}
