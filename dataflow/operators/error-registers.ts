/** Errors of groups, by their records, as plain data: what a reduce keeps beside its memory. */
import type { Saved } from '../value/saved.ts';
import { savedInteger, savedList, savedText } from '../value/saved-parts.ts';
import type { DataError } from './operator.ts';
import type { Registers } from './registers.ts';

/** Saves and restores a map of errors. */
export class ErrorRegisters implements Registers {
  readonly #errors: Map<number, DataError>;

  constructor(errors: Map<number, DataError>) {
    this.#errors = errors;
  }

  save(): Saved {
    return Array.from(this.#errors, ([record, { code, message }]) => [record, code, message]);
  }

  restore(saved: Saved): void {
    this.#errors.clear();
    for (const one of savedList(saved)) {
      const [record, code, message] = savedList(one, 3);
      const error = { code: savedText(code), message: savedText(message) };
      this.#errors.set(savedInteger(record, 1), error);
    }
  }
}
