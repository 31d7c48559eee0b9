/**
 * The broker of a suite: the embedded one, or with MILLRACE_KAFKA=real an Apache Kafka as a process
 * of its own. Either can be taken away as by a crash, and comes back on the same port with its data.
 */
import { EmbeddedBroker } from '../../connectors/kafka/broker/broker.ts';
import { KafkaConnection } from '../../connectors/kafka/client.ts';
import { realClock, realEntropy } from '../../src/base/real/seam.ts';
import { KafkaServer } from './kafka-server.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** What tests outside of the product hand to its client. */
export const seams = { clock: realClock, entropy: realEntropy, log: silent };

/** See the head of this file. */
export interface TestBroker {
  readonly brokers: string;
  createTopic(name: string, partitions: number): Promise<void>;
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the broker that the environment asks for. */
export async function startBroker(): Promise<TestBroker> {
  if (process.env['MILLRACE_KAFKA'] !== 'real') {
    const embedded = await EmbeddedBroker.start(seams);
    return {
      brokers: embedded.brokers,
      createTopic: (name, partitions) => {
        embedded.createTopic(name, partitions);
        return Promise.resolve();
      },
      down: () => embedded.down(),
      up: () => embedded.up(),
      stop: () => embedded.stop(),
    };
  }
  return realBroker();
}

/** An Apache Kafka, whatever the environment says. */
export async function realBroker(): Promise<TestBroker> {
  const kafka = await KafkaServer.start();
  return {
    brokers: kafka.brokers,
    createTopic: async (topic, numPartitions) => {
      const connection = new KafkaConnection(kafka.brokers, seams);
      const admin = connection.admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true });
      await admin.disconnect();
      await connection.close();
    },
    down: () => kafka.down(),
    up: () => kafka.up(),
    stop: () => kafka.stop(),
  };
}
