/**
 * Miscellany: values of any type, series, and what clients ask a server about itself. Answers
 * that depend on the session or the catalog are `stable` entries; those without evaluation are
 * replaced by constants before a plan is made, the others answer for a server that has no such
 * objects.
 */
import { sqlError } from '../../../src/base/error.ts';
import { compareDatums } from '../../value/datum-column.ts';
import type { Datum, Row } from '../../value/datum.ts';
import { numericModifier } from '../../value/decimal-text.ts';
import { bigintOf, decimalOf, intervalOf, numberOf } from '../../value/scalar-words.ts';
import type { TypeName } from '../../value/type.ts';
import { utc } from '../../value/timezone.ts';
import type { Zone } from '../../value/timezone.ts';
import { typeByOid, typeInfo } from '../../value/type.ts';
import type { CallSite, FunctionEntry, Options, SignatureType } from '../function-entry.ts';
import { entry } from '../function-entry.ts';
import { addInZone } from '../datetime-zone.ts';
import { isInfiniteTimestamp } from '../interval-math.ts';
import { add, signOf, subtract } from '../numeric-math.ts';
import { intervalSpan } from '../../value/interval.ts';

const called: Options = { nullHandling: 'called' };
const calledNullable: Options = { nullHandling: 'called', nullable: true };

function extreme(sign: 1 | -1): (values: readonly Datum[], site: CallSite) => Datum {
  return (values, { result }) => {
    let best: Datum = null;
    for (const value of values) {
      if (value === null) continue;
      if (best === null || sign * compareDatums(result, value, best) > 0) best = value;
    }
    return best;
  };
}

function general(): FunctionEntry[] {
  const count = (values: readonly Datum[]): number =>
    values.filter((value) => value === null).length;
  return [
    entry(
      'general',
      'greatest',
      [],
      'anycompatible',
      'The greatest of the values that are not NULL.',
      extreme(1),
      { ...calledNullable, variadic: 'anycompatible' },
    ),
    entry(
      'general',
      'least',
      [],
      'anycompatible',
      'The least of the values that are not NULL.',
      extreme(-1),
      { ...calledNullable, variadic: 'anycompatible' },
    ),
    entry('general', 'num_nulls', [], 'int4', 'How many of the values are NULL.', count, {
      ...called,
      variadic: 'any',
    }),
    entry(
      'general',
      'num_nonnulls',
      [],
      'int4',
      'How many of the values are not NULL.',
      (values) => values.length - count(values),
      { ...called, variadic: 'any' },
    ),
    entry(
      'general',
      'pg_typeof',
      ['any'],
      'regtype',
      'The type of the value.',
      (_, { args }) => BigInt(typeInfo(args[0]).oid),
      called,
    ),
    entry(
      'general',
      'format_type',
      ['oid', 'int4'],
      'text',
      'The name of a type with its modifier.',
      ([oid, modifier]) =>
        oid === null
          ? null
          : formatType(bigintOf(oid), modifier === null ? -1 : numberOf(modifier)),
      calledNullable,
    ),
    entry(
      'general',
      'pg_size_pretty',
      ['int8'],
      'text',
      'A number of bytes as people read it.',
      ([size]) => prettySize(bigintOf(size)),
    ),
  ];
}

/** A type's name with its modifier, as `format_type` prints it. */
export function formatType(oid: bigint, modifier: number): string {
  if (oid === 0n) return '-';
  const info = typeByOid(Number(oid));
  if (info === undefined) return '???';
  if (info.element !== undefined && info.name.startsWith('_')) {
    return `${formatType(BigInt(typeInfo(info.element).oid), modifier)}[]`;
  }
  if (modifier < 0) return info.sqlName;
  const decorated: Partial<Record<TypeName, () => string>> = {
    varchar: () => `character varying(${modifier - 4})`,
    bpchar: () => `character(${modifier - 4})`,
    numeric: () => {
      const { precision, scale } = numericModifier(modifier);
      return `numeric(${precision},${scale})`;
    },
    time: () => `time(${modifier}) without time zone`,
    timestamp: () => `timestamp(${modifier}) without time zone`,
    timestamptz: () => `timestamp(${modifier}) with time zone`,
  };
  return decorated[info.name]?.() ?? info.sqlName;
}

const sizeUnits = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

function prettySize(size: bigint): string {
  let unit = 0;
  let value = size;
  const magnitude = (v: bigint): bigint => (v < 0n ? -v : v);
  if (magnitude(value) < 10_240n) return `${value} bytes`;
  value >>= 9n;
  for (unit = 1; unit < sizeUnits.length - 1 && magnitude(value) >= 20_479n; unit++) value >>= 10n;
  const rounded = (magnitude(value) + 1n) / 2n;
  return `${value < 0n ? -rounded : rounded} ${sizeUnits[unit]}`;
}

function zeroStep(): never {
  throw sqlError('22023', 'step size cannot equal zero');
}

function* integers(
  from: bigint,
  to: bigint,
  step: bigint,
  wrap: (value: bigint) => Datum,
): Iterable<Row> {
  if (step === 0n) zeroStep();
  for (let value = from; step > 0n ? value <= to : value >= to; value += step) yield [wrap(value)];
}

function* numerics(from: Datum, to: Datum, step: Datum): Iterable<Row> {
  const by = decimalOf(step);
  const bounds = [
    [from, 'start value'],
    [to, 'stop value'],
    [step, 'step size'],
  ] as const;
  for (const [value, what] of bounds) {
    if (decimalOf(value).form !== 'finite') {
      const shown = decimalOf(value).form === 'NaN' ? 'NaN' : 'infinity';
      throw sqlError('22023', `${what} cannot be ${shown}`);
    }
  }
  if (signOf(by) === 0) zeroStep();
  const end = decimalOf(to);
  const sign = signOf(by);
  for (
    let value = decimalOf(from);
    signOf(subtract(value, end)) * sign <= 0;
    value = add(value, by)
  ) {
    yield [value];
  }
}

function* moments(from: bigint, to: bigint, step: Datum, zone: Zone = utc): Iterable<Row> {
  const by = intervalOf(step);
  const span = intervalSpan(by);
  if (span === 0n) zeroStep();
  if (isInfiniteTimestamp(from)) throw sqlError('22008', 'timestamp out of range');
  const before = (value: bigint): boolean => (span > 0n ? value <= to : value >= to);
  for (let value = from; before(value); value = addInZone(value, by, 1, zone)) yield [value];
}

function series(): FunctionEntry[] {
  const description = 'The values from the first to the second, a step apart, one a row.';
  const make = (
    args: readonly SignatureType[],
    rows: NonNullable<FunctionEntry['rows']>,
    options: Options = {},
  ): FunctionEntry =>
    entry('series', 'generate_series', args, args[0], description, undefined, {
      setReturning: true,
      rows,
      ...options,
    });
  const small = (value: Datum): bigint => BigInt(numberOf(value));
  const one: Datum = { kind: 'decimal', form: 'finite', coefficient: 1n, scale: 0 };
  return [
    make(['int4', 'int4'], ([a, b]) => integers(small(a), small(b), 1n, Number)),
    make(['int4', 'int4', 'int4'], ([a, b, step]) =>
      integers(small(a), small(b), small(step), Number),
    ),
    make(['int8', 'int8'], ([a, b]) => integers(bigintOf(a), bigintOf(b), 1n, (v) => v)),
    make(['int8', 'int8', 'int8'], ([a, b, step]) =>
      integers(bigintOf(a), bigintOf(b), bigintOf(step), (v) => v),
    ),
    make(['numeric', 'numeric'], ([a, b]) => numerics(a, b, one)),
    make(['numeric', 'numeric', 'numeric'], ([a, b, step]) => numerics(a, b, step)),
    make(['timestamp', 'timestamp', 'interval'], ([a, b, step]) =>
      moments(bigintOf(a), bigintOf(b), step),
    ),
    make(
      ['timestamptz', 'timestamptz', 'interval'],
      ([a, b, step]) => moments(bigintOf(a), bigintOf(b), step),
      {
        rowsInZone: ([a, b, step], zone) => moments(bigintOf(a), bigintOf(b), step ?? null, zone),
      },
    ),
  ];
}

/** Constants of the session, put in place by the planner. */
function session(): FunctionEntry[] {
  const named: readonly (readonly [string, readonly SignatureType[], SignatureType, string])[] = [
    ['version', [], 'text', 'Name and version of the server.'],
    ['mz_version', [], 'text', 'Name and version of the server.'],
    ['current_database', [], 'name', 'The database of the session.'],
    ['current_catalog', [], 'name', 'The database of the session.'],
    ['current_schema', [], 'name', 'The first schema of the search path that exists.'],
    [
      'current_schemas',
      ['bool'],
      '_name',
      'The schemas of the search path that exist; with true the implicit ones too.',
    ],
    ['current_user', [], 'name', 'The user whose rights count.'],
    ['session_user', [], 'name', 'The user who connected.'],
    ['user', [], 'name', 'The user whose rights count.'],
    ['current_role', [], 'name', 'The user whose rights count.'],
    ['current_setting', ['text'], 'text', 'The value of a setting.'],
    [
      'current_setting',
      ['text', 'bool'],
      'text',
      'The value of a setting; with true NULL if there is none of the name.',
    ],
    ['pg_backend_pid', [], 'int4', 'The number of the session.'],
    ['pg_cancel_backend', ['int4'], 'bool', 'Cancels what a session runs; whether there is one.'],
    ['pg_terminate_backend', ['int4'], 'bool', 'Ends a session; whether there is one.'],
    [
      'pg_terminate_backend',
      ['int4', 'int8'],
      'bool',
      'Ends a session; whether there is one. The time to wait is not used.',
    ],
    ['set_config', ['text', 'text', 'bool'], 'text', 'Sets a setting, for the block if true.'],
    ['pg_sleep', ['float8'], 'void', 'Waits so many seconds before the query runs.'],
    ['random', [], 'float8', 'A number from 0 to 1; not for each row of FROM.'],
    ['gen_random_uuid', [], 'uuid', 'A random identifier; not for each row of FROM.'],
    ['clock_timestamp', [], 'timestamptz', 'The moment of now; not for each row of FROM.'],
    ['pg_table_is_visible', ['oid'], 'bool', 'Whether the relation is found without its schema.'],
    ['to_regclass', ['text'], 'regclass', 'The relation of a name, or NULL.'],
    ['to_regtype', ['text'], 'regtype', 'The type of a name, or NULL.'],
  ];
  return named.map(([name, args, result, description]) =>
    entry('system', name, args, result, description, undefined, {
      volatility: 'stable',
      nullable: ['current_schema', 'current_setting', 'to_regclass', 'to_regtype'].includes(name),
    }),
  );
}

/** What catalog queries of clients call: the answers of a server without such objects. */
function catalog(): FunctionEntry[] {
  const fixed = (
    name: string,
    args: readonly SignatureType[],
    result: SignatureType,
    value: Datum,
    description: string,
  ): FunctionEntry =>
    entry('system', name, args, result, description, () => value, {
      volatility: 'stable',
      nullable: value === null,
    });
  const granted = 'Whether the right is held; rights are not kept, so it always is.';
  const visible = 'Whether the object is found without its schema; it always is.';
  const none = 'NULL: the server has no such objects.';
  const isTrue = (name: string, ...args: SignatureType[]): FunctionEntry =>
    fixed(name, args, 'bool', true, granted);
  return [
    ...[
      'type',
      'function',
      'operator',
      'opclass',
      'collation',
      'conversion',
      'opfamily',
      'statistics_obj',
      'ts_config',
      'ts_dict',
      'ts_parser',
      'ts_template',
    ].map((what) => fixed(`pg_${what}_is_visible`, ['oid'], 'bool', true, visible)),
    fixed('obj_description', ['oid', 'name'], 'text', null, none),
    fixed('obj_description', ['oid'], 'text', null, none),
    fixed('col_description', ['oid', 'int4'], 'text', null, none),
    fixed('shobj_description', ['oid', 'name'], 'text', null, none),
    fixed('pg_get_serial_sequence', ['text', 'text'], 'text', null, none),
    fixed('pg_get_ruledef', ['oid'], 'text', null, none),
    fixed('pg_get_triggerdef', ['oid'], 'text', null, none),
    fixed('pg_get_triggerdef', ['oid', 'bool'], 'text', null, none),
    fixed('pg_get_statisticsobjdef_columns', ['oid'], 'text', null, none),
    fixed('pg_get_partkeydef', ['oid'], 'text', null, none),
    fixed('pg_tablespace_location', ['oid'], 'text', null, none),
    fixed(
      'pg_relation_is_publishable',
      ['regclass'],
      'bool',
      false,
      'False: relations are not published.',
    ),
    fixed(
      'pg_is_other_temp_schema',
      ['oid'],
      'bool',
      false,
      'False: there are no temporary schemas.',
    ),
    fixed('pg_my_temp_schema', [], 'oid', 0n, 'Zero: there is no temporary schema.'),
    fixed('pg_is_in_recovery', [], 'bool', false, 'False: the server takes writes.'),
    fixed(
      'pg_encoding_to_char',
      ['int4'],
      'name',
      'UTF8',
      'The name of an encoding; there is one.',
    ),
    fixed('pg_char_to_encoding', ['name'], 'int4', 6, 'The number of an encoding; there is one.'),
    fixed('pg_client_encoding', [], 'name', 'UTF8', 'The encoding of the client; there is one.'),
    fixed('pg_relation_size', ['regclass'], 'int8', 0n, 'Zero: relations are not files.'),
    fixed('pg_table_size', ['regclass'], 'int8', 0n, 'Zero: relations are not files.'),
    fixed('pg_total_relation_size', ['regclass'], 'int8', 0n, 'Zero: relations are not files.'),
    fixed('pg_database_size', ['name'], 'int8', 0n, 'Zero: databases are not files.'),
    entry(
      'system',
      'pg_get_expr',
      ['text', 'oid'],
      'text',
      'The expression as text.',
      ([text]) => text,
      { volatility: 'stable' },
    ),
    entry(
      'system',
      'pg_get_expr',
      ['text', 'oid', 'bool'],
      'text',
      'The expression as text.',
      ([text]) => text,
      { volatility: 'stable' },
    ),
    entry('system', 'pg_get_userbyid', ['oid'], 'name', 'The name of a user.', undefined, {
      volatility: 'stable',
    }),
    entry('system', 'pg_get_viewdef', ['oid'], 'text', 'The query of a view.', undefined, {
      volatility: 'stable',
      nullable: true,
    }),
    entry('system', 'pg_get_viewdef', ['oid', 'bool'], 'text', 'The query of a view.', undefined, {
      volatility: 'stable',
      nullable: true,
    }),
    entry(
      'system',
      'pg_get_indexdef',
      ['oid'],
      'text',
      'The statement that makes an index.',
      undefined,
      { volatility: 'stable', nullable: true },
    ),
    entry(
      'system',
      'pg_get_indexdef',
      ['oid', 'int4', 'bool'],
      'text',
      'A column of an index, or the statement that makes it.',
      undefined,
      { volatility: 'stable', nullable: true },
    ),
    isTrue('has_schema_privilege', 'text', 'text'),
    isTrue('has_schema_privilege', 'oid', 'text'),
    isTrue('has_schema_privilege', 'name', 'text', 'text'),
    isTrue('has_table_privilege', 'text', 'text'),
    isTrue('has_table_privilege', 'oid', 'text'),
    isTrue('has_table_privilege', 'name', 'oid', 'text'),
    isTrue('has_database_privilege', 'text', 'text'),
    isTrue('has_database_privilege', 'oid', 'text'),
    isTrue('has_column_privilege', 'oid', 'int2', 'text'),
    isTrue('has_any_column_privilege', 'oid', 'text'),
    isTrue('pg_has_role', 'name', 'text'),
    isTrue('pg_has_role', 'oid', 'text'),
  ];
}

/** Answered by the planner, which knows the catalog. */
function definitions(): FunctionEntry[] {
  return [['oid'] as const, ['oid', 'bool'] as const].map((args) =>
    entry(
      'system',
      'pg_get_constraintdef',
      args,
      'text',
      'The definition of a constraint.',
      undefined,
      { volatility: 'stable', nullable: true },
    ),
  );
}

export const systemFunctions: readonly FunctionEntry[] = [
  ...general(),
  ...series(),
  ...session(),
  ...catalog(),
  ...definitions(),
];
