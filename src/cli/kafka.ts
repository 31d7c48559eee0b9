/** Opens Kafka connections for the coordinator: the one place where the two meet. */
import type { SourceConnection } from '../../connectors/connector.ts';
import { KafkaConnection } from '../../connectors/kafka/client.ts';
import type { KafkaSeams } from '../../connectors/kafka/client.ts';
import type { KafkaSecurity } from '../../connectors/kafka/security.ts';
import { plaintext } from '../../connectors/kafka/security.ts';
import type {
  KafkaConnectionObject,
  KafkaSecurity as CatalogSecurity,
  TextOrSecret,
} from '../catalog/object.ts';
import type { Secrets } from '../coordinator/coordinator.ts';

/** A connection as the catalog describes it; no socket is opened yet. */
export function connectKafka(
  connection: KafkaConnectionObject,
  seams: KafkaSeams,
  secrets: Secrets,
): SourceConnection {
  const security = resolved(connection.security, secrets);
  return new KafkaConnection(connection.brokers.join(','), seams, undefined, security);
}

/** What the catalog has, with ways to the values of secrets. */
function resolved(security: CatalogSecurity | undefined, secrets: Secrets): KafkaSecurity {
  if (security === undefined) return plaintext;
  const ask = (value: TextOrSecret): (() => string) => {
    return () => ('text' in value ? value.text : secrets(value.secret));
  };
  const { protocol, sasl, authority, certificate, key } = security;
  const tls = {
    authority: authority && ask(authority),
    certificate: certificate && ask(certificate),
    key: key && ask(key),
  };
  const login = sasl && {
    mechanism: mechanisms[sasl.mechanism],
    username: ask(sasl.username),
    password: ask(sasl.password),
  };
  return { sasl: login, tls: protocol === 'SASL_PLAINTEXT' ? null : tls };
}

const mechanisms = {
  PLAIN: 'plain',
  'SCRAM-SHA-256': 'scram-sha-256',
  'SCRAM-SHA-512': 'scram-sha-512',
} as const;
