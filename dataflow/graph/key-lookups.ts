/**
 * Lookups by key that come again and again: each is registered once as a *template* (what is read,
 * by which index, which columns are answered) and then asked for with keys alone. The keys that one
 * turn of the coordinator gathered come together, are probed in one pass and answered in one
 * batch with the number of rows of each.
 *
 * Only the plain case is done here: rows pass unfiltered and unordered, the index is whole, the
 * collection is known at the step and has no errors, and the answer fits one activation. In any
 * other case `answer` says no, and the reads run as tasks of their own.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { Position } from '../arrangement/arrangement.ts';
import { rewind, startPosition } from '../arrangement/pairs.ts';
import type { Expr, Program } from '../expr/expr.ts';
import { Mfp } from '../expr/mfp.ts';
import { range } from '../operators/gather.ts';
import type { Lookup } from '../plan/plan.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { Row } from '../value/datum.ts';
import { varWordsOfDatum, writeDatum } from '../value/datum-column.ts';
import type { ColumnType } from '../value/type.ts';
import type { Finishing, PackedBatch } from './command.ts';
import { isDirect } from './direct-lookup.ts';
import { packBatch } from './packed-batch.ts';
import type { StoredCollection } from './stored-collection.ts';
import type { Surroundings } from './surroundings.ts';

/** What was registered under a number. */
export interface Template {
  readonly lookup: Lookup;
  readonly finishing: Finishing;
  /** How it runs when it is plain; null if it never is. */
  readonly plain: PlainTemplate | null;
  /** Whether the other thread was told how to read it directly, or never will be. */
  shared: boolean;
}

/** Rows of several keys: `rows[i]` of them for key i, in the order of the keys. */
export interface KeyAnswer {
  readonly rows: Int32Array;
  readonly batch: PackedBatch;
}

/** The templates of one engine. */
export class KeyLookups {
  readonly #around: Surroundings;
  readonly #templates = new Map<number, Template>();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Registers a template; `columns` are those of its collection. */
  prepare(
    template: number,
    lookup: Lookup,
    finishing: Finishing,
    columns: readonly ColumnType[],
  ): void {
    assert(!this.#templates.has(template), `template ${template} is new`);
    const plain = isPlain(lookup, finishing)
      ? new PlainTemplate(lookup, finishing, columns, this.#around)
      : null;
    const shared = !isDirect(lookup, finishing);
    this.#templates.set(template, { lookup, finishing, plain, shared });
  }

  forget(template: number): void {
    this.#templates.get(template)?.plain?.dispose();
    this.#templates.delete(template);
  }

  get(template: number): Template | undefined {
    return this.#templates.get(template);
  }
}

function isPlain({ key, program }: Lookup, { order, limit, offset }: Finishing): boolean {
  return (
    key !== null && program.filters.length === 0 && order.length === 0 && limit < 0 && offset === 0
  );
}

/** A template's executor, kept for all its keys. */
export class PlainTemplate {
  readonly #around: Surroundings;
  readonly #key: readonly number[];
  readonly #keyWriter: BatchWriter;
  readonly #keyColumns: readonly number[];
  /** Columns of the collection that the answer needs. */
  readonly #used: readonly number[];
  readonly #gathered: BatchWriter;
  readonly #output: BatchWriter;
  readonly #mfp: Mfp;
  readonly #project: readonly number[];
  readonly #answered: readonly ColumnType[];
  readonly #position: Position = startPosition();

  constructor(
    { key, program, columns }: Lookup,
    { project }: Finishing,
    stored: readonly ColumnType[],
    around: Surroundings,
  ) {
    assert(key !== null, 'a template looks up a key');
    this.#around = around;
    this.#key = key.columns;
    const { pool } = around;
    this.#keyWriter = new BatchWriter(
      pool,
      key.columns.map((c) => ({ type: stored[c].type, nullable: true })),
    );
    this.#keyColumns = range(key.columns.length);
    this.#used = usedColumns(program);
    const gathered = this.#used.map((c) => stored[c]);
    this.#gathered = new BatchWriter(pool, gathered);
    this.#output = new BatchWriter(pool, columns);
    this.#mfp = new Mfp(gathered, narrowed(program, this.#used), columns, 'auto');
    this.#project = project;
    this.#answered = project.map((c) => columns[c]);
  }

  /** The rows of the keys at a step; null if they have to be read by tasks of their own. */
  answer(collection: StoredCollection, keys: readonly Row[], at: number): KeyAnswer | null {
    const frontier = collection.frontier();
    if (frontier < at || frontier < 0 || collection.errors !== null) return null;
    const index = collection.indexOn(this.#key);
    if (index === undefined || !collection.buildIndex(index, 0)) return null;
    collection.sealTo(frontier);
    const { scanned: pairs } = this.#around.scratch;
    const batch = this.#keyBatch(keys);
    rewind(this.#position);
    pairs.n = 0;
    const ended = collection.arrangement.probe(
      index,
      batch,
      this.#keyColumns,
      false,
      collection.exactFrom(Math.max(at, collection.since)),
      this.#position,
      pairs,
    );
    batch.slab.release();
    return ended ? this.#read(collection, keys.length) : null;
  }

  #keyBatch(keys: readonly Row[]): Batch {
    const writer = this.#keyWriter;
    const { columns } = writer;
    let words = 0;
    for (const key of keys) {
      for (let c = 0; c < columns.length; c++) words += varWordsOfDatum(columns[c].type, key[c]);
    }
    writer.begin(keys.length, words);
    for (let row = 0; row < keys.length; row++) {
      for (let c = 0; c < columns.length; c++) writeDatum(writer, c, row, keys[row][c]);
      writer.slab.i32[writer.weight + row] = 1;
    }
    return writer.seal(0, keys.length);
  }

  /** Reads what the probe found. */
  #read({ arrangement }: StoredCollection, keys: number): KeyAnswer | null {
    const { scanned: pairs } = this.#around.scratch;
    const { n, row, address, weight } = pairs;
    const rows = new Int32Array(keys);
    for (let i = 0; i < n; i++) {
      if (weight[i] < 1) return null;
      rows[row[i]]++;
    }
    const words = arrangement.varWordsOf(address, 0, n, this.#used);
    if (words > limits.batchVarWordsMax) return null;
    const writer = this.#gathered;
    writer.begin(n, words);
    arrangement.gather(address, 0, n, this.#used, writer, 0);
    writer.slab.i32.set(weight.subarray(0, n), writer.weight);
    const gathered = writer.seal(0, n);
    const batch = n === 0 ? this.#pack(gathered, true) : this.#map(gathered);
    gathered.slab.release();
    return batch === null ? null : { rows, batch };
  }

  /** The answered columns of gathered rows; null if one of them fails. */
  #map(gathered: Batch): PackedBatch | null {
    let failed = false;
    const output = this.#mfp.run(gathered, this.#output, 0, () => {
      failed = true;
    });
    if (output === null) return null;
    const packed = failed || output.rows !== gathered.rows ? null : this.#pack(output, false);
    output.slab.release();
    return packed;
  }

  /** The projected columns in a buffer of their own. `empty`: there is no row to look at. */
  #pack(batch: Batch, empty: boolean): PackedBatch {
    const pick = (from: Int32Array, none: number): Int32Array =>
      Int32Array.from(this.#project, (c) => (empty ? none : from[c]));
    const projected = { ...batch, column: pick(batch.column, 0), nulls: pick(batch.nulls, -1) };
    return packBatch(projected, this.#answered);
  }

  /** Gives back the memory of its writers. */
  dispose(): void {
    this.#keyWriter.close();
    this.#gathered.close();
    this.#output.close();
  }
}

function usedColumns(program: Program): readonly number[] {
  const used = new Set<number>();
  for (const node of program.nodes) if (node.kind === 'column') used.add(node.column);
  return [...used].sort((a, b) => a - b);
}

/** The program over only the columns that it uses. */
function narrowed(program: Program, used: readonly number[]): Program {
  const nodes = program.nodes.map((node): Expr =>
    node.kind === 'column' ? { ...node, column: used.indexOf(node.column) } : node,
  );
  return { ...program, nodes };
}
