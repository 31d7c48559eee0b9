/**
 * Scalar trees → programs: nodes in dependency order, equal subexpressions once. Columns become
 * positions in the input; expressions of several operators are composed before they come here.
 */
import { operatorsNamed } from '../../../dataflow/expr/function-table.ts';
import type { Expr, Program } from '../../../dataflow/expr/expr.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { assert, defined, unreachable } from '../../base/assert.ts';
import type { Column } from '../logical/column.ts';
import { datumText } from '../logical/scalar.ts';
import { retype } from './compose.ts';
import type { Scalar } from '../logical/scalar.ts';
import { chooseOperator } from '../types/overload.ts';

/** Builds one program over the columns of one input. */
export class ProgramBuilder {
  readonly nodes: Expr[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #positions = new Map<number, number>();
  /** Columns that are nodes of this program already. */
  readonly #named = new Map<number, number>();
  readonly #done = new Map<Scalar, number>();

  /** `columns`: the input's, in order; null where a position holds nothing that can be named. */
  constructor(columns: readonly (Column | null)[]) {
    columns.forEach((column, i) => {
      if (column !== null) this.#positions.set(column.id, i);
    });
  }

  /** From here on these columns stand for the nodes. */
  rename(columns: readonly (readonly [Column, number])[]): void {
    for (const [column, node] of columns) this.#named.set(column.id, node);
  }

  /** Adds an expression; answers its node. */
  add(scalar: Scalar): number {
    const done = this.#done.get(scalar);
    if (done !== undefined) return done;
    const node = this.#make(scalar);
    this.#done.set(scalar, node);
    return node;
  }

  #column(scalar: Scalar & { readonly kind: 'column' }): number {
    const named = this.#named.get(scalar.column.id);
    if (named !== undefined) return this.#relabel(named, scalar.type);
    const column = defined(
      this.#positions.get(scalar.column.id),
      `column ${scalar.column.name}#${scalar.column.id} is provided below`,
    );
    return this.#node({ kind: 'column', column, type: scalar.type });
  }

  /** A node under another type of the same bytes. */
  #relabel(id: number, type: TypeName): number {
    const node = defined(this.nodes[id], 'a named node exists');
    return node.type === type ? id : this.#node(retype(node, type));
  }

  #make(scalar: Scalar): number {
    switch (scalar.kind) {
      case 'column':
        return this.#column(scalar);
      case 'constant':
        return this.#node({ kind: 'constant', value: scalar.value, type: scalar.type });
      case 'call':
        return this.#node({
          kind: 'call',
          fn: scalar.fn,
          args: scalar.args.map((arg) => this.add(arg)),
          type: scalar.type,
        });
      case 'and':
      case 'or':
        return this.#node({
          kind: scalar.kind,
          args: scalar.args.map((arg) => this.add(arg)),
          type: 'bool',
        });
      case 'not':
        return this.#node({ kind: 'not', arg: this.add(scalar.arg), type: 'bool' });
      case 'isNull':
        return this.#node({ kind: 'isNull', arg: this.add(scalar.arg), type: 'bool' });
      case 'coalesce':
        return this.#node({
          kind: 'coalesce',
          args: scalar.args.map((arg) => this.add(arg)),
          type: scalar.type,
        });
      case 'case': {
        const branches = scalar.branches.map(([when, then]): readonly [number, number] => [
          this.add(when),
          this.add(then),
        ]);
        return this.#node({
          kind: 'case',
          branches,
          otherwise: this.add(scalar.otherwise),
          type: scalar.type,
        });
      }
      case 'same':
        return this.#same(scalar.args);
      case 'parameter':
        return this.#node({
          kind: 'constant',
          value: null,
          type: scalar.type,
          parameter: scalar.number,
        });
      case 'subquery':
        return assertNever(scalar.kind);
      default:
        return unreachable(scalar);
    }
  }

  /** Equal or both NULL, spelled out. */
  #same(args: readonly Scalar[]): number {
    const [left, right] = args.map((arg) => this.add(arg));
    const type = defined(args[0], 'two values are compared').type;
    assert(left !== undefined && right !== undefined, 'two values are compared');
    const leftNull = this.#node({ kind: 'isNull', arg: left, type: 'bool' });
    const rightNull = this.#node({ kind: 'isNull', arg: right, type: 'bool' });
    const no = this.#node({ kind: 'constant', value: false, type: 'bool' });
    const equal = this.#node({
      kind: 'call',
      fn: equalityOf(type),
      args: [left, right],
      type: 'bool',
    });
    return this.#node({
      kind: 'case',
      branches: [
        [leftNull, rightNull],
        [rightNull, no],
      ],
      otherwise: equal,
      type: 'bool',
    });
  }

  #node(expr: Expr): number {
    const text =
      expr.kind === 'constant'
        ? `constant ${expr.type} ${datumText(expr.value)} ${expr.parameter ?? ''}`
        : JSON.stringify(expr);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.nodes.push(expr);
    this.#numbers.set(text, this.nodes.length - 1);
    return this.nodes.length - 1;
  }

  /** The finished program. */
  build(filters: readonly number[], outputs: readonly number[]): Program {
    return { nodes: this.nodes, filters, outputs };
  }
}

function assertNever(kind: string): never {
  assert(false, `a ${kind} is gone before lowering`);
}

/** The equality of two values of a type. */
export function equalityOf(type: TypeName): string {
  const choice = chooseOperator(operatorsNamed('='), [type, type]);
  assert(typeof choice !== 'string', `type ${type} has an equality`);
  return choice.entry.key;
}

/** A program over `columns` with the given filters and outputs. */
export function programOf(
  columns: readonly (Column | null)[],
  filters: readonly Scalar[],
  outputs: readonly Scalar[],
): Program {
  const builder = new ProgramBuilder(columns);
  const filterNodes = filters.map((each) => builder.add(each));
  const outputNodes = outputs.map((each) => builder.add(each));
  return builder.build(filterNodes, outputNodes);
}
