/**
 * The arrangement over one row store: records with birth and death, found through hash indexes.
 *
 * A row that is there at step e is a record with birth <= e < death. `apply` looks for the live
 * record with the same bytes: one that was born in the same step has its weight changed in place,
 * an older one is closed (death = step) and a new one opened with the new weight, none means a new
 * one. Closed records stay for readers of earlier steps until `since` has reached their death; then
 * `reclaim` frees them, two for every change that is applied and more when asked.
 *
 * The first index also serves identity, that is, the search for the record of a retraction. If no
 * index was asked for before the first row, one over all columns is made for that. An arrangement
 * with an owner (owned-rows.ts) needs no identity, as its writer names rows by address.
 *
 * At `seal` rows move out of thin segments. A move is an update that changes nothing: a copy born
 * at the step, the original dead at it; so readers need no rule for it.
 *
 * Laws: Σ weights visible at e = Σ changes at steps <= e; at any step at most one visible record
 * per distinct row, and one more for each 2^31 - 1 of its weight; payload never changes between
 * birth and reclaim; weight only in the birth step; death is set once; since never falls.
 */
import { assert } from '../../src/base/assert.ts';
import type { Batch } from '../value/batch.ts';
import type { BatchWriter } from '../value/batch-writer.ts';
import { hashRange } from '../value/hash.ts';
import type { RowLayout } from '../value/layout.ts';
import {
  infinity,
  recordBirth,
  recordDeath,
  recordMark,
  recordWeight,
  rowLayout,
} from '../value/layout.ts';
import { operandsOf } from '../value/side.ts';
import type { ColumnType } from '../value/type.ts';
import { copyRun } from '../value/words.ts';
import type { Arrangement, Claim, Hold, Pairs, Position } from './arrangement.ts';
import { ChangeLog } from './change-log.ts';
import { DeadLog } from './dead-log.ts';
import { Gatherer, gatheredVarWords } from './gather.ts';
import { touchRowsMax } from './hash-index.ts';
import { tableWords } from './hash-table.ts';
import { HoldSet } from './hold.ts';
import type { IndexDoor } from './index-door.ts';
import { IntRing } from './int-ring.ts';
import { KeyIndex } from './key-index.ts';
import type { KeyWalk } from './key-walk.ts';
import { startWalk, walkKey } from './key-walk.ts';
import { LongRow, longRowWords } from './long-row.ts';
import { MoveLog } from './move-log.ts';
import type { OwnedRows, RowOwner } from './owned-rows.ts';
import { identityOf, replaceRows } from './owned-writer.ts';
import type { ProbeRun } from './probe.ts';
import { probeRows } from './probe.ts';
import type { Arena, RegionPool } from './region.ts';
import { blockWordsMin } from './region.ts';
import type { ImageHost } from './row-image.ts';
import { StoreImage } from './row-image.ts';
import { RowStore, segmentWordsMax } from './row-store.ts';
import { Stage, stagedWords } from './stage.ts';
import type { History } from './walk.ts';
import { scanRows, walkChanges } from './walk.ts';

/** Rows that are staged together: they and their records stay in the cache. */
const sliceRows = touchRowsMax;
/** Rows that one `seal` moves out of thin segments: at least, per applied change, and at most. */
const movedRowsMin = 256;
const movedRowsPerChange = 0.25;
const movedRowsMax = 8_192;
/** The largest weight of a record. */
const weightMax = 2 ** 31 - 1;
/** Words of a row in an index, generously: 3 to 5 unless keys are chosen to share their hashes. */
const claimedIndexWords = 16;
/** Bytes of the objects of an arrangement, roughly. */
const objectBytes = 2_048;

/** Staging memory, shared by all arrangements of the thread: `apply` is never entered twice. */
const stage = new Stage();
/** Fewer rows are not worth a loop of their own. */
const touchRowsMin = 16;
/** Key hashes of the slice that is applied, by index; and of the slice that is probed. */
const sliceHashes: Int32Array[] = [];
const probeHashes = new Int32Array(sliceRows);

/** The implementation of `Arrangement`; one per collection. */
export class StoreArrangement implements Arrangement, OwnedRows {
  layout: RowLayout;
  image: StoreImage;
  #gatherer: Gatherer;
  readonly #arena: Arena;
  #store: RowStore;
  readonly #dead: DeadLog;
  readonly #log = new ChangeLog();
  readonly #moves = new MoveLog();
  #history: History;
  /** Rows that were born and removed in the open step; freed when it is sealed. */
  readonly #limbo = new IntRing();
  readonly #holds = new HoldSet();
  readonly #indexes: (KeyIndex | null)[] = [];
  /** Where probes stand that were stopped inside a key. */
  readonly #walks = new WeakMap<Position, KeyWalk>();
  #owner: RowOwner | null = null;
  /** The row that is being prepared, and its record while it is applied and not entered, or -1. */
  #long: LongRow | null = null;
  #inPlace = -1;
  #complete = -1;
  #open = -1;
  #changed = 0;
  /** Whether a row may have several records, as its weight was too large for one. */
  #hasTwins = false;
  #rows = 0;
  #liveRows = 0;

  constructor(pool: RegionPool, columns: readonly ColumnType[]) {
    this.layout = rowLayout(columns);
    this.#gatherer = new Gatherer(this.layout);
    this.#arena = pool.open();
    this.#store = new RowStore(this.#arena, this.layout);
    this.#dead = new DeadLog(this.#arena.region);
    this.#history = { store: this.#store, log: this.#log, dead: this.#dead, moves: this.#moves };
    this.image = new StoreImage(this.#imageHost());
  }

  #imageHost(): ImageHost {
    const arrangement = this;
    return {
      store: this.#store,
      owner: this.#owner,
      hold: (step) => arrangement.hold(step),
      get complete() {
        return arrangement.#complete;
      },
      get rows() {
        return arrangement.#rows;
      },
      get hasTwins() {
        return arrangement.#hasTwins;
      },
      indexes: () => {
        if (this.#owner === null && this.#indexes.length === 0) this.#indexWholeRow();
        return this.#indexes.filter((index) => index !== null);
      },
      adopted: (step, rows, hasTwins) => {
        this.#adopted(step, rows, hasTwins);
      },
    };
  }

  #adopted(step: number, rows: number, hasTwins: boolean): void {
    assert(step >= this.#complete, `step ${step} is not loaded over ${this.#complete}`);
    this.#complete = step;
    this.#open = step;
    this.#rows = rows;
    this.#liveRows = rows;
    this.#hasTwins = hasTwins;
    this.#holds.advanceTo(step);
    this.#publishSteps();
  }

  #indexWholeRow(): void {
    this.index(this.layout.columns.map((_, c) => c));
  }

  get complete(): number {
    return this.#complete;
  }

  get since(): number {
    return Math.min(this.#holds.least, this.#complete);
  }

  get rows(): number {
    return this.#rows;
  }

  index(key: readonly number[]): number {
    const known = this.#indexes.findIndex((index) => index?.serves(key) === true);
    if (known >= 0) return known;
    const free = this.#indexes.indexOf(null);
    const number = free < 0 ? this.#indexes.length : free;
    this.#indexes[number] = this.#makeIndex(key, number === 0 && this.#owner === null);
    return number;
  }

  #makeIndex(key: readonly number[], identity: boolean): KeyIndex {
    for (const column of key) {
      assert(column < this.layout.columns.length, `key column ${column} is in the layout`);
    }
    const index = new KeyIndex(this.#store, this.#arena, this.#dead, key, identity);
    if (this.#store.total > 0) index.startBuilding();
    index.publishSteps(this.#complete, Math.max(this.#open, this.#complete), this.since);
    return index;
  }

  /** The way into an index for other threads, as long as the index is there. */
  door(index: number): IndexDoor {
    return this.#index(index).door;
  }

  /** Opens `step` for changes. */
  #begins(step: number): void {
    assert(
      !this.image.loading && !this.image.indexing,
      'nothing changes until all rows are loaded and in the indexes',
    );
    assert(
      step > this.#complete && step >= this.#open && step < infinity,
      `step ${step} comes after ${this.#complete} and not before ${this.#open}`,
    );
    if (step === this.#open) return;
    this.#open = step;
    this.#publishSteps();
  }

  #publishSteps(): void {
    const { since } = this;
    const open = Math.max(this.#open, this.#complete);
    for (const index of this.#indexes) index?.publishSteps(this.#complete, open, since);
  }

  buildIndex(index: number, rowsMax: number): boolean {
    // Rows that are being loaded have no places yet.
    return !this.image.loading && this.#index(index).build(rowsMax);
  }

  dropIndex(index: number): void {
    if (index === 0 && this.#owner === null) return;
    this.#index(index).dispose();
    this.#indexes[index] = null;
  }

  #index(index: number): KeyIndex {
    const found = this.#indexes[index];
    assert(found !== null && found !== undefined, `index ${index} is there`);
    return found;
  }

  apply(step: number, batch: Batch): void {
    assert(batch.column.length === this.layout.columns.length, "the batch has the store's columns");
    assert(this.#owner === null, 'rows of an owner come from it alone');
    if (this.#long?.isOf(batch) === true) {
      this.#applyLong(step, batch, this.#long);
      return;
    }
    if (batch.rows > 0 && this.#indexes.length === 0) this.#indexWholeRow();
    this.#reserve(batch.rows, stagedWords(this.layout, batch));
    this.#begins(step);
    if (batch.rows === 0) return;
    this.#changed += batch.rows;
    for (let first = 0; first < batch.rows;) {
      const n = this.#stageSlice(batch, first, Math.min(sliceRows, batch.rows - first));
      first += n;
      for (let k = 0; k < n; k++) this.#change(step, k);
      this.#dead.markNew(this.#store);
      this.reclaim(2 * n);
    }
  }

  prepare(batch: Batch): boolean {
    if (this.#long?.isOf(batch) === true) return this.#long.advance();
    this.#long?.free();
    this.#long = null;
    const size = longRowWords(this.#store, batch);
    if (size === 0) return true;
    assert(this.#owner === null, 'rows of an owner come from it alone');
    // While the record waits, the store is not empty for an index that is made.
    if (this.#indexes.length === 0) this.#indexWholeRow();
    this.#reserve(1, size);
    this.#long = new LongRow(this.#store, batch, size);
    return false;
  }

  /** Applies the row that has been prepared. */
  #applyLong(step: number, batch: Batch, long: LongRow): void {
    this.#reserve(1, 0);
    this.#begins(step);
    this.#changed++;
    const indexes = this.#indexes;
    while (sliceHashes.length < indexes.length) sliceHashes.push(new Int32Array(sliceRows));
    for (let i = 0; i < indexes.length; i++) indexes[i]?.hashRows(batch, 0, 1, sliceHashes[i]);
    const identity = long.exhume(sliceHashes[0][0]);
    const { words } = stage;
    stage.place(this.#store.region.i32, long.record, long.size, identity);
    this.#inPlace = long.record;
    this.#change(step, 0);
    stage.words = words;
    if (this.#inPlace >= 0) long.free();
    this.#inPlace = -1;
    this.#long = null;
    this.#dead.markNew(this.#store);
    this.reclaim(2);
  }

  /** Words that `n` new rows of `words` words in all may take, tables of the indexes included. */
  #wordsFor(n: number, words: number): number {
    // Large records have blocks of their own, up to twice their size.
    return 2 * words + segmentWordsMax + n * tableWords * this.#indexes.length;
  }

  /** Throws SQLSTATE 53200 if the region may be full before so many rows are in. */
  #reserve(n: number, words: number): void {
    this.#arena.region.reserve(this.#wordsFor(n, words), this.#largestDirectory());
  }

  claim(batch: Batch, rowsMax: number): Claim {
    const indexes = Math.max(1, this.#indexes.length);
    const split = Math.min(batch.rows, rowsMax);
    const entered = (batch.rows - split) * claimedIndexWords * indexes;
    const words = this.#wordsFor(0, stagedWords(this.layout, batch));
    return {
      region: this.#arena.region,
      words: words + split * tableWords * indexes + entered,
      largest: this.#largestDirectory(),
    };
  }

  /** Words of the largest directory that may be made next. */
  #largestDirectory(): number {
    let words = blockWordsMin;
    for (const index of this.#indexes) {
      words = Math.max(words, index?.table.table.nextDirectoryWords ?? 0);
    }
    return words;
  }

  /** Hashes a slice for every index, stages it, warms the cache; answers how many rows it has. */
  #stageSlice(batch: Batch, first: number, rowsMax: number): number {
    const indexes = this.#indexes;
    while (sliceHashes.length < indexes.length) sliceHashes.push(new Int32Array(sliceRows));
    for (let i = 0; i < indexes.length; i++) {
      indexes[i]?.hashRows(batch, first, rowsMax, sliceHashes[i]);
    }
    const n = stage.load(this.layout, batch, first, rowsMax, sliceHashes[0]);
    for (let i = 0; n >= touchRowsMin && i < indexes.length; i++) {
      indexes[i]?.table.touch(sliceHashes[i], stage.identity, n);
    }
    return n;
  }

  /** Applies the change of the batch row that is staged as number `k`. */
  #change(step: number, k: number): void {
    const { words } = stage;
    const at = stage.at[k];
    const size = stage.size[k];
    const hash = sliceHashes[0][k];
    const identity = stage.identity[k];
    const { table } = this.#index(0);
    const old = table.find(hash, identity, words, at, size);
    let weight = words[at + recordWeight];
    if (old >= 0) {
      const { i32 } = this.#store.region;
      weight += i32[old + recordWeight];
      if (this.#hasTwins || weight > weightMax || weight < -weightMax) {
        this.#changeTwins(step, k);
        return;
      }
      if (i32[old + recordBirth] === step) {
        this.#moves.changed(old);
        this.#store.mark(old);
        i32[old + recordWeight] = weight;
        if (weight === 0) this.#unborn(old, size, identity);
        else this.#noteReturn(old, step, k);
        return;
      }
      this.#close(old, step, k);
    }
    if (weight === 0) return;
    words[at + recordWeight] = weight;
    words[at + recordBirth] = step;
    const record = this.#insert(words, at, size, identity, k, old < 0);
    if (old < 0) this.#noteReturn(record, step, k);
  }

  /**
   * Applies the change staged as number `k` to a row that may have several records, twins: one for
   * each 2^31 - 1 of its weight, as no word holds more. Twins are all of one sign. Cold.
   */
  #changeTwins(step: number, k: number): void {
    this.#hasTwins = true;
    if (this.#inPlace >= 0) this.#takeOut();
    const { words } = stage;
    const at = stage.at[k];
    const size = stage.size[k];
    const hash = sliceHashes[0][k];
    const identity = stage.identity[k];
    const { table } = this.#index(0);
    let rest = words[at + recordWeight];
    while (rest !== 0) {
      const { i32 } = this.#store.region;
      const old = table.find(hash, identity, words, at, size);
      const there = old < 0 ? 0 : i32[old + recordWeight];
      const sum = there + rest;
      const full = Math.max(-weightMax, Math.min(weightMax, sum));
      if (full !== sum) {
        // A twin of its own takes all that a word can hold; it may be the one that is found next.
        this.#insertWeighing(step, k, full);
        rest -= full;
        continue;
      }
      // Where the sign turns there may be another twin to take the rest from.
      const turns = sum !== 0 && there !== 0 && sum > 0 !== there > 0;
      this.#setWeight(old, step, k, turns ? 0 : sum);
      rest = turns ? sum : 0;
    }
  }

  /** A long row that may get several records is staged like others, as each of them is a copy. */
  #takeOut(): void {
    const at = stage.at[0];
    const size = stage.size[0];
    stage.place(stage.words.slice(at, at + size), 0, size, stage.identity[0]);
    this.#inPlace = -1;
    this.#long?.free();
  }

  /** Gives the record `old` (less than 0: none yet) of the row staged as number `k` a weight. */
  #setWeight(old: number, step: number, k: number, weight: number): void {
    const { i32 } = this.#store.region;
    if (old >= 0 && i32[old + recordBirth] === step) {
      this.#moves.changed(old);
      this.#store.mark(old);
      i32[old + recordWeight] = weight;
      if (weight === 0) this.#unborn(old, stage.size[k], stage.identity[k]);
      return;
    }
    if (old >= 0) this.#close(old, step, k);
    if (weight !== 0) this.#insertWeighing(step, k, weight);
  }

  #insertWeighing(step: number, k: number, weight: number): void {
    const { words } = stage;
    const at = stage.at[k];
    words[at + recordWeight] = weight;
    words[at + recordBirth] = step;
    this.#insert(words, at, stage.size[k], stage.identity[k], k, false);
  }

  /**
   * If the row of a record just opened, staged as number `k`, was there before the step with the
   * same weight, then its death and birth are no change.
   */
  #noteReturn(record: number, step: number, k: number): void {
    if (this.#dead.newest !== step) return;
    const { words } = stage;
    const at = stage.at[k];
    const { table } = this.#index(0);
    const before = table.findDead(sliceHashes[0][k], step, words, at, stage.size[k]);
    if (before < 0) return;
    const { i32 } = this.#store.region;
    if (i32[before + recordWeight] !== i32[record + recordWeight]) return;
    this.#moves.moved(before, record, i32[before + recordBirth]);
  }

  /**
   * Copies the record staged as number `k` in, if it is not there yet, and makes it findable;
   * `missed`: the first index has
   * just looked for it.
   */
  #insert(
    words: Int32Array,
    at: number,
    size: number,
    identity: number,
    k: number,
    missed: boolean,
  ): number {
    let record = this.#inPlace;
    if (record < 0) {
      record = this.#store.allocate(size);
      copyRun(words, at, size, this.#store.region.i32, record);
    }
    this.#inPlace = -1;
    this.#log.born(record);
    this.#liveRows++;
    const indexes = this.#indexes;
    if (missed) this.#index(0).table.addMissed(sliceHashes[0][k], identity, record);
    for (let i = missed ? 1 : 0; i < indexes.length; i++) {
      indexes[i]?.table.add(sliceHashes[i][k], identity, record);
    }
    return record;
  }

  /** Ends a live record at `step`; the one staged as number `k` has the same bytes. */
  #close(record: number, step: number, k: number): void {
    this.#store.region.i32[record + recordDeath] = step;
    const sequence = this.#dead.push(record, step);
    this.#liveRows--;
    const indexes = this.#indexes;
    for (let i = 0; i < indexes.length; i++) {
      indexes[i]?.dieHashed(sliceHashes[i][k], stage.identity[k], record, sequence);
    }
  }

  /**
   * Removes a record in the step of its birth: nobody may ever see it. Its weight has just been
   * marked.
   */
  #unborn(record: number, size: number, identity: number): void {
    this.#liveRows--;
    for (const index of this.#indexes) index?.discard(record, identity);
    this.#store.bury(record, size);
    this.#limbo.push(record);
  }

  own(owner: RowOwner): OwnedRows {
    assert(
      this.#store.total === 0 && this.#indexes.length === 0,
      'an arrangement is owned from its beginning',
    );
    this.#owner = owner;
    this.layout = rowLayout(this.layout.columns, true);
    this.#gatherer = new Gatherer(this.layout);
    this.#store = new RowStore(this.#arena, this.layout);
    this.#history = { ...this.#history, store: this.#store };
    this.image = new StoreImage(this.#imageHost());
    return this;
  }

  get words(): Int32Array {
    return this.#store.region.i32;
  }

  replace(
    step: number,
    olds: Int32Array,
    sizes: Int32Array,
    tokens: Int32Array,
    n: number,
    places: Int32Array,
  ): void {
    let words = 0;
    for (let k = 0; k < n; k++) words += sizes[k];
    this.#reserve(n, words);
    this.#begins(step);
    this.#changed += n;
    const { since } = this;
    const call = { step, since, olds, sizes, tokens, n, places };
    this.#liveRows += replaceRows({ ...this.#history, indexes: this.#indexes }, call);
    this.#dead.markNew(this.#store);
    this.reclaim(2 * n);
  }

  enter(places: Int32Array, n: number): void {
    if (this.#indexes.length === 0) return;
    for (let k = 0; k < n; k++) {
      if (places[k] === 0) continue;
      const record = places[k] - 1;
      const identity = identityOf(this.#store, record);
      for (const index of this.#indexes) index?.add(record, identity);
    }
  }

  /** Takes the oldest dead row out of the log and the indexes; answers its address. */
  #forget(): number {
    const dead = this.#dead;
    const sequence = dead.head;
    const record = dead.row(sequence);
    for (const index of this.#indexes) index?.bury(record, sequence);
    dead.shift();
    this.#moves.forget(record);
    return record;
  }

  seal(step: number): void {
    assert(!this.image.loading, 'no step ends until all rows are loaded');
    assert(
      step >= this.#open && step >= this.#complete,
      `step ${step} is not sealed after ${this.#complete} or before ${this.#open}`,
    );
    const moves = movedRowsMin + this.#changed * movedRowsPerChange;
    if (this.#complete < step) {
      this.#open = step;
      this.#publishSteps();
      if (!this.image.indexing) this.#evacuate(step, Math.min(moves, movedRowsMax));
      this.#dead.markNew(this.#store);
    }
    // Only now, because room that is used twice in one step would be noted twice in the change log.
    if (this.#limbo.count > 0) this.#log.takeBackBuried(this.#store.region.i32);
    while (this.#limbo.count > 0) {
      const record = this.#limbo.shift();
      this.#store.free(record, this.#store.region.i32[record + recordWeight]);
    }
    this.#complete = step;
    this.#changed = 0;
    this.#rows = this.#liveRows;
    this.#log.seal(step, this.since);
    this.#publishSteps();
  }

  /** Moves about `rowsMax` live rows out of thin segments. */
  #evacuate(step: number, rowsMax: number): void {
    let moved = 0;
    const { region } = this.#arena;
    const words = this.#wordsFor(segmentWordsMax / 4, segmentWordsMax);
    while (moved < rowsMax && region.hasRoom(words, this.#largestDirectory())) {
      const segment = this.#store.nextThin();
      if (segment < 0) return;
      this.#store.doneThin(segment);
      let at = this.#store.start(segment);
      const end = at + this.#store.fill(segment);
      while (at < end) {
        const { i32 } = this.#store.region;
        const free = i32[at + recordBirth] === infinity;
        const size = free ? i32[at + recordWeight] : this.#store.sizeOf(i32, at);
        if (!free && i32[at + recordDeath] === infinity) {
          this.#move(at, size, step);
          moved++;
        }
        at += size;
      }
    }
  }

  #move(from: number, size: number, step: number): void {
    const to = this.#store.allocate(size);
    const { i32 } = this.#store.region;
    i32.copyWithin(to, from, from + size);
    i32[to + recordBirth] = step;
    i32[from + recordDeath] = step;
    this.#log.born(to);
    this.#moves.moved(from, to, i32[from + recordBirth]);
    const sequence = this.#dead.push(from, step);
    const identity = identityOf(this.#store, to);
    for (const index of this.#indexes) {
      index?.die(from, identity, sequence);
      index?.add(to, identity);
    }
    this.#owner?.moved(i32[to + recordMark], to + 1);
  }

  hold(step: number): Hold {
    assert(
      step >= this.since && step <= this.#complete,
      `step ${step} can be read: from ${this.since} to ${this.#complete}`,
    );
    return this.#holds.add(step);
  }

  #readable(at: number): void {
    assert(at >= this.since, `step ${at} can be read: ${this.since} or later`);
  }

  probe(
    index: number,
    keys: Batch,
    keyColumns: readonly number[],
    nullsEqual: boolean,
    at: number,
    position: Position,
    out: Pairs,
  ): boolean {
    this.#readable(at);
    const { table, equal, key, types, building } = this.#index(index);
    assert(!building, `index ${index} is whole`);
    assert(keyColumns.length === key.length, `the key has ${key.length} columns`);
    const run: ProbeRun = {
      index: table,
      words: this.#store.region.i32,
      equal,
      keys,
      ...operandsOf(keys, keyColumns),
      hashes: probeHashes,
      first: 0,
      warm: false,
      at,
      dead: at < this.#dead.newest,
      skipNulls: !nullsEqual,
      touched: 0,
      long: false,
    };
    const rows = keys.rows;
    for (let row = position.row; row < rows; row = position.row) {
      const to = Math.min(rows, row + sliceRows);
      hashRange(keys, keyColumns, types, row, to - row, probeHashes);
      run.first = row;
      if (position.slot === 0) {
        run.warm = to - row >= touchRowsMin;
        if (run.warm) table.touch(probeHashes, null, to - row);
        position.row = probeRows(run, row, to, out);
      }
      if (position.slot !== 0 || run.long) {
        if (!this.#walkKey(run, position, out)) return false;
        continue;
      }
      if (position.row < to) return false;
    }
    return true;
  }

  /** Goes on with the long key of the row of `position`; true when it is through. */
  #walkKey(run: ProbeRun, position: Position, out: Pairs): boolean {
    const walk = position.slot === 0 ? startWalk() : this.#walks.get(position);
    assert(walk !== undefined, 'a position that was stopped in a row is used again as it was');
    if (!walkKey(run, position.row, walk, out)) {
      this.#walks.set(position, walk);
      position.slot = 1;
      return false;
    }
    this.#walks.delete(position);
    run.long = false;
    position.row++;
    position.slot = 0;
    return true;
  }

  scan(at: number, position: Position, out: Pairs): boolean {
    this.#readable(at);
    return scanRows(this.#store, at, position, out);
  }

  changes(from: number, to: number, position: Position, out: Pairs): boolean {
    this.#readable(from);
    assert(to <= this.#complete, `step ${to} is complete`);
    return walkChanges(this.#history, from, to, position, out);
  }

  changesAreNet(from: number, to: number): boolean {
    // Of the steps of an owner each is net by itself, so it is enough that there is one.
    if (this.#owner === null) return false;
    const log = this.#log;
    const dead = this.#dead;
    const place = log.firstAfter(from);
    const births = log.has(place) && log.stepAt(place) <= to ? log.stepAt(place) : -1;
    if (births >= 0 && log.has(place + 2) && log.stepAt(place + 2) <= to) return false;
    if (dead.count === 0 || dead.newest <= from) return true;
    const deaths = dead.death(dead.firstAfter(from));
    return deaths === dead.newest && (births < 0 || births === deaths);
  }

  gather(
    addresses: Int32Array,
    first: number,
    n: number,
    columns: readonly number[],
    out: BatchWriter,
    outColumn: number,
  ): void {
    const { i32 } = this.#store.region;
    this.#gatherer.gather(i32, addresses, first, n, columns, out, outColumn);
  }

  varWordsOf(addresses: Int32Array, first: number, n: number, columns: readonly number[]): number {
    return gatheredVarWords(this.layout, this.#store.region.i32, addresses, first, n, columns);
  }

  reclaim(rowsMax: number): number {
    const since = this.since;
    const dead = this.#dead;
    let done = 0;
    if (dead.count > 0 && dead.death(dead.head) <= since) this.#publishSteps();
    for (; done < rowsMax && dead.count > 0 && dead.death(dead.head) <= since; done++) {
      const record = this.#forget();
      this.#store.free(record, this.#store.sizeOf(this.#store.region.i32, record));
    }
    return done;
  }

  bytes(): number {
    let bytes =
      this.#arena.words * 4 +
      objectBytes +
      this.#store.bytes() +
      this.#dead.bytes() +
      this.#log.bytes() +
      this.#limbo.bytes() +
      this.#moves.bytes();
    for (const index of this.#indexes) bytes += index?.bytes() ?? 0;
    return bytes;
  }

  dispose(): void {
    this.image.stop();
    assert(this.#holds.count === 0, `no hold is left, got ${this.#holds.count}`);
    this.#arena.leave();
    for (const index of this.#indexes) index?.dispose();
    this.#indexes.length = 0;
    this.#store.dispose();
    this.#arena.close();
  }
}
