/**
 * `pg_type` and the other tables that describe what the engine knows rather than what the user
 * made: generated from our own registries.
 */
import type { Row } from '../../../dataflow/value/datum.ts';
import type { TypeInfo } from '../../../dataflow/value/type.ts';
import { typeInfo, types } from '../../../dataflow/value/type.ts';
import { placeholderTypes } from '../../sql/bind/function-list.ts';
import { ownerOid } from './oid.ts';
import type { SystemRelation } from './relation.ts';
import { systemColumns } from './relation.ts';

const catalogSchema = 11n;

function typeRow(type: TypeInfo): Row {
  const element = type.element === undefined ? 0n : BigInt(typeInfo(type.element).oid);
  const prefix = type.element === undefined ? type.name : 'array_';
  const collation = type.category === 'S' ? 100n : 0n;
  return [
    BigInt(type.oid),
    type.name,
    catalogSchema,
    BigInt(ownerOid),
    type.length,
    type.length > 0 && type.length <= 8,
    type.name === 'void' ? 'p' : 'b',
    type.category,
    type.preferred,
    true,
    ',',
    0n,
    null,
    element,
    BigInt(type.arrayOid),
    `${prefix}in`,
    `${prefix}out`,
    `${prefix}recv`,
    `${prefix}send`,
    0n,
    0n,
    0n,
    type.length < 0 ? 'i' : 'd',
    type.length < 0 ? 'x' : 'p',
    false,
    0n,
    -1,
    0,
    collation,
    null,
    null,
    null,
  ];
}

/** A placeholder of signatures: Postgres counts them among the types. */
function placeholderRow(name: string, oid: number): Row {
  const like = typeRow(typeInfo('void'));
  return [BigInt(oid), name, ...like.slice(2, 7), 'P', ...like.slice(8)];
}

const typeColumns = systemColumns([
  ['oid', 'oid'],
  ['typname', 'name'],
  ['typnamespace', 'oid'],
  ['typowner', 'oid'],
  ['typlen', 'int2'],
  ['typbyval', 'bool'],
  ['typtype', 'char'],
  ['typcategory', 'char'],
  ['typispreferred', 'bool'],
  ['typisdefined', 'bool'],
  ['typdelim', 'char'],
  ['typrelid', 'oid'],
  ['typsubscript', 'regproc'],
  ['typelem', 'oid'],
  ['typarray', 'oid'],
  ['typinput', 'text'],
  ['typoutput', 'text'],
  ['typreceive', 'text'],
  ['typsend', 'text'],
  ['typmodin', 'oid'],
  ['typmodout', 'oid'],
  ['typanalyze', 'oid'],
  ['typalign', 'char'],
  ['typstorage', 'char'],
  ['typnotnull', 'bool'],
  ['typbasetype', 'oid'],
  ['typtypmod', 'int4'],
  ['typndims', 'int4'],
  ['typcollation', 'oid'],
  ['typdefaultbin', 'text'],
  ['typdefault', 'text'],
  ['typacl', '_text'],
]);

export const pgTypes: readonly SystemRelation[] = [
  {
    oid: 1247,
    schema: 'pg_catalog',
    name: 'pg_type',
    columns: typeColumns,
    rows: () => [
      ...types.map(typeRow),
      ...placeholderTypes.map(({ name, oid }) => placeholderRow(name, oid)),
    ],
  },
  {
    oid: 2601,
    schema: 'pg_catalog',
    name: 'pg_am',
    columns: systemColumns([
      ['oid', 'oid'],
      ['amname', 'name'],
      ['amhandler', 'text'],
      ['amtype', 'char'],
    ]),
    rows: () => [
      [2n, 'heap', 'heap_tableam_handler', 't'],
      [403n, 'btree', 'bthandler', 'i'],
    ],
  },
  {
    oid: 3456,
    schema: 'pg_catalog',
    name: 'pg_collation',
    columns: systemColumns([
      ['oid', 'oid'],
      ['collname', 'name'],
      ['collnamespace', 'oid'],
      ['collowner', 'oid'],
      ['collprovider', 'char'],
      ['collisdeterministic', 'bool'],
      ['collencoding', 'int4'],
      ['collcollate', 'text'],
      ['collctype', 'text'],
      ['colliculocale', 'text'],
      ['collversion', 'text'],
    ]),
    rows: () => [
      [100n, 'default', catalogSchema, BigInt(ownerOid), 'd', true, -1, null, null, null, null],
      [950n, 'C', catalogSchema, BigInt(ownerOid), 'c', true, -1, 'C', 'C', null, null],
      [951n, 'POSIX', catalogSchema, BigInt(ownerOid), 'c', true, -1, 'POSIX', 'POSIX', null, null],
    ],
  },
];
