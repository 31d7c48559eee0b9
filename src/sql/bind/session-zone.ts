/**
 * The zone of the session in expressions. Calls whose result depends on it get it as a further
 * argument (see `inZone` of function entries), so that a plan says all that it computes and needs
 * no session to run. In UTC nothing is added.
 *
 * A query that is kept up to date for everybody (a view, an index) has no session: it is computed
 * in UTC, and where another zone would change what a statement means, making it is refused. The
 * text of a view means the same to every reader, so it is bound in UTC too. So are the literals of
 * a column's DEFAULT; what it calls is called in the session that writes.
 */
import type { FunctionEntry } from '../../../dataflow/expr/function-entry.ts';
import { keyInZone } from '../../../dataflow/expr/function-table.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import type { DatetimeContext } from '../../../dataflow/value/datetime-text.ts';
import { plainContext } from '../../../dataflow/value/datetime-text.ts';
import { parseDatum } from '../../../dataflow/value/text-input.ts';
import { fullZone, utc } from '../../../dataflow/value/timezone.ts';
import type { Zone } from '../../../dataflow/value/timezone.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { assert, defined } from '../../base/assert.ts';
import { unsupported } from '../../base/error.ts';
import type { SqlError } from '../../base/error.ts';
import type { CatalogView } from '../catalog-view.ts';
import { constant, sameDatum } from '../logical/scalar.ts';
import type { Call } from '../logical/scalar.ts';
import type { BindContext } from './context.ts';

/** Names by which a zone is UTC at all times. */
const utcNames = /^(utc|gmt|uct|zulu|universal|etc\/(utc|gmt|uct|zulu|universal))$/i;

/** The zone of a session other than UTC, or null. */
export function sessionZone(catalog: CatalogView): Zone | null {
  const name = catalog.setting('timezone');
  if (name === undefined || utcNames.test(name)) return null;
  const zone = defined(fullZone(name), `the setting TimeZone was checked: ${name}`);
  return zone === utc ? null : zone;
}

/** The name under which the zone of a session is an argument. */
function zoneName(context: BindContext): string {
  return defined(context.catalog.setting('timezone'), 'there is a zone');
}

/** True for types whose text depends on the zone. */
export function isZoned(type: TypeName): boolean {
  return type === 'timestamptz' || type === '_timestamptz';
}

function refusal(
  context: BindContext,
  what: string,
  position: number,
  place = 'view or index',
): SqlError {
  return unsupported(
    `${what} in a ${place} made in time zone ${zoneName(context)}`,
    position,
    `A ${place === 'DEFAULT' ? place : 'view'} means the same to every session: ` +
      'name the zone (AT TIME ZONE), or SET TimeZone TO UTC first.',
  );
}

/** The call as it is in the session's zone. Throws 0A000 if it is kept up to date. */
export function inSessionZone(context: BindContext, entry: FunctionEntry, call: Call): Call {
  if (context.zone === null) return call;
  const key = keyInZone(entry);
  const isAny = entry.args.some((type) => type.startsWith('any'));
  if (key === undefined || (isAny && !call.args.some((arg) => isZoned(arg.type)))) return call;
  if (context.mode === 'maintained') {
    const types = call.args.map((arg) => typeInfo(arg.type).sqlName);
    const shown =
      entry.kind === 'cast'
        ? `a cast from ${types.join()} to ${typeInfo(call.type).sqlName}`
        : entry.kind === 'operator'
          ? types.join(` ${entry.name} `)
          : `${entry.name}(${types.join(', ')})`;
    throw refusal(context, shown, call.position);
  }
  return { ...call, fn: key, args: [...call.args, constant(zoneName(context), 'text')] };
}

const datetimes = new Set<TypeName>(['date', 'time', 'timestamp', 'timestamptz']);

/** True if the text of a literal may refer to the session's zone or clock. */
export function isDatetime(type: TypeName): boolean {
  return datetimes.has(typeInfo(type).element ?? type);
}

/** UTC, where a literal that means the present moment is refused: a DEFAULT would keep it. */
function withoutClock(text: string, position: number): DatetimeContext {
  return {
    zone: utc,
    get now(): never {
      throw unsupported(
        `'${text}' in a DEFAULT`,
        position,
        'Call now() to have the time of INSERT.',
      );
    },
  };
}

/** A literal of date and time as the session means it. Throws SqlError without a position. */
export function readDatetime(
  context: BindContext,
  text: string,
  type: TypeName,
  position: number,
): Datum {
  assert(isDatetime(type), 'other texts need no session');
  const read = (session: DatetimeContext): Datum => parseDatum(type, text, -1, session);
  const isDefault = context.literals !== 'session';
  if (context.mode === 'maintained' || isDefault) {
    const value = read(isDefault ? withoutClock(text, position) : plainContext);
    if (context.zone === null || context.literals === 'fixed') return value;
    if (sameDatum(value, read({ zone: context.zone }))) return value;
    const what = `${typeInfo(type).sqlName} '${text}' without a zone`;
    throw refusal(context, what, position, isDefault ? 'DEFAULT' : 'view or index');
  }
  return read({
    zone: context.zone ?? utc,
    get now() {
      context.repeatable = false;
      return context.catalog.nowMicroseconds;
    },
  });
}
