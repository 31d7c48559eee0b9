/**
 * What goes between the coordinator and the engine about checkpoints (docs/design/checkpoints.md).
 *
 * Writing: `beginCheckpoint`; the engine sends pieces and, when little is left of what changes in
 * place, `checkpointReady`; the coordinator seals a step that it holds, marked `checkpoint`; more
 * pieces; `checkpointed` comes last. At most as many bytes of pieces are on their way as the
 * coordinator has given room for. Instead of the end there may be `checkpointGivenUp`.
 *
 * Restoring: `restore` is the first command of all; collections and dataflows are created with what
 * was saved of them; `load` gives the pieces of their images, in the order in which they came;
 * `loaded` ends it, and is answered when everything stands at the step of the checkpoint.
 */
import type { Saved } from '../value/saved.ts';

/** A memory or an arrangement: its number in the checkpoint, and what it keeps beside its words. */
export interface SavedImage {
  readonly image: number;
  readonly saved: Saved;
}

export interface SavedCollection {
  readonly collection: number;
  readonly rows: SavedImage;
  readonly errors: SavedImage | null;
  /** Upsert sources: their key, and the failed keys if there ever were any. */
  readonly upsert: { readonly key: readonly number[]; readonly failures: SavedImage | null } | null;
}

export interface SavedOperator {
  readonly memories: readonly SavedImage[];
  readonly saved: Saved;
}

export interface SavedDataflow {
  readonly dataflow: number;
  /** One for each operator that keeps something, in their order. */
  readonly operators: readonly SavedOperator[];
  readonly arrangements: readonly SavedImage[];
}

export type CheckpointCommand =
  /**
   * `full`: of everything, not only of what changed since the checkpoint before. All messages about
   * a checkpoint name its number: what comes too late for one that was given up is passed over.
   */
  | { readonly kind: 'beginCheckpoint'; readonly number: number; readonly full: boolean }
  | { readonly kind: 'takePieces'; readonly number: number; readonly bytes: number }
  /** Ends the one under way: without the dataflows that did not get there, or altogether. */
  | { readonly kind: 'endCheckpoint'; readonly number: number; readonly keep: boolean }
  /** The engine stands at this step, `time` in ms. */
  | { readonly kind: 'restore'; readonly step: number; readonly time: number }
  /** Both are answered by `loaded`, or by `failed`. */
  | {
      readonly kind: 'load';
      readonly request: number;
      readonly image: number;
      readonly words: Int32Array;
    }
  | { readonly kind: 'loaded'; readonly request: number };

export type CheckpointResponse =
  | {
      readonly kind: 'piece';
      readonly number: number;
      readonly image: number;
      readonly words: Int32Array;
    }
  | { readonly kind: 'checkpointReady'; readonly number: number }
  | {
      readonly kind: 'checkpointed';
      readonly number: number;
      readonly step: number;
      readonly collections: readonly SavedCollection[];
      readonly dataflows: readonly SavedDataflow[];
    }
  /** State changes faster than it is taken: the coordinator is to end this checkpoint. */
  | { readonly kind: 'checkpointGivenUp'; readonly number: number; readonly bytes: number }
  | { readonly kind: 'loaded'; readonly request: number };
