/** Schemas of what moves records: Produce, Fetch, ListOffsets. */
import {
  api,
  array,
  int16,
  int32,
  int64,
  int8,
  nullableArray,
  nullableString,
  record,
  records,
  since,
  string,
} from './schema.ts';

export const produceApi = api(
  0,
  'Produce',
  [3, 9, 9],
  {
    transactionalId: nullableString,
    acks: int16,
    timeoutMilliseconds: int32,
    topics: array(
      record({
        name: string,
        partitions: array(record({ partition: int32, records })),
      }),
    ),
  },
  {
    topics: array(
      record({
        name: string,
        partitions: array(
          record({
            partition: int32,
            error: int16,
            baseOffset: int64,
            logAppendTime: int64,
            logStart: since(5, int64, 0n),
            recordErrors: since(
              8,
              array(record({ batchIndex: int32, message: nullableString })),
              [],
            ),
            message: since(8, nullableString, null),
          }),
        ),
      }),
    ),
    throttleMilliseconds: int32,
  },
);

export const fetchApi = api(
  1,
  'Fetch',
  [4, 12, 12],
  {
    replica: int32,
    waitMilliseconds: int32,
    bytesMin: int32,
    bytesMax: int32,
    isolation: int8,
    sessionId: since(7, int32, 0),
    sessionEpoch: since(7, int32, -1),
    topics: array(
      record({
        name: string,
        partitions: array(
          record({
            partition: int32,
            leaderEpoch: since(9, int32, -1),
            offset: int64,
            lastEpoch: since(12, int32, -1),
            logStart: since(5, int64, -1n),
            bytesMax: int32,
          }),
        ),
      }),
    ),
    forgotten: since(7, array(record({ name: string, partitions: array(int32) })), []),
    rack: since(11, string, ''),
  },
  {
    throttleMilliseconds: int32,
    error: since(7, int16, 0),
    sessionId: since(7, int32, 0),
    topics: array(
      record({
        name: string,
        partitions: array(
          record({
            partition: int32,
            error: int16,
            highWatermark: int64,
            lastStable: int64,
            logStart: since(5, int64, 0n),
            aborted: nullableArray(record({ producerId: int64, firstOffset: int64 })),
            preferredReplica: since(11, int32, -1),
            records,
          }),
        ),
      }),
    ),
  },
);

export const listOffsetsApi = api(
  2,
  'ListOffsets',
  [1, 7, 6],
  {
    replica: int32,
    isolation: since(2, int8, 0),
    topics: array(
      record({
        name: string,
        partitions: array(
          record({
            partition: int32,
            leaderEpoch: since(4, int32, -1),
            timestamp: int64,
          }),
        ),
      }),
    ),
  },
  {
    throttleMilliseconds: since(2, int32, 0),
    topics: array(
      record({
        name: string,
        partitions: array(
          record({
            partition: int32,
            error: int16,
            timestamp: int64,
            offset: int64,
            leaderEpoch: since(4, int32, -1),
          }),
        ),
      }),
    ),
  },
);
