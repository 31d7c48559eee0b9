/**
 * A walk over the records of one key, in pieces of any size with steps applied in between, for keys
 * that have too many rows for one look. Nothing is collected; what is remembered are five numbers.
 *
 * The records to give are fixed, as their step is held, but they move meanwhile: tables of heavy
 * keys split and shrink, rows die and then stand in the chain of the dead. So live records are
 * given in an order that moves do not change: by identity hash, then by address. (`hash`,
 * `address`) is the last one given; the tables of a heavy key are in order of hash among each
 * other, so only the table where the pairs become full is ever sorted. Dead records are given from
 * the newest death down, before any live one: all that are visible when the walk begins, and
 * whenever it goes on, those that have died since. Of these latter the ones up to (`hash`,
 * `address`) were given when they lived.
 *
 * Law: every record of the key that is visible at the held step is given exactly once; one call
 * looks at no more than `touchedMax` records and one table.
 */
import { recordBirth, recordDeath, recordWeight } from '../value/layout.ts';
import type { Pairs } from './arrangement.ts';
import { tableBase, tableMask } from './hash-table.ts';
import type { HashTable } from './hash-table.ts';
import type { ProbeRun } from './probe.ts';

/**
 * Records of long keys that one call of a probe looks at, roughly: half a millisecond of misses.
 */
export const touchedMax = 8_192;

const lastHash = 0xffffffff;
const lastAddress = 0x7fffffff;

/** Where a walk over one key stands. */
export interface KeyWalk {
  /** Live records up to this identity hash, and of this hash up to `address`, are given. */
  hash: number;
  address: number;
  /** Number of the dead row to look at next, or -1; the chain ends at `floor`. */
  dead: number;
  /** Newest dead row of the chain that is walked. */
  top: number;
  /** Newest dead row that was looked at, older ones were too; or -1. */
  floor: number;
}

/** A walk at its start. */
export function startWalk(): KeyWalk {
  return { hash: 0, address: -1, dead: -1, top: -1, floor: -1 };
}

/** Live records that may be given: identity hash and address. Reused; grown for long tables. */
let foundHashes = new Float64Array(512);
let foundRows = new Int32Array(512);

/** Goes on with the key of batch row `row`; true when all of its records are given. */
export function walkKey(run: ProbeRun, row: number, walk: KeyWalk, out: Pairs): boolean {
  const { index, at } = run;
  const hash = run.hashes[row - run.first];
  for (;;) {
    if (walk.dead >= 0 && !walkDead(run, row, walk, out)) return false;
    const newest = run.dead ? index.newestDead(hash) : -1;
    if (newest < 0 || newest === walk.floor || index.deathOf(newest) <= at) break;
    walk.dead = newest;
    walk.top = newest;
  }
  return walkLive(run, row, hash, walk, out);
}

function walkDead(run: ProbeRun, row: number, walk: KeyWalk, out: Pairs): boolean {
  const { index, words, at } = run;
  let next = walk.dead;
  while (next >= 0 && next !== walk.floor && index.inLog(next)) {
    const record = index.deadRow(next);
    if (words[record + recordDeath] <= at) break;
    if (out.n === out.capacity || run.touched >= touchedMax) {
      walk.dead = next;
      return false;
    }
    run.touched++;
    if (matches(run, row, record) && !wasGiven(run, walk, record)) put(words, row, record, out);
    next = index.older(next);
  }
  walk.floor = walk.top;
  walk.dead = -1;
  return true;
}

function matches(run: ProbeRun, row: number, record: number): boolean {
  const { words, equal, k, n, at } = run;
  const { i32, u8 } = run.keys.slab;
  return words[record + recordBirth] <= at && equal(i32, u8, k, n, row, words, record);
}

/** Whether a record that is dead now was given while it lived. */
function wasGiven(run: ProbeRun, walk: KeyWalk, record: number): boolean {
  if (walk.hash === 0 && walk.address < 0) return false;
  return !isAfter(walk, identityOf(run, record), record);
}

function identityOf({ index }: ProbeRun, record: number): number {
  return index.identityOf(record) >>> 0;
}

function isAfter(walk: KeyWalk, hash: number, record: number): boolean {
  return hash > walk.hash || (hash === walk.hash && record > walk.address);
}

function put(words: Int32Array, row: number, record: number, out: Pairs): void {
  out.row[out.n] = row;
  out.address[out.n] = record;
  out.weight[out.n++] = words[record + recordWeight];
}

function walkLive(run: ProbeRun, row: number, hash: number, walk: KeyWalk, out: Pairs): boolean {
  while (out.n < out.capacity && run.touched < touchedMax) {
    const heavy = run.index.heavyOf(hash);
    let found = 0;
    let end = lastHash;
    if (heavy === null) found = findLight(run, row, hash, walk);
    else {
      found = findInTable(run, row, heavy.table, walk);
      end = heavy.table.lastOf(walk.hash);
    }
    if (!give(run.words, row, found, walk, out)) return false;
    if (end === lastHash) {
      walk.hash = lastHash;
      walk.address = lastAddress;
      return true;
    }
    walk.hash = end + 1;
    walk.address = -1;
  }
  return false;
}

/** Notes the records of a key in the common table that are not given; answers how many. */
function findLight(run: ProbeRun, row: number, hash: number, walk: KeyWalk): number {
  let found = 0;
  for (const value of run.index.rowsOf(hash)) {
    run.touched++;
    const record = value - 1;
    if (!matches(run, row, record)) continue;
    const identity = identityOf(run, record);
    if (isAfter(walk, identity, record)) note(found++, identity, record);
  }
  return found;
}

/** The same with the table of a heavy key in which the walk stands. */
function findInTable(run: ProbeRun, row: number, table: HashTable, walk: KeyWalk): number {
  const { words } = run;
  const entry = table.entryOf(walk.hash);
  const base = tableBase(entry);
  const end = base + 2 * (tableMask(entry) + 1);
  let found = 0;
  for (let slot = base; slot < end; slot += 2) {
    const record = words[slot + 1] - 1;
    if (record < 0) continue;
    const identity = words[slot] >>> 0;
    if (!isAfter(walk, identity, record)) continue;
    run.touched++;
    if (matches(run, row, record)) note(found++, identity, record);
  }
  return found;
}

function note(place: number, identity: number, record: number): void {
  if (place === foundRows.length) {
    const hashes = new Float64Array(2 * place);
    hashes.set(foundHashes);
    foundHashes = hashes;
    const rows = new Int32Array(2 * place);
    rows.set(foundRows);
    foundRows = rows;
  }
  foundHashes[place] = identity;
  foundRows[place] = record;
}

/** Gives what was found, or if that is too much the first of it; true if it was all. */
function give(words: Int32Array, row: number, found: number, walk: KeyWalk, out: Pairs): boolean {
  const room = out.capacity - out.n;
  if (found <= room) {
    for (let i = 0; i < found; i++) put(words, row, foundRows[i], out);
    return true;
  }
  const order = Array.from({ length: found }, (_, i) => i).sort(
    (a, b) => foundHashes[a] - foundHashes[b] || foundRows[a] - foundRows[b],
  );
  for (const i of order.slice(0, room)) put(words, row, foundRows[i], out);
  const last = order[room - 1];
  walk.hash = foundHashes[last];
  walk.address = foundRows[last];
  return false;
}
