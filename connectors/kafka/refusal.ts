/**
 * Why a broker cannot be spoken to, where that is a matter of TLS or SASL: what kafkajs and Node
 * report, in words that say what to change. What trying again cannot help is marked as final.
 */

/** See the head of this file. */
export interface Refusal {
  /** SQLSTATE. */
  readonly code: '08001' | '28P01';
  readonly reason: string;
  readonly hint: string | null;
  readonly final: boolean;
}

/** The code of errors of our own sockets: TLS spoke where Kafka's protocol was expected. */
export const tlsSpokenCode = 'MILLRACE_TLS_SPOKEN';

const certificateHint =
  'SSL CERTIFICATE AUTHORITY takes the certificate (PEM) of who signed that of the broker.';
const clientHint = 'SSL CERTIFICATE and SSL KEY say what the broker is shown.';
const encryptHint = "Is SECURITY PROTOCOL = 'SSL' or 'SASL_SSL' missing?";
const plainHint = 'SECURITY PROTOCOL with SSL needs the address of a listener with TLS.';
const untrusted = 'the certificate of the broker is not signed by anybody who is trusted';
const withoutTls = 'the broker does not speak TLS at this address';

/** By the code of Node's errors: what is wrong, and what helps. */
const byCode = new Map<string, readonly [reason: string, hint: string | null]>([
  ['CERT_HAS_EXPIRED', ['the certificate of the broker has expired', null]],
  ['CERT_NOT_YET_VALID', ['the certificate of the broker is not valid yet', null]],
  ['CERT_REVOKED', ['the certificate of the broker is revoked', null]],
  ['SELF_SIGNED_CERT_IN_CHAIN', [untrusted, certificateHint]],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', [untrusted, certificateHint]],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', [untrusted, certificateHint]],
  ['UNABLE_TO_GET_ISSUER_CERT', [untrusted, certificateHint]],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', [untrusted, certificateHint]],
  ['CERT_SIGNATURE_FAILURE', [untrusted, certificateHint]],
  ['ERR_SSL_WRONG_VERSION_NUMBER', [withoutTls, plainHint]],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', [withoutTls, plainHint]],
  [tlsSpokenCode, ['the broker speaks TLS at this address', encryptHint]],
]);

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function final(reason: string, hint: string | null): Refusal {
  return { code: '08001', reason, hint, final: true };
}

/** What an error says of TLS or SASL; null if it is about something else. */
export function refusalOf(error: unknown): Refusal | null {
  if (!(error instanceof Error)) return null;
  const { message, name } = error;
  const code = codeOf(error);
  const known = byCode.get(code);
  if (known !== undefined) return final(...known);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return final('the certificate of the broker is for another host name', altNames(message));
  if (code.startsWith('ERR_SSL_') && code.includes('ALERT'))
    return final(`the broker refused the TLS handshake (${code})`, clientHint);
  if ('type' in error && error.type === 'UNSUPPORTED_SASL_MECHANISM')
    return final('the broker does not offer what SASL MECHANISMS names', null);
  if (name === 'KafkaJSSASLAuthenticationError') {
    return message.includes('mechanism is not supported')
      ? final('the broker does not offer what SASL MECHANISMS names', null)
      : { ...final('the broker refuses the user name or the password', null), code: '28P01' };
  }
  // These may pass: a broker that is just stopping ends connections in the same way.
  if (message.includes('before secure TLS connection'))
    return { ...final('the broker ended the TLS handshake', plainHint), final: false };
  if (name === 'KafkaJSConnectionClosedError') {
    const hint = 'A broker does so that wants TLS, a name and a password, or another certificate.';
    return { ...final('the broker closed the connection', hint), final: false };
  }
  return null;
}

/** What the certificate is for, as Node says it. */
function altNames(message: string): string | null {
  const at = message.indexOf('is not ');
  return at < 0 ? null : `The address ${message.slice(at)}`;
}
