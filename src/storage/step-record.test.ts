/** Goal: a step comes back from its bytes as it was. Method: round trips, and damaged bytes. */
import { describe, expect, it } from 'vitest';
import type { StepRecord } from './step-record.ts';
import { decodeStep, encodeStep } from './step-record.ts';

const empty: StepRecord = {
  step: 0,
  time: 0,
  catalog: [],
  counters: { oid: 16384, number: 1 },
  starts: [],
  bound: [],
  tables: [],
};

function batch(words: readonly number[]) {
  return {
    buffer: Int32Array.from(words).buffer,
    rows: 2,
    column: Int32Array.of(0, 2),
    nulls: Int32Array.of(-1, 24),
    weight: 4,
  };
}

describe('a step in the log', () => {
  it('comes back as it was', () => {
    const full: StepRecord = {
      ...empty,
      step: 7,
      time: 1_700_000_000_000,
      catalog: [
        { kind: 'put', oid: 16384, object: '{"name":"t \\"ü\\""}' },
        { kind: 'remove', oid: 16385 },
      ],
      starts: [
        { collection: 3, slot: 0, offset: 0n, place: null },
        { collection: 3, slot: 7, offset: 4n, place: { topic: 'ü', partition: 2, topicId: 'ab' } },
        { collection: 4, slot: 0, offset: 4n, place: { topic: 't', partition: 0, topicId: null } },
      ],
      bound: [{ collection: 3, slot: 1, offset: 2n ** 62n + 1n }],
      tables: [
        { collection: 1, batch: batch([1, 2, 3]) },
        { collection: 2, batch: batch([]) },
        { collection: 1, batch: batch([-1, 5, 6, 7, 8]) },
      ],
    };
    const refusing = { ...empty, refused: { step: 7, tables: [1, 2] } };
    for (const record of [empty, full, refusing])
      expect(decodeStep(encodeStep(record))).toEqual(record);
    // From the middle of a larger buffer as well.
    const bytes = encodeStep(full);
    const wide = new Uint8Array(bytes.length + 8);
    wide.set(bytes, 4);
    expect(decodeStep(wide.subarray(4, 4 + bytes.length))).toEqual(full);
  });

  it('is refused if it is too short', () => {
    const bytes = encodeStep({ ...empty, tables: [{ collection: 1, batch: batch([1, 2, 3]) }] });
    for (const length of [0, 3, 8, 20, bytes.length - 8]) {
      expect(() => decodeStep(bytes.subarray(0, length)), String(length)).toThrow();
    }
  });
});
