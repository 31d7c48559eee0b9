/**
 * Goal: lookups of one turn travel together, nothing changes its order, and memory that is lent to
 * the other thread comes back once. Method: lists of commands as a session would send them, cloned
 * as the threads' channel does it.
 */
import { describe, expect, it } from 'vitest';
import type { HostCommand } from '../coordinator/engine-link.ts';
import { Receipts, joinLookups, packCommand, unpackCommand } from './message.ts';

function lookup(template: number, at: number, request: number): HostCommand {
  return { kind: 'lookupKeys', template, at, requests: [request], keys: [[request * 10]] };
}

describe('joinLookups', () => {
  it('joins lookups of one template at one step', () => {
    expect(
      joinLookups([lookup(1, 5, 1), lookup(1, 5, 2), lookup(2, 5, 3), lookup(2, 6, 4)]),
    ).toEqual([
      { kind: 'lookupKeys', template: 1, at: 5, requests: [1, 2], keys: [[10], [20]] },
      { kind: 'lookupKeys', template: 2, at: 5, requests: [3], keys: [[30]] },
      { kind: 'lookupKeys', template: 2, at: 6, requests: [4], keys: [[40]] },
    ]);
  });

  it('leaves everything else where it is', () => {
    const cancel: HostCommand = { kind: 'cancel', request: 1 };
    expect(joinLookups([lookup(1, 5, 1), cancel, lookup(1, 5, 2)])).toEqual([
      lookup(1, 5, 1),
      cancel,
      lookup(1, 5, 2),
    ]);
  });

  it('does not change the commands that it was given', () => {
    const first = lookup(1, 5, 1);
    joinLookups([first, lookup(1, 5, 2)]);
    expect(first).toEqual(lookup(1, 5, 1));
  });
});

describe('packCommand', () => {
  const chunk = { slot: 0, topic: 't', partition: 0, from: 0n, next: 1n, aborted: [] };

  it('lends shared memory, and hears when it was read', () => {
    const receipts = new Receipts();
    let released = 0;
    const bytes = new Uint8Array(new SharedArrayBuffer(8), 2, 4);
    const sent = packCommand(
      {
        kind: 'ingest',
        inputs: [{ collection: 1, chunks: [{ ...chunk, bytes, release: () => void released++ }] }],
      },
      new Set(),
      receipts,
    );
    const read: number[] = [];
    const taken = unpackCommand(structuredClone(sent), read);
    const [got] = taken.kind === 'ingest' ? (taken.inputs[0]?.chunks ?? []) : [];
    new Uint8Array(bytes.buffer)[2] = 7;
    expect([...(got?.bytes ?? [])]).toEqual([7, 0, 0, 0]);
    expect([released, receipts.open]).toEqual([0, 1]);
    got?.release?.();
    receipts.back(read);
    receipts.back(read);
    expect([released, receipts.open]).toEqual([1, 0]);
  });

  it('copies a view on memory that is not shared, which is free at once', () => {
    const receipts = new Receipts();
    let released = 0;
    const bytes = Buffer.from('abcd').subarray(1, 3);
    const transfer: Parameters<typeof packCommand>[1] = new Set();
    const sent = packCommand(
      {
        kind: 'replayChunks',
        dataflow: 1,
        collection: 1,
        last: false,
        chunks: [{ ...chunk, bytes, release: () => void released++ }],
      },
      transfer,
      receipts,
    );
    const [got] = sent.kind === 'replayChunks' ? sent.chunks : [];
    expect(got?.bytes.buffer.byteLength).toBe(2);
    expect([released, receipts.open, transfer.size]).toEqual([1, 0, 1]);
  });
});
