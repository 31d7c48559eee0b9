/** Error codes of the Kafka protocol that this client tells apart, and names for messages. */

export const errorNone = 0;
export const errorOffsetOutOfRange = 1;
export const errorUnknownTopic = 3;
export const errorLeaderNotAvailable = 5;
export const errorNotLeader = 6;

const names = new Map<number, string>([
  [-1, 'UNKNOWN_SERVER_ERROR'],
  [1, 'OFFSET_OUT_OF_RANGE'],
  [2, 'CORRUPT_MESSAGE'],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION'],
  [5, 'LEADER_NOT_AVAILABLE'],
  [6, 'NOT_LEADER_OR_FOLLOWER'],
  [7, 'REQUEST_TIMED_OUT'],
  [8, 'BROKER_NOT_AVAILABLE'],
  [9, 'REPLICA_NOT_AVAILABLE'],
  [10, 'MESSAGE_TOO_LARGE'],
  [17, 'INVALID_TOPIC_EXCEPTION'],
  [19, 'NOT_ENOUGH_REPLICAS'],
  [29, 'TOPIC_AUTHORIZATION_FAILED'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED'],
  [35, 'UNSUPPORTED_VERSION'],
  [43, 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
  [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  [56, 'KAFKA_STORAGE_ERROR'],
  [74, 'FENCED_LEADER_EPOCH'],
  [75, 'UNKNOWN_LEADER_EPOCH'],
  [76, 'UNSUPPORTED_COMPRESSION_TYPE'],
  [78, 'OFFSET_NOT_AVAILABLE'],
  [87, 'INVALID_RECORD'],
  [100, 'UNKNOWN_TOPIC_ID'],
]);

/** Codes after which the same request may succeed a little later. */
const passing: ReadonlySet<number> = new Set([2, 3, 5, 6, 7, 8, 9, 13, 19, 20, 56, 74, 75, 78]);

/** Whether an error passes by itself (a leader is being chosen, a broker is starting). */
export function errorPasses(code: number): boolean {
  return passing.has(code);
}

/** The protocol's name of a code. */
export function errorName(code: number): string {
  return names.get(code) ?? `error ${code}`;
}
