/**
 * A bank: transfers between accounts in a table, and others in the stream, whose records are taken
 * for transfers. Every transfer takes from one account what it gives to another, so that the
 * balances of all accounts are zero together, in every output that anybody ever sees: of a join, of
 * outer joins, of a top-k that has room for all accounts, by SELECT and by SUBSCRIBE.
 */
import { SqlError } from '../../src/base/error.ts';
import type { SqlSession } from '../support/session-harness.ts';
import { batchRows } from '../support/session-harness.ts';
import type { Ending, Shared } from './client.ts';
import { attempt, attemptAnswer } from './client.ts';
import { demand, Violation } from './history.ts';
import type { Machine } from './machine.ts';

const accounts = 6;
const outputs = ['bank_joined', 'bank_outer', 'bank_top', 'bank_topic'] as const;

function sideOf(account: string, from: string): string {
  return `(SELECT ${account} AS account, sum(amount) AS total FROM ${from} GROUP BY ${account})`;
}

/** Balances by an outer join of what went in and what went out. */
function outer(from: string): string {
  return (
    `SELECT coalesce(i.account, o.account) AS account, coalesce(i.total, 0) - coalesce(o.total, 0) AS balance ` +
    `FROM ${sideOf('credit', from)} i FULL JOIN ${sideOf('debit', from)} o ON i.account = o.account`
  );
}

const number = "split_part(text, ':', 2)::int8";
const fromTopic = `(SELECT ${number} % ${accounts} AS debit, (${number} / ${accounts} + partition) % ${accounts} AS credit, 1 + ${number} % 9 AS amount FROM src) t`;

const topicView = `CREATE MATERIALIZED VIEW IF NOT EXISTS bank_topic AS ${outer(fromTopic)}`;

/** What has to be there, besides the source. */
export const bankSetUp: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS transfers (id int8, debit int8, credit int8, amount int8)',
  `CREATE MATERIALIZED VIEW IF NOT EXISTS bank_joined AS SELECT i.account, i.total - o.total AS balance FROM ${sideOf('credit', 'transfers')} i JOIN ${sideOf('debit', 'transfers')} o ON i.account = o.account`,
  `CREATE MATERIALIZED VIEW IF NOT EXISTS bank_outer AS ${outer('transfers')}`,
  `CREATE MATERIALIZED VIEW IF NOT EXISTS bank_top AS SELECT account, balance FROM bank_outer ORDER BY balance DESC, account LIMIT ${accounts}`,
  topicView,
  // Each account gives and gets, so that the inner join has them all.
  `INSERT INTO transfers SELECT 0, a, (a + 1) % ${accounts}, 1 FROM generate_series(0, ${accounts - 1}) a WHERE NOT EXISTS (SELECT 1 FROM transfers)`,
];

const everyOutput = outputs
  .map((name) => `SELECT '${name}' AS output, account::text, balance::text FROM ${name}`)
  .join(' UNION ALL ');

/** Throws unless each output sums to zero. */
function audit(rows: Iterable<readonly (string | null)[]>, when: string): void {
  const totals = new Map<string, number>();
  for (const [output, , balance] of rows)
    totals.set(output ?? '', (totals.get(output ?? '') ?? 0) + Number(balance));
  for (const [output, total] of totals)
    demand(total === 0, () => `${when}, ${output} has ${total} in all: ${[...rows].join(' ')}`);
}

/** See the head of this file. */
export class Bank {
  readonly #shared: Shared;
  readonly #ids: number[] = [];
  /** Whether the view over the stream is there. */
  #isWhole = true;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  /** A few transfers, or one is undone or changed. */
  act(machine: Machine, sql: SqlSession): Promise<Ending> {
    const { random } = this.#shared;
    const known = this.#ids.length > 0 ? random.pick(this.#ids) : null;
    const choice = random.below(10);
    if (known !== null && choice === 0)
      return attempt(machine, sql, `DELETE FROM transfers WHERE id = ${known}`, this.#shared);
    if (known !== null && choice <= 2) {
      const text = `UPDATE transfers SET amount = amount + 3, debit = credit, credit = debit WHERE id = ${known}`;
      return attempt(machine, sql, text, this.#shared);
    }
    const rows = Array.from({ length: 1 + random.below(5) }, () => {
      const id = this.#shared.fresh();
      this.#ids.push(id);
      return `(${id}, ${random.below(accounts)}, ${random.below(accounts)}, ${random.below(100)})`;
    });
    return attempt(machine, sql, `INSERT INTO transfers VALUES ${rows.join(', ')}`, this.#shared);
  }

  /** Drops the view over the stream and makes it anew; a stop may come between. */
  async remake(machine: Machine, sql: SqlSession): Promise<Ending> {
    const drop = 'DROP MATERIALIZED VIEW IF EXISTS bank_topic';
    this.#isWhole = false;
    const dropped = await attempt(machine, sql, drop, this.#shared);
    return dropped === 'done' ? this.complete(machine, sql) : dropped;
  }

  /** Makes what a stop has left undone. */
  async complete(machine: Machine, sql: SqlSession): Promise<Ending> {
    if (this.#isWhole) return 'done';
    const made = await attempt(machine, sql, topicView, this.#shared);
    if (made === 'done') this.#isWhole = true;
    return made;
  }

  /** Reads all outputs at once. */
  async read(machine: Machine, sql: SqlSession): Promise<Ending> {
    const given = await attemptAnswer(machine, sql, everyOutput, this.#shared);
    if (given.ending !== 'done') return given.ending;
    this.#shared.marks.sometimes('bank audited');
    audit(given.answer.rows, 'in a read');
    return 'done';
  }

  /** Follows all outputs for so many moments. */
  async follow(
    machine: Machine,
    sql: SqlSession,
    { moments, on }: { readonly moments: number; readonly on: () => boolean },
  ): Promise<void> {
    const counts = new Map<string, number>();
    const text = `SUBSCRIBE (${everyOutput}) WITH (PROGRESS)`;
    try {
      const stream = await sql.open(text);
      let seen = 0;
      for (let batch = await stream.next(); batch !== null; batch = await stream.next()) {
        if (!machine.alive) return;
        for (const [time, progressed, diff, ...cells] of batchRows(stream, batch)) {
          if (progressed === 't') {
            seen++;
            audit(rowsOf(counts), `at ${time}`);
          } else add(counts, JSON.stringify(cells), Number(diff));
        }
        if (!on() || seen >= moments) break;
      }
      this.#shared.marks.sometimes('bank audited');
      stream.close();
      await sql.session.sync(false);
    } catch (error) {
      if (!machine.alive) return;
      if (!(error instanceof SqlError)) throw error;
      const { code, message } = error.fields;
      const excused = code === '53100' || this.#shared.losses.explain(error, text);
      if (!excused) throw new Violation(`a subscription failed: ${code} ${message}`);
      sql.session.fail();
      await sql.session.sync(true);
    }
  }
}

function add(counts: Map<string, number>, key: string, diff: number): void {
  const count = (counts.get(key) ?? 0) + diff;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function* rowsOf(counts: ReadonlyMap<string, number>): Iterable<readonly (string | null)[]> {
  for (const [key, count] of counts) {
    demand(count > 0, () => `${key} is there ${count} times`);
    // JSON of the cells that a row was made of.
    const cells = JSON.parse(key) as readonly (string | null)[];
    for (let copy = 0; copy < count; copy++) yield cells;
  }
}
