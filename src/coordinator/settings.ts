/**
 * Session settings: what SET, SHOW and start-up parameters can name. A session holds only the
 * values that differ from the defaults in the table of settings.
 */
import type { DatetimeContext } from '../../dataflow/value/datetime-text.ts';
import { plainContext } from '../../dataflow/value/datetime-text.ts';
import { fullZone } from '../../dataflow/value/timezone.ts';
import { sqlError } from '../base/error.ts';
import type { SettingEntry } from './setting-list.ts';
import { ignoredSettings, settingEntries } from './setting-list.ts';
import { durationMilliseconds } from './setting-value.ts';

const byName = new Map(settingEntries.map((entry) => [entry.name.toLowerCase(), entry]));

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
  #serializable = false;
  #serializableVersion = 0;
  #datetime = plainContext;
  #datetimeVersion = 0;

  /** Another number whenever a value may have changed. */
  get version(): number {
    return this.#version;
  }

  /** Whether reads take what is known already, instead of all that was acknowledged. */
  get serializable(): boolean {
    if (this.#serializableVersion !== this.#version) {
      this.#serializable = this.get('transaction_isolation') === 'serializable';
      this.#serializableVersion = this.#version;
    }
    return this.#serializable;
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
      if (ignoredSettings.has(name.toLowerCase()) || name.includes('.')) return;
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
      if (name.includes('.') || ignoredSettings.has(name.toLowerCase())) {
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
      if (!this.#values.delete(name.toLowerCase()) && !ignoredSettings.has(name.toLowerCase()))
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
      if (name.includes('.') || ignoredSettings.has(name.toLowerCase())) return value;
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
    return settingEntries.map((entry) => ({
      name: entry.name,
      value: this.#get(entry),
      description: entry.description,
    }));
  }

  reported(): readonly (readonly [string, string])[] {
    const all = settingEntries
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
