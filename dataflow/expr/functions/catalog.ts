/**
 * Functions that clients call in queries about functions, rules and sizes. The planner, which knows
 * the catalog, answers those without evaluation; the others are the answers of a server that has no
 * such objects.
 */
import type { Datum } from '../../value/datum.ts';
import type { FunctionEntry, SignatureType } from '../function-entry.ts';
import { entry } from '../function-entry.ts';

function planned(
  name: string,
  args: readonly SignatureType[],
  result: SignatureType,
  description: string,
): FunctionEntry {
  return entry('system', name, args, result, description, undefined, {
    volatility: 'stable',
    nullable: true,
  });
}

function fixed(
  name: string,
  args: readonly SignatureType[],
  result: SignatureType,
  value: Datum,
  description: string,
): FunctionEntry {
  return entry('system', name, args, result, description, () => value, {
    volatility: 'stable',
    nullable: value === null,
  });
}

const none = 'NULL: the server has no such objects.';

export const catalogFunctions: readonly FunctionEntry[] = [
  planned('pg_get_function_arguments', ['oid'], 'text', 'The arguments of a function.'),
  planned('pg_get_function_identity_arguments', ['oid'], 'text', 'The arguments of a function.'),
  planned('pg_get_function_result', ['oid'], 'text', 'The type of the result of a function.'),
  planned('pg_get_functiondef', ['oid'], 'text', 'The statement that would make a function.'),
  fixed('pg_get_function_sqlbody', ['oid'], 'text', null, none),
  fixed('pg_get_function_arg_default', ['oid', 'int4'], 'text', null, none),
  fixed('pg_get_ruledef', ['oid', 'bool'], 'text', null, none),
  fixed('pg_tablespace_size', ['oid'], 'int8', 0n, 'Zero: relations are not files.'),
  fixed('pg_database_size', ['oid'], 'int8', 0n, 'Zero: databases are not files.'),
  fixed('pg_indexes_size', ['regclass'], 'int8', 0n, 'Zero: relations are not files.'),
  fixed('getdatabaseencoding', [], 'name', 'UTF8', 'The encoding of the database; there is one.'),
];
