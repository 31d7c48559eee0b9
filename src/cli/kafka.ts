/** Opens Kafka connections for the coordinator: the one place where the two meet. */
import type { SourceConnection } from '../../connectors/connector.ts';
import { KafkaConnection } from '../../connectors/kafka/client.ts';
import type { KafkaSeams } from '../../connectors/kafka/client.ts';
import type { KafkaConnectionObject } from '../catalog/object.ts';

/** A connection as the catalog describes it; no socket is opened yet. */
export function connectKafka(
  connection: KafkaConnectionObject,
  seams: KafkaSeams,
): SourceConnection {
  return new KafkaConnection(connection.brokers.join(','), seams);
}
