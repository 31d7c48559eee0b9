/**
 * Cancelling one statement: by the client (CancelRequest), by `statement_timeout`, or because the
 * connection is gone. What waits registers how to stop; what loops asks `check`.
 */
import type { SqlError } from '../base/error.ts';
import { sqlError } from '../base/error.ts';

/** What a client is told that has cancelled its statement. */
export function cancelled(): SqlError {
  return sqlError('57014', 'canceling statement due to user request');
}

/** One statement's way to be stopped; used once. */
export class Cancellation {
  readonly #callbacks = new Set<() => void>();
  #reason: SqlError | null = null;

  get cancelled(): boolean {
    return this.#reason !== null;
  }

  /** Throws 57014 if the statement was cancelled. */
  check(): void {
    if (this.#reason !== null) throw this.#reason;
  }

  /** Registers how to stop; answers how to forget that. Called at once if it is too late. */
  onCancel(callback: () => void): () => void {
    if (this.#reason !== null) {
      callback();
      return () => undefined;
    }
    this.#callbacks.add(callback);
    return () => void this.#callbacks.delete(callback);
  }

  /** Rejects once the statement is cancelled; otherwise settles as `work` does. */
  async race<T>(work: Promise<T>): Promise<T> {
    // Nobody hears of work that is given up.
    work.catch(() => undefined);
    this.check();
    let forget: () => void = () => undefined;
    const stopped = new Promise<never>((_, reject) => {
      forget = this.onCancel(() => reject(this.error()));
    });
    try {
      return await Promise.race([work, stopped]);
    } finally {
      forget();
    }
  }

  /** What the statement ends with. */
  error(): SqlError {
    return this.#reason ?? cancelled();
  }

  cancel(why = 'canceling statement due to user request'): void {
    if (this.#reason !== null) return;
    this.#reason = sqlError('57014', why);
    for (const callback of [...this.#callbacks]) callback();
    this.#callbacks.clear();
  }
}
