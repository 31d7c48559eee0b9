/** Goal: options are taken by type and name, once, and none is ignored. */
import { describe, expect, it } from 'vitest';
import { SqlError } from '../../base/error.ts';
import type { OptionValue } from '../../sql/ast.ts';
import { Options } from './option.ts';

function of(value: OptionValue, name = 'X'): Options {
  return new Options('CREATE THING', [{ name, value, position: 1 }]);
}

function code(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof SqlError) return error.fields.code;
    throw error;
  }
  return 'none';
}

describe('Options', () => {
  it('gives values of the type that is asked for', () => {
    expect(of({ kind: 'string', text: 'a' }).string('X')).toBe('a');
    expect(of({ kind: 'none' }).boolean('X')).toBe(true);
    expect(of({ kind: 'identifier', text: 'OFF' }).boolean('X')).toBe(false);
    expect(of({ kind: 'number', text: '-9223372036854775808' }).integer('X')).toBe(-(2n ** 63n));
    const list: OptionValue = {
      kind: 'list',
      items: [
        { kind: 'number', text: '1' },
        { kind: 'number', text: '2' },
      ],
    };
    expect(of(list).integers('X')).toEqual([1n, 2n]);
    expect(of({ kind: 'none' }).string('Y')).toBeUndefined();
  });

  it('refuses values of other types', () => {
    expect(code(() => of({ kind: 'number', text: '1' }).string('X'))).toBe('22023');
    expect(code(() => of({ kind: 'string', text: 'maybe' }).boolean('X'))).toBe('22023');
    expect(code(() => of({ kind: 'number', text: '1.5' }).integer('X'))).toBe('22023');
    expect(code(() => of({ kind: 'number', text: '9223372036854775808' }).integer('X'))).toBe(
      '22023',
    );
    expect(code(() => of({ kind: 'number', text: '99999999999999999999' }).integers('X'))).toBe(
      '22023',
    );
  });

  it('refuses what is given twice or is not known', () => {
    const option = { name: 'X', value: { kind: 'none' }, position: 3 } as const;
    expect(code(() => new Options('CREATE THING', [option, option]))).toBe('42601');
    const options = new Options('CREATE THING', [option, { ...option, name: 'Y' }]);
    options.take('X');
    expect(code(() => options.rest())).toBe('0A000');
    options.take('Y');
    expect(code(() => options.rest())).toBe('none');
  });
});
