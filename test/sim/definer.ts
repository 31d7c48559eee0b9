/**
 * The client that defines: views, indexes and tables come and go while others write. What exists is
 * a list of names that changes by one statement at a time; after a stop the last one may have
 * happened or not, which the catalog then says.
 */
import { defined } from '../../src/base/assert.ts';
import { SqlError } from '../../src/base/error.ts';
import type { SqlSession } from '../support/session-harness.ts';
import type { Shared, Ending } from './client.ts';
import { attempt } from './client.ts';
import { demand } from './history.ts';
import type { Machine } from './machine.ts';
import type { LivingView } from './observe.ts';
import type { ViewTemplate } from './views.ts';
import { viewTemplates } from './views.ts';

type Thing =
  | { readonly kind: 'view'; readonly template: ViewTemplate }
  | { readonly kind: 'index'; readonly on: string }
  | { readonly kind: 'table'; readonly rows: readonly number[] };

type Things = ReadonlyMap<string, Thing>;

const thingsMax = 7;
const catalogQuery =
  "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'";

/** Names of the definer's own: they end with a number. */
function ownNames(rows: readonly string[]): string {
  return rows
    .filter((name) => /_\d+$/.test(name))
    .sort()
    .join(' ');
}

function namesOf(things: Things): string {
  return ownNames([...things.keys()]);
}

/** See the head of this file. */
export class Definer {
  readonly #shared: Shared;
  #things: Things = new Map();
  /** What is there if the statement under way, or the last one before a stop, has happened. */
  #next: Things | null = null;
  /** Counts statements that were asked for or have ended. */
  turns = 0;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  get inDoubt(): boolean {
    return this.#next !== null;
  }

  /** Views that are there for sure. */
  views(): readonly LivingView[] {
    return [...this.#things].flatMap(([name, thing]) =>
      thing.kind === 'view' && this.#next?.has(name) !== false
        ? [{ name, template: thing.template }]
        : [],
    );
  }

  /** Reads what a stop has left. */
  async pin(sql: SqlSession, machine: Machine): Promise<void> {
    const found = ownNames(await sql.rows(catalogQuery));
    if (!machine.alive) return;
    const next = this.#next;
    if (next !== null && namesOf(next) !== namesOf(this.#things)) {
      const survived = found === namesOf(next);
      demand(
        survived || found === namesOf(this.#things),
        () => `the catalog has ${found}, not ${namesOf(this.#things)} or ${namesOf(next)}`,
      );
      this.#shared.marks.sometimes(
        survived ? 'unacknowledged definition survived' : 'unacknowledged definition was lost',
      );
      if (survived) this.#things = next;
      this.#next = null;
    }
    demand(
      found === namesOf(this.#things),
      () => `the catalog has ${found}, not ${namesOf(this.#things)}`,
    );
    for (const [name, thing] of this.#things) {
      if (thing.kind !== 'table') continue;
      const rows = await sql.rows(`SELECT a FROM ${name}`);
      if (!machine.alive) return;
      const later = this.#next?.get(name);
      const maybe = later?.kind === 'table' ? later : thing;
      const survived = maybe !== thing && rows.join() === [...maybe.rows].map(String).sort().join();
      if (survived) this.#things = defined(this.#next, 'a row is in doubt');
      else
        demand(
          rows.join() === [...thing.rows].map(String).sort().join(),
          () => `table ${name} has ${rows.join()}, not ${thing.rows.join()}`,
        );
    }
    this.#next = null;
  }

  /** One definition, or a look at all of them. */
  async act(machine: Machine, sql: SqlSession): Promise<Ending> {
    const { random } = this.#shared;
    if (random.chance(0.2)) {
      await this.pin(sql, machine).catch((error: unknown) => {
        if (machine.alive || !(error instanceof SqlError)) throw error;
      });
      return machine.alive ? 'done' : 'gone';
    }
    const things = new Map(this.#things);
    const text = random.chance(things.size / thingsMax)
      ? dropFrom(things, random.pick([...things.keys()]))
      : this.#make(things);
    return this.#change(machine, sql, text, things);
  }

  /** Drops a view and makes it anew. */
  async remake(machine: Machine, sql: SqlSession, { name, template }: LivingView): Promise<Ending> {
    const without = new Map(this.#things);
    const dropped = await this.#change(machine, sql, dropFrom(without, name), without);
    if (dropped !== 'done') return dropped;
    const things = new Map(without);
    return this.#change(machine, sql, this.#makeView(things, template), things);
  }

  /** Runs a statement after which `things` are there. */
  async #change(machine: Machine, sql: SqlSession, text: string, things: Things): Promise<Ending> {
    const { marks } = this.#shared;
    this.#next = things;
    this.turns++;
    const ending = await attempt(machine, sql, text, this.#shared);
    this.turns++;
    if (ending === 'done') {
      this.#things = things;
      if (text.includes('VIEW') && text.startsWith('CREATE'))
        marks.sometimes('view made while clients wrote');
      if (text.startsWith('DROP TABLE')) marks.sometimes('table dropped');
    }
    if (ending !== 'gone') this.#next = null;
    return ending;
  }

  #make(things: Map<string, Thing>): string {
    const { random } = this.#shared;
    const number = this.#shared.fresh();
    const choice = random.below(6);
    const views = this.views();
    if (choice === 0) {
      things.set(`x_${number}`, { kind: 'table', rows: [] });
      return `CREATE TABLE x_${number} (a int8${random.chance(0.3) ? ' NOT NULL' : ''})`;
    }
    const tables = [...things].flatMap(([name, thing]) =>
      thing.kind === 'table' ? [[name, thing] as const] : [],
    );
    if (choice === 1 && tables.length > 0) {
      const [name, { rows }] = random.pick(tables);
      things.set(name, { kind: 'table', rows: [...rows, number] });
      return `INSERT INTO ${name} VALUES (${number})`;
    }
    if (choice <= 3 && views.length > 0) {
      const view = random.pick(views);
      const [on, column] = random.chance(0.7) ? [view.name, view.template.column] : ['kv', 'v'];
      things.set(`ix_${number}`, { kind: 'index', on });
      return `CREATE INDEX ix_${number} ON ${on} (${column})`;
    }
    return this.#makeView(things, random.pick(viewTemplates));
  }

  #makeView(things: Map<string, Thing>, template: ViewTemplate): string {
    const name = `${template.name}_${this.#shared.fresh()}`;
    things.set(name, { kind: 'view', template });
    return template.create.replace('%s', name);
  }
}

/** Takes a thing away, with its indexes; answers the statement. */
function dropFrom(things: Map<string, Thing>, name: string): string {
  const thing = defined(things.get(name), 'what is dropped is there');
  things.delete(name);
  for (const [other, index] of things)
    if (index.kind === 'index' && index.on === name) things.delete(other);
  if (thing.kind !== 'view') return `DROP ${thing.kind.toUpperCase()} ${name}`;
  const materialized = thing.template.create.includes('MATERIALIZED') ? 'MATERIALIZED ' : '';
  return `DROP ${materialized}VIEW ${name}`;
}
