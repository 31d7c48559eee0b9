/**
 * How the values of settings are spelled: each function here makes the check of a kind of setting,
 * which gives the canonical spelling of a value or throws SqlError 22023.
 */
import { parseInterval } from '../../dataflow/value/interval-text.ts';
import { offsetZoneName, sessionZoneName } from '../../dataflow/value/timezone.ts';
import { sqlError } from '../base/error.ts';

function invalid(name: string, value: string, hint?: string): Error {
  return sqlError(
    '22023',
    `invalid value for parameter "${name}": "${value}"`,
    hint === undefined ? {} : { hint },
  );
}

/** Any text. */
export const free = (value: string): string => value;

/** One of a few words, in any case. */
export function oneOf(name: string, ...words: readonly string[]): (value: string) => string {
  return (value) => {
    const found = words.find((word) => word.toLowerCase() === value.toLowerCase());
    if (found === undefined) throw invalid(name, value, `Available values: ${words.join(', ')}.`);
    return found;
  };
}

/** A value that drivers set and that must stay what it is. */
export function only(name: string, accepted: RegExp, canonical: string): (value: string) => string {
  return (value) => {
    if (!accepted.test(value)) throw invalid(name, value, `Only ${canonical} is supported.`);
    return canonical;
  };
}

/** The words of booleans. */
export function boolean(name: string): (value: string) => string {
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
export function duration(name: string): (value: string) => string {
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

/** A whole number between two bounds. */
export function integer(name: string, least: number, greatest: number): (value: string) => string {
  return (value) => {
    const number = value.trim() === '' ? NaN : Number(value);
    if (!Number.isInteger(number) || number < least || number > greatest)
      throw invalid(name, value);
    return String(number);
  };
}

/** A zone's name, an offset in hours, or an interval as SET TIME ZONE INTERVAL writes it. */
export function zone(value: string): string {
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
