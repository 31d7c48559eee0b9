/**
 * A stream: an append-only source of which nothing is kept. Its batches go to the dataflows that
 * read it, each of which queues those of steps that it has not come to yet.
 */
import type { Batch } from '../value/batch.ts';
import type { ColumnType } from '../value/type.ts';
import type { Reader } from './stored-collection.ts';

/** A dataflow's end of a stream. */
export interface StreamReader extends Reader {
  /** Number of the dataflow. */
  readonly id: number;
  /** A live batch and its error rows, at their step; the reader retains what it keeps. */
  receive(stream: StreamCollection, step: number, batch: Batch | null, errors: Batch | null): void;
  /** Bytes of live batches that wait. */
  readonly queuedBytes: number;
}

/** A collection that is only passed through. */
export class StreamCollection {
  readonly id: number;
  readonly columns: readonly ColumnType[];
  readonly readers = new Set<StreamReader>();

  constructor(id: number, columns: readonly ColumnType[]) {
    this.id = id;
    this.columns = columns;
  }
}
