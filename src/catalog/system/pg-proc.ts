/**
 * `pg_proc`, `pg_operator`, `pg_cast` and `pg_language`: the functions, operators and casts that
 * queries can use, as `\df`, `\do`, `\dC` and completing editors want to see them. All of them
 * belong to `pg_catalog`: users make none. Columns are those of Postgres 15.
 */
import type { ArrayDatum, Row } from '../../../dataflow/value/datum.ts';
import type { ListedCast, ListedFunction, ListedOperator } from '../../sql/bind/function-list.ts';
import {
  argumentTypes,
  listedCasts,
  listedFunctions,
  listedOperators,
  signatureOid,
  volatilityLetter,
} from '../../sql/bind/function-list.ts';
import { ownerOid } from './oid.ts';
import type { SystemRelation } from './relation.ts';
import { systemColumns } from './relation.ts';

const catalogSchema = 11n;
const internalLanguage = 12n;

function oids(numbers: readonly number[]): ArrayDatum {
  return { kind: 'array', elements: numbers.map(BigInt) };
}

function functionRow(listed: ListedFunction): Row {
  const { oid, name, kind, entry } = listed;
  const types = argumentTypes(entry).map(signatureOid);
  const result = entry.columns === undefined ? signatureOid(entry.result) : 2249;
  return [
    BigInt(oid),
    name,
    catalogSchema,
    BigInt(ownerOid),
    internalLanguage,
    1,
    entry.setReturning ? 1000 : 0,
    entry.variadic === undefined ? 0n : BigInt(signatureOid(entry.variadic)),
    0n,
    kind === 'aggregate' ? 'a' : 'f',
    false,
    false,
    entry.nullHandling === 'strict',
    entry.setReturning,
    volatilityLetter(listed),
    's',
    types.length,
    0,
    BigInt(result),
    oids(types),
    null,
    null,
    null,
    null,
    null,
    kind === 'aggregate' ? 'aggregate_dummy' : name,
    null,
    null,
    null,
    null,
  ];
}

function operatorRow({ oid, entry }: ListedOperator): Row {
  const [first, second] = entry.args;
  const isPrefix = second === undefined;
  const right = isPrefix ? first : second;
  return [
    BigInt(oid),
    entry.name,
    catalogSchema,
    BigInt(ownerOid),
    isPrefix ? 'l' : 'b',
    entry.name === '=',
    entry.name === '=',
    isPrefix || first === undefined ? 0n : BigInt(signatureOid(first)),
    right === undefined ? 0n : BigInt(signatureOid(right)),
    BigInt(signatureOid(entry.result)),
    0n,
    0n,
    0n,
    0n,
    0n,
  ];
}

const contextLetters = { implicit: 'i', assignment: 'a', explicit: 'e' } as const;

function castRow({ oid, from, to, functionOid, context }: ListedCast): Row {
  return [
    BigInt(oid),
    BigInt(signatureOid(from)),
    BigInt(signatureOid(to)),
    BigInt(functionOid),
    contextLetters[context],
    functionOid === 0 ? 'b' : 'f',
  ];
}

export const pgProc: readonly SystemRelation[] = [
  {
    oid: 1255,
    schema: 'pg_catalog',
    name: 'pg_proc',
    rows: () => listedFunctions.map(functionRow),
    columns: systemColumns([
      ['oid', 'oid'],
      ['proname', 'name'],
      ['pronamespace', 'oid'],
      ['proowner', 'oid'],
      ['prolang', 'oid'],
      ['procost', 'float4'],
      ['prorows', 'float4'],
      ['provariadic', 'oid'],
      ['prosupport', 'regproc'],
      ['prokind', 'char'],
      ['prosecdef', 'bool'],
      ['proleakproof', 'bool'],
      ['proisstrict', 'bool'],
      ['proretset', 'bool'],
      ['provolatile', 'char'],
      ['proparallel', 'char'],
      ['pronargs', 'int2'],
      ['pronargdefaults', 'int2'],
      ['prorettype', 'oid'],
      ['proargtypes', 'oidvector'],
      ['proallargtypes', '_oid'],
      ['proargmodes', '_char'],
      ['proargnames', '_text'],
      ['proargdefaults', 'text'],
      ['protrftypes', '_oid'],
      ['prosrc', 'text'],
      ['probin', 'text'],
      ['prosqlbody', 'text'],
      ['proconfig', '_text'],
      ['proacl', '_text'],
    ]),
  },
  {
    oid: 2617,
    schema: 'pg_catalog',
    name: 'pg_operator',
    rows: () => listedOperators.map(operatorRow),
    columns: systemColumns([
      ['oid', 'oid'],
      ['oprname', 'name'],
      ['oprnamespace', 'oid'],
      ['oprowner', 'oid'],
      ['oprkind', 'char'],
      ['oprcanmerge', 'bool'],
      ['oprcanhash', 'bool'],
      ['oprleft', 'oid'],
      ['oprright', 'oid'],
      ['oprresult', 'oid'],
      ['oprcom', 'oid'],
      ['oprnegate', 'oid'],
      ['oprcode', 'regproc'],
      ['oprrest', 'regproc'],
      ['oprjoin', 'regproc'],
    ]),
  },
  {
    oid: 2605,
    schema: 'pg_catalog',
    name: 'pg_cast',
    rows: () => listedCasts.map(castRow),
    columns: systemColumns([
      ['oid', 'oid'],
      ['castsource', 'oid'],
      ['casttarget', 'oid'],
      ['castfunc', 'oid'],
      ['castcontext', 'char'],
      ['castmethod', 'char'],
    ]),
  },
  {
    oid: 2612,
    schema: 'pg_catalog',
    name: 'pg_language',
    rows: () => [[internalLanguage, 'internal', BigInt(ownerOid), false, false, 0n, 0n, 0n, null]],
    columns: systemColumns([
      ['oid', 'oid'],
      ['lanname', 'name'],
      ['lanowner', 'oid'],
      ['lanispl', 'bool'],
      ['lanpltrusted', 'bool'],
      ['lanplcallfoid', 'oid'],
      ['laninline', 'oid'],
      ['lanvalidator', 'oid'],
      ['lanacl', '_text'],
    ]),
  },
];
