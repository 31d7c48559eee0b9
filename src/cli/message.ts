/**
 * What crosses the thread boundary: arrays of commands one way, of responses the other, with the
 * memory that goes along. Buffers that a message owns whole are transferred; a view into a larger
 * buffer is copied first, since cloning it would clone all of that buffer.
 */
import type { TransferListItem } from 'node:worker_threads';
import { limits } from '../base/limits.ts';
import type { HostCommand, HostResponse } from '../coordinator/engine-link.ts';
import type { RawChunk } from '../../connectors/connector.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import type { Row } from '../../dataflow/value/datum.ts';

function ownChunk(chunk: RawChunk, transfer: Set<TransferListItem>): RawChunk {
  const { bytes } = chunk;
  const whole =
    bytes.buffer instanceof ArrayBuffer &&
    bytes.byteLength === bytes.buffer.byteLength &&
    bytes.constructor === Uint8Array;
  const owned = whole ? bytes : new Uint8Array(bytes);
  if (owned.buffer instanceof ArrayBuffer) transfer.add(owned.buffer);
  return { ...chunk, bytes: owned };
}

function transferBatch(batch: PackedBatch, transfer: Set<TransferListItem>): void {
  if (batch.buffer instanceof ArrayBuffer && batch.buffer.byteLength > 0)
    transfer.add(batch.buffer);
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
export function packCommand(command: HostCommand, transfer: Set<TransferListItem>): HostCommand {
  switch (command.kind) {
    case 'ingest':
      return {
        ...command,
        inputs: command.inputs.map((input) => ({
          ...input,
          chunks: input.chunks.map((chunk) => ownChunk(chunk, transfer)),
        })),
      };
    case 'replayChunks':
      return { ...command, chunks: command.chunks.map((chunk) => ownChunk(chunk, transfer)) };
    case 'step':
      for (const input of command.inputs) transferBatch(input.batch, transfer);
      return command;
    default:
      return command;
  }
}

/** Adds what is transferred with a response. */
export function transferOfResponse(response: HostResponse, transfer: Set<TransferListItem>): void {
  if (response.kind === 'rows' || response.kind === 'answers')
    transferBatch(response.batch, transfer);
  if (response.kind !== 'changes') return;
  for (const chunk of response.chunks)
    if (chunk.batch !== null) transferBatch(chunk.batch, transfer);
}
