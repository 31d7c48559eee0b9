/**
 * What the writers of one step want, as the engine and the log get it. Each write is a group of its
 * own, applied all or not at all; small writes of rows for one table are joined into one group, so
 * that a step of many sessions costs little more than a step of one. If there is no memory for a
 * group, all of its writers are told.
 */
import { assert, defined } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import { joinBatches } from '../../dataflow/graph/join-batches.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';

/** Rows for one table. */
export interface WriteInput {
  readonly collection: number;
  readonly batch: PackedBatch;
  /** Types of the columns, if the batch may be joined with others of the kind. */
  readonly types?: readonly ColumnType[];
}

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
  readonly inputs: readonly WriteInput[];
  readonly waiters: readonly Waiter[];
}

/** Small writes for one table. */
interface Gathering {
  readonly collection: number;
  readonly types: readonly ColumnType[];
  readonly batches: PackedBatch[];
  readonly waiters: Waiter[];
  bytes: number;
}

/** The groups of a step. */
export function groupWrites(writes: readonly Write[]): readonly WriteGroup[] {
  const groups: WriteGroup[] = [];
  const open = new Map<number, Gathering>();
  for (const write of writes) {
    const [input] = write.inputs;
    const bytes = input?.batch.buffer.byteLength ?? 0;
    if (
      input?.types === undefined ||
      write.inputs.length > 1 ||
      bytes > limits.joinedWriteBytesMax
    ) {
      groups.push({ inputs: write.inputs, waiters: [write] });
      continue;
    }
    let gathering = open.get(input.collection);
    if (gathering !== undefined && gathering.bytes + bytes > limits.joinedBytesMax) {
      groups.push(joined(gathering));
      gathering = undefined;
    }
    if (gathering === undefined) {
      const { collection, types } = input;
      gathering = { collection, types, batches: [], waiters: [], bytes: 0 };
      open.set(collection, gathering);
    }
    gathering.batches.push(input.batch);
    gathering.waiters.push(write);
    gathering.bytes += bytes;
  }
  for (const gathering of open.values()) groups.push(joined(gathering));
  return groups;
}

function joined({ collection, types, batches, waiters }: Gathering): WriteGroup {
  assert(batches.length === waiters.length, 'a small write is one batch');
  const batch =
    batches.length === 1 ? defined(batches[0], 'the only batch') : joinBatches(types, batches);
  return { inputs: [{ collection, batch }], waiters };
}
