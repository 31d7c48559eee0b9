/**
 * Goal: blocks never overlap, whether taken one by one or in a row, keep their contents while the
 * memory grows, and are handed out again; those of whole cache lines start on one; the memory starts
 * over when the last one comes back; what is written to meanwhile is copied, and a memory that gets
 * the copy goes on as the first one. Method: random allocations against a map of what every block
 * should hold, and against a copy of the memory.
 */
import { expect, it } from 'vitest';
import { SqlError } from '../../src/base/error.ts';
import { Random } from '../../test/support/random.ts';
import { MemoryShadow } from '../../test/support/state-shadow.ts';
import { markedWords } from './line-marks.ts';
import { lineWords, sizeOfBlock, StateMemory } from './state-memory.ts';

it('keeps blocks apart and whole, across every way of growing', () => {
  const random = new Random(1);
  const memory = new StateMemory();
  const start = memory.bytes();
  const shadow = new MemoryShadow(memory);
  const blocks = new Map<number, { words: number; seed: number }>();
  for (let n = 0; n < 20_000; n++) {
    if (random.chance(0.02)) shadow.copyRest();
    else if (random.chance(0.02)) shadow.copySome();
    if (random.chance(0.05)) {
      const words = sizeOfBlock(1 + random.below(100));
      const count = Math.min(memory.roomFor(words), random.below(20));
      const first = memory.nextOf(words);
      memory.take(words, count);
      for (let k = 0; k < count; k++) {
        const address = first + k * words;
        expect(blocks.has(address)).toBe(false);
        memory.i32.fill(n, address, address + words);
        blocks.set(address, { words, seed: n });
      }
    } else if (random.chance(0.6)) {
      const words = 1 + random.below(random.chance(0.05) ? 3000 : 100);
      const address = memory.allocate(words);
      expect(address > 0 && address % 2 === 0 && !blocks.has(address)).toBe(true);
      const lines = sizeOfBlock(words) % lineWords === 0;
      expect(!lines || address % lineWords === 0).toBe(true);
      memory.i32.fill(n, address, address + words);
      blocks.set(address, { words, seed: n });
    } else if (blocks.size > 0) {
      const address = random.pick([...blocks.keys()].slice(0, 20));
      const { words, seed } = blocks.get(address) ?? { words: 0, seed: 0 };
      const held = memory.i32.subarray(address, address + words);
      expect(held.every((word) => word === seed)).toBe(true);
      memory.free(address, words);
      blocks.delete(address);
    }
  }
  expect(memory.bytes()).toBeGreaterThan(2 ** 20);
  shadow.copyRest();
  const fresh = new StateMemory();
  shadow.restore(fresh);
  expect(fresh.live).toBe(memory.live);
  for (let n = 0; n < 2000; n++) {
    const words = 1 + random.below(random.chance(0.1) ? 3000 : 100);
    const address = memory.allocate(words);
    expect(fresh.allocate(words)).toBe(address);
    memory.i32.fill(n, address, address + words);
    blocks.set(address, { words, seed: n });
  }
  for (const [address, { words, seed }] of blocks) {
    expect(memory.i32.subarray(address, address + words).every((word) => word === seed)).toBe(true);
    memory.free(address, words);
  }
  expect(memory.live).toBe(0);
  expect(memory.image.dirtyWords).toBe(0);
  shadow.copyRest();
  memory.image.stop();
  expect(memory.bytes()).toBe(start);
});

it('copies lines that are written to, each once, and goes on where a call ended', () => {
  const memory = new StateMemory();
  const block = memory.allocate(1000 * markedWords);
  const first = Math.floor(block / markedWords);
  const { image, written } = memory;
  const out = new Int32Array(2 + 3 * markedWords);
  const drain = (): [line: number, lines: number][] => {
    const runs: [line: number, lines: number][] = [];
    for (let n = image.copy(out); n > 0; n = image.copy(out)) {
      for (let at = 0; at < n; at += 2 + out[at + 1]) {
        runs.push([out[at] / markedWords - first, out[at + 1] / markedWords]);
      }
    }
    return runs;
  };
  written.word(block);
  expect(image.dirtyWords).toBe(0);
  image.start();
  const all = drain().reduce((sum, [, n]) => sum + n, 0);
  expect(all).toBe(Math.ceil(memory.used / markedWords));
  expect(drain()).toEqual([]);
  const at = (line: number): number => (first + line) * markedWords;
  written.word(at(7) + 63);
  written.words(at(9) + 60, 2 * markedWords);
  written.records(Int32Array.of(at(500), at(501), at(700) + 40), 1, 2, 30);
  expect(image.dirtyWords).toBe(7 * markedWords);
  expect(drain()).toEqual([
    [7, 1],
    [9, 1],
    [10, 2],
    [501, 1],
    [700, 1],
    [701, 1],
  ]);
  written.word(at(20));
  written.word(at(900));
  written.word(at(999));
  image.copy(out.subarray(0, 2 + markedWords));
  expect(out[0]).toBe(at(900));
  written.word(at(900));
  expect(drain()).toEqual([
    [999, 1],
    [20, 1],
    [900, 1],
  ]);
  image.stop();
  written.word(at(1));
  expect(image.copy(out)).toBe(0);
});

it('takes no piece that is none', () => {
  const memory = new StateMemory();
  memory.allocate(10_000);
  const { used } = memory;
  const fresh = new StateMemory();
  fresh.image.restore(memory.image.save());
  const run = (address: number, words: number, given = words): Int32Array => {
    const piece = new Int32Array(2 + given).fill(5);
    piece[0] = address;
    piece[1] = words;
    return piece;
  };
  for (const piece of [
    Int32Array.of(0),
    run(0, 0),
    run(0, -64, 64),
    run(0, 63),
    run(0, 128, 64),
    run(-64, 64),
    run(1, 64),
  ])
    expect(() => {
      fresh.image.load(piece);
    }).toThrow(SqlError);
  // What lies beyond the last word in use is not needed any more.
  const last = Math.floor(used / markedWords) * markedWords;
  fresh.image.load(run(last, markedWords));
  fresh.image.load(run(2 ** 31 - markedWords, markedWords));
  expect([fresh.i32[used - 1], fresh.i32[used]]).toEqual([5, 0]);
  expect(fresh.bytes()).toBe(memory.bytes());
  const none = new Int32Array(241);
  for (const saved of [null, [], [1, 0, none], [2, 3, none], ['2', 0, none], [2, 0, 0]])
    expect(() => {
      new StateMemory().image.restore(saved);
    }).toThrow(SqlError);
});

it('hands a freed block out again, and wastes at most an eighth', () => {
  const memory = new StateMemory();
  const kept = memory.allocate(2);
  for (let words = 1; words < 100_000; words = Math.ceil(words * 1.1)) {
    const before = memory.live;
    const address = memory.allocate(words);
    expect(memory.live - before).toBeLessThanOrEqual(Math.max(words + 1, (words * 9) / 8 + 1));
    memory.free(address, words);
    expect(memory.allocate(words)).toBe(address);
    memory.free(address, words);
  }
  memory.free(kept, 2);
  expect(memory.live).toBe(0);
});
