/**
 * Which values the rows of a batch do not have, because their records left them out as unchanged:
 * gathered row by row while a batch is decoded.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { DecodeError, Unchanged } from './decoder.ts';
import type { Refusal } from './json-fields.ts';

const reason =
  'the update left a TOAST value as it was, and the key has none that could stay ' +
  '(REPLICA IDENTITY FULL would send it)';

/** Gathers for one batch after the other. */
export class UnchangedValues {
  readonly #columns = new Map<number, Uint8Array>();
  readonly #offsets = new Float64Array(limits.activationRowsMax);

  /** Row `row`, of the record at `offset`, has no values in `columns`. */
  mark(row: number, columns: readonly number[], offset: number): void {
    assert(row < limits.activationRowsMax, 'the row is one of the batch');
    this.#offsets[row] = offset;
    for (const column of columns) {
      const marks = this.#columns.get(column) ?? new Uint8Array(limits.activationRowsMax);
      marks[row] = 1;
      this.#columns.set(column, marks);
    }
  }

  /**
   * What was marked in the batch of `rows` rows, or null if that is nothing; begins the next one.
   */
  take(
    rows: number,
    names: readonly string[],
    error: (offset: number, refusal: Refusal) => DecodeError,
  ): Unchanged | null {
    if (this.#columns.size === 0) return null;
    const columns = new Map(
      [...this.#columns].map(([column, marks]) => [column, marks.subarray(0, rows)]),
    );
    this.#columns.clear();
    const offsets = this.#offsets.slice(0, rows);
    return {
      columns,
      error: (row) => {
        const lacking = [...columns].find(([, marks]) => marks[row] === 1);
        const field = lacking === undefined ? null : (names[lacking[0]] ?? null);
        return error(offsets[row] ?? 0, { code: '0A000', field, reason });
      },
    };
  }

  /** Forgets what was marked. */
  clear(): void {
    this.#columns.clear();
  }
}
