/**
 * Goal: a pattern of topics matches what the same regular expression of JavaScript matches as a
 * whole, in time that hostile patterns cannot stretch, and what is not understood is refused. Method:
 * random patterns and names over a small alphabet against `RegExp`; hostile ones counted in steps by
 * the clock of the test runner only, which would never end otherwise.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { TopicPattern } from './topic-pattern.ts';

/** A pattern of the common syntax. */
function randomPattern(random: Random, depth: number): string {
  const atom = (): string => {
    switch (random.below(depth > 0 ? 9 : 7)) {
      case 0:
        return '.';
      case 1:
        return random.pick(['[ab]', '[^a]', '[a-c]', '[-a]', '[a-]', '[\\w-]', '[^\\d.]', '[.]']);
      case 2:
        return random.pick(['\\.', '\\d', '\\w', '\\-', '\\D']);
      case 7:
        return `(${randomPattern(random, depth - 1)})`;
      case 8:
        return `(?:${randomPattern(random, depth - 1)})`;
      default:
        return random.pick(['a', 'b', 'c', '1', '-', '_']);
    }
  };
  const sequence = (): string =>
    Array.from({ length: random.below(4) }, () =>
      random.chance(0.4)
        ? atom() + random.pick(['*', '+', '?', '{2}', '{1,3}', '{0,2}', '{2,}', '{0}'])
        : atom(),
    ).join('');
  return Array.from({ length: 1 + random.below(3) }, sequence).join('|');
}

describe('a pattern of topics', () => {
  it('matches what a regular expression does', () => {
    const random = new Random(5);
    const seen = { yes: 0, no: 0 };
    for (let n = 0; n < 1_000; n++) {
      const text = randomPattern(random, 2);
      const whole = new RegExp(`^(?:${text})$`);
      const pattern = new TopicPattern(text);
      const anchors = text.includes('(') ? text : `^${text.replaceAll('|', '$|^')}$`;
      const anchored = new TopicPattern(anchors);
      for (let k = 0; k < 12; k++) {
        const length = random.below(6);
        const name = Array.from({ length }, () => random.pick([...'aabbc1-_.'])).join('');
        const wanted = whole.test(name);
        expect(pattern.matches(name), `${text} of "${name}"`).toBe(wanted);
        expect(anchored.matches(name), anchors).toBe(wanted);
        seen[wanted ? 'yes' : 'no']++;
      }
    }
    expect(Math.min(seen.yes, seen.no)).toBeGreaterThan(1_000);
  });

  it('matches whole names only, and anchors say nothing new', () => {
    for (const text of ['shop\\..*', '^shop\\..*', 'shop\\..*$', '^shop\\..*$|^other$']) {
      const pattern = new TopicPattern(text);
      expect(
        ['shop.orders', 'my.shop.orders', 'shop'].map((name) => pattern.matches(name)),
      ).toEqual([true, false, false]);
    }
  });

  it('is not stretched by what makes others go back', () => {
    const name = 'a'.repeat(249);
    for (const text of ['(a+)+b', '(a|a)*b', '(a*)*(a*)*b', '((a?){100}){20}b', '(.*.*.*.*)+b'])
      expect(new TopicPattern(text).matches(name), text).toBe(false);
    expect(new TopicPattern('(a+)+').matches(name)).toBe(true);
  });

  it('refuses what it does not understand, and what is too large', () => {
    const refused = [
      ...[
        '(',
        ')',
        'a)',
        '[',
        '[]',
        '*',
        'a**',
        'a{2',
        'a{3,1}',
        'a{256}',
        '\\',
        '\\b',
        '\\1',
        '(?=a)',
      ],
      ...['(?i)a', 'a+?', 'a^b', 'a$b', '[z-a]', '[[:alpha:]]', '(a$)', '{', '\\p{L}'],
    ];
    for (const text of refused)
      expect(() => new TopicPattern(text), text).toThrow('invalid pattern of topics');
    expect(() => new TopicPattern('a'.repeat(1_001))).toThrow('at most 1000 characters');
    expect(() => new TopicPattern('((a{255}){255}){255}')).toThrow('repeats too much');
    expect(() => new TopicPattern('('.repeat(60) + ')'.repeat(60))).toThrow('nested');
  });
});
