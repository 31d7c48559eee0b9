/**
 * Goal: lookups of one turn travel together, and nothing changes its order. Method: lists of
 * commands as a session would send them.
 */
import { describe, expect, it } from 'vitest';
import type { HostCommand } from '../coordinator/engine-link.ts';
import { joinLookups } from './message.ts';

function lookup(template: number, at: number, request: number): HostCommand {
  return { kind: 'lookupKeys', template, at, requests: [request], keys: [[request * 10]] };
}

describe('joinLookups', () => {
  it('joins lookups of one template at one step', () => {
    expect(
      joinLookups([lookup(1, 5, 1), lookup(1, 5, 2), lookup(2, 5, 3), lookup(2, 6, 4)]),
    ).toEqual([
      { kind: 'lookupKeys', template: 1, at: 5, requests: [1, 2], keys: [[10], [20]] },
      { kind: 'lookupKeys', template: 2, at: 5, requests: [3], keys: [[30]] },
      { kind: 'lookupKeys', template: 2, at: 6, requests: [4], keys: [[40]] },
    ]);
  });

  it('leaves everything else where it is', () => {
    const cancel: HostCommand = { kind: 'cancel', request: 1 };
    expect(joinLookups([lookup(1, 5, 1), cancel, lookup(1, 5, 2)])).toEqual([
      lookup(1, 5, 1),
      cancel,
      lookup(1, 5, 2),
    ]);
  });

  it('does not change the commands that it was given', () => {
    const first = lookup(1, 5, 1);
    joinLookups([first, lookup(1, 5, 2)]);
    expect(first).toEqual(lookup(1, 5, 1));
  });
});
