/**
 * How a Kafka cluster is spoken to: over TLS or in the clear, with a name and a password or
 * without. Values are asked for at each new connection, so that a changed password counts from then
 * on. Nothing here ever puts one of them into a message.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { sqlError } from '../../src/base/error.ts';

/** See the head of this file. */
export interface KafkaSecurity {
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: () => string;
    readonly password: () => string;
  } | null;
  /** All in PEM. */
  readonly tls: {
    /** Whose signature the broker's certificate must have; null: of those that Node trusts. */
    readonly authority: (() => string) | null;
    /** What the broker is shown. */
    readonly certificate: (() => string) | null;
    readonly key: (() => string) | null;
  } | null;
}

/** In the clear, and nobody says who he is. */
export const plaintext: KafkaSecurity = { sasl: null, tls: null };

/** A certificate or key as it is read; undefined if it is not one. */
function readPem<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    // What the reader says of the text is less clear than the caller's message.
    return undefined;
  }
}

/** Throws 22023 if what TLS is given is not certificates and a key that fits. */
export function requirePem({ tls }: KafkaSecurity): void {
  if (tls === null) return;
  const { authority, certificate, key } = tls;
  const hint = 'It begins with -----BEGIN CERTIFICATE-----.';
  if (authority !== null && readPem(() => new X509Certificate(authority())) === undefined)
    throw sqlError('22023', 'SSL CERTIFICATE AUTHORITY is not a certificate in PEM', { hint });
  if (certificate === null || key === null) return;
  const shown = readPem(() => new X509Certificate(certificate()));
  if (shown === undefined)
    throw sqlError('22023', 'SSL CERTIFICATE is not a certificate in PEM', { hint });
  const privateKey = readPem(() => createPrivateKey(key()));
  if (privateKey === undefined) {
    throw sqlError('22023', 'SSL KEY is not a private key in PEM', {
      hint: 'It begins with -----BEGIN PRIVATE KEY-----; keys with a passphrase are not read.',
    });
  }
  if (!shown.checkPrivateKey(privateKey))
    throw sqlError('22023', 'SSL KEY does not belong to SSL CERTIFICATE');
}
