/**
 * The arrangement over one row store: records with birth and death, found through hash indexes.
 */
import { assert } from '../../src/base/assert.ts';
import type { Batch } from '../value/batch.ts';
import type { BatchWriter } from '../value/batch-writer.ts';
import { equalBatchRecord } from '../value/equal.ts';
import type { EqualBatchRecord } from '../value/equal.ts';
import type { RecordHash } from '../value/hash.ts';
import { hashColumns, recordHash } from '../value/hash.ts';
import type { RowLayout } from '../value/layout.ts';
import { infinity, recordBirth, recordDeath, recordWeight, rowLayout } from '../value/layout.ts';
import { operandsOf } from '../value/side.ts';
import type { ColumnType } from '../value/type.ts';
import type { Arrangement, Hold, Pairs, Position } from './arrangement.ts';
import { gatherColumns, gatheredVarWords } from './gather.ts';
import type { RegionPool } from './region.ts';
import { Stage, identityHash, samePayload } from './stage.ts';

interface Index {
  readonly key: readonly number[];
  readonly hash: RecordHash;
  readonly equal: EqualBatchRecord;
  readonly entries: Map<number, number[]>;
}

class StepHold implements Hold {
  step: number;
  readonly #holds: Set<StepHold>;

  constructor(step: number, holds: Set<StepHold>) {
    this.step = step;
    this.#holds = holds;
    holds.add(this);
  }

  advance(step: number): void {
    assert(step >= this.step, `a hold at ${this.step} does not go back to ${step}`);
    this.step = step;
  }

  release(): void {
    this.#holds.delete(this);
  }
}

export class StoreArrangement implements Arrangement {
  readonly layout: RowLayout;
  readonly #pool: RegionPool;
  #i32 = new Int32Array(256);
  #used = 0;
  readonly #starts: number[] = [];
  readonly #sizes: number[] = [];
  readonly #identity = new Map<number, number[]>();
  readonly #indexes: (Index | null)[] = [];
  readonly #holds = new Set<StepHold>();
  readonly #stage = new Stage();
  #complete = -1;
  #rows = 0;

  constructor(pool: RegionPool, columns: readonly ColumnType[]) {
    this.#pool = pool;
    this.layout = rowLayout(columns);
  }

  get complete(): number {
    return this.#complete;
  }

  get since(): number {
    let since = this.#complete;
    for (const hold of this.#holds) since = Math.min(since, hold.step);
    return since;
  }

  get rows(): number {
    return this.#rows;
  }

  index(key: readonly number[]): number {
    const text = key.join(',');
    const known = this.#indexes.findIndex((i) => i !== null && i.key.join(',') === text);
    if (known >= 0) return known;
    const index: Index = {
      key: [...key], hash: recordHash(this.layout, key), equal: equalBatchRecord(this.layout, key),
      entries: new Map(),
    };
    for (const at of this.#starts) this.#enter(index, at);
    return this.#indexes.push(index) - 1;
  }

  buildIndex(_index: number, _rowsMax: number): boolean {
    return true;
  }

  dropIndex(index: number): void {
    this.#indexes[index] = null;
  }

  apply(step: number, batch: Batch): void {
    assert(step > this.#complete, `step ${step} comes after the sealed step ${this.#complete}`);
    const stage = this.#stage;
    stage.load(this.layout, batch, new Int32Array(batch.rows));
    for (let r = 0; r < batch.rows; r++) {
      const size = stage.size[r];
      const hash = identityHash(stage.words, stage.at[r], size);
      const same = this.#identity.get(hash) ?? [];
      if (same.length === 0) this.#identity.set(hash, same);
      this.#change(step, stage.at[r], size, same);
    }
  }

  #change(step: number, at: number, size: number, same: number[]): void {
    const words = this.#stage.words;
    let weight = words[at + recordWeight];
    const k = same.findIndex((o) => samePayload(this.#i32, o, words, at, size));
    if (k >= 0) {
      const old = same[k];
      weight += this.#i32[old + recordWeight];
      if (this.#i32[old + recordBirth] === step && weight !== 0) {
        this.#i32[old + recordWeight] = weight;
        return;
      }
      this.#i32[old + recordDeath] = step;
      same.splice(k, 1);
      this.#rows--;
    }
    if (weight === 0) return;
    words[at + recordBirth] = step;
    words[at + recordWeight] = weight;
    same.push(this.#store(at, size));
    this.#rows++;
  }

  #store(from: number, size: number): number {
    if (this.#used + size > this.#i32.length) {
      const more = new Int32Array(this.#i32.length * 2 + size);
      more.set(this.#i32);
      this.#pool.account(4 * (more.length - this.#i32.length));
      this.#i32 = more;
    }
    const at = this.#used;
    this.#used += size;
    this.#i32.set(this.#stage.words.subarray(from, from + size), at);
    this.#starts.push(at);
    this.#sizes.push(size);
    for (const index of this.#indexes) if (index !== null) this.#enter(index, at);
    return at;
  }

  #enter(index: Index, at: number): void {
    const hash = index.hash(this.#i32, at);
    const list = index.entries.get(hash);
    if (list === undefined) index.entries.set(hash, [at]);
    else list.push(at);
  }

  seal(step: number): void {
    assert(step >= this.#complete, `step ${step} is not sealed after ${this.#complete}`);
    this.#complete = step;
  }

  hold(step: number): Hold {
    assert(step >= this.since, `step ${step} can still be read`);
    return new StepHold(step, this.#holds);
  }

  probe(
    index: number, keys: Batch, keyColumns: readonly number[], nullsEqual: boolean, at: number,
    position: Position, out: Pairs,
  ): boolean {
    const { key, equal, entries } = this.#index(index);
    const hashes = new Int32Array(keys.rows);
    hashColumns(keys, keyColumns, key.map((c) => this.layout.columns[c]), hashes);
    const { k, n } = operandsOf(keys, keyColumns);
    const { i32, u8 } = keys.slab;
    for (; position.row < keys.rows; position.row++, position.slot = 0) {
      const r = position.row;
      if (!nullsEqual && n.some((byte) => byte >= 0 && u8[byte + r] !== 0)) continue;
      const list = entries.get(hashes[r]) ?? [];
      for (; position.slot < list.length; position.slot++) {
        const record = list[position.slot];
        if (!this.#visible(record, at) || !equal(i32, u8, k, n, r, this.#i32, record)) continue;
        if (out.n === out.capacity) return false;
        this.#put(out, r, record, 1);
      }
    }
    return true;
  }

  #index(index: number): Index {
    const found = this.#indexes[index];
    assert(found !== null && found !== undefined, `index ${index} is there`);
    return found;
  }

  #visible(at: number, step: number): boolean {
    return this.#i32[at + recordBirth] <= step && step < this.#i32[at + recordDeath];
  }

  #put(out: Pairs, row: number, address: number, sign: number): void {
    out.row[out.n] = row;
    out.address[out.n] = address;
    out.weight[out.n++] = sign * this.#i32[address + recordWeight];
  }

  scan(at: number, position: Position, out: Pairs): boolean {
    for (; position.slot < this.#starts.length; position.slot++) {
      if (!this.#visible(this.#starts[position.slot], at)) continue;
      if (out.n === out.capacity) return false;
      this.#put(out, 0, this.#starts[position.slot], 1);
    }
    return true;
  }

  changes(from: number, to: number, position: Position, out: Pairs): boolean {
    for (; position.slot < this.#starts.length; position.slot++) {
      const record = this.#starts[position.slot];
      const before = this.#visible(record, from);
      const after = this.#visible(record, to);
      if (before === after) continue;
      if (out.n === out.capacity) return false;
      this.#put(out, 0, record, after ? 1 : -1);
    }
    return true;
  }

  gather(
    addresses: Int32Array, first: number, n: number, columns: readonly number[],
    out: BatchWriter, outColumn: number,
  ): void {
    gatherColumns(this.layout, this.#i32, addresses, first, n, columns, out, outColumn);
  }

  varWordsOf(addresses: Int32Array, first: number, n: number, columns: readonly number[]): number {
    return gatheredVarWords(this.layout, this.#i32, addresses, first, n, columns);
  }

  reclaim(_rowsMax: number): number {
    assert(infinity > this.#complete, 'steps stay below infinity');
    return 0;
  }

  bytes(): number {
    return this.#i32.length * 4;
  }

  dispose(): void {
    assert(this.#holds.size === 0, 'no hold is left');
    this.#pool.account(-4 * (this.#i32.length - 256));
    this.#indexes.length = 0;
    this.#starts.length = 0;
  }
}
