/**
 * Ending and opening rows of an owner (owned-rows.ts), a call's rows together: all ends, then all
 * beginnings, then one entry a list of rows into each log. Single steps of it per row were most of
 * what such a row costs.
 *
 * The room of the oldest dead rows, if nobody can read them any more and they fit exactly, is used
 * again on the spot, in the order of their deaths; so a steady collection neither frees nor
 * allocates. They are first looked at in a loop of nothing else, where their cache misses overlap.
 */
import { assert } from '../../src/base/assert.ts';
import { infinity, recordBirth, recordDeath, recordMark, recordWeight } from '../value/layout.ts';
import type { ChangeLog } from './change-log.ts';
import type { DeadLog } from './dead-log.ts';
import { sequenceMask } from './int-ring.ts';
import type { KeyIndex } from './key-index.ts';
import type { MoveLog } from './move-log.ts';
import type { RowStore } from './row-store.ts';
import { identityHash } from './stage.ts';

/** Words of a record whose var bytes are not cleared before they are written. */
const longWords = 2 ** 12;
/** Words that padding adds to a record at most. */
const paddingWordsMax = 8;

/** The parts of an arrangement that its owner's rows go through. */
export interface RowParts {
  readonly store: RowStore;
  readonly dead: DeadLog;
  readonly log: ChangeLog;
  readonly moves: MoveLog;
  readonly indexes: readonly (KeyIndex | null)[];
}

/** Rows of one call, as `OwnedRows.replace` has them. */
export interface Replacement {
  readonly step: number;
  /** Dead rows whose death is at this step or before may go. */
  readonly since: number;
  readonly olds: Int32Array;
  readonly sizes: Int32Array;
  readonly tokens: Int32Array;
  readonly n: number;
  /** Gets the places of the new rows. */
  readonly places: Int32Array;
}

// One call runs at a time and leaves nothing in these; they are as long as the longest call.
let records = new Int32Array(0);
let spare = new Int32Array(0);

/** Ends old rows and opens new ones, all but their payloads; answers how many more rows live. */
export function replaceRows(parts: RowParts, call: Replacement): number {
  if (records.length < call.n) {
    records = new Int32Array(call.n);
    spare = new Int32Array(call.n);
  }
  const ended = endRows(parts, call);
  return openRows(parts, call) - ended;
}

function endRows({ store, dead, indexes }: RowParts, call: Replacement): number {
  const { step, olds, n } = call;
  const { i32 } = store.region;
  let ended = 0;
  let wrong = 0;
  for (let k = 0; k < n; k++) {
    const record = olds[k] - 1;
    if (record < 0) continue;
    if (i32[record + recordBirth] >= step || i32[record + recordDeath] !== infinity) wrong++;
    i32[record + recordDeath] = step;
    records[ended++] = record;
  }
  assert(wrong === 0, 'a row ends once, later than it began');
  const first = dead.tail;
  dead.append(records, ended, step);
  if (indexes.length === 0) return ended;
  for (let k = 0; k < ended; k++) {
    const identity = identityOf(store, records[k]);
    const sequence = (first + k) & sequenceMask;
    for (const index of indexes) index?.die(records[k], identity, sequence);
  }
  return ended;
}

function openRows({ store, dead, log, moves, indexes }: RowParts, call: Replacement): number {
  const { step, since, sizes, tokens, n, places } = call;
  const { variable, offset, fixedWords } = store.layout;
  const length = variable.length === 0 ? -1 : offset[variable[0]];
  const { region, sizeOf } = store;
  const { head } = dead;
  const spares = dead.oldest(since, n, spare);
  let { i32 } = region;
  let used = 0;
  let opened = 0;
  for (let k = 0; k < n; k++) {
    const size = sizes[k];
    if (size === 0) {
      places[k] = 0;
      continue;
    }
    let record = used < spares ? spare[used] : -1;
    if (record >= 0 && sizeOf(i32, record) === size && store.reusable(record, size)) {
      for (const index of indexes) index?.bury(record, (head + used) & sequenceMask);
      moves.forget(record);
      store.markWhole(record, size);
      used++;
    } else {
      record = store.allocate(size);
      ({ i32 } = region);
    }
    i32[record + recordWeight] = 1;
    i32[record + recordBirth] = step;
    i32[record + recordDeath] = infinity;
    i32[record + recordMark] = tokens[k];
    if (size > longWords) clearLong(i32, record, size, fixedWords);
    else for (let w = record + recordMark + 1; w < record + size; w++) i32[w] = 0;
    // Whoever walks the segment before the payload is there must find the record's end.
    if (length >= 0) i32[record + length] = (size - fixedWords) * 4;
    places[k] = record + 1;
    records[opened++] = record;
  }
  dead.drop(used);
  log.append(records, opened);
  return opened;
}

/** Clears what the writer of a long row does not write, or not all of. */
function clearLong(i32: Int32Array, record: number, size: number, fixedWords: number): void {
  i32.fill(0, record + recordMark + 1, record + fixedWords);
  i32.fill(0, record + size - paddingWordsMax, record + size);
}

/** The identity hash of a record. */
export function identityOf({ region, layout, sizeOf }: RowStore, record: number): number {
  const { i32 } = region;
  return identityHash(i32, record, layout.payload, sizeOf(i32, record));
}
