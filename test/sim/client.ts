/**
 * A client that writes rows of its own: INSERT, UPDATE, DELETE, blocks and scripts over two tables,
 * and additions to a counter that all share. It notes each write in the history before it asks for
 * it, and what came of it after. What was under way when the machine stopped stays in doubt until
 * the first read afterwards.
 */
import { SqlError } from '../../src/base/error.ts';
import { defined } from '../../src/base/assert.ts';
import type { Random } from '../support/random.ts';
import type { Answer, SqlSession } from '../support/session-harness.ts';
import type { History, Versions } from './history.ts';
import { Violation } from './history.ts';
import type { Machine } from './machine.ts';
import type { Losses } from './losses.ts';
import type { Marks } from './marks.ts';
import { clientState } from './observe.ts';

interface Content {
  /** Values by key. */
  readonly kv: ReadonlyMap<number, number>;
  readonly log: readonly number[];
}

/** What clients share. */
export interface Shared {
  readonly history: History;
  readonly random: Random;
  readonly marks: Marks;
  readonly losses: Losses;
  /** A number that was never given before. */
  fresh(): number;
  counterAsked: number;
  counterDone: number;
  note(text: string): void;
}

/** How a statement ended. */
export type Ending = 'done' | 'refused' | 'gone';

/** How a statement ended, and what it gave if it is done. */
export type Given = { readonly ending: 'done'; readonly answer: Answer } | Failed;

interface Failed {
  readonly ending: 'refused' | 'gone';
}

/** Runs a statement; answers how it ended, for whoever must know. */
export async function attempt(
  machine: Machine,
  sql: SqlSession,
  text: string,
  shared: Pick<Shared, 'note' | 'marks' | 'losses'>,
): Promise<Ending> {
  return (await attemptAnswer(machine, sql, text, shared)).ending;
}

/** The same, with what the statement gave. */
export async function attemptAnswer(
  machine: Machine,
  sql: SqlSession,
  text: string,
  shared: Pick<Shared, 'note' | 'marks' | 'losses'>,
): Promise<Given> {
  let answer: Answer;
  try {
    answer = await sql.run(text);
  } catch (error) {
    if (!machine.alive) return { ending: 'gone' };
    if (!(error instanceof SqlError)) throw error;
    const { code, message } = error.fields;
    shared.note(`${machine.clock.now()} ${code} ${text}`);
    if (code === '58030') return { ending: 'gone' };
    if (shared.losses.explain(error, text)) return { ending: 'refused' };
    if (code !== '53100') throw new Violation(`${text} was refused: ${code} ${message}`);
    shared.marks.sometimes('write refused on a full disk');
    await sql.run('ROLLBACK').catch(() => undefined);
    return { ending: 'refused' };
  }
  if (!machine.alive) return { ending: 'gone' };
  shared.note(`${machine.clock.now()} done ${text}`);
  return { ending: 'done', answer };
}

/** See the head of this file. */
export class Client {
  readonly name: string;
  readonly #shared: Shared;
  readonly #versions: Versions;
  readonly #contents: Content[] = [{ kv: new Map(), log: [] }];
  /** What the last write wrote, which the next one does not delete; null: it deleted. */
  #lastKey: number | null = null;

  constructor(name: string, shared: Shared) {
    this.name = name;
    this.#shared = shared;
    this.#versions = shared.history.client(`client${name}`);
  }

  /** A write was under way when the machine stopped. */
  get inDoubt(): boolean {
    return this.#versions.asked > this.#versions.acknowledged;
  }

  /** The first read after a stop shows this version. */
  pin(version: number): void {
    if (this.inDoubt) {
      const survived = version === this.#versions.asked;
      this.#shared.marks.sometimes(
        survived ? 'unacknowledged write survived' : 'unacknowledged write was lost',
      );
    }
    this.#versions.pin(version);
    this.#contents.length = version + 1;
    this.#lastKey = null;
  }

  get #content(): Content {
    return defined(this.#contents.at(-1), 'a client has a content');
  }

  /** One write. */
  async act(machine: Machine, sql: SqlSession): Promise<Ending> {
    const { random } = this.#shared;
    const { kv, log } = this.#content;
    const keys = [...kv.keys()];
    const choice = random.below(10);
    if (choice === 0) return this.#count(machine, sql);
    if (choice === 1 && keys.length > 0) return this.#again(machine, sql, random.pick(keys));
    if (choice <= 3 && keys.length > 0) {
      const key = random.pick(keys);
      const value = this.#shared.fresh();
      const text = `UPDATE kv SET v = ${value} WHERE client = ${this.name} AND k = ${key}`;
      return this.#write(machine, sql, text, { kv: new Map([...kv, [key, value]]), log }, key);
    }
    if (choice === 4 && keys.length > 0) {
      // A sum is no number that is given out, so that no two states are the same.
      const more = this.#shared.fresh() * 1_000_003;
      const text = `UPDATE kv SET v = v + ${more} WHERE client = ${this.name}`;
      const changed = new Map([...kv].map(([key, value]) => [key, value + more]));
      return this.#write(machine, sql, text, { kv: changed, log }, null);
    }
    const old = keys.filter((key) => key !== this.#lastKey);
    if (choice <= 6 && this.#lastKey !== null && old.length > 0) {
      const gone = new Set(random.chance(0.2) ? old : [random.pick(old)]);
      const text = `DELETE FROM kv WHERE client = ${this.name} AND k IN (${[...gone].join(', ')})`;
      const left = new Map([...kv].filter(([key]) => !gone.has(key)));
      return this.#write(machine, sql, text, { kv: left, log }, null);
    }
    return this.#insert(machine, sql);
  }

  #insert(machine: Machine, sql: SqlSession): Promise<Ending> {
    const { random } = this.#shared;
    const { kv, log } = this.#content;
    const key = this.#shared.fresh();
    const added = new Map<number, number>([[key, this.#shared.fresh()]]);
    while (random.chance(0.3)) added.set(this.#shared.fresh(), this.#shared.fresh());
    const rows = [...added].map(([k, v]) => `(${this.name}, ${k}, ${v})`).join(', ');
    const into = `INSERT INTO kv VALUES ${rows}`;
    const both = { kv: new Map([...kv, ...added]), log };
    if (random.chance(0.4)) return this.#write(machine, sql, into, both, key);
    const line = `INSERT INTO log VALUES (${this.name}, ${key})`;
    const text = random.chance(0.5) ? `BEGIN; ${into}; ${line}; COMMIT` : `${line}; ${into}`;
    return this.#write(machine, sql, text, { ...both, log: [...log, key] }, key);
  }

  async #write(
    machine: Machine,
    sql: SqlSession,
    text: string,
    next: Content,
    lastKey: number | null,
  ): Promise<Ending> {
    const { history } = this.#shared;
    const kv = [...next.kv].map(([k, v]) => [this.name, String(k), String(v)]);
    const log = next.log.map((n) => [this.name, String(n)]);
    this.#versions.ask(clientState(kv, log), history.floor());
    this.#contents.push(next);
    const ending = await attempt(machine, sql, text, this.#shared);
    if (ending === 'done') {
      this.#versions.acknowledge();
      this.#lastKey = lastKey;
    }
    if (ending === 'refused') {
      this.#versions.refuse();
      this.#contents.pop();
    }
    return ending;
  }

  /** Inserts a key that is there; nothing may come of it. */
  async #again(machine: Machine, sql: SqlSession, key: number): Promise<Ending> {
    const text = `INSERT INTO kv VALUES (${this.name}, ${this.#shared.fresh()}, 0), (${this.name}, ${key}, 0)`;
    const code = await sql.error(text).catch((error: unknown) => String(error));
    if (!machine.alive || code.startsWith('58030')) return 'gone';
    this.#shared.note(`${machine.clock.now()} ${code} ${text}`);
    if (code.startsWith('53100')) return 'refused';
    if (!code.startsWith('23505')) throw new Violation(`${text} gave ${code}`);
    this.#shared.marks.sometimes('key refused twice');
    return 'done';
  }

  async #count(machine: Machine, sql: SqlSession): Promise<Ending> {
    this.#shared.counterAsked++;
    const ending = await attempt(machine, sql, 'UPDATE counter SET n = n + 1', this.#shared);
    if (ending === 'done') this.#shared.counterDone++;
    if (ending === 'refused') this.#shared.counterAsked--;
    this.#shared.history.counted.set('counter', this.#shared.counterDone);
    return ending;
  }
}
