/** The cluster and its topics: Metadata, CreateTopics and what else changes or describes them. */
import type { BrokerState } from './broker-state.ts';
import { nodeId } from './broker-state.ts';
import type { Endpoint } from './endpoint.ts';
import { endpoint } from './endpoint.ts';
import { brokerError } from './errors.ts';
import {
  createPartitionsApi,
  createTopicsApi,
  deleteRecordsApi,
  deleteTopicsApi,
  describeConfigsApi,
  metadataApi,
} from './messages-topic.ts';
import type { ValueOf } from './schema.ts';
import { Topic } from './topic.ts';

type TopicAnswer = ValueOf<typeof metadataApi.answer>['topics'][number];
type CreateRequest = ValueOf<typeof createTopicsApi.request>;
type CreateAnswer = ValueOf<typeof createTopicsApi.answer>['topics'][number];

const clusterId = 'millrace-embedded';
const noTopicId = '0'.repeat(32);
const topicResource = 2;
const brokerResource = 4;
/** Sources of a setting, as DescribeConfigs names them. */
const setOnTopic = 1;
const byDefault = 5;
const noOperations = -2_147_483_648;

function describeTopic(topic: Topic): TopicAnswer {
  return {
    error: brokerError.none,
    name: topic.name,
    id: topic.id,
    internal: false,
    operations: noOperations,
    partitions: topic.partitions.map((_, partition) => ({
      error: brokerError.none,
      partition,
      leader: nodeId,
      leaderEpoch: 0,
      replicas: [nodeId],
      inSync: [nodeId],
      offline: [],
    })),
  };
}

function missing(name: string | null, id: string, error: number): TopicAnswer {
  return { error, name, id, internal: false, partitions: [], operations: noOperations };
}

/** One topic that a client asks for, made if both sides want that. */
function findTopic(
  state: BrokerState,
  name: string | null,
  id: string,
  create: boolean,
): TopicAnswer {
  if (name === null) {
    const found = state.topics.byId(id);
    return found === undefined ? missing('', id, brokerError.unknownTopicId) : describeTopic(found);
  }
  const known = state.topics.get(name);
  if (known !== undefined) return describeTopic(known);
  if (!create || state.autoCreate === null)
    return missing(name, noTopicId, brokerError.unknownTopic);
  const made = state.topics.create(name, state.autoCreate);
  return made instanceof Topic ? describeTopic(made) : missing(name, noTopicId, made.error);
}

function metadata(state: BrokerState): Endpoint {
  return endpoint(metadataApi, (request, _client, fault) => {
    const topics =
      request.topics === null
        ? state.topics.all().map(describeTopic)
        : request.topics.map(({ name, id }) => findTopic(state, name, id, request.create));
    return {
      throttleMilliseconds: 0,
      cluster: clusterId,
      controller: nodeId,
      operations: noOperations,
      brokers: [{ node: nodeId, ...state.address, rack: null }],
      topics:
        fault === brokerError.none
          ? topics
          : topics.map((topic) => ({ ...topic, error: fault, partitions: [] })),
    };
  });
}

function createOne(
  state: BrokerState,
  asked: CreateRequest['topics'][number],
  validateOnly: boolean,
  fault: number,
): CreateAnswer {
  const { name, assignments } = asked;
  const answer = (error: number, message: string | null): CreateAnswer => ({
    name,
    error,
    message,
    partitions: -1,
    replication: -1,
    configs: [],
  });
  if (fault !== brokerError.none) return answer(fault, null);
  if (
    asked.replication > 1 ||
    assignments.some(({ brokers }) => brokers.some((node) => node !== nodeId))
  ) {
    return answer(brokerError.invalidReplication, 'this broker is the only one of its cluster');
  }
  const asMany =
    asked.partitions === -1
      ? assignments.length === 0
        ? (state.autoCreate ?? 1)
        : assignments.length
      : asked.partitions;
  const settings = new Map(
    asked.configs.flatMap((config): [string, string][] =>
      config.value === null ? [] : [[config.name, config.value]],
    ),
  );
  const refusal = state.topics.refusal(name, asMany, settings);
  if (refusal !== null) return answer(refusal.error, refusal.message);
  if (!validateOnly) state.topics.create(name, asMany, settings);
  return { ...answer(brokerError.none, null), partitions: asMany, replication: 1 };
}

function createTopics(state: BrokerState): Endpoint {
  return endpoint(createTopicsApi, (request, _client, fault) => ({
    throttleMilliseconds: 0,
    topics: request.topics.map((topic) => createOne(state, topic, request.validateOnly, fault)),
  }));
}

function deleteTopics(state: BrokerState): Endpoint {
  return endpoint(deleteTopicsApi, (request, _client, fault) => ({
    throttleMilliseconds: 0,
    topics: request.names.map((name) => {
      if (fault !== brokerError.none) return { name, error: fault, message: null };
      const deleted = state.topics.delete(name);
      return { name, error: deleted ? brokerError.none : brokerError.unknownTopic, message: null };
    }),
  }));
}

function deleteRecords(state: BrokerState): Endpoint {
  return endpoint(deleteRecordsApi, (request, _client, fault) => ({
    throttleMilliseconds: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition, offset }) => {
        const log = state.topics.log(name, partition);
        if (log === undefined) return { partition, logStart: -1n, error: brokerError.unknownTopic };
        if (fault !== brokerError.none) return { partition, logStart: -1n, error: fault };
        // -1 stands for everything.
        const before = offset === -1n ? BigInt(log.end) : offset;
        if (before < 0n || before > BigInt(log.end))
          return { partition, logStart: -1n, error: brokerError.offsetOutOfRange };
        log.deleteBefore(Number(before));
        return { partition, logStart: BigInt(log.start), error: brokerError.none };
      }),
    })),
  }));
}

function describeConfigs(state: BrokerState): Endpoint {
  return endpoint(describeConfigsApi, (request, _client, fault) => ({
    throttleMilliseconds: 0,
    results: request.resources.map(({ type, name, keys }) => {
      const topic = type === topicResource ? state.topics.get(name) : undefined;
      const known = topic !== undefined || type === brokerResource;
      const settings = (topic?.settings() ?? []).filter(
        (setting) => keys === null || keys.includes(setting.name),
      );
      return {
        error:
          fault !== brokerError.none ? fault : known ? brokerError.none : brokerError.unknownTopic,
        message: null,
        type,
        name,
        configs: settings.map((setting) => ({
          name: setting.name,
          value: setting.value,
          readOnly: true,
          source: setting.set ? setOnTopic : byDefault,
          sensitive: false,
          synonyms: [],
          type: 0,
          documentation: null,
        })),
      };
    }),
  }));
}

function createPartitions(state: BrokerState): Endpoint {
  return endpoint(createPartitionsApi, (request, _client, fault) => ({
    throttleMilliseconds: 0,
    results: request.topics.map(({ name, count }) => {
      if (fault !== brokerError.none) return { name, error: fault, message: null };
      const refusal = state.topics.grow(name, count, request.validateOnly);
      return { name, error: refusal?.error ?? brokerError.none, message: refusal?.message ?? null };
    }),
  }));
}

/** The APIs of this file. */
export function topicEndpoints(state: BrokerState): readonly Endpoint[] {
  return [
    metadata(state),
    createTopics(state),
    deleteTopics(state),
    deleteRecords(state),
    describeConfigs(state),
    createPartitions(state),
  ];
}
