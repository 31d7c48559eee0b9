/** Schemas of consumer groups and their committed offsets. */
import {
  api,
  array,
  bool,
  bytes,
  int16,
  int32,
  int64,
  int8,
  nullableArray,
  nullableString,
  record,
  since,
  string,
  within,
} from './schema.ts';

const instanceId = since(3, nullableString, null);

export const offsetCommitApi = api(
  8,
  'OffsetCommit',
  [2, 8, 8],
  {
    group: string,
    generation: int32,
    member: string,
    instance: since(7, nullableString, null),
    retentionMilliseconds: within(2, 4, int64, -1n),
    topics: array(
      record({
        name: string,
        partitions: array(
          record({
            partition: int32,
            offset: int64,
            leaderEpoch: since(6, int32, -1),
            metadata: nullableString,
          }),
        ),
      }),
    ),
  },
  {
    throttleMilliseconds: since(3, int32, 0),
    topics: array(
      record({
        name: string,
        partitions: array(record({ partition: int32, error: int16 })),
      }),
    ),
  },
);

export const offsetFetchApi = api(
  9,
  'OffsetFetch',
  [1, 7, 6],
  {
    group: string,
    /** NULL asks for all. */
    topics: nullableArray(record({ name: string, partitions: array(int32) })),
    requireStable: since(7, bool, false),
  },
  {
    throttleMilliseconds: since(3, int32, 0),
    topics: array(
      record({
        name: string,
        partitions: array(
          record({
            partition: int32,
            offset: int64,
            leaderEpoch: since(5, int32, -1),
            metadata: nullableString,
            error: int16,
          }),
        ),
      }),
    ),
    error: since(2, int16, 0),
  },
);

export const findCoordinatorApi = api(
  10,
  'FindCoordinator',
  [0, 3, 3],
  {
    key: string,
    keyType: since(1, int8, 0),
  },
  {
    throttleMilliseconds: since(1, int32, 0),
    error: int16,
    message: since(1, nullableString, null),
    node: int32,
    host: string,
    port: int32,
  },
);

export const joinGroupApi = api(
  11,
  'JoinGroup',
  [2, 7, 6],
  {
    group: string,
    sessionMilliseconds: int32,
    rebalanceMilliseconds: int32,
    member: string,
    instance: since(5, nullableString, null),
    protocolType: string,
    protocols: array(record({ name: string, metadata: bytes })),
  },
  {
    throttleMilliseconds: int32,
    error: int16,
    generation: int32,
    protocolType: since(7, nullableString, null),
    protocol: string,
    leader: string,
    member: string,
    members: array(
      record({ member: string, instance: since(5, nullableString, null), metadata: bytes }),
    ),
  },
);

export const heartbeatApi = api(
  12,
  'Heartbeat',
  [0, 4, 4],
  {
    group: string,
    generation: int32,
    member: string,
    instance: instanceId,
  },
  {
    throttleMilliseconds: since(1, int32, 0),
    error: int16,
  },
);

export const leaveGroupApi = api(
  13,
  'LeaveGroup',
  [0, 4, 4],
  {
    group: string,
    member: within(0, 2, string, ''),
    members: since(3, array(record({ member: string, instance: nullableString })), []),
  },
  {
    throttleMilliseconds: since(1, int32, 0),
    error: int16,
    members: since(
      3,
      array(record({ member: string, instance: nullableString, error: int16 })),
      [],
    ),
  },
);

export const syncGroupApi = api(
  14,
  'SyncGroup',
  [0, 5, 4],
  {
    group: string,
    generation: int32,
    member: string,
    instance: instanceId,
    protocolType: since(5, nullableString, null),
    protocol: since(5, nullableString, null),
    assignments: array(record({ member: string, assignment: bytes })),
  },
  {
    throttleMilliseconds: since(1, int32, 0),
    error: int16,
    protocolType: since(5, nullableString, null),
    protocol: since(5, nullableString, null),
    assignment: bytes,
  },
);

export const describeGroupsApi = api(
  15,
  'DescribeGroups',
  [0, 5, 5],
  {
    groups: array(string),
    operations: since(3, bool, false),
  },
  {
    throttleMilliseconds: since(1, int32, 0),
    groups: array(
      record({
        error: int16,
        group: string,
        state: string,
        protocolType: string,
        protocol: string,
        members: array(
          record({
            member: string,
            instance: since(4, nullableString, null),
            client: string,
            host: string,
            metadata: bytes,
            assignment: bytes,
          }),
        ),
        operations: since(3, int32, -2_147_483_648),
      }),
    ),
  },
);

export const listGroupsApi = api(
  16,
  'ListGroups',
  [0, 4, 3],
  {
    states: since(4, array(string), []),
  },
  {
    throttleMilliseconds: since(1, int32, 0),
    error: int16,
    groups: array(record({ group: string, protocolType: string, state: since(4, string, '') })),
  },
);

export const deleteGroupsApi = api(
  42,
  'DeleteGroups',
  [0, 2, 2],
  {
    groups: array(string),
  },
  {
    throttleMilliseconds: int32,
    results: array(record({ group: string, error: int16 })),
  },
);
