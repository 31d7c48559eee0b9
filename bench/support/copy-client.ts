/**
 * A client that does nothing but follow `COPY (SUBSCRIBE …) TO STDOUT`: each line of it is handed
 * over as it arrives. Drivers do not pass COPY on without a package of its own; the messages are
 * read with the parser of one of them.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { parse, serialize } from 'pg-protocol';

const decoder = new TextDecoder();

export class CopyClient {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Starts the COPY; resolves when the server began to answer it. */
  static start(port: number, statement: string, line: (text: string) => void): Promise<CopyClient> {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    socket.write(serialize.startup({ user: 'materialize', database: 'materialize' }));
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      let asked = false;
      void parse(socket, (message) => {
        if (message.name === 'error')
          reject(new Error(`COPY failed: ${'message' in message ? String(message.message) : ''}`));
        else if (message.name === 'readyForQuery' && !asked) {
          asked = true;
          socket.write(serialize.query(statement));
        } else if (message.name === 'copyOutResponse') resolve(new CopyClient(socket));
        else if (
          message.name === 'copyData' &&
          'chunk' in message &&
          message.chunk instanceof Uint8Array
        )
          line(decoder.decode(message.chunk));
      });
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
