/**
 * What a connector gives to the coordinator: raw records by partition and offset. Decoding to
 * columns (connectors/format) and envelopes run on the dataflow thread over the raw bytes; the
 * connector lives on the main thread and moves bytes only.
 */

/** Next offset to read, by partition number. */
export type Positions = ReadonlyMap<number, bigint>;

/** A run of raw record-batch bytes of one partition, as the broker sent them. */
export interface RawChunk {
  readonly partition: number;
  /**
   * Whole record batches, magic 2; may start before `from` (records below it are skipped) and be
   * compressed.
   */
  readonly bytes: Uint8Array;
  /** Offset of the first record wanted, and the offset after the last one. */
  readonly from: bigint;
  readonly next: bigint;
  /** (producer id, first offset) of aborted transactions that touch the chunk. */
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[];
  /** Whether the checksums of the batches have been compared already. */
  readonly checked?: boolean;
  /** Whether the topic has no other partition. */
  readonly alone?: boolean;
  /** Why [from, next) will never come, if the log has lost it; there are no bytes then. */
  readonly lost?: string;
  /**
   * To be called when nobody reads `bytes` any more, if it is there: they lie in memory that is
   * used again. Not calling it costs memory, calling it too early shows other bytes.
   */
  readonly release?: () => void;
}

/** Health of a source, as mz_source_statuses shows it. */
export interface SourceStatus {
  readonly status: 'created' | 'starting' | 'running' | 'stalled' | 'ceased';
  /** null if there is nothing to say. */
  readonly error: string | null;
}

/** Callbacks of the owner; called at the reader's own pace, never re-entrantly. */
export interface ReaderEvents {
  /**
   * New bytes. Answers false when the owner's buffer is full; the reader then stops fetching until
   * `resume`.
   */
  chunk(chunk: RawChunk): boolean;
  status(status: SourceStatus): void;
  /** Newly found partitions, their first offset, and the log end when it is known (for lag). */
  partitions(
    found: readonly { readonly partition: number; readonly first: bigint; readonly end: bigint }[],
  ): void;
}

/** Reads one topic, all partitions, from given positions on, for ever or up to given ends. */
export interface SourceReader {
  start(): void;
  resume(): void;
  /** The log end (last stable offset) by partition as last seen. */
  ends(): Positions;
  close(): Promise<void>;
}

/** A topic on a cluster. */
export interface SourceConnection {
  /** Checks that the cluster answers; throws SqlError 08001 naming the address within `limits`. */
  validate(): Promise<void>;
  /** Offsets where a source starts: earliest, given ones, or the first at a timestamp (ms). */
  startPositions(topic: string, start: StartPosition): Promise<Map<number, bigint>>;
  /** Current log ends (last stable offsets). */
  endPositions(topic: string): Promise<Map<number, bigint>>;
  /** `until` ends the reader at those positions (a replay); null reads on for ever. */
  reader(
    topic: string,
    from: Positions,
    until: Positions | null,
    events: ReaderEvents,
  ): SourceReader;
  close(): Promise<void>;
}

export type StartPosition =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'offsets'; readonly offsets: readonly bigint[] }
  | { readonly kind: 'timestamp'; readonly milliseconds: number };
