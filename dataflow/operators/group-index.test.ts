/**
 * Goal: the index finds exactly what was inserted and not removed, for good hashes, for hashes that
 * agree in their top or bottom bits, and for one hash over and over; its memory comes back; and every
 * word written to is marked. Method: random operations against a map, probing as the generated
 * kernels do, and against a copy of the memory.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { MemoryShadow } from '../../test/support/state-shadow.ts';
import { finish } from '../value/words.ts';
import { GroupIndex } from './group-index.ts';
import { StateMemory } from './state-memory.ts';

/** All records of a hash. */
function probe(memory: StateMemory, index: GroupIndex, hash: number): number[] {
  const at = (hash >>> index.shift) * 2;
  const slots = index.directory[at];
  const mask = index.directory[at + 1];
  const found: number[] = [];
  for (let s = hash & mask; memory.i32[slots + s * 2 + 1] !== 0; s = (s + 1) & mask) {
    if (memory.i32[slots + s * 2] === hash) found.push(memory.i32[slots + s * 2 + 1]);
  }
  return found.sort((a, b) => a - b);
}

describe.each<[string, (n: number) => number, number]>([
  ['good hashes', (n) => finish(n), 20_000],
  ['equal top bits', (n) => n & 0xffff, 5000],
  ['equal bottom bits', (n) => n << 16, 5000],
  ['one hash', () => 0, 2000],
  ['few hashes', (n) => finish(n % 7), 2000],
])('%s', (_name, hashOf, records) => {
  it('agrees with a map', () => {
    const random = new Random(records);
    const memory = new StateMemory();
    const index = new GroupIndex(memory);
    const start = memory.bytes();
    const shadow = new MemoryShadow(memory);
    const byHash = new Map<number, number[]>();
    const live: number[] = [];
    const hashOfRecord = (record: number): number => hashOf(record) | 0;
    for (let n = 0; n < records * 2; n++) {
      if (n < records || live.length === 0) {
        // Any number above 0 will do for a record here.
        const record = n + 1;
        index.insert(hashOfRecord(record), record);
        live.push(record);
        byHash.set(hashOfRecord(record), [...(byHash.get(hashOfRecord(record)) ?? []), record]);
      } else {
        const k = random.below(live.length);
        const record = live[k];
        live[k] = live[live.length - 1];
        live.pop();
        const hash = hashOfRecord(record);
        byHash.set(
          hash,
          (byHash.get(hash) ?? []).filter((other) => other !== record),
        );
        index.remove(hash, record);
      }
      if (random.chance(0.1)) shadow.copyRest();
      if (n % 97 !== 0) continue;
      expect(index.count).toBe(live.length);
      const hash = hashOfRecord(1 + random.below(records));
      expect(probe(memory, index, hash)).toEqual(byHash.get(hash) ?? []);
    }
    expect(index.count).toBe(0);
    expect(memory.live).toBe(0);
    memory.image.stop();
    expect(memory.bytes()).toBe(start);
    expect(index.bytes()).toBeLessThan(100);
  });
});
