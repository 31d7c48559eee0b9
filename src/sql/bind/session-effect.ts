/**
 * Functions that a query calls for what they do, or whose every call answers something else:
 * `set_config`, `pg_cancel_backend`, `pg_sleep`, `random()`, `gen_random_uuid()`, … Their arguments
 * are known when the query is planned, so their results are constants of the plan; what they do is
 * an effect of it, done once before the query runs (not by EXPLAIN or Describe).
 *
 * A call that would have to answer anew for each row of a FROM clause is refused, and so is every
 * one of them in a query that is kept up to date.
 */
import type { Datum } from '../../../dataflow/value/datum.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { SessionDoor } from '../catalog-view.ts';
import { constant } from '../logical/scalar.ts';
import type { Scalar } from '../logical/scalar.ts';
import type { Effect } from '../planned.ts';
import { foldScalar } from '../rewrite/fold.ts';
import { tryCoerce } from './coerce.ts';
import type { BindContext } from './context.ts';

interface Answer {
  readonly value: Datum;
  readonly effect?: Effect;
}

interface EffectFunction {
  readonly args: readonly TypeName[];
  /** Arguments that may be left out. */
  readonly optional?: number;
  readonly result: TypeName;
  /** NULL arguments are answered by NULL before. */
  answer(door: SessionDoor, values: readonly Datum[]): Answer;
}

function signal(kind: 'cancel' | 'terminate'): EffectFunction['answer'] {
  return (door, [process]) => {
    const processId = Number(process);
    return door.sessionExists(processId)
      ? { value: true, effect: { kind, processId } }
      : { value: false };
  };
}

/** Bits of a double between 0 and 1. */
const fractionBits = 2 ** 53;

function randomFraction(door: SessionDoor): number {
  const bytes = door.randomBytes(8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return Number(view.getBigUint64(0) >> 11n) / fractionBits;
}

/** Version 4: random but for the six bits that say so. */
function randomUuid(door: SessionDoor): Uint8Array {
  const bytes = Uint8Array.from(door.randomBytes(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes;
}

const functions = new Map<string, EffectFunction>([
  ['random', { args: [], result: 'float8', answer: (door) => ({ value: randomFraction(door) }) }],
  [
    'gen_random_uuid',
    { args: [], result: 'uuid', answer: (door) => ({ value: randomUuid(door) }) },
  ],
  [
    'clock_timestamp',
    { args: [], result: 'timestamptz', answer: (door) => ({ value: door.clockMicroseconds() }) },
  ],
  ['pg_cancel_backend', { args: ['int4'], result: 'bool', answer: signal('cancel') }],
  [
    'pg_terminate_backend',
    { args: ['int4', 'int8'], optional: 1, result: 'bool', answer: signal('terminate') },
  ],
  [
    'pg_sleep',
    {
      args: ['float8'],
      result: 'void',
      answer: (_, [seconds]) => ({
        value: '',
        effect: { kind: 'sleep', milliseconds: Math.max(0, Number(seconds) * 1000) },
      }),
    },
  ],
  [
    'set_config',
    {
      args: ['text', 'text', 'bool'],
      result: 'text',
      answer(door, [name, text, local]) {
        const value = door.checkedSetting(String(name), String(text));
        return {
          value,
          effect: { kind: 'set', name: String(name), value: String(text), local: local === true },
        };
      },
    },
  ],
]);

/** Of these every call answers for itself, so that a row of FROM would need its own. */
const volatile = new Set(['random', 'gen_random_uuid', 'clock_timestamp']);

/** The value of a call, or undefined if the name is none of these or the arguments do not fit. */
export function effectFunction(
  context: BindContext,
  name: string,
  args: readonly Scalar[],
  hasRows: boolean,
  position: number,
): Scalar | undefined {
  const found = functions.get(name);
  if (found === undefined) return undefined;
  const least = found.args.length - (found.optional ?? 0);
  if (args.length < least || args.length > found.args.length) return undefined;
  if (context.mode !== 'once') {
    throw unsupported(`${name}() in a query that is kept up to date`, position);
  }
  if (hasRows && volatile.has(name)) {
    throw unsupported(`${name}() for each row of FROM`, position);
  }
  const { door } = context.catalog;
  if (door === undefined) throw unsupported(`${name}()`, position);
  context.repeatable = false;
  const values = args.map((arg, i) => valueOf(context, name, arg, found.args[i] ?? 'text'));
  if (values.includes(undefined) || values.includes(null))
    return constant(null, found.result, -1, position);
  const { value, effect } = found.answer(
    door,
    values.map((each) => each ?? null),
  );
  if (effect !== undefined) context.effects.push(effect);
  return constant(value, found.result, -1, position);
}

/** The value of an argument; undefined for a parameter of a statement that is only described. */
function valueOf(
  context: BindContext,
  name: string,
  arg: Scalar,
  type: TypeName,
): Datum | undefined {
  const position = 'position' in arg ? arg.position : 0;
  const target = { name: type, modifier: -1 };
  const coerced = tryCoerce(context, arg, target, 'implicit', position);
  if (coerced === undefined) {
    throw sqlError('42883', `function ${name}() does not take an argument of this type`, {
      position,
    });
  }
  const folded = foldScalar(coerced);
  if (folded.kind === 'constant') return folded.value;
  if (folded.kind !== 'parameter') throw unsupported(`${name}() of an expression`, position);
  return context.values === null ? undefined : (context.values[folded.number - 1] ?? null);
}
