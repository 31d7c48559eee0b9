/**
 * Goal: hostile patterns end in a bounded time, and both compiled forms of a pattern agree. Method:
 * known exponential patterns over texts that make them backtrack, with the guard on; random small
 * patterns over ASCII texts, the plain form against the Unicode form.
 */
import { expect, test } from 'vitest';
import { setRuntimeFlags } from '../../src/base/real/runtime-flags.ts';
import { Random } from '../../test/support/random.ts';
import { compileRegex, matches, occurs } from './regex.ts';

setRuntimeFlags();

test.each(['(a+)+$', '^(a|aa)*b', '(x+x+)+y', '(?i)(A+)+$', '([a-z]+)*\\d'])(
  '%s ends',
  (pattern) => {
    const text = `${'a'.repeat(60)}${'x'.repeat(60)}!`;
    expect(occurs(compileRegex(pattern), text)).toBe(false);
  },
);

test('the plain form agrees with the Unicode form', () => {
  const random = new Random(7);
  const atoms = [
    'a',
    'B',
    '.',
    '[a-c]',
    '[^bX]',
    '\\d',
    '\\w',
    '(a|B)',
    '\\m',
    '^',
    '$',
    '[Aq-]',
    'x{1,2}',
  ];
  const flags = ['', 'i', 'n', 'in', 's'];
  let agreed = 0;
  for (let k = 0; k < 3_000; k++) {
    const pattern = Array.from({ length: 1 + random.below(4) }, () => {
      const atom = random.pick(atoms);
      return /^(?:\^|\$|\\m|x.*)$/.test(atom) ? atom : atom + random.pick(['', '', '*', '+?', '?']);
    }).join('');
    const compiled = compileRegex(pattern, random.pick(flags));
    const text = Array.from({ length: random.below(8) }, () =>
      random.pick(['a', 'b', 'B', 'x', 'X', '1', '\n', '-', 'q']),
    ).join('');
    const plain = matches(compiled, text).map((match) => [...match]);
    const unicode = matches({ ...compiled, plain: null }, text).map((match) => [...match]);
    expect(plain, `${pattern} over ${JSON.stringify(text)}`).toEqual(unicode);
    agreed++;
  }
  expect(agreed).toBe(3_000);
});
