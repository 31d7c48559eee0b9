/**
 * The options of a Kafka connection that say how the broker is spoken to: SECURITY PROTOCOL, SASL
 * and SSL. Passwords and keys come from secrets only; everything else may.
 */
import { sqlError, unsupported } from '../../base/error.ts';
import type { Option } from '../../sql/ast.ts';
import type { KafkaSecurity, TextOrSecret } from '../../catalog/object.ts';
import type { ExecutionContext } from './context.ts';
import { findItem } from './naming.ts';
import type { Options } from './option.ts';

const protocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const;
const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
const passwordHint = "CREATE SECRET name AS '…' makes one; give it as SECRET name.";

type Protocol = (typeof protocols)[number];
type Mechanism = (typeof mechanisms)[number];

/** What was given, by option. */
interface Given {
  readonly protocol: Protocol | undefined;
  readonly mechanism: Mechanism | undefined;
  readonly username: TextOrSecret | null;
  readonly password: TextOrSecret | null;
  readonly authority: TextOrSecret | null;
  readonly certificate: TextOrSecret | null;
  readonly key: TextOrSecret | null;
}

/**
 * What the options ask for; undefined for plaintext. Throws 42704 for secrets that do not exist,
 * 22023 for options that do not fit each other, 0A000 for what is not supported.
 */
export function kafkaSecurity(
  context: ExecutionContext,
  options: Options,
): KafkaSecurity | undefined {
  const given: Given = {
    protocol: chosen(options, ['SECURITY PROTOCOL'], protocols),
    mechanism: chosen(options, ['SASL MECHANISMS', 'SASL MECHANISM'], mechanisms),
    username: text(context, options, 'SASL USERNAME'),
    password: secret(context, options, 'SASL PASSWORD'),
    authority: text(context, options, 'SSL CERTIFICATE AUTHORITY'),
    certificate: text(context, options, 'SSL CERTIFICATE'),
    key: secret(context, options, 'SSL KEY'),
  };
  const protocol = given.protocol ?? impliedProtocol(given);
  refuseUnused(protocol, given);
  if (protocol === 'PLAINTEXT') return undefined;
  const { authority, certificate, key } = given;
  return { protocol, sasl: protocol === 'SSL' ? null : sasl(given), authority, certificate, key };
}

/** As Materialize has it: SASL if there is a word of it, TLS if nothing speaks against it. */
function impliedProtocol({ mechanism, username, password, ...tls }: Given): Protocol {
  if (mechanism !== undefined || username !== null || password !== null) return 'SASL_SSL';
  return tls.authority !== null || tls.certificate !== null || tls.key !== null
    ? 'SSL'
    : 'PLAINTEXT';
}

function refuseUnused(protocol: Protocol, given: Given): void {
  const { mechanism, username, password, authority, certificate, key } = given;
  const refuse = (name: string): never => {
    throw sqlError('22023', `${name} is given, but SECURITY PROTOCOL is ${protocol}`);
  };
  if (!protocol.startsWith('SASL')) {
    if (mechanism !== undefined) refuse('SASL MECHANISMS');
    if (username !== null) refuse('SASL USERNAME');
    if (password !== null) refuse('SASL PASSWORD');
  }
  if (!protocol.endsWith('SSL')) {
    if (authority !== null) refuse('SSL CERTIFICATE AUTHORITY');
    if (certificate !== null) refuse('SSL CERTIFICATE');
    if (key !== null) refuse('SSL KEY');
  }
  if ((certificate === null) !== (key === null))
    throw sqlError('22023', 'SSL CERTIFICATE and SSL KEY are given together or not at all');
}

function sasl({ mechanism, username, password }: Given): NonNullable<KafkaSecurity['sasl']> {
  if (mechanism === undefined) throw missing('SASL MECHANISMS');
  if (username === null) throw missing('SASL USERNAME');
  if (password === null) throw missing('SASL PASSWORD');
  return { mechanism, username, password };
}

function missing(name: string): Error {
  return sqlError('22023', `CREATE CONNECTION: SASL needs ${name}`);
}

/** One word of a list, in any case. */
function chosen<Word extends string>(
  options: Options,
  names: readonly string[],
  words: readonly Word[],
): Word | undefined {
  const given = names.map((name) => options.string(name)).find((each) => each !== undefined);
  if (given === undefined) return undefined;
  const word = words.find((each) => each === given.toUpperCase());
  if (word === undefined) {
    const hint = `Supported are ${words.join(', ')}.`;
    throw unsupported(`${names[0] ?? ''} ${given}`, undefined, hint);
  }
  return word;
}

function text(context: ExecutionContext, options: Options, name: string): TextOrSecret | null {
  const option = options.take(name);
  if (option === undefined) return null;
  const { value } = option;
  if (value.kind === 'string') return { text: value.text };
  if (value.kind === 'secret') return found(context, option);
  throw sqlError('22023', `CREATE CONNECTION: ${name} takes a string or a secret`, {
    position: option.position,
  });
}

function secret(context: ExecutionContext, options: Options, name: string): TextOrSecret | null {
  const option = options.take(name);
  if (option === undefined) return null;
  if (option.value.kind === 'secret') return found(context, option);
  throw sqlError('22023', `CREATE CONNECTION: ${name} takes a secret`, {
    hint: passwordHint,
    position: option.position,
  });
}

function found(context: ExecutionContext, { value, position }: Option): TextOrSecret | null {
  if (value.kind !== 'secret') return null;
  const object = findItem(context, value.name);
  const name = value.name.parts.join('.');
  if (object === undefined)
    throw sqlError('42704', `secret "${name}" does not exist`, { position });
  if (object.kind !== 'secret')
    throw sqlError('42809', `"${name}" is not a secret`, { hint: passwordHint, position });
  return { secret: object.oid };
}
