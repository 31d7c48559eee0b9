/**
 * JOIN … ON, USING, NATURAL: the condition, the merged columns, and the namespace of the result.
 */
import type { FromItem } from '../ast.ts';
import { defined } from '../../base/assert.ts';
import { sqlError } from '../../base/error.ts';
import type { JoinType, Output, Rel } from '../logical/rel.ts';
import { columnsOf } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { coalesce, columnReference, conjuncts } from '../logical/scalar.ts';
import type { Environment } from './environment.ts';
import { bindCondition } from './expression.ts';
import { callOperator } from './operator-call.ts';
import type { ScopeColumn, ScopeItem } from './scope.ts';
import { coerceToCommon, commonTypeOrFail, unifiable } from './unify.ts';

/** What a FROM item gives. */
export interface BoundFrom {
  readonly rel: Rel;
  readonly items: readonly ScopeItem[];
  /** True if `rel` refers to columns of items to its left. */
  readonly lateral: boolean;
}

type Join = Extract<FromItem, { kind: 'join' }>;

/** The columns one side shows to `*` and to unqualified names. */
function shownColumns(items: readonly ScopeItem[]): readonly ScopeColumn[] {
  return items.filter((item) => item.columnsVisible).flatMap((item) => item.columns);
}

/** Puts two bound sides together as the join says. */
export function combine(
  item: Join,
  left: BoundFrom,
  right: BoundFrom,
  environment: Environment,
): BoundFrom {
  const type: JoinType = item.type === 'cross' ? 'inner' : item.type;
  const names = item.natural ? commonNames(left, right) : item.using;
  const kind = right.lateral ? 'apply' : 'join';
  if (names === null || names.length === 0) {
    const on = item.on === null ? [] : condition(item, left, right, environment);
    const rel: Rel = { kind, type, left: left.rel, right: right.rel, on };
    return {
      ...wrapped(item, rel, left, right, [
        ...shownColumns(left.items),
        ...shownColumns(right.items),
      ]),
      lateral: left.lateral || right.lateral,
    };
  }
  const merged = names.map((name) => mergeColumn(name, item, left, right, environment));
  const on = merged.map((each) => each.equal);
  const joined: Rel = { kind, type, left: left.rel, right: right.rel, on };
  const outputs = merged.flatMap((each) => (each.output === null ? [] : [each.output]));
  const rel: Rel =
    outputs.length === 0
      ? joined
      : {
          kind: 'project',
          input: joined,
          outputs: [
            ...columnsOf(joined).map((column): Output => ({
              column,
              expression: columnReference(column),
            })),
            ...outputs,
          ],
        };
  const rest = (side: BoundFrom): readonly ScopeColumn[] =>
    shownColumns(side.items).filter((column) => !names.includes(column.name));
  return {
    ...wrapped(item, rel, left, right, [
      ...merged.map((each) => each.shown),
      ...rest(left),
      ...rest(right),
    ]),
    lateral: left.lateral || right.lateral,
  };
}

function condition(
  item: Join,
  left: BoundFrom,
  right: BoundFrom,
  environment: Environment,
): readonly Scalar[] {
  const { on } = item;
  if (on === null) return [];
  const scope = { parent: environment.scope, items: [...left.items, ...right.items], hidden: [] };
  return conjuncts(
    bindCondition(
      on,
      { ...environment, scope, clause: 'JOIN conditions', aggregates: null, setFunctions: null },
      'JOIN/ON',
    ),
  );
}

function commonNames(left: BoundFrom, right: BoundFrom): readonly string[] {
  const names = new Set(shownColumns(right.items).map((column) => column.name));
  return [...new Set(shownColumns(left.items).map((column) => column.name))].filter((name) =>
    names.has(name),
  );
}

function sideColumn(name: string, side: BoundFrom, word: 'left' | 'right'): ScopeColumn {
  const matches = shownColumns(side.items).filter((column) => column.name === name);
  if (matches.length > 1) {
    throw sqlError('42702', `common column name "${name}" appears more than once in ${word} table`);
  }
  const [found] = matches;
  if (found !== undefined) return found;
  throw sqlError(
    '42703',
    `column "${name}" specified in USING clause does not exist in ${word} table`,
  );
}

/**
 * A merged column: the side that is never padded, or whichever of the two is not NULL in a full
 * join.
 */
function mergeColumn(
  name: string,
  item: Join,
  left: BoundFrom,
  right: BoundFrom,
  environment: Environment,
): {
  readonly equal: Scalar;
  readonly shown: ScopeColumn;
  readonly output: Output | null;
} {
  const { context } = environment;
  const a = sideColumn(name, left, 'left');
  const b = sideColumn(name, right, 'right');
  const leftRef = columnReference(a.column);
  const rightRef = columnReference(b.column);
  const equal = callOperator(context, '=', [leftRef, rightRef], item.position);
  const type = commonTypeOrFail([leftRef, rightRef].map(unifiable), 'JOIN/USING');
  const kept = item.type === 'right' ? rightRef : leftRef;
  if (item.type !== 'full' && kept.type === type.name) {
    return { equal, shown: item.type === 'right' ? b : a, output: null };
  }
  const sides = [leftRef, rightRef].map((each) =>
    coerceToCommon(context, each, type, 'JOIN/USING'),
  );
  const expression =
    item.type === 'full'
      ? coalesce(sides, type.name, type.modifier)
      : defined(sides[item.type === 'right' ? 1 : 0], 'a join has two sides');
  const column = context.columns.make(name, type);
  return {
    equal,
    shown: { name, column, tableOid: 0, attribute: 0 },
    output: { column, expression },
  };
}

/**
 * The namespace: the sides stay nameable as relations unless the join has an alias; columns go
 * through the join.
 */
function wrapped(
  item: Join,
  rel: Rel,
  left: BoundFrom,
  right: BoundFrom,
  columns: readonly ScopeColumn[],
): Omit<BoundFrom, 'lateral'> {
  const join: ScopeItem = {
    name: item.alias?.name ?? '',
    schema: null,
    relationVisible: item.alias !== null,
    columnsVisible: true,
    columns: columns.map((column, i) => ({
      ...column,
      name: item.alias?.columns[i] ?? column.name,
    })),
  };
  const sides =
    item.alias !== null
      ? []
      : [...left.items, ...right.items].map((side): ScopeItem => ({
          ...side,
          columnsVisible: false,
        }));
  return { rel, items: [join, ...sides] };
}
