/**
 * The way back from a checkpoint: images that wait for their pieces, and what is to be done when
 * all have come. Arrangements are made readable in slices, one after the other, then dataflows go
 * on where they stood. Their indexes are built behind that: whoever needs one (a step or a dataflow
 * that writes, a read by key) builds on it in its own turns, and whatever nobody has asked for is
 * built here, in one turn of some, as those who can do without are to have the time.
 */
import { assert, defined } from '../../src/base/assert.ts';
import { SqlError, sqlError } from '../../src/base/error.ts';
import type { Arrangement } from '../arrangement/arrangement.ts';
import type { RowImage } from '../arrangement/row-image.ts';
import type { OperatorState } from '../operators/operator.ts';
import type { SavedDataflow, SavedImage, SavedOperator } from './checkpoint-messages.ts';

/** What takes the pieces of an image. */
interface Target {
  load(piece: Int32Array): void;
}

/** Turns of which one is for indexes that nobody waits for. */
const turnsPerIndexSlice = 32;

/** One restart of an engine, until everything stands at the step of the checkpoint. */
export class Restoring {
  readonly step: number;
  readonly #targets = new Map<number, Target>();
  readonly #rows: RowImage[] = [];
  /** What follows when all rows are there, in order. */
  readonly #then: (() => void)[] = [];
  #request: number | null = null;
  /** Images whose rows are readable. */
  readonly #toIndex: RowImage[] = [];
  #turns = 0;

  constructor(step: number) {
    this.step = step;
  }

  /** The rows of an arrangement come from an image; the arrangement is empty. */
  rows({ image }: Arrangement, saved: SavedImage): void {
    image.restore(saved.saved);
    this.#target(saved.image, image);
    this.#rows.push(image);
  }

  /** The operators of a dataflow get their state back. Throws XX001 if it is that of others. */
  operators(states: readonly OperatorState[], saved: readonly SavedOperator[]): void {
    if (states.length !== saved.length) throw misfit();
    states.forEach((state, i) => {
      const its = defined(saved[i], 'each operator has its state');
      if (its.memories.length !== state.memories.length) throw misfit();
      state.memories.forEach((memory, m) => {
        const image = defined(its.memories[m], 'each memory has its image');
        memory.image.restore(image.saved);
        this.#target(image.image, memory.image);
      });
      this.#then.push(() => state.restore(its.saved));
    });
  }

  /** The private arrangements of a dataflow get their rows back. */
  arrangements(arrangements: readonly Arrangement[], saved: SavedDataflow['arrangements']): void {
    if (arrangements.length !== saved.length) throw misfit();
    arrangements.forEach((one, i) => this.rows(one, defined(saved[i], 'each has its image')));
  }

  /** To be called when all rows are there. */
  then(act: () => void): void {
    this.#then.push(act);
  }

  #target(image: number, target: Target): void {
    assert(!this.#targets.has(image), `image ${image} belongs to one only`);
    this.#targets.set(image, target);
  }

  /** Takes a piece; what belongs to nobody any more is passed over. */
  load(image: number, words: Int32Array): void {
    this.#targets.get(image)?.load(words);
  }

  /** All pieces have come; `request` waits for the end. */
  loaded(request: number): void {
    this.#request = request;
  }

  /** Who waits for the end; null as long as pieces come. */
  get request(): number | null {
    return this.#request;
  }

  /** Works for a slice; true when all can be read. Throws 53200 if there is no memory. */
  run(rowsMax: number): boolean {
    assert(this.#request !== null, 'all pieces have come');
    const rows = this.#rows[0];
    if (rows !== undefined) {
      if (rows.adopt(this.step, rowsMax)) {
        this.#rows.shift();
        this.#toIndex.push(rows);
      }
      return false;
    }
    for (const act of this.#then) act();
    this.#targets.clear();
    return true;
  }

  /** When all can be read: builds a slice of the indexes; true when that is over. */
  runIndexes(rowsMax: number): boolean {
    const rows = this.#toIndex[0];
    if (rows === undefined) return true;
    if (this.#turns++ % turnsPerIndexSlice !== 0) return false;
    try {
      if (rows.index(rowsMax)) this.#toIndex.shift();
    } catch (error) {
      // Without memory for it: who needs the index is told.
      if (!(error instanceof SqlError)) throw error;
      this.#toIndex.shift();
    }
    return false;
  }

  /** The arrangements of a collection or a dataflow go away. */
  forget(arrangements: readonly Arrangement[]): void {
    for (const { image } of arrangements) {
      const at = this.#toIndex.indexOf(image);
      if (at >= 0) this.#toIndex.splice(at, 1);
    }
  }
}

function misfit(): Error {
  return sqlError('XX001', 'a checkpoint holds the state of another dataflow', {
    hint: 'Restore the data directory from a backup.',
  });
}
