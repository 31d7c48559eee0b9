/** Consumer groups: coordination of members, and the offsets that they commit. */
import type { BrokerState } from './broker-state.ts';
import { nodeId } from './broker-state.ts';
import type { Endpoint } from './endpoint.ts';
import { endpoint } from './endpoint.ts';
import { brokerError } from './errors.ts';
import {
  deleteGroupsApi,
  describeGroupsApi,
  findCoordinatorApi,
  heartbeatApi,
  joinGroupApi,
  leaveGroupApi,
  listGroupsApi,
  offsetCommitApi,
  offsetFetchApi,
  syncGroupApi,
} from './messages-group.ts';

function findCoordinator(state: BrokerState): Endpoint {
  return endpoint(findCoordinatorApi, (_request, _client, fault) => ({
    throttleMilliseconds: 0,
    error: fault,
    message: null,
    node: nodeId,
    ...state.address,
  }));
}

function joinGroup(state: BrokerState): Endpoint {
  return endpoint(joinGroupApi, (request, client, fault) => {
    const group = fault !== brokerError.none ? fault : state.groups.open(request.group);
    if (typeof group === 'number') {
      return {
        throttleMilliseconds: 0,
        error: group,
        generation: -1,
        protocolType: null,
        protocol: '',
        leader: '',
        member: request.member,
        members: [],
      };
    }
    const member = request.member === '' ? state.groups.newMember(client.id) : request.member;
    return group.join(request, member, client.id, client.host);
  });
}

function syncGroup(state: BrokerState): Endpoint {
  return endpoint(syncGroupApi, async (request, _client, fault) => {
    const group = state.groups.get(request.group);
    const unknown = {
      error: fault !== brokerError.none ? fault : brokerError.unknownMember,
      assignment: new Uint8Array(0),
    };
    const synced =
      group === undefined || fault !== brokerError.none ? unknown : await group.sync(request);
    return {
      throttleMilliseconds: 0,
      protocolType: request.protocolType,
      protocol: request.protocol,
      ...synced,
    };
  });
}

function heartbeat(state: BrokerState): Endpoint {
  return endpoint(heartbeatApi, (request, _client, fault) => {
    const error =
      state.groups.get(request.group)?.heartbeat(request.member, request.generation) ??
      brokerError.unknownMember;
    return { throttleMilliseconds: 0, error: fault !== brokerError.none ? fault : error };
  });
}

function leaveGroup(state: BrokerState): Endpoint {
  return endpoint(leaveGroupApi, (request, _client, fault) => {
    const leave = (member: string): number =>
      state.groups.get(request.group)?.leave(member) ?? brokerError.unknownMember;
    if (fault !== brokerError.none) return { throttleMilliseconds: 0, error: fault, members: [] };
    if (request.member !== '')
      return { throttleMilliseconds: 0, error: leave(request.member), members: [] };
    const members = request.members.map(({ member, instance }) => ({
      member,
      instance,
      error: leave(member),
    }));
    return { throttleMilliseconds: 0, error: brokerError.none, members };
  });
}

function offsetCommit(state: BrokerState): Endpoint {
  return endpoint(offsetCommitApi, (request, _client, fault) => {
    const group = fault !== brokerError.none ? fault : state.groups.open(request.group);
    const refusal =
      typeof group === 'number' ? group : group.mayCommit(request.member, request.generation);
    const keep = (
      topic: string,
      partition: number,
      offset: bigint,
      leaderEpoch: number,
      metadata: string | null,
    ): number => {
      if (refusal !== brokerError.none) return refusal;
      if (state.topics.log(topic, partition) === undefined) return brokerError.unknownTopic;
      const kept = state.groups.keepOffset(request.group, topic, partition, {
        offset,
        leaderEpoch,
        metadata,
      });
      return kept ? brokerError.none : brokerError.policyViolation;
    };
    return {
      throttleMilliseconds: 0,
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partition, offset, leaderEpoch, metadata }) => ({
          partition,
          error: keep(name, partition, offset, leaderEpoch, metadata),
        })),
      })),
    };
  });
}

function offsetFetch(state: BrokerState): Endpoint {
  return endpoint(offsetFetchApi, (request, _client, fault) => ({
    throttleMilliseconds: 0,
    error: fault,
    topics: (request.topics ?? state.groups.committed(request.group)).map(
      ({ name, partitions }) => ({
        name,
        partitions: partitions.map((partition) => {
          const kept = state.groups.offset(request.group, name, partition);
          return {
            partition,
            offset: kept?.offset ?? -1n,
            leaderEpoch: kept?.leaderEpoch ?? -1,
            metadata: kept?.metadata ?? '',
            error: brokerError.none,
          };
        }),
      }),
    ),
  }));
}

function describeGroups(state: BrokerState): Endpoint {
  return endpoint(describeGroupsApi, (request, _client, fault) => ({
    throttleMilliseconds: 0,
    groups: request.groups.map((id) => ({
      error: fault,
      group: id,
      operations: -2_147_483_648,
      ...(state.groups.get(id)?.describe() ?? {
        state: 'Dead',
        protocolType: '',
        protocol: '',
        members: [],
      }),
    })),
  }));
}

function listGroups(state: BrokerState): Endpoint {
  return endpoint(listGroupsApi, (request, _client, fault) => ({
    throttleMilliseconds: 0,
    error: fault,
    groups: state.groups.all().flatMap((group) => {
      const { state: name, protocolType } = group.describe();
      const wanted = request.states.length === 0 || request.states.includes(name);
      return wanted ? [{ group: group.id, protocolType, state: name }] : [];
    }),
  }));
}

function deleteGroups(state: BrokerState): Endpoint {
  return endpoint(deleteGroupsApi, (request, _client, fault) => ({
    throttleMilliseconds: 0,
    results: request.groups.map((group) => ({
      group,
      error: fault !== brokerError.none ? fault : state.groups.delete(group),
    })),
  }));
}

/** The APIs of this file. */
export function groupEndpoints(state: BrokerState): readonly Endpoint[] {
  return [
    findCoordinator(state),
    joinGroup(state),
    syncGroup(state),
    heartbeat(state),
    leaveGroup(state),
    offsetCommit(state),
    offsetFetch(state),
    describeGroups(state),
    listGroups(state),
    deleteGroups(state),
  ];
}
