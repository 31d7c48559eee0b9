/**
 * CREATE CONNECTION … TO KAFKA or TO CONFLUENT SCHEMA REGISTRY: validated against the cluster or
 * the registry unless VALIDATE = false.
 */
import { sqlError, unsupported } from '../../base/error.ts';
import type { Statement } from '../../sql/ast.ts';
import type { KafkaConnectionObject, RegistryConnectionObject } from '../../catalog/object.ts';
import type { Outcome } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { command } from './context.ts';
import { newName, skipExisting } from './naming.ts';
import { Options } from './option.ts';

type CreateConnection = Extract<Statement, { kind: 'createConnection' }>;

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

function protocol(options: Options): void {
  const name = options.string('SECURITY PROTOCOL');
  if (name !== undefined && name.toUpperCase() !== 'PLAINTEXT') {
    throw unsupported(`SECURITY PROTOCOL ${name}`, undefined, 'Only PLAINTEXT is supported.');
  }
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

/** Throws 08001 if nobody answers, 0A000 for other kinds of connection. */
export async function createConnection(
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
  protocol(options);
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
  };
  const connection = coordinator.openConnection(object);
  try {
    if (validate) await context.cancellation.race(connection.validate());
    context.cancellation.check();
    if (skipExisting(context, at, statement.ifNotExists)) return await connection.close();
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
