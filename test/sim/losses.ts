/**
 * What the topic of the stream has lost, and the views that say so. Who reads a view over the stream
 * is told of records that were removed from the topic before the view had read them: those that it
 * had read since the last checkpoint when the machine stopped, and those that go while a new view
 * reads the past. The error has to be true: the records are gone, and were there when a machine last
 * started and found all views whole, since a checkpoint is never older than the one that it started
 * with. The error stays until the view is dropped and made anew, which happens at the next look
 * around; then every view must be whole.
 */
import type { SqlError } from '../../src/base/error.ts';
import { defined } from '../../src/base/assert.ts';
import { demand } from './history.ts';
import type { Marks } from './marks.ts';
import type { TopicTruth } from './sim-topic.ts';

const form =
  /^topic "(src2?)", partition (\d+), offsets? (\d+)(?: to (\d+))?: the records were removed from the topic before they were read$/;
/** Statements that read the stream or a view over it. */
const reading = /^(SELECT|SUBSCRIBE)[^]* FROM (src|bank_topic|partitions_\d+|met_\d+)\b/;

function last(offsets: Iterable<bigint>): bigint {
  return [...offsets].reduce((a, b) => (a > b ? a : b), 0n);
}

/** See the head of this file. */
export class Losses {
  readonly #stream: TopicTruth;
  readonly #marks: Marks;
  /** Where partitions began when a machine last started and found all views whole. */
  #whole: ReadonlyMap<string, bigint> = new Map();
  /** How many such errors there were. */
  told = 0;

  constructor(stream: TopicTruth, marks: Marks) {
    this.#stream = stream;
    this.#marks = marks;
  }

  /**
   * Whether a statement failed because the topic has lost records; throws if what it says of them is
   * wrong, or if nothing that it reads can have lost any.
   */
  explain(error: SqlError, text: string): boolean {
    const { code, message } = error.fields;
    const [, topic, p, from, to] = form.exec(message) ?? [];
    if (code !== 'XX001' || p === undefined) return false;
    demand(reading.test(text), () => `${text} reads no stream and says ${message}`);
    const place = `${topic === 'src' ? 'a' : 'b'}${p}`;
    const found = this.#stream.partitions.find((one) => one.place === place);
    const partition = defined(found, 'a partition is there');
    const [first, end] = [BigInt(from ?? 0), BigInt(to ?? from ?? 0) + 1n];
    const before = this.#whole.get(place) ?? 0n;
    const start = last(partition.starts);
    demand(
      before <= first && first < end && end <= start,
      () => `${message}; but it began at ${before} and begins at ${start}`,
    );
    this.told++;
    this.#marks.sometimes('view told of lost records');
    return true;
  }

  /** A machine has started, and all views over the stream are whole. */
  settle(): void {
    this.#whole = new Map(
      this.#stream.partitions.map(({ place, starts }) => [place, last(starts)]),
    );
  }
}
