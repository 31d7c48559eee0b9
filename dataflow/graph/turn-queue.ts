/**
 * Dataflows in order of the time that they have used: a binary heap. One that is removed stays in
 * the heap as a leftover until it comes to the top, so removing costs nothing.
 */
import { assert } from '../../src/base/assert.ts';
import type { Dataflow } from './dataflow.ts';

/** The dataflows that can run, least time used first. */
export class TurnQueue implements Iterable<Dataflow> {
  #heap: Dataflow[] = [];
  readonly #members = new Set<Dataflow>();

  get size(): number {
    return this.#members.size;
  }

  /** Time used by the dataflow that comes next; Infinity if there is none. */
  get least(): number {
    this.#dropLeftovers();
    return this.#heap[0]?.turns ?? Infinity;
  }

  has(dataflow: Dataflow): boolean {
    return this.#members.has(dataflow);
  }

  [Symbol.iterator](): Iterator<Dataflow> {
    return this.#members.values();
  }

  /** Adds a dataflow; its time does not change while it is here. */
  add(dataflow: Dataflow): void {
    if (this.#members.has(dataflow)) return;
    // A leftover of the same dataflow would be a second entry.
    if (this.#heap.length > this.#members.size && this.#heap.includes(dataflow)) {
      this.#heap = this.#heap.filter((one) => one !== dataflow).sort((a, b) => a.turns - b.turns);
    }
    this.#members.add(dataflow);
    this.#heap.push(dataflow);
    let at = this.#heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#heap[parent].turns <= dataflow.turns) break;
      this.#heap[at] = this.#heap[parent];
      at = parent;
    }
    this.#heap[at] = dataflow;
    assert(this.#heap.length >= this.#members.size, 'every member is in the heap');
  }

  remove(dataflow: Dataflow): void {
    this.#members.delete(dataflow);
  }

  /** Takes out the dataflow that has used the least time, or null. */
  take(): Dataflow | null {
    this.#dropLeftovers();
    const first = this.#heap[0];
    assert((first === undefined) === (this.#members.size === 0), 'the first is a member');
    if (first === undefined) return null;
    this.#pop();
    this.#members.delete(first);
    return first;
  }

  #dropLeftovers(): void {
    while (this.#heap.length > 0 && !this.#members.has(this.#heap[0])) this.#pop();
  }

  #pop(): void {
    const last = this.#heap.pop();
    const { length } = this.#heap;
    if (last === undefined || length === 0) return;
    let at = 0;
    for (let child = 1; child < length; child = 2 * at + 1) {
      if (child + 1 < length && this.#heap[child + 1].turns < this.#heap[child].turns) child++;
      if (this.#heap[child].turns >= last.turns) break;
      this.#heap[at] = this.#heap[child];
      at = child;
    }
    this.#heap[at] = last;
  }
}
