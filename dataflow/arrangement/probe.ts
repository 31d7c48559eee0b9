/**
 * Probing: for a range of rows of a key batch, the records of an index that are visible at a step
 * and have an equal key, as pairs.
 *
 * All matches of one row are given or none. So a probe that goes on later, after other steps were
 * applied and the tables have moved, misses nothing and repeats nothing. A row whose matches may
 * not fit, or whose key has a long history to look through, is *long* and not begun: `walkKey`
 * takes it.
 */
import type { Batch } from '../value/batch.ts';
import type { EqualBatchRecord } from '../value/equal.ts';
import { recordBirth, recordWeight } from '../value/layout.ts';
import type { Pairs } from './arrangement.ts';
import type { HashIndex } from './hash-index.ts';
import { touchedSlots } from './hash-index.ts';
import { directoryPlace, tableBase, tableMask } from './hash-table.ts';
import { isHeavy } from './index-door.ts';
import { touchedMax } from './key-walk.ts';

/** Dead records of a key that are looked at in passing. */
const deadMax = 64;

/** What stays the same over one probe. */
export interface ProbeRun {
  readonly index: HashIndex;
  /** Words of the store's region. */
  readonly words: Int32Array;
  readonly equal: EqualBatchRecord;
  readonly keys: Batch;
  /** Offsets of the key columns and of their null bytes. */
  readonly k: Int32Array;
  readonly n: Int32Array;
  /** Key hash of row `first + k` at `hashes[k]`. */
  readonly hashes: Int32Array;
  first: number;
  /** Whether these hashes were touched just now, so that their first slots are known. */
  warm: boolean;
  readonly at: number;
  /** Whether dead rows may be visible at `at`. */
  readonly dead: boolean;
  /** Whether rows with a NULL in the key match nothing. */
  readonly skipNulls: boolean;
  /** Records of heavy keys and dead records looked at since the call began. */
  touched: number;
  /** The row that the probe stopped before is long. */
  long: boolean;
}

/** Whether any of the key columns of `row` is NULL. */
function hasNull(u8: Uint8Array, n: Int32Array, row: number): boolean {
  for (let c = 0; c < n.length; c++) if (n[c] >= 0 && u8[n[c] + row] !== 0) return true;
  return false;
}

/**
 * Probes rows `from … to - 1`. Answers the row it stopped before: a long one, or the one after
 * enough was looked at; or `to`.
 */
export function probeRows(run: ProbeRun, from: number, to: number, out: Pairs): number {
  const { index, words, equal, k, n, hashes, at, dead, skipNulls } = run;
  const hashed = run.first;
  const { warm } = run;
  const { i32, u8 } = run.keys.slab;
  const { tagMask } = index;
  const { directoryAt, shift } = index.table;
  const { capacity, row: rows, address, weight } = out;
  let filled = out.n;
  for (let r = from; r < to; r++) {
    if (run.touched >= touchedMax) {
      out.n = filled;
      return r;
    }
    if (skipNulls && hasNull(u8, n, r)) continue;
    const first = filled;
    const hash = hashes[r - hashed];
    const entry = words[directoryAt + directoryPlace(hash, shift)];
    const base = tableBase(entry);
    const mask = tableMask(entry);
    const start = warm ? (touchedSlots[r - hashed] - base) >> 1 : hash & mask;
    for (let slot = start; ; slot = (slot + 1) & mask) {
      const value = words[base + 2 * slot + 1];
      if (value === 0) break;
      if (((words[base + 2 * slot] ^ hash) & tagMask) !== 0) continue;
      if (value > 0) {
        const record = value - 1;
        if (words[record + recordBirth] > at) continue;
        if (!equal(i32, u8, k, n, r, words, record)) continue;
        if (filled < capacity) {
          rows[filled] = r;
          address[filled] = record;
          weight[filled] = words[record + recordWeight];
        }
        filled++;
      } else if (isHeavy(value)) {
        filled = probeHeavy(run, r, value, out, filled);
      } else if (dead) {
        filled = probeDead(run, r, ~value, out, filled);
      }
      if (filled > capacity) {
        out.n = first;
        run.long = true;
        return r;
      }
    }
  }
  out.n = filled;
  return to;
}

/** Answers how much is filled; more than the capacity if the row is long. */
function probeHeavy(run: ProbeRun, row: number, value: number, out: Pairs, start: number): number {
  const { index, words, equal, k, n, hashes, at } = run;
  const { i32, u8 } = run.keys.slab;
  let filled = start;
  const heavy = index.heavyAt(value);
  if (heavy.hash !== hashes[row - run.first]) return filled;
  const { count } = heavy.table;
  if (count > out.capacity - filled) return out.capacity + 1;
  run.touched += count;
  heavy.table.eachTable((base, slots) => {
    for (let slot = base, end = base + 2 * slots; slot < end; slot += 2) {
      const record = words[slot + 1] - 1;
      if (record < 0 || words[record + recordBirth] > at) continue;
      if (!equal(i32, u8, k, n, row, words, record)) continue;
      out.row[filled] = row;
      out.address[filled] = record;
      out.weight[filled++] = words[record + recordWeight];
    }
  });
  return filled;
}

/**
 * Newest death first, so the walk ends at the first row that was dead at `at` already. Answers as
 * `probeHeavy` does.
 */
function probeDead(
  run: ProbeRun,
  row: number,
  sequence: number,
  out: Pairs,
  start: number,
): number {
  const { index, words, equal, k, n, at } = run;
  const { i32, u8 } = run.keys.slab;
  let filled = start;
  let seen = 0;
  for (let s = sequence; s >= 0 && index.deathOf(s) > at; s = index.older(s)) {
    if (++seen > deadMax || filled >= out.capacity) return out.capacity + 1;
    const record = index.deadRow(s);
    if (words[record + recordBirth] > at) continue;
    if (!equal(i32, u8, k, n, row, words, record)) continue;
    out.row[filled] = row;
    out.address[filled] = record;
    out.weight[filled++] = words[record + recordWeight];
  }
  run.touched += seen;
  return filled;
}
