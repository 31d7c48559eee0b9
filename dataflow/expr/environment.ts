/**
 * What a generated function works with besides its batch: constants in typed arrays, the heap for
 * computed var values, functions that have no template, and errors. One per program; the text of
 * the generated function is shared between programs of the same shape, so everything that differs
 * between them is in here.
 */
import { assert } from '../../src/base/assert.ts';
import type { DataError } from '../operators/operator.ts';
import type { Datum } from '../value/datum.ts';
import { compareNumericWords } from '../value/decimal.ts';
import { compareIntervalWords } from '../value/interval.ts';
import { compareJsonbWords } from '../value/jsonb.ts';
import { compareBytes, sameWords } from '../value/words.ts';
import type { FunctionEntry, CallSite } from './function-entry.ts';
import { Heap } from './heap.ts';
import { jsonMember, jsonMemberText } from './json-kernel.ts';
import type { Matcher } from './kernels.ts';
import { addNumeric, concatenate, integerNumeric, multiplyNumeric } from './kernels.ts';
import { dataErrorOf } from './interpret.ts';
import type { VarCodec } from './var-codec.ts';

export type ErrorListener = (row: number, error: DataError) => void;

/** A bound function: the row for error reports, then the arguments. `undefined`: the row failed. */
export type BoundCall = (row: number, ...args: Datum[]) => Datum | undefined;

/** What one program’s loop works with. */
export class Environment {
  readonly heap = new Heap();
  /** Words in use beyond which a loop ends before its next row. */
  heapMax = 0;
  /** Rows that the loop has seen. */
  rows = 0;
  ints = new Int32Array(0);
  doubles = new Float64Array(0);
  longs = new BigInt64Array(0);
  readonly calls: BoundCall[] = [];
  readonly codecs: VarCodec[] = [];
  readonly errors: DataError[] = [];
  onError: ErrorListener = () => undefined;
  /** What templates call. */
  readonly sameWords = sameWords;
  readonly compareBytes = compareBytes;
  readonly compareNumeric = compareNumericWords;
  readonly compareInterval = compareIntervalWords;
  readonly compareJsonb = compareJsonbWords;
  readonly addNumeric = addNumeric;
  readonly multiplyNumeric = multiplyNumeric;
  readonly integerNumeric = integerNumeric;
  readonly concatenate = concatenate;
  readonly jsonMember = jsonMember;
  readonly jsonMemberText = jsonMemberText;
  readonly matchers: Matcher[] = [];
  /** Byte strings that kernels look for. */
  readonly keys: Uint8Array[] = [];

  /** Reports that `row` fails with error number `error`; the generated loop then skips the row. */
  fail(row: number, error: number): void {
    this.onError(row, this.errors[error]);
  }

  /** Called when an output that is declared NOT NULL would be NULL: the plan is wrong. */
  unexpectedNull(output: number): never {
    assert(false, `output column ${output} is declared without NULL and is never NULL`);
  }

  /** Registers a function; answers its number in `calls`. */
  addCall(entry: FunctionEntry, site: CallSite): number {
    const { evaluate, key } = entry;
    assert(evaluate !== undefined, `${key} is replaced by a constant before execution`);
    const mayBeNull = entry.nullable || entry.nullHandling === 'called';
    return (
      this.calls.push((row, ...args) => {
        try {
          const value = evaluate(args, site);
          assert(mayBeNull || value !== null, `${key} gives no NULL`);
          return value;
        } catch (error) {
          this.onError(row, dataErrorOf(error));
          return undefined;
        }
      }) - 1
    );
  }
}
