/** CREATE CONNECTION … TO KAFKA: validated against the cluster unless VALIDATE = false. */
import { sqlError, unsupported } from '../../base/error.ts';
import type { Statement } from '../../sql/ast.ts';
import type { ConnectionObject } from '../../catalog/object.ts';
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

/** Throws 08001 if no broker answers, 0A000 for other kinds of connection. */
export async function createConnection(
  context: ExecutionContext,
  statement: CreateConnection,
): Promise<Outcome> {
  const { coordinator } = context;
  context.session.transaction.refuseInBlock('CREATE CONNECTION');
  if (statement.type !== 'KAFKA') {
    throw unsupported(
      `connection type ${statement.type}`,
      statement.position,
      'Only KAFKA connections are supported.',
    );
  }
  const at = newName(context, statement.name);
  if (skipExisting(context, at, statement.ifNotExists)) return command('CREATE CONNECTION');
  const options = new Options('CREATE CONNECTION', statement.options);
  const list = brokerOption(options);
  protocol(options);
  options.rest();
  if (list === undefined) {
    throw sqlError('42601', 'CREATE CONNECTION … TO KAFKA needs BROKER', {
      position: statement.position,
    });
  }
  const how = new Options('CREATE CONNECTION', statement.with);
  const validate = how.boolean('VALIDATE') ?? true;
  how.rest();
  const object: ConnectionObject = {
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
    if (skipExisting(context, at, statement.ifNotExists)) {
      await connection.close();
      return command('CREATE CONNECTION');
    }
    coordinator.catalog.add(object);
  } catch (error) {
    await connection.close();
    throw error;
  }
  coordinator.keepConnection(object.oid, connection);
  return command('CREATE CONNECTION');
}
