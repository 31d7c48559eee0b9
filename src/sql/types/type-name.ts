/**
 * Types as written in SQL → types as we know them: names, modifiers, arrays. The grammar has
 * already turned spellings of the standard (`integer`, `double precision`) into the names of the
 * catalog.
 */
import { types, typeInfo } from '../../../dataflow/value/type.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { TypeReference } from '../ast.ts';
import type { SqlType } from '../catalog-view.ts';

const byName = new Map<string, TypeName>(types.map((type) => [type.name, type.name]));
const bySqlName = new Map<string, TypeName>(types.map((type) => [type.sqlName, type.name]));

/** Names that are no type of ours but short forms that Postgres or Materialize know. */
const aliases = new Map<string, TypeName>([
  ['int', 'int4'],
  ['integer', 'int4'],
  ['smallint', 'int2'],
  ['bigint', 'int8'],
  ['real', 'float4'],
  ['float', 'float8'],
  ['double', 'float8'],
  ['decimal', 'numeric'],
  ['dec', 'numeric'],
  ['boolean', 'bool'],
  ['string', 'text'],
]);

/** Types of Postgres that we know by name only. */
const knownMissing = new Set([
  'bit',
  'varbit',
  'money',
  'timetz',
  'xml',
  'inet',
  'cidr',
  'macaddr',
  'macaddr8',
  'point',
  'line',
  'lseg',
  'box',
  'path',
  'polygon',
  'circle',
  'tsvector',
  'tsquery',
  'pg_lsn',
  'txid_snapshot',
  'int4range',
  'int8range',
  'numrange',
  'tsrange',
  'tstzrange',
  'daterange',
  'record',
  'jsonpath',
  'xid',
  'cid',
  'tid',
  'refcursor',
  'regprocedure',
  'regoper',
  'regoperator',
  'regrole',
  'regcollation',
  'regconfig',
  'regdictionary',
]);

const varcharLengthMax = 10_485_760;
const numericPrecisionMax = 1000;
const timePrecisionMax = 6;

/** The type with a catalog name or spelling, without modifiers; undefined if there is none. */
export function typeNamed(name: string): TypeName | undefined {
  return byName.get(name) ?? aliases.get(name) ?? bySqlName.get(name);
}

/**
 * Resolves a type as written. Throws 42704 for unknown names, 0A000 for types we lack, 22023 for
 * bad modifiers.
 */
export function resolveType(reference: TypeReference): SqlType {
  const parts = reference.name.parts;
  const last = parts[parts.length - 1] ?? '';
  const schema = parts.length > 1 ? parts[parts.length - 2] : undefined;
  const found = schema === undefined || schema === 'pg_catalog' ? typeNamed(last) : undefined;
  if (found === undefined) {
    if (knownMissing.has(last)) throw unsupported(`type "${last}"`, reference.position);
    throw sqlError('42704', `type "${parts.join('.')}" does not exist`, {
      position: reference.position,
    });
  }
  const modifier = modifierOf(found, reference);
  if (!reference.array) return { name: found, modifier };
  const array = typeNamed(`_${found}`);
  if (array === undefined || typeInfo(found).arrayOid === 0) {
    throw unsupported(`type "${last}[]"`, reference.position);
  }
  return { name: array, modifier };
}

function modifierOf(name: TypeName, reference: TypeReference): number {
  const [first, second] = reference.modifiers;
  if (first === undefined) return -1;
  const invalid = (message: string): Error =>
    sqlError('22023', message, { position: reference.position });
  switch (name) {
    case 'numeric': {
      const scale = second ?? 0;
      if (first < 1 || first > numericPrecisionMax) {
        throw invalid(`NUMERIC precision ${first} must be between 1 and ${numericPrecisionMax}`);
      }
      if (scale < -numericPrecisionMax || scale > numericPrecisionMax) {
        throw invalid(
          `NUMERIC scale ${scale} must be between -${numericPrecisionMax} and ${numericPrecisionMax}`,
        );
      }
      if (scale < 0 || scale > first)
        throw unsupported(`numeric scale ${scale} with precision ${first}`, reference.position);
      return ((first << 16) | scale) + 4;
    }
    case 'varchar':
    case 'bpchar': {
      const spelled = name === 'varchar' ? 'varchar' : 'char';
      if (first < 1) throw invalid(`length for type ${spelled} must be at least 1`);
      if (first > varcharLengthMax)
        throw invalid(`length for type ${spelled} cannot exceed ${varcharLengthMax}`);
      return first + 4;
    }
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return Math.min(first, timePrecisionMax);
    case 'interval':
      throw unsupported('interval precision', reference.position);
    default:
      throw sqlError('42601', `type modifier is not allowed for type "${name}"`, {
        position: reference.position,
      });
  }
}

/** The type as `format_type` prints it: `numeric(10,2)`, `character varying(5)`. */
export function formatType(type: SqlType): string {
  const info = typeInfo(type.name);
  if (type.modifier < 0) return info.sqlName;
  if (info.element !== undefined)
    return `${formatType({ name: info.element, modifier: type.modifier })}[]`;
  switch (type.name) {
    case 'numeric':
      return `numeric(${(type.modifier - 4) >> 16},${(type.modifier - 4) & 0x7ff})`;
    case 'varchar':
    case 'bpchar':
      return `${info.sqlName}(${type.modifier - 4})`;
    case 'time':
    case 'timestamp':
    case 'timestamptz': {
      const [word, ...rest] = info.sqlName.split(' ');
      return `${word}(${type.modifier}) ${rest.join(' ')}`;
    }
    default:
      return info.sqlName;
  }
}
