/** Opens Kafka connections for the coordinator: the one place where the two meet. */
import type { SourceConnection } from '../../connectors/connector.ts';
import { KafkaConnection } from '../../connectors/kafka/client.ts';
import type { KafkaSeams } from '../../connectors/kafka/client.ts';
import type { ConnectionObject } from '../catalog/object.ts';

/** A connection as the catalog describes it; no socket is opened yet. */
export function connectKafka(connection: ConnectionObject, seams: KafkaSeams): SourceConnection {
  return new KafkaConnection(connection.brokers.join(','), seams);
}
