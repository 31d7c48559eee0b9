/**
 * Assertions: what must hold if our own code is right. They stay on in production; a broken one is
 * a bug of ours and ends the worker. User mistakes are `SqlError`, bad data is a row of the error
 * collection: neither may ever reach an assertion.
 */

/** Thrown by {@link assert} and {@link unreachable} only. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Fails unless `condition` holds. `message` says what was expected, with the offending values. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Returns `value`, or fails if it is `undefined` or `null`. */
export function defined<T>(value: T | undefined | null, message: string): T {
  if (value === undefined || value === null) throw new AssertionError(message);
  return value;
}

/** Closes an exhaustive `switch`: the compiler proves that no case is left. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}

/** True turns on the checks that cost more than a comparison. */
export const paranoid: boolean = false;
