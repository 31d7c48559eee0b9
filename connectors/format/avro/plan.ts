/**
 * How records written with one schema are read as another: Avro's schema resolution, done once a
 * pair of schemas. The answer is data: what to do with each value in the order in which the writer
 * wrote them.
 *
 * Fields are found by name, else by an alias of the reader's field; what the reader lacks is
 * skipped, what the writer lacks takes the reader's default. int, long and float widen; string and
 * bytes stand for each other. Names of records are not compared outside unions, namespaces never.
 * Two things go beyond the specification: units of times and timestamps are the writer's (so that
 * milliseconds are not taken for microseconds), and decimals must agree in scale.
 *
 * What does not fit is `refused` where it stands: a branch that never occurs does no harm, and a
 * column that nobody reads neither.
 */
import { assert } from '../../../src/base/assert.ts';
import type { SourceColumn } from '../decoder.ts';
import type {
  AvroEnum,
  AvroField,
  AvroFixed,
  AvroPrimitive,
  AvroRecord,
  AvroType,
} from './schema.ts';
import { isVariableDecimal, shortName, typeLabel } from './schema.ts';

/** What the bytes of a plain value mean. */
export type Meaning =
  | 'bool'
  | 'int4'
  | 'int8'
  | 'float4'
  | 'float8'
  | 'text'
  | 'bytea'
  | 'uuid'
  | 'decimal'
  | 'date'
  | 'interval'
  | 'time-millis'
  | 'time-micros'
  | 'timestamp-millis'
  | 'timestamp-micros'
  | 'timestamp-nanos'
  | 'zoned-timestamp'
  | 'json';

export interface ScalarPlan {
  readonly kind: 'scalar';
  /** How it was written. */
  readonly wire: Exclude<AvroPrimitive['kind'], 'null'> | 'fixed';
  /** Bytes of `fixed`. */
  readonly size: number;
  readonly meaning: Meaning;
  /** Of a decimal. */
  readonly precision: number;
  readonly scale: number;
  /** Of a timestamp: whether it is an instant, rather than what a clock on the wall shows. */
  readonly instant: boolean;
}

export interface RecordPlan {
  readonly kind: 'record';
  /** In the writer's order; `name` is the reader's, and `plan` null for what is skipped. */
  readonly fields: readonly {
    readonly name: string;
    readonly wire: AvroType;
    readonly plan: ValuePlan | null;
  }[];
  /** What the writer lacks: a default in the encoding of the reader's type. */
  readonly missing: readonly {
    readonly name: string;
    readonly initial: Uint8Array;
    readonly plan: ValuePlan;
  }[];
}

/** How one value is read. */
export type ValuePlan =
  | { readonly kind: 'null' }
  | ScalarPlan
  /** An int, the scale, and bytes. */
  | { readonly kind: 'variable decimal' }
  /** The reader's symbol by the writer's number; null for one that it does not know. */
  | { readonly kind: 'enum'; readonly symbols: readonly (string | null)[]; readonly name: string }
  | RecordPlan
  | { readonly kind: 'array'; readonly items: ValuePlan }
  | { readonly kind: 'map'; readonly values: ValuePlan }
  /** By the writer's branches. */
  | { readonly kind: 'union'; readonly branches: readonly ValuePlan[] }
  | { readonly kind: 'refused'; readonly reason: string };

function refused(reason: string): ValuePlan {
  return { kind: 'refused', reason };
}

/** Resolves types of a writer against types of a reader; remembers what it has resolved. */
export class Resolver {
  readonly #known = new Map<AvroType, Map<AvroType, ValuePlan>>();

  /** How a value written as `writer` is read as `reader`. */
  resolve(writer: AvroType, reader: AvroType): ValuePlan {
    const ofWriter = this.#known.get(writer) ?? new Map<AvroType, ValuePlan>();
    this.#known.set(writer, ofWriter);
    const known = ofWriter.get(reader);
    if (known !== undefined) return known;
    const plan = this.#resolve(writer, reader);
    ofWriter.set(reader, plan);
    return plan;
  }

  #resolve(writer: AvroType, reader: AvroType): ValuePlan {
    if (writer.kind === 'union') {
      const branches = writer.branches.map((branch) => this.resolve(branch, reader));
      const [first] = branches;
      const isHopeless = branches.every((branch) => branch.kind === 'refused');
      return isHopeless && first !== undefined ? first : { kind: 'union', branches };
    }
    if (reader.kind === 'union') {
      const branch = this.branchOf(writer, reader.branches);
      const chosen = branch < 0 ? undefined : reader.branches[branch];
      return chosen === undefined ? mismatch(writer, reader) : this.resolve(writer, chosen);
    }
    if (writer.kind === 'null' && reader.kind === 'null') return { kind: 'null' };
    if (isVariableDecimal(writer) && isVariableDecimal(reader)) return { kind: 'variable decimal' };
    if (writer.kind === 'record' && reader.kind === 'record') return this.#record(writer, reader);
    if (writer.kind === 'enum' && reader.kind === 'enum') return enumPlan(writer, reader);
    if (writer.kind === 'array' && reader.kind === 'array') {
      const items = this.resolve(writer.items, reader.items);
      return items.kind === 'refused' ? items : { kind: 'array', items };
    }
    if (writer.kind === 'map' && reader.kind === 'map') {
      const values = this.resolve(writer.values, reader.values);
      return values.kind === 'refused' ? values : { kind: 'map', values };
    }
    if (isPlain(writer) && isPlain(reader)) return scalarPlan(writer, reader);
    return mismatch(writer, reader);
  }

  /**
   * Which branch of a reader's union a value is read as: one of the same kind and name before one
   * that it can become; -1 if there is none.
   */
  branchOf(writer: AvroType, branches: readonly AvroType[]): number {
    const fits = (branch: AvroType): boolean => this.resolve(writer, branch).kind !== 'refused';
    const same = branches.findIndex(
      (branch) => branch.kind === writer.kind && isSameName(writer, branch) && fits(branch),
    );
    if (same >= 0) return same;
    return branches.findIndex((branch) => branch.kind !== 'union' && fits(branch));
  }

  #record(writer: AvroRecord, reader: AvroRecord): ValuePlan {
    const { found, missing } = matchFields(writer, reader);
    const fields = writer.fields.map((field) => {
      const target = found.get(field);
      return target === undefined
        ? { name: field.name, wire: field.type, plan: null }
        : { name: target.name, wire: field.type, plan: this.resolve(field.type, target.type) };
    });
    for (const { name, plan } of fields)
      if (plan?.kind === 'refused') return refused(`${name}: ${plan.reason}`);
    const defaults: { name: string; initial: Uint8Array; plan: ValuePlan }[] = [];
    for (const { name, type, initial } of missing) {
      if (initial === null) return refused(`"${name}" is missing and has no default`);
      defaults.push({ name, initial, plan: this.resolve(type, type) });
    }
    return { kind: 'record', fields, missing: defaults };
  }
}

/** The reader's field that each of the writer's goes to, and the reader's that find none. */
function matchFields(
  writer: AvroRecord,
  reader: AvroRecord,
): { found: ReadonlyMap<AvroField, AvroField>; missing: readonly AvroField[] } {
  const found = new Map<AvroField, AvroField>();
  const missing: AvroField[] = [];
  const byName = new Map(writer.fields.map((field) => [field.name, field]));
  for (const field of reader.fields) {
    const names = [field.name, ...field.aliases];
    const source = names
      .map((name) => byName.get(name))
      .find((one) => one !== undefined && !found.has(one));
    if (source === undefined) missing.push(field);
    else found.set(source, field);
  }
  return { found, missing };
}

function mismatch(writer: AvroType, reader: AvroType): ValuePlan {
  const name = (type: AvroType): string =>
    type.kind === 'union' ? `union of ${type.branches.map(typeLabel).join(', ')}` : typeLabel(type);
  return refused(`${name(writer)} cannot be read as ${name(reader)}`);
}

function isSameName(writer: AvroType, reader: AvroType): boolean {
  if (!('name' in writer) || !('name' in reader)) return true;
  const names = [reader.name, ...reader.aliases].map(shortName);
  return names.includes(shortName(writer.name));
}

function enumPlan(writer: AvroEnum, reader: AvroEnum): ValuePlan {
  if (!isSameName(writer, reader)) return mismatch(writer, reader);
  const known = new Set(reader.symbols);
  const symbols = writer.symbols.map((symbol) => (known.has(symbol) ? symbol : reader.fallback));
  if (symbols.every((symbol) => symbol === null))
    return refused(`no symbol of enum ${typeLabel(writer)} is known`);
  return { kind: 'enum', symbols, name: typeLabel(reader) };
}

type Plain = AvroPrimitive | AvroFixed;

function isPlain(type: AvroType): type is Plain {
  return 'logical' in type && type.kind !== 'null';
}

const widenings: ReadonlyMap<string, readonly string[]> = new Map([
  ['int', ['long', 'float', 'double']],
  ['long', ['float', 'double']],
  ['float', ['double']],
  ['string', ['bytes']],
  ['bytes', ['string']],
]);

function scalarPlan(writer: Plain, reader: Plain): ValuePlan {
  const isSame = writer.kind === reader.kind;
  if (!isSame && widenings.get(writer.kind)?.includes(reader.kind) !== true)
    return mismatch(writer, reader);
  if (writer.kind === 'fixed' && reader.kind === 'fixed') {
    if (!isSameName(writer, reader)) return mismatch(writer, reader);
    if (writer.size !== reader.size)
      return refused(`fixed of ${writer.size} bytes cannot be read as fixed of ${reader.size}`);
  }
  const decimal = reader.logical?.kind === 'decimal' ? reader.logical : null;
  if (
    decimal !== null &&
    writer.logical?.kind === 'decimal' &&
    writer.logical.scale !== decimal.scale
  )
    return refused(`decimal of scale ${writer.logical.scale} cannot be read with ${decimal.scale}`);
  assert(writer.kind !== 'null', 'null is no plain value');
  return {
    kind: 'scalar',
    wire: writer.kind,
    size: writer.kind === 'fixed' ? writer.size : 0,
    meaning: meaningOf(writer, reader),
    precision: decimal?.precision ?? 0,
    scale: decimal?.scale ?? 0,
    instant: reader.logical?.kind.startsWith('timestamp-') === true,
  };
}

/** The unit of a time or timestamp is that with which it was written, if the writer says one. */
function meaningOf(writer: Plain, reader: Plain): Meaning {
  const kind = reader.logical?.kind;
  if (kind === undefined) return plainMeaning(reader);
  switch (kind) {
    case 'decimal':
    case 'uuid':
    case 'date':
    case 'zoned-timestamp':
    case 'json':
      return kind;
    case 'duration':
      return 'interval';
    default:
      break;
  }
  const isTime = kind.startsWith('time-');
  const written = writer.logical?.kind ?? kind;
  const isSameFamily = isTime ? written.startsWith('time-') : written.includes('timestamp-');
  const unit = /(millis|micros|nanos)$/.exec(isSameFamily ? written : kind)?.[1];
  if (isTime) return unit === 'millis' ? 'time-millis' : 'time-micros';
  return unit === 'millis'
    ? 'timestamp-millis'
    : unit === 'micros'
      ? 'timestamp-micros'
      : 'timestamp-nanos';
}

function plainMeaning(reader: Plain): Meaning {
  switch (reader.kind) {
    case 'boolean':
      return 'bool';
    case 'int':
      return 'int4';
    case 'long':
      return 'int8';
    case 'float':
      return 'float4';
    case 'double':
      return 'float8';
    case 'string':
      return 'text';
    default:
      return 'bytea';
  }
}

/** What becomes of a value of one of the writer's branches. */
export interface Choice {
  readonly wire: AvroType;
  /** The column that takes it; null if nobody reads it. Other columns of the field are NULL. */
  readonly column: number | null;
  readonly plan: ValuePlan;
}

/** What is done with one value of the record, in the order in which they were written. */
export interface Step {
  /** The reader's name of the field; empty for a schema that is no record. */
  readonly name: string;
  readonly wire: AvroType;
  /** Columns of the staging that come from it; none if it is skipped. */
  readonly columns: readonly number[];
  /** One a branch, if it was written as a union, else one. */
  readonly choices: readonly Choice[];
}

/** How whole records become rows. */
export interface RowPlan {
  readonly steps: readonly Step[];
  /** Fields that were not written: the bytes of their defaults, to be read by `step`. */
  readonly missing: readonly { readonly initial: Uint8Array; readonly step: Step }[];
  /** Why no record of this writer can be read. */
  readonly refusal: { readonly field: string | null; readonly reason: string } | null;
}

/** A column that somebody reads, and its place in the staging. */
export interface WantedColumn {
  readonly column: SourceColumn;
  readonly place: number;
}

/** The plan for records of `writer` read as `reader`, of which the columns `wanted` are filled. */
export function rowPlan(
  writer: AvroType,
  reader: AvroType,
  wanted: readonly WantedColumn[],
): RowPlan {
  const resolver = new Resolver();
  if (reader.kind !== 'record')
    return { steps: [stepOf(resolver, '', writer, reader, wanted)], missing: [], refusal: null };
  if (writer.kind !== 'record') {
    const plan = mismatch(writer, reader);
    assert(plan.kind === 'refused', 'a mismatch is refused');
    return { steps: [], missing: [], refusal: { field: null, reason: plan.reason } };
  }
  const of = (field: AvroField): readonly WantedColumn[] =>
    wanted.filter(({ column: { origin } }) => 'name' in origin && origin.name === field.name);
  const { found, missing } = matchFields(writer, reader);
  const steps = writer.fields.map((field) => {
    const target = found.get(field);
    return target === undefined
      ? stepOf(resolver, field.name, field.type, field.type, [])
      : stepOf(resolver, target.name, field.type, target.type, of(target));
  });
  const defaults: { initial: Uint8Array; step: Step }[] = [];
  for (const field of missing) {
    const columns = of(field);
    if (columns.length === 0) continue;
    const { name, type, initial } = field;
    if (initial === null) {
      const reason = 'it is missing there and has no default';
      return { steps, missing: [], refusal: { field: name, reason } };
    }
    defaults.push({ initial, step: stepOf(resolver, name, type, type, columns) });
  }
  return { steps, missing: defaults, refusal: null };
}

function stepOf(
  resolver: Resolver,
  name: string,
  writer: AvroType,
  reader: AvroType,
  wanted: readonly WantedColumn[],
): Step {
  const columns = wanted.map(({ place }) => place);
  const written = writer.kind === 'union' ? writer.branches : [writer];
  const choices = written.map((wire): Choice => {
    if (wanted.length === 0) return { wire, column: null, plan: { kind: 'null' } };
    const plan = resolver.resolve(wire, reader);
    const [first] = wanted;
    if (reader.kind !== 'union') return { wire, column: first?.place ?? null, plan };
    const branch = resolver.branchOf(wire, reader.branches);
    const target = wanted.find(({ column: { origin } }) => branchOf(origin) === branch);
    if (branch < 0) return { wire, column: first?.place ?? null, plan };
    return { wire, column: target?.place ?? null, plan };
  });
  return { name, wire: writer, columns, choices };
}

function branchOf(origin: SourceColumn['origin']): number | null {
  return 'branch' in origin ? (origin.branch ?? null) : null;
}
