/**
 * The line between the coordinator and the dataflow thread. What travels are the engine's own
 * commands and responses plus what the thread's *host* adds: raw records to decode. The line is
 * ordered in both directions. `inline-link.ts` drives a host in the calling thread (tests, from a
 * seed); `worker-link.ts` in a worker thread (production).
 */
import type { RawChunk } from '../../connectors/connector.ts';
import type { SchemaAnswer } from '../../connectors/format/avro/writers.ts';
import type { SourceFormat } from '../../connectors/format/decoder.ts';
import type { Command, Response } from '../../dataflow/graph/command.ts';

/** Raw records of one collection, to be decoded into the next step. */
export interface RawInput {
  readonly collection: number;
  readonly chunks: readonly RawChunk[];
}

/** What was decoded of a collection since it was created in this process. */
export interface IngestCounts {
  /** Records as they came live. */
  readonly records: number;
  /** Records that were read once more, each time for one dataflow. */
  readonly replayed: number;
  /** Records that did not decode, each once (failed-offsets.ts). */
  readonly failed: number;
  /** Those of them that a quarantine keeps apart. */
  readonly quarantined: number;
  readonly lastError: string | null;
}

export type HostCommand =
  | Command
  /**
   * How raw records of a collection are decoded; comes right after its `createCollection`. `errors`:
   * the collection of records that do not decode.
   */
  | {
      readonly kind: 'createSource';
      readonly collection: number;
      readonly format: SourceFormat;
      readonly errors?: number;
    }
  /** A schema with which records of a source were written; comes before the first of them. */
  | {
      readonly kind: 'writerSchema';
      readonly collection: number;
      readonly id: number;
      readonly answer: SchemaAnswer;
    }
  /** Raw records that belong to the next `step` command. */
  | { readonly kind: 'ingest'; readonly inputs: readonly RawInput[] }
  /** History of a stream for one hydrating dataflow; `last` ends it. */
  | {
      readonly kind: 'replayChunks';
      readonly dataflow: number;
      readonly collection: number;
      readonly chunks: readonly RawChunk[];
      readonly last: boolean;
    };

export type HostResponse =
  | Response
  /** Sent with `complete`, and at the end of a replay, when they changed. */
  | {
      readonly kind: 'ingested';
      readonly collection: number;
      readonly counts: IngestCounts;
    }
  /** A replay message was taken in: the next one may be sent. */
  | { readonly kind: 'replayed'; readonly dataflow: number; readonly collection: number }
  /** The thread is gone; nothing more comes. */
  | { readonly kind: 'crashed'; readonly message: string };

export interface EngineLink {
  send(command: HostCommand): void;
  /** Set once, before the first `send`. */
  receive(handler: (response: HostResponse) => void): void;
  close(): Promise<void>;
}
