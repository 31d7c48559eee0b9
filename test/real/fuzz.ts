/**
 * The hunt for wrong answers: random queries on a real Postgres and on the engine, over random data
 * that changes. A round makes the tables anew, half of the views before there is data and half
 * after it, and compares after each batch of changes: the query as a one-off SELECT, both views, and
 * the fold of a SUBSCRIBE.
 *
 *     node test/real/fuzz.ts 100 7      100 rounds from seed 7 on; prints what differs
 *
 * Evaluation order is free in SQL: of a query that holds an operation that can fail, a data error
 * on one side alone is no difference, unless nothing but one scan stands between rows and operation.
 */
import type pg from 'pg';
import { Random } from '../support/random.ts';
import { FuzzChanges, definitions, tables } from './fuzz-data.ts';
import type { FuzzQuery } from './fuzz-query.ts';
import { FuzzQueries } from './fuzz-query.ts';
import { MillraceServer } from './millrace-server.ts';
import type { Outcome } from './outcome.ts';
import { ofData, outcomeOf, spelling } from './outcome.ts';
import { PostgresServer } from './postgres.ts';

const queriesPerRound = 16;
const batchesPerRound = 3;
const subscribedPerRound = 2;
const theirPatienceMilliseconds = 2_000;
const foldPatienceMilliseconds = 4_000;

export interface FuzzDifference {
  readonly seed: number;
  readonly text: string;
  /** Where it showed: the way it was asked, and after how many batches. */
  readonly where: string;
  readonly theirs: Outcome;
  readonly ours: Outcome;
}

export interface FuzzServers {
  readonly theirs: pg.Client;
  readonly ours: pg.Client;
  readonly subscriber: pg.Client;
}

interface Asked {
  readonly query: FuzzQuery;
  readonly number: number;
  readonly before: boolean;
}

/** Postgres has no method for it (a FULL JOIN), or none that is quick: nothing to compare. */
function refused(outcome: Outcome): boolean {
  const code = outcome.error?.code ?? '';
  return code === '57014' || (code === '0A000' && /FULL JOIN/.test(outcome.error?.message ?? ''));
}

/** Whether a column is a character(n): the blanks that fill it mean nothing and may be lost. */
function padded(outcome: Outcome): boolean {
  return outcome.columns.some((column) => column.includes(':1042:'));
}

function unpadded(outcome: Outcome): readonly string[] {
  return outcome.rows.map((row) => row.replace(/ +"/g, '"'));
}

function same(query: FuzzQuery, theirs: Outcome, ours: Outcome, ordered: boolean): boolean {
  if (theirs.error !== null || ours.error !== null) {
    if (ofData(theirs) && ofData(ours)) return true;
    if (theirs.error !== null && ours.error !== null) return theirs.error.code === ours.error.code;
    // Postgres computes constants when it plans, in branches that are never taken too.
    if (query.single && ofData(theirs)) return true;
    return query.risky && (ofData(theirs) || ofData(ours));
  }
  const arranged = (rows: readonly string[]): string =>
    JSON.stringify(ordered ? rows : [...rows].sort());
  if (arranged(theirs.rows) === arranged(ours.rows)) return true;
  if (padded(theirs) && arranged(unpadded(theirs)) === arranged(unpadded(ours))) return true;
  return !query.exact && arranged(spelling(theirs.rows)) === arranged(spelling(ours.rows));
}

/** One round; `count` says how many answers were compared. */
export class FuzzRound {
  readonly #servers: FuzzServers;
  readonly #seed: number;
  readonly #differences: FuzzDifference[] = [];
  readonly #lost = new Set<number>();
  readonly #asked: readonly Asked[];
  readonly #changes: FuzzChanges;
  readonly #folds = new Map<number, Map<string, number>>();
  compared = 0;
  /** The statement that runs now, for when a server does not survive it. */
  asking = '';

  constructor(servers: FuzzServers, seed: number) {
    this.#servers = servers;
    this.#seed = seed;
    const queries = new FuzzQueries(seed);
    this.#asked = Array.from({ length: queriesPerRound }, (_, number) => ({
      query: queries.next(),
      number,
      before: number % 2 === 0,
    }));
    this.#changes = new FuzzChanges(seed, new FuzzQueries(seed + 500_000));
  }

  #ask(client: pg.Client, text: string, ordered: boolean): Promise<Outcome> {
    this.asking = text;
    return outcomeOf(client, text, ordered);
  }

  async #both(text: string): Promise<boolean> {
    const theirs = await this.#ask(this.#servers.theirs, text, false);
    const ours = await this.#ask(this.#servers.ours, text, false);
    this.compared++;
    if ((theirs.error?.code ?? '').startsWith('57')) throw new Error(`no change: ${text}`);
    if ((theirs.error === null) !== (ours.error === null) && !refused(theirs))
      this.#differences.push({ seed: this.#seed, text, where: 'change', theirs, ours });
    return (theirs.error === null) === (ours.error === null);
  }

  async #makeView({ query, number }: Asked): Promise<void> {
    const text = `CREATE MATERIALIZED VIEW view_${number} AS ${query.text}`;
    const made = await this.#ask(this.#servers.ours, text, false);
    if (made.error !== null) this.#lost.add(number);
  }

  #check(asked: Asked, where: string, theirs: Outcome, ours: Outcome, ordered: boolean): boolean {
    this.compared++;
    if (same(asked.query, theirs, ours, ordered)) return true;
    const { text } = asked.query;
    this.#differences.push({ seed: this.#seed, text, where, theirs, ours });
    return false;
  }

  async #compare(asked: Asked, batch: number): Promise<void> {
    const { query, number } = asked;
    const { theirs, ours } = this.#servers;
    const expected = await this.#ask(theirs, query.text, query.ordered);
    if (refused(expected)) return;
    const once = await this.#ask(ours, query.text, query.ordered);
    if (!this.#check(asked, `select ${batch}`, expected, once, query.ordered)) return;
    if (this.#lost.has(number)) return;
    const view = await this.#ask(ours, `SELECT * FROM view_${number}`, false);
    const kind = asked.before ? 'view made before' : 'view made after';
    if (!this.#check(asked, `${kind} ${batch}`, expected, view, false)) return;
    const fold = this.#folds.get(number);
    if (fold !== undefined && view.error === null) await this.#follow(asked, batch, view, fold);
  }

  /** Reads a subscription until its fold is the view, or patience ends. */
  async #follow(
    asked: Asked,
    batch: number,
    view: Outcome,
    fold: Map<string, number>,
  ): Promise<void> {
    const until = performance.now() + foldPatienceMilliseconds;
    for (;;) {
      const rows = [...fold].flatMap(([row, count]) => Array.from({ length: count }, () => row));
      const folded = { ...view, rows: rows.sort() };
      if (same(asked.query, view, folded, false)) return;
      if (performance.now() > until) {
        this.#folds.delete(asked.number);
        this.#check(asked, `subscribe ${batch}`, view, folded, false);
        return;
      }
      const text = `FETCH ALL c${asked.number} WITH (TIMEOUT = '20ms')`;
      const next = await this.#ask(this.#servers.subscriber, text, true);
      if (next.error !== null) {
        // A subscription ends with an error of data, and its block with it.
        this.#folds.clear();
        return;
      }
      for (const row of next.rows) {
        const [, diff = '', ...values]: readonly (string | null)[] = JSON.parse(row);
        const key = JSON.stringify(values);
        const count = (fold.get(key) ?? 0) + Number(diff);
        if (count === 0) fold.delete(key);
        else fold.set(key, count);
      }
    }
  }

  async #subscribe(): Promise<void> {
    const { subscriber } = this.#servers;
    const chosen = this.#asked.filter(({ number }) => !this.#lost.has(number));
    const random = new Random(this.#seed);
    for (let i = 0; i < subscribedPerRound && chosen.length > 0; i++) {
      const { number, query } = random.pick(chosen);
      if (query.risky || this.#folds.size > 0) continue;
      await subscriber.query('BEGIN');
      await subscriber.query(`DECLARE c${number} CURSOR FOR SUBSCRIBE (${query.text})`);
      this.#folds.set(number, new Map());
    }
  }

  /** Runs it; what differs. */
  async run(): Promise<readonly FuzzDifference[]> {
    // A block that holds a subscription of the round before, or failed with it, ends here.
    await this.#servers.subscriber.query('ROLLBACK');
    for (const { name } of tables) {
      await this.#servers.theirs.query(`DROP TABLE IF EXISTS ${name} CASCADE`);
      await this.#servers.ours.query(`DROP TABLE IF EXISTS ${name} CASCADE`);
    }
    for (const text of definitions) await this.#both(text);
    for (const asked of this.#asked) if (asked.before) await this.#makeView(asked);
    for (const text of this.#changes.fill()) await this.#both(text);
    for (const asked of this.#asked) if (!asked.before) await this.#makeView(asked);
    await this.#subscribe();
    for (let batch = 0; batch <= batchesPerRound; batch++) {
      if (batch > 0)
        for (const text of this.#changes.batch())
          if (!(await this.#both(text))) return this.#differences;
      for (const asked of this.#asked) await this.#compare(asked, batch);
    }
    return this.#differences;
  }
}

/** Both servers with clients, and how to stop them. */
export async function startFuzz(): Promise<FuzzServers & { stop(): Promise<void> }> {
  const postgres = await PostgresServer.start();
  const millrace = await MillraceServer.start();
  const servers = {
    theirs: postgres.client(),
    ours: millrace.client(),
    subscriber: millrace.client(),
  };
  const clients = [servers.theirs, servers.ours, servers.subscriber];
  for (const client of clients) await client.connect();
  await servers.theirs.query(`SET statement_timeout = ${theirPatienceMilliseconds}`);
  return {
    ...servers,
    stop: async () => {
      for (const client of clients) await client.end().catch(() => undefined);
      await millrace.stop();
      await postgres.stop();
    },
  };
}

async function main(): Promise<void> {
  const [rounds = 10, first = 1] = process.argv.slice(2).map(Number);
  let servers = await startFuzz();
  let compared = 0;
  try {
    for (let seed = first; seed < first + rounds; seed++) {
      const round = new FuzzRound(servers, seed);
      try {
        for (const difference of await round.run())
          process.stdout.write(`${JSON.stringify(difference)}\n`);
      } catch (error) {
        process.stdout.write(
          `${JSON.stringify({ seed, lost: round.asking, error: String(error) })}\n`,
        );
        await servers.stop().catch(() => undefined);
        servers = await startFuzz();
      }
      compared += round.compared;
    }
    process.stderr.write(`${rounds} rounds, ${compared} answers compared\n`);
  } finally {
    await servers.stop();
  }
}

if (import.meta.main) await main();
