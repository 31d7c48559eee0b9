/**
 * Goal: what was written when each source had one topic and knew partitions only is read as what it
 * meant: slots are the partitions of that topic. Method: texts as they were written then.
 */
import { describe, expect, it } from 'vitest';
import { createText } from '../catalog/create-text.ts';
import { Catalog } from '../catalog/catalog.ts';
import { objectOf } from '../catalog/durable-object.ts';
import { assert } from '../base/assert.ts';
import { decodeContent } from './checkpoint-content.ts';
import { RecoveredState } from './recovered-state.ts';

const source = JSON.stringify({
  kind: 'source',
  ...{ oid: 16385, schema: 'public', name: 's', columns: [], connection: 16384, collection: 3 },
  format: {
    ...{ topic: 'old', key: null, value: 'TEXT', envelope: 'none', columns: [], keyColumns: [] },
  },
  start: { kind: 'offsets', offsets: [{ bigint: '5' }] },
  stored: false,
});

const content = JSON.stringify({
  ...{ stateFormat: 1, step: 7, time: 1, counters: { oid: 16386, number: 4 } },
  objects: [[16385, source]],
  starts: [{ collection: 3, partition: 1, offset: { bigint: '5' } }],
  read: [{ collection: 3, partition: 1, offset: { bigint: '8' } }],
  bound: [{ collection: 3, partition: 1, offset: { bigint: '9' } }],
  ...{ collections: [], dataflows: [] },
});

describe('the form of one topic a source', () => {
  it('is read as slots that are partitions of that topic', () => {
    const object = objectOf(source);
    assert(object.kind === 'source', 'it is a source');
    expect(object.topics).toEqual({ kind: 'names', names: ['old'] });
    expect(Object.keys(object.format)).not.toContain('topic');
    expect(createText(new Catalog([]), object)).toContain(`(TOPIC 'old', START OFFSET (5))`);
    const state = new RecoveredState(decodeContent(new TextEncoder().encode(content)));
    const later = {
      ...{ step: 8, time: 2, catalog: [], counters: { oid: 16386, number: 4 }, tables: [] },
      starts: [{ collection: 3, slot: 2, offset: 0n, place: null }],
      bound: [{ collection: 3, slot: 2, offset: 4n }],
    };
    state.take(later);
    const place = (partition: number) => ({ topic: 'old', partition, topicId: null });
    expect(state.offsets(object)).toEqual({
      places: new Map([
        [1, place(1)],
        [2, place(2)],
      ]),
      starts: new Map([
        [1, 5n],
        [2, 0n],
      ]),
      bound: new Map([
        [1, 9n],
        [2, 4n],
      ]),
      read: new Map([[1, 8n]]),
    });
  });

  it('keeps the id of a topic once it is known', () => {
    const object = objectOf(source);
    assert(object.kind === 'source', 'it is a source');
    const state = new RecoveredState(decodeContent(new TextEncoder().encode(content)));
    const place = { topic: 'old', partition: 1, topicId: 'ab' };
    state.take({
      ...{ step: 8, time: 2, catalog: [], counters: { oid: 1, number: 4 }, tables: [], bound: [] },
      starts: [{ collection: 3, slot: 1, offset: 5n, place }],
    });
    expect(state.offsets(object).places).toEqual(new Map([[1, place]]));
  });
});
