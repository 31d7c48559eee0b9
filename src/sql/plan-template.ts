/**
 * Plans that serve many executions: a lookup by key in which the statement's parameters are open.
 * It is planned once; each execution only fills in values. Anything else (no lookup, a parameter in
 * LIMIT, a use of the time) is planned anew each time, with the values at hand.
 */
import type { Expr, Program } from '../../dataflow/expr/expr.ts';
import type { Datum } from '../../dataflow/value/datum.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import { defined } from '../base/assert.ts';
import { SqlError } from '../base/error.ts';
import type { Query } from './ast.ts';
import { BindContext } from './bind/context.ts';
import { bindQuery, topEnvironment } from './bind/query.ts';
import type { CatalogView } from './catalog-view.ts';
import { asStored } from './lower/lookup.ts';
import { prunedProgram } from './lower/pruned-program.ts';
import { planBound } from './plan-query.ts';
import type { PlannedQuery } from './planned.ts';

/** The template of a query, or null if it has none. */
export function planTemplate(
  query: Query,
  catalog: CatalogView,
  types: readonly TypeName[],
): PlannedQuery | null {
  const context = new BindContext(catalog, 'once', { types, values: null });
  try {
    const planned = planBound(context, bindQuery(query, topEnvironment(context)));
    const { lookup } = planned;
    if (!context.repeatable || lookup?.key?.values.length !== 1) return null;
    // The condition on the key is no filter any more; its parameter need not be filled in.
    return { ...planned, lookup: { ...lookup, program: prunedProgram(lookup.program) } };
  } catch (error) {
    // Planning with the values at hand will tell, if it fails too.
    if (error instanceof SqlError) return null;
    throw error;
  }
}

/** True if nothing but the key differs between executions. */
export function onlyKeyIsOpen(template: PlannedQuery): boolean {
  return template.lookup !== null && !template.lookup.program.nodes.some(isOpen);
}

/**
 * The key of one execution; null if these values (a NULL, one out of range) need a plan of their
 * own.
 */
export function fillKey(template: PlannedQuery, values: readonly Datum[]): readonly Datum[] | null {
  const lookup = defined(template.lookup, 'a template is a lookup');
  const {
    values: [open],
    parameters = [],
  } = defined(lookup.key, 'a template looks up a key');
  const row = [...defined(open, 'a template has one key')];
  for (const { position, parameter, type, stored } of parameters) {
    const value = values[parameter - 1] ?? null;
    const key = value === null ? undefined : asStored(value, type, stored);
    if (key === undefined) return null;
    row[position] = key;
  }
  return row;
}

/**
 * The plan of one execution; null if these values (a NULL, one out of range) need a plan of their
 * own.
 */
export function fillTemplate(
  template: PlannedQuery,
  values: readonly Datum[],
): PlannedQuery | null {
  const lookup = defined(template.lookup, 'a template is a lookup');
  const { columns } = defined(lookup.key, 'a template looks up a key');
  const row = fillKey(template, values);
  if (row === null) return null;
  return {
    ...template,
    lookup: {
      ...lookup,
      key: { columns, values: [row] },
      program: fillProgram(lookup.program, values),
    },
  };
}

/** The program with these values in place of what is open. */
export function fillProgram(program: Program, values: readonly Datum[]): Program {
  if (!program.nodes.some(isOpen)) return program;
  const nodes = program.nodes.map((node): Expr =>
    isOpen(node)
      ? { kind: 'constant', value: values[(node.parameter ?? 0) - 1] ?? null, type: node.type }
      : node,
  );
  return { ...program, nodes };
}

function isOpen(node: Expr): node is Extract<Expr, { kind: 'constant' }> {
  return node.kind === 'constant' && node.parameter !== undefined;
}
