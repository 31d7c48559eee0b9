/**
 * Goal: settings take, show and refuse what Postgres does where they mean the same. Answers of
 * Postgres 15.
 */
import { describe, expect, it } from 'vitest';
import { SqlError } from '../base/error.ts';
import { Settings } from './settings.ts';

/** The value that SHOW gives after SET, or the error. */
function after(name: string, value: string): string {
  const settings = new Settings();
  try {
    settings.set(name, value);
    return settings.show(name).value;
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return error.fields.code;
  }
}

const cases: readonly (readonly [name: string, value: string, shown: string])[] = [
  ['statement_timeout', '60000', '1min'],
  ['statement_timeout', '1500ms', '1500ms'],
  ['statement_timeout', '90s', '90s'],
  ['statement_timeout', '1.5min', '90s'],
  ['statement_timeout', '1 h', '1h'],
  ['statement_timeout', '3000us', '3ms'],
  ['statement_timeout', '0', '0'],
  ['statement_timeout', '2147483647', '2147483647ms'],
  ['statement_timeout', '2147483648', '22023'],
  ['statement_timeout', '25d', '22023'],
  ['statement_timeout', '-1', '22023'],
  ['statement_timeout', 'abc', '22023'],
  ['statement_timeout', '1 parsec', '22023'],
  ['extra_float_digits', '', '22023'],
  ['extra_float_digits', '1e0', '1'],
  ['extra_float_digits', '9', '22023'],
  ['client_encoding', 'utf-8', 'UTF8'],
  ['client_encoding', 'latin1', '22023'],
  ['DATESTYLE', 'iso, dmy', 'ISO, MDY'],
  ['datestyle', 'german', '22023'],
  ['standard_conforming_strings', 'off', '22023'],
  ['default_transaction_read_only', 'TRUE', 'on'],
  ['default_transaction_read_only', 'maybe', '22023'],
  ['server_version', '99', '55P02'],
  ['nope', '1', '42704'],
  ['my.own', 'x', 'x'],
  ['__proto__', '1', '42704'],
];

describe('Settings', () => {
  it.each(cases)('SET %s = %s gives %s', (name, value, shown) => {
    expect(after(name, value)).toBe(shown);
  });

  it('goes back to what start-up said, and tells the client of changes once', () => {
    const settings = new Settings();
    settings.setInitial('application_name', 'first');
    expect(settings.takeChanged()).toEqual([]);
    settings.set('application_name', 'second');
    settings.set('statement_timeout', '5');
    expect(settings.takeChanged()).toEqual([['application_name', 'second']]);
    expect(settings.takeChanged()).toEqual([]);
    expect(settings.statementTimeoutMilliseconds).toBe(5);
    settings.resetAll();
    expect(settings.takeChanged()).toEqual([['application_name', 'first']]);
    expect(settings.statementTimeoutMilliseconds).toBe(0);
  });

  it('restores a snapshot, and counts versions up', () => {
    const settings = new Settings();
    settings.set('my.own', '1');
    const snapshot = settings.snapshot();
    const { version } = settings;
    settings.set('my.own', '2');
    settings.set('application_name', 'x');
    settings.takeChanged();
    settings.restore(snapshot);
    expect([settings.get('my.own'), settings.get('application_name')]).toEqual(['1', '']);
    expect(settings.takeChanged()).toEqual([['application_name', '']]);
    expect(settings.version).toBeGreaterThan(version);
  });
});
