/**
 * Marks that prove that a run met what it is meant to meet: `sometimes` counts that something
 * happened, and a run over many seeds fails if one of `expectedMarks` never did.
 */

/** What many seeds together must have met. */
export const expectedMarks = [
  'machine stopped at an operation of the disk',
  'machine stopped at a moment',
  'machine stopped while it started',
  'disk failed while it started',
  'process ended and the machine did not',
  'unacknowledged write survived',
  'unacknowledged write was lost',
  'unacknowledged definition survived',
  'unacknowledged definition was lost',
  'write refused on a full disk',
  'writes went on with room',
  'read refused while a definition waited for room',
  'operation of the disk failed',
  'slow disk',
  'bit flip refused',
  'clean stop',
  'clock went back over a restart',
  'broker did not answer',
  'broker dropped connections',
  'broker did not lead',
  'broker was slow',
  'broker answered with an error',
  'broker was away',
  'records came broken',
  'question to the broker got lost',
  'transaction of a producer open',
  'producer committed',
  'producer aborted',
  'records removed by retention',
  'topic compacted',
  'view told of lost records',
  'view made anew after a loss',
  'partition appeared',
  'topic appeared',
  'tombstone',
  'key refused twice',
  'key wanted by two',
  'read overlapped another',
  'subscription ended by a stop',
  'view made while clients wrote',
  'table dropped',
  'upsert source restored',
  'new file of the log',
  'log was cut',
  'started with checkpoints',
  'stopped while a checkpoint was made',
  'checkpoint passed over',
  'checkpoint given up',
  'transaction of unknown fate',
  'transaction rolled back',
  'bank audited',
] as const;

export type Mark = (typeof expectedMarks)[number];

/** Counts of marks over any number of seeds. */
export class Marks {
  readonly #counts = new Map<Mark, number>();

  sometimes(mark: Mark): void {
    this.#counts.set(mark, this.count(mark) + 1);
  }

  count(mark: Mark): number {
    return this.#counts.get(mark) ?? 0;
  }

  /** Expected marks that were never met. */
  missing(): readonly Mark[] {
    return expectedMarks.filter((mark) => this.count(mark) === 0);
  }

  /** Adds the counts of others. */
  add(other: Marks): void {
    for (const mark of expectedMarks)
      if (other.count(mark) > 0) this.#counts.set(mark, this.count(mark) + other.count(mark));
  }

  toString(): string {
    return expectedMarks.map((mark) => `${this.count(mark)} × ${mark}`).join('\n');
  }
}
