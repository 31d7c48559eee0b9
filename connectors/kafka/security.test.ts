/**
 * Goal: large and small frames come over TLS as over plain sockets; what is no certificate or no
 * fitting key is refused before a broker is asked; and errors of TLS and SASL are said in words
 * that help. Method: a TLS server of Node with certificates of a minute ago.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createPlainServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SqlError } from '../../src/base/error.ts';
import { realClock, realEntropy } from '../../src/base/real/seam.ts';
import type { Certificate } from '../../test/support/certificates.ts';
import { CertificateAuthority } from '../../test/support/certificates.ts';
import { KafkaConnection } from './client.ts';
import { FrameMemory } from './frame-memory.ts';
import { frameSocket, smallFrameBytesMax } from './frame-socket.ts';
import { refusalOf } from './refusal.ts';
import type { KafkaSecurity } from './security.ts';
import { plaintext, requirePem } from './security.ts';

let folder: string;
let authority: CertificateAuthority;
let good: Certificate;
let other: Certificate;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-security-'));
  authority = new CertificateAuthority(folder, 'authority');
  good = authority.sign('good', 'IP:127.0.0.1');
  other = authority.sign('other', 'DNS:other');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return address.port;
}

test('frames come out of TLS as they went in, large ones in shared memory', async () => {
  const sizes = [0, 5, smallFrameBytesMax - 4, smallFrameBytesMax + 1, 3_000_000, 17, 400_000];
  const frames = sizes.map((bytes, i) => {
    const frame = Buffer.alloc(4 + bytes, i + 1);
    frame.writeInt32BE(bytes, 0);
    return frame;
  });
  const server = createServer({ cert: good.certificate, key: good.key }, (socket) => {
    socket.on('error', () => undefined);
    socket.write(Buffer.concat(frames));
  });
  const port = await listen(server);
  const memory = new FrameMemory();
  const got = await new Promise<Buffer[]>((resolve, reject) => {
    const found: Buffer[] = [];
    const ssl = { ca: authority.certificate };
    const request = { host: '127.0.0.1', port, ssl, onConnect: () => undefined };
    const socket = frameSocket(memory, request);
    socket.on('error', reject);
    socket.on('data', (frame: Buffer) => {
      found.push(frame);
      if (found.length < frames.length) return;
      socket.destroy();
      resolve(found);
    });
  });
  server.close();
  expect(got.map((frame) => frame.length)).toEqual(frames.map((frame) => frame.length));
  got.forEach((frame, i) => {
    expect(frame.equals(frames[i] ?? Buffer.alloc(0))).toBe(true);
    expect(frame.buffer instanceof SharedArrayBuffer).toBe(frame.length > smallFrameBytesMax);
  });
});

function shows(certificate: string, key: string, ca: string | null = null): KafkaSecurity {
  return {
    sasl: null,
    tls: {
      authority: ca === null ? null : () => ca,
      certificate: () => certificate,
      key: () => key,
    },
  };
}

test('certificates and keys are looked at first', () => {
  const refused = (security: KafkaSecurity): string => {
    try {
      requirePem(security);
    } catch (error) {
      if (error instanceof SqlError) return error.fields.message;
      throw error;
    }
    return '';
  };
  expect(refused(plaintext)).toBe('');
  expect(refused(shows(good.certificate, good.key, authority.certificate))).toBe('');
  expect(refused(shows(good.certificate, good.key, 'garbage'))).toBe(
    'SSL CERTIFICATE AUTHORITY is not a certificate in PEM',
  );
  expect(refused(shows('garbage', good.key))).toBe('SSL CERTIFICATE is not a certificate in PEM');
  expect(refused(shows(good.certificate, 'garbage'))).toBe('SSL KEY is not a private key in PEM');
  expect(refused(shows(good.certificate, other.key))).toBe(
    'SSL KEY does not belong to SSL CERTIFICATE',
  );
});

test('who answers with an alert of TLS is said to speak it', async () => {
  const server = createPlainServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 70])));
  });
  const port = await listen(server);
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const seams = { clock: realClock, entropy: realEntropy, log };
  const connection = new KafkaConnection(`127.0.0.1:${port}`, seams);
  const error: unknown = await connection.validate().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    fields: { code: '08001', hint: expect.stringContaining('SECURITY PROTOCOL') },
  });
  await connection.close();
  server.close();
});

test.each([
  ['KafkaJSSASLAuthenticationError', '', 'Authentication failed', '28P01', true],
  ['KafkaJSSASLAuthenticationError', '', 'SASL PLAIN mechanism is not supported', '08001', true],
  ['KafkaJSConnectionError', 'CERT_HAS_EXPIRED', 'x', '08001', true],
  ['KafkaJSConnectionError', 'ERR_TLS_CERT_ALTNAME_INVALID', 'x', '08001', true],
  ['KafkaJSConnectionError', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'x', '08001', true],
  ['KafkaJSConnectionClosedError', '', 'Closed connection', '08001', false],
])('%s %s is told', (name, code, message, state, final) => {
  const refusal = refusalOf(Object.assign(new Error(message), { name, code }));
  expect(refusal).toMatchObject({ code: state, final });
});

test('other errors are not about security', () => {
  expect(refusalOf(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))).toBeNull();
  expect(refusalOf('text')).toBeNull();
});
