/** Schemas of idempotent and transactional producers. */
import {
  api,
  array,
  bool,
  int16,
  int32,
  int64,
  nullableString,
  record,
  since,
  string,
} from './schema.ts';

export const initProducerIdApi = api(
  22,
  'InitProducerId',
  [0, 4, 2],
  {
    transactionalId: nullableString,
    timeoutMilliseconds: int32,
    producerId: since(3, int64, -1n),
    epoch: since(3, int16, -1),
  },
  {
    throttleMilliseconds: int32,
    error: int16,
    producerId: int64,
    epoch: int16,
  },
);

export const addPartitionsApi = api(
  24,
  'AddPartitionsToTxn',
  [0, 3, 3],
  {
    transactionalId: string,
    producerId: int64,
    epoch: int16,
    topics: array(record({ name: string, partitions: array(int32) })),
  },
  {
    throttleMilliseconds: int32,
    topics: array(
      record({
        name: string,
        partitions: array(record({ partition: int32, error: int16 })),
      }),
    ),
  },
);

export const addOffsetsApi = api(
  25,
  'AddOffsetsToTxn',
  [0, 3, 3],
  {
    transactionalId: string,
    producerId: int64,
    epoch: int16,
    group: string,
  },
  {
    throttleMilliseconds: int32,
    error: int16,
  },
);

export const endTransactionApi = api(
  26,
  'EndTxn',
  [0, 3, 3],
  {
    transactionalId: string,
    producerId: int64,
    epoch: int16,
    commit: bool,
  },
  {
    throttleMilliseconds: int32,
    error: int16,
  },
);

export const commitOffsetsApi = api(
  28,
  'TxnOffsetCommit',
  [0, 3, 3],
  {
    transactionalId: string,
    group: string,
    producerId: int64,
    epoch: int16,
    generation: since(3, int32, -1),
    member: since(3, string, ''),
    instance: since(3, nullableString, null),
    topics: array(
      record({
        name: string,
        partitions: array(
          record({
            partition: int32,
            offset: int64,
            leaderEpoch: since(2, int32, -1),
            metadata: nullableString,
          }),
        ),
      }),
    ),
  },
  {
    throttleMilliseconds: int32,
    topics: array(
      record({
        name: string,
        partitions: array(record({ partition: int32, error: int16 })),
      }),
    ),
  },
);
