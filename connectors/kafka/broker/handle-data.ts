/** Produce, Fetch and ListOffsets. */
import { limits } from '../../../src/base/limits.ts';
import type { BrokerState } from './broker-state.ts';
import type { Endpoint } from './endpoint.ts';
import { endpoint } from './endpoint.ts';
import { brokerError } from './errors.ts';
import { fetchApi, listOffsetsApi, produceApi } from './messages-data.ts';
import type { PartitionLog } from './partition-log.ts';
import { readProducedBatch } from './produced-batch.ts';
import type { ValueOf } from './schema.ts';

type FetchRequest = ValueOf<typeof fetchApi.request>;
type FetchAnswer = ValueOf<typeof fetchApi.answer>;
type FetchedPartition = FetchAnswer['topics'][number]['partitions'][number];

const earliest = -2n;
const latest = -1n;
const youngest = -3n;
const safeOffset = BigInt(Number.MAX_SAFE_INTEGER);

/** The log of a partition, or the error code for which it cannot be used. */
function findLog(
  state: BrokerState,
  topic: string,
  partition: number,
  fault: number,
): PartitionLog | number {
  const error = fault !== brokerError.none ? fault : state.faults.ofTopic(topic);
  return error !== brokerError.none
    ? error
    : (state.topics.log(topic, partition) ?? brokerError.unknownTopic);
}

/** Appends one partition's batch; answers its offset or an error code. */
function append(
  state: BrokerState,
  topic: string,
  log: PartitionLog,
  bytes: Uint8Array | undefined,
): bigint | number {
  const settings = state.topics.get(topic);
  if (bytes === undefined || settings === undefined) return brokerError.invalidRecord;
  const batch = readProducedBatch(bytes, settings.messageBytesMax);
  if (typeof batch === 'number') return batch;
  if (batch.transactional) {
    const error = state.transactions.check(batch.producerId, batch.epoch, log);
    if (error !== brokerError.none) return error;
  }
  const verdict = log.producers.check(batch);
  if (verdict.kind === 'refuse') return verdict.error;
  if (verdict.kind === 'duplicate') return BigInt(verdict.baseOffset);
  if (!log.hasRoom(bytes.length)) return brokerError.storage;
  const base = log.append(batch);
  log.retain(settings.retentionBytes);
  return BigInt(base);
}

function produce(state: BrokerState): Endpoint {
  return endpoint(produceApi, (request, _client, fault) => {
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition, records }) => {
        const log = findLog(state, name, partition, fault);
        const done = typeof log === 'number' ? log : append(state, name, log, records[0]);
        const error = typeof done === 'number' ? done : brokerError.none;
        return {
          partition,
          error,
          baseOffset: typeof done === 'number' ? -1n : done,
          logAppendTime: -1n,
          logStart: typeof log === 'number' ? -1n : BigInt(log.start),
          recordErrors: [],
          message: null,
        };
      }),
    }));
    return request.acks === 0 ? null : { topics, throttleMilliseconds: 0 };
  });
}

function failedFetch(partition: number, error: number, log: PartitionLog | null): FetchedPartition {
  return {
    partition,
    error,
    highWatermark: BigInt(log?.end ?? -1),
    lastStable: BigInt(log?.lastStable ?? -1),
    logStart: BigInt(log?.start ?? -1),
    aborted: [],
    preferredReplica: -1,
    records: [],
  };
}

/** One look at the partitions that a Fetch asks for. */
interface Look {
  readonly topics: FetchAnswer['topics'];
  readonly bytes: number;
  readonly failed: boolean;
  readonly logs: readonly PartitionLog[];
}

function look(state: BrokerState, request: FetchRequest, fault: number): Look {
  const logs: PartitionLog[] = [];
  let bytes = 0;
  let failed = false;
  const read = (
    topic: string,
    { partition, offset, bytesMax }: FetchRequest['topics'][number]['partitions'][number],
  ): FetchedPartition => {
    const log = findLog(state, topic, partition, fault);
    const outside =
      typeof log !== 'number' && (offset < BigInt(log.start) || offset > BigInt(log.end));
    if (typeof log === 'number' || outside) {
      failed = true;
      return typeof log === 'number'
        ? failedFetch(partition, log, null)
        : failedFetch(partition, brokerError.offsetOutOfRange, log);
    }
    logs.push(log);
    const room = Math.min(request.bytesMax, limits.brokerFrameBytesMax) - bytes;
    const found = log.fetch(
      Number(offset),
      Math.max(0, Math.min(bytesMax, room)),
      request.isolation === 1,
      bytes === 0,
    );
    bytes += found.bytes;
    return {
      ...failedFetch(partition, brokerError.none, log),
      aborted: found.aborted,
      records: state.faults.recordsOf(topic, found.pieces),
    };
  };
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((p) => read(name, p)),
  }));
  return { topics, bytes, failed, logs };
}

/** Waits for something new in one of the logs, at most so long. */
async function somethingNew(
  state: BrokerState,
  logs: readonly PartitionLog[],
  milliseconds: number,
): Promise<void> {
  let woken = (): void => undefined;
  await state.waits.pause(milliseconds, (wake) => {
    woken = wake;
    for (const log of logs) log.waiting.add(wake);
  });
  for (const log of logs) log.waiting.delete(woken);
}

function fetch(state: BrokerState): Endpoint {
  return endpoint(fetchApi, async (request, _client, fault) => {
    const answer = (error: number, topics: FetchAnswer['topics']): FetchAnswer => ({
      throttleMilliseconds: 0,
      error,
      sessionId: 0,
      topics,
    });
    // This broker keeps no fetch sessions: it never hands out an id, so nobody can have one.
    if (request.sessionId !== 0) return answer(brokerError.sessionIdNotFound, []);
    const deadline =
      state.clock.now() + Math.min(request.waitMilliseconds, limits.brokerTimeoutMillisecondsMax);
    for (;;) {
      const found = look(state, request, fault);
      const left = deadline - state.clock.now();
      if (found.failed || found.bytes >= request.bytesMin || left <= 0 || state.waits.stopped)
        return answer(0, found.topics);
      await somethingNew(state, found.logs, left);
    }
  });
}

/** Offset and timestamp of one question to ListOffsets. */
function locate(
  log: PartitionLog,
  timestamp: bigint,
  committed: boolean,
): { readonly offset: bigint; readonly timestamp: bigint } {
  if (timestamp === earliest) return { offset: BigInt(log.start), timestamp: -1n };
  if (timestamp === latest)
    return { offset: BigInt(committed ? log.lastStable : log.end), timestamp: -1n };
  const wanted =
    timestamp === youngest
      ? log.maxTimestamp
      : Number(timestamp > safeOffset ? safeOffset : timestamp);
  const found = log.findTime(wanted, committed);
  if (found === null) return { offset: -1n, timestamp: -1n };
  return { offset: BigInt(found.offset), timestamp: BigInt(found.timestamp) };
}

function listOffsets(state: BrokerState): Endpoint {
  return endpoint(listOffsetsApi, (request, _client, fault) => ({
    throttleMilliseconds: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition, timestamp }) => {
        const log = findLog(state, name, partition, fault);
        if (typeof log === 'number')
          return { partition, error: log, timestamp: -1n, offset: -1n, leaderEpoch: -1 };
        return {
          partition,
          error: brokerError.none,
          leaderEpoch: 0,
          ...locate(log, timestamp, request.isolation === 1),
        };
      }),
    })),
  }));
}

/** The APIs of this file. */
export function dataEndpoints(state: BrokerState): readonly Endpoint[] {
  return [produce(state), fetch(state), listOffsets(state)];
}
