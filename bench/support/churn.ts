/**
 * Orders and customers of any size under churn: the state on which `pause`, `change`, `idle` and
 * `soak` measure. A view joins both tables and sums by region, so that a change of one order goes
 * through two arrangements of the join, an aggregate and an index. Each customer has ten orders at
 * every size, so a change costs the same work however large the state is.
 *
 * Content is a function of an order's number and its version, so that the view can be checked by
 * plain arithmetic.
 */
import type { Batch } from '../../dataflow/value/batch.ts';
import type { BatchWriter } from '../../dataflow/value/batch-writer.ts';
import { Random } from '../../test/support/random.ts';
import { int8Column, writeBatch } from './rows.ts';
import type { SqlEngine } from './sql-engine.ts';

const regions = 1_000;
const ordersPerCustomer = 10;
const loadRows = 1_000;

const tables = `
  CREATE TABLE orders (id int8, customer int8, amount int8);
  CREATE TABLE customers (id int8, region int8);
  CREATE INDEX orders_by_id ON orders (id);
  CREATE MATERIALIZED VIEW revenue AS
    SELECT c.region, count(*) AS orders, sum(o.amount) AS amount
    FROM orders o JOIN customers c ON o.customer = c.id GROUP BY c.region`;

export class Churn {
  readonly engine: SqlEngine;
  readonly size: number;
  readonly #random = new Random(11);
  /** How often each order was changed. */
  readonly #versions: Int32Array;
  readonly #orders: BatchWriter;
  readonly #collection: number;
  readonly #customers: number;

  private constructor(engine: SqlEngine, size: number) {
    this.engine = engine;
    this.size = size;
    this.#versions = new Int32Array(size);
    this.#orders = engine.writer('orders');
    this.#collection = engine.collection('orders');
    this.#customers = Math.ceil(size / ordersPerCustomer);
  }

  /** Makes tables and view and loads `size` orders. */
  static async load(engine: SqlEngine, size: number): Promise<Churn> {
    await engine.sql(tables);
    const churn = new Churn(engine, size);
    const customers = engine.writer('customers');
    const collection = engine.collection('customers');
    for (let from = 0; from < churn.#customers; from += loadRows) {
      const rows = Math.min(loadRows, churn.#customers - from);
      engine.step([
        [
          collection,
          writeBatch(customers, rows, 0, (w) => {
            const [id, region] = [int8Column(w, 0), int8Column(w, 1)];
            return (r) => {
              id(r, from + r);
              region(r, (from + r) % regions);
            };
          }),
        ],
      ]);
    }
    for (let from = 0; from < size; from += loadRows) {
      const order = (r: number): number => from + r;
      engine.step([
        [
          churn.#collection,
          churn.#write(
            Math.min(loadRows, size - from),
            order,
            () => 0,
            () => 1,
          ),
        ],
      ]);
    }
    return churn;
  }

  #amount(order: number, version: number): number {
    return (order % 97) + version;
  }

  #write(
    rows: number,
    order: (r: number) => number,
    version: (r: number) => number,
    weight: (r: number) => number,
  ): Batch {
    return writeBatch(
      this.#orders,
      rows,
      0,
      (w) => {
        const [id, customer, amount] = [int8Column(w, 0), int8Column(w, 1), int8Column(w, 2)];
        return (r) => {
          const o = order(r);
          id(r, o);
          customer(r, o % this.#customers);
          amount(r, this.#amount(o, version(r)));
        };
      },
      weight,
    );
  }

  /** Changes of `count` random orders, each the old row out and the new one in. */
  changes(count: number): readonly [collection: number, batch: Batch] {
    const picked = Array.from({ length: count }, () => {
      const order = this.#random.below(this.size);
      const before = this.#versions[order] ?? 0;
      this.#versions[order] = before + 1;
      return [order, before] as const;
    });
    const at = (r: number): readonly [number, number] => picked[r >> 1] ?? [0, 0];
    return [
      this.#collection,
      this.#write(
        2 * count,
        (r) => at(r)[0],
        (r) => at(r)[1] + (r & 1),
        (r) => ((r & 1) === 0 ? -1 : 1),
      ),
    ];
  }

  /** Throws unless the view says what the versions say. */
  async check(): Promise<void> {
    const expected = new Map<number, [number, number]>();
    for (let order = 0; order < this.size; order++) {
      const region = (order % this.#customers) % regions;
      const entry = expected.get(region) ?? [0, 0];
      expected.set(region, [
        entry[0] + 1,
        entry[1] + this.#amount(order, this.#versions[order] ?? 0),
      ]);
    }
    const rows = await this.engine.rows('SELECT region, orders, amount::int8 FROM revenue');
    if (rows.length !== expected.size)
      throw new Error(`revenue has ${rows.length} rows, not ${expected.size}`);
    for (const [region, orders, amount] of rows) {
      const entry = expected.get(Number(region));
      if (entry === undefined || BigInt(entry[0]) !== orders || BigInt(entry[1]) !== amount) {
        throw new Error(
          `region ${String(region)} is (${String(orders)}, ${String(amount)}), not (${String(entry)})`,
        );
      }
    }
  }
}
