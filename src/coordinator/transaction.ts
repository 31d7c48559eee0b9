/**
 * One session's transaction.
 *
 * Kinds: *implicit* (what runs between two Syncs, or one simple query) and *block* (BEGIN …
 * COMMIT). A block is fixed by its first statement: reads only, all at one step; or inserts only,
 * which become visible together at COMMIT; or one SUBSCRIBE. In an implicit transaction inserts are
 * gathered too, so that several statements of one message become visible together; a read of them
 * in between makes them visible first, since it must see them.
 */
import { sqlError } from '../base/error.ts';
import { newestStep } from '../../dataflow/graph/command.ts';
import type { GatheredKeys } from './gathered-keys.ts';
import type { Timeline } from './timeline.ts';
import { bytesOf, tooLarge } from './timeline.ts';
import type { TransactionStatus } from './session.ts';
import type { WriteInput } from './write-groups.ts';

export type Purpose = 'read' | 'insert' | 'subscribe';

export type PendingWrite = WriteInput & {
  /** The table that it goes into, as it was named. */
  readonly table: { readonly oid: number; readonly name: string };
};

/** A session's present transaction; reused for the next one. */
export class Transaction {
  readonly #timeline: Timeline;
  readonly #write: (writes: readonly PendingWrite[]) => Promise<unknown>;
  #block = false;
  #failed = false;
  #readOnly = false;
  #purpose: Purpose | null = null;
  #step: number | null = null;
  #release: (() => void) | null = null;
  #writes: PendingWrite[] = [];
  #bytes = 0;
  /** Primary keys of what waits to be written, by collection. */
  readonly keys = new Map<number, GatheredKeys>();

  /** `write` makes rows of tables visible together. */
  constructor(timeline: Timeline, write: (writes: readonly PendingWrite[]) => Promise<unknown>) {
    this.#timeline = timeline;
    this.#write = write;
  }

  get status(): TransactionStatus {
    return this.#failed ? 'E' : this.#block ? 'T' : 'I';
  }

  get inBlock(): boolean {
    return this.#block;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Whether there are writes that nobody sees yet. */
  get pending(): boolean {
    return this.#writes.length > 0;
  }

  /** Outside a block, with nothing to commit, undo or release. */
  get idle(): boolean {
    return (
      !this.#block &&
      !this.#failed &&
      !this.#readOnly &&
      this.#writes.length === 0 &&
      this.#release === null
    );
  }

  begin(readOnly: boolean): void {
    this.#block = true;
    this.#purpose = null;
    this.#readOnly = readOnly;
  }

  setReadOnly(readOnly: boolean): void {
    if (this.#purpose === 'insert' && readOnly) {
      throw sqlError('25001', 'transaction read-write mode cannot be changed after a write');
    }
    this.#readOnly = readOnly;
  }

  /** After an error: a block waits for its end, an implicit one forgets its writes. */
  fail(): void {
    if (this.#block) this.#failed = true;
    this.#takeWrites();
  }

  #takeWrites(): readonly PendingWrite[] {
    const writes = this.#writes;
    this.#writes = [];
    this.#bytes = 0;
    this.keys.clear();
    return writes;
  }

  /**
   * Says what the next statement does. Throws 25000 or 25006 if the block is for something else.
   */
  use(purpose: Purpose): void {
    if (!this.#block) {
      this.#purpose = purpose;
      return;
    }
    if (this.#readOnly && purpose === 'insert') {
      throw sqlError('25006', 'cannot execute INSERT in a read-only transaction');
    }
    const before = this.#purpose;
    if (before !== null && (before !== purpose || purpose === 'subscribe')) {
      throw sqlError(
        '25000',
        `transaction in ${before === 'insert' ? 'write' : before}-only mode`,
        {
          hint: 'A transaction block either reads, or inserts, or holds one SUBSCRIBE.',
        },
      );
    }
    this.#purpose = purpose;
  }

  /** Refuses statements that cannot be part of a block: 25001. */
  refuseInBlock(statement: string): void {
    if (this.#block) throw sqlError('25001', `${statement} cannot run inside a transaction block`);
  }

  /**
   * The step that reads see: one for a whole block. Outside of blocks, if `serializable`, it is the
   * newest one at which what is read is known, which may lie before what was acknowledged.
   */
  readStep(serializable = false): number {
    if (!this.#block) return serializable ? newestStep : this.#timeline.complete;
    if (this.#step === null) {
      this.#step = this.#timeline.complete;
      this.#release = this.#timeline.hold(this.#step);
    }
    return this.#step;
  }

  /** What waits to be written. */
  get writes(): readonly PendingWrite[] {
    return this.#writes;
  }

  /** Throws 54000 if the transaction gets too large. */
  insert(write: PendingWrite): void {
    const bytes = this.#bytes + bytesOf([write]);
    const error = tooLarge(bytes);
    if (error !== null) throw error;
    this.#bytes = bytes;
    this.#writes.push(write);
  }

  /** What was to go into tables that it drops itself goes with them. */
  forget(tables: ReadonlyMap<number, unknown>): void {
    this.#writes = this.#writes.filter(({ table }) => !tables.has(table.oid));
  }

  /** Makes gathered writes visible without ending anything. */
  async flush(): Promise<void> {
    const writes = this.#takeWrites();
    if (writes.length > 0) await this.#write(writes);
  }

  /** Ends it; answers whether it was committed. */
  end(commit: boolean): Promise<boolean> {
    const committed = commit && !this.#failed;
    if (!committed) this.#takeWrites();
    this.#release?.();
    this.#release = null;
    this.#block = false;
    this.#failed = false;
    this.#readOnly = false;
    this.#purpose = null;
    this.#step = null;
    const writes = this.#takeWrites();
    if (writes.length === 0) return Promise.resolve(committed);
    return this.#write(writes).then(() => committed);
  }
}
