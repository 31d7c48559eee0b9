/**
 * Clients that want the same keys at once: each inserts rows of a few keys into one table with a
 * primary key, next to each other and before others have heard of theirs. A key is acknowledged to
 * one of them; who was refused sees it in the table; a stop leaves those that were acknowledged, and
 * of those in doubt all rows or none.
 */
import type { SqlSession } from '../support/session-harness.ts';
import type { Ending, Shared } from './client.ts';
import { attemptAnswer } from './client.ts';
import { demand, Violation } from './history.ts';
import type { Machine } from './machine.ts';

/** What has to be there. */
export const rivalsSetUp: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS rivals (k int8 PRIMARY KEY, who int8)',
];

const rivalsMax = 4;
const keysMax = 3;
/** So many keys are wanted at a time; the window moves with every key that somebody has got. */
const window = 5;

/** See the head of this file. */
export class Rivals {
  readonly #shared: Shared;
  /** Acknowledged owners, by key. */
  readonly #owners = new Map<number, number>();
  /** What was asked for and may have happened, by who asked. */
  readonly #asked = new Map<number, readonly number[]>();

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  /** Inserts by several sessions at once. */
  async act(machine: Machine): Promise<Ending> {
    const { random } = this.#shared;
    const rivals = Array.from({ length: 2 + random.below(rivalsMax - 1) }, () =>
      this.#insert(machine, machine.session()),
    );
    const endings = await Promise.all(rivals);
    return endings.find((ending) => ending !== 'done') ?? 'done';
  }

  async #insert(machine: Machine, sql: SqlSession): Promise<Ending> {
    const { random, marks, note } = this.#shared;
    const who = this.#shared.fresh();
    const keys = new Set<number>();
    const count = 1 + random.below(keysMax);
    while (keys.size < count) keys.add(this.#owners.size + random.below(window));
    const rows = [...keys].map((key) => `(${key}, ${who})`).join(', ');
    const insert = `INSERT INTO rivals VALUES ${rows}`;
    this.#asked.set(who, [...keys]);
    const text = random.chance(0.3) ? `BEGIN; ${insert}; COMMIT` : insert;
    const code = await sql.error(text);
    if (!machine.alive || code.startsWith('58030')) return 'gone';
    note(`${machine.clock.now()} ${code} ${text}`);
    if (code === 'no error') {
      for (const key of keys) {
        const owner = this.#owners.get(key);
        demand(owner === undefined, () => `key ${key} was given to ${owner} and to ${who}`);
        this.#owners.set(key, who);
      }
      return 'done';
    }
    this.#asked.delete(who);
    await sql.run('ROLLBACK');
    if (code.startsWith('53100')) return 'refused';
    if (!code.startsWith('23505')) throw new Violation(`${text} gave ${code}`);
    marks.sometimes('key wanted by two');
    return this.#expectOne(machine, sql, [...keys]);
  }

  /** One of these keys is there: somebody was refused for it. */
  async #expectOne(machine: Machine, sql: SqlSession, keys: readonly number[]): Promise<Ending> {
    const text = `SELECT k FROM rivals WHERE k IN (${keys.join(', ')})`;
    const given = await attemptAnswer(machine, sql, text, this.#shared);
    if (given.ending !== 'done') return given.ending;
    const { rows } = given.answer;
    demand(rows.length > 0, () => `refused for a key of ${keys.join(', ')}, and none is there`);
    return 'done';
  }

  /** Reads all rows while nobody writes; what was in doubt has happened or not from now on. */
  async settle(machine: Machine, sql: SqlSession): Promise<Ending> {
    const text = 'SELECT k, who FROM rivals';
    const given = await attemptAnswer(machine, sql, text, this.#shared);
    if (given.ending !== 'done') return given.ending;
    const found = new Map<number, number>();
    for (const [key, who] of given.answer.rows) {
      demand(!found.has(Number(key)), () => `key ${key} is there twice`);
      found.set(Number(key), Number(who));
    }
    for (const [key, who] of this.#owners)
      demand(found.get(key) === who, () => `key ${key} is of ${found.get(key)}, not ${who}`);
    for (const [key, who] of found) {
      const all = this.#asked.get(who) ?? [];
      const whole = all.length > 0 && all.every((other) => found.get(other) === who);
      demand(whole, () => `${who} has key ${key} and not all of ${all.join(', ')}`);
      this.#owners.set(key, who);
    }
    return 'done';
  }
}
