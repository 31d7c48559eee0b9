/**
 * Goal: the fast paths for numbers, dates and times agree with the full readers on every spelling.
 * Method: random spellings, many of them at the edges (digits around the fast paths' limits, leap
 * days, zones, fractions), each against `parseDatum` or exact arithmetic.
 */
import { expect, test } from 'vitest';
import { SqlError } from '../../src/base/error.ts';
import type { Datum } from '../../dataflow/value/datum.ts';
import { formatDecimal, parseDecimal } from '../../dataflow/value/decimal-text.ts';
import { parseDatum } from '../../dataflow/value/text-input.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import { column, decodeRecords, jsonSource } from '../../test/support/decode.ts';
import { Random } from '../../test/support/random.ts';

/** What a record gave: a datum, or undefined for an error. */
function readAll(type: TypeName, values: readonly string[], modifier = -1): (Datum | undefined)[] {
  const format = jsonSource([column('f', type, { modifier })]);
  const { rows, errors } = decodeRecords(
    format,
    values.map((value) => ({ value: `{"f":${value}}` })),
  );
  const failed = new Set(errors.map(({ message }) => Number(/offset (\d+)/.exec(message)?.[1])));
  let next = 0;
  return values.map((_, offset) => (failed.has(offset) ? undefined : rows[next++].row[0]));
}

function parsed(type: TypeName, text: string, modifier = -1): Datum | undefined {
  try {
    return parseDatum(type, text, modifier);
  } catch (error) {
    if (error instanceof SqlError) return undefined;
    throw error;
  }
}

function digits(random: Random, count: number): string {
  return Array.from({ length: count }, () => random.below(10)).join('');
}

/** A JSON number. */
function randomNumber(random: Random): string {
  const edges = [
    '0',
    '32767',
    '32768',
    '2147483647',
    '2147483648',
    '4294967295',
    '4294967296',
    '9007199254740991',
    '9007199254740992',
    '9223372036854775807',
    '9223372036854775808',
    '999999999999999',
    '1000000000000000',
  ];
  const whole = random.chance(0.3)
    ? random.pick(edges)
    : digits(random, 1 + random.below(random.chance(0.2) ? 24 : 17)).replace(/^0+(?=.)/, '');
  const fraction = random.chance(0.4)
    ? `.${random.chance(0.3) ? '0'.repeat(1 + random.below(4)) : digits(random, 1 + random.below(12))}`
    : '';
  const exponent = random.chance(0.15)
    ? `${random.pick(['e', 'E'])}${random.pick(['', '+', '-'])}${random.below(random.chance(0.1) ? 330 : 9)}`
    : '';
  return `${random.chance(0.3) ? '-' : ''}${whole}${fraction}${exponent}`;
}

const numbers = (seed: number): string[] => {
  const random = new Random(seed);
  return Array.from({ length: 4000 }, () => randomNumber(random));
};

test.each(['int2', 'int4', 'int8'] as const)('%s takes whole numbers in range, exactly', (type) => {
  const values = numbers(31);
  const expected = values.map((value) => {
    const printed = formatDecimal(parseDecimal(value));
    return /^-?\d+(\.0*)?$/.test(printed) ? parsed(type, printed.replace(/\.0*$/, '')) : undefined;
  });
  expect(readAll(type, values)).toEqual(expected);
  expect(
    readAll(
      type,
      values.map((value) => `"${value}"`),
    ),
  ).toEqual(values.map((value) => parsed(type, value)));
});

test('numeric, with and without modifier, from numbers and strings', () => {
  const values = numbers(32);
  for (const modifier of [
    -1,
    ((10 << 16) | 2) + 4,
    ((15 << 16) | 0) + 4,
    ((30 << 16) | 10) + 4,
    ((5 << 16) | (0x7ff & -2)) + 4,
  ]) {
    const expected = values.map((value) => parsed('numeric', value, modifier));
    expect(readAll('numeric', values, modifier)).toEqual(expected);
    expect(
      readAll(
        'numeric',
        values.map((value) => `"${value}"`),
        modifier,
      ),
    ).toEqual(expected);
  }
});

test('float8 and float4 are the nearest doubles and singles', () => {
  const values = numbers(33);
  expect(readAll('float8', values)).toEqual(
    values.map((value) => {
      const double = Number(value);
      const lost =
        !Number.isFinite(double) || (double === 0 && /[1-9]/.test(value.replace(/[eE].*/, '')));
      return lost ? undefined : double;
    }),
  );
  expect(readAll('float4', values)).toEqual(
    values.map((value) => {
      const single = Math.fround(Number(value));
      const lost =
        !Number.isFinite(single) || (single === 0 && /[1-9]/.test(value.replace(/[eE].*/, '')));
      return lost ? undefined : single;
    }),
  );
});

function pad(value: number, width = 2): string {
  return String(value).padStart(width, '0');
}

function randomMoment(random: Random): { date: string; time: string; zone: string } {
  const year = random.pick([
    1,
    4,
    100,
    1600,
    1900,
    1969,
    1970,
    1999,
    2000,
    2024,
    2100,
    9999,
    random.below(10_000),
  ]);
  const date = `${pad(year, 4)}-${pad(1 + random.below(12) + Number(random.chance(0.02)))}-${pad(1 + random.below(30) + Number(random.chance(0.1)))}`;
  const fraction = random.chance(0.5)
    ? `.${digits(random, 1 + random.below(random.chance(0.1) ? 9 : 6))}`
    : '';
  const seconds = random.chance(0.9)
    ? `:${pad(random.below(60) + Number(random.chance(0.02)))}${fraction}`
    : '';
  const time = `${pad(random.below(24) + Number(random.chance(0.02)))}:${pad(random.below(60))}${seconds}`;
  const zone = random.pick([
    '',
    'Z',
    'z',
    '+00',
    '-08',
    '+05:30',
    '-0330',
    '+14:00',
    '+12:34:56',
    '+16',
    ' +02',
    '+1',
  ]);
  return { date, time, zone };
}

test.each(['date', 'timestamp', 'timestamptz', 'time'] as const)('%s in ISO forms', (type) => {
  const random = new Random(34);
  const texts = Array.from({ length: 4000 }, () => {
    const { date, time, zone } = randomMoment(random);
    if (type === 'time') return `${time}${random.chance(0.3) ? zone : ''}`;
    return random.chance(0.2) ? date : `${date}${random.pick(['T', 't', ' '])}${time}${zone}`;
  });
  const got = readAll(
    type,
    texts.map((text) => `"${text}"`),
  );
  const expected = texts.map((text) => parsed(type, text));
  texts.forEach((text, k) => expect([text, got[k]]).toEqual([text, expected[k]]));
});

test('uuid and bytea as the full readers read them', () => {
  const random = new Random(35);
  const texts = Array.from({ length: 2000 }, () => {
    const hex = Array.from({ length: 32 }, () => random.pick([...'0123456789abcdefABCDEF'])).join(
      '',
    );
    const text = random.chance(0.8)
      ? [
          hex.slice(0, 8),
          hex.slice(8, 12),
          hex.slice(12, 16),
          hex.slice(16, 20),
          hex.slice(20),
        ].join('-')
      : hex;
    const characters = [...text];
    if (random.chance(0.3))
      characters[random.below(characters.length)] = random.pick(['g', '-', 'x', '0']);
    return characters.join('');
  });
  expect(
    readAll(
      'uuid',
      texts.map((text) => `"${text}"`),
    ),
  ).toEqual(texts.map((text) => parsed('uuid', text)));
  const bytes = texts.map((text) => `\\x${text.replaceAll('-', '')}`);
  expect(
    readAll(
      'bytea',
      bytes.map((text) => JSON.stringify(text)),
    ),
  ).toEqual(bytes.map((text) => parsed('bytea', text)));
});
