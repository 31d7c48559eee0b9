/**
 * The row interpreter: the meaning of expressions, over datums, one row at a time. It is the
 * reference for the generated executor, the executor of one-off lookups, and the planner's constant
 * folder.
 *
 * Evaluation is on demand and remembered per row: a filter's nodes, then each output's, depth
 * first, arguments from left to right. The first error met ends the row.
 */
import { assert, defined, unreachable } from '../../src/base/assert.ts';
import { SqlError } from '../../src/base/error.ts';
import type { DataError } from '../operators/operator.ts';
import type { Datum } from '../value/datum.ts';
import type { Expr, Program } from './expr.ts';
import type { CallSite, Evaluate } from './function-entry.ts';
import { functionByKey } from './function-table.ts';
import { strictOrder } from './strict-order.ts';

interface Call {
  readonly evaluate: Evaluate;
  readonly strict: boolean;
  readonly site: CallSite;
}

/** Evaluates nodes of one program. One instance serves many rows, not at the same time. */
export class Interpreter {
  readonly #nodes: readonly Expr[];
  readonly #calls: readonly (Call | null)[];
  readonly #values: Datum[];
  /** What is evaluated for a node, from the first time that it is asked for. */
  readonly #orders: (readonly number[] | undefined)[] = [];
  /** Number of the row for which a node's value was computed. */
  readonly #valid: Int32Array;
  #row: readonly Datum[] = [];
  #rowNumber = 0;

  constructor(nodes: readonly Expr[]) {
    this.#nodes = nodes;
    this.#values = nodes.map(() => null);
    this.#valid = new Int32Array(nodes.length);
    this.#calls = nodes.map((node) => (node.kind === 'call' ? bindCall(nodes, node) : null));
  }

  /** Takes the columns of the next row. */
  start(row: readonly Datum[]): void {
    this.#row = row;
    this.#rowNumber = this.#rowNumber === 0x7fffffff ? 1 : this.#rowNumber + 1;
    if (this.#rowNumber === 1) this.#valid.fill(0);
  }

  /** The value of node `n` for the current row. Throws SqlError for bad data. */
  value(n: number): Datum {
    if (this.#valid[n] === this.#rowNumber) return this.#values[n];
    const order = (this.#orders[n] ??= strictOrder(this.#nodes, n, () => false));
    for (const m of order) {
      if (this.#valid[m] === this.#rowNumber) continue;
      this.#values[m] = this.#compute(m);
      this.#valid[m] = this.#rowNumber;
    }
    return this.#values[n];
  }

  #compute(n: number): Datum {
    const node = this.#nodes[n];
    switch (node.kind) {
      case 'column':
        return this.#row[node.column];
      case 'constant':
        return node.value;
      case 'call':
        return this.#call(defined(this.#calls[n], 'calls are bound'), node.args);
      case 'and':
        return this.#logic(node.args, false);
      case 'or':
        return this.#logic(node.args, true);
      case 'not': {
        const value = this.value(node.arg);
        return value === null ? null : !value;
      }
      case 'isNull':
        return this.value(node.arg) === null;
      case 'coalesce': {
        for (const arg of node.args) {
          const value = this.value(arg);
          if (value !== null) return value;
        }
        return null;
      }
      case 'case': {
        for (const [condition, result] of node.branches) {
          if (this.value(condition) === true) return this.value(result);
        }
        return this.value(node.otherwise);
      }
      default:
        return unreachable(node);
    }
  }

  #call(call: Call, args: readonly number[]): Datum {
    const values = args.map((arg) => this.value(arg));
    if (call.strict && values.includes(null)) return null;
    return call.evaluate(values, call.site);
  }

  /** AND (deciding value false) and OR (true): NULL unless some argument decides. */
  #logic(args: readonly number[], deciding: boolean): Datum {
    let result: Datum = !deciding;
    for (const arg of args) {
      const value = this.value(arg);
      if (value === deciding) return deciding;
      if (value === null) result = null;
    }
    return result;
  }
}

/** The function of a call node and what it may know about its call. */
export function bindCall(nodes: readonly Expr[], node: Extract<Expr, { kind: 'call' }>): Call {
  const fn = defined(functionByKey(node.fn), `function ${node.fn} is in the table`);
  return {
    evaluate: defined(fn.evaluate, `${node.fn} is replaced by a constant before execution`),
    strict: fn.nullHandling === 'strict',
    site: { args: node.args.map((arg) => nodes[arg].type), result: node.type },
  };
}

/** What the error collection keeps of an error; anything but bad data is thrown on. */
export function dataErrorOf(error: unknown): DataError {
  if (!(error instanceof SqlError)) throw error;
  return { code: error.fields.code, message: error.fields.message };
}

/** The value of one node over one row: for constants and tests. Throws SqlError for bad data. */
export function evaluateNode(nodes: readonly Expr[], node: number, row: readonly Datum[]): Datum {
  assert(node >= 0 && node < nodes.length, `node ${node} is one of ${nodes.length}`);
  const interpreter = new Interpreter(nodes);
  interpreter.start(row);
  return interpreter.value(node);
}

/**
 * Runs a whole program over one row: its output row, or null if a filter is not true. Throws
 * SqlError for bad data.
 */
export function interpretRow(
  interpreter: Interpreter,
  program: Program,
  row: readonly Datum[],
): Datum[] | null {
  interpreter.start(row);
  for (const filter of program.filters) if (interpreter.value(filter) !== true) return null;
  return program.outputs.map((output) => interpreter.value(output));
}
