/**
 * Certificates for tests, made by openssl in a folder: an authority, and certificates that it
 * signed, each with its key (PEM). A broker takes `both`, the two in one file.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../src/base/assert.ts';

/** A certificate with its key: texts, and the file that holds both. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
  readonly both: string;
}

/** Whose certificates who trusts it takes. */
export class CertificateAuthority {
  /** PEM, and the file that holds it. */
  readonly certificate: string;
  readonly file: string;
  readonly #folder: string;
  readonly #name: string;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    this.file = join(folder, `${name}.crt`);
    newKey(folder, name);
    const subject = ['-subj', `/CN=${name}`, '-days', '2', '-out', this.file];
    openssl(['req', '-x509', '-new', '-key', join(folder, `${name}.key`), ...subject]);
    this.certificate = readFileSync(this.file, 'utf8');
  }

  /** For hosts as openssl writes them (`DNS:a,IP:127.0.0.1`); `expired` ended yesterday. */
  sign(name: string, hosts: string, expired = false): Certificate {
    const at = (ending: string): string => join(this.#folder, `${name}.${ending}`);
    newKey(this.#folder, name);
    openssl(['req', '-new', '-key', at('key'), '-subj', `/CN=${name}`, '-out', at('csr')]);
    writeFileSync(at('ext'), `subjectAltName=${hosts}\n`);
    const authority = ['-CA', this.file, '-CAkey', join(this.#folder, `${this.#name}.key`)];
    const days = expired ? ['-days', '-1'] : ['-days', '2'];
    const files = ['-in', at('csr'), '-extfile', at('ext'), '-out', at('crt')];
    openssl(['x509', '-req', ...files, ...authority, '-CAcreateserial', ...days]);
    const certificate = readFileSync(at('crt'), 'utf8');
    const key = readFileSync(at('key'), 'utf8');
    writeFileSync(at('pem'), key + certificate);
    return { certificate, key, both: at('pem') };
  }
}

function newKey(folder: string, name: string): void {
  const curve = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  openssl(['genpkey', ...curve, '-out', join(folder, `${name}.key`)]);
}

function openssl(words: readonly string[]): void {
  const run = spawnSync('openssl', words, { encoding: 'utf8' });
  assert(run.status === 0, `openssl ${words.join(' ')}: ${run.stderr}${run.error ?? ''}`);
}
