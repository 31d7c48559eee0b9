/**
 * `millrace demo`: the main job at work. Starts a Kafka broker in memory (or uses a given one),
 * sends it orders and payments, starts the engine, runs examples/orders.sql through a session as
 * any client would, and shows two of its views live, from SUBSCRIBE. Whatever it starts, it ends.
 */
import { existsSync, readFileSync } from 'node:fs';
import { defined } from '../base/assert.ts';
import { SqlError } from '../base/error.ts';
import { realClock, realEntropy } from '../base/real/seam.ts';
import type { Log } from '../base/seam.ts';
import { EmbeddedBroker } from '../../connectors/kafka/broker/broker.ts';
import { KafkaConnection } from '../../connectors/kafka/client.ts';
import type { RowStream, Session } from '../coordinator/session.ts';
import { DemoProducer, demoTopics } from './demo-producer.ts';
import { OrderTraffic } from './demo-traffic.ts';
import { LiveRows } from './live-rows.ts';
import { Millrace } from './millrace.ts';
import type { DemoFigures, Table } from './terminal-view.ts';
import { colours, noColours, plainLine, screenLines } from './terminal-view.ts';

/** What the command line says. */
export interface DemoOptions {
  /** Addresses of a cluster; null starts a broker. */
  readonly brokers: string | null;
  /** Records a second. */
  readonly rate: number;
  /** Port for Postgres clients. */
  readonly port: number;
  /** Ends by itself so many after the first rows are shown; null runs until it is stopped. */
  readonly seconds: number | null;
  /** Draw a screen, or print lines. */
  readonly screen: boolean;
  write(text: string): void;
  /** Resolves when the user wants it to end. */
  readonly stopped: Promise<void>;
}

/** The terminal's second screen, without cursor and line wrapping, and back. */
const enterScreen = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const leaveScreen = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const drawMilliseconds = 200;
const ratesKept = 30;
const topicExists = 'already exists';

function text(error: unknown): string {
  return error instanceof SqlError
    ? error.fields.message
    : error instanceof Error
      ? error.message
      : String(error);
}

/** The SQL of the demo; beside the sources, or beside the compiled files. */
function demoSql(broker: string): string {
  const places = ['../../examples/orders.sql', '../../../examples/orders.sql'].map(
    (path) => new URL(path, import.meta.url),
  );
  const place = defined(
    places.find((url) => existsSync(url)),
    'examples/orders.sql is part of the package',
  );
  return readFileSync(place, 'utf8').replaceAll(':broker', broker.replaceAll("'", "''"));
}

/** Keeps the last message for the screen's foot, or prints each. */
class DemoLog implements Log {
  last: string | null = null;
  readonly #print: (message: string) => void;

  constructor(print: (message: string) => void) {
    this.#print = print;
  }

  info(message: string): void {
    this.#print(message);
  }

  warn(message: string): void {
    this.last = message;
    this.#print(`warning: ${message}`);
  }

  error(message: string): void {
    this.last = message;
    this.#print(`error: ${message}`);
  }
}

/** A subscription that is followed in the background. */
interface Followed {
  readonly live: LiveRows;
  readonly ended: Promise<void>;
}

/** What is running; `close` ends it in the reverse order of its start. */
class Demo {
  readonly #options: DemoOptions;
  readonly #log: DemoLog;
  readonly #closers: { readonly what: string; close(): Promise<void> | void }[] = [];
  readonly #rates: number[] = [];
  #started = realClock.monotonic();
  #drawing = false;
  #recordsBefore = 0;
  #changesBefore = 0;
  #changes = 0;

  constructor(options: DemoOptions) {
    this.#options = options;
    this.#log = new DemoLog((message) => {
      if (!this.#drawing) options.write(`${message}\n`);
    });
  }

  #say(message: string): void {
    this.#options.write(`${message}\n`);
  }

  #later(what: string, close: () => Promise<void> | void): void {
    this.#closers.push({ what, close });
  }

  async run(): Promise<void> {
    const seams = { clock: realClock, entropy: realEntropy, log: this.#log };
    const brokers = this.#options.brokers ?? (await this.#startBroker(seams));
    const kafka = new KafkaConnection(brokers, seams);
    this.#later('Kafka connection', () => kafka.close());
    await kafka.validate();
    await this.#createTopics(kafka);
    const producer = new DemoProducer(
      kafka,
      new OrderTraffic((bound) => Math.floor(Math.random() * bound)),
      realClock,
      this.#options.rate,
    );
    const millrace = await this.#startEngine(seams);
    this.#later('engine', () => millrace.stop());
    this.#say(`engine: Postgres protocol on 127.0.0.1:${millrace.port}`);
    await this.#define(this.#session(millrace), brokers);
    const revenue = await this.#follow(millrace, 'SUBSCRIBE revenue');
    const customers = await this.#follow(millrace, 'SUBSCRIBE top_customers');
    producer.start();
    this.#later('producer', () => producer.stop());
    this.#say(`producer: ${this.#options.rate} orders and payments a second`);
    await this.#show(millrace, producer, brokers, revenue, customers);
  }

  async #startBroker(seams: {
    clock: typeof realClock;
    entropy: typeof realEntropy;
    log: Log;
  }): Promise<string> {
    const broker = await EmbeddedBroker.start(seams);
    this.#later('embedded broker', () => broker.stop());
    this.#say(
      `embedded Kafka broker: in memory, on ${broker.brokers}; what it holds ends with the demo`,
    );
    return broker.brokers;
  }

  async #startEngine(seams: {
    clock: typeof realClock;
    entropy: typeof realEntropy;
    log: Log;
  }): Promise<Millrace> {
    const { port } = this.#options;
    try {
      return await Millrace.start({ host: '127.0.0.1', port, ...seams });
    } catch (error) {
      throw new Error(`${text(error)}; another port can be given with --port`);
    }
  }

  async #createTopics(kafka: KafkaConnection): Promise<void> {
    const admin = kafka.admin();
    await admin.connect();
    try {
      const known = new Set(await admin.listTopics());
      const topics = [...demoTopics]
        .filter(([topic]) => !known.has(topic))
        .map(([topic, numPartitions]) => ({ topic, numPartitions, replicationFactor: 1 }));
      if (topics.length > 0) await admin.createTopics({ topics, waitForLeaders: true });
    } catch (error) {
      if (!text(error).includes(topicExists)) throw error;
    } finally {
      await admin.disconnect();
    }
  }

  #session(millrace: Millrace): Session {
    const session = millrace.sessions.open(
      new Map([
        ['user', 'materialize'],
        ['database', 'materialize'],
        ['application_name', 'demo'],
      ]),
      'demo',
    );
    this.#later('session', () => session.close());
    return session;
  }

  async #define(session: Session, brokers: string): Promise<void> {
    for (const statement of session.parseScript(demoSql(brokers))) {
      if (statement.kind === '') continue;
      const outcome = await session.run(statement);
      await session.sync(false);
      const name = /\b(?:CONNECTION|SOURCE|VIEW|INDEX)\s+(\w+)/.exec(statement.text)?.[1] ?? '';
      if (outcome.kind === 'command') this.#say(`${outcome.tag.toLowerCase()} ${name}`);
    }
  }

  async #follow(millrace: Millrace, query: string): Promise<Followed> {
    const session = this.#session(millrace);
    const statement = defined(session.parseScript(query)[0], 'a query is a statement');
    const outcome = await session.run(statement);
    if (outcome.kind !== 'rows') throw new Error(`${query} gives no rows`);
    const live = new LiveRows(outcome.columns);
    const ended = this.#pump(outcome, live);
    // Looked at when the demo ends; until then nobody else awaits it.
    ended.catch(() => undefined);
    return { live, ended };
  }

  async #pump(rows: RowStream, live: LiveRows): Promise<void> {
    for (;;) {
      const batch = await rows.next();
      if (batch === null) return;
      live.apply(batch, realClock.now());
    }
  }

  /** Draws until the user, the given time or the end of a subscription stops it. */
  async #show(
    millrace: Millrace,
    producer: DemoProducer,
    brokers: string,
    revenue: Followed,
    customers: Followed,
  ): Promise<void> {
    const { screen, seconds, stopped, write } = this.#options;
    const ends = [stopped, revenue.ended, customers.ended];
    await Promise.race([...ends, Promise.all([revenue.live.filled, customers.live.filled])]);
    this.#started = realClock.monotonic();
    if (seconds !== null)
      ends.push(new Promise((resolve) => void realClock.after(seconds * 1000, resolve)));
    let over = false;
    const end = Promise.race(ends).finally(() => {
      over = true;
    });
    end.catch(() => undefined);
    if (screen) write(enterScreen);
    this.#drawing = screen;
    let second = 0;
    try {
      while (!over) {
        await Promise.race([
          end,
          new Promise<void>((resolve) => void realClock.after(drawMilliseconds, resolve)),
        ]);
        const elapsed = Math.floor((realClock.monotonic() - this.#started) / 1000);
        const ticked = elapsed > second;
        if (ticked) this.#tick(millrace, revenue.live.changes + customers.live.changes);
        second = elapsed;
        const figures = this.#figures(millrace, producer, brokers, revenue.live, customers.live);
        if (screen)
          write(
            `\x1b[H${screenLines(figures, colours)
              .map((line) => `${line}\x1b[K`)
              .join('\n')}\x1b[J`,
          );
        else if (ticked) write(`${plainLine(figures)}\n`);
      }
    } finally {
      this.#drawing = false;
      if (screen) write(leaveScreen);
    }
    const last = this.#figures(millrace, producer, brokers, revenue.live, customers.live);
    if (screen) write(`${screenLines(last, noColours).slice(2, -4).join('\n')}\n`);
    await end;
    write(`\n${last.records} records in ${last.seconds.toFixed(0)} seconds, lag ${last.lag}.\n`);
  }

  #records(millrace: Millrace): number {
    return millrace.coordinator.sources().reduce((sum, source) => sum + source.counts.records, 0);
  }

  /** Once a second: rates. */
  #tick(millrace: Millrace, changes: number): void {
    const records = this.#records(millrace);
    this.#rates.push(records - this.#recordsBefore);
    if (this.#rates.length > ratesKept) this.#rates.shift();
    this.#changes = changes - this.#changesBefore;
    this.#recordsBefore = records;
    this.#changesBefore = changes;
  }

  #figures(
    millrace: Millrace,
    producer: DemoProducer,
    brokers: string,
    revenue: LiveRows,
    customers: LiveRows,
  ): DemoFigures {
    let lag = 0n;
    for (const source of millrace.coordinator.sources()) {
      const ends = source.ends();
      for (const [partition, bound] of source.bound) {
        const end = ends.get(partition) ?? bound;
        if (end > bound) lag += end - bound;
      }
    }
    return {
      seconds: (realClock.monotonic() - this.#started) / 1000,
      broker: brokers,
      port: millrace.port,
      regions: sorted(revenue, (a, b) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1)),
      customers: sorted(customers, (a, b) => Number(b[2]) - Number(a[2])),
      rates: this.#rates,
      records: this.#records(millrace),
      lag: Number(lag),
      changes: this.#changes,
      latencyMedian: revenue.latency(0.5),
      latencyHigh: revenue.latency(0.99),
      trouble: producer.error === null ? this.#log.last : `the producer waits: ${producer.error}`,
    };
  }

  /** Ends everything, newest first; one part that cannot end does not keep the others. */
  async close(): Promise<void> {
    for (const { what, close } of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        this.#say(`${what} did not end well: ${text(error)}`);
      }
    }
  }
}

function sorted(
  live: LiveRows,
  compare: (a: readonly string[], b: readonly string[]) => number,
): Table {
  return { names: live.names(), rows: live.rows().toSorted(compare) };
}

/** Runs the demo to its end. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const demo = new Demo(options);
  try {
    await demo.run();
  } finally {
    await demo.close();
  }
  options.write(
    `The demo has ended; ${options.brokers === null ? 'broker, ' : ''}producer and engine are stopped.\n`,
  );
}
