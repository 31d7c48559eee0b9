/**
 * Whose turn it is to write. Statements that read before they write run *alone*; inserts into
 * tables with a primary key run *together*, since they keep out of each other's way by their keys
 * (key-claims.ts). Nobody overtakes: whoever comes while somebody waits, waits too.
 */
import { assert } from '../base/assert.ts';

interface Waiting {
  readonly alone: boolean;
  begin(): void;
}

/** One per coordinator. */
export class WriteTurns {
  /** How many run: -1 if one runs alone. */
  #running = 0;
  readonly #waiting: Waiting[] = [];

  /** Runs `act` while no other of either kind runs. */
  alone<T>(act: () => Promise<T>): Promise<T> {
    return this.#enter(true, act);
  }

  /** Runs `act` while none runs alone: at once, in this turn, if nobody has to be waited for. */
  together<T>(act: () => Promise<T>): Promise<T> {
    return this.#enter(false, act);
  }

  #enter<T>(alone: boolean, act: () => Promise<T>): Promise<T> {
    if (this.#waiting.length === 0 && this.#isFree(alone)) return this.#run(alone, act);
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        alone,
        begin: () => void this.#run(alone, act).then(resolve, reject),
      });
    });
  }

  #isFree(alone: boolean): boolean {
    return alone ? this.#running === 0 : this.#running >= 0;
  }

  async #run<T>(alone: boolean, act: () => Promise<T>): Promise<T> {
    assert(this.#isFree(alone), 'nobody runs beside one who runs alone');
    this.#running += alone ? -1 : 1;
    try {
      return await act();
    } finally {
      this.#running -= alone ? -1 : 1;
      this.#next();
    }
  }

  #next(): void {
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      if (!this.#isFree(next.alone)) return;
      this.#waiting.shift();
      next.begin();
    }
  }
}
