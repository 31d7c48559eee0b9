/**
 * Generates the reader of a `RowPlan`: one loop over records that fills typed arrays, with plain
 * values inline and skipped fields passed, not decoded.
 *
 * It takes only what is usual and right. At the first record that is anything else (a NULL, another
 * schema, an integer of more than 62 bits, a value out of range, bytes that are wrong) it stops
 * before it, and the caller gives that record to `RowReader`, which reads it or says what is wrong.
 * So nothing here makes a message, and a record that was begun leaves no trace: values lie behind
 * the heap's top, and in a row that is written again.
 *
 * Bounds. Values that are copied or read by a view are checked against the record's end before.
 * Others may run past it, even past the chunk, where bytes read as 0 after conversion; then the
 * record does not end where it must, and is refused. Nothing loops on what it read but a varint,
 * which ends at the first byte that is not there.
 *
 * Code. Text is made of the templates below and of numbers of our own: positions, sizes, counts.
 * Names and symbols of a schema never are in it; symbols, bounds and whatever else is data arrive
 * as arguments.
 */
import { unixEpochMicroseconds } from '../../../dataflow/value/calendar.ts';
import { generate } from '../../../dataflow/value/codegen.ts';
import { textWords } from '../../../dataflow/value/words.ts';
import { writeUnixMilliseconds } from '../iso-time.ts';
import type { Heap, StagedColumn, Staging } from '../staging.ts';
import {
  copyBytes,
  doubleOf,
  readLong,
  readSmallDecimal,
  readText,
  readUuidText,
} from './fast-values.ts';
import type { Choice, RowPlan, ScalarPlan, Step } from './plan.ts';
import type { AvroType } from './schema.ts';

/** Steps beyond which a plan is not worth a function that no compiler would optimise. */
const stepsMax = 400;
/** Parts of a skipped value that are written out rather than called for. */
const inlinePartsMax = 16;

/** Days since 1970, either way, that are dates without doubt. */
const sureDays = 2_000_000;
/** High words of timestamps that are in range without doubt, and milliseconds. */
const sureTimestampLow = -40_000_000;
const sureTimestampHigh = 2_000_000_000;
const sureMilliseconds = 100_000_000_000_000;
/** The microseconds of a day as two words. */
const dayHigh = 20;
const dayLow = 500_654_080;
const epochHigh = Number(-unixEpochMicroseconds >> 32n);
const epochLow = Number(-unixEpochMicroseconds & 0xffffffffn);
/** Words that any plain value may take beyond its own bytes. */
const slackOfValue = 5;

/** A value that the complete reader takes over in the midst of a record. */
export type SlowValue =
  | { readonly kind: 'read'; readonly choice: Choice; readonly column: number }
  | { readonly kind: 'skip'; readonly wire: AvroType }
  | { readonly kind: 'missing'; readonly initial: Uint8Array; readonly step: Step };

/** Reads such values. */
export interface SlowReader {
  /**
   * Reads the value at `at`; answers the index after it, or -1 if it is wrong. The heap's top is
   * `top` before, and behind what was read after.
   */
  value(index: number, at: number, end: number, row: number, top: number): number;
}

/** Where a run has ended. */
interface RunEnd {
  row: number;
  top: number;
}

type Generated = (
  bytes: Uint8Array,
  view: DataView,
  starts: Int32Array,
  lengths: Int32Array,
  from: number,
  to: number,
  id: number,
  staged: readonly StagedColumn[],
  heap: Heap,
  slow: SlowReader,
  bounds: Float64Array,
  symbols: readonly Int32Array[],
  pair: Int32Array,
  result: RunEnd,
  helpers: typeof library,
) => number;

const parameters = [
  'bytes',
  'view',
  'starts',
  'lengths',
  'from',
  'to',
  'id',
  'staged',
  'heap',
  'slow',
  'bounds',
  'symbols',
  'pair',
  'result',
  'helpers',
];

const library = {
  long: readLong,
  text: readText,
  copy: copyBytes,
  decimal: readSmallDecimal,
  uuid: readUuidText,
  millis: writeUnixMilliseconds,
  double: doubleOf,
};

/** A generated reader with its data. */
export class FastReader {
  /** Words that the values of one record may take beyond their bytes. */
  readonly slackWords: number;
  readonly #generated: Generated;
  readonly #staging: Staging;
  readonly #slow: SlowReader;
  readonly #bounds: Float64Array;
  readonly #symbols: readonly Int32Array[];
  readonly #pair = new Int32Array(2);
  readonly #end: RunEnd = { row: 0, top: 0 };
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(code: ReaderCode, staging: Staging, slow: SlowReader) {
    this.slackWords = code.slackWords;
    this.#generated = generate<Generated>(parameters, code.body);
    this.#staging = staging;
    this.#slow = slow;
    this.#bounds = Float64Array.from(code.bounds);
    this.#symbols = code.symbols;
  }

  /**
   * Reads records [from, to) of those that `starts` and `lengths` point to into the staging's next
   * rows; answers the first that was not read. `id` is the number of the writer's schema, as int32.
   */
  run(
    bytes: Uint8Array,
    starts: Int32Array,
    lengths: Int32Array,
    from: number,
    to: number,
    id: number,
  ): number {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const { staged, heap, rows } = this.#staging;
    const end = this.#end;
    end.row = rows;
    end.top = heap.top;
    const next = this.#generated(
      bytes,
      this.#view,
      starts,
      lengths,
      from,
      to,
      id,
      staged,
      heap,
      this.#slow,
      this.#bounds,
      this.#symbols,
      this.#pair,
      end,
      library,
    );
    this.#staging.rows = end.row;
    heap.top = end.top;
    return next;
  }
}

/** What a reader is made of. */
export interface ReaderCode {
  readonly body: string;
  readonly slackWords: number;
  /** Least magnitudes that decimals may not reach. */
  readonly bounds: readonly number[];
  /** By enum: (first word, bytes) of each symbol, -1 bytes if it is unknown, then their words. */
  readonly symbols: readonly Int32Array[];
  /** What the code calls the complete reader for. */
  readonly slow: readonly SlowValue[];
}

/** The code for a plan, or null if the plan is not for it. `framed`: numbers come first. */
export function readerCode(plan: RowPlan, staging: Staging, framed: boolean): ReaderCode | null {
  if (plan.refusal !== null || plan.steps.length > stepsMax) return null;
  return new Emitter(staging).code(plan, framed);
}

const passVarint = 'q = p; while (bytes[p++] > 127); if (p - q > 9) break;';

/** A varint of at most five bytes into v; `tail` is what becomes of the fifth. */
function varint(tail: string): string {
  return `v = bytes[p++];
if (v > 127) { v = v & 127 | (bytes[p] & 127) << 7;
if (bytes[p++] > 127) { v |= (bytes[p] & 127) << 14;
if (bytes[p++] > 127) { v |= (bytes[p] & 127) << 21;
if (bytes[p++] > 127) { ${tail} } } } }`;
}

const int = `${varint('b = bytes[p++]; if (b > 15) break; v |= b << 28;')}
v = v >>> 1 ^ -(v & 1);`;
const long = `q = p; ${varint('v = -1;')}
if (v < 0) { p = long(bytes, q, pair); if (p < 0) break; lo = pair[0]; hi = pair[1]; }
else { lo = v >>> 1 ^ -(v & 1); hi = lo >> 31; }`;
/** A length of bytes that are there, into v. */
const length = `${varint('break;')}
if (v & 1) break; v >>>= 1; if (v > end - p) break;`;

class Emitter {
  readonly #staging: Staging;
  readonly #lines: string[] = [];
  readonly #bounds: number[] = [];
  readonly #symbols: Int32Array[] = [];
  readonly #slow: SlowValue[] = [];
  readonly #used = new Set<number>();
  #slackWords = 0;

  constructor(staging: Staging) {
    this.#staging = staging;
  }

  code(plan: RowPlan, framed: boolean): ReaderCode {
    for (const step of plan.steps) this.#step(step);
    for (const { initial, step } of plan.missing) this.#missing(initial, step);
    const columns = [...this.#used].map(
      (c) => `const w${c} = staged[${c}].words; const d${c} = staged[${c}].doubles;
const n${c} = staged[${c}].nulls;`,
    );
    const tables = this.#symbols.map((_, k) => `const e${k} = symbols[${k}];`);
    const helpers = Object.keys(library).map((name) => `const ${name} = helpers.${name};`);
    const frame = framed ? 'if (bytes[at] !== 0 || view.getInt32(at + 1) !== id) break;' : '';
    const head = framed ? 5 : 0;
    const body = `${[...columns, ...tables, ...helpers].join('\n')}
const slack = ${this.#slackWords}; let row = result.row; let top = result.top; let r = from;
let i32 = heap.i32; let u8 = heap.u8;
let v = 0; let b = 0; let q = 0; let m = 0; let lo = 0; let hi = 0;
while (r < to) {
const at = starts[r]; const size = lengths[r]; const end = at + size;
if (size < ${head}) break;
if (top + (size >> 2) + slack > i32.length) break;
${frame}
let p = at + ${head}; let u = top; const row2 = row + row;
${this.#lines.join('\n')}
if (p !== end) break;
top = u; row++; r++;
}
result.row = row; result.top = top; return r;`;
    return {
      body,
      slackWords: this.#slackWords,
      bounds: this.#bounds,
      symbols: this.#symbols,
      slow: this.#slow,
    };
  }

  #emit(line: string): void {
    this.#lines.push(line);
  }

  #step(step: Step): void {
    if (step.columns.length === 0) return this.#pass(step.wire);
    if (step.wire.kind !== 'union') {
      for (const choice of step.choices) this.#choice(choice, step);
      return;
    }
    this.#emit('v = bytes[p++];');
    step.choices.forEach((choice, k) => {
      this.#emit(`${k === 0 ? '' : 'else '}if (v === ${2 * k}) {`);
      this.#choice(choice, step);
      this.#emit('}');
    });
    this.#emit('else break;');
  }

  #choice(choice: Choice, step: Step): void {
    for (const column of step.columns) if (column !== choice.column) this.#null(column);
    const { column, plan } = choice;
    if (column === null) return this.#pass(choice.wire);
    switch (plan.kind) {
      case 'null':
        return this.#null(column);
      case 'refused':
        return this.#emit('break;');
      case 'scalar':
        if (!this.#scalar(plan, column)) this.#callFor({ kind: 'read', choice, column });
        return;
      case 'enum':
        return this.#enum(plan.symbols, column);
      default:
        return this.#callFor({ kind: 'read', choice, column });
    }
  }

  #missing(initial: Uint8Array, step: Step): void {
    const [first] = step.choices;
    const isNull = step.wire.kind === 'union' && initial[0] === 0 && first?.plan.kind === 'null';
    if (isNull) for (const column of step.columns) this.#null(column);
    else this.#callFor({ kind: 'missing', initial, step });
  }

  #callFor(value: SlowValue): void {
    const index = this.#slow.push(value) - 1;
    this.#emit(`b = slow.value(${index}, p, end, row, u); if (b < 0) break;`);
    if (value.kind !== 'missing') this.#emit('p = b;');
    if (value.kind === 'skip') return;
    this.#slackWords += slackOfValue;
    this.#emit(`u = heap.top; i32 = heap.i32; u8 = heap.u8;
if (u + (end - p >> 2) + slack > i32.length) break;`);
  }

  #column(column: number): StagedColumn {
    this.#used.add(column);
    return this.#staging.staged[column];
  }

  #null(column: number): void {
    const { physical } = this.#column(column);
    const zero =
      physical === 'i32'
        ? `w${column}[row] = 0;`
        : physical === 'f64'
          ? `d${column}[row] = 0;`
          : `w${column}[row2] = 0; w${column}[row2 + 1] = 0;`;
    this.#emit(`n${column}[row] = 1; ${zero}`);
  }

  /** Says that the column is not NULL, then stores. */
  #store(column: number, code: string): void {
    const { nullable } = this.#column(column);
    this.#emit(nullable ? `n${column}[row] = 0; ${code}` : code);
  }

  /** A var value of `bytes` bytes stands at word u. */
  #var(column: number, bytes: string): void {
    this.#slackWords += slackOfValue;
    this.#store(
      column,
      `w${column}[row2] = u; w${column}[row2 + 1] = ${bytes}; u += ${bytes} + 3 >> 2;`,
    );
  }

  #pair(column: number, low: string, high: string): void {
    this.#store(column, `w${column}[row2] = ${low}; w${column}[row2 + 1] = ${high};`);
  }

  /** Passes a value that nobody reads. */
  #pass(wire: AvroType): void {
    if (partsLeft(wire, inlinePartsMax) < 0) return this.#callFor({ kind: 'skip', wire });
    switch (wire.kind) {
      case 'null':
        return;
      case 'boolean':
        return this.#emit('p++;');
      case 'int':
      case 'long':
      case 'enum':
        return this.#emit(passVarint);
      case 'float':
        return this.#emit('p += 4;');
      case 'double':
        return this.#emit('p += 8;');
      case 'bytes':
      case 'string':
        return this.#emit(`${varint('break;')} if (v & 1) break; p += v >>> 1;`);
      case 'fixed':
        return this.#emit(`p += ${wire.size};`);
      case 'record':
        for (const field of wire.fields) this.#pass(field.type);
        return;
      case 'union':
        this.#emit('v = bytes[p++];');
        wire.branches.forEach((branch, k) => {
          this.#emit(`${k === 0 ? '' : 'else '}if (v === ${2 * k}) {`);
          this.#pass(branch);
          this.#emit('}');
        });
        return this.#emit('else break;');
      case 'array':
      case 'map':
        return this.#callFor({ kind: 'skip', wire });
    }
  }

  #enum(symbols: readonly (string | null)[], column: number): void {
    const table: number[] = symbols.flatMap(() => [0, -1]);
    let longest = 0;
    symbols.forEach((symbol, k) => {
      if (symbol === null) return;
      const { words, bytes } = textWords(symbol);
      table[2 * k] = table.length;
      table[2 * k + 1] = bytes;
      table.push(...words);
      longest = Math.max(longest, words.length);
    });
    const e = `e${this.#symbols.push(Int32Array.from(table)) - 1}`;
    this.#slackWords += longest;
    this.#emit(`${varint('break;')} if (v & 1) break; if (v >= ${2 * symbols.length}) break;
q = ${e}[v]; v = ${e}[v + 1]; if (v < 0) break;
for (b = 0; b < v + 3 >> 2; b++) i32[u + b] = ${e}[q + b];`);
    this.#var(column, 'v');
  }

  /** Code for a plain value; false if it is for the complete reader. */
  #scalar(plan: ScalarPlan, column: number): boolean {
    const { wire } = plan;
    switch (plan.meaning) {
      case 'bool':
        this.#emit('v = bytes[p++]; if (!(v < 2)) break;');
        this.#store(column, `w${column}[row] = v;`);
        return true;
      case 'int4':
        this.#emit(int);
        this.#store(column, `w${column}[row] = v;`);
        return true;
      case 'int8':
        this.#emit(wire === 'int' ? int : long);
        if (wire === 'int') this.#pair(column, 'v', 'v >> 31');
        else this.#pair(column, 'lo', 'hi');
        return true;
      case 'float4':
      case 'float8':
        return this.#float(plan, column);
      case 'text':
        this.#emit(`${length} if (!text(bytes, view, p, v, i32, u8, u)) break; p += v;`);
        this.#var(column, 'v');
        return true;
      case 'bytea':
      case 'uuid':
      case 'decimal':
        this.#run(plan, column);
        return true;
      case 'date':
      case 'time-millis':
      case 'time-micros':
      case 'timestamp-millis':
      case 'timestamp-micros':
        return this.#moment(plan, column);
      case 'timestamp-nanos':
      case 'interval':
      case 'zoned-timestamp':
      case 'json':
        return false;
    }
  }

  #float(plan: ScalarPlan, column: number): boolean {
    const store = (value: string): boolean => {
      this.#store(column, `d${column}[row] = ${value};`);
      return true;
    };
    switch (plan.wire) {
      case 'float':
        this.#emit('if (end - p < 4) break; p += 4;');
        return store('view.getFloat32(p - 4, true)');
      case 'double':
        this.#emit('if (end - p < 8) break; p += 8;');
        return store('view.getFloat64(p - 8, true)');
      default:
        // An integer as float4 is rounded, which the complete reader does.
        if (plan.meaning === 'float4') return false;
        this.#emit(plan.wire === 'int' ? int : long);
        return store(plan.wire === 'int' ? 'v' : 'double(lo, hi)');
    }
  }

  /** Bytes with a length before them, or of a fixed size. */
  #run(plan: ScalarPlan, column: number): void {
    const isFixed = plan.wire === 'fixed';
    this.#emit(isFixed ? `v = ${plan.size}; if (v > end - p) break;` : length);
    if (plan.meaning === 'decimal') {
      const bound = this.#bounds.push(10 ** Math.min(plan.precision, 300)) - 1;
      this.#emit(`b = decimal(bytes, p, v, i32, u, ${plan.scale}, bounds[${bound}]);
if (b < 0) break; p += v;`);
      return this.#var(column, 'b');
    }
    if (plan.meaning === 'uuid' && !isFixed) {
      this.#emit('if (v !== 36) break; if (!uuid(bytes, p, u8, u)) break; p += v;');
      return this.#var(column, '16');
    }
    this.#emit('copy(bytes, p, v, i32, u8, u); p += v;');
    this.#var(column, 'v');
  }

  #moment(plan: ScalarPlan, column: number): boolean {
    const isInt = plan.wire === 'int';
    switch (plan.meaning) {
      case 'date':
        this.#emit(`${int} if (v < ${-sureDays} || v > ${sureDays}) break;`);
        this.#store(column, `w${column}[row] = v - 10957;`);
        return true;
      case 'time-millis':
        if (!isInt) return false;
        this.#emit(`${int} if (v < 0 || v > 86400000) break; m = v * 1000;`);
        this.#pair(column, 'm | 0', 'm / 4294967296 | 0');
        return true;
      case 'time-micros':
        if (isInt) return false;
        this.#emit(`${long} if (hi < 0 || hi > ${dayHigh}) break;
if (hi === ${dayHigh} && lo >>> 0 > ${dayLow}) break;`);
        this.#pair(column, 'lo', 'hi');
        return true;
      case 'timestamp-millis':
        if (isInt) return false;
        this.#emit(`${long} m = double(lo, hi);
if (m < ${-sureMilliseconds} || m > ${sureMilliseconds}) break;`);
        this.#store(column, `millis(w${column}, row2, m);`);
        return true;
      case 'timestamp-micros':
        if (isInt) return false;
        this.#emit(`${long} m = (lo >>> 0) - ${epochLow}; hi = hi - ${epochHigh};
if (m < 0) hi--; if (hi < ${sureTimestampLow} || hi > ${sureTimestampHigh}) break;`);
        this.#pair(column, 'm | 0', 'hi');
        return true;
      default:
        return false;
    }
  }
}

/**
 * How many of `budget` parts are left when the skipping of a value is written out; negative if they
 * do not suffice.
 */
function partsLeft(wire: AvroType, budget: number): number {
  const parts =
    wire.kind === 'record'
      ? wire.fields.map((field) => field.type)
      : wire.kind === 'union'
        ? wire.branches
        : [];
  let left = budget - 1;
  for (const part of parts) {
    if (left < 0) break;
    left = partsLeft(part, left);
  }
  return left;
}
