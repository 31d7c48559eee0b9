/** RETURNING: a select list over the new rows (the old ones for DELETE). */
import type { SelectItem } from '../ast.ts';
import type { Output } from '../logical/rel.ts';
import type { Environment, OutputColumn } from './environment.ts';
import { bindItems, settleItems } from './select.ts';

export interface Returning {
  readonly outputs: readonly Output[];
  readonly shown: readonly OutputColumn[];
}

/** Binds the items of RETURNING; none for an empty list. */
export function bindReturning(items: readonly SelectItem[], environment: Environment): Returning {
  const inside: Environment = {
    ...environment,
    clause: 'RETURNING',
    aggregates: null,
    setFunctions: null,
  };
  const bound = items.flatMap((item) => bindItems(item, inside));
  settleItems(bound, inside);
  const outputs = bound.map((item): Output => ({
    column: environment.context.columns.make(item.name, {
      name: item.scalar.type,
      modifier: item.scalar.modifier,
    }),
    expression: item.scalar,
  }));
  const shown = bound.map((item, i): OutputColumn => ({
    name: item.name,
    column:
      outputs[i]?.column ??
      environment.context.columns.make(item.name, { name: 'text', modifier: -1 }),
    tableOid: item.tableOid,
    attribute: item.attribute,
  }));
  return { outputs, shown };
}
