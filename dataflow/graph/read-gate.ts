/**
 * The gate of a stored collection: a few shared words by which other threads read the collection
 * while the dataflow thread writes it.
 *
 * `turn` is a sequence lock. The writer makes it odd before it touches any memory of the
 * arrangement and even afterwards; a reader notes an even turn, copies, and looks whether the turn
 * is still the same. The second look is an atomic addition of nothing: unlike a load it cannot be
 * done before the reads that precede it, on any processor. A block of memory changes hands only
 * while the gate of who gives it up is closed, so a reader who still had hold of it finds the turn
 * changed. The gate of a collection that is gone stays odd.
 *
 * The other words say which steps can be read so: those from `since` on, where the collection began,
 * from `errors` on (no error rows are left then), and if dataflows feed the collection, those that
 * their known steps cover.
 *
 * A gate has a buffer of its own and is made when the first reader asks, so what nobody reads
 * directly costs nothing.
 */
import { assert } from '../../src/base/assert.ts';

const wordTurn = 0;
const wordSince = 1;
const wordErrors = 2;
const wordIndexes = 3;
const gateWords = 8;

/** A step later than all: "at no step yet" as a lower bound, "at all steps" as an upper one. */
export const endOfSteps = 0x7fffffff;

/** The writer's end. An operation that fails half-way leaves it open, until the next one. */
export class ReadGate {
  readonly buffer = new SharedArrayBuffer(gateWords * 4);
  readonly #words = new Int32Array(this.buffer);
  #turn = 0;

  /** The arrangement is about to be written; nothing happens if it was being written already. */
  open(): void {
    if ((this.#turn & 1) === 1) return;
    this.#turn = (this.#turn + 1) | 0;
    Atomics.store(this.#words, wordTurn, this.#turn);
    // What is written now is not to be seen before the turn: no store overtakes this load, and it
    // does not overtake the store above.
    const seen = Atomics.load(this.#words, wordTurn);
    assert(seen === this.#turn, 'a gate has one writer');
  }

  /** The arrangement was written. */
  close(): void {
    assert((this.#turn & 1) === 1, 'a gate that is closed was open');
    this.#turn = (this.#turn + 1) | 0;
    Atomics.store(this.#words, wordTurn, this.#turn);
  }

  /** The collection is gone for good. */
  end(): void {
    this.open();
  }

  set since(step: number) {
    Atomics.store(this.#words, wordSince, step);
  }

  set errors(step: number) {
    Atomics.store(this.#words, wordErrors, step);
  }

  /** How many indexes were dropped: whoever found one before is not to use it any more. */
  get indexesDropped(): number {
    return Atomics.load(this.#words, wordIndexes);
  }

  /** An index was dropped; the gate is open. */
  indexDropped(): void {
    assert((this.#turn & 1) === 1, 'an index is dropped behind an open gate');
    Atomics.add(this.#words, wordIndexes, 1);
  }
}

/** A word that says up to which step something is known; shared, with one writer. */
export class KnownStep {
  readonly buffer = new SharedArrayBuffer(4);
  readonly #word = new Int32Array(this.buffer);

  /** `endOfSteps`: as far as what comes before it is known. */
  set step(step: number) {
    Atomics.store(this.#word, 0, step);
  }
}

/** The reader's end of a gate and of the known steps of all dataflows before it. */
export class GateReader {
  readonly #words: Int32Array;
  readonly #known: readonly Int32Array[];
  readonly #indexesDropped: number;
  #turn = 0;

  /** `known`: whoever is read by another one comes before it. */
  constructor(
    gate: SharedArrayBuffer,
    known: readonly SharedArrayBuffer[],
    indexesDropped: number,
  ) {
    assert(gate.byteLength === gateWords * 4, `a gate of ${gate.byteLength} bytes is none`);
    this.#words = new Int32Array(gate);
    this.#known = known.map((buffer) => new Int32Array(buffer));
    this.#indexesDropped = indexesDropped;
  }

  /**
   * Begins to read at a step; false if it cannot be read directly now. Known steps are looked at in
   * the order of the dataflows: once one was seen to cover the step it does for good, and has told
   * those after it of every change up to it.
   */
  enter(step: number): boolean {
    const words = this.#words;
    this.#turn = Atomics.load(words, wordTurn);
    if ((this.#turn & 1) !== 0) return false;
    for (let i = 0; i < this.#known.length; i++) {
      if (Atomics.load(this.#known[i], 0) < step) return false;
    }
    return (
      Atomics.load(words, wordSince) <= step &&
      Atomics.load(words, wordErrors) <= step &&
      Atomics.load(words, wordIndexes) === this.#indexesDropped
    );
  }

  /** Whether what was read since `enter` is what stood there. */
  leave(): boolean {
    return Atomics.add(this.#words, wordTurn, 0) === this.#turn;
  }

  /** Whether a writer is at work. */
  get busy(): boolean {
    return (Atomics.load(this.#words, wordTurn) & 1) !== 0;
  }
}
