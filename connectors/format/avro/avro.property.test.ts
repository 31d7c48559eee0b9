/**
 * Goal: records of any schema become the rows that avsc says, with the generated reader and without
 * it, whatever columns are wanted; bytes that are wrong become one error each, never a throw.
 * Method: random schemas and values from a seed, written by avsc; what avsc reads back is turned
 * into datums by the reference. Mutated bytes are read in both ways, which must agree.
 */
import avro from 'avsc';
import { describe, expect, it } from 'vitest';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { decodeRecords } from '../../../test/support/decode.ts';
import { Random } from '../../../test/support/random.ts';
import type { SourceFormat } from '../decoder.ts';
import { Staging } from '../staging.ts';
import type { Field, Schema } from './avro.reference.ts';
import { RandomSchemas, columnDatums, randomValue } from './avro.reference.ts';
import { schemaColumns } from './columns.ts';
import { parseSchema } from './parse.ts';
import { rowPlan } from './plan.ts';
import { RowReader } from './row.ts';
import { WriterSchemas } from './writers.ts';

function typeOf(schema: Schema): avro.Type {
  return avro.Type.forSchema(JSON.parse(JSON.stringify(schema)), { wrapUnions: true });
}

function formatOf(schema: Schema, framing: 'registry' | 'none'): SourceFormat {
  const text = JSON.stringify(schema);
  return {
    key: null,
    value: 'AVRO',
    envelope: 'none',
    columns: schemaColumns(parseSchema(text), 'value', 'data'),
    avro: { value: { schema: text, framing } },
    keyColumns: [],
  };
}

function fieldsOf(schema: Schema): readonly Field[] {
  return typeof schema === 'object' && 'fields' in schema ? (schema.fields ?? []) : [];
}

/** The row that a value read by avsc should be. */
function expectedRow(schema: Schema, value: unknown): readonly Datum[] {
  const members = new Map(Object.entries(Object(value)));
  return fieldsOf(schema).flatMap(({ name, type }) => columnDatums(type, members.get(name)));
}

function framed(id: number, record: Uint8Array): Uint8Array {
  return new Uint8Array([0, 0, 0, id >> 8, id & 255, ...record]);
}

describe('random records', () => {
  it('become the rows that avsc says, for any choice of columns', () => {
    const random = new Random(20_261_124);
    const schemas = new RandomSchemas(random);
    for (let round = 0; round < 150; round++) {
      const schema = schemas.record(8, 2);
      const type = typeOf(schema);
      const values = Array.from({ length: 12 }, () => type.toBuffer(randomValue(schema, random)));
      const expected = values.map((bytes) => expectedRow(schema, type.fromBuffer(bytes)));
      const format = formatOf(schema, 'none');
      const records = values.map((value) => ({ value: new Uint8Array(value) }));
      const { rows, errors } = decodeRecords(format, records);
      expect(errors, JSON.stringify(schema)).toEqual([]);
      expect(
        rows.map(({ row }) => row),
        JSON.stringify(schema),
      ).toEqual(expected);
      const wanted = format.columns.flatMap((_, c) => (random.chance(0.4) ? [c] : []));
      const some = decodeRecords(format, records, wanted);
      expect(some.rows.map(({ row }) => row)).toEqual(
        expected.map((row) => wanted.map((c) => row[c])),
      );
    }
  });

  it('of a changed schema become what avsc resolves', () => {
    const random = new Random(7);
    const schemas = new RandomSchemas(random);
    for (let round = 0; round < 300; round++) {
      const reader = schemas.record(8, 1);
      // Of branches that a value can become, avsc takes the first, we the one of its own type.
      if (isAmbiguous(reader)) continue;
      const { writer, reader: withDefaults } = evolved(reader, random, schemas);
      const readerType = typeOf(withDefaults);
      const writerType = typeOf(writer);
      const resolver = readerType.createResolver(writerType);
      const values = Array.from({ length: 8 }, () =>
        writerType.toBuffer(randomValue(writer, random)),
      );
      const expected = values.map((bytes) =>
        expectedRow(withDefaults, readerType.fromBuffer(bytes, resolver)),
      );
      const writers = new WriterSchemas();
      writers.set(300, { text: JSON.stringify(writer) });
      const format = formatOf(withDefaults, 'registry');
      const records = values.map((value) => ({ value: framed(300, value) }));
      const all = format.columns.map((_, c) => c);
      const { rows, errors } = decodeRecords(format, records, all, writers);
      const what = JSON.stringify({ writer, reader: withDefaults });
      expect(errors, what).toEqual([]);
      expect(
        rows.map(({ row }) => row),
        what,
      ).toEqual(expected);
    }
  });

  it('with broken bytes are one row or one error, the same with and without generated code', () => {
    const random = new Random(99);
    const schemas = new RandomSchemas(random);
    let rowCount = 0;
    let errorCount = 0;
    for (let round = 0; round < 120; round++) {
      const schema = schemas.record(8, 2);
      const type = typeOf(schema);
      const format = formatOf(schema, 'none');
      const records = Array.from({ length: 20 }, () => ({
        value: mutated(new Uint8Array(type.toBuffer(randomValue(schema, random))), random),
      }));
      const { rows, errors } = decodeRecords(format, records);
      expect(rows.length + errors.length).toBe(records.length);
      expect(
        plainly(
          format,
          records.map(({ value }) => value),
        ),
      ).toBe(rows.length);
      rowCount += rows.length;
      errorCount += errors.length;
    }
    expect(Math.min(rowCount, errorCount)).toBeGreaterThan(300);
  });
});

/** Whether a union has two branches of which one can become the other. */
function isAmbiguous(schema: Schema): boolean {
  if (Array.isArray(schema)) {
    const list: readonly Schema[] = schema;
    const kinds = list.map((branch) =>
      typeof branch === 'object' && 'type' in branch ? branch.type : branch,
    );
    const several = (names: readonly string[]): boolean =>
      kinds.filter((one) => typeof one === 'string' && names.includes(one)).length > 1;
    if (several(['int', 'long', 'float', 'double']) || several(['string', 'bytes'])) return true;
    if (several(['record']) || several(['fixed']) || several(['enum'])) return true;
    return list.some(isAmbiguous);
  }
  if (typeof schema === 'string' || !('type' in schema)) return false;
  const parts = [schema.items, schema.values, ...fieldsOf(schema).map(({ type }) => type)];
  return parts.some((part) => part !== undefined && isAmbiguous(part));
}

/** How many of the records the complete reader takes. */
function plainly(format: SourceFormat, values: readonly Uint8Array[]): number {
  const staging = new Staging(format.columns);
  const schema = parseSchema(format.avro?.value?.schema ?? '');
  const wanted = format.columns.map((column, place) => ({ column, place }));
  const reader = new RowReader(rowPlan(schema, schema, wanted), staging, false);
  return values.filter((value) => reader.read(value, 0, value.length, 0) === null).length;
}

function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length === 0 || random.chance(0.2)) return bytes;
  const at = random.below(bytes.length);
  switch (random.below(3)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return new Uint8Array([...bytes.slice(0, at), random.below(256), ...bytes.slice(at)]);
    default: {
      const changed = bytes.slice();
      changed[at] = random.chance(0.5) ? random.below(256) : 0xff;
      return changed;
    }
  }
}

const widened = new Map<string, readonly string[]>([
  ['long', ['int']],
  ['float', ['int', 'long']],
  ['double', ['int', 'long', 'float']],
  ['bytes', ['string']],
]);

/** A schema that wrote what `reader` reads, and the reader with defaults and aliases as needed. */
function evolved(
  reader: Schema,
  random: Random,
  schemas: RandomSchemas,
): { writer: Schema; reader: Schema } {
  const written: Field[] = [];
  const read: Field[] = [];
  for (const field of fieldsOf(reader)) {
    const { name, type } = field;
    if (random.chance(0.2) && typeof type === 'string') {
      read.push({ ...field, default: initialOf(type) });
      continue;
    }
    if (random.chance(0.2)) {
      read.push({ ...field, aliases: [`old_${name}`] });
      written.push({ name: `old_${name}`, type });
      continue;
    }
    read.push(field);
    const narrower = typeof type === 'string' ? (widened.get(type) ?? []) : [];
    const narrow = narrower.length > 0 && random.chance(0.5) ? random.pick(narrower) : type;
    written.push({ name, type: narrow });
  }
  const more = 1 + random.below(3);
  for (let k = 0; k < more; k++) written.push({ name: `more${k}`, type: schemas.type(1, true) });
  written.sort(() => (random.chance(0.5) ? 1 : -1));
  const base = typeof reader === 'object' && 'fields' in reader ? reader : { type: 'record' };
  return { writer: { ...base, fields: written }, reader: { ...base, fields: read } };
}

function initialOf(type: string): unknown {
  switch (type) {
    case 'boolean':
      return true;
    case 'string':
    case 'bytes':
      return 'dflt';
    default:
      return 7;
  }
}
