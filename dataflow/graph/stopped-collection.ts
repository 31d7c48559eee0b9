/**
 * A collection that has run out of memory: its rows, and the dataflow that kept them, are given
 * back at once, so that the others have room; what remains is the reason, which every read gets
 * until the collection is dropped. Views over it stop with the same reason, as what they hold would
 * no longer be what their query says.
 */
import type { ErrorFields } from '../../src/base/error.ts';
import type { ColumnType } from '../value/type.ts';

/** What waits for something is told this when that goes away. */
export const droppedError: ErrorFields = {
  code: '42P01',
  message: 'the query was ended because an object that it reads was dropped',
};

/** Why a collection stopped, and which was the first to do so. */
export interface Stopped {
  readonly collection: number;
  readonly error: ErrorFields;
}

/** What is left of a collection: see above. */
export class StoppedCollection {
  readonly id: number;
  readonly columns: readonly ColumnType[];
  readonly reason: Stopped;

  constructor(id: number, columns: readonly ColumnType[], reason: Stopped) {
    this.id = id;
    this.columns = columns;
    this.reason = reason;
  }
}
