/**
 * The one file that knows kafkajs. It gives the rest of the connector a connection to a broker that
 * sends our own requests, and hands out kafkajs' public admin and producer for everything that is
 * not a hot path.
 *
 * kafkajs keeps the transport: connections, correlation ids, timeouts, throttling. The sockets of
 * our own requests are those of `frame-socket.ts`, which hand over whole answers. For the rest
 * we reach below its public interface: the private symbol `createCluster` of a `Kafka` object, the
 * cluster's `connectionPoolBuilder.build` and `brokerPool.createBroker`, and the broker's
 * `connect`, `disconnect`, `versions` and `connectionPool.send`. The package has no exports map and
 * is pinned to one version; a test pins these names, and a missing one fails with an assertion that
 * says so.
 *
 * Two repairs, made when this module is loaded, for all of the process's use of kafkajs. Its request
 * queue would set a timer with a negative delay whenever nothing waits, for which Node prints a
 * warning; so it sets one only if something does. And a connection would keep an empty rest of the
 * last answer, for whose sake it would copy the next one; so such a rest is dropped.
 */
import { createRequire } from 'node:module';
import { isIP } from 'node:net';
import type {
  Admin,
  Kafka as KafkaClient,
  KafkaConfig,
  Producer,
  ProducerConfig,
  SASLOptions,
} from 'kafkajs';
import kafkajs from 'kafkajs';
import { assert } from '../../src/base/assert.ts';
import type { Log } from '../../src/base/seam.ts';
import { frameMemory } from './frame-memory.ts';
import { frameSocket } from './frame-socket.ts';
import type { KafkaRequest } from './protocol.ts';
import type { KafkaSecurity } from './security.ts';
import { plaintext } from './security.ts';

export type { Admin, Producer } from 'kafkajs';

/** Milliseconds after which a request that a broker does not answer counts as lost. */
const requestMillisecondsMax = 30_000;
/** Milliseconds to open a connection. */
const connectMillisecondsMax = 3_000;
const clientId = 'millrace';

/** What we send through kafkajs: an object with these members is all that it asks of a request. */
interface RawRequest {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
  };
  readonly response: {
    decode(payload: Buffer): Promise<object>;
    parse(decoded: object): Promise<object>;
  };
  readonly requestTimeout: number;
  readonly logResponseError: boolean;
}

/** What the repair looks at. */
interface RawQueue {
  readonly pending: readonly unknown[];
}

interface RawReceiver {
  readonly bytesBuffered: number;
  chunks: readonly unknown[];
}

interface RawConnection {
  rejectRequests(error: Error): void;
}

interface RawConnectionPool {
  send(request: RawRequest): Promise<unknown>;
  map(callback: (connection: RawConnection) => void): unknown;
}

interface RawBroker {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  isConnected(): boolean;
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>> | null;
  readonly connectionPool: RawConnectionPool;
}

interface RawCluster {
  readonly rootLogger: unknown;
  readonly connectionPoolBuilder: {
    build(address: { readonly host: string; readonly port: number }): Promise<RawConnectionPool>;
  };
  readonly brokerPool: {
    createBroker(options: {
      readonly connectionPool: RawConnectionPool;
      readonly logger: unknown;
    }): RawBroker;
  };
}

function hasMethods(value: unknown, ...names: string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof Reflect.get(value, name) === 'function')
  );
}

function isCluster(value: unknown): value is RawCluster {
  return (
    typeof value === 'object' &&
    value !== null &&
    'rootLogger' in value &&
    'connectionPoolBuilder' in value &&
    hasMethods(value.connectionPoolBuilder, 'build') &&
    'brokerPool' in value &&
    hasMethods(value.brokerPool, 'createBroker')
  );
}

function isBroker(value: RawBroker): boolean {
  return (
    hasMethods(value, 'connect', 'disconnect', 'isConnected') &&
    'versions' in value &&
    hasMethods(value.connectionPool, 'send', 'map')
  );
}

function createCluster(kafka: KafkaClient): RawCluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    (candidate) => candidate.description === 'private:Kafka:createCluster',
  );
  assert(symbol !== undefined, 'kafkajs 2.2.4 has a private symbol createCluster');
  const create: unknown = Reflect.get(kafka, symbol);
  assert(typeof create === 'function', 'kafkajs 2.2.4: createCluster is a function');
  const cluster: unknown = Reflect.apply(create, kafka, [{ allowAutoTopicCreation: false }]);
  assert(isCluster(cluster), 'kafkajs 2.2.4: a cluster has a pool builder and a broker pool');
  return cluster;
}

/** The prototype of a class of kafkajs that has a method. */
function prototypeOf(file: string, method: string): object {
  const made: unknown = createRequire(import.meta.url)(`kafkajs/src/network/${file}`);
  assert(typeof made === 'function', `kafkajs 2.2.4 has a class in ${file}`);
  const prototype: unknown = made.prototype;
  assert(
    typeof prototype === 'object' && prototype !== null && hasMethods(prototype, method),
    `kafkajs 2.2.4: the class in ${file} has ${method}`,
  );
  return prototype;
}

/** Replaces a method by one that is given the old one. */
function repair<T extends object>(
  file: string,
  method: string,
  repaired: (self: T, old: () => void) => void,
): void {
  const prototype = prototypeOf(file, method);
  const old: unknown = Reflect.get(prototype, method);
  Reflect.set(prototype, method, function (this: T, ...given: readonly unknown[]): void {
    repaired(this, () => {
      if (typeof old === 'function') Reflect.apply(old, this, given);
    });
  });
}

// See the head of this file; done once, when the module is loaded.
repair('requestQueue/index.js', 'scheduleCheckPendingRequests', (queue: RawQueue, schedule) => {
  if (queue.pending.length > 0) schedule();
});
repair('connection.js', 'processData', (connection: RawReceiver, process) => {
  if (connection.bytesBuffered === 0) connection.chunks = [];
  process();
});

/** A connection to one broker. */
export class BrokerLink {
  readonly address: string;
  readonly #broker: RawBroker;
  #closed = false;

  constructor(address: string, broker: RawBroker) {
    assert(isBroker(broker), 'kafkajs 2.2.4: a broker connects, sends and disconnects');
    this.address = address;
    this.#broker = broker;
  }

  /** Connects if that has not happened or the connection was lost; learns the API versions. */
  async connect(): Promise<void> {
    if (this.#closed) throw new Error(`the connection to ${this.address} was closed`);
    if (!this.#broker.isConnected()) await this.#broker.connect();
  }

  /** The newest version of an API that the broker has; -1 if it lacks it. */
  versionMax(apiKey: number): number {
    return this.#broker.versions?.[apiKey]?.maxVersion ?? -1;
  }

  /**
   * Sends a request and reads its answer; connects first if need be. Fetches have a socket of their
   * own.
   */
  async send<T>(request: KafkaRequest<T>): Promise<T> {
    await this.connect();
    let answer: { readonly value: T } | null = null;
    await this.#broker.connectionPool.send({
      request: {
        apiKey: request.apiKey,
        apiVersion: request.apiVersion,
        apiName: request.name,
        encode: () => Promise.resolve({ buf: request.body, buffer: request.body }),
      },
      response: {
        decode: (payload) => {
          answer = { value: request.read(payload) };
          return Promise.resolve({});
        },
        parse: (decoded) => Promise.resolve(decoded),
      },
      requestTimeout: requestMillisecondsMax,
      logResponseError: false,
    });
    return taken<T>(answer);
  }

  /** Fails what is under way and disconnects. */
  async close(): Promise<void> {
    this.#closed = true;
    const reason = new Error(`the connection to ${this.address} was closed`);
    this.#broker.connectionPool.map((connection) => connection.rejectRequests(reason));
    await this.#broker.disconnect();
  }
}

function taken<T>(answer: { readonly value: T } | null): T {
  assert(answer !== null, 'kafkajs decodes an answer before it resolves');
  return answer.value;
}

/** Splits `host:port`; the port is 9092 if none is given. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(address);
  if (bracketed !== null) return { host: bracketed[1], port: Number(bracketed[2] ?? 9092) };
  if (isIP(address) === 6) return { host: address, port: 9092 };
  const colon = address.lastIndexOf(':');
  if (colon < 0) return { host: address, port: 9092 };
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

/** A cluster's addresses and everything that talks to it through kafkajs. */
export class KafkajsTransport {
  readonly #kafka: KafkaClient;
  readonly #cluster: RawCluster;

  constructor(brokers: readonly string[], log: Log, security: KafkaSecurity = plaintext) {
    const config: KafkaConfig = {
      clientId,
      brokers: [...brokers],
      ...credentials(security),
      connectionTimeout: connectMillisecondsMax,
      requestTimeout: requestMillisecondsMax,
      retry: { retries: 3 },
      logLevel: kafkajs.logLevel.ERROR,
      logCreator:
        () =>
        ({ namespace, log: entry }) => {
          // Connection errors reach the caller as rejections; kafkajs logs them a second time.
          if (!isQuiet(namespace)) log.warn(`kafka: ${namespace}: ${entry.message}`);
        },
    };
    this.#kafka = new kafkajs.Kafka(config);
    this.#cluster = createCluster(
      new kafkajs.Kafka({
        ...config,
        socketFactory: (request) => frameSocket(frameMemory, request),
      }),
    );
  }

  /** A link to the broker at an address; not connected yet. */
  async link(host: string, port: number): Promise<BrokerLink> {
    const connectionPool = await this.#cluster.connectionPoolBuilder.build({ host, port });
    const logger = this.#cluster.rootLogger;
    const broker = this.#cluster.brokerPool.createBroker({ connectionPool, logger });
    return new BrokerLink(`${host}:${port}`, broker);
  }

  admin(): Admin {
    return this.#kafka.admin();
  }

  producer(config: ProducerConfig = {}): Producer {
    return this.#kafka.producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      ...config,
    });
  }
}

const quietNamespaces: ReadonlySet<string> = new Set([
  'Connection',
  'BrokerPool',
  'Cluster',
  'ConnectionPool',
]);

function isQuiet(namespace: string): boolean {
  return quietNamespaces.has(namespace) || namespace.startsWith('SaslAuthenticator');
}

/** What kafkajs reads at each new connection, and Node after it: properties that ask. */
function credentials({ sasl, tls }: KafkaSecurity): Pick<KafkaConfig, 'sasl' | 'ssl'> {
  const login: SASLOptions | null = sasl && {
    // Any of the three, which ask for the same: its own is set below.
    mechanism: 'plain',
    get username(): string {
      return sasl.username();
    },
    get password(): string {
      return sasl.password();
    },
  };
  if (login !== null) Object.assign(login, { mechanism: sasl?.mechanism });
  const encryption = tls && {
    get ca(): string | undefined {
      return tls.authority?.();
    },
    get cert(): string | undefined {
      return tls.certificate?.();
    },
    get key(): string | undefined {
      return tls.key?.();
    },
  };
  return {
    ...(login === null ? {} : { sasl: login }),
    ...(encryption === null ? {} : { ssl: encryption }),
  };
}
