/**
 * Operators and function calls on bound arguments: the choice of the entry and the casts it needs.
 */
import { functionsNamed, operatorsNamed } from '../../../dataflow/expr/function-table.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { FunctionEntry, SignatureType } from '../../../dataflow/expr/function-entry.ts';
import { sqlError } from '../../base/error.ts';
import type { SqlError } from '../../base/error.ts';
import { assert, defined } from '../../base/assert.ts';
import type { Scalar } from '../logical/scalar.ts';
import { constant, mapList } from '../logical/scalar.ts';
import { chooseFunction, chooseOperator } from '../types/overload.ts';
import type { Choice } from '../types/overload.ts';
import { callEntry, positionOf, settleUnknown, tryCoerce } from './coerce.ts';
import { inSessionZone, isZoned } from './session-zone.ts';
import type { BindContext } from './context.ts';

function typeNames(args: readonly Scalar[]): readonly string[] {
  return args.map((arg) => typeInfo(arg.type).sqlName);
}

/**
 * A prefix operator (one argument) or an infix one (two). Throws 42883 or 42725 with `position`.
 */
export function callOperator(
  context: BindContext,
  operator: string,
  args: readonly Scalar[],
  position: number,
): Scalar {
  assert(args.length === 1 || args.length === 2, 'an operator has one or two operands');
  const name = operator === '!=' ? '<>' : operator;
  const operands = matching.has(name)
    ? args.map((arg, i) => (i === 0 ? padded(context, arg) : arg))
    : args;
  const choice = chooseOperator(
    operatorsNamed(name),
    operands.map((arg) => arg.type),
  );
  if (typeof choice === 'string') throw operatorError(name, args, position, choice);
  const moments = momentsOf(context, choice.entry, operands);
  return moments === operands
    ? applyChoice(context, choice, operands, position)
    : callOperator(context, name, moments, position);
}

/** Operators that see the blanks at the end of a character(n), which is kept without them. */
const matching = new Set(['~~', '!~~', '~~*', '!~~*', '~', '!~', '~*', '!~*']);

/** A character(n) as text with its blanks; anything else as it is. */
export function padded(context: BindContext, arg: Scalar): Scalar {
  if (arg.type !== 'bpchar' || arg.modifier < 0) return arg;
  const text = tryCoerce(context, arg, { name: 'text', modifier: -1 }, 'explicit', positionOf(arg));
  const rpad = functionsNamed('rpad').find((entry) => entry.args.join() === 'text,int4');
  return callEntry(
    defined(rpad, 'rpad is in the table'),
    [defined(text, 'characters are text'), constant(arg.modifier - 4, 'int4')],
    'text',
    positionOf(arg),
  );
}

/** The operator's result, or undefined where there is no such operator. */
export function tryOperator(
  context: BindContext,
  operator: string,
  args: readonly Scalar[],
  position: number,
): Scalar | undefined {
  const choice = chooseOperator(
    operatorsNamed(operator),
    args.map((arg) => arg.type),
  );
  return typeof choice === 'string' ? undefined : callOperator(context, operator, args, position);
}

const addCasts = 'You might need to add explicit type casts.';

function operatorError(
  name: string,
  args: readonly Scalar[],
  position: number,
  problem: 'none' | 'ambiguous',
): SqlError {
  const types = typeNames(args);
  const shown = args.length === 1 ? `${name} ${types[0]}` : `${types[0]} ${name} ${types[1]}`;
  const plural =
    args.length === 1 ? ['type', 'an explicit type cast'] : ['types', 'explicit type casts'];
  return problem === 'none'
    ? sqlError('42883', `operator does not exist: ${shown}`, {
        position,
        hint:
          `No operator matches the given name and argument ${plural[0]}. ` +
          `You might need to add ${plural[1]}.`,
      })
    : sqlError('42725', `operator is not unique: ${shown}`, {
        position,
        hint: `Could not choose a best candidate operator. ${addCasts}`,
      });
}

/** The call of a chosen entry, its arguments brought to the types it takes. */
export function applyChoice(
  context: BindContext,
  choice: Choice,
  args: readonly Scalar[],
  position: number,
): Scalar {
  const call = callEntry(
    choice.entry,
    coerceArguments(context, choice, args),
    choice.result,
    position,
  );
  return inSessionZone(context, choice.entry, call);
}

/** The arguments brought to the types the chosen entry takes. */
export function coerceArguments(
  context: BindContext,
  choice: Choice,
  args: readonly Scalar[],
): readonly Scalar[] {
  return args.map((arg, i) => {
    const type = defined(choice.args[i], 'a choice types every argument');
    if (type === 'unknown') return arg.kind === 'constant' ? settleUnknown(context, arg) : arg;
    const coerced = defined(
      tryCoerce(context, arg, { name: type, modifier: -1 }, 'implicit', positionOf(arg)),
      `${arg.type} is accepted for ${type}`,
    );
    return context.zone !== null && isZoned(type)
      ? shownInZone(context, choice.entry, coerced, i)
      : coerced;
  });
}

/** Functions of values of any type that print them, and those that give them as JSON. */
const printing = new Set([
  'concat',
  'concat_ws',
  'format',
  '||',
  'quote_literal',
  'quote_nullable',
]);
const printingArrays = new Set(['array_to_string']);
const asJsonb = new Set([
  'jsonb_build_array',
  'jsonb_build_object',
  'jsonb_agg',
  'jsonb_object_agg',
]);
const asJson = new Set(['json_build_array', 'json_build_object']);

/** A moment for a function that shows values of any type: first as text or JSON of the zone. */
function shownInZone(
  context: BindContext,
  entry: FunctionEntry,
  arg: Scalar,
  index: number,
): Scalar {
  const { name } = entry;
  const cast = (target: TypeName): Scalar =>
    defined(
      tryCoerce(context, arg, { name: target, modifier: -1 }, 'explicit', positionOf(arg)),
      'moments have a text',
    );
  if (printing.has(name) && !(name === '||' && entry.args.includes('anyarray')))
    return cast('text');
  if (printingArrays.has(name) && arg.type === '_timestamptz') return cast('_text');
  const json = asJsonb.has(name) ? 'to_jsonb' : asJson.has(name) ? 'to_json' : undefined;
  if (json === undefined) return arg;
  const choice = resolveFunction(json, json, [arg], positionOf(arg));
  const value = applyChoice(context, choice, [arg], positionOf(arg));
  const isKey = name.includes('object') && index % 2 === 0;
  return isKey ? callOperator(context, '#>>', [value, wholePath], positionOf(arg)) : value;
}

/** The path of `#>>` that gives the text of a JSON value itself. */
const wholePath = constant({ kind: 'array', elements: [] }, '_text');

const momentOf = new Map<SignatureType, TypeName>([
  ['date', 'timestamptz'],
  ['timestamp', 'timestamptz'],
  ['_date', '_timestamptz'],
  ['_timestamp', '_timestamptz'],
]);

/**
 * A date or timestamp that is compared with a moment is one of the session's zone: the operands of
 * such a comparison as moments, or the operands themselves.
 */
export function momentsOf(
  context: BindContext,
  entry: FunctionEntry,
  args: readonly Scalar[],
): readonly Scalar[] {
  if (context.zone === null || !args.some((arg) => isZoned(arg.type))) return args;
  return mapList(args, (arg) => {
    const name = entry.args.includes(arg.type) ? momentOf.get(arg.type) : undefined;
    if (name === undefined) return arg;
    const target = { name, modifier: -1 };
    return tryCoerce(context, arg, target, 'explicit', positionOf(arg)) ?? arg;
  });
}

/** The entry that a call by name means. Throws 42883 or 42725. */
export function resolveFunction(
  name: string,
  shownName: string,
  args: readonly Scalar[],
  position: number,
  entries: readonly FunctionEntry[] = functionsNamed(name),
): Choice {
  const choice = chooseFunction(
    entries,
    args.map((arg) => arg.type),
  );
  if (typeof choice !== 'string') return choice;
  const shown = `${shownName}(${typeNames(args).join(', ')})`;
  throw choice === 'none'
    ? sqlError('42883', `function ${shown} does not exist`, {
        position,
        hint: `No function matches the given name and argument types. ${addCasts}`,
      })
    : sqlError('42725', `function ${shown} is not unique`, {
        position,
        hint: `Could not choose a best candidate function. ${addCasts}`,
      });
}
