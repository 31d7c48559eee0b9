/**
 * A key of an arrangement with its hash index: what depends on the key's columns and types, and the
 * building of an index over rows that are there already.
 *
 * While it is built, new rows enter at once. The builder first notes the deaths that are in the log
 * already, which must be linked in their order: until it has, a row that dies only leaves, and its
 * death waits in the log for the builder. Then it walks the store and enters live rows that are
 * missing; rows die whether or not they had been entered. So building takes any number of slices
 * between steps.
 */
import { assert } from '../../src/base/assert.ts';
import type { Batch } from '../value/batch.ts';
import type { EqualBatchRecord } from '../value/equal.ts';
import { equalBatchRecord } from '../value/equal.ts';
import type { RecordHash } from '../value/hash.ts';
import { hashRange, recordHash } from '../value/hash.ts';
import type { RowLayout } from '../value/layout.ts';
import { recordMark } from '../value/layout.ts';
import type { ColumnType } from '../value/type.ts';
import type { Pairs, Position } from './arrangement.ts';
import type { DeadLog } from './dead-log.ts';
import { HashIndex, touchRowsMax } from './hash-index.ts';
import { tableWords } from './hash-table.ts';
import {
  doorBuilding,
  doorComplete,
  doorOpen,
  doorSince,
  doorState,
  doorWhole,
} from './index-door.ts';
import type { IndexDoor } from './index-door.ts';
import { IndexBuilder, builtRowsMin } from './index-builder.ts';
import { makePairs, startPosition } from './pairs.ts';
import type { Arena } from './region.ts';
import type { RowStore } from './row-store.ts';
import { scanRows } from './walk.ts';

/** Rows that the builder takes from the store at a time. */
const buildRows = touchRowsMax;
/** Key and identity hashes of them. */
const hashes = new Int32Array(buildRows);
const identities = new Int32Array(buildRows);

/** Newer than every row: a scan at it sees the live rows. */
const liveStep = 0x7ffffffe;

/** One key of an arrangement and the index on it. */
export class KeyIndex {
  readonly key: readonly number[];
  readonly types: readonly ColumnType[];
  readonly table: HashIndex;
  readonly equal: EqualBatchRecord;
  readonly #store: RowStore;
  readonly #dead: DeadLog;
  readonly #hash: RecordHash;
  readonly #arena: Arena;
  #builder: IndexBuilder | null = null;
  #atOnce = false;
  #walk: { readonly position: Position; readonly pairs: Pairs } | null = null;

  constructor(
    store: RowStore,
    arena: Arena,
    dead: DeadLog,
    key: readonly number[],
    identity: boolean,
  ) {
    const { layout } = store;
    this.key = [...key];
    this.types = key.map((c) => layout.columns[c]);
    this.#hash = identity && layout.marked ? mark : hashOfKey(layout, key);
    this.table = new HashIndex(store, arena, dead, key, identity, this.#hash);
    this.equal = equalBatchRecord(layout, key);
    this.#store = store;
    this.#dead = dead;
    this.#arena = arena;
    this.#publish(doorState, doorWhole);
  }

  /** The way in for other threads. */
  get door(): IndexDoor {
    const { region, layout } = this.#store;
    return { buffer: region.buffer, layout, at: this.table.at };
  }

  #publish(word: number, value: number): void {
    this.#store.region.i32[this.table.at + word] = value;
  }

  /** Tells other threads which steps there are: sealed, being applied, and no longer readable. */
  publishSteps(complete: number, open: number, since: number): void {
    this.#publish(doorComplete, complete);
    this.#publish(doorOpen, open);
    this.#publish(doorSince, since);
  }

  /** Whether rows that are there may still be missing. */
  get building(): boolean {
    return this.#walk !== null;
  }

  serves(key: readonly number[]): boolean {
    return key.length === this.key.length && key.every((column, k) => column === this.key[k]);
  }

  /** Hashes the key of rows `first … first + n - 1` of a batch with the store's columns. */
  hashRows(batch: Batch, first: number, n: number, out: Int32Array): void {
    hashRange(batch, this.key, this.types, first, n, out);
  }

  /** Begins to enter the rows that are there. */
  startBuilding(): void {
    this.#walk = { position: startPosition(), pairs: makePairs(buildRows) };
    this.#publish(doorState, doorBuilding);
  }

  /** Whether all rows of the store are being entered, of which none may die or come meanwhile. */
  get buildingAtOnce(): boolean {
    return this.#atOnce;
  }

  /** Begins to enter all `rows` rows of the store: `buildingAtOnce`. */
  startBuildingAtOnce(rows: number): void {
    this.startBuilding();
    this.#atOnce = true;
    if (rows < builtRowsMin || this.table.table.count > 0) return;
    this.#builder = new IndexBuilder(this.#store, this.#arena, this.table, this.#hash, rows);
  }

  /** Enters up to about `rowsMax` rows; true when none is missing. */
  build(rowsMax: number): boolean {
    if (this.#builder !== null) {
      if (!this.#builder.run(rowsMax)) return false;
      this.#builder = null;
      this.#finishBuilding();
      return true;
    }
    let rows = 0;
    for (; !this.#linked && rows < rowsMax; rows++) this.#linkNext();
    for (; this.#walk !== null && rows < rowsMax; rows += buildRows) {
      this.#store.region.reserve(buildRows * tableWords, this.table.table.nextDirectoryWords);
      const { position, pairs } = this.#walk;
      pairs.n = 0;
      const done = scanRows(this.#store, liveStep, position, pairs);
      this.#enter(pairs);
      if (done) this.#finishBuilding();
    }
    return this.#walk === null;
  }

  #finishBuilding(): void {
    this.#walk = null;
    this.#atOnce = false;
    this.#publish(doorState, doorWhole);
  }

  /** Whether every death in the log is noted. */
  get #linked(): boolean {
    return this.table.nextDeath === this.#dead.tail;
  }

  /** Notes the first death that is not noted. */
  #linkNext(): void {
    const sequence = this.table.nextDeath;
    const record = this.#dead.row(sequence);
    const { i32 } = this.#store.region;
    const identity = this.table.identityOf(record);
    this.table.die(this.#hash(i32, record), identity, record, sequence, true);
  }

  #enter({ address, n }: Pairs): void {
    const { i32 } = this.#store.region;
    for (let k = 0; k < n; k++) {
      hashes[k] = this.#hash(i32, address[k]);
      identities[k] = this.table.identityOf(address[k]);
    }
    this.table.touch(hashes, identities, n);
    for (let k = 0; k < n; k++) {
      if (this.table.holds(hashes[k], identities[k], address[k])) continue;
      this.table.add(hashes[k], identities[k], address[k]);
    }
  }

  /** A live row enters. */
  add(record: number, identity: number): void {
    this.table.add(this.#hash(this.#store.region.i32, record), identity, record);
  }

  /** A live row leaves as if it had never been. */
  discard(record: number, identity: number): void {
    this.table.discard(this.#hash(this.#store.region.i32, record), identity, record);
  }

  /** A live row has died as number `sequence` of the dead log. */
  die(record: number, identity: number, sequence: number): void {
    this.dieHashed(this.#hash(this.#store.region.i32, record), identity, record, sequence);
  }

  /** The same with the hash of the record's key. */
  dieHashed(hash: number, identity: number, record: number, sequence: number): void {
    if (sequence === this.table.nextDeath) {
      this.table.die(hash, identity, record, sequence, this.building);
    } else {
      assert(this.building, 'only an index that is built is behind with deaths');
      this.table.discard(hash, identity, record);
    }
  }

  /** A dead row leaves the log. */
  bury(record: number, sequence: number): void {
    this.table.bury(this.#hash(this.#store.region.i32, record), sequence);
  }

  bytes(): number {
    return this.table.bytes();
  }

  dispose(): void {
    this.#builder?.dispose();
    this.table.dispose();
  }
}

/** The hash of the first index's key, where records have marks. */
const mark: RecordHash = (i32, at) => i32[at + recordMark];

function hashOfKey(layout: RowLayout, key: readonly number[]): RecordHash {
  assert(
    key.every((c) => c < layout.columns.length),
    'key columns are in the layout',
  );
  return recordHash(layout, key);
}
