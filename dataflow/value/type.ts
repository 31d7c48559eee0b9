/**
 * The types of data: their Postgres identity and how a value of each lies in memory.
 *
 * Every type has one *physical* form in columns and records: a 32-bit or 64-bit integer, a double,
 * or `var`: a run of bytes, word-aligned and zero-padded to a word. It also has one *equality*
 * class. For `integer`, `float` and `bytes` it says how raw words compare; for the rest two values
 * can be equal under SQL and yet differ in bytes (numeric 1.0 and 1.00, interval '1 day' and
 * '24 hours', jsonb 1.0 and 1.00), so hash, equality and order go through a function of the class.
 * Two notions follow, and no code may confuse them:
 *  - *identity*: same bytes. Retractions find their row by identity.
 *  - *equality*: same under SQL. Keys of joins, groups and DISTINCT go by equality.
 */
import { defined } from '../../src/base/assert.ts';

/** How a value lies in a column. `bool` and the integers up to 4 bytes are `i32`. */
export type Physical = 'i32' | 'i64' | 'f64' | 'var';

/** How two values of a type compare. */
export type Equality = 'integer' | 'float' | 'bytes' | 'numeric' | 'interval' | 'jsonb' | 'array';

/**
 * Physical meaning, by type:
 *  - bool: i32, 0 or 1. int2, int4: i32. int8: i64. oid, reg*: i64, 0 to 2^32 - 1.
 *  - float4: f64 holding a value rounded by `Math.fround`. float8: f64.
 *  - date: i32 days since 2000-01-01; -infinity and infinity are the least and greatest int32.
 *  - time: i64 µs of the day, 0 to 86,400,000,000. timestamp, timestamptz: i64 µs since
 *    2000-01-01 00:00 (UTC); infinities are the least and greatest int64 (as in Postgres).
 *  - text, varchar, name, char (the one-byte "char"): var, UTF-8. bpchar: var, UTF-8 with trailing
 *    blanks removed; output pads to the declared length.
 *  - bytea: var, raw. uuid: var, 16 bytes. interval: var, 16 bytes: int64 µs, int32 days, int32
 *    months.
 *  - numeric: var, see decimal.ts. jsonb: var, canonical UTF-8 text, see jsonb.ts.
 *  - arrays (names with a leading underscore) and int2vector, oidvector: var, see array.ts.
 */
export type TypeName =
  | 'bool'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'text'
  | 'varchar'
  | 'bpchar'
  | 'bytea'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'interval'
  | 'uuid'
  | 'jsonb'
  | 'json'
  | 'oid'
  | 'name'
  | 'char'
  | 'regclass'
  | 'regtype'
  | 'regproc'
  | 'regnamespace'
  | 'int2vector'
  | 'oidvector'
  | '_bool'
  | '_int2'
  | '_int4'
  | '_int8'
  | '_float4'
  | '_float8'
  | '_numeric'
  | '_text'
  | '_varchar'
  | '_bpchar'
  | '_bytea'
  | '_date'
  | '_time'
  | '_timestamp'
  | '_timestamptz'
  | '_interval'
  | '_uuid'
  | '_jsonb'
  | '_oid'
  | '_name'
  | '_char'
  | 'unknown'
  | 'void';

/** One letter, as `pg_type.typcategory`. */
export type Category = 'B' | 'N' | 'S' | 'D' | 'T' | 'U' | 'A' | 'X' | 'P' | 'Z';

/** What is fixed about a type. */
export interface TypeInfo {
  readonly name: TypeName;
  /** Postgres' fixed number. */
  readonly oid: number;
  /** `pg_type.typlen`: bytes, or -1 for variable length. */
  readonly length: number;
  readonly category: Category;
  /** Preferred within its category (`typispreferred`), for overload choice. */
  readonly preferred: boolean;
  readonly physical: Physical;
  readonly equality: Equality;
  /** The name that SQL prints (`format_type`): `integer`, `timestamp with time zone`. */
  readonly sqlName: string;
  /** The element type of an array type. */
  readonly element?: TypeName;
  /** The oid of this type's array type, 0 if there is none. */
  readonly arrayOid: number;
}

function info(
  name: TypeName,
  oid: number,
  arrayOid: number,
  length: number,
  category: Category,
  physical: Physical,
  equality: Equality,
  sqlName: string,
  preferred = false,
): TypeInfo {
  return { name, oid, length, category, preferred, physical, equality, sqlName, arrayOid };
}

const scalars: readonly TypeInfo[] = [
  info('bool', 16, 1000, 1, 'B', 'i32', 'integer', 'boolean', true),
  info('int2', 21, 1005, 2, 'N', 'i32', 'integer', 'smallint'),
  info('int4', 23, 1007, 4, 'N', 'i32', 'integer', 'integer'),
  info('int8', 20, 1016, 8, 'N', 'i64', 'integer', 'bigint'),
  info('float4', 700, 1021, 4, 'N', 'f64', 'float', 'real'),
  info('float8', 701, 1022, 8, 'N', 'f64', 'float', 'double precision', true),
  info('numeric', 1700, 1231, -1, 'N', 'var', 'numeric', 'numeric'),
  info('text', 25, 1009, -1, 'S', 'var', 'bytes', 'text', true),
  info('varchar', 1043, 1015, -1, 'S', 'var', 'bytes', 'character varying'),
  info('bpchar', 1042, 1014, -1, 'S', 'var', 'bytes', 'character'),
  info('bytea', 17, 1001, -1, 'U', 'var', 'bytes', 'bytea'),
  info('date', 1082, 1182, 4, 'D', 'i32', 'integer', 'date'),
  info('time', 1083, 1183, 8, 'D', 'i64', 'integer', 'time without time zone'),
  info('timestamp', 1114, 1115, 8, 'D', 'i64', 'integer', 'timestamp without time zone'),
  info('timestamptz', 1184, 1185, 8, 'D', 'i64', 'integer', 'timestamp with time zone', true),
  info('interval', 1186, 1187, 16, 'T', 'var', 'interval', 'interval', true),
  info('uuid', 2950, 2951, 16, 'U', 'var', 'bytes', 'uuid'),
  info('jsonb', 3802, 3807, -1, 'U', 'var', 'jsonb', 'jsonb'),
  info('json', 114, 199, -1, 'U', 'var', 'bytes', 'json'),
  info('oid', 26, 1028, 4, 'N', 'i64', 'integer', 'oid', true),
  info('name', 19, 1003, 64, 'S', 'var', 'bytes', 'name'),
  info('char', 18, 1002, 1, 'Z', 'var', 'bytes', '"char"'),
  info('regclass', 2205, 2210, 4, 'N', 'i64', 'integer', 'regclass', true),
  info('regtype', 2206, 2211, 4, 'N', 'i64', 'integer', 'regtype', true),
  info('regproc', 24, 1008, 4, 'N', 'i64', 'integer', 'regproc'),
  info('regnamespace', 4089, 4090, 4, 'N', 'i64', 'integer', 'regnamespace'),
  info('int2vector', 22, 1006, -1, 'A', 'var', 'array', 'int2vector'),
  info('oidvector', 30, 1013, -1, 'A', 'var', 'array', 'oidvector'),
  info('unknown', 705, 0, -2, 'X', 'var', 'bytes', 'unknown'),
  info('void', 2278, 0, 4, 'P', 'var', 'bytes', 'void'),
];

const arrays: readonly TypeInfo[] = scalars
  .filter((type) => type.arrayOid !== 0)
  .map((type) => ({
    name: `_${type.name}` as TypeName,
    oid: type.arrayOid,
    length: -1,
    category: 'A',
    preferred: false,
    physical: 'var',
    equality: 'array',
    sqlName: `${type.sqlName}[]`,
    element: type.name,
    arrayOid: 0,
  }));

/** Every type, in the order of declaration. */
export const types: readonly TypeInfo[] = [
  ...scalars.map((type): TypeInfo =>
    type.name === 'int2vector'
      ? { ...type, element: 'int2' }
      : type.name === 'oidvector'
        ? { ...type, element: 'oid' }
        : type,
  ),
  ...arrays,
];

const byName = new Map(types.map((type) => [type.name, type]));
const byOid = new Map(types.map((type) => [type.oid, type]));

/** The facts of a type. */
export function typeInfo(name: TypeName): TypeInfo {
  return defined(byName.get(name), `type ${name} is in the table`);
}

/** The type with a Postgres oid, or undefined. */
export function typeByOid(oid: number): TypeInfo | undefined {
  return byOid.get(oid);
}

/** The physical form of a type. */
export function physicalOf(name: TypeName): Physical {
  return typeInfo(name).physical;
}

/** A column as the engine sees it: its type, and whether NULL can occur in it. */
export interface ColumnType {
  readonly type: TypeName;
  readonly nullable: boolean;
}
