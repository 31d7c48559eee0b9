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

/** A copy of one operator's state, and how it came about. */
export class StateShadow {
  readonly #state: OperatorState;
  readonly #copies: Int32Array[];
  readonly #pieces: Int32Array[][];

  constructor(operator: Operator) {
    this.#state = stateOf(operator);
    this.#copies = this.#state.memories.map(() => new Int32Array(0));
    this.#pieces = this.#state.memories.map(() => []);
    for (const { image } of this.#state.memories) image.start();
  }

  /** Copies a little of each memory. */
  copySome(): void {
    this.#state.memories.forEach((memory, m) => this.#copy(memory, m, fewWords));
  }

  /** Copies what is left, and compares. */
  copyRest(): void {
    this.#state.memories.forEach((memory, m) => {
      while (this.#copy(memory, m, manyWords));
      expect(memory.image.dirtyWords).toBe(0);
      const copy = defined(this.#copies[m], 'each memory has a copy');
      const { i32, used } = memory;
      for (let at = 0; at < used; at++) {
        if (i32[at] !== copy[at]) expect.fail(`word ${at} of ${used} was written and not marked`);
      }
    });
  }

  #copy(memory: StateMemory, m: number, out: Int32Array): boolean {
    const before = memory.image.dirtyWords;
    const n = memory.image.copy(out);
    expect(n).toBeLessThanOrEqual(out.length);
    expect(n > 0).toBe(before > 0);
    const piece = out.slice(0, n);
    defined(this.#pieces[m], 'each memory has pieces').push(piece);
    this.#copies[m] = withRuns(defined(this.#copies[m], 'each memory has a copy'), piece);
    return n > 0;
  }

  /** Gives a fresh operator the state as it was at the last `copyRest`. */
  restore(operator: Operator): void {
    const state = stateOf(operator);
    assert(state.memories.length === this.#state.memories.length, 'memories have a fixed number');
    state.memories.forEach(({ image }, m) => {
      image.restore(
        kept(defined(this.#state.memories[m], 'each memory has its like').image.save()),
      );
      for (const piece of this.#pieces[m] ?? []) image.load(piece);
    });
    state.restore(kept(this.#state.save()));
    state.memories.forEach(({ i32, used }, m) => {
      const old = defined(this.#state.memories[m], 'each memory has its like');
      expect(used).toBe(old.used);
      expect(i32.subarray(0, used)).toEqual(old.i32.subarray(0, used));
    });
  }
}

function stateOf({ state }: Operator): OperatorState {
  assert(state !== null && state !== 'unsaved', 'the operator keeps state that can be saved');
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
