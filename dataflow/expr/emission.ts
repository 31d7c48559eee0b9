/**
 * Statements for the nodes of a program: the body of the generated loop, for one row `i`.
 *
 * Each node becomes variables (`value`, for var types offset and length, and whether it is NULL) in
 * the scope where it is first needed; scopes follow the lazy nodes, so that a branch's statements
 * run only where the branch is taken. A node first needed in two sibling branches is emitted in
 * each; `generatedStatementsMax` bounds what that can grow to, beyond it the program is
 * interpreted.
 *
 * Only names made here and by templates reach the text. Constants and everything else that a user
 * wrote are in the `Environment`.
 */
import { assert, defined, unreachable } from '../../src/base/assert.ts';
import type { DataError } from '../operators/operator.ts';
import type { Datum } from '../value/datum.ts';
import type { ColumnType, Physical, TypeName } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import type { Expr } from './expr.ts';
import { Environment } from './environment.ts';
import type { Emitter, FunctionEntry, Operand } from './function-entry.ts';
import type { Matcher } from './kernels.ts';
import { functionByKey } from './function-table.ts';
import { bindCall } from './interpret.ts';
import { strictOrder } from './strict-order.ts';
import { varCodec } from './var-codec.ts';

/** Statements of one generated loop. */
const generatedStatementsMax = 4_000;

/** Thrown inside this folder when a program is too large to generate. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge';
}

/** A node's variables. `isNull` is a name, or 'false' or 'true' if it is known. */
export interface Value extends Operand {
  readonly type: TypeName;
  readonly isNull: string;
  /** Where var bytes lie. */
  readonly origin: 'input' | 'heap';
}

const zero: Readonly<Record<Physical, string>> = { i32: '0', i64: '0n', f64: '0', var: '0' };

/** Builds the statements of one loop and the environment that they run in. */
export class Emission implements Emitter {
  readonly environment = new Environment();
  /** Input columns that the text reads. */
  readonly columnsRead = new Set<number>();
  readonly #nodes: readonly Expr[];
  readonly #input: readonly ColumnType[];
  readonly #withNulls: boolean;
  readonly #lines: string[] = [];
  readonly #scopes: Map<number, Value>[] = [new Map()];
  #names = 0;
  readonly #ints: number[] = [];
  readonly #doubles: number[] = [];
  readonly #longs: bigint[] = [];
  readonly #prologue: string[] = [];
  readonly #nullable: boolean[] = [];

  /** `withNulls` false: no input column has a NULL in the batches that the text is for. */
  constructor(nodes: readonly Expr[], input: readonly ColumnType[], withNulls: boolean) {
    this.#nodes = nodes;
    this.#input = input;
    this.#withNulls = withNulls;
  }

  /** The statements so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Declarations before the loop; also hands the constants to the environment. */
  close(): readonly string[] {
    this.environment.ints = Int32Array.from(this.#ints);
    this.environment.doubles = Float64Array.from(this.#doubles);
    this.environment.longs = BigInt64Array.from(this.#longs);
    this.environment.heap.keep();
    return this.#prologue;
  }

  statement(text: string): void {
    if (this.#lines.length >= generatedStatementsMax) throw new TooLarge();
    this.#lines.push(text);
  }

  name(): string {
    return `t${this.#names++}`;
  }

  failure(error: DataError): string {
    const { errors } = this.environment;
    let index = errors.findIndex((e) => e.code === error.code && e.message === error.message);
    if (index < 0) index = errors.push(error) - 1;
    return `{ X.fail(i, ${index}); continue rows; }`;
  }

  numberConstant(value: number): string {
    const whole = (value | 0) === value && !Object.is(value, -0);
    const [list, array] = whole ? [this.#ints, 'ints'] : [this.#doubles, 'doubles'];
    const name = this.name();
    this.#prologue.push(`const ${name} = X.${array}[${list.push(value) - 1}];`);
    return name;
  }

  bigintConstant(value: bigint): string {
    const name = this.name();
    this.#prologue.push(`const ${name} = X.longs[${this.#longs.push(value) - 1}];`);
    return name;
  }

  matcher(matcher: Matcher): number {
    return this.environment.matchers.push(matcher) - 1;
  }

  key(bytes: Uint8Array): number {
    return this.environment.keys.push(bytes) - 1;
  }

  /**
   * The variables of node `n`, with the statements that compute them if there are none in scope.
   */
  value(n: number): Value {
    const known = this.#known(n);
    if (known !== undefined) return known;
    const scope = defined(this.#scopes.at(-1), 'there is a scope');
    for (const m of strictOrder(this.#nodes, n, (child) => this.#known(child) !== undefined)) {
      scope.set(m, this.#emit(this.#nodes[m]));
    }
    return defined(scope.get(n), 'a node is the last of its order');
  }

  /** The variables of a node that was emitted in this scope or one around it. */
  #known(n: number): Value | undefined {
    for (const scope of this.#scopes) {
      const value = scope.get(n);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** A boolean expression: node `n` is true (not NULL). */
  isTrue(n: number): string {
    const { value, isNull } = this.value(n);
    return isNull === 'false' ? value : `(${value} && !${isNull})`;
  }

  /** Whether an input column has NULLs: 'false' if not in the batches that the text is for. */
  nullOfColumn(c: number): 'false' | 'unknown' {
    return this.#withNulls && this.#input[c].nullable ? 'unknown' : 'false';
  }

  /** Whether node `n` may be NULL, found without emitting it. */
  mayBeNull(n: number): boolean {
    if (this.#nullable.length === 0) {
      for (const node of this.#nodes) this.#nullable.push(this.#canBeNull(node));
    }
    return this.#nullable[n];
  }

  /** The same for a node whose children, having smaller numbers, are known. */
  #canBeNull(node: Expr): boolean {
    const known = this.#nullable;
    switch (node.kind) {
      case 'column':
        return this.nullOfColumn(node.column) !== 'false';
      case 'constant':
        return node.value === null;
      case 'isNull':
        return false;
      case 'not':
        return known[node.arg];
      case 'and':
      case 'or':
        return node.args.some((arg) => known[arg]);
      case 'coalesce':
        return node.args.every((arg) => known[arg]);
      case 'case':
        return known[node.otherwise] || node.branches.some(([, result]) => known[result]);
      case 'call': {
        const entry = defined(functionByKey(node.fn), `function ${node.fn} is in the table`);
        const strict = entry.nullHandling === 'strict';
        return entry.nullable || (strict && node.args.some((arg) => known[arg]));
      }
      default:
        return unreachable(node);
    }
  }

  #scoped(body: () => void): void {
    this.#scopes.push(new Map());
    body();
    this.#scopes.pop();
  }

  #emit(node: Expr): Value {
    switch (node.kind) {
      case 'column':
        return this.#column(node.column, node.type);
      case 'constant':
        return this.#constant(node.value, node.type);
      case 'call':
        return this.#call(node);
      case 'and':
        return this.#logic(node.args, false);
      case 'or':
        return this.#logic(node.args, true);
      case 'not': {
        const arg = this.value(node.arg);
        return { ...this.#scalar('bool', this.#let(`!${arg.value}`)), isNull: arg.isNull };
      }
      case 'isNull':
        return this.#scalar('bool', this.value(node.arg).isNull);
      case 'coalesce':
        return this.#coalesce(node.args, node.type);
      case 'case':
        return this.#case(node);
      default:
        return unreachable(node);
    }
  }

  #let(expression: string): string {
    const name = this.name();
    this.statement(`const ${name} = ${expression};`);
    return name;
  }

  #scalar(type: TypeName, value: string): Value {
    const physical = physicalOf(type);
    return {
      type,
      physical,
      value,
      bytes: '0',
      words: '',
      constant: undefined,
      isNull: 'false',
      origin: 'heap',
    };
  }

  #column(c: number, type: TypeName): Value {
    this.columnsRead.add(c);
    const physical = physicalOf(type);
    const isNull =
      this.#withNulls && this.#input[c].nullable
        ? this.#let(`n${c} >= 0 && U8[n${c} + i] !== 0`)
        : 'false';
    const base = { ...this.#scalar(type, ''), isNull };
    switch (physical) {
      case 'i32': {
        const load = `I32[c${c} + i]`;
        return { ...base, value: this.#let(type === 'bool' ? `${load} !== 0` : load) };
      }
      case 'i64':
        return { ...base, value: this.#let(`I64[d${c} + i]`) };
      case 'f64':
        return { ...base, value: this.#let(`F64[d${c} + i]`) };
      case 'var': {
        const value = this.#let(`I32[c${c} + 2 * i]`);
        const bytes = this.#let(`I32[c${c} + 2 * i + 1]`);
        return { ...base, value, bytes, words: 'I32', origin: 'input' };
      }
      default:
        return unreachable(physical);
    }
  }

  #constant(value: Datum, type: TypeName): Value {
    const physical = physicalOf(type);
    const base = {
      ...this.#scalar(type, physical === 'var' ? '0' : zero[physical]),
      constant: value,
    };
    if (value === null) {
      return {
        ...base,
        value: type === 'bool' ? 'false' : base.value,
        words: 'X.heap.words',
        constant: undefined,
        isNull: 'true',
      };
    }
    if (typeof value === 'boolean') {
      return { ...base, value: `(${this.numberConstant(value ? 1 : 0)} !== 0)` };
    }
    if (typeof value === 'number') return { ...base, value: this.numberConstant(value) };
    if (physical === 'i64') {
      assert(typeof value === 'bigint', `a ${type} is a bigint`);
      return { ...base, value: this.bigintConstant(value) };
    }
    const { heap } = this.environment;
    const at = varCodec(type).write(heap, value);
    const bytes = this.numberConstant(heap.lastBytes);
    return { ...base, value: this.numberConstant(at), bytes, words: 'X.heap.words' };
  }

  #call(node: Extract<Expr, { kind: 'call' }>): Value {
    const entry = defined(functionByKey(node.fn), `function ${node.fn} is in the table`);
    const args = node.args.map((arg) => this.value(arg));
    const nulls = [...new Set(args.map((arg) => arg.isNull))].filter((name) => name !== 'false');
    const anyNull = nulls.includes('true') ? 'true' : nulls.join(' || ');
    if (entry.binary === true) return { ...args[0], type: node.type };
    const strict = entry.nullHandling === 'strict';
    if (strict && anyNull === 'true') return this.#constant(null, node.type);
    const templated =
      entry.template === undefined
        ? undefined
        : this.#template(entry.template, node.type, args, anyNull);
    return templated ?? this.#bound(entry, node, args, strict ? anyNull : '');
  }

  #template(
    template: NonNullable<FunctionEntry['template']>,
    type: TypeName,
    args: readonly Value[],
    anyNull: string,
  ): Value | undefined {
    const inHeap = physicalOf(type) === 'var';
    if (anyNull === '' && !inHeap) {
      const text = template.emit(args, this);
      return text === undefined ? undefined : this.#scalar(type, this.#let(text));
    }
    if (template.total) {
      const text = template.emit(args, this);
      if (text === undefined) return undefined;
      return { ...this.#scalar(type, this.#let(text)), isNull: this.#let(anyNull) };
    }
    return this.#guarded(template, type, args, anyNull);
  }

  /** A template's statements where no argument is NULL. */
  #guarded(
    template: NonNullable<FunctionEntry['template']>,
    type: TypeName,
    args: readonly Value[],
    anyNull: string,
  ): Value | undefined {
    const physical = physicalOf(type);
    const value = this.name();
    const bytes = physical === 'var' ? this.name() : '0';
    const start = this.#lines.length;
    const isNull = this.#nullFlag(anyNull, template.nullable === true);
    this.statement(`let ${value} = ${type === 'bool' ? 'false' : zero[physical]};`);
    if (physical === 'var') this.statement(`let ${bytes} = 0;`);
    this.statement(`if (!${isNull}) {`);
    const text = template.emit(args, this);
    if (text === undefined) {
      this.#lines.length = start;
      return undefined;
    }
    this.statement(`${value} = ${text};`);
    if (physical === 'var') this.statement(`${bytes} = X.heap.lastBytes;`);
    if (template.nullable === true) {
      this.statement(`if (${value} < 0) { ${value} = 0; ${bytes} = 0; ${isNull} = true; }`);
    }
    this.statement('}');
    return { ...this.#scalar(type, value), bytes, words: 'X.heap.words', isNull };
  }

  /** Whether a result is NULL, so far as the arguments decide; `changes` if the result may too. */
  #nullFlag(anyNull: string, changes: boolean): string {
    if (!changes) return anyNull === '' ? 'false' : this.#let(anyNull);
    const name = this.name();
    this.statement(`let ${name} = ${anyNull === '' ? 'false' : anyNull};`);
    return name;
  }

  /** A call of the function over datums. `skip`: a condition under which the result is NULL. */
  #bound(
    entry: FunctionEntry,
    node: Extract<Expr, { kind: 'call' }>,
    args: readonly Value[],
    skip: string,
  ): Value {
    const call = this.environment.addCall(entry, bindCall(this.#nodes, node).site);
    const given = args.map((arg) => this.#datum(arg));
    const result = this.name();
    const invoke =
      `${result} = X.calls[${call}](${['i', ...given].join(', ')}); ` +
      `if (${result} === undefined) continue rows;`;
    this.statement(`let ${result} = null;`);
    this.statement(skip === '' ? invoke : `if (!(${skip})) { ${invoke} }`);
    const mayBeNull = skip !== '' || entry.nullable || entry.nullHandling === 'called';
    const isNull = mayBeNull ? this.#let(`${result} === null`) : 'false';
    return this.#fromDatum(node.type, result, isNull);
  }

  /** An expression for a value as a datum. */
  #datum(value: Value): string {
    let datum = value.value;
    if (value.physical === 'var') {
      const codec = this.environment.codecs.push(varCodec(value.type)) - 1;
      datum = `X.codecs[${codec}].read(${value.words}, ${value.value}, ${value.bytes})`;
    }
    if (value.isNull === 'false') return datum;
    return value.isNull === 'true' ? 'null' : `(${value.isNull} ? null : ${datum})`;
  }

  #fromDatum(type: TypeName, datum: string, isNull: string): Value {
    const physical = physicalOf(type);
    const pick = (text: string, other: string): string =>
      isNull === 'false' ? text : `${isNull} ? ${other} : ${text}`;
    if (physical !== 'var') {
      const value = this.#let(type === 'bool' ? `${datum} === true` : pick(datum, zero[physical]));
      return { ...this.#scalar(type, value), isNull };
    }
    const codec = this.environment.codecs.push(varCodec(type)) - 1;
    const value = this.#let(pick(`X.codecs[${codec}].write(X.heap, ${datum})`, '0'));
    const bytes = this.#let(pick('X.heap.lastBytes', '0'));
    return { ...this.#scalar(type, value), bytes, words: 'X.heap.words', isNull };
  }

  /** AND (deciding value false) and OR (true): later arguments only where nothing has decided. */
  #logic(args: readonly number[], deciding: boolean): Value {
    const value = this.name();
    const isNull = this.name();
    const label = this.name();
    let nullable = false;
    const start = this.#lines.length;
    this.statement('');
    this.statement(`${label}: {`);
    this.#scoped(() => {
      for (const arg of args) {
        const child = this.value(arg);
        const decided = `${deciding ? '' : '!'}${child.value}`;
        const sure = child.isNull === 'false' ? decided : `!${child.isNull} && ${decided}`;
        const forget = nullable || child.isNull !== 'false' ? `${isNull} = false; ` : '';
        this.statement(`if (${sure}) { ${value} = ${deciding}; ${forget}break ${label}; }`);
        if (child.isNull !== 'false') {
          nullable = true;
          this.statement(`if (${child.isNull}) ${isNull} = true;`);
        }
      }
    });
    this.statement('}');
    this.#lines[start] = `let ${value} = ${!deciding}${nullable ? `, ${isNull} = false` : ''};`;
    return { ...this.#scalar('bool', value), isNull: nullable ? isNull : 'false' };
  }

  #coalesce(args: readonly number[], type: TypeName): Value {
    return this.#choice(type, (assign, label) => {
      for (const arg of args) {
        const child = this.value(arg);
        if (child.isNull === 'true') continue;
        if (child.isNull === 'false') {
          assign(child);
          return false;
        }
        this.statement(`if (!${child.isNull}) {`);
        assign(child);
        this.statement(`break ${label}; }`);
      }
      return true;
    });
  }

  #case(node: Extract<Expr, { kind: 'case' }>): Value {
    return this.#choice(node.type, (assign, label) => {
      let nullable = false;
      for (const [condition, result] of node.branches) {
        this.statement(`if (${this.isTrue(condition)}) {`);
        this.#scoped(() => {
          nullable = assign(this.value(result)) || nullable;
        });
        this.statement(`break ${label}; }`);
      }
      return assign(this.value(node.otherwise)) || nullable;
    });
  }

  /**
   * A value that one of several branches assigns; NULL if none does. `assign` answers whether what
   * it assigns may be NULL, `body` whether the whole may be.
   */
  #choice(
    type: TypeName,
    body: (assign: (value: Value) => boolean, label: string) => boolean,
  ): Value {
    const physical = physicalOf(type);
    const value = this.name();
    const bytes = this.name();
    const isNull = this.name();
    const label = this.name();
    const start = type === 'bool' ? 'false' : zero[physical];
    this.statement(`let ${value} = ${start}, ${isNull} = true;`);
    if (physical === 'var') this.statement(`let ${bytes} = 0;`);
    this.statement(`${label}: {`);
    let nullable = true;
    this.#scoped(() => {
      nullable = body((from) => {
        this.#assign(from, value, bytes, isNull);
        return from.isNull !== 'false';
      }, label);
    });
    this.statement('}');
    const known = nullable ? isNull : 'false';
    return { ...this.#scalar(type, value), bytes, words: 'X.heap.words', isNull: known };
  }

  #assign(from: Value, value: string, bytes: string, isNull: string): void {
    if (from.isNull === 'true') return;
    if (from.isNull !== 'false') this.statement(`if (!${from.isNull}) {`);
    const inHeap = from.physical !== 'var' || from.origin === 'heap';
    const source = inHeap ? from.value : `X.heap.copy(I32, ${from.value}, ${from.bytes})`;
    this.statement(`${value} = ${source}; ${isNull} = false;`);
    if (from.physical === 'var') this.statement(`${bytes} = ${from.bytes};`);
    if (from.isNull !== 'false') this.statement('}');
  }
}
