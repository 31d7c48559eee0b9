/**
 * Texts about functions and operators for values that a query computes: `pg_get_function_result`
 * of an oid and its like. There are a thousand functions, so the answer is an element of an array
 * by the number, not a choice among cases.
 */
import { functionsNamed } from '../../../dataflow/expr/function-table.ts';
import { defined } from '../../base/assert.ts';
import type { Scalar } from '../logical/scalar.ts';
import { and, caseOf, constant, nullConstant } from '../logical/scalar.ts';
import { callEntry, coerceOrFail, relabel } from './coerce.ts';
import type { BindContext } from './context.ts';
import {
  argumentsText,
  definitionText,
  firstFunctionOid,
  firstOperatorOid,
  listedFunctions,
  listedOperators,
  resultText,
} from './function-list.ts';
import { callOperator } from './operator-call.ts';

/** The text of a number, the first of which is `first`; NULL for any other number. */
function numbered(
  context: BindContext,
  oid: Scalar,
  first: number,
  texts: readonly string[],
): Scalar {
  if (oid.kind === 'constant') {
    const text = typeof oid.value === 'bigint' ? texts[Number(oid.value) - first] : undefined;
    return text === undefined ? nullConstant('text') : constant(text, 'text');
  }
  const number = relabel(oid, 'int8');
  const bound = (operator: string, value: number): Scalar =>
    callOperator(context, operator, [number, constant(BigInt(value), 'int8')], 0);
  const subscript = coerceOrFail(
    context,
    bound('-', first - 1),
    { name: 'int4', modifier: -1 },
    'assignment',
    0,
  );
  const element = defined(functionsNamed('array_element')[0], 'arrays have elements');
  const list = constant({ kind: 'array', elements: texts }, '_text');
  return caseOf(
    [
      [
        and([bound('>=', first), bound('<', first + texts.length)]),
        callEntry(element, [list, subscript], 'text'),
      ],
    ],
    nullConstant('text'),
    'text',
  );
}

/** What an object is for: functions and operators have a description, nothing else has. */
function description(context: BindContext, args: readonly Scalar[]): Scalar | undefined {
  const [oid, relation] = args;
  if (oid === undefined || relation?.kind !== 'constant') return undefined;
  const described =
    relation.value === 'pg_proc'
      ? { list: listedFunctions, first: firstFunctionOid }
      : relation.value === 'pg_operator'
        ? { list: listedOperators, first: firstOperatorOid }
        : undefined;
  if (described === undefined) return undefined;
  const texts = described.list.map(({ entry }) => entry.description);
  return numbered(context, oid, described.first, texts);
}

/** The functions that describe a function; undefined if the name is none of them. */
export function functionText(
  context: BindContext,
  name: string,
  args: readonly Scalar[],
): Scalar | undefined {
  const [oid] = args;
  if (oid === undefined) return undefined;
  switch (name) {
    case 'pg_get_function_arguments':
    case 'pg_get_function_identity_arguments':
      return numbered(context, oid, firstFunctionOid, listedFunctions.map(argumentsText));
    case 'pg_get_function_result':
      return numbered(context, oid, firstFunctionOid, listedFunctions.map(resultText));
    case 'pg_get_functiondef':
      return numbered(context, oid, firstFunctionOid, listedFunctions.map(definitionText));
    case 'obj_description':
      return description(context, args);
    default:
      return undefined;
  }
}
