/**
 * The bank: `node test/real/ledger.ts TRANSFERS KILLS`. A real server on a real disk gets that many
 * transfers between accounts, half of them as rows of a table, half as records of a topic, and is
 * killed so many times meanwhile. Every transfer takes from one account what it gives to another, so
 * the balances are zero together in every output that is ever seen: of a join, of outer joins, of a
 * top-k with room for all accounts, by SELECT and by SUBSCRIBE, before and after each kill. In the
 * end each transfer is there once. If nothing goes on it says what everybody waits for.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { EmbeddedBroker } from '../../connectors/kafka/broker/broker.ts';
import { KafkaConnection } from '../../connectors/kafka/client.ts';
import { RecordBatchBuilder } from '../../connectors/kafka/encode-batch.ts';
import { assert } from '../../src/base/assert.ts';
import { realClock, realEntropy } from '../../src/base/real/seam.ts';
import { Random } from '../support/random.ts';
import { KillServer } from './kill-server.ts';

const accounts = 100;
const partitions = 4;
const brokerBytesMax = 4 * 1024 ** 3;
const encoder = new TextEncoder();
/** Seconds after which something that does not end is reported, and after which it has failed. */
const reportSeconds = 60;
const failSeconds = 600;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const seams = { clock: realClock, entropy: realEntropy, log: silent };

/** What was seen. */
export interface LedgerReport {
  readonly transfers: number;
  readonly kills: number;
  /** Outputs whose total was looked at: by SELECT, and at moments of a SUBSCRIBE. */
  readonly selects: number;
  readonly moments: number;
  readonly seconds: number;
}

function side(account: string, from: string): string {
  return `(SELECT ${account} AS account, sum(amount) AS total FROM ${from} GROUP BY ${account})`;
}

function balances(from: string, join: string): string {
  return (
    `SELECT coalesce(i.account, o.account) AS account, coalesce(i.total, 0) - coalesce(o.total, 0) AS balance ` +
    `FROM ${side('credit', from)} i ${join} ${side('debit', from)} o ON i.account = o.account`
  );
}

const outputs = ['joined', 'outered', 'top', 'topic'];
const ofTopic =
  "(SELECT split_part(text, ',', 1)::int4 AS debit, split_part(text, ',', 2)::int4 AS credit, split_part(text, ',', 3)::int8 AS amount FROM records) t";
const everyOutput = outputs
  .map((name) => `SELECT '${name}' AS output, account, balance FROM ${name}`)
  .join(' UNION ALL ');

function definitions(brokers: string): readonly string[] {
  return [
    `CREATE CONNECTION k TO KAFKA (BROKER '${brokers}')`,
    "CREATE SOURCE records FROM KAFKA CONNECTION k (TOPIC 'transfers') FORMAT TEXT INCLUDE PARTITION, OFFSET",
    'CREATE TABLE transfers (batch int4, debit int4, credit int4, amount int8)',
    // Each account gives and gets, so that the inner join has them all.
    `INSERT INTO transfers SELECT -1, a, (a + 1) % ${accounts}, 1 FROM generate_series(0, ${accounts - 1}) a`,
    `CREATE MATERIALIZED VIEW joined AS ${balances('transfers', 'JOIN')}`,
    `CREATE MATERIALIZED VIEW outered AS ${balances('transfers', 'FULL JOIN')}`,
    `CREATE MATERIALIZED VIEW top AS SELECT account, balance FROM outered ORDER BY balance DESC, account LIMIT ${accounts}`,
    `CREATE MATERIALIZED VIEW topic AS ${balances(ofTopic, 'FULL JOIN')}`,
    'CREATE MATERIALIZED VIEW counts AS SELECT batch, count(*) AS n FROM transfers GROUP BY batch',
    'CREATE MATERIALIZED VIEW read AS SELECT partition, count(*) AS n, max("offset") AS last FROM records GROUP BY partition',
  ];
}

/** How long a run is, and how far each statement and each batch of a topic goes. */
interface Size {
  readonly batches: number;
  readonly batchTransfers: number;
  readonly kills: number;
}

interface Deed {
  readonly what: string;
  readonly since: number;
  reported: number;
}

/** What is under way, so that it can be told what does not end. */
class Deeds {
  readonly #deeds = new Set<Deed>();
  readonly #timer: NodeJS.Timeout;

  constructor(say: (text: string) => void, fail: (error: Error) => void) {
    this.#timer = setInterval(() => {
      for (const deed of this.#deeds) {
        const seconds = (performance.now() - deed.since) / 1_000;
        if (seconds - deed.reported < reportSeconds) continue;
        deed.reported = seconds;
        say(`${deed.what} takes ${Math.round(seconds)} s`);
        if (seconds > failSeconds) fail(new Error(`${deed.what} does not end`));
      }
    }, 1_000);
  }

  async during<T>(what: string, act: () => Promise<T>): Promise<T> {
    const deed = { what, since: performance.now(), reported: 0 };
    this.#deeds.add(deed);
    try {
      return await act();
    } finally {
      this.#deeds.delete(deed);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

class Ledger {
  readonly #folder = mkdtempSync(join(tmpdir(), 'millrace-ledger-'));
  readonly #random = new Random(17);
  readonly #broker: EmbeddedBroker;
  readonly #kafka: KafkaConnection;
  #server: KillServer | null = null;
  readonly #size: Size;
  readonly #say: (text: string) => void;
  readonly #deeds: Deeds;
  #failure: Error | null = null;
  /** Batches that were acknowledged, of the table and of the topic. */
  #inserted = 0;
  #produced = 0;
  selects = 0;
  moments = 0;

  private constructor(broker: EmbeddedBroker, size: Size, say: (text: string) => void) {
    this.#broker = broker;
    this.#size = size;
    this.#say = say;
    this.#kafka = new KafkaConnection(broker.brokers, seams);
    this.#deeds = new Deeds(
      (text) =>
        say(`${text}; ${this.#where()}; the server says ${this.#server?.said ?? 'nothing'}`),
      (error) => {
        this.#failure ??= error;
        void this.#server?.end('SIGKILL');
      },
    );
  }

  #where(): string {
    return `${this.#inserted} batches in the table and ${this.#produced} in the topic`;
  }

  static async start(size: Size, say: (text: string) => void): Promise<Ledger> {
    const broker = await EmbeddedBroker.start({ ...seams, keptBytesMax: brokerBytesMax });
    broker.createTopic('transfers', partitions);
    return new Ledger(broker, size, say);
  }

  async #open(): Promise<KillServer> {
    this.#server = await this.#deeds.during('a start', () =>
      KillServer.open(join(this.#folder, 'data')),
    );
    return this.#server;
  }

  async run(): Promise<void> {
    const { batches, kills } = this.#size;
    const first = await (await this.#open()).client();
    for (const text of definitions(this.#broker.brokers)) await first.query(text);
    await first.end();
    const producer = this.#produce(batches);
    for (let life = 0; life <= kills; life++) {
      const until = Math.floor((batches * (life + 1)) / (kills + 1));
      const began = performance.now();
      await this.#live(until, life < kills);
      const seconds = ((performance.now() - began) / 1_000).toFixed(1);
      this.#say(`life ${life + 1} of ${kills + 1}: ${this.#where()}, ${seconds} s`);
      if (life < kills) await this.#open();
    }
    if (this.#failure !== null) throw this.#failure;
    await producer;
    await this.#settle(batches);
    const status = await this.#server?.end('SIGTERM');
    assert(status === 0, `the server ends in good order, got ${status}`);
    if (this.#failure !== null) throw this.#failure;
  }

  async #produce(batches: number): Promise<void> {
    const builder = new RecordBatchBuilder();
    while (this.#produced < batches && this.#failure === null) {
      // Not far ahead of the table, so that both are under way at each kill.
      if (this.#produced > this.#inserted + 4) {
        await sleep(5);
        continue;
      }
      for (let i = 0; i < this.#size.batchTransfers; i++) {
        const text = `${this.#account()},${this.#account()},${this.#random.below(1_000)}`;
        builder.add(null, encoder.encode(text), Date.now());
      }
      await this.#deeds.during('a batch of the producer', () =>
        this.#kafka.produce('transfers', this.#produced % partitions, builder.finish()),
      );
      this.#produced++;
    }
  }

  #account(): number {
    return this.#random.below(accounts);
  }

  /** Runs until so many batches are in the table, then kills the server. */
  async #live(until: number, kill: boolean): Promise<void> {
    const server = this.#server;
    assert(server !== null, 'a server runs');
    const [writer, reader, follower] = await Promise.all(
      Array.from({ length: 3 }, () => server.client()),
    );
    assert(writer !== undefined && reader !== undefined && follower !== undefined, 'three clients');
    const life = { over: false };
    const fail = (error: unknown): void => {
      if (!life.over) this.#failure ??= error instanceof Error ? error : new Error(String(error));
    };
    // What was under way at the last kill is there as a whole, or not at all.
    const [last] = await rows(writer, `SELECT n FROM counts WHERE batch = ${this.#inserted}`);
    assert(
      last === undefined || Number(last[0]) === this.#size.batchTransfers,
      `half a batch: ${last}`,
    );
    if (last !== undefined) this.#inserted++;
    const reads = this.#read(reader, life).catch(fail);
    this.#follow(follower, fail);
    while (this.#inserted < until && this.#failure === null) await this.#insert(writer);
    if (kill) {
      const underWay = this.#insertMore(writer);
      await sleep(this.#random.below(20));
      life.over = true;
      await server.end('SIGKILL');
      await underWay;
    }
    life.over = true;
    await reads;
    for (const client of [writer, reader, follower]) await client.end().catch(() => undefined);
  }

  async #insert(client: pg.Client): Promise<void> {
    // Numbers that look random, made by the server: the driver is to be no bottleneck.
    const [a, b] = [this.#random.below(1_000_000), this.#random.below(1_000_000)];
    const text =
      `INSERT INTO transfers SELECT ${this.#inserted}, (i * 7919 + ${a}) % 10007 % ${accounts}, ` +
      `(i * 104729 + ${b}) % 20011 % ${accounts}, (i * 31 + ${b}) % 1000 ` +
      `FROM generate_series(1, ${this.#size.batchTransfers}) i`;
    await this.#deeds.during('an INSERT', () => client.query(text));
    this.#inserted++;
  }

  /** Inserts until the server is gone. */
  async #insertMore(client: pg.Client): Promise<void> {
    try {
      for (;;) await this.#insert(client);
    } catch {
      // The server was killed; what became of the last batch the next life finds out.
    }
  }

  async #read(client: pg.Client, life: { readonly over: boolean }): Promise<void> {
    while (!life.over) {
      audit(await this.#deeds.during('a read', () => rows(client, everyOutput)), 'in a read');
      this.selects++;
      await sleep(20);
    }
  }

  #follow(client: pg.Client, fail: (error: unknown) => void): void {
    const counts = new Map<string, number>();
    const query = client.query(new pg.Query(`SUBSCRIBE (${everyOutput}) WITH (PROGRESS)`));
    query.on('row', (row: Readonly<Record<string, unknown>>) => {
      const [time, progressed, diff, ...cells] = Object.values(row);
      if (progressed === true) {
        try {
          audit(
            [...counts].flatMap(([key, n]) => new Array<string[]>(n).fill(key.split('|'))),
            `at ${String(time)}`,
          );
          this.moments++;
        } catch (error) {
          fail(error);
        }
        return;
      }
      const key = cells.map(String).join('|');
      const count = (counts.get(key) ?? 0) + Number(diff);
      if (count === 0) counts.delete(key);
      else counts.set(key, count);
    });
    query.on('error', fail);
  }

  /** Waits until the topic is read, and compares counts. */
  async #settle(batches: number): Promise<void> {
    assert(this.#server !== null, 'a server runs');
    const client = await this.#server.client();
    const read = 'SELECT sum(n), sum(last + 1) FROM read';
    const wanted = String(this.#produced * this.#size.batchTransfers);
    for (let tries = 0; tries < 6_000; tries++) {
      const [row] = await rows(client, read);
      if (String(row?.[0]) === wanted) break;
      await sleep(50);
    }
    const [topic] = await rows(client, read);
    assert(
      topic?.map(String).join() === `${wanted},${wanted}`,
      `of ${wanted} records are ${topic}`,
    );
    const counted = await rows(client, 'SELECT batch, n FROM counts WHERE batch >= 0');
    assert(this.#inserted >= batches, `${batches} batches were asked for, ${this.#inserted} made`);
    assert(counted.length === this.#inserted, `${counted.length} batches of ${this.#inserted}`);
    for (const [batch, n] of counted)
      assert(Number(n) === this.#size.batchTransfers, `batch ${batch} has ${n} transfers`);
    audit(await rows(client, everyOutput), 'in the end');
    await client.end();
  }

  get transfers(): number {
    return (this.#inserted + this.#produced) * this.#size.batchTransfers;
  }

  async stop(): Promise<void> {
    this.#deeds.stop();
    await this.#server?.end('SIGKILL');
    await this.#kafka.close();
    await this.#broker.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function rows(client: pg.Client, text: string): Promise<unknown[][]> {
  const result = await client.query<unknown[]>({ text, rowMode: 'array' });
  return result.rows;
}

/** Throws unless each output sums to zero. */
function audit(all: readonly (readonly unknown[])[], when: string): void {
  const totals = new Map<string, number>();
  for (const [output, , balance] of all)
    totals.set(String(output), (totals.get(String(output)) ?? 0) + Number(balance));
  for (const [output, total] of totals)
    assert(total === 0, `${when}, ${output} has ${total} in all`);
}

/** Runs the bank; throws for the first output that is wrong. `say` is told of each life. */
export async function runLedger(
  transfers: number,
  kills: number,
  say: (text: string) => void = () => undefined,
): Promise<LedgerReport> {
  const began = performance.now();
  // A long run is of large batches, so that it is one of many transfers and not of many statements.
  const batchTransfers = transfers < 1_000_000 ? 1_000 : 10_000;
  const batches = Math.ceil(transfers / 2 / batchTransfers);
  const ledger = await Ledger.start({ batches, batchTransfers, kills }, say);
  try {
    await ledger.run();
  } finally {
    await ledger.stop();
  }
  const seconds = (performance.now() - began) / 1000;
  const { selects, moments } = ledger;
  return { transfers: ledger.transfers, kills, selects, moments, seconds };
}

if (import.meta.main) {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const [transfers = 10_000_000, kills = 20] = process.argv.slice(2).map(Number);
  const report = await runLedger(transfers, kills, say);
  say(
    `${report.transfers} transfers, ${report.kills} kills in ${report.seconds.toFixed(1)} s: ` +
      `${report.selects} reads and ${report.moments} moments of subscriptions, each 0 in all`,
  );
}
