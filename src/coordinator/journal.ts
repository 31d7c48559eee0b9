/**
 * The coordinator's side of durability: notes what changes in the catalog, and writes each step to
 * the log before the engine gets it (docs/design/durability.md). Without a data directory nothing
 * is written and everything is durable at once.
 *
 * Records go out in the order in which their changes happened: a table's rows come after the table.
 */
import { assert } from '../base/assert.ts';
import { SqlError, sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { Clock } from '../base/seam.ts';
import type { CatalogListener } from '../catalog/catalog.ts';
import type { CatalogObject } from '../catalog/object.ts';
import { objectText } from '../catalog/durable-object.ts';
import type { Log } from '../storage/log.ts';
import type { CatalogChange } from '../storage/step-record.ts';
import { encodeStep } from '../storage/step-record.ts';
import type { SealedStep, StepJournal, Writing } from './timeline.ts';

/** Numbers that have been given away. */
export interface Counters {
  readonly oid: number;
  readonly number: number;
}

/** One per coordinator. */
export class Journal implements CatalogListener, StepJournal {
  readonly #log: Log | null;
  readonly #clock: Clock;
  readonly #counters: () => Counters;
  #changes: CatalogChange[] = [];
  /** Resolves when all changes that were handed to the log are durable; null if they are. */
  #writing: Promise<void> | null = null;
  /** Why they cannot be written now: the disk is full. */
  #stuck: unknown = null;
  /** Who must know of that. */
  readonly #onStuck = new Set<(error: unknown) => void>();
  /** When the disk was last found to be full, ms since the epoch; -1: it has room. */
  #fullAt = -1;

  constructor(log: Log | null, clock: Clock, counters: () => Counters) {
    this.#log = log;
    this.#clock = clock;
    this.#counters = counters;
  }

  /** An object is new, or has a new record. */
  put(object: CatalogObject): void {
    if (this.#log === null) return;
    this.#changes.push({ kind: 'put', oid: object.oid, object: objectText(object) });
  }

  /** An object is gone. */
  remove(oid: number): void {
    if (this.#log === null) return;
    this.#changes.push({ kind: 'remove', oid });
  }

  /** Throws 53100 if the disk was just found full: nothing is begun that has to be written. */
  requireRoom(): void {
    if (this.#fullAt < 0) return;
    if (this.#clock.now() - this.#fullAt >= limits.diskFullRetryMilliseconds) return;
    throw sqlError('53100', 'could not write to the log: no space left on the disk', {
      hint: 'Free some space; writes then go on by themselves.',
    });
  }

  /**
   * Resolves when every change of the catalog so far is durable; undefined if that is so already.
   * While the disk is full it waits for room.
   */
  settled(): Promise<void> | undefined {
    if (this.#changes.length === 0) return this.#writing ?? undefined;
    const changes = this.#changes;
    this.#changes = [];
    const before = this.#writing;
    const writing = this.#writeChanges(before, changes).finally(() => {
      if (this.#writing === writing) this.#writing = null;
    });
    this.#writing = writing;
    return writing;
  }

  async #writeChanges(
    before: Promise<void> | null,
    catalog: readonly CatalogChange[],
  ): Promise<void> {
    await before;
    const record = { step: 0, time: 0, catalog, starts: [], bound: [], tables: [] };
    for (;;) {
      try {
        await this.#append(encodeStep({ ...record, counters: this.#counters() }));
        this.#stuck = null;
        return;
      } catch (error) {
        if (!this.isDiskFull(error)) throw error;
        this.#stuck = error;
        for (const tell of this.#onStuck) tell(error);
        await this.retryLater();
      }
    }
  }

  isDiskFull(error: unknown): boolean {
    return error instanceof SqlError && error.fields.code === '53100';
  }

  /**
   * Writes a step; undefined if there is nothing to wait for. `durable` rejects with 53100 if the
   * disk is full; the step is then not in the log.
   */
  step(sealed: SealedStep, issued: () => void): Writing | undefined {
    if (this.#log === null) return undefined;
    const before = this.settled();
    if (before !== undefined)
      return {
        durable: this.#unlessStuck(before).then(() => this.#append(this.#recordOf(sealed))),
        hasRoom: false,
      };
    const record = this.#recordOf(sealed);
    const hasRoom = this.#log.hasRoomFor(record.length);
    return { durable: this.#append(record, hasRoom ? issued : null), hasRoom };
  }

  /**
   * The same for who has not changed the catalog, but may have seen what others changed: rejects
   * with 53100 while the disk is full.
   */
  seen(): Promise<void> | undefined {
    const settled = this.settled();
    return settled === undefined ? undefined : this.#unlessStuck(settled);
  }

  /** Resolves when `before` does; rejects with 53100 while the disk has no room for that. */
  async #unlessStuck(before: Promise<void>): Promise<void> {
    let tell: (error: unknown) => void = () => undefined;
    const stuck = new Promise<never>((_, reject) => {
      tell = reject;
    });
    stuck.catch(() => undefined);
    this.#onStuck.add(tell);
    if (this.#stuck !== null) tell(this.#stuck);
    try {
      await Promise.race([before, stuck]);
    } finally {
      this.#onStuck.delete(tell);
    }
  }

  async refused(step: number, tables: readonly number[]): Promise<void> {
    if (this.#log === null) return;
    const record = encodeStep({
      ...{ step: 0, time: 0, catalog: [], starts: [], bound: [], tables: [] },
      counters: this.#counters(),
      refused: { step, tables },
    });
    await this.#append(record);
  }

  #recordOf({ step, time, tables, starts, bound }: SealedStep): Uint8Array {
    const counters = this.#counters();
    return encodeStep({ step, time, catalog: [], counters, starts, bound, tables });
  }

  async #append(record: Uint8Array, issued: (() => void) | null = null): Promise<void> {
    assert(this.#log !== null, 'there is a log');
    try {
      await this.#log.append(record, issued);
      this.#fullAt = -1;
    } catch (error) {
      if (this.isDiskFull(error)) this.#fullAt = this.#clock.now();
      throw error;
    }
  }

  /** Resolves when it is time to try again after the disk was full. */
  retryLater(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(limits.diskFullRetryMilliseconds, resolve);
    });
  }
}
