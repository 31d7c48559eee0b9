/** Schemas of what concerns the cluster and its topics. */
import {
  api,
  array,
  bool,
  int16,
  int32,
  int64,
  int8,
  nullableArray,
  nullableString,
  record,
  since,
  string,
  uuid,
  within,
} from './schema.ts';

const noTopicId = '0'.repeat(32);
/** "Authorized operations were not asked for." */
const noOperations = -2_147_483_648;

export const metadataApi = api(
  3,
  'Metadata',
  [1, 12, 9],
  {
    /** NULL asks for all topics. */
    topics: nullableArray(
      record({
        id: since(10, uuid, noTopicId),
        name: nullableString,
      }),
    ),
    create: since(4, bool, true),
    clusterOperations: within(8, 10, bool, false),
    topicOperations: since(8, bool, false),
  },
  {
    throttleMilliseconds: since(3, int32, 0),
    brokers: array(record({ node: int32, host: string, port: int32, rack: nullableString })),
    cluster: since(2, nullableString, null),
    controller: int32,
    topics: array(
      record({
        error: int16,
        name: nullableString,
        id: since(10, uuid, noTopicId),
        internal: bool,
        partitions: array(
          record({
            error: int16,
            partition: int32,
            leader: int32,
            leaderEpoch: since(7, int32, -1),
            replicas: array(int32),
            inSync: array(int32),
            offline: since(5, array(int32), []),
          }),
        ),
        operations: since(8, int32, noOperations),
      }),
    ),
    operations: within(8, 10, int32, noOperations),
  },
);

export const apiVersionsApi = api(
  18,
  'ApiVersions',
  [0, 3, 3],
  {
    software: since(3, string, ''),
    softwareVersion: since(3, string, ''),
  },
  {
    error: int16,
    apis: array(record({ key: int16, min: int16, max: int16 })),
    throttleMilliseconds: since(1, int32, 0),
  },
);

export const createTopicsApi = api(
  19,
  'CreateTopics',
  [2, 5, 5],
  {
    topics: array(
      record({
        name: string,
        partitions: int32,
        replication: int16,
        assignments: array(record({ partition: int32, brokers: array(int32) })),
        configs: array(record({ name: string, value: nullableString })),
      }),
    ),
    timeoutMilliseconds: int32,
    validateOnly: bool,
  },
  {
    throttleMilliseconds: int32,
    topics: array(
      record({
        name: string,
        error: int16,
        message: nullableString,
        partitions: since(5, int32, -1),
        replication: since(5, int16, -1),
        configs: since(
          5,
          nullableArray(
            record({
              name: string,
              value: nullableString,
              readOnly: bool,
              source: int8,
              sensitive: bool,
            }),
          ),
          [],
        ),
      }),
    ),
  },
);

export const deleteTopicsApi = api(
  20,
  'DeleteTopics',
  [1, 5, 4],
  {
    names: array(string),
    timeoutMilliseconds: int32,
  },
  {
    throttleMilliseconds: int32,
    topics: array(record({ name: string, error: int16, message: since(5, nullableString, null) })),
  },
);

export const deleteRecordsApi = api(
  21,
  'DeleteRecords',
  [0, 2, 2],
  {
    topics: array(
      record({
        name: string,
        partitions: array(record({ partition: int32, offset: int64 })),
      }),
    ),
    timeoutMilliseconds: int32,
  },
  {
    throttleMilliseconds: int32,
    topics: array(
      record({
        name: string,
        partitions: array(record({ partition: int32, logStart: int64, error: int16 })),
      }),
    ),
  },
);

export const describeConfigsApi = api(
  32,
  'DescribeConfigs',
  [1, 4, 4],
  {
    resources: array(record({ type: int8, name: string, keys: nullableArray(string) })),
    synonyms: bool,
    documentation: since(3, bool, false),
  },
  {
    throttleMilliseconds: int32,
    results: array(
      record({
        error: int16,
        message: nullableString,
        type: int8,
        name: string,
        configs: array(
          record({
            name: string,
            value: nullableString,
            readOnly: bool,
            source: int8,
            sensitive: bool,
            synonyms: array(record({ name: string, value: nullableString, source: int8 })),
            type: since(3, int8, 0),
            documentation: since(3, nullableString, null),
          }),
        ),
      }),
    ),
  },
);

export const createPartitionsApi = api(
  37,
  'CreatePartitions',
  [0, 3, 2],
  {
    topics: array(
      record({
        name: string,
        count: int32,
        assignments: nullableArray(record({ brokers: array(int32) })),
      }),
    ),
    timeoutMilliseconds: int32,
    validateOnly: bool,
  },
  {
    throttleMilliseconds: int32,
    results: array(record({ name: string, error: int16, message: nullableString })),
  },
);
