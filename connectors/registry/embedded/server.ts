/**
 * The embedded schema registry: enough of Confluent's HTTP interface for the demo, tests and
 * benchmarks, in this process and in memory. It listens on loopback only, knows Avro only, and
 * whatever it holds is gone when the process ends.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { assert } from '../../../src/base/assert.ts';
import { sqlError } from '../../../src/base/error.ts';
import { limits } from '../../../src/base/limits.ts';
import { Routes } from './routes.ts';
import { RegistryError, RegistryStore } from './store.ts';

const loopback = '127.0.0.1';
const mediaType = 'application/vnd.schemaregistry.v1+json';

/** Faults on demand, for tests. */
export interface RegistryFaults {
  /** Answers nothing but this status, 0 for none. */
  status: number;
  /** What every path answers instead; null for nothing of the kind. */
  body: string | null;
}

/** See the head of this file. */
export class EmbeddedRegistry {
  readonly store = new RegistryStore();
  readonly faults: RegistryFaults = { status: 0, body: null };
  /** Requests that were answered. */
  requests = 0;
  readonly #routes = new Routes(this.store);
  #server: Server | null = null;
  #port: number;

  private constructor(port: number) {
    this.#port = port;
  }

  /** Starts a registry; port 0 takes a free one. Throws 58000 if the port is taken. */
  static async start(port = 0): Promise<EmbeddedRegistry> {
    const registry = new EmbeddedRegistry(port);
    await registry.up();
    return registry;
  }

  get url(): string {
    return `http://${loopback}:${this.#port}`;
  }

  /** Listens (again), on the port that it had. */
  up(): Promise<void> {
    assert(this.#server === null, 'the registry does not listen');
    const server = createServer((request, response) => void this.#answer(request, response));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        this.#server = null;
        reject(
          sqlError(
            '58000',
            `the embedded schema registry cannot listen on ${this.url}: ${error.message}`,
          ),
        );
      });
      server.listen(this.#port, loopback, () => {
        const address = server.address();
        assert(typeof address === 'object' && address !== null, 'a listening socket has a port');
        this.#port = address.port;
        resolve();
      });
    });
  }

  /** Goes away as in a crash: no port, no connections. What it holds stays. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    server?.closeAllConnections();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    let status = 200;
    let body: unknown;
    try {
      const text = await readBody(request);
      if (this.faults.status !== 0)
        throw new RegistryError(this.faults.status, this.faults.status, 'as a test wants it');
      if (this.faults.body === null)
        body = this.#routes.answer(request.method ?? '', request.url ?? '', text);
    } catch (error) {
      const known = error instanceof RegistryError;
      status = known ? error.status : 500;
      const message = error instanceof Error ? error.message : String(error);
      body = { error_code: known ? error.code : 50001, message };
    }
    const text = this.faults.body ?? JSON.stringify(body);
    response.writeHead(status, { 'content-type': mediaType });
    response.end(text);
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    assert(piece instanceof Buffer, 'a body without encoding comes as bytes');
    bytes += piece.length;
    if (bytes > limits.registryAnswerBytesMax)
      throw new RegistryError(413, 413, 'the request is too large');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
