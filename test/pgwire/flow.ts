/**
 * Plays message scripts: what is sent, message by message, and what must come back. The format is
 * that of `pgtest` of other projects: blocks of a directive, its lines, `----`, and the answer
 * expected, with an empty line behind.
 *
 *     send | until | connect | cancel | sleep   arguments: conn=, ignore=Type, err_field_typs=, params, names, raw1
 *
 * `until` reads up to each of the message types that it names. Oids of relations are shown as `rel`.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/base/assert.ts';
import { FlowMessages, encodeMessage } from './flow-message.ts';
import type { Shown } from './flow-message.ts';

/** One block and what became of it. */
export interface FlowResult {
  /** Where the block begins: `simple.pt:12`. */
  readonly at: string;
  readonly expected: readonly string[];
  readonly got: readonly string[];
}

interface Block {
  readonly at: string;
  readonly directive: string;
  readonly args: ReadonlyMap<string, string>;
  readonly ignored: readonly string[];
  readonly lines: readonly string[];
  readonly expected: readonly string[];
}

/** Longest wait for a message. */
const waitMilliseconds = 4_000;

/** The blocks of a script; `name` is for their places. */
export function parseFlow(name: string, text: string): readonly Block[] {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  let at = 0;
  const upTo = (end: string): string[] => {
    const taken: string[] = [];
    while (at < lines.length && lines[at] !== end) taken.push(lines[at++] ?? '');
    at++;
    return taken;
  };
  while (at < lines.length) {
    const line = lines[at] ?? '';
    if (line === '' || line.startsWith('#')) {
      at++;
      continue;
    }
    const place = `${name}:${at + 1}`;
    at++;
    const [directive = '', ...words] = line.split(' ');
    const pairs = words.map((word): [string, string] => {
      const [key = '', value = ''] = word.split('=');
      return [key, value];
    });
    const json = line.indexOf('{');
    blocks.push({
      at: place,
      directive,
      args: new Map([...pairs, ['json', json < 0 ? '{}' : line.slice(json)]]),
      ignored: pairs.filter(([key]) => key === 'ignore').map(([, value]) => value),
      lines: upTo('----'),
      expected: upTo(''),
    });
  }
  return blocks;
}

class FlowConnection {
  readonly socket: Socket;
  readonly messages = new FlowMessages();
  readonly #waiting: Shown[] = [];
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
    this.socket.on('data', (bytes: Buffer) => this.#add(this.messages.read(bytes)));
    this.socket.on('close', () => this.#add([{ type: 'Closed', value: '' }]));
  }

  #add(shown: readonly Shown[]): void {
    this.#waiting.push(...shown);
    this.#wake();
  }

  async next(): Promise<Shown | null> {
    for (const end = Date.now() + waitMilliseconds; Date.now() < end;) {
      const first = this.#waiting.shift();
      if (first !== undefined) return first;
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      const timer = new AbortController();
      await Promise.race([
        woken,
        sleep(end - Date.now(), undefined, { signal: timer.signal }).catch(() => undefined),
      ]);
      timer.abort();
    }
    return null;
  }
}

/** Runs scripts against a server. */
export class FlowPlayer {
  readonly #port: number;
  /** What is done to a line before it is sent: for what the server calls by another name. */
  readonly #adapt: (line: string) => string;
  readonly #connections = new Map<string, FlowConnection>();

  constructor(port: number, adapt: (line: string) => string = (line) => line) {
    this.#port = port;
    this.#adapt = adapt;
  }

  /** Plays all blocks of a script in order; results of those that expect something. */
  async play(name: string, text: string): Promise<readonly FlowResult[]> {
    const results: FlowResult[] = [];
    try {
      for (const block of parseFlow(name, text)) {
        const got = await this.#block(block);
        if (got !== null) results.push({ at: block.at, expected: block.expected, got });
      }
    } finally {
      for (const { socket } of this.#connections.values()) socket.destroy();
      this.#connections.clear();
    }
    return results;
  }

  async #block(block: Block): Promise<readonly string[] | null> {
    const name = block.args.get('conn') ?? '';
    switch (block.directive) {
      case 'connect':
        await this.#connect(name, block.args.get('json') ?? '{}', false);
        return null;
      case 'send': {
        const { socket, messages } = await this.#connection(name);
        if (block.args.has('raw1')) messages.expectByte();
        const lines = block.lines.filter((line) => line !== '' && !line.startsWith('#'));
        socket.write(Buffer.concat(lines.map((line) => encodeMessage(this.#adapt(line)))));
        return null;
      }
      case 'cancel': {
        const { messages } = await this.#connection(name);
        await this.#cancel(messages.processId, messages.secret);
        return null;
      }
      case 'sleep':
        await sleep(Number(block.args.keys().next().value ?? 0));
        return null;
      case 'until':
        return this.#until(block, await this.#connection(name));
      default:
        assert(false, `${block.at}: a directive, not ${block.directive}`);
    }
  }

  async #connection(name: string): Promise<FlowConnection> {
    return this.#connections.get(name) ?? this.#connect(name, '{}', true);
  }

  async #connect(name: string, json: string, wait: boolean): Promise<FlowConnection> {
    const connection = new FlowConnection(this.#port);
    this.#connections.set(name, connection);
    await once(connection.socket, 'connect');
    const startup = FlowMessages.startup(this.#adapt(json));
    if (startup === null) return connection;
    connection.socket.write(startup);
    while (wait) {
      const type = (await connection.next())?.type ?? 'Closed';
      if (['ReadyForQuery', 'ErrorResponse', 'Closed'].includes(type)) break;
    }
    return connection;
  }

  async #cancel(processId: number, secret: number): Promise<void> {
    const socket = connect(this.#port, '127.0.0.1');
    const closed = once(socket, 'close');
    socket.resume();
    const packet = Buffer.alloc(16);
    [16, 80_877_102, processId, secret].forEach((word, i) => packet.writeInt32BE(word | 0, 4 * i));
    socket.write(packet);
    await closed;
  }

  async #until(block: Block, connection: FlowConnection): Promise<readonly string[]> {
    const shown = block.args.get('err_field_typs') ?? 'SCM';
    const got: string[] = [];
    for (const wanted of block.lines.filter((line) => line !== '')) {
      const type = wanted.split(' ')[0] ?? '';
      for (;;) {
        const message = await connection.next();
        if (message === null) return [...got, '!! nothing came'];
        if (block.ignored.includes(message.type)) continue;
        const isStatus = message.type === 'ParameterStatus';
        if (isStatus && !block.args.has('params') && type !== message.type) continue;
        const value = FlowMessages.text(message, shown, block.args.has('names'));
        got.push(value === '' ? message.type : `${message.type} ${value}`);
        if (message.type === type || message.type === 'Closed') break;
      }
    }
    return got;
  }
}
