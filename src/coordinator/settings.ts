/**
 * Session settings: what SET, SHOW and start-up parameters can name. A setting is one entry of a
 * table; a session holds only the values that differ from the defaults. Settings of Postgres that
 * have no meaning here are accepted if their value is harmless (drivers set them unasked), and
 * refused by name if honouring them would change answers.
 */
import { sqlError } from '../base/error.ts';
import { parseInterval } from '../../dataflow/value/interval-text.ts';
import { fullZone, offsetZoneName, sessionZoneName } from '../../dataflow/value/timezone.ts';
import type { DatetimeContext } from '../../dataflow/value/datetime-text.ts';
import { plainContext } from '../../dataflow/value/datetime-text.ts';

interface SettingEntry {
  /** Canonical spelling, as SHOW and ParameterStatus give it. */
  readonly name: string;
  readonly initial: string;
  /** Sent to the client at start-up and when it changes. */
  readonly reported?: boolean;
  /** Gives the canonical value, or throws SqlError 22023. null: cannot be changed (55P02). */
  readonly check: ((value: string) => string) | null;
  readonly description: string;
}

function invalid(name: string, value: string, hint?: string): Error {
  return sqlError(
    '22023',
    `invalid value for parameter "${name}": "${value}"`,
    hint === undefined ? {} : { hint },
  );
}

const free = (value: string): string => value;

/** One of a few words, in any case. */
function oneOf(name: string, ...words: readonly string[]): (value: string) => string {
  return (value) => {
    const found = words.find((word) => word.toLowerCase() === value.toLowerCase());
    if (found === undefined) throw invalid(name, value, `Available values: ${words.join(', ')}.`);
    return found;
  };
}

/** A value that drivers set and that must stay what it is. */
function only(name: string, accepted: RegExp, canonical: string): (value: string) => string {
  return (value) => {
    if (!accepted.test(value)) throw invalid(name, value, `Only ${canonical} is supported.`);
    return canonical;
  };
}

function boolean(name: string): (value: string) => string {
  return (value) => {
    const word = value.toLowerCase();
    if (['on', 'true', 'yes', '1', 't', 'y'].includes(word)) return 'on';
    if (['off', 'false', 'no', '0', 'f', 'n'].includes(word)) return 'off';
    throw sqlError('22023', `parameter "${name}" requires a Boolean value`);
  };
}

const unitMilliseconds = new Map([
  ['', 1],
  ['us', 0.001],
  ['ms', 1],
  ['s', 1_000],
  ['min', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Milliseconds from `250`, `250ms`, `5s`, `1min`. */
export function durationMilliseconds(value: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/.exec(value);
  const unit = unitMilliseconds.get(match?.[2] ?? '?');
  if (match === null || unit === undefined) return undefined;
  return Math.round(Number(match[1]) * unit);
}

/** As timers and Postgres allow. */
const longestMilliseconds = 2 ** 31 - 1;
const shownUnits = ['d', 'h', 'min', 's', 'ms'];

/** In the largest unit that gives a whole number, as Postgres shows it. */
function duration(name: string): (value: string) => string {
  return (value) => {
    const milliseconds = durationMilliseconds(value);
    if (milliseconds === undefined) throw invalid(name, value);
    if (milliseconds > longestMilliseconds)
      throw invalid(name, value, 'Value exceeds integer range.');
    if (milliseconds === 0) return '0';
    const unit =
      shownUnits.find((each) => milliseconds % (unitMilliseconds.get(each) ?? 1) === 0) ?? 'ms';
    return `${milliseconds / (unitMilliseconds.get(unit) ?? 1)}${unit}`;
  };
}

function integer(name: string, least: number, greatest: number): (value: string) => string {
  return (value) => {
    const number = value.trim() === '' ? NaN : Number(value);
    if (!Number.isInteger(number) || number < least || number > greatest)
      throw invalid(name, value);
    return String(number);
  };
}

const isolations = [
  'serializable',
  'strict serializable',
  'read uncommitted',
  'read committed',
  'repeatable read',
];
/** A zone's name, an offset in hours, or an interval as SET TIME ZONE INTERVAL writes it. */
function zone(value: string): string {
  const interval = /^\s*interval\s*'([^']*)'\s*$/i.exec(value)?.[1];
  const text = value.replace(/^'(.*)'$/, '$1');
  const name = interval === undefined ? sessionZoneName(text) : intervalZone(interval);
  if (name === undefined) throw invalid('TimeZone', text);
  return name;
}

function intervalZone(text: string): string | undefined {
  const { months, days, microseconds } = parseInterval(text, -1);
  if (months !== 0) throw sqlError('22023', 'Cannot specify months in time zone interval.');
  if (days !== 0) throw sqlError('22023', 'Cannot specify days in time zone interval.');
  return offsetZoneName(Number(microseconds / 1_000_000n));
}

const entries: readonly SettingEntry[] = [
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

const byName = new Map(entries.map((entry) => [entry.name.toLowerCase(), entry]));

/** Settings of Postgres that clients set as a matter of routine and that change no answer here. */
const ignored = new Set([
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

function unknown(name: string): Error {
  return sqlError('42704', `unrecognized configuration parameter "${name}"`);
}

const none: readonly (readonly [string, string])[] = [];

/** The settings of one session. */
export class Settings {
  readonly #values = new Map<string, string>();
  readonly #initial = new Map<string, string>();
  readonly #changed = new Set<string>();
  /** Values that the client was told last. */
  readonly #told = new Map<string, string>();
  #version = 0;
  #timeout = 0;
  #timeoutVersion = 0;
  #datetime = plainContext;
  #datetimeVersion = 0;

  /** Another number whenever a value may have changed. */
  get version(): number {
    return this.#version;
  }

  /** `statement_timeout`; 0 is none. */
  get statementTimeoutMilliseconds(): number {
    if (this.#timeoutVersion !== this.#version) {
      this.#timeout = durationMilliseconds(this.get('statement_timeout') ?? '0') ?? 0;
      this.#timeoutVersion = this.#version;
    }
    return this.#timeout;
  }

  /** The zone that texts of moments are in; the same object while the zone is the same. */
  get datetime(): DatetimeContext {
    if (this.#datetimeVersion !== this.#version) {
      const zone = fullZone(this.get('timezone') ?? 'UTC') ?? plainContext.zone;
      if (zone !== this.#datetime.zone) this.#datetime = { zone };
      this.#datetimeVersion = this.#version;
    }
    return this.#datetime;
  }

  /** Sets what RESET goes back to; used by start-up parameters. */
  setInitial(name: string, value: string): void {
    this.#version++;
    const entry = byName.get(name.toLowerCase());
    if (entry === undefined) {
      if (ignored.has(name.toLowerCase()) || name.includes('.')) return;
      throw unknown(name);
    }
    const canonical = entry.check === null ? value : entry.check(value);
    this.#initial.set(entry.name, canonical);
    this.#values.delete(entry.name);
  }

  /** SET. Throws 42704, 22023, 55P02. */
  set(name: string, value: string): void {
    this.#version++;
    const entry = byName.get(name.toLowerCase());
    if (entry === undefined) {
      if (name.includes('.') || ignored.has(name.toLowerCase())) {
        this.#values.set(name.toLowerCase(), value);
        return;
      }
      throw unknown(name);
    }
    if (entry.check === null)
      throw sqlError('55P02', `parameter "${entry.name}" cannot be changed`);
    const canonical = entry.check(value);
    if (this.#get(entry) !== canonical) this.#changed.add(entry.name);
    this.#values.set(entry.name, canonical);
  }

  /** RESET name. */
  reset(name: string): void {
    this.#version++;
    const entry = byName.get(name.toLowerCase());
    if (entry === undefined) {
      if (!this.#values.delete(name.toLowerCase()) && !ignored.has(name.toLowerCase()))
        throw unknown(name);
      return;
    }
    const before = this.#get(entry);
    this.#values.delete(entry.name);
    if (this.#get(entry) !== before) this.#changed.add(entry.name);
  }

  resetAll(): void {
    for (const name of [...this.#values.keys()]) this.reset(name);
  }

  /** Canonical name and value. Throws 42704. */
  show(name: string): { readonly name: string; readonly value: string } {
    const entry = byName.get(name.toLowerCase());
    if (entry !== undefined) return { name: entry.name, value: this.#get(entry) };
    const value = this.#values.get(name.toLowerCase());
    if (value === undefined) throw unknown(name);
    return { name, value };
  }

  /** How a value would be shown that SET takes. Throws 42704, 22023, 55P02. */
  checked(name: string, value: string): string {
    const entry = byName.get(name.toLowerCase());
    if (entry === undefined) {
      if (name.includes('.') || ignored.has(name.toLowerCase())) return value;
      throw unknown(name);
    }
    if (entry.check === null)
      throw sqlError('55P02', `parameter "${entry.name}" cannot be changed`);
    return entry.check(value);
  }

  get(name: string): string | undefined {
    const entry = byName.get(name.toLowerCase());
    return entry === undefined ? this.#values.get(name.toLowerCase()) : this.#get(entry);
  }

  #get(entry: SettingEntry): string {
    return this.#values.get(entry.name) ?? this.#initial.get(entry.name) ?? entry.initial;
  }

  /** All settings for SHOW ALL and pg_settings. */
  all(): readonly {
    readonly name: string;
    readonly value: string;
    readonly description: string;
  }[] {
    return entries.map((entry) => ({
      name: entry.name,
      value: this.#get(entry),
      description: entry.description,
    }));
  }

  reported(): readonly (readonly [string, string])[] {
    const all = entries
      .filter((entry) => entry.reported === true)
      .map((entry) => [entry.name, this.#get(entry)] as const);
    for (const [name, value] of all) this.#told.set(name, value);
    return all;
  }

  /** Reported settings that are not what they were at the last call. */
  takeChanged(): readonly (readonly [string, string])[] {
    if (this.#changed.size === 0) return none;
    const before = new Map(this.#told);
    const changed = this.reported().filter(
      ([name, value]) => this.#changed.has(name) && before.get(name) !== value,
    );
    this.#changed.clear();
    return changed;
  }

  /** A copy to go back to, for SET LOCAL and rolled-back blocks. */
  snapshot(): ReadonlyMap<string, string> {
    return new Map(this.#values);
  }

  restore(snapshot: ReadonlyMap<string, string>): void {
    this.#version++;
    for (const name of new Set([...this.#values.keys(), ...snapshot.keys()])) {
      const value = snapshot.get(name);
      if (this.#values.get(name) === value) continue;
      this.#changed.add(name);
      if (value === undefined) this.#values.delete(name);
      else this.#values.set(name, value);
    }
  }
}
