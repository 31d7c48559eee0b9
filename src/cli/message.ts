/**
 * What crosses the thread boundary: arrays of commands one way, of responses the other, with the
 * memory that goes along. Buffers that a message owns whole are transferred; a view into a larger
 * buffer is copied first, since cloning it would clone all of that buffer. Views on shared memory
 * go as they are.
 *
 * Memory that is to be given back stays noted on the sending side under a number, its *receipt*,
 * which the other side returns when it has read the bytes.
 */
import type { TransferListItem } from 'node:worker_threads';
import { limits } from '../base/limits.ts';
import type { HostCommand, HostResponse } from '../coordinator/engine-link.ts';
import type { RawChunk } from '../../connectors/connector.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import type { Row } from '../../dataflow/value/datum.ts';

/** A chunk as it crosses: `receipt` stands for its `release`; 0 if there is none. */
type WireChunk = RawChunk & { readonly receipt?: number };

/** What the thread answers with. */
export type ThreadResponse =
  | HostResponse
  /** The chunks with these receipts have been read. */
  | { readonly kind: 'released'; readonly receipts: readonly number[] };

/** Memory that is lent to the other side. */
export class Receipts {
  readonly #open = new Map<number, () => void>();
  #last = 0;

  /** Chunks that have not come back. */
  get open(): number {
    return this.#open.size;
  }

  /** Notes how memory is given back; answers its number. */
  lend(release: () => void): number {
    this.#last++;
    this.#open.set(this.#last, release);
    return this.#last;
  }

  /** These have come back. */
  back(receipts: readonly number[]): void {
    for (const receipt of receipts) {
      this.#open.get(receipt)?.();
      this.#open.delete(receipt);
    }
  }
}

function ownChunk(whole: RawChunk, transfer: Set<TransferListItem>, receipts: Receipts): WireChunk {
  const { release, ...chunk } = whole;
  const { bytes } = chunk;
  if (bytes.buffer instanceof SharedArrayBuffer)
    return release === undefined ? chunk : { ...chunk, receipt: receipts.lend(release) };
  const owned = ownBytes(bytes, transfer);
  release?.();
  return { ...chunk, bytes: owned };
}

/** The bytes in a buffer of their own, which is transferred. */
function ownBytes(bytes: Uint8Array, transfer: Set<TransferListItem>): Uint8Array {
  const whole =
    bytes.buffer instanceof ArrayBuffer &&
    bytes.byteLength === bytes.buffer.byteLength &&
    bytes.constructor === Uint8Array;
  const owned = whole ? bytes : new Uint8Array(bytes);
  if (owned.buffer instanceof ArrayBuffer) transfer.add(owned.buffer);
  return owned;
}

/** The other side of `packCommand`: receipts of chunks that were read are added to `read`. */
export function unpackCommand(command: HostCommand, read: number[]): HostCommand {
  const unpack = (chunk: WireChunk): RawChunk => {
    const { receipt } = chunk;
    return receipt === undefined ? chunk : { ...chunk, release: () => void read.push(receipt) };
  };
  switch (command.kind) {
    case 'ingest':
      return {
        ...command,
        inputs: command.inputs.map((input) => ({ ...input, chunks: input.chunks.map(unpack) })),
      };
    case 'replayChunks':
      return { ...command, chunks: command.chunks.map(unpack) };
    default:
      return command;
  }
}

function transferBatch(batch: PackedBatch, transfer: Set<TransferListItem>): void {
  if (batch.buffer instanceof ArrayBuffer && batch.buffer.byteLength > 0)
    transfer.add(batch.buffer);
}

/** Words that fill their buffer. */
function transferWords(words: Int32Array, transfer: Set<TransferListItem>): void {
  if (words.buffer instanceof ArrayBuffer && words.byteLength === words.buffer.byteLength)
    transfer.add(words.buffer);
}

/**
 * The commands with lookups of one template at one step, as long as nothing else comes between
 * them, joined into one.
 */
export function joinLookups(commands: readonly HostCommand[]): readonly HostCommand[] {
  const joined: HostCommand[] = [];
  let template = -1;
  let at = -1;
  let requests: number[] = [];
  let keys: Row[] = [];
  for (const command of commands) {
    if (command.kind !== 'lookupKeys') {
      template = -1;
      joined.push(command);
      continue;
    }
    if (
      command.template !== template ||
      command.at !== at ||
      keys.length >= limits.lookupBatchKeysMax
    ) {
      ({ template, at } = command);
      requests = [];
      keys = [];
      joined.push({ kind: 'lookupKeys', template, at, requests, keys });
    }
    requests.push(...command.requests);
    keys.push(...command.keys);
  }
  return joined;
}

/** The command as it can be sent, and what is transferred with it. */
export function packCommand(
  command: HostCommand,
  transfer: Set<TransferListItem>,
  receipts: Receipts,
): HostCommand {
  switch (command.kind) {
    case 'ingest':
      return {
        ...command,
        inputs: command.inputs.map((input) => ({
          ...input,
          chunks: input.chunks.map((chunk) => ownChunk(chunk, transfer, receipts)),
        })),
      };
    case 'replayChunks':
      return {
        ...command,
        chunks: command.chunks.map((chunk) => ownChunk(chunk, transfer, receipts)),
      };
    case 'step':
      for (const input of command.inputs) transferBatch(input.batch, transfer);
      return command;
    default:
      return command;
  }
}

/** Adds what is transferred with a response. */
export function transferOfResponse(
  response: ThreadResponse,
  transfer: Set<TransferListItem>,
): void {
  if (response.kind === 'rows' || response.kind === 'answers')
    transferBatch(response.batch, transfer);
  if (response.kind === 'piece') transferWords(response.words, transfer);
  if (response.kind !== 'changes') return;
  for (const chunk of response.chunks)
    if (chunk.batch !== null) transferBatch(chunk.batch, transfer);
}
