/**
 * `state`: bytes of memory for a stored row together with an index on its key, against the bytes of
 * its values alone: fixed widths (int8 and timestamps eight bytes) plus the bytes of texts, no
 * header, no length, no null mark. Memory is the arrangements' own plus the growth of the
 * JavaScript heap and its buffers after a full collection; the growth of the resident set is
 * reported beside it as a check. The small shapes are measured with NOT NULL columns and with
 * columns that may be NULL, the wide one with the latter. Tables are filled in steps of 1,000 rows and must then answer a count and a
 * lookup.
 */
import type { BatchWriter } from '../dataflow/value/batch-writer.ts';
import type { BenchOptions } from './run.ts';
import { figure } from './support/figure.ts';
import type { Figure } from './support/figure.ts';
import { liveBytes, residentBytes } from './support/memory.ts';
import { Texts, int8Column, writeBatch } from './support/rows.ts';
import type { Fill } from './support/rows.ts';
import { SqlEngine } from './support/sql-engine.ts';

interface Shape {
  readonly name: string;
  readonly columns: string;
  readonly encodedBytes: number;
  readonly varWords: number;
  fill(writer: BatchWriter, from: number): Fill;
}

const names = new Texts(
  Array.from({ length: 4096 }, (_, i) => `customer-${String(i).padStart(7, '0')}`),
);
const notes = new Texts(
  Array.from({ length: 4096 }, (_, i) => `${i} left at the door, call again `.padEnd(40, '.')),
);

function fillInts(writer: BatchWriter, from: number, columns: number): Fill {
  const writes = Array.from({ length: columns }, (_, c) => int8Column(writer, c));
  return (r) => writes.forEach((write, c) => write(r, (from + r) * (c + 1)));
}

const shapes: readonly Shape[] = [
  {
    name: 'smallest',
    columns: 'id int8 NOT NULL, v int8 NOT NULL',
    encodedBytes: 16,
    varWords: 0,
    fill: (writer, from) => fillInts(writer, from, 2),
  },
  {
    name: 'smallest nullable',
    columns: 'id int8, v int8',
    encodedBytes: 16,
    varWords: 0,
    fill: (writer, from) => fillInts(writer, from, 2),
  },
  {
    name: 'narrow',
    columns: 'id int8 NOT NULL, a int8 NOT NULL, b int8 NOT NULL, c int8 NOT NULL',
    encodedBytes: 32,
    varWords: 0,
    fill: (writer, from) => fillInts(writer, from, 4),
  },
  {
    name: 'narrow nullable',
    columns: 'id int8, a int8, b int8, c int8',
    encodedBytes: 32,
    varWords: 0,
    fill: (writer, from) => fillInts(writer, from, 4),
  },
  {
    name: 'wide',
    columns: 'id int8, customer int8, amount int8, at timestamptz, name text, note text',
    encodedBytes: 32 + 16 + 40,
    varWords: 14,
    fill(writer, from) {
      const ints = fillInts(writer, from, 4);
      return (r) => {
        ints(r);
        names.write(writer, 4, r, (from + r) & 4095);
        notes.write(writer, 5, r, ((from + r) >> 3) & 4095);
      };
    },
  },
];

const stepRows = 1_000;

async function measure(shape: Shape, rows: number): Promise<readonly Figure[]> {
  const engine = await SqlEngine.open();
  await engine.sql(`CREATE TABLE t (${shape.columns}); CREATE INDEX t_by_id ON t (id)`);
  const writer = engine.writer('t');
  const collection = engine.collection('t');
  const before = {
    live: liveBytes(),
    arranged: engine.engine.arrangementBytes,
    resident: residentBytes(),
  };
  for (let from = 0; from < rows; from += stepRows) {
    engine.step([
      [
        collection,
        writeBatch(writer, stepRows, stepRows * shape.varWords, (w) => shape.fill(w, from)),
      ],
    ]);
  }
  const live = liveBytes() - before.live;
  const arranged = engine.engine.arrangementBytes - before.arranged;
  const resident = residentBytes() - before.resident;
  const [count] = await engine.rows('SELECT count(*) FROM t');
  const found = await engine.rows(`SELECT id FROM t WHERE id = ${rows - 1}`);
  if (count?.[0] !== BigInt(rows) || found.length !== 1)
    throw new Error(`the table holds ${String(count?.[0])} rows`);
  const name = `${shape.name} row of ${rows}`;
  return [
    figure(name, (arranged + live) / rows, shape.encodedBytes, 'bytes/row', 0.5),
    figure(`${name}, resident`, resident / rows, shape.encodedBytes, 'bytes/row'),
  ];
}

/** Two figures a shape and size. */
export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const sizes = options.quick ? [100_000] : [1_000_000, 5_000_000];
  const figures: Figure[] = [];
  for (const shape of shapes)
    for (const size of sizes) figures.push(...(await measure(shape, size)));
  return figures;
}
