/**
 * CREATE CONNECTION … TO KAFKA or TO CONFLUENT SCHEMA REGISTRY: validated against the cluster or
 * the registry unless VALIDATE = false. VALIDATE CONNECTION asks once more.
 */
import { sqlError, unsupported } from '../../base/error.ts';
import type { Statement } from '../../sql/ast.ts';
import type { KafkaConnectionObject, RegistryConnectionObject } from '../../catalog/object.ts';
import { dependenciesOf } from '../../catalog/object.ts';
import type { Outcome } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { command } from './context.ts';
import { kafkaSecurity } from './kafka-security.ts';
import { findItem, newName, skipExisting } from './naming.ts';
import { Options } from './option.ts';

type CreateConnection = Extract<Statement, { kind: 'createConnection' }>;
type ValidateConnection = Extract<Statement, { kind: 'validateConnection' }>;

/** `host:port, host:port`; the port is 9092 if it is left out. */
function brokers(text: string, position: number): readonly string[] {
  return text.split(',').map((part) => {
    const address = part.trim();
    const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:/@]+)(?::(\d{1,5}))?$/.exec(address);
    const port = Number(match?.[2] ?? '9092');
    if (match === null || port < 1 || port > 65_535) {
      throw sqlError('22023', `invalid broker address "${address}"`, {
        hint: 'A broker is host:port; several are separated by commas.',
        position,
      });
    }
    return `${match[1] ?? ''}:${port}`;
  });
}

function brokerOption(options: Options): string | undefined {
  for (const name of ['BROKER', 'BROKERS']) {
    const option = options.take(name);
    if (option === undefined) continue;
    const items = option.value.kind === 'list' ? option.value.items : [option.value];
    return items
      .map((item) => {
        if (item.kind !== 'string' && item.kind !== 'identifier') {
          throw sqlError('22023', `CREATE CONNECTION: ${name} takes a string`, {
            position: option.position,
          });
        }
        return item.text;
      })
      .join(',');
  }
  return undefined;
}

const registryHint = 'A registry is given as http://host:port, with a path if need be.';

/** The URL of a registry, without a slash at its end. */
function registryUrl(text: string, position: number): string {
  const url = URL.parse(text);
  if (url === null) {
    throw sqlError('22023', `invalid URL "${text}"`, { hint: registryHint, position });
  }
  if (url.protocol !== 'http:')
    throw unsupported(`a schema registry by ${url.protocol}`, position, registryHint);
  if (url.username !== '' || url.password !== '')
    throw unsupported('a user name in the URL of a schema registry', position, registryHint);
  if (url.search !== '' || url.hash !== '') {
    throw sqlError('22023', `invalid URL "${text}"`, { hint: registryHint, position });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/**
 * Throws 08001 if nobody answers, 28P01 if a password is refused, 0A000 for other kinds of
 * connection; 42704 and 42809 for a name that is not one.
 */
export function createOrValidate(
  context: ExecutionContext,
  statement: CreateConnection | ValidateConnection,
): Promise<Outcome> {
  return statement.kind === 'createConnection'
    ? createConnection(context, statement)
    : validateConnection(context, statement);
}

async function createConnection(
  context: ExecutionContext,
  statement: CreateConnection,
): Promise<Outcome> {
  context.session.transaction.refuseInBlock('CREATE CONNECTION');
  const isKafka = statement.type === 'KAFKA';
  if (!isKafka && statement.type !== 'CONFLUENT SCHEMA REGISTRY') {
    throw unsupported(
      `connection type ${statement.type}`,
      statement.position,
      'Supported are KAFKA and CONFLUENT SCHEMA REGISTRY connections.',
    );
  }
  const at = newName(context, statement.name);
  if (!skipExisting(context, at, statement.ifNotExists)) {
    const options = new Options('CREATE CONNECTION', statement.options);
    const how = new Options('CREATE CONNECTION', statement.with);
    const validate = how.boolean('VALIDATE') ?? true;
    how.rest();
    if (isKafka) await createKafka(context, statement, at, options, validate);
    else await createRegistry(context, statement, at, options, validate);
  }
  return command('CREATE CONNECTION');
}

type Place = ReturnType<typeof newName>;

async function createKafka(
  context: ExecutionContext,
  statement: CreateConnection,
  at: Place,
  options: Options,
  validate: boolean,
): Promise<void> {
  const { coordinator } = context;
  const list = brokerOption(options);
  const security = kafkaSecurity(context, options);
  options.rest();
  if (list === undefined) {
    throw sqlError('42601', 'CREATE CONNECTION … TO KAFKA needs BROKER', {
      position: statement.position,
    });
  }
  const object: KafkaConnectionObject = {
    kind: 'connection',
    oid: coordinator.catalog.nextOid(),
    ...at,
    type: 'kafka',
    brokers: brokers(list, statement.position),
    ...(security === undefined ? {} : { security }),
  };
  const connection = coordinator.openConnection(object);
  try {
    if (validate) await context.cancellation.race(connection.validate());
    context.cancellation.check();
    if (skipExisting(context, at, statement.ifNotExists)) return await connection.close();
    requireSecrets(context, object);
    coordinator.catalog.add(object);
  } catch (error) {
    await connection.close();
    throw error;
  }
  coordinator.keepConnection(object.oid, connection);
}

async function createRegistry(
  context: ExecutionContext,
  statement: CreateConnection,
  at: Place,
  options: Options,
  validate: boolean,
): Promise<void> {
  const { coordinator } = context;
  const url = options.string('URL');
  options.rest();
  if (url === undefined) {
    throw sqlError('42601', 'CREATE CONNECTION … TO CONFLUENT SCHEMA REGISTRY needs URL', {
      position: statement.position,
    });
  }
  const object: RegistryConnectionObject = {
    kind: 'connection',
    oid: coordinator.catalog.nextOid(),
    ...at,
    type: 'schema registry',
    url: registryUrl(url, statement.position),
  };
  const registry = coordinator.openRegistry(object);
  try {
    if (validate) await context.cancellation.race(registry.validate());
  } finally {
    registry.close();
  }
  context.cancellation.check();
  if (!skipExisting(context, at, statement.ifNotExists)) coordinator.catalog.add(object);
}

/** Somebody may have dropped a secret while the brokers were asked. */
function requireSecrets(context: ExecutionContext, object: KafkaConnectionObject): void {
  for (const oid of dependenciesOf(object)) {
    if (context.coordinator.catalog.byOid(oid) === undefined)
      throw sqlError('42704', `a secret of connection "${object.name}" was dropped meanwhile`);
  }
}

/** VALIDATE CONNECTION: over new sockets. */
async function validateConnection(
  context: ExecutionContext,
  statement: ValidateConnection,
): Promise<Outcome> {
  const { coordinator, cancellation } = context;
  const { name } = statement;
  const object = findItem(context, name);
  const text = name.parts.join('.');
  if (object === undefined)
    throw sqlError('42704', `connection "${text}" does not exist`, { position: name.position });
  if (object.kind !== 'connection')
    throw sqlError('42809', `"${text}" is not a connection`, { position: name.position });
  const connection =
    object.type === 'kafka' ? coordinator.openConnection(object) : coordinator.openRegistry(object);
  try {
    await cancellation.race(connection.validate());
  } finally {
    await connection.close();
  }
  return command('VALIDATE CONNECTION');
}
