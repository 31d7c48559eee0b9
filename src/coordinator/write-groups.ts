/**
 * What the writers of one step want, as the engine and the log get it. Each write is a group of its
 * own, applied all or not at all; small writes of rows for one table are joined into one group, so
 * that a step of many sessions costs little more than a step of one. If there is no memory for a
 * group, all of its writers are told.
 *
 * Rows that may be joined stay values until then: a batch of one row costs more to make than the
 * row is worth.
 */
import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import type { Datum, Row } from '../../dataflow/value/datum.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';
import { packDatums } from './row-stream.ts';

/** Rows for one table. */
export interface PackedInput {
  readonly collection: number;
  readonly batch: PackedBatch;
}

/** A few rows to be added to one table. */
export interface LooseInput {
  readonly collection: number;
  readonly types: readonly ColumnType[];
  readonly rows: readonly Row[];
  /** About what they take. */
  readonly bytes: number;
}

export type WriteInput = PackedInput | LooseInput;

/** Whoever waits for a step to be complete. */
export interface Waiter {
  readonly resolve: (step: number) => void;
  readonly reject: (error: Error) => void;
}

/** What one transaction writes. */
export interface Write extends Waiter {
  readonly inputs: readonly WriteInput[];
}

/** Writes that are applied, or refused, together. */
export interface WriteGroup {
  readonly inputs: readonly PackedInput[];
  readonly waiters: readonly Waiter[];
}

/** Rows of one table that are joined. */
interface Gathering {
  readonly collection: number;
  readonly types: readonly ColumnType[];
  readonly rows: Row[];
  readonly waiters: Waiter[];
  bytes: number;
}

const valueBytes = 16;

function bytesOfValue(value: Datum): number {
  switch (typeof value) {
    case 'string':
      return valueBytes + 3 * value.length;
    case 'object':
      // Of the other forms one cannot tell without looking closely.
      return value === null
        ? valueBytes
        : value instanceof Uint8Array
          ? valueBytes + value.length
          : Infinity;
    default:
      return valueBytes;
  }
}

/** Rows to be added to a table: as they are if they are few and small, else packed. */
export function inputOf(
  collection: number,
  types: readonly ColumnType[],
  rows: readonly Row[],
): WriteInput {
  let bytes = 0;
  for (const row of rows) for (const value of row) bytes += bytesOfValue(value);
  if (bytes <= limits.joinedWriteBytesMax) return { collection, types, rows, bytes };
  return { collection, batch: packDatums(types, rows) };
}

/** The input as a batch. */
export function packedInput(input: WriteInput): PackedInput {
  if ('batch' in input) return { collection: input.collection, batch: input.batch };
  return { collection: input.collection, batch: packDatums(input.types, input.rows) };
}

/** The groups of a step. */
export function groupWrites(writes: readonly Write[]): readonly WriteGroup[] {
  const groups: WriteGroup[] = [];
  const open = new Map<number, Gathering>();
  for (const write of writes) {
    const input = onlyLoose(write.inputs);
    if (input === null) {
      groups.push({ inputs: packedInputs(write.inputs), waiters: [write] });
      continue;
    }
    const gathering = open.get(input.collection);
    if (gathering === undefined) {
      open.set(input.collection, { ...input, rows: [...input.rows], waiters: [write] });
    } else if (gathering.bytes + input.bytes > limits.joinedBytesMax) {
      groups.push(joined(gathering));
      open.set(input.collection, { ...input, rows: [...input.rows], waiters: [write] });
    } else {
      for (const row of input.rows) gathering.rows.push(row);
      gathering.waiters.push(write);
      gathering.bytes += input.bytes;
    }
  }
  for (const gathering of open.values()) groups.push(joined(gathering));
  return groups;
}

/** The one input of a write, if it may be joined with others. */
function onlyLoose(inputs: readonly WriteInput[]): LooseInput | null {
  const [input] = inputs;
  return inputs.length === 1 && input !== undefined && 'rows' in input ? input : null;
}

/** The inputs of one write; rows for the same table become one batch. */
function packedInputs(inputs: readonly WriteInput[]): readonly PackedInput[] {
  const packed: PackedInput[] = [];
  const loose = new Map<number, { readonly types: readonly ColumnType[]; readonly rows: Row[] }>();
  for (const input of inputs) {
    if ('batch' in input) {
      packed.push(packedInput(input));
      continue;
    }
    const known = loose.get(input.collection);
    if (known === undefined)
      loose.set(input.collection, { types: input.types, rows: [...input.rows] });
    else for (const row of input.rows) known.rows.push(row);
  }
  for (const [collection, { types, rows }] of loose)
    packed.push({ collection, batch: packDatums(types, rows) });
  return packed;
}

function joined({ collection, types, rows, waiters }: Gathering): WriteGroup {
  assert(waiters.length > 0, 'somebody waits for what is joined');
  return { inputs: [{ collection, batch: packDatums(types, rows) }], waiters };
}
