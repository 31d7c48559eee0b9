/**
 * A copy of a state's memory that is made bit by bit while the state changes: lines that were
 * written to since they were last copied are copied again, until at the end of a step nothing is
 * left. Whoever puts all pieces in place, in order, has the memory as it was then, word for word,
 * up to the last word in use.
 *
 * A piece is runs of [address, number of words, words …], of whole lines. Where a call ended the
 * next one goes on, so that a line that is written to all the time does not keep others waiting.
 * Clean memory costs a load for each eight lines of it: half a millisecond a GiB.
 */
import { assert } from '../../src/base/assert.ts';
import type { Saved } from '../value/saved.ts';
import { damaged } from '../value/saved-parts.ts';
import type { LineMarks } from './line-marks.ts';
import { markedWords } from './line-marks.ts';
import type { Registers } from './registers.ts';

/** Words before those of a run. */
const headerWords = 2;

/** The memory that is copied. */
export interface ImagedMemory extends Registers {
  readonly i32: Int32Array;
  /** Words from the start that are in use. */
  readonly used: number;
  readonly written: LineMarks;
}

/** The copying of one memory. */
export class StateImage {
  readonly #memory: ImagedMemory;
  /** The line at which the next copy goes on. */
  #line = 0;

  constructor(memory: ImagedMemory) {
    this.#memory = memory;
  }

  /** From now on writes are noted; all that is in use is to be copied. */
  start(): void {
    const { i32, used, written } = this.#memory;
    written.start(i32.length, used);
    this.#line = 0;
  }

  /** Writes are noted no more. */
  stop(): void {
    this.#memory.written.stop();
  }

  /** Words that are to be copied. */
  get dirtyWords(): number {
    return this.#memory.written.dirty * markedWords;
  }

  /**
   * Fills `out` with runs of what is to be copied, from its start on, and answers the words taken;
   * 0 means that nothing is left. Between turns of the operator only; the copy is right when the
   * operator has ended a step and nothing is left.
   */
  copy(out: Int32Array): number {
    const { i32, written } = this.#memory;
    assert(out.length >= headerWords + markedWords, 'a piece has room for a line');
    let n = 0;
    while (written.dirty > 0) {
      const room = Math.floor((out.length - n - headerWords) / markedWords);
      if (room <= 0) break;
      const line = written.next(this.#line);
      if (line < 0) {
        assert(this.#line > 0, 'a line that is counted is marked');
        this.#line = 0;
        continue;
      }
      const lines = written.take(line, room);
      const words = lines * markedWords;
      out[n] = line * markedWords;
      out[n + 1] = words;
      out.set(i32.subarray(line * markedWords, line * markedWords + words), n + headerWords);
      n += headerWords + words;
      this.#line = line + lines;
    }
    return n;
  }

  /** What belongs to the memory beside its words: how many there are, and which are free. */
  save(): Saved {
    return this.#memory.save();
  }

  /** Takes over what `save` answered; words come afterwards. Throws SqlError XX001. */
  restore(saved: Saved): void {
    this.#memory.restore(saved);
  }

  /**
   * Puts the runs of a piece in place, after `restore`: what was in use then is left out if it is
   * not any more. Throws SqlError XX001 if they are none.
   */
  load(piece: Int32Array): void {
    const { i32, used } = this.#memory;
    for (let n = 0; n < piece.length;) {
      const address = piece[n];
      const words = n + 1 < piece.length ? piece[n + 1] : 0;
      const end = n + headerWords + words;
      const isRun = words > 0 && words % markedWords === 0 && end <= piece.length;
      const isPlace = address >= 0 && address % markedWords === 0;
      if (!isRun || !isPlace) throw damaged('a run of words');
      const wanted = Math.max(0, Math.min(words, used - address));
      i32.set(
        piece.subarray(n + headerWords, n + headerWords + wanted),
        wanted === 0 ? 0 : address,
      );
      n = end;
    }
  }
}
