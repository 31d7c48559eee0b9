/**
 * The demo's stream: a shop's orders and payments as they would come in. Orders change their status
 * and sometimes their amount, a few are cancelled or withdrawn (a record without a value); payments
 * follow after seconds, some in two parts, some late; and some orders arrive minutes after they
 * were placed. Deterministic in its random numbers and in the times that it is given.
 */
import { defined } from '../base/assert.ts';

/** One record to send. */
export interface TrafficRecord {
  readonly topic: 'orders' | 'payments';
  /** Orders with the same key go to the same partition. */
  readonly id: number;
  /** NULL for payments. */
  readonly key: string | null;
  /** NULL takes the order away. */
  readonly value: string | null;
}

interface Order {
  readonly id: number;
  readonly customer: string;
  readonly region: string;
  readonly placedAt: number;
  cents: number;
  status: number;
}

interface Due {
  /** When it was paid, and when the record of it arrives. */
  readonly paidAt: number;
  readonly at: number;
  readonly order: number;
  readonly cents: number;
}

const statuses = ['placed', 'packed', 'shipped', 'delivered'];
const regions = ['north', 'south', 'east', 'west', 'overseas'];
const methods = ['card', 'transfer', 'invoice'];
const firstNames = [
  'Amina',
  'Bruno',
  'Chiara',
  'Dmitri',
  'Elif',
  'Farah',
  'Goran',
  'Hana',
  'Ivo',
  'Jana',
  'Kofi',
  'Lena',
];
const lastNames = [
  'Adler',
  'Bianchi',
  'Castro',
  'Diallo',
  'Eriksen',
  'Fontaine',
  'Garcia',
  'Haddad',
  'Ito',
  'Jansen',
];

/** Open orders that may still change; the oldest are left as they are beyond that. */
const openOrdersMax = 10_000;
const promptMilliseconds = 2_000;
const lateMilliseconds = 20_000;
const minute = 60_000;

function money(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** See the head of this file. */
export class OrderTraffic {
  readonly #below: (bound: number) => number;
  readonly #open: Order[] = [];
  /** Both in order of their times: each has one delay. */
  readonly #prompt: Due[] = [];
  readonly #late: Due[] = [];
  #nextOrder = 1;
  #nextPayment = 1;

  /** `below(n)` answers a random integer in [0, n). */
  constructor(below: (bound: number) => number) {
    this.#below = below;
  }

  /** What happens next, at `now` (ms since the epoch). */
  next(now: number): TrafficRecord {
    if (this.#below(2) === 0) {
      for (const queue of [this.#late, this.#prompt]) {
        if ((queue[0]?.at ?? Infinity) <= now)
          return this.#pay(defined(queue.shift(), 'a payment is due'));
      }
    }
    const event = this.#below(100);
    if (event < 45 || this.#open.length === 0) return this.#place(now);
    const at = this.#below(this.#open.length);
    const order = defined(this.#open[at], 'an open order');
    if (event >= 97) return this.#withdraw(at, order);
    if (event >= 92) return this.#cancel(at, order);
    if (event >= 84) {
      order.cents = Math.max(100, order.cents + this.#below(4_000) - 2_000);
      return record(order, statusOf(order));
    }
    order.status++;
    if (order.status === statuses.length - 1) this.#close(at);
    return record(order, statusOf(order));
  }

  #pick(from: readonly string[]): string {
    return defined(from[this.#below(from.length)], 'one of a list');
  }

  #place(now: number): TrafficRecord {
    // The smaller of two throws: some customers and regions buy more than others.
    const skewed = (bound: number): number => Math.min(this.#below(bound), this.#below(bound));
    const first = defined(firstNames[skewed(firstNames.length)], 'a first name');
    const last = defined(lastNames[skewed(lastNames.length)], 'a last name');
    const arrivesLate = this.#below(100) < 3;
    const order: Order = {
      id: this.#nextOrder++,
      customer: `${first} ${last}`,
      region: defined(regions[skewed(regions.length)], 'a region'),
      placedAt: arrivesLate ? now - minute - this.#below(9 * minute) : now,
      cents: 500 + this.#below(200) * this.#below(200),
      status: 0,
    };
    if (this.#open.length >= openOrdersMax) this.#close(0);
    this.#open.push(order);
    this.#expectPayment(order, now);
    return record(order, statusOf(order));
  }

  #expectPayment(order: Order, now: number): void {
    const chance = this.#below(100);
    if (chance < 6) return;
    const late = chance < 14;
    const parts =
      chance < 20
        ? [Math.floor(order.cents / 2), order.cents - Math.floor(order.cents / 2)]
        : [order.cents];
    const paidAt = now + promptMilliseconds;
    const at = late ? now + lateMilliseconds : paidAt;
    for (const cents of parts)
      (late ? this.#late : this.#prompt).push({ paidAt, at, order: order.id, cents });
  }

  #pay(due: Due): TrafficRecord {
    const id = this.#nextPayment++;
    return {
      topic: 'payments',
      id: due.order,
      key: null,
      value:
        `{"payment_id":${id},"order_id":${due.order},"paid":${money(due.cents)},` +
        `"method":"${this.#pick(methods)}","paid_at":"${time(due.paidAt)}"}`,
    };
  }

  #cancel(at: number, order: Order): TrafficRecord {
    this.#close(at);
    return record(order, 'cancelled');
  }

  #withdraw(at: number, order: Order): TrafficRecord {
    this.#close(at);
    return { topic: 'orders', id: order.id, key: String(order.id), value: null };
  }

  #close(at: number): void {
    const last = this.#open.pop();
    if (last !== undefined && at < this.#open.length) this.#open[at] = last;
  }
}

function statusOf(order: Order): string {
  return defined(statuses[order.status], 'an order has a status');
}

function record(order: Order, status: string): TrafficRecord {
  const { id, customer, region, cents, placedAt } = order;
  return {
    topic: 'orders',
    id,
    key: String(id),
    value:
      `{"order_id":${id},"customer":"${customer}","region":"${region}","status":"${status}",` +
      `"amount":${money(cents)},"channel":"web","placed_at":"${time(placedAt)}"}`,
  };
}
