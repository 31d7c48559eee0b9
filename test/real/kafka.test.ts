/** The Kafka connector against Apache Kafka itself; see `connector-suite.ts` for what is tested. */
import { connectorSuite } from '../support/connector-suite.ts';
import { KafkaServer } from './kafka-server.ts';

connectorSuite('Apache Kafka', () => KafkaServer.start());
