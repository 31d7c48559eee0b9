/**
 * Questions to a schema registry: one HTTP request each, with a bound on how long it may take and
 * on how much it may answer. The only file of the client that knows the network.
 */
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { limits } from '../../src/base/limits.ts';
import type { Clock } from '../../src/base/seam.ts';

/** The registry cannot be asked now: it is away, slow, or says that it is in trouble. */
export class RegistryUnavailable extends Error {
  override readonly name = 'RegistryUnavailable';
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const mediaTypes = 'application/vnd.schemaregistry.v1+json, application/json';

/** Sends requests to one registry over connections that stay open. */
export class RegistryHttp {
  readonly #base: string;
  readonly #clock: Clock;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: limits.registryRequestsMax });

  /** `base` is the registry's URL, without a slash at its end. */
  constructor(base: string, clock: Clock) {
    this.#base = base;
    this.#clock = clock;
  }

  /** What stands at a path. Rejects with RegistryUnavailable. */
  get(path: string): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => {
        stopTimer();
        sent.destroy();
        reject(new RegistryUnavailable(`schema registry ${this.#base}: ${reason}`));
      };
      const sent = request(
        `${this.#base}${path}`,
        { agent: this.#agent, headers: { accept: mediaTypes } },
        (answer) => {
          read(answer, fail, (body) => {
            stopTimer();
            resolve({ status: answer.statusCode ?? 0, body });
          });
        },
      );
      const stopTimer = this.#clock.after(limits.registryAnswerMillisecondsMax, () =>
        fail(`no answer within ${limits.registryAnswerMillisecondsMax} ms`),
      );
      sent.on('error', (error) => fail(error.message === '' ? error.name : error.message));
      sent.end();
    });
  }

  /** Ends the connections. */
  close(): void {
    this.#agent.destroy();
  }
}

function read(
  answer: IncomingMessage,
  fail: (reason: string) => void,
  done: (body: string) => void,
): void {
  const pieces: Buffer[] = [];
  let bytes = 0;
  answer.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > limits.registryAnswerBytesMax)
      fail(`an answer is longer than ${limits.registryAnswerBytesMax} bytes`);
    else pieces.push(piece);
  });
  answer.on('error', (error) => fail(error.message));
  answer.on('aborted', () => fail('an answer was cut off'));
  answer.on('end', () => done(Buffer.concat(pieces).toString('utf8')));
}
