/**
 * Walks over a store and over its change log, in pieces as large as the caller's pairs, or shorter
 * where most of what is passed is not visible: a piece looks at a bounded number of rows.
 *
 * A scan stands between two records: `slot` is the segment, `inner` the words walked in it, `row`
 * the segment's generation. If the generation has changed meanwhile the segment went away, which
 * only happens when none of its rows is visible to any hold, so the scan goes on to the next one.
 *
 * A walk over changes stands at a birth (`row` = 0, `inner` = place of the step + 1, `slot` =
 * number of the birth + 1) or at a death (`row` = 1, `slot` = number + 1).
 */
import { infinity, recordBirth, recordDeath, recordWeight } from '../value/layout.ts';
import type { Pairs, Position } from './arrangement.ts';
import type { ChangeLog } from './change-log.ts';
import type { DeadLog } from './dead-log.ts';
import { sequenceMask } from './int-ring.ts';
import type { MoveLog } from './move-log.ts';
import type { RowStore } from './row-store.ts';

/** Words of segments that a scan passes, and rows of logs that a walk looks at, in one piece. */
const scannedWordsMax = 2 ** 17;
const walkedRowsMax = 16_384;

/** Puts rows visible at `at` into `out`; true at the end. */
export function scanRows(store: RowStore, at: number, position: Position, out: Pairs): boolean {
  let words = 0;
  for (; position.slot < store.segments; position.slot++, position.inner = 0, position.row = 0) {
    const segment = position.slot;
    if (store.start(segment) < 0) continue;
    const generation = store.generation(segment);
    if (position.row !== 0 && position.row !== generation) continue;
    if (words >= scannedWordsMax) return false;
    words += store.fill(segment);
    position.row = generation;
    if (!scanSegment(store, at, position, out)) return false;
  }
  return true;
}

function scanSegment(store: RowStore, at: number, position: Position, out: Pairs): boolean {
  const { i32 } = store.region;
  const { capacity, address, weight } = out;
  const start = store.start(position.slot);
  const end = start + store.fill(position.slot);
  let n = out.n;
  let record = start + position.inner;
  while (record < end) {
    const birth = i32[record + recordBirth];
    if (birth <= at && at < i32[record + recordDeath]) {
      if (n === capacity) break;
      address[n] = record;
      weight[n++] = i32[record + recordWeight];
    }
    record += birth === infinity ? i32[record + recordWeight] : store.sizeOf(i32, record);
  }
  out.n = n;
  position.inner = record - start;
  return record >= end;
}

/** What a walk over changes reads. */
export interface History {
  readonly store: RowStore;
  readonly log: ChangeLog;
  readonly dead: DeadLog;
  readonly moves: MoveLog;
}

/** Puts what changed after `from` up to `to` into `out`; true at the end. */
export function walkChanges(
  history: History,
  from: number,
  to: number,
  position: Position,
  out: Pairs,
): boolean {
  if (position.row === 0 && !walkBirths(history, from, to, position, out)) return false;
  return walkDeaths(history, from, to, position, out);
}

function walkBirths(
  history: History,
  from: number,
  to: number,
  position: Position,
  out: Pairs,
): boolean {
  const { log, moves } = history;
  const { i32 } = history.store.region;
  let place = position.inner === 0 ? log.firstAfter(from) : position.inner - 1;
  let number = position.slot === 0 ? -1 : position.slot - 1;
  let walked = 0;
  for (; log.has(place) && log.stepAt(place) <= to; place += 2, number = -1) {
    const step = log.stepAt(place);
    const end = log.endBirth(place);
    if (number < 0) number = log.firstBirth(place);
    for (; number !== end; number = (number + 1) & sequenceMask) {
      if (out.n === out.capacity || walked++ === walkedRowsMax) {
        position.inner = place + 1;
        position.slot = number + 1;
        return false;
      }
      const record = log.row(number);
      if (i32[record + recordBirth] !== step || i32[record + recordDeath] <= to) continue;
      if (moves.birth(record, step) <= from) continue;
      out.address[out.n] = record;
      out.weight[out.n++] = i32[record + recordWeight];
    }
  }
  position.row = 1;
  position.slot = 0;
  return true;
}

function walkDeaths(
  history: History,
  from: number,
  to: number,
  position: Position,
  out: Pairs,
): boolean {
  const { dead, moves } = history;
  const { i32 } = history.store.region;
  let number = position.slot === 0 ? dead.firstAfter(from) : position.slot - 1;
  let walked = 0;
  for (; dead.has(number) && dead.death(number) <= to; number = (number + 1) & sequenceMask) {
    if (out.n === out.capacity || walked++ === walkedRowsMax) {
      position.slot = number + 1;
      return false;
    }
    const record = dead.row(number);
    if (i32[record + recordBirth] > from) continue;
    // Of a row that moved more than once only the original was there before `from`.
    const latest = moves.latest(record);
    if (latest !== record && i32[latest + recordDeath] > to) continue;
    out.address[out.n] = record;
    out.weight[out.n++] = -i32[record + recordWeight];
  }
  return true;
}
