/**
 * Which type becomes which, and how: Postgres' pg_cast as the binder uses it. A cast is either a
 * *relabelling* (the bytes are the same; the expression just gets another type) or a call of a cast
 * function of the function table.
 */
import { castBetween, functionByKey } from '../../../dataflow/expr/function-table.ts';
import type { FunctionEntry } from '../../../dataflow/expr/function-entry.ts';
import { typeInfo, types } from '../../../dataflow/value/type.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { defined } from '../../base/assert.ts';

/** How far a cast may go: without being written, on assignment to a column, only when written. */
export type CastContext = 'implicit' | 'assignment' | 'explicit';

export interface CastPath {
  /** null: relabel. */
  readonly entry: FunctionEntry | null;
  readonly context: CastContext;
}

const relabels = new Map<string, CastContext>([
  ['varchar>text', 'implicit'],
  ['text>varchar', 'implicit'],
  ['bpchar>text', 'implicit'],
  ['bpchar>varchar', 'implicit'],
  ['name>text', 'implicit'],
  ['name>varchar', 'assignment'],
  ['char>text', 'implicit'],
  ['oid>regclass', 'implicit'],
  ['oid>regtype', 'implicit'],
  ['oid>regproc', 'implicit'],
  ['oid>regnamespace', 'implicit'],
  ['regclass>oid', 'implicit'],
  ['regtype>oid', 'implicit'],
  ['regproc>oid', 'implicit'],
  ['regnamespace>oid', 'implicit'],
  ['int2vector>_int2', 'implicit'],
  ['oidvector>_oid', 'implicit'],
]);

/** The casts that leave the bytes as they are. */
export const relabelings: readonly {
  readonly from: TypeName;
  readonly to: TypeName;
  readonly context: CastContext;
}[] = types.flatMap(({ name: from }) =>
  types.flatMap(({ name: to }) => {
    const context = relabels.get(`${from}>${to}`);
    return context === undefined ? [] : [{ from, to, context }];
  }),
);

const rank: Record<CastContext, number> = { implicit: 0, assignment: 1, explicit: 2 };

/** The way from one type to another, or undefined if there is none. */
export function castPath(from: TypeName, to: TypeName): CastPath | undefined {
  if (from === to) return { entry: null, context: 'implicit' };
  const relabel = relabels.get(`${from}>${to}`);
  if (relabel !== undefined) return { entry: null, context: relabel };
  const cast = castBetween(from, to);
  if (cast === undefined) return arrayRelabel(from, to);
  const entry = defined(functionByKey(cast.key), `cast ${cast.key} is in the table`);
  return { entry, context: cast.context };
}

/** Arrays are relabelled where their elements are. */
function arrayRelabel(from: TypeName, to: TypeName): CastPath | undefined {
  const source = typeInfo(from).element;
  const target = typeInfo(to).element;
  if (source === undefined || target === undefined) return undefined;
  const relabel = relabels.get(`${source}>${target}`);
  return relabel === undefined ? undefined : { entry: null, context: relabel };
}

/** True if a value of type `from` is accepted where `to` is wanted, in that context. */
export function canCoerce(from: TypeName, to: TypeName, context: CastContext): boolean {
  if (from === to || from === 'unknown') return true;
  const path = castPath(from, to);
  return path !== undefined && rank[path.context] <= rank[context];
}
