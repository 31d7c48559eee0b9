/**
 * What a connector gives to the coordinator: raw records by slot and offset. A *slot* is a small
 * number that a source has given to a partition of one of its topics; which one that is, and which
 * topic of that name, is its *place*. Decoding to
 * columns (connectors/format) and envelopes run on the dataflow thread over the raw bytes; the
 * connector lives on the main thread and moves bytes only.
 */

/** Next offset to read, by slot. */
export type Positions = ReadonlyMap<number, bigint>;

/** A partition of a topic. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
  /**
   * The topic's id in hexadecimal: one that was made anew has another. null as long as nobody has
   * told it.
   */
  readonly topicId: string | null;
}

/** Where reading of a place goes on. */
export interface SlotPosition extends Place {
  readonly offset: bigint;
  /** Why it does not go on: the log has lost what comes next. */
  readonly lost?: string;
}

/** The same by slot. */
export type SlotPositions = ReadonlyMap<number, SlotPosition>;

/** Which topics a source reads, and from where on. */
export interface TopicChoice {
  /** Their names; null if only `matches` tells them. */
  readonly names: readonly string[] | null;
  /** Whether a topic of the cluster is one of them; never asked about the cluster's own. */
  matches(topic: string): boolean;
  /** Where each of their partitions begins, whenever it is found. */
  readonly start: StartPosition;
  /** What messages call them. */
  readonly text: string;
}

/** A partition as it was found. */
export interface FoundPartition extends Place {
  /** Where a source begins that has not read it before. */
  readonly first: bigint;
  /** Where the log begins. */
  readonly earliest: bigint;
  /** The log end (last stable offset). */
  readonly end: bigint;
}

/** A run of raw record-batch bytes of one partition, as the broker sent them. */
export interface RawRecords {
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

/** The same, and where it comes from. */
export interface RawChunk extends RawRecords {
  readonly slot: number;
  readonly topic: string;
  readonly partition: number;
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
  /** Newly found partitions; answers the slots that they have from now on. */
  partitions(found: readonly FoundPartition[]): readonly number[];
}

/** Reads topics, all partitions, from given positions on, for ever or up to given ends. */
export interface SourceReader {
  start(): void;
  resume(): void;
  /** The log end (last stable offset) by slot as last seen. */
  ends(): Positions;
  /** Why slots do not go on now; those that do are left out. */
  stalled(): ReadonlyMap<number, string>;
  close(): Promise<void>;
}

/** A cluster. */
export interface SourceConnection {
  /** Checks that the cluster answers; throws SqlError 08001 naming the address within `limits`. */
  validate(): Promise<void>;
  /**
   * What there is of the topics now. A topic that is not there is left out. Throws 22023 if it has
   * not what `start` asks for.
   */
  survey(choice: TopicChoice): Promise<readonly FoundPartition[]>;
  /**
   * Reads the places of `from`, and those that are found later. `until` ends the reader at those
   * positions (a replay), and nothing is looked for then; null reads on for ever.
   */
  reader(
    choice: TopicChoice,
    from: SlotPositions,
    until: Positions | null,
    events: ReaderEvents,
  ): SourceReader;
  close(): Promise<void>;
}

/** A choice of topics by their names. */
export function topicsNamed(
  names: readonly string[],
  start: StartPosition = { kind: 'earliest' },
): TopicChoice {
  const text = `topic ${names.map((name) => `"${name}"`).join(', ')}`;
  return { names, matches: (topic) => names.includes(topic), start, text };
}

export type StartPosition =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'offsets'; readonly offsets: readonly bigint[] }
  | { readonly kind: 'timestamp'; readonly milliseconds: number };

/** What is said of a topic whose name another one has now. */
export function replacedText(topic: string): string {
  return `topic "${topic}" was deleted and created again; resume the source, or create it anew`;
}
