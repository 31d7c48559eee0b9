/** The listening socket: accepts clients, hands each to a `Connection`, shuts down cleanly. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { Clock, Log } from '../base/seam.ts';
import type { Sessions } from '../coordinator/session.ts';
import { Connection } from './connection.ts';
import type { Transport } from './connection.ts';

export interface PostgresServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly sessions: Sessions;
  readonly log: Log;
  readonly clock: Clock;
}

/** Listens until it is closed. */
export class PostgresServer {
  readonly #options: PostgresServerOptions;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();

  constructor(options: PostgresServerOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) =>
      this.#accept(socket),
    );
    this.#server.maxConnections = limits.connectionsMax;
  }

  /** Starts to listen; answers the port. Throws 58000 if the address is taken. */
  listen(): Promise<number> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) =>
        reject(sqlError('58000', `cannot listen on ${host}:${port}: ${error.message}`)),
      );
      this.#server.listen(port, host, () => {
        const address: string | AddressInfo | null = this.#server.address();
        resolve(address === null || typeof address === 'string' ? port : address.port);
      });
    });
  }

  #accept(socket: Socket): void {
    const connection = new Connection(
      new SocketTransport(socket),
      this.#options.sessions,
      this.#options.log,
    );
    this.#connections.add(connection);
    const onTime = this.#options.clock.after(limits.startupMillisecondsMax, () =>
      connection.startupIsLate(),
    );
    socket.on('data', (chunk) => connection.receive(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      onTime();
      this.#connections.delete(connection);
      connection.disconnected();
    });
  }

  /** Ends every connection with 57P01 and stops listening. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.shutdown();
    await closed;
  }
}

class SocketTransport implements Transport {
  readonly remote: string;
  readonly loopback: boolean;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.remote = socket.remoteAddress ?? 'unknown';
    this.loopback = /^(::1|127\.|::ffff:127\.)/.test(this.remote);
  }

  write(bytes: Uint8Array): boolean {
    return this.#socket.destroyed || this.#socket.write(bytes);
  }

  drained(): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed || !socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
    // One that does not read what is left, or does not close its side, would stay for ever.
    this.#socket.setTimeout(limits.closeMillisecondsMax, () => this.#socket.destroy());
  }
}
