/**
 * The law of checkpoints of operators: what was copied line by line while an operator worked is its
 * memory, word for word; and a fresh operator that gets the copy and the registers is the old one.
 *
 * A shadow copies as an engine does: a little between turns, the rest at the end of a step. It keeps
 * all pieces, as a checkpoint and its patches do, and puts them into another operator.
 */
import { expect } from 'vitest';
import { assert, defined } from '../../src/base/assert.ts';
import type { Operator, OperatorState } from '../../dataflow/operators/operator.ts';
import type { StateMemory } from '../../dataflow/operators/state-memory.ts';
import type { Saved } from '../../dataflow/value/saved.ts';

/** Words of a piece: two lines, and many. */
const fewWords = new Int32Array(140);
const manyWords = new Int32Array(2 ** 12);

/** A copy of one memory, and the pieces that it was made of. */
export class MemoryShadow {
  readonly #memory: StateMemory;
  /** An empty memory has two words that are 0. */
  #copy: Int32Array = new Int32Array(2);
  readonly #pieces: Int32Array[] = [];

  constructor(memory: StateMemory) {
    this.#memory = memory;
    memory.image.start();
  }

  /** Copies a little. */
  copySome(): void {
    this.#take(fewWords);
  }

  /** Copies what is left, and compares. */
  copyRest(): void {
    while (this.#take(manyWords));
    const { i32, used, image } = this.#memory;
    expect(image.dirtyWords).toBe(0);
    if (bytesOf(i32, used).equals(bytesOf(this.#copy, used))) return;
    const at = i32.findIndex((word, w) => w < used && word !== this.#copy[w]);
    expect.fail(`word ${at} of ${used} was written to and not marked`);
  }

  #take(out: Int32Array): boolean {
    const before = this.#memory.image.dirtyWords;
    const n = this.#memory.image.copy(out);
    expect(n <= out.length && n > 0 === before > 0).toBe(true);
    const piece = out.slice(0, n);
    this.#pieces.push(piece);
    this.#copy = withRuns(this.#copy, piece);
    return n > 0;
  }

  /** Gives a fresh memory the words that this one had at the last `copyRest`. */
  restore(fresh: StateMemory): void {
    fresh.image.restore(kept(this.#memory.image.save()));
    for (const piece of this.#pieces) fresh.image.load(piece);
    const { used } = this.#memory;
    expect(fresh.used).toBe(used);
    expect(bytesOf(fresh.i32, used).equals(bytesOf(this.#memory.i32, used))).toBe(true);
  }
}

/** A copy of one operator's state. */
export class StateShadow {
  readonly #state: OperatorState;
  readonly #memories: readonly MemoryShadow[];

  constructor(operator: Operator) {
    this.#state = stateOf(operator);
    this.#memories = this.#state.memories.map((memory) => new MemoryShadow(memory));
  }

  copySome(): void {
    for (const memory of this.#memories) memory.copySome();
  }

  copyRest(): void {
    for (const memory of this.#memories) memory.copyRest();
  }

  /**
   * Gives a fresh operator the state of the last `copyRest`; in between, `linked` tells it where
   * its rows are.
   */
  restore(operator: Operator, linked: () => void = () => undefined): void {
    const state = stateOf(operator);
    assert(state.memories.length === this.#memories.length, 'memories have a fixed number');
    this.#memories.forEach((memory, m) => {
      memory.restore(defined(state.memories[m], 'each memory has its like'));
    });
    linked();
    state.restore(kept(this.#state.save()));
  }
}

function bytesOf({ buffer }: Int32Array, words: number): Buffer {
  return Buffer.from(buffer, 0, Math.min(words * 4, buffer.byteLength));
}

function stateOf({ state }: Operator): OperatorState {
  assert(state !== null, 'the operator keeps state');
  return state;
}

function withRuns(old: Int32Array, piece: Int32Array): Int32Array {
  let copy = old;
  for (let n = 0; n < piece.length;) {
    const [address = 0, words = 0] = piece.subarray(n, n + 2);
    if (address + words > copy.length) {
      copy = new Int32Array(2 * (address + words));
      copy.set(old);
    }
    copy.set(piece.subarray(n + 2, n + 2 + words), address);
    n += 2 + words;
  }
  return copy;
}

/** Registers as they come back from a file, and from another thread: nothing in them is lost. */
export function kept(saved: Saved): Saved {
  const copied: Saved = structuredClone(saved);
  expect(copied).toEqual(saved);
  const read = fromText(JSON.parse(JSON.stringify(toText(saved))));
  expect(read).toEqual(saved);
  return read;
}

function toText(saved: Saved): unknown {
  if (saved instanceof Int32Array) return { words: [...saved] };
  if (saved instanceof Float64Array) return { doubles: [...saved] };
  return isList(saved) ? saved.map(toText) : saved;
}

function fromText(value: unknown): Saved {
  if (Array.isArray(value)) return value.map(fromText);
  if (value === null || typeof value === 'number' || typeof value === 'string') return value;
  assert(typeof value === 'object', 'saved data are lists, texts and numbers');
  if ('words' in value && Array.isArray(value.words)) return Int32Array.from(value.words, Number);
  assert('doubles' in value && Array.isArray(value.doubles), 'else they are doubles');
  return Float64Array.from(value.doubles, Number);
}

function isList(saved: Saved): saved is readonly Saved[] {
  return Array.isArray(saved);
}
