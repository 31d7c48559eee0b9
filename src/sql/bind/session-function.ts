/**
 * Functions of the session and the clock: `now()`, `current_user`, `current_schema()`, … One answer
 * holds for the whole statement, so they are constants of a query that runs once; in a query that
 * is kept up to date they have no meaning and are refused.
 */
import type { Datum } from '../../../dataflow/value/datum.ts';
import { decimal } from '../../../dataflow/value/datum.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { SqlError, unsupported } from '../../base/error.ts';
import type { Scalar } from '../logical/scalar.ts';
import { constant } from '../logical/scalar.ts';
import { applyModifier, coerceOrFail } from './coerce.ts';
import type { BindContext } from './context.ts';
import { registeredName } from './registered-name.ts';

interface SessionFunction {
  readonly type: TypeName;
  readonly value: (context: BindContext) => Datum;
}

const text = (value: (context: BindContext) => string | null): SessionFunction => ({
  type: 'text',
  value,
});
const name = (value: (context: BindContext) => string | null): SessionFunction => ({
  type: 'name',
  value,
});
const now: SessionFunction = {
  type: 'timestamptz',
  value: (context) => context.catalog.nowMicroseconds,
};

/** Called with parentheses and no argument. */
const functions = new Map<string, SessionFunction>([
  ['now', now],
  ['transaction_timestamp', now],
  ['statement_timestamp', now],
  ['current_database', name((context) => context.catalog.currentDatabase)],
  ['current_schema', name((context) => context.catalog.currentSchema)],
  ['current_user', name((context) => context.catalog.currentUser)],
  ['session_user', name((context) => context.catalog.currentUser)],
  ['current_catalog', name((context) => context.catalog.currentDatabase)],
  ['current_role', name((context) => context.catalog.currentUser)],
  ['user', name((context) => context.catalog.currentUser)],
  ['pg_backend_pid', { type: 'int4', value: (context) => context.catalog.door?.processId ?? 0 }],
  [
    'mz_now',
    {
      type: 'numeric',
      value: (context) => decimal(BigInt(context.catalog.door?.readTime() ?? 0), 0),
    },
  ],
  ['mz_version', text((context) => context.catalog.setting('server_version') ?? '15.0')],
  [
    'version',
    text((context) => `PostgreSQL ${context.catalog.setting('server_version') ?? '15.0'}`),
  ],
]);

/** Written without parentheses. */
const keywords = new Map<string, SessionFunction>([
  ['current_timestamp', now],
  ['localtimestamp', now],
  ['current_date', now],
  ['current_time', now],
  ['localtime', now],
  ['current_user', name((context) => context.catalog.currentUser)],
  ['session_user', name((context) => context.catalog.currentUser)],
  ['user', name((context) => context.catalog.currentUser)],
  ['current_role', name((context) => context.catalog.currentUser)],
  ['current_catalog', name((context) => context.catalog.currentDatabase)],
  ['current_schema', name((context) => context.catalog.currentSchema)],
]);

/** What the keywords give that name a part of the present time. */
const timeParts = new Map<string, TypeName>([
  ['localtimestamp', 'timestamp'],
  ['current_date', 'date'],
  ['localtime', 'time'],
]);

function answer(
  context: BindContext,
  shown: string,
  found: SessionFunction,
  position: number,
): Scalar {
  if (context.mode !== 'once') {
    throw unsupported(`${shown} in a query that is kept up to date`, position);
  }
  context.repeatable = false;
  return constant(found.value(context), found.type, -1, position);
}

/** The value of a call, or undefined if the name is none of these. */
export function sessionFunction(
  context: BindContext,
  called: string,
  args: readonly Scalar[],
  position: number,
): Scalar | undefined {
  if (called === 'current_schemas') return currentSchemas(context, args, position);
  if (called === 'to_regclass' || called === 'to_regtype')
    return toRegistered(context, called, args, position);
  if (called === 'setseed') throw unsupported(`${called}()`, position);
  if (called === 'current_setting') return currentSetting(context, args, position);
  const found = functions.get(called);
  return found === undefined || args.length > 0
    ? undefined
    : answer(context, `${called}()`, found, position);
}

/** The search path; with `true` the catalog, which is searched first, too. */
function currentSchemas(
  context: BindContext,
  args: readonly Scalar[],
  position: number,
): Scalar | undefined {
  const [implicit] = args;
  if (implicit?.kind !== 'constant' || typeof implicit.value !== 'boolean') return undefined;
  const path = [...context.catalog.searchPath];
  const elements = implicit.value && !path.includes('pg_catalog') ? ['pg_catalog', ...path] : path;
  return answer(
    context,
    'current_schemas()',
    { type: '_name', value: () => ({ kind: 'array', elements }) },
    position,
  );
}

/** The oid of a name that is a literal; NULL if there is no such object. */
function toRegistered(
  context: BindContext,
  called: string,
  args: readonly Scalar[],
  position: number,
): Scalar | undefined {
  const [text] = args;
  if (text === undefined || args.length > 1) return undefined;
  const target: TypeName = called === 'to_regclass' ? 'regclass' : 'regtype';
  if (text.kind !== 'constant') throw unsupported(`${called}() of an expression`, position);
  if (text.value === null) return constant(null, target);
  try {
    return registeredName(context, text, target, position);
  } catch (error) {
    if (error instanceof SqlError) return constant(null, target);
    throw error;
  }
}

function currentSetting(
  context: BindContext,
  args: readonly Scalar[],
  position: number,
): Scalar | undefined {
  const [setting] = args;
  if (setting?.kind !== 'constant' || typeof setting.value !== 'string') return undefined;
  const value = context.catalog.setting(setting.value.toLowerCase());
  const found = text(() => value ?? null);
  return value === undefined && args.length === 1
    ? undefined
    : answer(context, 'current_setting()', found, position);
}

/** The value of CURRENT_TIMESTAMP and the like. */
export function keywordFunction(
  context: BindContext,
  keyword: string,
  precision: number | null,
  position: number,
): Scalar {
  const found = keywords.get(keyword);
  if (found === undefined || keyword === 'current_time')
    throw unsupported(keyword.toUpperCase(), position);
  const value = answer(context, keyword, found, position);
  const part = timeParts.get(keyword);
  const typed =
    part === undefined
      ? value
      : coerceOrFail(context, value, { name: part, modifier: -1 }, 'explicit', position);
  return precision === null ? typed : applyModifier(typed, Math.min(precision, 6), true, position);
}
