/**
 * The two kinds of rows that arrangements are measured with (docs/design/arrangement.md), and
 * batches of them. (a): int8 key and three int8, 32 raw bytes. (b): text(16) key, text(40), int8,
 * numeric, 72 raw bytes.
 */
import type { Batch } from '../../dataflow/value/batch.ts';
import type { BatchWriter } from '../../dataflow/value/batch-writer.ts';
import { writeSmallNumeric } from '../../dataflow/value/decimal.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';

/** One kind of rows. */
export interface Schema {
  readonly name: string;
  readonly rawBytes: number;
  readonly columns: readonly ColumnType[];
  readonly varWords: number;
  /** Writes row `r`: key number and version. */
  readonly write: (writer: BatchWriter, r: number, key: number, version: number) => void;
  readonly object: (key: number, version: number) => { key: string | number };
}

const hexDigits = '0123456789abcdef';

function writeText(
  writer: BatchWriter,
  column: number,
  r: number,
  words: number,
  seed: number,
): void {
  const at = writer.takeVar(words);
  const { i32 } = writer.slab;
  let state = seed;
  for (let w = 0; w < words; w++) {
    let word = 0;
    for (let b = 0; b < 4; b++) {
      state = (Math.imul(state, 0x9e3779b1) + 0x7f4a7c15) | 0;
      word |= hexDigits.charCodeAt(state >>> 28) << (8 * b);
    }
    i32[at + w] = word;
  }
  i32[writer.column[column] + 2 * r] = at;
  i32[writer.column[column] + 2 * r + 1] = words * 4;
}

/** (a) and (b). */
export const schemas: readonly Schema[] = [
  {
    name: '(a)',
    rawBytes: 32,
    varWords: 0,
    columns: Array.from({ length: 4 }, () => ({ type: 'int8', nullable: false })),
    write: (writer, r, key, version) => {
      const { i32 } = writer.slab;
      for (let c = 0; c < 4; c++) {
        i32[writer.column[c] + 2 * r] = c === 0 ? key : key + version * c;
        i32[writer.column[c] + 2 * r + 1] = 0;
      }
    },
    object: (key, version) => ({
      key,
      a: key + version,
      b: key + version * 2,
      c: key + version * 3,
    }),
  },
  {
    name: '(b)',
    rawBytes: 72,
    varWords: 4 + 10 + 4,
    columns: [
      { type: 'text', nullable: false },
      { type: 'text', nullable: false },
      { type: 'int8', nullable: false },
      { type: 'numeric', nullable: false },
    ],
    write: (writer, r, key, version) => {
      const { i32 } = writer.slab;
      writeText(writer, 0, r, 4, key + 1);
      writeText(writer, 1, r, 10, key + version);
      i32[writer.column[2] + 2 * r] = key + version;
      i32[writer.column[2] + 2 * r + 1] = 0;
      const at = writer.takeVar(4);
      i32[writer.column[3] + 2 * r] = at;
      i32[writer.column[3] + 2 * r + 1] = writeSmallNumeric(i32, at, key + version, 2);
    },
    object: (key, version) => ({
      key: `key-${String(key).padStart(12, '0')}`,
      text: `${'x'.repeat(28)}${version % 1e6}-${key}`,
      a: key + version,
      b: (key + version) / 100,
    }),
  },
];

/** A batch of `n` changes whose row r is given by `at`. */
export function batchOf(
  schema: Schema,
  writer: BatchWriter,
  n: number,
  at: (r: number) => readonly [key: number, version: number, weight: number],
): Batch {
  writer.begin(n, n * schema.varWords + 64);
  for (let r = 0; r < n; r++) {
    const [key, version, weight] = at(r);
    schema.write(writer, r, key, version);
    writer.slab.i32[writer.weight + r] = weight;
  }
  return writer.seal(0, n);
}
