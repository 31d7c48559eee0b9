/** Long work on the main thread in slices: between two of them others get their turn. */
import type { Clock } from '../base/seam.ts';

/** Resolves when what else is ready has had its turn. */
export function turn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.soon(resolve));
}

/** Runs a generator to its end with a turn of the others at each of its pauses. */
export async function inTurns<T>(clock: Clock, work: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await turn(clock);
  }
}
