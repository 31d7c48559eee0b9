/**
 * Flags of V8 that this program depends on, set before anything else is compiled: code that V8 has
 * kept from an earlier start (`src/cli/compile-cache.ts`) is only good under the same flags.
 *
 * Regular expressions come from users and meet texts from anywhere; a backtracking engine can take
 * exponential time over them. V8 has a second engine that matches in linear time; with its flag V8
 * changes to it when a match has backtracked 50,000 times, if the pattern has neither
 * back-references nor look-around, a case flag nor Unicode mode (`dataflow/expr/regex.ts` avoids
 * the last two wherever it can).
 *
 * WebAssembly, that is the grammar, stays with the code of the first compiler. The optimizing one
 * takes up the grammar's tables after a few statements, and needs 600 MB of memory and seconds of a
 * core for one function of it, of which parsing becomes faster by a quarter.
 */
import { setFlagsFromString } from 'node:v8';

/** Sets them for the process; again does no harm. */
export function setRuntimeFlags(): void {
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
  setFlagsFromString('--no-wasm-tier-up');
  setFlagsFromString('--no-wasm-dynamic-tiering');
}
