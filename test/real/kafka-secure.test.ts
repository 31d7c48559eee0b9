/**
 * Goal: sources read from secured clusters, also after the broker was away; whoever cannot connect
 * is told why within five seconds; and a password is nowhere to be read. Method: an Apache Kafka
 * with a listener for each way of speaking and each way of going wrong, certificates of a minute
 * ago, the product as a process with a data directory that is started twice.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KafkaConnection } from '../../connectors/kafka/client.ts';
import type { Certificate } from '../support/certificates.ts';
import { CertificateAuthority } from '../support/certificates.ts';
import { KafkaServer } from './kafka-server.ts';
import { MillraceServer } from './millrace-server.ts';
import { seams } from './test-broker.ts';

const password = 'a "long" pass=word, with \\ signs';
const errorMillisecondsMax = 5_000;

let folder: string;
let authority: CertificateAuthority;
let client: Certificate;
let kafka: KafkaServer;
let millrace: MillraceServer;
let sql: pg.Client;

/** The lines of a listener's certificate. */
function shown({ both }: Certificate): string[] {
  return ['ssl.keystore.type=PEM', `ssl.keystore.location=${both}`];
}

function plainUsers(): string {
  const quoted = password.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\\', '\\\\');
  return `org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="${quoted}";`;
}

async function startKafka(): Promise<KafkaServer> {
  const good = shown(authority.sign('good', 'IP:127.0.0.1'));
  const expired = shown(authority.sign('expired', 'IP:127.0.0.1', true));
  const misnamed = shown(authority.sign('misnamed', 'DNS:kafka.example'));
  const module = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  const scram = [
    'sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512',
    `scram-sha-256.sasl.jaas.config=${module}`,
    `scram-sha-512.sasl.jaas.config=${module}`,
  ];
  const plain = ['sasl.enabled.mechanisms=PLAIN', `plain.sasl.jaas.config=${plainUsers()}`];
  const trust = ['ssl.truststore.type=PEM', `ssl.truststore.location=${authority.file}`];
  const mutual = [...good, ...trust, 'ssl.client.auth=required'];
  return KafkaServer.start({
    listeners: new Map([
      ['SCRAM', { protocol: 'SASL_SSL', lines: [...good, ...scram] }],
      ['PLAIN', { protocol: 'SASL_PLAINTEXT', lines: plain }],
      ['TLS', { protocol: 'SSL', lines: good }],
      ['MUTUAL', { protocol: 'SSL', lines: mutual }],
      ['EXPIRED', { protocol: 'SSL', lines: expired }],
      ['MISNAMED', { protocol: 'SSL', lines: misnamed }],
    ]),
    scram: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
      (mechanism) => `${mechanism}=[name=alice,password=${scramPassword}]`,
    ),
  });
}

/** Kafka's tool for the first users takes no commas and quotes. */
const scramPassword = 'hunter2-of-scram';

async function connectSql(): Promise<void> {
  millrace = await MillraceServer.start(join(folder, 'data'));
  sql = millrace.client();
  await sql.connect();
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-secure-'));
  authority = new CertificateAuthority(folder, 'authority');
  client = authority.sign('client', 'DNS:client');
  kafka = await startKafka();
  await connectSql();
  await sql.query(`CREATE SECRET plain_password AS ${text(password)}`);
  await sql.query(`CREATE SECRET scram_password AS '${scramPassword}'`);
  await sql.query(`CREATE SECRET wrong_password AS 'not-the-password'`);
  await sql.query(`CREATE SECRET client_key AS ${text(client.key)}`);
});

afterAll(async () => {
  await sql.end();
  await millrace.stop();
  await kafka.stop();
  rmSync(folder, { recursive: true, force: true });
});

function trusted(): string {
  return `SSL CERTIFICATE AUTHORITY = ${text(authority.certificate)}`;
}

function scram(mechanism: string, secret: string): string {
  return `SECURITY PROTOCOL = 'SASL_SSL', SASL MECHANISMS = '${mechanism}',
    SASL USERNAME = 'alice', SASL PASSWORD = SECRET ${secret}, ${trusted()}`;
}

function mutual(): string {
  return `SECURITY PROTOCOL = 'SSL', SSL CERTIFICATE = ${text(client.certificate)},
    SSL KEY = SECRET client_key, ${trusted()}`;
}

function plain(secret: string): string {
  return `SECURITY PROTOCOL = 'SASL_PLAINTEXT', SASL MECHANISMS = 'PLAIN',
    SASL USERNAME = 'alice', SASL PASSWORD = SECRET ${secret}`;
}

async function produce(topic: string, values: readonly string[]): Promise<void> {
  const connection = new KafkaConnection(kafka.brokers, seams);
  const admin = connection.admin();
  await admin.connect();
  if (!(await admin.listTopics()).includes(topic))
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = connection.producer();
  await producer.connect();
  await producer.send({ topic, messages: values.map((value) => ({ value })) });
  await producer.disconnect();
  await connection.close();
}

/** Asks until the answer is this, for as long as a minute. */
async function answers(query: string, expected: string): Promise<void> {
  let answer = '';
  for (let i = 0; i < 300 && answer !== expected; i++) {
    if (i > 0) await sleep(200);
    const { rows } = await sql.query<{ n: string }>(query);
    answer = String(rows[0]?.n);
  }
  expect(answer).toBe(expected);
}

const ways: [string, string, () => string][] = [
  ['scram256', 'SCRAM', () => scram('SCRAM-SHA-256', 'scram_password')],
  ['scram512', 'SCRAM', () => scram('SCRAM-SHA-512', 'scram_password')],
  ['plain', 'PLAIN', () => plain('plain_password')],
  ['tls', 'TLS', () => `SECURITY PROTOCOL = 'SSL', ${trusted()}`],
  ['mutual', 'MUTUAL', mutual],
];

test('sources read over every secure way, also after a restart of the broker and of ours', async () => {
  // Large enough for answers that are read into blocks of their own.
  const value = 'x'.repeat(1_000);
  for (let i = 0; i < 4; i++) await produce('secured', Array<string>(500).fill(value));
  for (const [name, listener, options] of ways) {
    await sql.query(
      `CREATE CONNECTION ${name} TO KAFKA (BROKER '${kafka.listener(listener)}', ${options()})`,
    );
    await sql.query(`VALIDATE CONNECTION ${name}`);
    await sql.query(
      `CREATE SOURCE ${name}_source FROM KAFKA CONNECTION ${name} (TOPIC 'secured') FORMAT TEXT`,
    );
    await sql.query(`CREATE MATERIALIZED VIEW ${name}_count AS
      SELECT count(*) || ' of ' || sum(length(text)) AS n FROM ${name}_source`);
  }
  const read = async (total: number): Promise<void> => {
    for (const [name] of ways)
      await answers(`SELECT n FROM ${name}_count`, `${total} of ${total}000`);
  };
  await read(2_000);
  await kafka.down();
  await kafka.up();
  await produce('secured', [value]);
  await read(2_001);
  await sql.end();
  await millrace.stop();
  await connectSql();
  await produce('secured', [value]);
  await read(2_002);
});

const refused: [string, string, () => string, string, RegExp][] = [
  [
    'a wrong password, SCRAM',
    'SCRAM',
    () => scram('SCRAM-SHA-512', 'wrong_password'),
    '28P01',
    /refuses the user name or the password/,
  ],
  [
    'a wrong password, PLAIN',
    'PLAIN',
    () => plain('wrong_password'),
    '28P01',
    /refuses the user name or the password/,
  ],
  [
    'a mechanism that is not offered',
    'PLAIN',
    () => plain('plain_password').replace("'PLAIN'", "'SCRAM-SHA-256'"),
    '08001',
    /SASL MECHANISMS/,
  ],
  [
    'an untrusted certificate',
    'TLS',
    () => `SECURITY PROTOCOL = 'SSL'`,
    '08001',
    /not signed by anybody who is trusted/,
  ],
  [
    'an expired certificate',
    'EXPIRED',
    () => `SECURITY PROTOCOL = 'SSL', ${trusted()}`,
    '08001',
    /has expired/,
  ],
  [
    'a certificate for another host',
    'MISNAMED',
    () => `SECURITY PROTOCOL = 'SSL', ${trusted()}`,
    '08001',
    /for another host name/,
  ],
  [
    'no certificate where one is asked for',
    'MUTUAL',
    () => `SECURITY PROTOCOL = 'SSL', ${trusted()}`,
    '08001',
    /refused the TLS handshake|closed the connection/,
  ],
  [
    'plaintext where TLS is spoken',
    'TLS',
    () => `SECURITY PROTOCOL = 'PLAINTEXT'`,
    '08001',
    /speaks TLS|closed the connection/,
  ],
  [
    'TLS where plaintext is spoken',
    'PLAIN',
    () => `SECURITY PROTOCOL = 'SSL', ${trusted()}`,
    '08001',
    /does not speak TLS|ended the TLS handshake/,
  ],
  [
    'no password where one is asked for',
    'PLAIN',
    () => `SECURITY PROTOCOL = 'PLAINTEXT'`,
    '08001',
    /closed the connection/,
  ],
];

test.each(refused)('%s is an error in time', async (_, listener, options, code, message) => {
  const begin = performance.now();
  const statement = `CREATE CONNECTION refused TO KAFKA (BROKER '${kafka.listener(listener)}', ${options()})`;
  const error: unknown = await sql.query(statement).catch((thrown: unknown) => thrown);
  expect(performance.now() - begin).toBeLessThan(errorMillisecondsMax + 500);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  expect(JSON.stringify(error)).not.toContain('not-the-password');
});

test('a new password of a secret counts at the next connection', async () => {
  const options = scram('SCRAM-SHA-256', 'wrong_password');
  await sql.query(`CREATE CONNECTION later TO KAFKA
    (BROKER '${kafka.listener('SCRAM')}', ${options}) WITH (VALIDATE = false)`);
  await expect(sql.query('VALIDATE CONNECTION later')).rejects.toMatchObject({ code: '28P01' });
  await sql.query(`ALTER SECRET wrong_password AS '${scramPassword}'`);
  await sql.query('VALIDATE CONNECTION later');
  await sql.query('DROP CONNECTION later');
  await sql.query("ALTER SECRET wrong_password AS 'not-the-password'");
});

test('a source whose password is not right any more says so, and goes on with the right one', async () => {
  await produce('turning', ['a']);
  await sql.query(`CREATE SECRET turning AS '${scramPassword}'`);
  await sql.query(`CREATE CONNECTION turning_kafka TO KAFKA
    (BROKER '${kafka.listener('SCRAM')}', ${scram('SCRAM-SHA-512', 'turning')})`);
  await sql.query(`CREATE SOURCE turning_source FROM KAFKA CONNECTION turning_kafka
    (TOPIC 'turning') FORMAT TEXT`);
  await sql.query(
    'CREATE MATERIALIZED VIEW turning_count AS SELECT count(*) AS n FROM turning_source',
  );
  await answers('SELECT n FROM turning_count', '1');
  await sql.query("ALTER SECRET turning AS 'not-the-password'");
  await kafka.down();
  await kafka.up();
  await answers(
    `SELECT error LIKE '%authentication failed%' AS n FROM mz_internal.mz_source_statuses
      WHERE name = 'turning_source'`,
    'true',
  );
  const { rows } = await sql.query('SELECT error FROM mz_internal.mz_source_statuses');
  expect(JSON.stringify(rows)).not.toContain('not-the-password');
  await sql.query(`ALTER SECRET turning AS '${scramPassword}'`);
  await produce('turning', ['b']);
  await answers('SELECT n FROM turning_count', '2');
});

test('the files of the data directory are for their owner alone', () => {
  const data = join(folder, 'data');
  const names = readdirSync(data, { recursive: true, encoding: 'utf8' });
  expect(names.length).toBeGreaterThan(0);
  for (const name of ['.', ...names]) expect(statSync(join(data, name)).mode & 0o077).toBe(0);
});
