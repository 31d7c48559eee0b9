/**
 * What FORMAT clauses with a schema have in common: a schema in the statement, or a connection to a
 * schema registry, which is asked once, when the source is made.
 */
import { sqlError } from '../../base/error.ts';
import type { SchemaAnswer, SchemaType } from '../../../connectors/format/avro/writers.ts';
import type { SchemaRegistry } from '../../../connectors/registry/client.ts';
import { RegistryUnavailable } from '../../../connectors/registry/http.ts';
import type { RegistryConnectionObject } from '../../catalog/object.ts';
import type { Format, Option, QualifiedName } from '../../sql/ast.ts';
import type { ExecutionContext } from './context.ts';
import { findItem } from './naming.ts';
import { Options } from './option.ts';

type Part = 'key' | 'value';

/** What such a clause says. */
export interface SchemaClause {
  readonly format: Format['name'];
  readonly schema: string | undefined;
  readonly message: string | undefined;
  readonly registry: RegistryConnectionObject | null;
  readonly strategies: ReadonlyMap<Part, Option | undefined>;
  readonly position: number;
}

/** Throws 42704, 42809 for a connection that is no registry, and for options that are unknown. */
export function schemaClause(context: ExecutionContext, format: Format): SchemaClause {
  const options = new Options(`FORMAT ${format.name}`, format.options);
  const schema = options.string('SCHEMA');
  const message = options.string('MESSAGE');
  const connection = options.take('CONFLUENT SCHEMA REGISTRY CONNECTION');
  const strategies = new Map([
    ['key', options.take('KEY STRATEGY')],
    ['value', options.take('VALUE STRATEGY')],
  ] as const);
  options.rest();
  return {
    format: format.name,
    schema,
    message,
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

/** Throws 42601 if the clause says how to read a part that it does not read. */
export function refuseStrategy(clause: SchemaClause, part: Part): void {
  const option = clause.strategies.get(part);
  if (option === undefined) return;
  throw sqlError('42601', `${option.name} has nothing to say here`, {
    hint: `The ${part} of the records is not read by this FORMAT.`,
    position: option.position,
  });
}

/**
 * The schema of a part: the text of the statement, or what the registry has. `check` looks at it.
 * `topic` is the one by which subjects are called, the first of several; null if it is not known.
 * Throws 42704 if there is none, 08001 if the registry does not answer.
 */
export async function clauseSchema(
  context: ExecutionContext,
  topic: string | null,
  part: Part,
  clause: SchemaClause,
  check: (text: string, position: number) => string,
): Promise<string> {
  const { registry, position } = clause;
  if (registry === null) return check(clause.schema ?? '', position);
  const strategy = clause.strategies.get(part);
  if (strategy?.value.kind === 'string') return check(strategy.value.text, strategy.position);
  const id = strategy?.value.kind === 'number' ? Number(strategy.value.text) : null;
  if (topic === null && id === null) {
    throw sqlError('42601', `TOPIC PATTERN needs ${part.toUpperCase()} STRATEGY ID or INLINE`, {
      detail: 'Subjects are called by topics, and which ones there will be is not known.',
      position,
    });
  }
  const text = await asked(context, registry, `${topic ?? ''}-${part}`, id, clause);
  return check(text, position);
}

async function asked(
  context: ExecutionContext,
  object: RegistryConnectionObject,
  subject: string,
  id: number | null,
  { format, position }: SchemaClause,
): Promise<string> {
  const registry = context.coordinator.registry(object);
  const what = id === null ? `subject "${subject}"` : `schema ${id}`;
  const answer = await context.cancellation.race(ask(registry, subject, id));
  const reason = answer.text === null ? answer.reason : otherType(answer.type ?? 'AVRO', format);
  if (answer.text !== null && reason === null) return answer.text;
  throw sqlError('42704', `${what} gives no schema: ${reason}`, {
    hint: 'Produce a record first, or give the schema by KEY STRATEGY or VALUE STRATEGY.',
    position,
  });
}

function otherType(type: SchemaType, format: Format['name']): string | null {
  return type === format ? null : `it is of type ${type}`;
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
