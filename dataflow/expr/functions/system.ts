/**
 * What clients ask a server about itself: constants of the session and texts about the catalog,
 * which the planner puts in place, and questions about objects such a server does not have, which
 * are answered here. All entries are `stable`.
 */
import type { Datum } from '../../value/datum.ts';
import type { Evaluate, FunctionEntry, SignatureType } from '../function-entry.ts';
import { entry } from '../function-entry.ts';

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

/** What catalog queries of clients call: the answers of a server without such objects. */
function absentObjects(): FunctionEntry[] {
  const visible = 'Whether the object is found without its schema; it always is.';
  const none = 'NULL: the server has no such objects.';
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
  ];
}

/** Names and definitions of objects, most of which the planner answers, knowing the catalog. */
function definitions(): FunctionEntry[] {
  const text = (
    name: string,
    args: readonly SignatureType[],
    description: string,
    evaluate?: Evaluate,
  ): FunctionEntry =>
    entry('system', name, args, 'text', description, evaluate, {
      volatility: 'stable',
      nullable: evaluate === undefined,
    });
  const expression = 'The expression as text.';
  const view = 'The query of a view.';
  return [
    text('pg_get_expr', ['text', 'oid'], expression, ([written]) => written),
    text('pg_get_expr', ['text', 'oid', 'bool'], expression, ([written]) => written),
    entry('system', 'pg_get_userbyid', ['oid'], 'name', 'The name of a user.', undefined, {
      volatility: 'stable',
    }),
    text('pg_get_viewdef', ['oid'], view),
    text('pg_get_viewdef', ['oid', 'bool'], view),
    text('pg_get_indexdef', ['oid'], 'The statement that makes an index.'),
    text(
      'pg_get_indexdef',
      ['oid', 'int4', 'bool'],
      'A column of an index, or the statement that makes it.',
    ),
    text('pg_get_constraintdef', ['oid'], 'The definition of a constraint.'),
    text('pg_get_constraintdef', ['oid', 'bool'], 'The definition of a constraint.'),
  ];
}

function privileges(): FunctionEntry[] {
  const granted = 'Whether the right is held; rights are not kept, so it always is.';
  const isTrue = (name: string, ...args: SignatureType[]): FunctionEntry =>
    fixed(name, args, 'bool', true, granted);
  return [
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

export const systemFunctions: readonly FunctionEntry[] = [
  ...session(),
  ...absentObjects(),
  ...definitions(),
  ...privileges(),
];
