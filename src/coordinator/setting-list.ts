/**
 * The table of all settings, and the names of those of Postgres that are accepted without effect,
 * since drivers set them unasked. Settings are refused by name if honouring them would change
 * answers.
 */
import { boolean, duration, free, integer, only, oneOf, zone } from './setting-value.ts';

/** What is known of a setting. */
export interface SettingEntry {
  /** Canonical spelling, as SHOW and ParameterStatus give it. */
  readonly name: string;
  readonly initial: string;
  /** Sent to the client at start-up and when it changes. */
  readonly reported?: boolean;
  /** Gives the canonical value, or throws SqlError 22023. null: cannot be changed (55P02). */
  readonly check: ((value: string) => string) | null;
  readonly description: string;
}

const isolations = [
  'serializable',
  'strict serializable',
  'read uncommitted',
  'read committed',
  'repeatable read',
];

export const settingEntries: readonly SettingEntry[] = [
  {
    name: 'application_name',
    initial: '',
    reported: true,
    check: free,
    description: 'Name of the client program.',
  },
  {
    name: 'client_encoding',
    initial: 'UTF8',
    reported: true,
    check: only('client_encoding', /^'?"?(utf-?8|unicode)"?'?$/i, 'UTF8'),
    description: 'Encoding of texts on the wire.',
  },
  {
    name: 'client_min_messages',
    initial: 'notice',
    check: oneOf(
      'client_min_messages',
      'debug5',
      'debug4',
      'debug3',
      'debug2',
      'debug1',
      'log',
      'notice',
      'warning',
      'error',
      'info',
    ),
    description: 'Least severity of notices that are sent.',
  },
  {
    name: 'DateStyle',
    initial: 'ISO, MDY',
    reported: true,
    check: only('DateStyle', /^\s*'?iso\s*(,\s*(mdy|dmy|ymd))?'?\s*$/i, 'ISO, MDY'),
    description: 'Format of dates.',
  },
  {
    name: 'default_transaction_isolation',
    initial: 'strict serializable',
    check: oneOf('default_transaction_isolation', ...isolations),
    description: 'Isolation of new transactions.',
  },
  {
    name: 'default_transaction_read_only',
    initial: 'off',
    reported: true,
    check: boolean('default_transaction_read_only'),
    description: 'Whether new transactions are read-only.',
  },
  {
    name: 'extra_float_digits',
    initial: '1',
    check: integer('extra_float_digits', -15, 3),
    description: 'Digits of floating-point numbers; shortest exact form is always used.',
  },
  {
    name: 'idle_in_transaction_session_timeout',
    initial: '0',
    check: duration('idle_in_transaction_session_timeout'),
    description: 'Longest idle time in a transaction; 0 is none.',
  },
  {
    name: 'in_hot_standby',
    initial: 'off',
    reported: true,
    check: null,
    description: 'Always off.',
  },
  {
    name: 'integer_datetimes',
    initial: 'on',
    reported: true,
    check: null,
    description: 'Always on.',
  },
  {
    name: 'IntervalStyle',
    initial: 'postgres',
    reported: true,
    check: only('IntervalStyle', /^'?postgres'?$/i, 'postgres'),
    description: 'Format of intervals.',
  },
  {
    name: 'is_superuser',
    initial: 'on',
    reported: true,
    check: null,
    description: 'Whether the user is a superuser.',
  },
  {
    name: 'lock_timeout',
    initial: '0',
    check: duration('lock_timeout'),
    description: 'Accepted; there are no locks to wait for.',
  },
  {
    name: 'max_identifier_length',
    initial: '63',
    check: null,
    description: 'Bytes of an identifier.',
  },
  {
    name: 'search_path',
    initial: '"$user", public',
    check: free,
    description: 'Schemas that unqualified names are looked up in.',
  },
  {
    name: 'server_encoding',
    initial: 'UTF8',
    reported: true,
    check: null,
    description: 'Always UTF8.',
  },
  {
    name: 'server_version',
    initial: '15.0 (Millrace 0.1.0)',
    reported: true,
    check: null,
    description: 'Version that clients choose their catalog queries by.',
  },
  {
    name: 'server_version_num',
    initial: '150000',
    check: null,
    description: 'The same as a number.',
  },
  {
    name: 'session_authorization',
    initial: '',
    reported: true,
    check: null,
    description: 'The user of the session.',
  },
  {
    name: 'standard_conforming_strings',
    initial: 'on',
    reported: true,
    check: only('standard_conforming_strings', /^(on|true|1|yes)$/i, 'on'),
    description: 'Backslashes in plain strings are ordinary characters.',
  },
  {
    name: 'statement_timeout',
    initial: '0',
    check: duration('statement_timeout'),
    description: 'Longest run of a statement; 0 is none.',
  },
  {
    name: 'TimeZone',
    initial: 'UTC',
    reported: true,
    check: zone,
    description: 'Time zone of the session.',
  },
  {
    name: 'transaction_isolation',
    initial: 'strict serializable',
    check: oneOf('transaction_isolation', ...isolations),
    description: 'Isolation of the current transaction.',
  },
  {
    name: 'transaction_read_only',
    initial: 'off',
    check: boolean('transaction_read_only'),
    description: 'Whether the current transaction is read-only.',
  },
  {
    name: 'bytea_output',
    initial: 'hex',
    check: only('bytea_output', /^'?hex'?$/i, 'hex'),
    description: 'Format of bytea.',
  },
  {
    name: 'row_security',
    initial: 'on',
    check: boolean('row_security'),
    description: 'Accepted; there is no row security.',
  },
  {
    name: 'synchronous_commit',
    initial: 'on',
    check: free,
    description: 'Accepted; writes are acknowledged when they are readable.',
  },
  { name: 'jit', initial: 'off', check: boolean('jit'), description: 'Accepted without effect.' },
  { name: 'lc_messages', initial: 'C', check: free, description: 'Accepted without effect.' },
  { name: 'lc_collate', initial: 'C', check: null, description: 'Order of texts: by code point.' },
  { name: 'lc_ctype', initial: 'C.UTF-8', check: null, description: 'Classes of characters.' },
];

/** Settings of Postgres that clients set as a matter of routine and that change no answer here. */
export const ignoredSettings = new Set([
  'geqo',
  'work_mem',
  'maintenance_work_mem',
  'enable_seqscan',
  'enable_hashjoin',
  'enable_mergejoin',
  'enable_nestloop',
  'enable_indexscan',
  'enable_bitmapscan',
  'enable_sort',
  'enable_hashagg',
  'max_parallel_workers_per_gather',
  'tcp_keepalives_idle',
  'tcp_keepalives_interval',
  'tcp_keepalives_count',
  'check_function_bodies',
  'default_tablespace',
  'default_table_access_method',
  'xmloption',
  'quote_all_identifiers',
  'idle_session_timeout',
  'default_text_search_config',
  'log_statement',
  'log_min_messages',
  'log_min_duration_statement',
  'track_activities',
  'escape_string_warning',
  'cursor_tuple_fraction',
  'plan_cache_mode',
  'gin_fuzzy_search_limit',
  'vacuum_cost_delay',
  'temp_buffers',
  'commit_delay',
  'password_encryption',
  'lc_monetary',
  'lc_numeric',
  'lc_time',
  'synchronize_seqscans',
  'transaction_timeout',
]);
