/**
 * Regular expressions come from users and meet texts from anywhere; a backtracking engine can take
 * exponential time over them. V8 has a second engine that matches in linear time; with this flag it
 * changes to it when a match has backtracked 50,000 times, if the pattern has neither
 * back-references nor look-around, a case flag nor Unicode mode (`dataflow/expr/regex.ts` avoids
 * the last two wherever it can).
 */
import { setFlagsFromString } from 'node:v8';

/** Turns the guard on for the process, before the first regular expression is compiled. */
export function guardRegularExpressions(): void {
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
}
