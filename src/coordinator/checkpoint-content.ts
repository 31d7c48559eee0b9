/**
 * What a checkpoint says beside its images: where the log goes on is the store's business; here are
 * the step, the catalog, the offsets of sources and what the engine keeps beside its memories. As
 * JSON, so that it can be read by eye; catalog objects are texts in it (catalog/durable-object.ts),
 * offsets too, as JSON has no 64-bit integers.
 */
import type { SavedCollection, SavedDataflow } from '../../dataflow/graph/checkpoint-messages.ts';
import { defined } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';
import type { Binding, StartBinding } from '../storage/step-record.ts';
import type { Counters } from './journal.ts';

/**
 * The form of the state of operators and of rows. State of another form is not read: dataflows are
 * hydrated anew. Rows of tables of all forms that were released must be readable.
 */
export const stateFormat = 1;

/** A dataflow with the fingerprint of the plan that its state belongs to. */
export interface PlannedDataflow {
  readonly fingerprint: string;
  readonly state: SavedDataflow;
}

export interface CheckpointContent {
  readonly stateFormat: number;
  readonly step: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly counters: Counters;
  /** Catalog objects by oid. */
  readonly objects: readonly (readonly [number, string])[];
  /** Where slots of sources began. */
  readonly starts: readonly StartBinding[];
  /** What is in the images. */
  readonly read: readonly Binding[];
  /** What was durably bound; more than was read while a source catches up after a start. */
  readonly bound: readonly Binding[];
  readonly collections: readonly SavedCollection[];
  readonly dataflows: readonly PlannedDataflow[];
}

interface Tagged {
  readonly [tag: string]: string;
}

function written(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return { bigint: String(value) };
  if (value instanceof Int32Array) return { i32: base64(value) };
  if (value instanceof Float64Array) return { f64: base64(value) };
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
    return { number: Object.is(value, -0) ? '-0' : String(value) };
  return value;
}

function base64(array: Int32Array | Float64Array): string {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');
}

function bytesOf(text: string): ArrayBuffer {
  const bytes = Buffer.from(text, 'base64');
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

function isTagged(value: unknown): value is Tagged {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const fields = Object.values(value);
  return fields.length === 1 && typeof fields[0] === 'string';
}

function read(_key: string, value: unknown): unknown {
  if (!isTagged(value)) return value;
  const { bigint, i32, f64, number } = value;
  if (bigint !== undefined) return BigInt(bigint);
  if (i32 !== undefined) return new Int32Array(bytesOf(i32));
  if (f64 !== undefined) return new Float64Array(bytesOf(f64));
  return number === undefined ? value : Number(number);
}

/** The content as bytes. */
export function encodeContent(content: CheckpointContent): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(content, written));
}

/** Reads `encodeContent`. Throws 0A000 for what a newer release wrote. */
export function decodeContent(bytes: Uint8Array): CheckpointContent {
  const content = JSON.parse(new TextDecoder().decode(bytes), read) as WrittenContent;
  if (content.stateFormat > stateFormat)
    throw sqlError('0A000', `the checkpoint has state of form ${content.stateFormat}`, {
      detail: `This release reads forms up to ${stateFormat}.`,
      hint: 'Use the release that wrote it, or a later one.',
    });
  return withSlots(content);
}

/** A binding as it may be written: by partition, when each source had one topic. */
interface WrittenBinding {
  readonly collection: number;
  readonly slot?: number;
  readonly partition?: number;
  readonly offset: bigint;
  readonly place?: StartBinding['place'];
}

interface WrittenContent extends Omit<CheckpointContent, 'starts' | 'read' | 'bound'> {
  readonly starts: readonly WrittenBinding[];
  readonly read: readonly WrittenBinding[];
  readonly bound: readonly WrittenBinding[];
}

function bindingOf({ collection, slot, partition, offset }: WrittenBinding): Binding {
  return { collection, slot: defined(slot ?? partition, 'a binding has its slot'), offset };
}

function withSlots(content: WrittenContent): CheckpointContent {
  return {
    ...content,
    starts: content.starts.map((start) => ({ ...bindingOf(start), place: start.place ?? null })),
    read: content.read.map(bindingOf),
    bound: content.bound.map(bindingOf),
  };
}
