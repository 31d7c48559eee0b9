/**
 * Goal: generated functions work, are shared by text, and refuse text that could carry data.
 */
import { describe, expect, test } from 'vitest';
import { generate } from './codegen.ts';

type Binary = (a: number, b: number) => number;

describe('generate', () => {
  test('compiles a body over its parameters', () => {
    expect(generate<Binary>(['a', 'b'], 'return (a + b) | 0;')(0x7fffffff, 1)).toBe(-0x80000000);
  });

  test('gives the same function for the same text', () => {
    const body = 'return a * b;';
    expect(generate<Binary>(['a', 'b'], body)).toBe(generate<Binary>(['a', 'b'], body));
    expect(generate<Binary>(['a', 'b'], body)).not.toBe(generate<Binary>(['b', 'a'], body));
  });

  test('refuses quotes and escapes', () => {
    for (const body of ["return 'x';", 'return "x";', 'return `x`;', 'return a\\u0062;']) {
      expect(() => generate<Binary>(['a', 'b'], body)).toThrow(/names, numbers and operators/);
    }
  });

  test('forgets the oldest text, not the function that somebody holds', () => {
    const first = generate<() => number>([], 'return 41 + 1;');
    for (let i = 0; i < 5_000; i++) generate<() => number>([], `return ${i};`);
    expect(first()).toBe(42);
    expect(generate<() => number>([], 'return 41 + 1;')).not.toBe(first);
  });
});
