/**
 * Handing a stored collection to readers in other threads: its gate, the door to one of its
 * indexes, and the known steps of all dataflows that it comes from.
 */
import type { SharedCollection } from './command.ts';
import type { Dataflow } from './dataflow.ts';
import type { StoredCollection } from './stored-collection.ts';

/** What a reader needs, or null while the index on `key` is not whole. */
export function shareCollection(
  collection: StoredCollection,
  key: readonly number[],
  writerOf: (collection: StoredCollection) => Dataflow | undefined,
): SharedCollection | null {
  const index = collection.indexOn(key);
  if (index === undefined || !collection.buildIndex(index, 0)) return null;
  const gate = collection.gate();
  const dataflows = new Set<Dataflow>();
  addWriters(collection, writerOf, dataflows);
  return {
    gate: gate.buffer,
    known: [...dataflows].map((dataflow) => dataflow.known().buffer),
    indexesDropped: gate.indexesDropped,
    door: collection.arrangement.door(index),
  };
}

/** Adds the dataflows that a collection comes from, each after those that it reads. */
function addWriters(
  collection: StoredCollection,
  writerOf: (collection: StoredCollection) => Dataflow | undefined,
  dataflows: Set<Dataflow>,
): void {
  const writer = writerOf(collection);
  if (writer === undefined || dataflows.has(writer)) return;
  for (const imported of writer.imports) addWriters(imported, writerOf, dataflows);
  dataflows.add(writer);
}
