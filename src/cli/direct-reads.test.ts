/**
 * Goal: rows read out of shared memory while the dataflow thread writes them are rows that were
 * there at the step. Method: a real dataflow thread moves money between accounts, opens and closes
 * accounts, and renames their owners (so that records change their places and sizes), step after
 * step; this thread reads accounts at the last complete step all the while, and compares each with
 * its own books.
 */
import { expect, it } from 'vitest';
import type { SharedCollection } from '../../dataflow/graph/command.ts';
import { DirectLookup } from '../../dataflow/graph/direct-lookup.ts';
import { packBatch } from '../../dataflow/graph/packed-batch.ts';
import { projection } from '../../dataflow/expr/expr.ts';
import type { Lookup } from '../../dataflow/plan/plan.ts';
import type { Update } from '../../dataflow/value/datum.ts';
import { batchFromRows, readValueVar } from '../../dataflow/value/datum-column.ts';
import type { FoundRecords } from '../../dataflow/value/found-records.ts';
import { readScalar } from '../../dataflow/value/scalar-words.ts';
import { SlabPool } from '../../dataflow/value/slab.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';
import { Random } from '../../test/support/random.ts';
import { defined } from '../base/assert.ts';
import { realClock } from '../base/real/seam.ts';
import type { HostResponse } from '../coordinator/engine-link.ts';
import { WorkerLink } from './worker-link.ts';

const columns: readonly ColumnType[] = [
  { type: 'int4', nullable: false },
  { type: 'text', nullable: true },
  { type: 'int8', nullable: false },
];
const lookup: Lookup = {
  collection: 1,
  key: { columns: [0], values: [[null]] },
  program: projection(columns, [0, 1, 2]),
  columns,
};
const finishing = { order: [], limit: -1, offset: 0, project: [0, 1, 2] };
const accounts = 3_000;
const steps = 80;
const changesPerStep = 1_500;
const readsPerTurn = 3_000;

interface Account {
  readonly owner: string | null;
  readonly balance: bigint;
}

/** All accounts; undefined for one that is not open. */
type Books = readonly (Account | undefined)[];

function rowOf(id: number, { owner, balance }: Account, weight: number): Update {
  return { row: [id, owner, balance], weight };
}

/** The books after some changes, and what to tell the engine. */
function change(random: Random, books: Books): { books: Books; updates: Update[] } {
  const now = [...books];
  const updates: Update[] = [];
  const set = (id: number, account: Account | undefined): void => {
    const old = now[id];
    if (old !== undefined) updates.push(rowOf(id, old, -1));
    if (account !== undefined) updates.push(rowOf(id, account, 1));
    now[id] = account;
  };
  for (let n = 0; n < changesPerStep; n++) {
    const from = random.below(accounts);
    const to = random.below(accounts);
    const [payer, payee] = [now[from], now[to]];
    if (payer === undefined) set(from, { owner: `account ${from}`, balance: 100n });
    else if (random.chance(0.1)) set(from, undefined);
    else if (random.chance(0.3)) set(from, { ...payer, owner: ownerOf(random) });
    else if (payee !== undefined && from !== to) {
      set(from, { ...payer, balance: payer.balance - 1n });
      set(to, { ...payee, balance: payee.balance + 1n });
    }
  }
  return { books: now, updates };
}

function ownerOf(random: Random): string | null {
  return random.chance(0.1) ? null : 'owner '.repeat(random.below(12));
}

function accountIn({ words, places, fields }: FoundRecords): Account {
  const place = places[0] ?? 0;
  const [, owner, balance] = fields;
  const name = defined(owner, 'the owner is answered');
  const isNull = (((words[place + name.nullWord] ?? 0) >>> name.nullBit) & 1) !== 0;
  const bytes = words[place + name.offset] ?? 0;
  const text = isNull ? null : readValueVar('text', words, name.start(words, place), bytes);
  const amount = readScalar('int8', words, place + (balance?.offset ?? 0), 8);
  if (typeof amount !== 'bigint' || (text !== null && typeof text !== 'string'))
    throw new Error('an account has an owner and a balance');
  return { owner: text, balance: amount };
}

/** The dataflow thread with the table, and what it has answered. */
class Bank {
  readonly link = new WorkerLink(realClock);
  complete = 0;
  crashed: string | null = null;
  shared: SharedCollection | null = null;
  readonly #pool = new SlabPool();

  constructor() {
    this.link.receive((response) => this.#receive(response));
    this.link.send({ kind: 'createCollection', collection: 1, columns, stored: true });
    this.link.send({ kind: 'createIndex', collection: 1, key: [0] });
    this.link.send({ kind: 'prepareLookup', template: 1, lookup, finishing });
    this.link.send({ kind: 'lookupKeys', template: 1, at: 0, requests: [1], keys: [[1]] });
  }

  #receive(response: HostResponse): void {
    if (response.kind === 'complete') this.complete = response.step;
    if (response.kind === 'crashed') this.crashed = response.message;
    if (response.kind === 'shared') this.shared = response.shared;
  }

  seal(step: number, updates: readonly Update[]): void {
    const batch = batchFromRows(this.#pool, columns, updates, 0);
    const packed = packBatch(batch, columns);
    batch.slab.release();
    this.link.send({
      kind: 'step',
      step,
      time: step,
      since: this.complete,
      inputs: [{ collection: 1, batch: packed }],
    });
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

it('sees what was true at the step while another thread writes', async () => {
  const bank = new Bank();
  const random = new Random(7);
  let answered = 0;
  let refused = 0;
  try {
    while (bank.shared === null && bank.crashed === null) await turn();
    const direct = new DirectLookup(defined(bank.shared, 'the index'), lookup, finishing);
    const history: Books[] = [new Array<undefined>(accounts).fill(undefined)];
    while (bank.complete < steps && bank.crashed === null) {
      const sealed = history.length - 1;
      if (sealed < steps && sealed - bank.complete < 2) {
        const { books, updates } = change(random, defined(history[sealed], 'the last books'));
        history.push(books);
        bank.seal(sealed + 1, updates);
      }
      await turn();
      const books = defined(history[bank.complete], 'the books of a complete step');
      for (let n = 0; n < readsPerTurn; n++) {
        const id = random.below(accounts);
        const found = direct.read([id], bank.complete);
        if (found === null) refused++;
        else {
          answered++;
          const account = found.count === 0 ? undefined : accountIn(found);
          // A comparison of its own for each read would take most of the time.
          const right =
            account?.owner === books[id]?.owner && account?.balance === books[id]?.balance;
          if (!right || found.count > 1) expect(account, `account ${id}`).toEqual(books[id]);
        }
      }
    }
    expect(bank.crashed).toBeNull();
    // At rest every read is answered.
    const last = defined(history[steps], 'the last books');
    for (let id = 0; id < accounts; id++) {
      expect(direct.read([id], steps)?.count).toBe(last[id] === undefined ? 0 : 1);
    }
  } finally {
    await bank.link.close();
  }
  expect(answered).toBeGreaterThan(1_000);
  expect(refused).toBeGreaterThan(0);
}, 30_000);
