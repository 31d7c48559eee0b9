/**
 * The operators of one dataflow and the batches between them: the driver of engine.md section 5.
 *
 * Operators are numbered topologically. A batch on its way to an operator waits in that operator's
 * queue with one use of its slab. `run` drains the most downstream queue first, so that a batch
 * goes all the way down before the next one starts; when every queue is empty it finishes the least
 * numbered dirty operator. As all operators above that one are clean and all queues empty, nothing
 * can come to it any more in this step.
 *
 * Laws: an operator is visited only if it was marked or given a batch in this step; it is finished
 * once a step, in ascending order; between steps every queue is empty and no operator is dirty.
 *
 * `mark` also marks the operators that read what the marked one arranges: they get no batches, they
 * read the arrangement when they are finished.
 */
import { assert, defined } from '../../src/base/assert.ts';
import type { Context, DataError, Fuel, Operator, OperatorState } from '../operators/operator.ts';
import type { Batch } from '../value/batch.ts';
import type { SlabPool } from '../value/slab.ts';
import { slabWordsMin } from '../value/slab.ts';

/** Words of a batch with long values that count as a row of work: the others do not count. */
const wordsPerRow = 512;

interface Consumer {
  readonly operator: number;
  readonly port: number;
}

interface Waiting {
  readonly port: number;
  readonly batch: Batch;
}

interface Place {
  readonly operator: Operator;
  readonly consumers: Consumer[];
  /** Operators that read what this one arranges. */
  readonly dependents: number[];
  readonly queue: Waiting[];
  dirty: boolean;
}

/** Takes the errors of a network's operators. */
export type FailureListener = (error: DataError, weight: number) => void;

/**
 * The context of whichever operator is being visited; one object, so that a visit allocates none.
 */
class Visit implements Context {
  readonly pool: SlabPool;
  readonly fail: FailureListener;
  readonly emit: (batch: Batch) => void;
  step = 0;
  fuel: Fuel;
  consumers: readonly Consumer[] = [];

  constructor(pool: SlabPool, fuel: Fuel, network: Network, fail: FailureListener) {
    this.pool = pool;
    this.fuel = fuel;
    this.fail = fail;
    this.emit = (batch) => network.give(batch, this.consumers);
  }
}

const noFuel: Fuel = { spend: () => false };

/** The operators, edges and queues of one dataflow. */
export class Network {
  readonly #places: Place[] = [];
  readonly #visit: Visit;
  /** No queue above this number holds a batch. */
  #highest = -1;
  /** No operator below this number is dirty. */
  #lowest = 0;
  /** Operators visited since the beginning, for the law that idle ones cost nothing. */
  #activations = 0;

  constructor(pool: SlabPool, fail: FailureListener) {
    this.#visit = new Visit(pool, noFuel, this, fail);
  }

  get operators(): number {
    return this.#places.length;
  }

  get activations(): number {
    return this.#activations;
  }

  /** Adds the next operator in topological order; answers its number. */
  add(operator: Operator): number {
    const place = { operator, consumers: [], dependents: [], queue: [], dirty: false };
    return this.#places.push(place) - 1;
  }

  /** Sends the output of `from` to `port` of `to`. */
  connect(from: number, to: number, port: number): void {
    assert(from < to, `edge ${from} → ${to} goes downstream`);
    this.#place(from).consumers.push({ operator: to, port });
  }

  /** Lets `reader` be finished whenever `arranger` was marked. */
  depend(arranger: number, reader: number): void {
    assert(arranger < reader, `edge ${arranger} → ${reader} goes downstream`);
    const { dependents } = this.#place(arranger);
    if (!dependents.includes(reader)) dependents.push(reader);
  }

  #place(operator: number): Place {
    return defined(this.#places[operator], `operator ${operator} exists`);
  }

  /** Begins a step; the one before has ended. */
  begin(step: number): void {
    assert(this.#highest < 0, 'a step begins with empty queues');
    this.#visit.step = step;
    this.#lowest = this.#places.length;
  }

  /** Lets an operator be finished in this step. */
  mark(operator: number): void {
    const place = this.#place(operator);
    if (place.dirty) return;
    place.dirty = true;
    if (operator < this.#lowest) this.#lowest = operator;
    for (const reader of place.dependents) this.mark(reader);
  }

  /** Gives a batch, with one use of its slab, to an operator. */
  enqueue(operator: number, port: number, batch: Batch): void {
    this.mark(operator);
    this.#place(operator).queue.push({ port, batch });
    if (operator > this.#highest) this.#highest = operator;
  }

  /**
   * Works on the step until it is done or the fuel is gone. While `open` more input is to come:
   * then batches go down, but no operator is finished.
   */
  run(fuel: Fuel, open: boolean): 'done' | 'more' {
    this.#visit.fuel = fuel;
    while (true) {
      while (this.#highest >= 0 && this.#place(this.#highest).queue.length === 0) this.#highest--;
      if (this.#highest >= 0) {
        this.#pushNext(this.#highest);
      } else if (open) {
        return 'done';
      } else {
        while (this.#lowest < this.#places.length && !this.#place(this.#lowest).dirty) {
          this.#lowest++;
        }
        if (this.#lowest === this.#places.length) return 'done';
        if (this.#finish(this.#lowest, fuel) === 'blocked') return 'more';
      }
      if (!fuel.spend(0)) return 'more';
    }
  }

  #pushNext(number: number): void {
    const place = this.#place(number);
    const { port, batch } = defined(place.queue[0], 'a queue that is not empty has a first batch');
    this.#activations++;
    this.#visit.consumers = place.consumers;
    if (place.operator.push(port, batch, this.#visit) === 'more') return;
    place.queue.shift();
    batch.slab.release();
  }

  /** Answers 'blocked' if the operator waits for something outside. */
  #finish(number: number, fuel: Fuel): 'ran' | 'blocked' {
    const place = this.#place(number);
    this.#activations++;
    this.#visit.consumers = place.consumers;
    if (place.operator.finish(this.#visit) === 'done') place.dirty = false;
    // Not done although fuel is left, and nothing given out: it waits.
    else if (this.#highest < 0 && fuel.spend(0)) return 'blocked';
    return 'ran';
  }

  /** Gives an operator's output to its consumers; called through `Context.emit`. */
  give(batch: Batch, consumers: readonly Consumer[]): void {
    if (batch.rows === 0 || consumers.length === 0) {
      batch.slab.release();
      return;
    }
    const { words } = batch.slab;
    if (words > slabWordsMin) this.#visit.fuel.spend(Math.ceil(words / wordsPerRow));
    for (let i = 1; i < consumers.length; i++) batch.slab.retain();
    for (const { operator, port } of consumers) this.enqueue(operator, port, batch);
  }

  /** What operators keep from step to step, in their order. */
  states(): readonly OperatorState[] {
    return this.#places.flatMap(({ operator: { state } }) => (state === null ? [] : [state]));
  }

  /** Bytes of the operators' state. */
  bytes(): number {
    return this.#places.reduce((sum, place) => sum + place.operator.bytes(), 0);
  }

  /** Gives up every waiting batch and every operator's state. */
  dispose(): void {
    for (const place of this.#places) {
      for (const { batch } of place.queue) batch.slab.release();
      place.queue.length = 0;
      place.operator.dispose();
    }
    this.#places.length = 0;
    this.#highest = -1;
  }
}
