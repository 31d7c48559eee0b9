/**
 * Goal: the numbers of JSON become the text that their numeric has, without becoming a numeric.
 * Method: random spellings and the edges of what numeric holds, against parsing and printing.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { SqlError } from '../../src/base/error.ts';
import { formatDecimal, parseDecimal, plainDecimal } from './decimal-text.ts';

function outcome(read: () => string): string {
  try {
    return read();
  } catch (error) {
    if (error instanceof SqlError) return error.fields.code;
    throw error;
  }
}

function spelling(random: Random): string {
  const digits = (most: number): string =>
    Array.from({ length: 1 + random.below(most) }, () => random.pick(['0', '0', '1', '7'])).join(
      '',
    );
  const whole = random.chance(0.4) ? '0' : `${1 + random.below(9)}${digits(6)}`;
  const fraction = random.chance(0.5) ? `.${digits(8)}` : '';
  const exponent = random.chance(0.6)
    ? random.pick(['e', 'E']) + random.pick(['', '+', '-']) + digits(2)
    : '';
  return (random.chance(0.3) ? '-' : '') + whole + fraction + exponent;
}

test('the point moves as it does in a numeric', () => {
  const random = new Random(41);
  const edges = ['1e131071', '1e131072', '-12e131070', '12e131071', '1e-16383', '1e-16384'];
  const wild = ['0e999999999999', '0e-99999', '1e99999999999999999999', '-0.0e-3', '0.00e2'];
  const texts = [...edges, ...wild, ...Array.from({ length: 2_000 }, () => spelling(random))];
  for (const text of texts) {
    const expected = outcome(() => formatDecimal(parseDecimal(text)));
    expect(
      outcome(() => plainDecimal(text)),
      text,
    ).toBe(expected);
  }
});
