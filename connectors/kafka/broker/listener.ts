/**
 * The broker's sockets: frames in, answers out, one after the other on each connection, as Kafka
 * does it. The only file of the broker that knows the network.
 *
 * What a peer sends is bounded: the length of a frame, requests that wait per connection (beyond it
 * reading stops), bytes of unfinished requests over all connections (beyond it the connection that
 * brought the last ones ends), and the number of connections. A frame is gathered from what really
 * arrives: a claimed length reserves nothing.
 */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { assert } from '../../../src/base/assert.ts';
import { sqlError } from '../../../src/base/error.ts';
import { limits } from '../../../src/base/limits.ts';
import type { Log } from '../../../src/base/seam.ts';
import { WireError } from '../wire.ts';
import type { Dispatch } from './dispatch.ts';
import type { Faults } from './faults.ts';
import { Frames } from './frames.ts';
import type { Waits } from './waits.ts';

/** What connections work with. */
export interface ListenerParts {
  readonly dispatch: Dispatch;
  readonly faults: () => Faults;
  readonly waits: Waits;
  readonly log: Log;
}

/** Bytes of unfinished requests over all connections. */
interface Pending {
  bytes: number;
}

class Connection {
  readonly socket: Socket;
  readonly #parts: ListenerParts;
  readonly #pending: Pending;
  readonly #frames = new Frames(limits.brokerFrameBytesMax);
  readonly #queue: Uint8Array[] = [];
  readonly #host: string;
  #working = false;
  #held = 0;
  #ended = false;

  constructor(socket: Socket, parts: ListenerParts, pending: Pending) {
    this.socket = socket;
    this.#parts = parts;
    this.#pending = pending;
    this.#host = socket.remoteAddress ?? '';
    socket.setNoDelay(true);
    socket.on('data', (data: Buffer) => this.#data(data));
    socket.on('error', () => this.end());
    socket.on('close', () => this.end());
  }

  /** Ends the connection and forgets what waits on it. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queue.length = 0;
    this.#hold(-this.#held);
    this.socket.destroy();
  }

  #hold(bytes: number): void {
    this.#held += bytes;
    this.#pending.bytes += bytes;
    assert(this.#held >= 0 && this.#pending.bytes >= 0, 'no more is given back than was held');
  }

  #data(data: Buffer): void {
    if (this.#ended) return;
    this.#hold(data.length);
    if (this.#pending.bytes > limits.brokerPendingBytesMax) {
      this.#parts.log.warn(
        `embedded broker: more than ${limits.brokerPendingBytesMax} bytes of requests wait; ` +
          'a connection ends',
      );
      return this.end();
    }
    if (!this.#frames.push(data, this.#queue)) return this.end();
    if (this.#queue.length > limits.brokerPendingRequestsMax) this.socket.pause();
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (;;) {
      const frame = this.#queue.shift();
      if (frame === undefined) break;
      await this.#answer(frame);
      if (this.#ended) break;
      this.#hold(-(frame.length + Frames.prefixBytes));
      if (this.socket.isPaused() && this.#queue.length < limits.brokerPendingRequestsMax / 2)
        this.socket.resume();
    }
    this.#working = false;
  }

  async #answer(frame: Uint8Array): Promise<void> {
    try {
      const pieces = await this.#parts.dispatch.answer(frame, this.#host);
      const delay = this.#parts.faults().delayMilliseconds;
      if (delay > 0) await this.#parts.waits.pause(delay);
      if (pieces !== null && !this.#ended) await this.#write(pieces);
    } catch (error) {
      if (!(error instanceof WireError) && !(error instanceof RangeError)) {
        this.#parts.log.error(
          `embedded broker: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
      }
      this.end();
    }
  }

  /** Resolves when the socket has taken it all in. */
  async #write(pieces: readonly Uint8Array[]): Promise<void> {
    const { socket } = this;
    socket.cork();
    let room = true;
    for (const piece of pieces) room = socket.write(piece);
    socket.uncork();
    if (room) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }
}

/** Accepts connections on one address; can be closed and opened again. */
export class Listener {
  readonly #parts: ListenerParts;
  readonly #connections = new Set<Connection>();
  readonly #pending: Pending = { bytes: 0 };
  #server: Server | null = null;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Listens; answers the port. Throws 58000 if it is taken. */
  listen(host: string, port: number): Promise<number> {
    assert(this.#server === null, 'the listener is closed');
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        this.#server = null;
        reject(
          sqlError(
            '58000',
            `the embedded Kafka broker cannot listen on ${host}:${port}: ${error.message}`,
          ),
        );
      });
      server.listen(port, host, () => {
        const address = server.address();
        assert(typeof address === 'object' && address !== null, 'a listening socket has a port');
        resolve(address.port);
      });
    });
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= limits.brokerConnectionsMax) {
      this.#parts.log.warn(
        `embedded broker: ${limits.brokerConnectionsMax} connections are open; another one is refused`,
      );
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, this.#parts, this.#pending);
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
  }

  /** Cuts every connection. */
  drop(): void {
    for (const connection of this.#connections) connection.end();
  }

  /** Stops listening and cuts every connection. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.drop();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
