/**
 * What the log says of one step: its time, rows of tables, the offsets up to which records of
 * sources belong to it, and what had changed in the catalog before it. On disk:
 *
 *     length of the head (u32) | zeros (u32) | head | zeros to 8 | batches, each with zeros to 8
 *
 * The head is JSON, so that a log can be read by eye; the batches are the words of packed batches
 * as they lie in memory. Offsets are texts in it, since JSON has no 64-bit integers.
 */
import { assert } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';

/** A packed batch (dataflow/graph/command.ts): one buffer, and where its columns lie in it. */
export interface StoredBatch {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  readonly rows: number;
  readonly column: Int32Array;
  readonly nulls: Int32Array;
  readonly weight: number;
}

/** Rows for a table. */
export interface TableRows {
  readonly collection: number;
  readonly batch: StoredBatch;
}

/** An offset of a slot of a source: the one after the last record that counts. */
export interface Binding {
  readonly collection: number;
  readonly slot: number;
  readonly offset: bigint;
}

/** Where a slot of a source begins, and what it stands for. */
export interface StartBinding extends Binding {
  /**
   * The partition, and the topic's id if brokers have told it. null in what was written when each
   * source had one topic: the slot is then the number of its partition.
   */
  readonly place: {
    readonly topic: string;
    readonly partition: number;
    readonly topicId: string | null;
  } | null;
}

/** A change of the catalog, as text; its meaning is the catalog's (catalog/durable-object.ts). */
export type CatalogChange =
  | { readonly kind: 'put'; readonly oid: number; readonly object: string }
  | { readonly kind: 'remove'; readonly oid: number };

export interface StepRecord {
  /** 0 for a record of catalog changes alone. */
  readonly step: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly catalog: readonly CatalogChange[];
  /** Numbers that have been given away: the next oid, the next collection or dataflow. */
  readonly counters: { readonly oid: number; readonly number: number };
  /** Where slots of sources began, if that was found since the record before. */
  readonly starts: readonly StartBinding[];
  readonly bound: readonly Binding[];
  readonly tables: readonly TableRows[];
  /** Tables, by position, of an earlier step that count for nothing: the writer was refused. */
  readonly refused?: { readonly step: number; readonly tables: readonly number[] };
}

/** Collection, slot, offset; then topic, partition and topic id. */
type WrittenStart = readonly [
  number,
  number,
  string,
  ...([] | readonly [string, number, string | null]),
];

interface Head extends Omit<StepRecord, 'starts' | 'bound' | 'tables'> {
  readonly starts: readonly WrittenStart[];
  readonly bound: readonly (readonly [number, number, string])[];
  readonly tables: readonly {
    readonly collection: number;
    readonly rows: number;
    readonly column: readonly number[];
    readonly nulls: readonly number[];
    readonly weight: number;
    readonly bytes: number;
  }[];
}

const headAt = 8;

function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function written(bindings: readonly Binding[]): Head['bound'] {
  return bindings.map(({ collection, slot, offset }) => [collection, slot, String(offset)]);
}

function writtenStart({ collection, slot, offset, place }: StartBinding): WrittenStart {
  const start = [collection, slot, String(offset)] as const;
  return place === null ? start : [...start, place.topic, place.partition, place.topicId];
}

function readStart([collection, slot, offset, ...written]: WrittenStart): StartBinding {
  const [topic, partition, topicId] = written;
  const place =
    topic === undefined || partition === undefined
      ? null
      : { topic, partition, topicId: topicId ?? null };
  return { collection, slot, offset: BigInt(offset), place };
}

function read(bindings: Head['bound']): readonly Binding[] {
  return bindings.map(([collection, slot, offset]) => ({
    collection,
    slot,
    offset: BigInt(offset),
  }));
}

/** The record as bytes. */
export function encodeStep(record: StepRecord): Uint8Array {
  const head: Head = {
    ...record,
    starts: record.starts.map(writtenStart),
    bound: written(record.bound),
    tables: record.tables.map(({ collection, batch }) => ({
      collection,
      rows: batch.rows,
      column: [...batch.column],
      nulls: [...batch.nulls],
      weight: batch.weight,
      bytes: batch.buffer.byteLength,
    })),
  };
  const text = new TextEncoder().encode(JSON.stringify(head));
  const size = record.tables.reduce(
    (sum, { batch }) => sum + aligned(batch.buffer.byteLength),
    headAt + aligned(text.length),
  );
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, headAt);
  let at = headAt + aligned(text.length);
  for (const { batch } of record.tables) {
    bytes.set(new Uint8Array(batch.buffer), at);
    at += aligned(batch.buffer.byteLength);
  }
  assert(at === size, 'a record is as long as its parts');
  return bytes;
}

/** Reads a record. Its batches have buffers of their own. Throws XX001 for what is no record. */
export function decodeStep(bytes: Uint8Array): StepRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < headAt ? Infinity : view.getUint32(0, true);
  if (headAt + length > bytes.length) throw sqlError('XX001', 'a record of the log has no head');
  const text = new TextDecoder().decode(bytes.subarray(headAt, headAt + length));
  const head = JSON.parse(text) as Head;
  let at = headAt + aligned(length);
  const tables = head.tables.map((table) => {
    const end = at + table.bytes;
    if (end > bytes.length) throw sqlError('XX001', 'a record of the log is too short');
    const { buffer } = bytes.slice(at, end);
    at = aligned(end);
    return {
      collection: table.collection,
      batch: {
        buffer,
        rows: table.rows,
        column: Int32Array.from(table.column),
        nulls: Int32Array.from(table.nulls),
        weight: table.weight,
      },
    };
  });
  return { ...head, starts: head.starts.map(readStart), bound: read(head.bound), tables };
}
