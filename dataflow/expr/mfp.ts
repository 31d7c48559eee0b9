/**
 * Filter, map and project over batches: what an `mfp` node of a plan, the residual of a join and
 * a lookup run. Two executors stand behind it, with the same results and errors: the interpreter
 * for a few rows, the generated loop for maintained views.
 *
 * Where output goes. A program whose var outputs are all plain columns writes straight into the
 * writer's batch: if that lies in the input's slab the bytes stay where they are, else they are
 * copied behind. A program that computes var values writes into a scratch first, because a batch's
 * size must be known when it is begun; then everything is moved in one pass. A program without
 * filters that only picks columns moves nothing at all.
 *
 * Values of a function can be megabytes a row. So a run ends before the row at which what it has
 * computed is more than `batchVarWordsMax` words, and the rest of the input takes further runs.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { Batch, Slab } from '../value/batch.ts';
import type { BatchWriter } from '../value/batch-writer.ts';
import type { ColumnType } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import { wordsOf } from '../value/words.ts';
import type { Compiled, Origin } from './compile.ts';
import { columnBehind, compile } from './compile.ts';
import { TooLarge } from './emission.ts';
import type { ErrorListener } from './environment.ts';
import type { Program } from './expr.ts';
import { InterpretedProgram } from './interpreted-program.ts';
import { Scratch } from './scratch.ts';

/**
 * `auto` interprets the first `interpretedRowsMax` rows: a program that sees few is never
 * generated.
 */
export type Mode = 'interpret' | 'compile' | 'auto';

/** One program with its executors; serves any number of batches, one at a time. */
export class Mfp {
  readonly columns: readonly ColumnType[];
  readonly #input: readonly ColumnType[];
  readonly #program: Program;
  /** Input column of each output that is a plain column, else -1. */
  readonly #picks: readonly number[];
  readonly #onlyPicks: boolean;
  /** No row is filtered out and some column is only passed on. */
  readonly #mayStay: boolean;
  #mode: Mode;
  #rowsSeen = 0;
  /** For batches without and with NULLs, moving plain columns or leaving them where they are. */
  readonly #compiled: (Compiled | null)[] = [null, null, null, null];
  #interpreted: InterpretedProgram | null = null;
  #scratch: Scratch | null = null;
  /** Rows of the input that the last `run` has seen: the first ones, at least one. */
  taken = 0;

  constructor(
    input: readonly ColumnType[],
    program: Program,
    output: readonly ColumnType[],
    mode: Mode = 'compile',
  ) {
    assert(program.outputs.length === output.length, 'a program has a node for each output column');
    this.columns = output;
    this.#input = input;
    this.#program = program;
    this.#mode = mode;
    this.#picks = program.outputs.map((n) => columnBehind(program.nodes, n));
    this.#onlyPicks = program.filters.length === 0 && !this.#picks.includes(-1);
    this.#mayStay = program.filters.length === 0 && this.#picks.some((c) => c >= 0);
  }

  /** Runs the program over all of `input`; `emit` takes batches with their use of a slab. */
  each(
    input: Batch,
    writer: BatchWriter,
    step: number,
    onError: ErrorListener,
    emit: (batch: Batch) => void,
  ): void {
    for (let first = 0; first < input.rows; first += this.taken) {
      const output = this.runFrom(input, first, writer, step, onError);
      if (output !== null) emit(output);
    }
  }

  /** Runs it over the rows of `input` from `first` on, up to where `taken` says. */
  runFrom(
    input: Batch,
    first: number,
    writer: BatchWriter,
    step: number,
    onError: ErrorListener,
  ): Batch | null {
    const output =
      first === 0
        ? this.run(input, writer, step, onError)
        : this.run(rowsOf(input, this.#input, first, input.rows), writer, step, (row, error) =>
            onError(first + row, error),
          );
    assert(this.taken > 0 || input.rows === 0, 'a run goes forward');
    return output;
  }

  /**
   * Runs the program over the first `taken` rows of `input`. Answers a batch that carries one use of
   * its slab, or null if no row is left. Rows that fail are told to `onError` with their number in
   * `input`.
   */
  run(input: Batch, writer: BatchWriter, step: number, onError: ErrorListener): Batch | null {
    this.taken = input.rows;
    if (input.rows === 0) return null;
    if (this.#onlyPicks) return pick(input, this.#picks, step);
    if (this.#mode === 'auto') {
      this.#rowsSeen += input.rows;
      if (this.#rowsSeen > limits.interpretedRowsMax) this.#mode = 'compile';
    }
    if (this.#mode === 'compile') {
      const batch = this.#runCompiled(input, writer, step, onError);
      if (batch !== undefined) return batch;
    }
    this.#interpreted ??= new InterpretedProgram(this.#input, this.#program, this.columns);
    const batch = this.#interpreted.run(input, writer, step, onError);
    this.taken = this.#interpreted.taken;
    return batch;
  }

  /** The loop for a kind of batch; null if the program is too large for one. */
  #compile(input: Batch, moves: boolean): Compiled | null {
    const withNulls = input.nulls.some((offset) => offset >= 0);
    const index = (withNulls ? 1 : 0) + (moves ? 2 : 0);
    const known = this.#compiled[index];
    if (known !== null) return known;
    try {
      const made = compile(this.#input, this.#program, this.columns, { withNulls, moves });
      this.#compiled[index] = made;
      return made;
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      this.#mode = 'interpret';
      return null;
    }
  }

  /** Undefined if the program is too large to compile. */
  #runCompiled(
    input: Batch,
    writer: BatchWriter,
    step: number,
    onError: ErrorListener,
  ): Batch | null | undefined {
    let listener = onError;
    let rows = input;
    if (this.#mayStay && fits(input, writer)) {
      const still = this.#compile(input, false);
      if (still === null) return undefined;
      if (!still.origins.includes('heap')) {
        const batch = this.#runStill(still, input, writer, step, onError);
        if (batch !== undefined) return batch;
        listener = () => undefined;
        rows = rowsOf(input, this.#input, 0, this.taken);
      }
    }
    const compiled = this.#compile(input, true);
    return compiled === null ? undefined : this.#runMoving(compiled, rows, writer, step, listener);
  }

  /**
   * Without filters every row stays where it is: only computed columns are written, the others
   * and the weights are those of the input. Undefined if a row failed after all; its error was
   * reported.
   */
  #runStill(
    compiled: Compiled,
    input: Batch,
    writer: BatchWriter,
    step: number,
    onError: ErrorListener,
  ): Batch | undefined {
    compiled.environment.onError = onError;
    compiled.environment.heap.reset();
    writer.begin(input.rows, 0, input.slab);
    assert(writer.slab === input.slab, 'the output lies in the slab of the input');
    const rows = callLoop(compiled, input, writer.slab, writer.column, writer.nulls, writer.weight);
    this.taken = compiled.environment.rows;
    if (rows < this.taken) return undefined;
    this.#dropNulls(compiled, writer);
    this.#picks.forEach((c, k) => {
      if (c < 0) return;
      writer.column[k] = input.column[c];
      writer.nulls[k] = input.nulls[c];
    });
    return { ...writer.seal(step, rows), weight: input.weight };
  }

  #runMoving(
    compiled: Compiled,
    input: Batch,
    writer: BatchWriter,
    step: number,
    onError: ErrorListener,
  ): Batch | null {
    const { environment, origins } = compiled;
    environment.onError = onError;
    environment.heap.reset();
    if (origins.includes('heap')) {
      this.#scratch ??= new Scratch(this.columns);
      return this.#runThroughScratch(compiled, this.#scratch, input, writer, step);
    }
    const moved = origins.flatMap((origin, k) => (origin === 'input' ? [this.#picks[k]] : []));
    const varWords = moved.length > 0 && !fits(input, writer) ? wordsOfColumns(input, moved) : 0;
    writer.begin(input.rows, varWords, varWords === 0 ? input.slab : undefined);
    const rows = callLoop(compiled, input, writer.slab, writer.column, writer.nulls, writer.weight);
    this.taken = environment.rows;
    if (rows === 0) return null;
    this.#dropNulls(compiled, writer);
    if (writer.slab !== input.slab) {
      origins.forEach((origin, k) => {
        if (origin === 'input') moveBytes(writer, k, rows, input.slab.i32);
      });
    }
    return writer.seal(step, rows);
  }

  #runThroughScratch(
    compiled: Compiled,
    scratch: Scratch,
    input: Batch,
    writer: BatchWriter,
    step: number,
  ): Batch | null {
    scratch.begin(input.rows);
    const rows = callLoop(compiled, input, scratch, scratch.column, scratch.nulls, scratch.weight);
    this.taken = compiled.environment.rows;
    if (rows === 0) return null;
    const { heap } = compiled.environment;
    const wordsFrom = (wanted: Origin): number =>
      compiled.origins.reduce(
        (sum, origin, k) => sum + (origin === wanted ? scratch.varWords(k, rows) : 0),
        0,
      );
    const made = wordsFrom('heap');
    if (fits(input, writer, made)) writer.begin(rows, made, input.slab);
    else writer.begin(rows, made + wordsFrom('input'));
    scratch.copyTo(writer, rows);
    this.#dropNulls(compiled, writer);
    compiled.origins.forEach((origin, k) => {
      if (origin === 'heap') moveBytes(writer, k, rows, heap.words);
      else if (origin === 'input' && writer.slab !== input.slab)
        moveBytes(writer, k, rows, input.slab.i32);
    });
    return writer.seal(step, rows);
  }

  #dropNulls(compiled: Compiled, writer: BatchWriter): void {
    compiled.neverNull.forEach((never, k) => {
      if (never) writer.nulls[k] = -1;
    });
  }
}

/** Rows first … end - 1 of a batch, in the same place. */
function rowsOf(input: Batch, columns: readonly ColumnType[], first: number, end: number): Batch {
  if (first === 0 && end === input.rows) return input;
  assert(first < end && end <= input.rows, `rows ${first} to ${end} are some of ${input.rows}`);
  const words = (c: number): number => (physicalOf(columns[c].type) === 'i32' ? 1 : 2);
  return {
    ...input,
    rows: end - first,
    column: input.column.map((at, c) => at + first * words(c)),
    nulls: input.nulls.map((at) => (at < 0 ? -1 : at + first)),
    weight: input.weight + first,
  };
}

/** Columns of a batch in another order: no row moves. */
function pick(input: Batch, picks: readonly number[], step: number): Batch {
  input.slab.retain();
  return {
    step,
    rows: input.rows,
    slab: input.slab,
    weight: input.weight,
    column: Int32Array.from(picks, (c) => input.column[c]),
    nulls: Int32Array.from(picks, (c) => input.nulls[c]),
  };
}

/** Whether the output's fixed part and some var words fit behind the input in its slab. */
function fits(input: Batch, writer: BatchWriter, varWords = 0): boolean {
  const words = writer.fixedWords(input.rows) + 2 * writer.columns.length + varWords;
  return input.slab.words - input.slab.used >= words;
}

/** Words that all var bytes of some columns take together, each rounded up to 8 bytes. */
function wordsOfColumns(input: Batch, columns: readonly number[]): number {
  const { i32 } = input.slab;
  let words = 0;
  for (const c of columns) {
    for (let i = 0, at = input.column[c] + 1; i < input.rows; i++, at += 2) {
      words += (wordsOf(i32[at]) + 1) & ~1;
    }
  }
  return words;
}

type Views = Pick<Slab, 'i32' | 'i64' | 'f64' | 'u8'>;

function callLoop(
  compiled: Compiled,
  input: Batch,
  out: Views,
  column: Int32Array,
  nulls: Int32Array,
  weight: number,
): number {
  const { slab } = input;
  const { environment } = compiled;
  environment.rows = input.rows;
  environment.heapMax = environment.heap.used + limits.batchVarWordsMax;
  return compiled.loop(
    environment,
    input.rows,
    slab.i32,
    slab.i64,
    slab.f64,
    slab.u8,
    input.column,
    input.nulls,
    input.weight,
    out.i32,
    out.i64,
    out.f64,
    out.u8,
    column,
    nulls,
    weight,
  );
}

/** Brings the bytes of var column `k` from `source` into the writer's slab, in one piece. */
function moveBytes(writer: BatchWriter, k: number, rows: number, source: Int32Array): void {
  const { i32 } = writer.slab;
  const pairs = writer.column[k];
  let total = 0;
  for (let r = 0; r < rows; r++) total += wordsOf(i32[pairs + 2 * r + 1]);
  if (total === 0) return;
  let to = writer.takeVar(total);
  for (let r = 0; r < rows; r++) {
    const from = i32[pairs + 2 * r];
    const words = wordsOf(i32[pairs + 2 * r + 1]);
    for (let w = 0; w < words; w++) i32[to + w] = source[from + w];
    i32[pairs + 2 * r] = to;
    to += words;
  }
}
