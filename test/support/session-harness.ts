/**
 * A whole engine in the calling thread with sessions on it, for tests of statements: SQL in, rows
 * of JavaScript values out, errors as `SqlError`. No sockets, no worker thread; Kafka connections
 * are refused unless the test brings its own.
 */
import { SqlError } from '../../src/base/error.ts';
import type { Clock, Disk } from '../../src/base/seam.ts';
import { realClock, realEntropy } from '../../src/base/real/seam.ts';
import type { SourceConnection } from '../../connectors/connector.ts';
import { unpackBatch } from '../../dataflow/graph/packed-batch.ts';
import type { PackedBatch, Statistics } from '../../dataflow/graph/command.ts';
import { readDatum } from '../../dataflow/value/datum-column.ts';
import { formatDatum } from '../../dataflow/value/text-output.ts';
import { systemRelations } from '../../src/catalog/system/all.ts';
import type { Coordinator } from '../../src/coordinator/coordinator.ts';
import type { DataPlace } from '../../src/coordinator/durable-coordinator.ts';
import { DurableCoordinator } from '../../src/coordinator/durable-coordinator.ts';
import { InlineLink } from '../../src/coordinator/inline-link.ts';
import { SessionRegistry } from '../../src/coordinator/session-registry.ts';
import type { Outcome, RowStream, Session } from '../../src/coordinator/session.ts';
import { initializeParser } from '../../src/sql/parse/parse.ts';

/** What a statement gave: its tag, and its rows as texts (NULL is null). */
export interface Answer {
  readonly tag: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export class SessionHarness {
  readonly coordinator: Coordinator;
  readonly #durable: DurableCoordinator;
  readonly #sessions: SessionRegistry;

  private constructor(durable: DurableCoordinator) {
    this.#durable = durable;
    this.coordinator = durable.coordinator;
    this.#sessions = new SessionRegistry(this.coordinator);
  }

  static async open(
    connect: () => SourceConnection = refuseConnection,
    clock: Clock = realClock,
    engineClock: Clock = clock,
    data: DataPlace | null = null,
  ): Promise<SessionHarness> {
    await initializeParser();
    const parts = () => ({
      link: new InlineLink(engineClock),
      clock,
      entropy: realEntropy,
      log: {
        info: () => undefined,
        warn: () => undefined,
        error: (message: string) => {
          throw new Error(message);
        },
      },
      system: systemRelations,
      connect,
    });
    return new SessionHarness(await DurableCoordinator.open(parts, data));
  }

  /** The same on a data directory, without Kafka. */
  static onDisk(disk: Disk): Promise<SessionHarness> {
    const self = `${nextProcess++} a b`;
    const processes = { self: () => self, alive: (name: string) => name === self };
    return SessionHarness.open(refuseConnection, realClock, realClock, { disk, processes });
  }

  session(): SqlSession {
    return new SqlSession(
      this.#sessions.open(
        new Map([
          ['user', 'test'],
          ['database', 'materialize'],
        ]),
        '',
      ),
    );
  }

  /** The engine's count of what it holds. */
  statistics(): Promise<Statistics> {
    return this.coordinator.engine.statistics();
  }

  close(): Promise<void> {
    return this.#durable.close();
  }
}

let nextProcess = 1;

function refuseConnection(): SourceConnection {
  throw new Error('this test has no Kafka connection');
}

export class SqlSession {
  readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  /** Runs a script as one simple query; answers what its last statement gave. Throws SqlError. */
  async run(script: string): Promise<Answer> {
    let answer: Answer = { tag: '', columns: [], rows: [] };
    try {
      for (const statement of this.session.parseScript(script)) {
        answer = await finish(await this.session.run(statement));
      }
    } catch (error) {
      this.session.fail();
      await this.session.sync(true);
      throw error;
    }
    await this.session.sync(false);
    return answer;
  }

  /** Rows of the last statement, sorted, cells joined by bars: a picture of a multiset. */
  async rows(script: string): Promise<readonly string[]> {
    const { rows } = await this.run(script);
    return rows.map((row) => row.map((cell) => cell ?? 'NULL').join('|')).sort();
  }

  /** The same in the order of the answer. */
  async list(script: string): Promise<readonly string[]> {
    const { rows } = await this.run(script);
    return rows.map((row) => row.map((cell) => cell ?? 'NULL').join('|'));
  }

  /** SQLSTATE and message of the error that a script must give. */
  async error(script: string): Promise<string> {
    try {
      await this.run(script);
    } catch (error) {
      if (error instanceof SqlError) return `${error.fields.code}: ${error.fields.message}`;
      throw error;
    }
    return 'no error';
  }

  /** The stream of a SUBSCRIBE or SELECT, left open. */
  async open(statement: string): Promise<RowStream> {
    const [parsed] = this.session.parseScript(statement);
    if (parsed === undefined) throw new Error('a statement was expected');
    const outcome = await this.session.run(parsed);
    if (outcome.kind !== 'rows') throw new Error(`rows were expected, got ${outcome.kind}`);
    return outcome;
  }
}

async function finish(outcome: Outcome): Promise<Answer> {
  switch (outcome.kind) {
    case 'empty':
      return { tag: '', columns: [], rows: [] };
    case 'command':
      return { tag: outcome.tag, columns: [], rows: [] };
    case 'rows':
      return drain(outcome);
    case 'copyOut':
      return drain(outcome.rows);
    case 'copyIn':
      throw new Error('COPY FROM STDIN needs data');
  }
}

async function drain(stream: RowStream): Promise<Answer> {
  const rows: (string | null)[][] = [];
  for (let batch = await stream.next(); batch !== null; batch = await stream.next())
    rows.push(...batchRows(stream, batch));
  return {
    tag: stream.tag(rows.length),
    columns: stream.columns.map((column) => column.name),
    rows,
  };
}

/** The rows of one batch as texts, each as often as its weight says. */
export function batchRows(stream: RowStream, packed: PackedBatch): (string | null)[][] {
  const types = stream.columns.map((column) => ({
    type: column.type.name,
    nullable: column.nullable,
  }));
  const batch = unpackBatch(packed, types, 0);
  const rows: (string | null)[][] = [];
  for (let row = 0; row < batch.rows; row++) {
    const cells = stream.columns.map(({ type }, c) => {
      const datum = readDatum(batch, c, row, type.name);
      return datum === null ? null : formatDatum(type.name, datum, type.modifier);
    });
    for (let copy = 0; copy < (batch.slab.i32[batch.weight + row] ?? 0); copy++) rows.push(cells);
  }
  return rows;
}
