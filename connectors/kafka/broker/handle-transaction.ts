/** Idempotent and transactional producers. */
import type { BrokerState } from './broker-state.ts';
import type { Endpoint } from './endpoint.ts';
import { endpoint } from './endpoint.ts';
import { brokerError } from './errors.ts';
import {
  addOffsetsApi,
  addPartitionsApi,
  commitOffsetsApi,
  endTransactionApi,
  initProducerIdApi,
} from './messages-transaction.ts';
import type { PartitionLog } from './partition-log.ts';

function initProducerId(state: BrokerState): Endpoint {
  return endpoint(initProducerIdApi, (request, _client, fault) => {
    if (fault !== brokerError.none)
      return { throttleMilliseconds: 0, error: fault, producerId: -1n, epoch: -1 };
    return {
      throttleMilliseconds: 0,
      ...state.transactions.init(request.transactionalId, request.timeoutMilliseconds),
    };
  });
}

/** All partitions join the transaction, or none if one does not exist. */
function addPartitions(state: BrokerState): Endpoint {
  return endpoint(addPartitionsApi, (request, _client, fault) => {
    const logs: PartitionLog[] = [];
    let unknown = false;
    for (const { name, partitions } of request.topics) {
      for (const partition of partitions) {
        const log = state.topics.log(name, partition);
        if (log === undefined) unknown = true;
        else logs.push(log);
      }
    }
    const { transactionalId, producerId, epoch } = request;
    const error =
      fault !== brokerError.none
        ? fault
        : unknown
          ? brokerError.unknownTopic
          : state.transactions.addPartitions(transactionalId, producerId, epoch, logs);
    return {
      throttleMilliseconds: 0,
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((partition) => ({ partition, error })),
      })),
    };
  });
}

function addOffsets(state: BrokerState): Endpoint {
  return endpoint(addOffsetsApi, (request, _client, fault) => {
    const { transactionalId, producerId, epoch } = request;
    const error =
      fault !== brokerError.none
        ? fault
        : state.transactions.addOffsets(transactionalId, producerId, epoch);
    return { throttleMilliseconds: 0, error };
  });
}

function endTransaction(state: BrokerState): Endpoint {
  return endpoint(endTransactionApi, (request, _client, fault) => {
    const { transactionalId, producerId, epoch, commit } = request;
    const error =
      fault !== brokerError.none
        ? fault
        : state.transactions.end(transactionalId, producerId, epoch, commit);
    return { throttleMilliseconds: 0, error };
  });
}

function commitOffsets(state: BrokerState): Endpoint {
  return endpoint(commitOffsetsApi, (request, _client, fault) => {
    const { transactionalId, producerId, epoch, group } = request;
    return {
      throttleMilliseconds: 0,
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partition, offset, leaderEpoch, metadata }) => ({
          partition,
          error:
            fault !== brokerError.none
              ? fault
              : state.transactions.commitOffset(
                  transactionalId,
                  producerId,
                  epoch,
                  group,
                  name,
                  partition,
                  { offset, leaderEpoch, metadata },
                ),
        })),
      })),
    };
  });
}

/** The APIs of this file. */
export function transactionEndpoints(state: BrokerState): readonly Endpoint[] {
  return [
    initProducerId(state),
    addPartitions(state),
    addOffsets(state),
    endTransaction(state),
    commitOffsets(state),
  ];
}
