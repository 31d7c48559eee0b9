/**
 * A whole product on an embedded broker: engine in a worker thread, Postgres clients in front,
 * record batches in at the back.
 */
import pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedBroker } from '../../connectors/kafka/broker/broker.ts';
import { KafkaConnection } from '../../connectors/kafka/client.ts';
import type { RecordHeader } from '../../connectors/kafka/encode-batch.ts';
import { RecordBatchBuilder } from '../../connectors/kafka/encode-batch.ts';
import { assert } from '../../src/base/assert.ts';
import { realClock, realEntropy } from '../../src/base/real/seam.ts';
import { Millrace } from '../../src/cli/millrace.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const patienceMilliseconds = 20_000;
const encoder = new TextEncoder();

/** A record to be produced. */
export interface RigRecord {
  readonly key?: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly headers?: readonly RecordHeader[];
}

function bytesOf(value: string | Uint8Array | null): Uint8Array | null {
  return typeof value === 'string' ? encoder.encode(value) : value;
}

/** See the head of this file. */
export class KafkaRig {
  readonly broker: EmbeddedBroker;
  readonly kafka: KafkaConnection;
  readonly millrace: Millrace;
  readonly client: pg.Client;
  readonly #clients: pg.Client[];
  #time = 1_700_000_000_000;

  private constructor(
    broker: EmbeddedBroker,
    kafka: KafkaConnection,
    millrace: Millrace,
    client: pg.Client,
  ) {
    this.broker = broker;
    this.kafka = kafka;
    this.millrace = millrace;
    this.client = client;
    this.#clients = [client];
  }

  /** Starts everything, with a connection object `k` to the broker. */
  static async start(): Promise<KafkaRig> {
    const seams = { clock: realClock, entropy: realEntropy, log: silent };
    const broker = await EmbeddedBroker.start(seams);
    const millrace = await Millrace.start({ host: '127.0.0.1', port: 0, ...seams });
    const rig = new KafkaRig(
      broker,
      new KafkaConnection(broker.brokers, seams),
      millrace,
      await connect(millrace.port),
    );
    await rig.client.query(`CREATE CONNECTION k TO KAFKA (BROKER '${broker.brokers}')`);
    return rig;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.end()));
    await this.millrace.stop();
    await this.kafka.close();
    await this.broker.stop();
  }

  /** One more client. */
  async connect(): Promise<pg.Client> {
    const client = await connect(this.millrace.port);
    this.#clients.push(client);
    return client;
  }

  /** Appends records as one batch; answers the offset of the first. */
  async produce(topic: string, partition: number, records: readonly RigRecord[]): Promise<number> {
    const builder = new RecordBatchBuilder();
    for (const { key = null, value, headers = [] } of records)
      builder.add(bytesOf(key), bytesOf(value), this.#time++, headers);
    return Number(await this.kafka.produce(topic, partition, builder.finish({ codec: 'lz4' })));
  }

  /** Rows of a query as arrays of text. */
  async rows(text: string, client: pg.Client = this.client): Promise<unknown[][]> {
    const result = await client.query<unknown[]>({ text, rowMode: 'array' });
    return result.rows;
  }

  /** Repeats a query until its rows satisfy `condition`; answers them. */
  async until(text: string, condition: (rows: unknown[][]) => boolean): Promise<unknown[][]> {
    const deadline = performance.now() + patienceMilliseconds;
    for (;;) {
      const rows = await this.rows(text);
      if (condition(rows)) return rows;
      assert(performance.now() < deadline, `in time: ${text}, got ${JSON.stringify(rows)}`);
      await sleep(20);
    }
  }

  /** Repeats a query until it fails; answers the message. */
  async untilError(text: string): Promise<string> {
    const deadline = performance.now() + patienceMilliseconds;
    while (performance.now() < deadline) {
      try {
        await this.rows(text);
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
      await sleep(20);
    }
    throw new Error(`no error in time: ${text}`);
  }
}

async function connect(port: number): Promise<pg.Client> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'materialize',
    database: 'materialize',
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
