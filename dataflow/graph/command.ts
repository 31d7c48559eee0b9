/**
 * The protocol between the coordinator and the dataflow thread: plain structured-cloneable data in
 * both directions; batches travel as shared or transferred memory. The same messages drive an
 * engine in a worker thread (production) and in the calling thread (tests).
 *
 * Collections are numbered by the coordinator. A *stored* collection (table, upsert source,
 * materialized view) is an arrangement; a *stream* (append-only source) is only passed through, so
 * a dataflow over it is hydrated by the coordinator's replay of the source.
 *
 * Steps: the coordinator numbers them 1, 2, 3, …; step e carries all that inputs had ready. A read
 * at e is answered when everything it reads has frontier >= e.
 */
import type {
  CheckpointCommand,
  CheckpointResponse,
  SavedCollection,
  SavedDataflow,
} from './checkpoint-messages.ts';
import type { IndexDoor } from '../arrangement/index-door.ts';
import type { Order, Plan, Lookup } from '../plan/plan.ts';
import type { ErrorFields } from '../../src/base/error.ts';
import type { Row } from '../value/datum.ts';
import type { ColumnType } from '../value/type.ts';

/** A batch outside its slab: one buffer with everything in it, offsets as in `Batch`. */
export interface PackedBatch {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  readonly rows: number;
  readonly column: Int32Array;
  readonly nulls: Int32Array;
  readonly weight: number;
}

/**
 * ORDER BY, LIMIT, OFFSET of a one-off answer, over the columns of the answer; then `project` picks
 * columns.
 */
export interface Finishing {
  readonly order: readonly Order[];
  /** -1: no limit. */
  readonly limit: number;
  readonly offset: number;
  readonly project: readonly number[];
}

/** Where a dataflow's result goes. */
export type Sink =
  /** A stored collection that others can import and look up. */
  | { readonly kind: 'collection'; readonly collection: number }
  /** One answer at the step of hydration; the dataflow then ends by itself. */
  | { readonly kind: 'answer'; readonly request: number; readonly finishing: Finishing }
  /**
   * Every change: consolidated per step, `snapshot` says whether the state at the start is sent
   * first. Changes at the time `upTo`, in ms, and later are not sent: it ends before them.
   */
  | {
      readonly kind: 'subscribe';
      readonly request: number;
      readonly snapshot: boolean;
      readonly progress: boolean;
      readonly upTo: number | null;
    };

/** For reads: the latest step at which everything that is read is known already. */
export const newestStep = Infinity;

export type Command =
  | CheckpointCommand
  | {
      readonly kind: 'createCollection';
      readonly collection: number;
      readonly columns: readonly ColumnType[];
      readonly stored: boolean;
      /** It is filled with what was there before the process began: nobody reads it until `open`. */
      readonly closed?: boolean;
      /** What a checkpoint has of it. */
      readonly saved?: SavedCollection;
      /** It cannot be computed, and reads are given this reason until it is dropped. */
      readonly stopped?: ErrorFields;
      /**
       * An upsert source whose records that do not decode are rows of this quarantine, which is
       * there already.
       */
      readonly quarantine?: number;
      /** It is a quarantine, with this last row; see quarantine.ts. */
      readonly full?: Row;
    }
  /** A collection that was created closed has all that it had: it can be read from now on. */
  | { readonly kind: 'openCollection'; readonly collection: number }
  /**
   * Hydrates at `asOf`, or at the earliest later step at which every import can be read; or at
   * `newestStep`. Stream imports wait for `replay…`.
   */
  | {
      readonly kind: 'createDataflow';
      readonly dataflow: number;
      readonly plan: Plan;
      readonly sink: Sink;
      readonly asOf: number;
      /** What a checkpoint has of it and of the collection that it keeps. */
      readonly saved?: { readonly dataflow: SavedDataflow; readonly result: SavedCollection };
    }
  /** Answered by `indexed`, or by `failed`, if it is a request. */
  | {
      readonly kind: 'createIndex';
      readonly collection: number;
      readonly key: readonly number[];
      readonly request?: number;
    }
  | { readonly kind: 'dropIndex'; readonly collection: number; readonly key: readonly number[] }
  | { readonly kind: 'dropDataflow'; readonly dataflow: number }
  /** Also ends the dataflow that feeds it. */
  | { readonly kind: 'dropCollection'; readonly collection: number }
  /**
   * Seals a step; `time` is its timestamp in ms. Inputs that came in by `input` calls belong to it.
   * Reads at `since` and later may still be asked for: history before it may be forgotten, history
   * from it on must be kept in every stored collection (no `since`: complete). `held` are the steps
   * that are read more than once, from several collections. Inputs of one `write`, which stand one
   * behind the other, are applied all or not at all.
   */
  | {
      readonly kind: 'step';
      readonly step: number;
      readonly time: number;
      readonly since?: number;
      readonly held?: readonly number[];
      /** It is the step of this checkpoint, and held until that is finished. */
      readonly checkpoint?: number;
      readonly inputs: readonly {
        readonly collection: number;
        readonly batch: PackedBatch;
        readonly write?: number;
      }[];
    }
  /**
   * Rows that a stream had, for a dataflow that hydrates or catches up; `last` ends the round.
   */
  | {
      readonly kind: 'replay';
      readonly dataflow: number;
      readonly collection: number;
      readonly batch: PackedBatch | null;
      readonly last: boolean;
    }
  /**
   * From this step on the dataflow also takes the live batches of its streams (queued until the
   * replay has ended).
   */
  | { readonly kind: 'goLive'; readonly dataflow: number; readonly step: number }
  /**
   * For a dataflow that `awaits`: the next round of `replay…` has all that it missed up to and
   * including step `to`. Then comes another round, or it goes live from the step after on.
   */
  | { readonly kind: 'catchUp'; readonly dataflow: number; readonly to: number }
  | {
      readonly kind: 'lookup';
      readonly request: number;
      /** A step, or `newestStep`. */
      readonly at: number;
      readonly lookup: Lookup;
      readonly finishing: Finishing;
    }
  /** Registers a lookup of one key, whose values are still open, under a new number. */
  | {
      readonly kind: 'prepareLookup';
      readonly template: number;
      readonly lookup: Lookup;
      readonly finishing: Finishing;
    }
  | { readonly kind: 'forgetLookup'; readonly template: number }
  /**
   * The registered lookup for each of `keys`, as `requests` of the same positions; answered by
   * `answers`, or one by one.
   */
  | {
      readonly kind: 'lookupKeys';
      readonly template: number;
      readonly at: number;
      readonly requests: readonly number[];
      readonly keys: readonly Row[];
    }
  /**
   * Ends a lookup, an answer, a subscription or the build of an index; it reports `cancelled`, or
   * has already reported.
   */
  | { readonly kind: 'cancel'; readonly request: number }
  /** A subscriber has taken `bytes` more; it may be sent that much again. */
  | { readonly kind: 'credit'; readonly request: number; readonly bytes: number }
  /**
   * Reads of a stored collection at `since` and later must stay possible; replaces the previous
   * hold of the same number.
   */
  | {
      readonly kind: 'hold';
      readonly hold: number;
      readonly collection: number;
      readonly since: number;
    }
  | { readonly kind: 'releaseHold'; readonly hold: number }
  | { readonly kind: 'statistics'; readonly request: number };

/** One update stream entry of a subscription. */
export interface SubscribeChunk {
  /** Step of the rows. */
  readonly step: number;
  readonly time: number;
  readonly batch: PackedBatch | null;
  /** All changes up to and including this step have now been sent. */
  readonly progressed: boolean;
}

/** What another thread needs to read an index of a collection by itself. */
export interface SharedCollection {
  /** Words of the collection's gate; see read-gate.ts. */
  readonly gate: SharedArrayBuffer;
  /** Known steps of the dataflows that it comes from, each behind those that it reads. */
  readonly known: readonly SharedArrayBuffer[];
  readonly indexesDropped: number;
  readonly door: IndexDoor;
}

/** A write that was not applied. */
export interface Refusal {
  readonly write: number;
  readonly error: ErrorFields;
}

export type Response =
  | CheckpointResponse
  /**
   * Every input of the step is applied, but those of writes for which there is no memory; tables
   * and upsert sources are readable at it.
   */
  | { readonly kind: 'complete'; readonly step: number; readonly refused?: readonly Refusal[] }
  /**
   * Too much of its streams waits for a dataflow: it takes no live batches of this step and later.
   */
  | { readonly kind: 'detached'; readonly dataflow: number; readonly step: number }
  /**
   * A detached dataflow has worked off all that comes before this step: it is to be given rounds of
   * `replay…` with what follows, or to go live at this step.
   */
  | { readonly kind: 'awaits'; readonly dataflow: number; readonly step: number }
  /** There is no memory to go on with a collection: reads of it fail until it is dropped. */
  | { readonly kind: 'stopped'; readonly collection: number; readonly error: ErrorFields }
  /** An index that was asked for is whole. */
  | { readonly kind: 'indexed'; readonly request: number }
  /**
   * A dataflow's frontier moved by work (coalesced: at most one per dataflow and turn); -1 until it
   * is hydrated. One to which nothing happens is not reported: its result is known up to
   * `complete`.
   */
  | { readonly kind: 'frontier'; readonly dataflow: number; readonly step: number }
  /** Part of an answer; `last` ends it. */
  | {
      readonly kind: 'rows';
      readonly request: number;
      readonly batch: PackedBatch;
      readonly last: boolean;
    }
  /**
   * Whole answers to several requests in one batch: `rows[i]` rows for `requests[i]`, one behind
   * the other.
   */
  | {
      readonly kind: 'answers';
      readonly requests: readonly number[];
      readonly rows: Int32Array;
      readonly batch: PackedBatch;
    }
  /** From now on the registered lookup can be read without asking. */
  | {
      readonly kind: 'shared';
      readonly template: number;
      readonly shared: SharedCollection;
    }
  | {
      readonly kind: 'failed';
      readonly request: number;
      readonly error: ErrorFields;
      /** The collection that ran out of memory, if that is why. */
      readonly stopped?: number;
    }
  | { readonly kind: 'cancelled'; readonly request: number }
  | {
      readonly kind: 'changes';
      readonly request: number;
      readonly chunks: readonly SubscribeChunk[];
      readonly last: boolean;
    }
  | { readonly kind: 'statistics'; readonly request: number; readonly statistics: Statistics };

/** A stored collection as it stands. */
export interface CollectionStatistics {
  readonly collection: number;
  /** Distinct rows. */
  readonly rows: number;
  readonly bytes: number;
  /** Earliest step that can be read. */
  readonly since: number;
  /** Last step that can be read. */
  readonly complete: number;
  /** Distinct error rows. */
  readonly errors: number;
  readonly holds: number;
  /** Indexes, those that are being built among them. */
  readonly indexes: number;
}

/** A dataflow as it stands. */
export interface DataflowStatistics {
  readonly dataflow: number;
  readonly frontier: number;
  readonly operators: number;
  /** Bytes of its operators' state; a collection that it feeds is counted there. */
  readonly bytes: number;
  readonly busyMilliseconds: number;
}

/** What the engine holds, exactly counted. */
export interface Statistics {
  readonly step: number;
  readonly collections: readonly CollectionStatistics[];
  readonly dataflows: readonly DataflowStatistics[];
  readonly slabsLive: number;
}
