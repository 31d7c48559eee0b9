/**
 * Queries that one read of a stored collection answers: a program over a `get`. If the program asks
 * for constants in all columns of an index, the read is a lookup by key, else a scan.
 */
import type { Expr, Program } from '../../../dataflow/expr/expr.ts';
import { functionByKey } from '../../../dataflow/expr/function-table.ts';
import type { Lookup, Plan } from '../../../dataflow/plan/plan.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { defined } from '../../base/assert.ts';
import { limits } from '../../base/limits.ts';
import type { Relation } from '../catalog-view.ts';
import { datumText } from '../logical/scalar.ts';

/** The lookup that answers the plan, or null. `relations` finds the relation of a collection. */
export function findLookup(
  plan: Plan,
  relations: (collection: number) => Relation | undefined,
): Lookup | null {
  const root = defined(plan.nodes[plan.root], 'a plan has its root');
  const get = root.kind === 'mfp' ? plan.nodes[root.input] : root;
  if (get?.kind !== 'get') return null;
  const relation = relations(get.collection);
  if (relation === undefined || !relation.stored) return null;
  const program =
    root.kind === 'mfp'
      ? overCollection(root.program, get.demand)
      : overCollection(identity(get.columns.map((column) => column.type)), get.demand);
  const key = bestKey(program, relation);
  return {
    collection: get.collection,
    columns: root.columns,
    key:
      key === undefined
        ? null
        : { columns: key.columns, values: key.values, parameters: key.parameters },
    program:
      key === undefined
        ? program
        : { ...program, filters: program.filters.filter((each) => !key.used.has(each)) },
  };
}

function identity(types: readonly TypeName[]): Program {
  return {
    nodes: types.map((type, column): Expr => ({ kind: 'column', column, type })),
    filters: [],
    outputs: types.map((_, i) => i),
  };
}

/** The program with its columns numbered as in the collection. */
function overCollection(program: Program, demand: readonly number[]): Program {
  const nodes = program.nodes.map((node): Expr =>
    node.kind === 'column'
      ? { ...node, column: defined(demand[node.column], 'a program reads demanded columns') }
      : node,
  );
  return { ...program, nodes };
}

interface Key {
  readonly columns: readonly number[];
  readonly values: readonly (readonly Datum[])[];
  /** Columns of the key whose value is a parameter of a template. */
  readonly parameters: readonly KeyParameter[];
  /** The filters it makes superfluous. */
  readonly used: ReadonlySet<number>;
}

interface Equality {
  readonly values: readonly Datum[];
  readonly filter: number;
  readonly parameter: OpenValue | null;
}

/** A value that is known when the statement is executed. */
interface OpenValue {
  readonly parameter: number;
  readonly type: TypeName;
  readonly stored: TypeName;
}

/** An open value in a key: `position` counts the key's columns. */
export interface KeyParameter extends OpenValue {
  readonly position: number;
}

/**
 * The index whose columns all have constants asked for; the one with most columns if there are
 * several.
 */
function bestKey(program: Program, relation: Relation): Key | undefined {
  const equalities = new Map<number, Equality>();
  for (const filter of program.filters) {
    const found = equalityOf(program, filter, relation);
    if (found !== undefined && !equalities.has(found.column))
      equalities.set(found.column, { ...found, filter });
  }
  let best: Key | undefined;
  for (const columns of relation.indexes) {
    if (columns.length === 0 || (best !== undefined && best.columns.length >= columns.length))
      continue;
    const parts = columns.map((column) => equalities.get(column));
    if (parts.some((part) => part === undefined)) continue;
    const values = product(parts.map((part) => part?.values ?? []));
    if (values === undefined) continue;
    const parameters = parts.flatMap((part, position) =>
      part === undefined || part.parameter === null ? [] : [{ ...part.parameter, position }],
    );
    best = { columns, values, parameters, used: new Set(parts.map((part) => part?.filter ?? -1)) };
  }
  return best;
}

/** `column = constant`, or a disjunction of such over one column. */
function equalityOf(
  program: Program,
  filter: number,
  relation: Relation,
): (Omit<Equality, 'filter'> & { readonly column: number }) | undefined {
  const node = program.nodes[filter];
  if (node === undefined) return undefined;
  if (node.kind !== 'or') {
    const single = columnEquality(program, node, relation);
    return single === undefined ? undefined : { ...single, values: [single.value] };
  }
  const parts = node.args.map((arg) =>
    columnEquality(program, defined(program.nodes[arg], 'arguments exist'), relation),
  );
  const column = parts[0]?.column;
  if (
    column === undefined ||
    parts.some((part) => part?.column !== column || part.parameter !== null)
  )
    return undefined;
  const distinct = new Map(
    parts.map((part) => [datumText(part?.value ?? null), part?.value ?? null]),
  );
  return { column, values: [...distinct.values()], parameter: null };
}

function columnEquality(
  program: Program,
  node: Expr,
  relation: Relation,
):
  | { readonly column: number; readonly value: Datum; readonly parameter: OpenValue | null }
  | undefined {
  if (node.kind !== 'call' || node.args.length !== 2) return undefined;
  const entry = functionByKey(node.fn);
  if (entry?.name !== '=' || entry.kind !== 'operator') return undefined;
  const [a, b] = node.args.map((arg) => program.nodes[arg]);
  const column = a?.kind === 'column' ? a : b?.kind === 'column' ? b : undefined;
  const constant = a?.kind === 'constant' ? a : b?.kind === 'constant' ? b : undefined;
  if (column === undefined || constant === undefined) return undefined;
  const stored = defined(relation.columns[column.column], 'a program reads existing columns').type
    .name;
  if (constant.parameter !== undefined) {
    const { parameter, type } = constant;
    return comparable(type, stored)
      ? { column: column.column, value: null, parameter: { parameter, type, stored } }
      : undefined;
  }
  if (constant.value === null) return undefined;
  const value = asStored(constant.value, constant.type, stored);
  return value === undefined ? undefined : { column: column.column, value, parameter: null };
}

const textual: readonly TypeName[] = ['text', 'varchar', 'bpchar', 'name'];
const integers: readonly TypeName[] = ['int2', 'int4', 'int8'];
const ranges = new Map<TypeName, bigint>([
  ['int2', 2n ** 15n],
  ['int4', 2n ** 31n],
  ['int8', 2n ** 63n],
]);

/** Whether `asStored` can bring some value of the one type to the other. */
function comparable(type: TypeName, stored: TypeName): boolean {
  return (
    type === stored ||
    (textual.includes(type) && textual.includes(stored)) ||
    (integers.includes(type) && integers.includes(stored))
  );
}

/** The constant as a value of the column's type; undefined if that cannot be told. */
export function asStored(value: Datum, type: TypeName, stored: TypeName): Datum | undefined {
  if (type === stored) return value;
  if (textual.includes(type) && textual.includes(stored)) return value;
  if (!integers.includes(type) || !integers.includes(stored)) return undefined;
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const wide = BigInt(value);
  const bound = ranges.get(stored) ?? 0n;
  if (wide < -bound || wide >= bound) return undefined;
  return stored === 'int8' ? wide : Number(wide);
}

/** All combinations, unless there are too many for point reads. */
function product(parts: readonly (readonly Datum[])[]): readonly (readonly Datum[])[] | undefined {
  let rows: readonly (readonly Datum[])[] = [[]];
  for (const values of parts) {
    if (rows.length * values.length > limits.lookupKeysMax) return undefined;
    rows = rows.flatMap((row) => values.map((value) => [...row, value]));
  }
  return rows;
}
