/** Who reads: everything at one step, by one statement or a block, or as a subscription. */
import { SqlError } from '../../src/base/error.ts';
import type { SqlSession } from '../support/session-harness.ts';
import { batchRows } from '../support/session-harness.ts';
import type { Shared } from './client.ts';
import type { Definer } from './definer.ts';
import { demand, Violation } from './history.ts';
import type { Machine } from './machine.ts';
import type { Known, LivingView } from './observe.ts';
import { everything, vectorOf } from './observe.ts';
import type { Cells } from './views.ts';

/** What readers share. */
export interface Watched {
  readonly known: Omit<Known, 'streams'>;
  readonly shared: Shared;
  readonly definer: Definer;
  /** Reads and subscriptions under way. */
  readers: number;
  followers: number;
}

async function rowsAtOnce(sql: SqlSession, selects: readonly string[]): Promise<Cells[]> {
  const { rows } = await sql.run(selects.join(' UNION ALL '));
  return rows.map((row) => row.map((cell) => cell ?? 'NULL'));
}

/**
 * A block reads all at the step of its first statement; but for streams, which each statement reads
 * at a step of its own, so that they are left out here.
 */
async function rowsInBlock(sql: SqlSession, selects: readonly string[]): Promise<Cells[]> {
  const found: Cells[] = [];
  try {
    await sql.run('BEGIN');
    for (const select of selects) found.push(...(await rowsAtOnce(sql, [select])));
  } finally {
    await sql.run('ROLLBACK').catch(() => undefined);
  }
  return found;
}

/**
 * Whether a read may fail so: a view was dropped meanwhile, or a definition that it may have seen
 * waits for room on the disk.
 */
function isExcused({ definer, shared }: Watched, code: string, turns: number): boolean {
  if (code === '53100') {
    shared.marks.sometimes('read refused while a definition waited for room');
    return definer.inDoubt || turns !== definer.turns;
  }
  return turns !== definer.turns && ['42P01', '57014'].includes(code);
}

/** Reads everything and checks it; answers the vector, or null if nothing came of it. */
export async function readAll(
  watched: Watched,
  machine: Machine,
  sql: SqlSession,
): Promise<ReadonlyMap<string, number> | null> {
  const { known, shared, definer } = watched;
  const { history } = known;
  const streams = shared.random.chance(0.6);
  const views = definer.views().filter(({ template }) => streams || !template.passing);
  const { turns } = definer;
  const token = history.begin();
  const selects = everything(views, streams);
  watched.readers++;
  if (watched.readers > 1) shared.marks.sometimes('read overlapped another');
  try {
    const rows = await (streams ? rowsAtOnce : rowsInBlock)(sql, selects);
    if (!machine.alive) return null;
    const vector = vectorOf({ ...known, streams }, rows, views, token.floor);
    history.end(token, vector);
    shared.note(`${machine.clock.now()} read ${[...vector].join(' ')}`);
    return vector;
  } catch (error) {
    if (!machine.alive) return null;
    if (!(error instanceof SqlError)) throw error;
    const { code, message } = error.fields;
    if (isExcused(watched, code, turns)) return null;
    if (shared.losses.explain(error, selects.join(' UNION ALL '))) return null;
    throw new Violation(`a read failed: ${code} ${message}`);
  } finally {
    watched.readers--;
  }
}

/** Follows everything for so many moments, and checks each. */
export async function follow(
  watched: Watched,
  machine: Machine,
  sql: SqlSession,
  { moments, on }: { readonly moments: number; readonly on: () => boolean },
): Promise<void> {
  const { known, definer, shared } = watched;
  const views = definer.views();
  const { turns } = definer;
  const { lastTime } = known.history;
  const picture = new Picture(watched, views);
  watched.followers++;
  const text = `SUBSCRIBE (${everything(views, true).join(' UNION ALL ')}) WITH (PROGRESS)`;
  try {
    const stream = await sql.open(text);
    while (on() && picture.moments < moments) {
      const batch = await stream.next();
      if (!machine.alive) break;
      if (batch === null) break;
      for (const row of batchRows(stream, batch)) picture.take(row, lastTime);
    }
    stream.close();
    if (machine.alive) await sql.session.sync(false);
  } catch (error) {
    if (!machine.alive) return;
    if (!(error instanceof SqlError)) throw error;
    const { code, message } = error.fields;
    if (!isExcused(watched, code, turns) && !shared.losses.explain(error, text))
      throw new Violation(`a subscription failed: ${code} ${message}`);
    sql.session.fail();
    await sql.session.sync(true);
  }
  watched.followers--;
}

/** What a subscription has shown so far. */
class Picture {
  readonly #watched: Watched;
  readonly #views: readonly LivingView[];
  readonly #rows = new Map<string, number>();
  #floor: ReadonlyMap<string, number>;
  #time = 0;
  #changed = true;
  moments = 0;

  constructor(watched: Watched, views: readonly LivingView[]) {
    this.#watched = watched;
    this.#views = views;
    this.#floor = watched.known.history.floor();
  }

  /** A row: time, whether it is progress, difference, cells. */
  take([time, progressed, diff, ...cells]: readonly (string | null)[], lastTime: number): void {
    const at = Number(time);
    demand(at >= this.#time, () => `a subscription goes back from ${this.#time} to ${at}`);
    demand(at >= lastTime, () => `a subscription begins at ${at}, before ${lastTime}`);
    this.#time = at;
    if (progressed === 't') return this.#moment(at - 1);
    const key = JSON.stringify(cells.map((cell) => cell ?? 'NULL'));
    const count = (this.#rows.get(key) ?? 0) + Number(diff);
    if (count === 0) this.#rows.delete(key);
    else this.#rows.set(key, count);
    this.#changed = true;
  }

  #moment(time: number): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.moments++;
    const rows = [...this.#rows].flatMap(([key, count]) => {
      demand(count > 0, () => `a subscription shows ${key} ${count} times at ${time}`);
      return new Array<Cells>(count).fill(JSON.parse(key) as Cells);
    });
    const { known, shared } = this.#watched;
    const vector = vectorOf({ ...known, streams: true }, rows, this.#views, this.#floor);
    known.history.at(time, vector);
    this.#floor = vector;
    shared.note(`moment ${time} ${[...vector].join(' ')}`);
  }
}
