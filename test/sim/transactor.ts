/**
 * A client whose statements are checked as transactions (serializability.ts): it appends to lists,
 * which are texts in rows of one table, and writes registers, which are numbers in rows of another,
 * alone or several at once, and reads them back by one statement, in a block, or from a view that
 * joins both. What is undone, or refused, must never be seen; what a stop interrupts may be.
 */
import type { Answer, SqlSession } from '../support/session-harness.ts';
import type { Ending, Shared } from './client.ts';
import { attempt, attemptAnswer } from './client.ts';
import { demand } from './history.ts';
import type { Machine } from './machine.ts';
import type { Deed, Operation } from './serializability.ts';
import { anomaliesOf } from './serializability.ts';

type Rows = readonly (readonly (string | null)[])[];

/** What has to be there: the view reads both tables at one step. */
export const transactorSetUp: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS lists (k int4 PRIMARY KEY, v text)',
  'CREATE TABLE IF NOT EXISTS registers (k int4 PRIMARY KEY, v int8)',
  'CREATE MATERIALIZED VIEW IF NOT EXISTS both_of AS SELECT l.k, l.v, r.v AS r FROM lists l LEFT JOIN registers r ON r.k = l.k',
];

const firstKeys = 4;

/** All that transactors did. */
export class Deeds {
  readonly #done: Deed[] = [];
  #moment = 0;
  #value = 0;
  /** Keys that somebody has tried to make. */
  keys = 0;
  /** Keys that are there for sure. */
  readonly made: number[] = [];

  isMade(key: number): void {
    if (!this.made.includes(key)) this.made.push(key);
  }

  /** Moments follow one another: whatever happens is before or after. */
  moment(): number {
    return this.#moment++;
  }

  value(): number {
    return ++this.#value;
  }

  /** Answers its place, for `settle`. */
  add(deed: Deed): number {
    return this.#done.push(deed) - 1;
  }

  settle(place: number, deed: Deed): void {
    this.#done[place] = deed;
  }

  /** Throws if the history is not strictly serializable. */
  check(): void {
    const [first] = anomaliesOf(this.#done);
    demand(first === undefined, () => `${first?.name}: ${first?.story}`);
  }

  /** How many there are. */
  get count(): number {
    return this.#done.length;
  }
}

function list(key: number): string {
  return `l${key}`;
}

function register(key: number): string {
  return `r${key}`;
}

function listOf(text: string | null | undefined): readonly number[] {
  return (text ?? '')
    .split(',')
    .filter((value) => value !== '')
    .map(Number);
}

/** See the head of this file. */
export class Transactor {
  readonly #name: string;
  readonly #shared: Shared;
  readonly #deeds: Deeds;
  /** What a register was when it was last read here, by key. */
  readonly #known = new Map<number, number>();

  constructor(name: string, shared: Shared, deeds: Deeds) {
    this.#name = name;
    this.#shared = shared;
    this.#deeds = deeds;
  }

  /** One transaction. */
  act(machine: Machine, sql: SqlSession): Promise<Ending> {
    const { random } = this.#shared;
    const choice = random.below(12);
    if (this.#deeds.made.length < firstKeys || choice === 0) return this.#make(machine, sql);
    if (choice <= 4) return this.#append(machine, sql);
    if (choice <= 6) return this.#set(machine, sql);
    if (choice <= 8) return this.#readTable(machine, sql);
    if (choice === 9) return this.#readBlock(machine, sql);
    return this.read(machine, sql);
  }

  #key(): number {
    return this.#shared.random.pick(this.#deeds.made);
  }

  /**
   * A statement that writes. `writes` is what it does if it happens as a whole; `settle` says, if it
   * is done, what came of it, or null for nothing.
   */
  async #write(
    machine: Machine,
    sql: SqlSession,
    text: string,
    writes: readonly Operation[],
    settle: (answer: Answer) => readonly Operation[] | null = () => writes,
  ): Promise<Ending> {
    const { marks } = this.#shared;
    const began = this.#deeds.moment();
    const rolledBack = text.endsWith('ROLLBACK');
    // Until it is answered, and for ever if the machine stops before.
    const asked = { client: this.#name, began, ended: Infinity, operations: writes };
    const place = this.#deeds.add({ ...asked, fate: rolledBack ? 'aborted' : 'unknown' });
    const given = await attemptAnswer(machine, sql, text, this.#shared);
    if (given.ending === 'gone') {
      marks.sometimes('transaction of unknown fate');
      return 'gone';
    }
    const operations = given.ending === 'done' ? settle(given.answer) : writes;
    const fate = rolledBack || given.ending === 'refused' ? 'aborted' : 'committed';
    const ended = this.#deeds.moment();
    this.#deeds.settle(place, { ...asked, ended, fate, operations: operations ?? [] });
    return given.ending;
  }

  /** A new list and a new register at once; sometimes undone. */
  #make(machine: Machine, sql: SqlSession): Promise<Ending> {
    const key = this.#deeds.keys++;
    const [a, b] = [this.#deeds.value(), this.#deeds.value()];
    const undone = this.#deeds.made.length >= firstKeys && this.#shared.random.chance(0.4);
    if (undone) this.#shared.marks.sometimes('transaction rolled back');
    const inserts = `INSERT INTO lists VALUES (${key}, '${a},'); INSERT INTO registers VALUES (${key}, ${b})`;
    const writes: readonly Operation[] = [
      { kind: 'append', key: list(key), value: a },
      { kind: 'write', key: register(key), value: b },
    ];
    const text = `BEGIN; ${inserts}; ${undone ? 'ROLLBACK' : 'COMMIT'}`;
    return this.#write(machine, sql, text, writes, () => {
      if (!undone) this.#deeds.isMade(key);
      return writes;
    });
  }

  /** Appends one or two values to one or two lists; sometimes tells what they are then. */
  #append(machine: Machine, sql: SqlSession): Promise<Ending> {
    const { random } = this.#shared;
    const keys = [...new Set([this.#key(), this.#key()])];
    const writes = keys.map((key) =>
      Array.from({ length: random.chance(0.2) ? 2 : 1 }, () => ({
        kind: 'append' as const,
        key: list(key),
        value: this.#deeds.value(),
      })),
    );
    const cases = keys.map(
      (key, i) => `WHEN ${key} THEN '${writes[i]?.map(({ value }) => `${value},`).join('') ?? ''}'`,
    );
    const returning = random.chance(0.5);
    const text = `UPDATE lists SET v = v || CASE k ${cases.join(' ')} END WHERE k IN (${keys.join(', ')})${returning ? ' RETURNING k, v' : ''}`;
    return this.#write(machine, sql, text, writes.flat(), ({ tag, rows }) => {
      demand(tag === `UPDATE ${keys.length}`, () => `${text} gave ${tag}`);
      return [...writes.flat(), ...(returning ? this.#listsOf(rows) : [])];
    });
  }

  #listsOf(rows: Rows): readonly Operation[] {
    return rows.map(([k, v]) => ({ kind: 'list', key: list(Number(k)), value: listOf(v) }));
  }

  /** Sets a register, whatever it is, or only if it is still what it was. */
  #set(machine: Machine, sql: SqlSession): Promise<Ending> {
    const key = this.#key();
    const value = this.#deeds.value();
    const known = this.#known.get(key);
    const careful = known !== undefined && this.#shared.random.chance(0.5);
    const text = `UPDATE registers SET v = ${value} WHERE k = ${key}${careful ? ` AND v = ${known}` : ''}`;
    const write = { kind: 'write' as const, key: register(key), value };
    const read = { kind: 'read' as const, key: register(key), value: known ?? 0 };
    if (careful) this.#known.delete(key);
    return this.#write(machine, sql, text, [write], ({ tag }) => {
      demand(careful || tag === 'UPDATE 1', () => `${text} gave ${tag}`);
      if (tag === 'UPDATE 0') return null;
      return careful ? [read, write] : [write];
    });
  }

  /** What rows say of all keys that anybody tried to make before the read began. */
  #readsOf(rows: Rows, keys: number, lists: boolean, column: number): readonly Operation[] {
    const found = new Map(rows.map((row) => [Number(row[0]), row[column]]));
    for (const key of found.keys()) this.#deeds.isMade(key);
    return Array.from({ length: keys }, (_, key): Operation => {
      const text = found.get(key);
      if (lists) return { kind: 'list', key: list(key), value: listOf(text) };
      return { kind: 'read', key: register(key), value: Number(text ?? 0) };
    });
  }

  /** Reads that belong together; nothing is noted if one of them fails. */
  async #reads(
    machine: Machine,
    make: () => Promise<readonly Operation[] | null>,
  ): Promise<Ending> {
    const began = this.#deeds.moment();
    const operations = await make();
    if (operations === null) return machine.alive ? 'refused' : 'gone';
    const ended = this.#deeds.moment();
    for (const operation of operations)
      if (operation.kind === 'read')
        this.#known.set(Number(operation.key.slice(1)), operation.value);
    this.#deeds.add({ client: this.#name, began, ended, fate: 'committed', operations });
    return 'done';
  }

  async #rows(machine: Machine, sql: SqlSession, text: string): Promise<Rows | null> {
    const given = await attemptAnswer(machine, sql, text, this.#shared);
    return given.ending === 'done' ? given.answer.rows : null;
  }

  #readTable(machine: Machine, sql: SqlSession): Promise<Ending> {
    const lists = this.#shared.random.chance(0.5);
    const { keys } = this.#deeds;
    return this.#reads(machine, async () => {
      const text = lists ? 'SELECT k, v FROM lists' : 'SELECT k, v FROM registers';
      const rows = await this.#rows(machine, sql, text);
      return rows === null ? null : this.#readsOf(rows, keys, lists, 1);
    });
  }

  /** Reads both tables in a block, with time in between. */
  #readBlock(machine: Machine, sql: SqlSession): Promise<Ending> {
    const { keys } = this.#deeds;
    return this.#reads(machine, async () => {
      if ((await attempt(machine, sql, 'BEGIN', this.#shared)) !== 'done') return null;
      const lists = await this.#rows(machine, sql, 'SELECT k, v FROM lists');
      if (lists === null) return null;
      await new Promise<void>((resolve) => void machine.clock.after(5, resolve));
      const registers = await this.#rows(machine, sql, 'SELECT k, v FROM registers');
      if (registers === null) return null;
      if ((await attempt(machine, sql, 'COMMIT', this.#shared)) !== 'done') return null;
      return [...this.#readsOf(lists, keys, true, 1), ...this.#readsOf(registers, keys, false, 1)];
    });
  }

  /** Reads everything from the view that joins both. */
  read(machine: Machine, sql: SqlSession): Promise<Ending> {
    const { keys } = this.#deeds;
    return this.#reads(machine, async () => {
      const rows = await this.#rows(machine, sql, 'SELECT k, v, r FROM both_of');
      if (rows === null) return null;
      // A list and its register come into being together.
      for (const [k, , r] of rows) demand(r !== null, () => `register ${k} is not there`);
      return [...this.#readsOf(rows, keys, true, 1), ...this.#readsOf(rows, keys, false, 2)];
    });
  }
}
