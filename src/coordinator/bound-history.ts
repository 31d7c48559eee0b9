/**
 * What was bound of a source by earlier steps, for those steps at which a dataflow may yet go over
 * from live records to a replay or back: those that are under way, and those that are held.
 *
 * The representation goes backwards from now: an entry says, for a few steps in a row, what was
 * bound before them of the slots that they bound. Entries between which nobody may stop are
 * one, so there are never many more than steps that are kept.
 */
import { assert } from '../base/assert.ts';
import type { Positions } from '../../connectors/connector.ts';

/** Steps that are kept: some, and all from `from` on. */
export interface KeptSteps {
  /** In ascending order. */
  readonly some: readonly number[];
  readonly from: number;
}

interface Entry {
  readonly first: number;
  last: number;
  /** Offsets that were bound before `first`. */
  readonly before: Map<number, bigint>;
}

/** Entries beyond which it is worth looking which of them can be one. */
const entriesMin = 8;

/** The past of one source's bound offsets. */
export class BoundHistory {
  #entries: Entry[] = [];
  /** Of steps before this one nothing is known any more. */
  #since = 0;
  #lookAt = entriesMin;

  /** Entries that are kept. */
  get size(): number {
    return this.#entries.length;
  }

  /** `step`, the one before which all are older, binds more of a slot; `before` was bound. */
  note(step: number, slot: number, before: bigint): void {
    let entry = this.#entries.at(-1);
    assert(entry === undefined || entry.last <= step, 'steps bind in their order');
    if (entry?.last !== step) {
      entry = { first: step, last: step, before: new Map() };
      this.#entries.push(entry);
    }
    if (!entry.before.has(slot)) entry.before.set(slot, before);
  }

  /** What was bound by `step`, or null if that is not kept; `now`: what is bound by all steps. */
  at(step: number, now: Positions): Map<number, bigint> | null {
    if (step < this.#since) return null;
    const bound = new Map(now);
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      const entry = this.#entries[i];
      if (entry === undefined || entry.last <= step) break;
      if (entry.first <= step) return null;
      for (const [slot, offset] of entry.before) bound.set(slot, offset);
    }
    return bound;
  }

  /** Forgets what lies between steps that are kept, now and then. */
  tidy(kept: () => KeptSteps): void {
    if (this.#entries.length < this.#lookAt) return;
    const { some, from } = kept();
    const entries: Entry[] = [];
    let next = 0;
    for (const entry of this.#entries) {
      // The first kept step that is not before what comes ahead of this entry.
      const reached = entries.at(-1)?.last ?? -1;
      while (next < some.length && (some[next] ?? 0) < reached) next++;
      const stop = Math.min(some[next] ?? Infinity, Math.max(from, reached));
      const previous = entries.at(-1);
      if (stop < entry.first) entries.push(entry);
      else if (previous !== undefined) merge(previous, entry);
      else this.#since = entry.last;
    }
    this.#entries = entries;
    this.#lookAt = Math.max(entriesMin, 2 * entries.length);
  }
}

/** Lets an entry say what the one after it says too. */
function merge(entry: Entry, next: Entry): void {
  entry.last = next.last;
  for (const [slot, offset] of next.before) {
    if (!entry.before.has(slot)) entry.before.set(slot, offset);
  }
}
