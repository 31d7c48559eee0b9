/**
 * Goal: Debezium's events in Avro make the table that they tell of, with columns and primary key
 * from the schemas alone. Method: schemas as Kafka Connect's converter for Avro derives them from a
 * table (names of types in `connect.name`), events by avsc, an embedded broker and registry;
 * values of each type against what they were made of, and random events against a plain map.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import avro from 'avsc';
import { describe, expect, it } from 'vitest';
import { assert } from '../src/base/assert.ts';
import type { RigRecord } from './support/kafka-rig.ts';
import { Random } from './support/random.ts';
import { useRegistryRig } from './support/registry-rig.ts';

const { rig, registry } = useRegistryRig();

/** A field as Avro has it. */
interface Whole {
  readonly name: string;
  readonly type: unknown;
  readonly default: null;
}

type Field = readonly [name: string, type: string, connectName?: string, more?: object];

const typed = ([, type, name, more]: Field): unknown =>
  name === undefined ? type : { type, 'connect.version': 1, 'connect.name': name, ...more };

/** The schemas of a topic's key and value; fields of the key cannot be NULL. */
function schemasOf(
  topic: string,
  key: readonly Field[],
  fields: readonly (Field | Whole)[],
): { key: object; value: object } {
  const keyFields = key.map((field) => ({ name: field[0], type: typed(field) }));
  const others = fields.map((field) =>
    'name' in field ? field : { name: field[0], type: ['null', typed(field)], default: null },
  );
  const row = { type: 'record', name: 'Value', fields: [...keyFields, ...others] };
  const source = {
    type: 'record',
    name: 'Source',
    namespace: 'io.debezium.connector.postgresql',
    fields: [
      { name: 'version', type: 'string' },
      { name: 'lsn', type: ['null', 'long'], default: null },
      {
        name: 'snapshot',
        type: [{ type: 'string', 'connect.name': 'io.debezium.data.Enum' }, 'null'],
        default: 'false',
      },
    ],
  };
  return {
    key: { type: 'record', name: 'Key', namespace: topic, fields: keyFields },
    value: {
      type: 'record',
      name: 'Envelope',
      namespace: topic,
      fields: [
        { name: 'before', type: ['null', row], default: null },
        { name: 'after', type: ['null', 'Value'], default: null },
        { name: 'source', type: source },
        { name: 'transaction', type: ['null', 'string'], default: null },
        { name: 'op', type: 'string' },
        { name: 'ts_ms', type: ['null', 'long'], default: null },
      ],
    },
  };
}

/** A writer of one registered schema. */
function writer(subject: string, schema: object): (value: unknown) => Uint8Array {
  const { id } = registry().store.register(subject, JSON.stringify(schema), []);
  const type = avro.Type.forSchema(schema as never, { wrapUnions: true });
  return (value) => {
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(id, 1);
    return new Uint8Array(Buffer.concat([frame, type.toBuffer(value)]));
  };
}

interface Writers {
  readonly key: (value: unknown) => Uint8Array;
  readonly value: (value: unknown) => Uint8Array;
}

function writersOf(topic: string, schemas: { key: object; value: object }): Writers {
  return {
    key: writer(`${topic}-key`, schemas.key),
    value: writer(`${topic}-value`, schemas.value),
  };
}

/** An event of a topic. */
function event(
  topic: string,
  { key, value }: Writers,
  op: string,
  id: object | null,
  row: object | null,
): RigRecord {
  const wrapped = row && { [`${topic}.Value`]: row };
  const isDelete = op === 'd';
  return {
    key: id && key(id),
    value: value({
      before: isDelete ? wrapped : null,
      after: isDelete ? null : wrapped,
      source: { version: '3', lsn: { long: 1 }, snapshot: { string: 'false' } },
      transaction: null,
      op,
      ts_ms: { long: 5 },
    }),
  };
}

const create = (topic: string): string => `CREATE SOURCE ${topic} FROM KAFKA CONNECTION k
  (TOPIC '${topic}') FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY CONNECTION r ENVELOPE DEBEZIUM`;

async function eventually(text: string, expected: unknown): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const rows = await rig()
      .rows(text)
      .catch((error: unknown) => String(error));
    if (JSON.stringify(rows) === JSON.stringify(expected)) return;
    if (performance.now() > deadline) expect(rows).toEqual(expected);
    await sleep(20);
  }
}

const time = 'io.debezium.time';
const data = 'io.debezium.data';
const types: readonly (readonly [Field | Whole, unknown, string, string])[] = [
  [['b', 'boolean'], { boolean: true }, 'boolean', 'true'],
  [['i2', 'int'], { int: 7 }, 'integer', '7'],
  [['i8', 'long'], { long: 5_000_000_000 }, 'bigint', '5000000000'],
  [['day', 'int', `${time}.Date`], { int: 1 }, 'date', '1970-01-02'],
  [['t3', 'int', `${time}.Time`], { int: 1500 }, 'time without time zone', '00:00:01.5'],
  [['t6', 'long', `${time}.MicroTime`], { long: 1 }, 'time without time zone', '00:00:00.000001'],
  [
    ['at3', 'long', `${time}.Timestamp`],
    { long: 1500 },
    'timestamp without time zone',
    '1970-01-01 00:00:01.5',
  ],
  [
    ['at6', 'long', `${time}.MicroTimestamp`],
    { long: 1_000_001 },
    'timestamp without time zone',
    '1970-01-01 00:00:01.000001',
  ],
  [
    ['at9', 'long', `${time}.NanoTimestamp`],
    { long: 1_000_001_999 },
    'timestamp without time zone',
    '1970-01-01 00:00:01.000001',
  ],
  [
    ['atz', 'string', `${time}.ZonedTimestamp`],
    { string: '2026-11-24T17:42:31.632049+01:00' },
    'timestamp with time zone',
    '2026-11-24 16:42:31.632049+00',
  ],
  [
    [
      'connect',
      'long',
      'org.apache.kafka.connect.data.Timestamp',
      { logicalType: 'timestamp-millis' },
    ],
    { long: 1500 },
    'timestamp without time zone',
    '1970-01-01 00:00:01.5',
  ],
  [
    [
      'price',
      'bytes',
      'org.apache.kafka.connect.data.Decimal',
      { logicalType: 'decimal', precision: 12, scale: 2, 'connect.parameters': { scale: '2' } },
    ],
    { bytes: Buffer.from([0x04, 0xd2]) },
    'numeric',
    '12.34',
  ],
  [
    {
      name: 'n',
      type: [
        'null',
        {
          type: 'record',
          name: 'VariableScaleDecimal',
          namespace: data,
          fields: [
            { name: 'scale', type: 'int' },
            { name: 'value', type: 'bytes' },
          ],
          'connect.name': `${data}.VariableScaleDecimal`,
        },
      ],
      default: null,
    },
    { [`${data}.VariableScaleDecimal`]: { scale: 3, value: Buffer.from([0xff]) } },
    'numeric',
    '-0.001',
  ],
  [
    ['u', 'string', `${data}.Uuid`],
    { string: '9493DE16-d533-40a7-b560-f5c88b1a45a7' },
    'uuid',
    '9493de16-d533-40a7-b560-f5c88b1a45a7',
  ],
  [['doc', 'string', `${data}.Json`], { string: '{"b":1,"a":[]}' }, 'jsonb', '{"a": [], "b": 1}'],
  [['kind', 'string', `${data}.Enum`], { string: 'red' }, 'text', 'red'],
  [['bits', 'bytes', `${data}.Bits`], { bytes: Buffer.from([5]) }, 'bytea', '\\x05'],
  [
    {
      name: 'place',
      type: [
        'null',
        {
          type: 'record',
          name: 'Geometry',
          namespace: `${data}.geometry`,
          fields: [
            { name: 'wkb', type: 'bytes' },
            { name: 'srid', type: ['null', 'int'], default: null },
          ],
        },
      ],
      default: null,
    },
    { [`${data}.geometry.Geometry`]: { wkb: Buffer.from([1]), srid: null } },
    'jsonb',
    '{"wkb": "\\\\x01", "srid": null}',
  ],
];

describe('events in Avro', () => {
  it('give each type of a table its column', async () => {
    rig().broker.createTopic('types', 1);
    const schemas = schemasOf(
      'types',
      [['id', 'long']],
      types.map(([field]) => field),
    );
    const writers = writersOf('types', schemas);
    const names = types.map(([field]) => ('name' in field ? field.name : field[0]));
    const values = Object.fromEntries(types.map(([, value], i) => [names[i], value]));
    const nulls = Object.fromEntries(names.map((name) => [name, null]));
    await rig().produce('types', 0, [
      event('types', writers, 'r', { id: 1 }, { id: 1, ...values }),
      event('types', writers, 'c', { id: 2 }, { id: 2, ...nulls }),
    ]);
    await rig().client.query(create('types'));
    const described = await rig().rows('SHOW COLUMNS FROM types');
    expect(described.map(([name, nullable]) => [name, nullable])).toEqual([
      ['id', false],
      ...names.map((name) => [name, true]),
    ]);
    const shown = names.map((name) => `${name}::text`).join(', ');
    await eventually(`SELECT ${shown} FROM types ORDER BY id`, [
      types.map(([, , , text]) => text),
      types.map(() => null),
    ]);
    const kinds = names.map((name) => `pg_typeof(${name})::text`).join(', ');
    const [told] = await rig().rows(`SELECT ${kinds} FROM types WHERE id = 1`);
    expect(told).toEqual(types.map(([, , type]) => type));
    const [[, text]] = await rig().rows('SHOW CREATE SOURCE types');
    await rig().client.query('DROP SOURCE types');
    await rig().client.query(String(text));
    await eventually('SELECT count(*)::int4 FROM types', [[2]]);
  });

  it('make the table: changes, deletes, values left out, truncates, another schema', async () => {
    rig().broker.createTopic('items', 1);
    const fields: Field[] = [
      ['name', 'string'],
      ['doc', 'string', `${data}.Json`],
      ['raw', 'bytes'],
      ['n', 'int'],
    ];
    const key: Field[] = [
      ['shop', 'int'],
      ['id', 'long'],
    ];
    let writers = writersOf('items', schemasOf('items', key, fields));
    const random = new Random(12);
    const table = new Map<string, unknown[]>();
    const left = '__debezium_unavailable_value';
    const texts = (name: string, doc: string, raw: string): object => ({
      name: { string: name },
      doc: { string: doc },
      raw: { bytes: Buffer.from(raw) },
    });
    let more: object = {};
    const change = (): readonly RigRecord[] => {
      const id = { shop: random.below(3), id: random.below(20) };
      const known = table.get(JSON.stringify(id));
      const n = random.below(100);
      const tell = (op: string, row: object | null): RigRecord =>
        event('items', writers, op, id, { ...id, n: { int: n }, ...more, ...row });
      if (random.chance(0.02)) {
        table.clear();
        return [event('items', writers, 't', null, null)];
      }
      if (known !== undefined && random.chance(0.3)) {
        table.delete(JSON.stringify(id));
        return [tell('d', texts('', '{}', '')), { key: writers.key(id), value: null }];
      }
      if (known !== undefined && random.chance(0.5)) {
        table.set(JSON.stringify(id), [...known.slice(0, 5), n]);
        return [tell('u', texts(left, left, left))];
      }
      const name = `n${random.below(1000)} é`;
      table.set(JSON.stringify(id), [id.shop, String(id.id), name, `{"n": ${n}}`, '\\x6162', n]);
      return [tell(known === undefined ? 'c' : 'u', texts(name, `{"n":${n}}`, 'ab'))];
    };
    await rig().produce('items', 0, Array.from({ length: 300 }, change).flat());
    await rig().client.query(create('items'));
    const expected = (): unknown[] =>
      [...table.values()].sort(
        (a, b) => Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1]),
      );
    const query = 'SELECT shop, id, name, doc::text, raw::text, n FROM items ORDER BY shop, id';
    await eventually(query, expected());
    writers = writersOf('items', schemasOf('items', key, [['added', 'string'], ...fields]));
    more = { added: null };
    for (let round = 0; round < 3; round++) {
      await rig().produce('items', 0, Array.from({ length: 100 }, change).flat());
      await eventually(query, expected());
    }
  });

  it('say what is wrong with them', async () => {
    rig().broker.createTopic('wrong', 1);
    const writers = writersOf('wrong', schemasOf('wrong', [['id', 'int']], [['n', 'int']]));
    await rig().produce('wrong', 0, [event('wrong', writers, 'c', { id: 1 }, null)]);
    await rig().client.query(`${create('wrong')} WITH (ON ERROR = FAIL)`);
    const errors = async (part: string, ...records: RigRecord[]): Promise<void> => {
      if (records.length > 0) await rig().produce('wrong', 0, records);
      await sleep(100);
      expect(await rig().untilError('SELECT * FROM wrong')).toContain(part);
    };
    await errors('field "after": it is null, but the event has op "c"');
    const row = { id: 1, n: { int: 5 } };
    await errors('op "x"', event('wrong', writers, 'x', { id: 1 }, row));
    const whole = event('wrong', writers, 'u', { id: 1 }, row);
    assert(whole.value instanceof Uint8Array, 'the event is written');
    await errors('cut off', { ...whole, value: whole.value.subarray(0, 12) });
    await rig().produce('wrong', 0, [whole]);
    await eventually('SELECT * FROM wrong', [[1, 5]]);
    const flat = { type: 'record', name: 'Flat', fields: [{ name: 'id', type: 'int' }] };
    writer('flat-key', flat);
    writer('flat-value', flat);
    await expect(rig().client.query(create('flat'))).rejects.toThrow('no record "after"');
  });
});
