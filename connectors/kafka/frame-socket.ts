/**
 * A socket that hands over whole answers: each `data` event is one frame of Kafka's protocol, its
 * four bytes of length included. kafkajs takes it in place of its own (`socketFactory`) and finds
 * nothing to gather.
 *
 * Small frames are read through one buffer of the socket and copied out. A large one is read from
 * the kernel straight into a block of `frameMemory`, which belongs to whoever gets the event.
 *
 * A frame that claims more than `frameBytesMax` bytes, or less than none, ends the connection: what
 * speaks there is not a broker.
 */
import { connect, isIP } from 'node:net';
import type { OnReadOpts, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { limits } from '../../src/base/limits.ts';
import type { FrameMemory } from './frame-memory.ts';
import { tlsSpokenCode } from './refusal.ts';

/** Larger frames get a block of their own. */
export const smallFrameBytesMax = 64 * 1024;
const lengthBytes = 4;
/** The first two bytes of an alert of TLS. */
const tlsAlert = 0x15;
const tlsMajorVersion = 3;
const keepAliveMilliseconds = 60_000;

/** Cuts what a socket reads into frames; `room` and `filled` take turns. */
export class FrameAssembler {
  readonly #memory: FrameMemory;
  readonly #frame: (frame: Buffer) => void;
  readonly #small = Buffer.alloc(smallFrameBytesMax);
  /** Bytes of `#small` that are read. */
  #end = 0;
  /** The large frame that is being read, and how much of it is there. */
  #large: Buffer | null = null;
  #largeEnd = 0;

  constructor(memory: FrameMemory, frame: (frame: Buffer) => void) {
    this.#memory = memory;
    this.#frame = frame;
  }

  /** Where the next bytes go. */
  room(): Uint8Array {
    if (this.#large !== null) return this.#large.subarray(this.#largeEnd);
    return this.#small.subarray(this.#end);
  }

  /** So many bytes came; false if they are no frames. */
  filled(bytes: number): boolean {
    if (this.#large === null) {
      this.#end += bytes;
      return this.#cut();
    }
    this.#largeEnd += bytes;
    if (this.#largeEnd < this.#large.length) return true;
    const frame = this.#large;
    this.#large = null;
    this.#frame(frame);
    return true;
  }

  /** Why `filled` answered false. */
  refusal(): Error {
    // An alert of TLS: what it says to a question that it cannot read.
    const isTls = this.#small[0] === tlsAlert && this.#small[1] === tlsMajorVersion;
    if (!isTls) return new Error('what was read is not Kafka');
    return Object.assign(new Error('the broker speaks TLS'), { code: tlsSpokenCode });
  }

  /** Hands over the frames that are whole, and keeps the rest at the front. */
  #cut(): boolean {
    const small = this.#small;
    let at = 0;
    while (this.#end - at >= lengthBytes) {
      const length = small.readInt32BE(at) + lengthBytes;
      if (length < lengthBytes || length > limits.frameBytesMax) return false;
      if (length > small.length) {
        this.#open(length, at);
        return true;
      }
      if (length > this.#end - at) break;
      this.#memory.shrink();
      this.#frame(Buffer.from(small.subarray(at, at + length)));
      at += length;
    }
    small.copyWithin(0, at, this.#end);
    this.#end -= at;
    return true;
  }

  /** Begins a large frame with what has come of it. */
  #open(length: number, at: number): void {
    const block = this.#memory.acquire(length);
    this.#large = Buffer.from(block, 0, length);
    this.#large.set(this.#small.subarray(at, this.#end));
    this.#largeEnd = this.#end - at;
    this.#end = 0;
  }
}

/** What kafkajs asks a socket with. */
export interface SocketRequest {
  readonly host: string;
  readonly port: number;
  /** TLS, if it is given. */
  readonly ssl?: ConnectionOptions | null;
  readonly onConnect: () => void;
}

/** Connects; see the head of this file. */
export function frameSocket(memory: FrameMemory, request: SocketRequest): Socket {
  const { host, port, ssl, onConnect } = request;
  const assembler = new FrameAssembler(memory, (frame) => void socket.emit('data', frame));
  const onread: OnReadOpts = {
    buffer: () => assembler.room(),
    callback: (bytes) => {
      if (!assembler.filled(bytes)) socket.destroy(assembler.refusal());
      return true;
    },
  };
  const socket = ssl ? encrypted(ssl) : connect({ host, port, onread }, onConnect);
  function encrypted(given: ConnectionOptions): Socket {
    const name = isIP(host) === 0 ? { servername: host } : {};
    // Node's `tls.connect` takes `onread` as `connect` does; only its types lack it.
    const options: ConnectionOptions & { onread: OnReadOpts } = {
      ...name,
      ...given,
      host,
      port,
      onread,
    };
    return connectTls(options, onConnect);
  }
  socket.setKeepAlive(true, keepAliveMilliseconds);
  return socket;
}
