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

/** Without a broker. */
export function plainWorld(random: Random, marks: Marks): World {
  const topics = new Map([
    ['src', new SimTopic(false, random, marks)],
    ['up', new SimTopic(true, random, marks)],
  ]);
  return {
    topics,
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
  const topics = new Map(
    ['src', 'up'].map((name) => [
      name,
      new ClusterTopic(name, name === 'up', cluster, random, marks),
    ]),
  );
  return {
    topics,
    connect: (clock, entropy) => {
      cluster.machineStarted(clock);
      return () => cluster.connect(clock, entropy);
    },
    trouble: () => cluster.trouble([...topics.keys()]),
  };
}
