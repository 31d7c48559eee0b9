/**
 * The topics of a seed and the way to them: either connections of our own that misbehave in every
 * way that the interface of connectors allows, or the product's Kafka client on the embedded broker.
 */
import type { Random } from '../support/random.ts';
import { ClusterTopic } from './cluster-topic.ts';
import type { Connect } from './machine.ts';
import { seededEntropy } from './machine.ts';
import type { Marks } from './marks.ts';
import { SimCluster } from './sim-cluster.ts';
import type { TopicTruth } from './sim-topic.ts';
import { connectTopics, SimTopic } from './sim-topic.ts';

/** See the head of this file. */
export interface World {
  readonly topics: ReadonlyMap<string, TopicTruth>;
  readonly connect: Connect;
  /** Something goes wrong on the way. */
  trouble(): void;
}

/** A second topic of the stream, which comes one day. */
const secondName = 'src2';
const secondChance = 0.02;

/** What a source of several topics reads. */
class Several implements TopicTruth {
  readonly keyed = false;
  readonly #topics: TopicTruth[];
  readonly #second: () => TopicTruth;
  readonly #random: Random;
  readonly #marks: Marks;

  constructor(first: TopicTruth, second: () => TopicTruth, random: Random, marks: Marks) {
    this.#topics = [first];
    this.#second = second;
    this.#random = random;
    this.#marks = marks;
  }

  get partitions(): TopicTruth['partitions'] {
    return this.#topics.flatMap(({ partitions }) => partitions);
  }

  produce(): void {
    if (this.#topics.length === 1 && this.#random.chance(secondChance)) {
      this.#topics.push(this.#second());
      this.#marks.sometimes('topic appeared');
    }
    this.#random.pick(this.#topics).produce();
  }
}

/** Without a broker. */
export function plainWorld(random: Random, marks: Marks): World {
  const src = new SimTopic('a', false, random, marks);
  const up = new SimTopic('a', true, random, marks);
  const topics = new Map([
    ['src', src],
    ['up', up],
  ]);
  const second = (): SimTopic => {
    const topic = new SimTopic('b', false, random, marks);
    topics.set(secondName, topic);
    return topic;
  };
  return {
    topics: new Map<string, TopicTruth>([
      ['src', new Several(src, second, random, marks)],
      ['up', up],
    ]),
    connect: (clock) => {
      const failures = random.chance(0.5) ? 0.1 : 0;
      return () => connectTopics({ topics, clock, random, marks, failures });
    },
    trouble: () => undefined,
  };
}

/** With the embedded broker. */
export function clusterWorld(random: Random, marks: Marks): World {
  const cluster = new SimCluster(random, seededEntropy(random), marks);
  const topic = (name: string, letter: string): ClusterTopic =>
    new ClusterTopic(name, letter, name === 'up', cluster, random, marks);
  const topics = new Map<string, TopicTruth>([
    ['src', new Several(topic('src', 'a'), () => topic(secondName, 'b'), random, marks)],
    ['up', topic('up', 'a')],
  ]);
  return {
    topics,
    connect: (clock, entropy) => {
      cluster.machineStarted(clock);
      return () => cluster.connect(clock, entropy);
    },
    trouble: () => cluster.trouble(cluster.topics.all().map(({ name }) => name)),
  };
}
