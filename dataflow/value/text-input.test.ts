/**
 * Goal: texts of all types read and print as Postgres does, errors included, and what is printed
 * reads back. Method: a recorded table; then, per type, every printed form again.
 */
import { expect, test } from 'vitest';
import { SqlError } from '../../src/base/error.ts';
import type { ErrorFields } from '../../src/base/error.ts';
import { compareDatums } from './datum-column.ts';
import type { Datum } from './datum.ts';
import { textCases } from './text-cases.ts';
import { fitText, parseDatum } from './text-input.ts';
import { formatDatum } from './text-output.ts';
import { zoneByName } from './timezone.ts';
import type { TypeName } from './type.ts';

function answer(type: TypeName, text: string, modifier: number): string | ErrorFields {
  try {
    return formatDatum(type, parseDatum(type, text, modifier), modifier);
  } catch (error) {
    if (error instanceof SqlError) return error.fields;
    throw error;
  }
}

const types = [...new Set(textCases.map(([type]) => type))];

test.each(types)('%s reads and prints as Postgres does', (type) => {
  for (const [caseType, modifier, text, expected] of textCases) {
    if (caseType === type) expect([text, answer(type, text, modifier)]).toEqual([text, expected]);
  }
});

test.each(types)('%s: a printed value reads back as the same value', (type) => {
  const values: Datum[] = [];
  for (const [caseType, modifier, , expected] of textCases) {
    if (caseType !== type || typeof expected !== 'string') continue;
    const value = parseDatum(type, expected, modifier);
    expect(formatDatum(type, value, modifier)).toBe(expected);
    values.push(value);
  }
  expect(values.length).toBeGreaterThan(0);
  for (const a of values) {
    for (const b of values.slice(0, 12)) {
      expect(Math.sign(compareDatums(type, a, b)) + Math.sign(compareDatums(type, b, a))).toBe(0);
    }
  }
});

test('an explicit cast cuts what an assignment refuses', () => {
  expect(fitText('varchar', 'äbcd', 4 + 2, true)).toBe('äb');
  expect(fitText('bpchar', 'ab  cd', 4 + 4, true)).toBe('ab');
  expect(fitText('varchar', '😀😀😀', 4 + 2, true)).toBe('😀😀');
});

test('timestamptz reads and prints in the zone of the session', () => {
  const context = { zone: zoneByName('America/New_York') };
  const shown = (text: string): string =>
    formatDatum('timestamptz', parseDatum('timestamptz', text, -1, context), -1, context);
  expect(shown('2020-01-02 03:04:05')).toBe('2020-01-02 03:04:05-05');
  expect(shown('2020-07-02 03:04:05')).toBe('2020-07-02 03:04:05-04');
  expect(shown('2020-03-08 02:30')).toBe('2020-03-08 03:30:00-04');
  expect(shown('2020-11-01 01:30')).toBe('2020-11-01 01:30:00-05');
  expect(shown('2020-11-01 05:30Z')).toBe('2020-11-01 01:30:00-04');
  expect(shown('1800-01-01 00:00')).toBe('1800-01-01 00:00:00-04:56:02');
  expect(shown('2100-07-01 00:00')).toBe('2100-07-01 00:00:00-04');
});

test('now and its kin need a clock that is given', () => {
  const now = 631_153_800_000_000n;
  const context = { zone: zoneByName('UTC'), now };
  expect(() => parseDatum('timestamp', 'now')).toThrow('invalid input syntax');
  expect(parseDatum('timestamptz', 'now', -1, context)).toBe(now);
  expect(formatDatum('timestamp', parseDatum('timestamp', 'now', -1, context))).toBe(
    '2020-01-01 00:30:00',
  );
  expect(formatDatum('timestamp', parseDatum('timestamp', 'tomorrow 10:00', -1, context))).toBe(
    '2020-01-02 10:00:00',
  );
  expect(formatDatum('date', parseDatum('date', 'yesterday', -1, context))).toBe('2019-12-31');
});

test('hostile texts end in an error, not in a crash', () => {
  const deep = '['.repeat(100_000);
  expect(() => parseDatum('jsonb', deep)).toThrow('stack depth limit exceeded');
  expect(() => parseDatum('numeric', '9'.repeat(1_000_000))).toThrow(
    'value overflows numeric format',
  );
  expect(() => parseDatum('numeric', '1e999999999')).toThrow('value overflows numeric format');
  expect(() => parseDatum('int8', '9'.repeat(1_000_000))).toThrow('out of range');
  expect(() => parseDatum('interval', '1'.repeat(100_000))).toThrow('invalid input syntax');
  expect(() => parseDatum('timestamp', '2020-01-01 '.repeat(100_000))).toThrow(
    'invalid input syntax',
  );
  expect(() => parseDatum('text', 'a\0b')).toThrow('0x00');
  expect(() => parseDatum('_int4', '{{1},{2}}')).toThrow('more than one dimension');
});
