/**
 * Goal: pruning keeps what filters and outputs need, and nothing else. Method: a program with an
 * unused branch, written out before and after.
 */
import { describe, expect, it } from 'vitest';
import type { Program } from '../../../dataflow/expr/expr.ts';
import { prunedProgram } from './pruned-program.ts';

const program: Program = {
  nodes: [
    { kind: 'column', column: 0, type: 'int4' },
    { kind: 'constant', value: null, type: 'int4', parameter: 1 },
    { kind: 'call', fn: 'eq(int4,int4)', args: [0, 1], type: 'bool' },
    { kind: 'column', column: 3, type: 'int4' },
    { kind: 'isNull', arg: 3, type: 'bool' },
    { kind: 'constant', value: 7, type: 'int4' },
    { kind: 'case', branches: [[4, 5]], otherwise: 3, type: 'int4' },
  ],
  filters: [],
  outputs: [6],
};

describe('prunedProgram', () => {
  it('drops what nothing needs and renumbers the rest', () => {
    expect(prunedProgram(program)).toEqual({
      nodes: [
        { kind: 'column', column: 3, type: 'int4' },
        { kind: 'isNull', arg: 0, type: 'bool' },
        { kind: 'constant', value: 7, type: 'int4' },
        { kind: 'case', branches: [[1, 2]], otherwise: 0, type: 'int4' },
      ],
      filters: [],
      outputs: [3],
    });
  });

  it('leaves a program alone that needs all of its nodes', () => {
    const whole = { ...program, filters: [2] };
    expect(prunedProgram(whole)).toBe(whole);
  });
});
