/**
 * The Avro clauses of CREATE SOURCE: from a format's options to the schema as which records are
 * read. That schema is fixed here, with everything it refers to, and stays with the source: what
 * the registry gets later changes neither columns nor types.
 */
import { sqlError, unsupported } from '../../base/error.ts';
import type { AvroReading } from '../../../connectors/format/decoder.ts';
import { AvroSchemaError } from '../../../connectors/format/avro/bounded.ts';
import { parseSchema } from '../../../connectors/format/avro/parse.ts';
import type { SchemaAnswer } from '../../../connectors/format/avro/writers.ts';
import type { SchemaRegistry } from '../../../connectors/registry/client.ts';
import { RegistryUnavailable } from '../../../connectors/registry/http.ts';
import { selfContained } from '../../../connectors/registry/self-contained.ts';
import type { Format, Option, QualifiedName } from '../../sql/ast.ts';
import type { RegistryConnectionObject } from '../../catalog/object.ts';
import type { ExecutionContext } from './context.ts';
import { findItem } from './naming.ts';
import { Options } from './option.ts';

type Part = 'key' | 'value';

/** How the parts of a source that are Avro are read, and by which registry. */
export interface AvroReadings {
  readonly key?: AvroReading;
  readonly value?: AvroReading;
  readonly registry: RegistryConnectionObject | null;
}

/** What a FORMAT AVRO clause says. */
interface Clause {
  readonly schema: string | undefined;
  readonly registry: RegistryConnectionObject | null;
  readonly strategies: ReadonlyMap<Part, Option | undefined>;
  readonly position: number;
}

function clauseOf(context: ExecutionContext, format: Format): Clause {
  const options = new Options('FORMAT AVRO', format.options);
  const schema = options.string('SCHEMA');
  const connection = options.take('CONFLUENT SCHEMA REGISTRY CONNECTION');
  const strategies = new Map([
    ['key', options.take('KEY STRATEGY')],
    ['value', options.take('VALUE STRATEGY')],
  ] as const);
  options.rest();
  return {
    schema,
    registry: connection === undefined ? null : findRegistry(context, connection),
    strategies,
    position: format.position,
  };
}

function findRegistry(context: ExecutionContext, option: Option): RegistryConnectionObject {
  const items = option.value.kind === 'list' ? option.value.items : [option.value];
  const name: QualifiedName = {
    parts: items.map((item) => ('text' in item ? item.text : '')),
    position: option.position,
  };
  const object = findItem(context, name);
  const text = name.parts.join('.');
  if (object?.kind !== 'connection') {
    throw sqlError('42704', `connection "${text}" does not exist`, { position: option.position });
  }
  if (object.type !== 'schema registry') {
    throw sqlError('42809', `connection "${text}" is not one to a schema registry`, {
      position: option.position,
    });
  }
  return object;
}

/**
 * Reads the Avro clauses of a source. `topic` is the one by which subjects are called, the first of
 * several; null if it is not known which. `key` and `value` are its formats where they are AVRO;
 * `impliedKey` says that the key is read as the value's clause has it. Throws 22023 for a schema
 * that is none, 42704 for one that does not exist, 08001 if the registry does not answer.
 */
export async function avroReadings(
  context: ExecutionContext,
  topic: string | null,
  key: Format | null,
  value: Format | null,
  impliedKey: boolean,
): Promise<AvroReadings> {
  const keyClause = key === null ? null : clauseOf(context, key);
  const valueClause = value === null ? null : clauseOf(context, value);
  const ofKey = impliedKey ? valueClause : keyClause;
  if (keyClause !== null) refuseStrategy(keyClause, 'value');
  if (valueClause !== null && !impliedKey) refuseStrategy(valueClause, 'key');
  const registry = ofKey?.registry ?? valueClause?.registry ?? null;
  for (const clause of [ofKey, valueClause]) {
    const isOther = (clause?.registry?.oid ?? registry?.oid) !== registry?.oid;
    if (clause !== null && isOther)
      throw unsupported('a source of two schema registries', clause.position);
  }
  return {
    ...(ofKey === null ? {} : { key: await reading(context, topic, 'key', ofKey) }),
    ...(valueClause === null ? {} : { value: await reading(context, topic, 'value', valueClause) }),
    registry,
  };
}

function refuseStrategy(clause: Clause, part: Part): void {
  const option = clause.strategies.get(part);
  if (option === undefined) return;
  throw sqlError('42601', `${option.name} has nothing to say here`, {
    hint: `The ${part} of the records is not read by this FORMAT.`,
    position: option.position,
  });
}

async function reading(
  context: ExecutionContext,
  topic: string | null,
  part: Part,
  clause: Clause,
): Promise<AvroReading> {
  if (clause.registry === null)
    return { schema: checked(clause.schema ?? '', clause.position), framing: 'none' };
  const strategy = clause.strategies.get(part);
  const schema =
    strategy?.value.kind === 'string'
      ? checked(strategy.value.text, strategy.position)
      : await asked(context, topic, part, clause, strategy);
  return { schema, framing: 'registry' };
}

/** A schema as the statement has it. */
function checked(text: string, position: number): string {
  try {
    const whole = selfContained(text, []);
    parseSchema(whole);
    return whole;
  } catch (error) {
    if (!(error instanceof AvroSchemaError)) throw error;
    throw sqlError('22023', `invalid Avro schema: ${error.message}`, { position });
  }
}

async function asked(
  context: ExecutionContext,
  topic: string | null,
  part: Part,
  clause: Clause,
  strategy: Option | undefined,
): Promise<string> {
  const { registry: object, position } = clause;
  if (object === null) throw sqlError('42601', 'FORMAT AVRO needs a schema', { position });
  const registry = context.coordinator.registry(object);
  const subject = `${topic ?? ''}-${part}`;
  if (topic === null && strategy?.value.kind !== 'number') {
    throw sqlError('42601', `TOPIC PATTERN needs ${part.toUpperCase()} STRATEGY ID or INLINE`, {
      detail: 'Subjects are called by topics, and which ones there will be is not known.',
      position,
    });
  }
  const id = strategy?.value.kind === 'number' ? Number(strategy.value.text) : null;
  const what = id === null ? `subject "${subject}"` : `schema ${id}`;
  const answer = await context.cancellation.race(ask(registry, subject, id));
  if (answer.text === null) {
    throw sqlError('42704', `${what} gives no schema: ${answer.reason}`, {
      hint: 'Produce a record first, or give the schema by KEY STRATEGY or VALUE STRATEGY.',
      position,
    });
  }
  return checked(answer.text, position);
}

async function ask(
  registry: SchemaRegistry,
  subject: string,
  id: number | null,
): Promise<SchemaAnswer> {
  try {
    return await (id === null ? registry.latest(subject) : registry.byId(id));
  } catch (error) {
    if (!(error instanceof RegistryUnavailable)) throw error;
    throw sqlError('08001', error.message);
  }
}
