/**
 * The four requests that this client writes itself, as pairs of encoder and decoder over `wire.ts`:
 * Metadata 12 (with topic ids) or 7, ListOffsets 2, Fetch 11, Produce 7. All of them are in every
 * broker from Kafka 2.1 to 4.x; Metadata 12 came with 3.0. Everything that a record carries stays
 * raw bytes here.
 */
import { WireReader, WireWriter } from './wire.ts';

export const apiProduce = 0;
export const apiFetch = 1;
export const apiListOffsets = 2;
export const apiMetadata = 3;

/** One request: what goes out after the header, and how its answer is read. */
export interface KafkaRequest<T> {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly name: string;
  readonly body: Buffer;
  /** Reads the answer after its correlation id. Throws `WireError` if it is not one. */
  read(payload: Uint8Array): T;
}

export interface BrokerAddress {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export interface PartitionMetadata {
  readonly partition: number;
  readonly error: number;
  /** Node id of the leader, -1 if there is none. */
  readonly leader: number;
}

export interface TopicMetadata {
  readonly name: string;
  readonly error: number;
  /** Hexadecimal topic id; null if the broker does not tell. */
  readonly id: string | null;
  /** Whether it is one of Kafka's own. */
  readonly internal: boolean;
  readonly partitions: readonly PartitionMetadata[];
}

export interface ClusterMetadata {
  readonly brokers: readonly BrokerAddress[];
  readonly topics: readonly TopicMetadata[];
}

const noTopicId = '0'.repeat(32);

/**
 * Asks for topics, or for all (null); never creates one. `versionMax` is the newest Metadata
 * version of the broker.
 */
export function metadataRequest(
  topics: readonly string[] | null,
  versionMax: number,
): KafkaRequest<ClusterMetadata> {
  return versionMax >= 12 ? metadata12(topics) : metadata7(topics);
}

function metadata12(topics: readonly string[] | null): KafkaRequest<ClusterMetadata> {
  // A flexible version: the header ends with its (empty) tagged fields.
  const writer = new WireWriter().tags();
  if (topics === null) writer.uvarint(0);
  else
    writer.compactArray(topics, (w, name) => w.raw(new Uint8Array(16)).compactString(name).tags());
  const body = writer.bool(false).bool(false).tags().bytes();
  return { apiKey: apiMetadata, apiVersion: 12, name: 'Metadata', body, read: readMetadata12 };
}

function readMetadata12(payload: Uint8Array): ClusterMetadata {
  const reader = new WireReader(payload);
  reader.tags();
  reader.int32();
  const brokers = reader.compactArray((r) => {
    const broker = { id: r.int32(), host: r.compactString() ?? '', port: r.int32() };
    r.compactString();
    r.tags();
    return broker;
  });
  reader.compactString();
  reader.int32();
  const topics = reader.compactArray((r) => {
    const error = r.int16();
    const name = r.compactString() ?? '';
    const id = Buffer.from(r.slice(16)).toString('hex');
    const internal = r.bool();
    const partitions = r.compactArray(readPartition12);
    r.int32();
    r.tags();
    return { name, error, id: id === noTopicId ? null : id, internal, partitions };
  });
  return { topics, brokers };
}

function readPartition12(r: WireReader): PartitionMetadata {
  const partition = { error: r.int16(), partition: r.int32(), leader: r.int32() };
  r.int32();
  for (let lists = 0; lists < 3; lists++) r.compactArray((item) => item.int32());
  r.tags();
  return partition;
}

function metadata7(topics: readonly string[] | null): KafkaRequest<ClusterMetadata> {
  const writer = new WireWriter();
  if (topics === null) writer.int32(-1);
  else writer.array(topics, (w, name) => w.string(name));
  const body = writer.bool(false).bytes();
  return { apiKey: apiMetadata, apiVersion: 7, name: 'Metadata', body, read: readMetadata7 };
}

function readMetadata7(payload: Uint8Array): ClusterMetadata {
  const reader = new WireReader(payload);
  reader.int32();
  const brokers = reader.array((r) => {
    const broker = { id: r.int32(), host: r.string(), port: r.int32() };
    r.nullableString();
    return broker;
  });
  reader.nullableString();
  reader.int32();
  const topics = reader.array((r) => {
    const error = r.int16();
    const name = r.nullableString() ?? '';
    const internal = r.bool();
    return { name, error, id: null, internal, partitions: r.array(readPartition7) };
  });
  return { topics, brokers };
}

function readPartition7(r: WireReader): PartitionMetadata {
  const partition = { error: r.int16(), partition: r.int32(), leader: r.int32() };
  r.int32();
  for (let lists = 0; lists < 3; lists++) r.array((item) => item.int32());
  return partition;
}

export interface ListedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly error: number;
  /** -1 if no record is as young as the timestamp asked for. */
  readonly offset: bigint;
}

/** `timestamp` of a ListOffsets request: the first offset, and the last stable one. */
export const earliestTimestamp = -2n;
export const latestTimestamp = -1n;

/** Items by their topics, in the order in which those first come. */
function byTopic<T extends { readonly topic: string }>(items: readonly T[]): [string, T[]][] {
  const topics = new Map<string, T[]>();
  for (const item of items) {
    const list = topics.get(item.topic);
    if (list === undefined) topics.set(item.topic, [item]);
    else list.push(item);
  }
  return [...topics];
}

/** Offsets by time: the first record at or after `timestamp` (ms), or one of the two constants. */
export function listOffsetsRequest(
  places: readonly { readonly topic: string; readonly partition: number }[],
  timestamp: bigint,
): KafkaRequest<ListedOffset[]> {
  const body = new WireWriter()
    .int32(-1)
    .int8(1)
    .array(byTopic(places), (w, [name, list]) =>
      w.string(name).array(list, (v, { partition }) => v.int32(partition).int64(timestamp)),
    )
    .bytes();
  return {
    apiKey: apiListOffsets,
    apiVersion: 2,
    name: 'ListOffsets',
    body,
    read: readListOffsets,
  };
}

function readListOffsets(payload: Uint8Array): ListedOffset[] {
  const reader = new WireReader(payload);
  reader.int32();
  return reader
    .array((r) => {
      const topic = r.string();
      return r.array((p) => {
        const partition = p.int32();
        const error = p.int16();
        p.int64();
        return { topic, partition, error, offset: p.int64() };
      });
    })
    .flat();
}

export interface FetchPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly bytesMax: number;
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly error: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[];
  /** A view on the answer's own bytes. */
  readonly records: Uint8Array;
}

export interface FetchLimits {
  readonly waitMilliseconds: number;
  readonly bytesMax: number;
}

/**
 * Raw record batches, read_committed, without a fetch session. Answers before its time with one
 * byte.
 */
export function fetchRequest(
  positions: readonly FetchPosition[],
  bounds: FetchLimits,
): KafkaRequest<{ readonly error: number; readonly partitions: FetchedPartition[] }> {
  const body = new WireWriter()
    .int32(-1)
    .int32(bounds.waitMilliseconds)
    .int32(1)
    .int32(bounds.bytesMax)
    .int8(1)
    .int32(0)
    .int32(-1)
    .array(byTopic(positions), (w, [name, list]) =>
      w
        .string(name)
        .array(list, (v, position) =>
          v
            .int32(position.partition)
            .int32(-1)
            .int64(position.offset)
            .int64(-1n)
            .int32(position.bytesMax),
        ),
    )
    .array([], () => undefined)
    .string('')
    .bytes();
  return { apiKey: apiFetch, apiVersion: 11, name: 'Fetch', body, read: readFetch };
}

function readFetch(payload: Uint8Array): { error: number; partitions: FetchedPartition[] } {
  const reader = new WireReader(payload);
  reader.int32();
  const error = reader.int16();
  reader.int32();
  const partitions = reader
    .array((r) => {
      const topic = r.string();
      return r.array((p) => readFetchedPartition(topic, p));
    })
    .flat();
  return { error, partitions };
}

function readFetchedPartition(topic: string, r: WireReader): FetchedPartition {
  const partition = r.int32();
  const error = r.int16();
  const highWatermark = r.int64();
  const lastStableOffset = r.int64();
  const logStartOffset = r.int64();
  const aborted = r.array((a) => ({ producerId: a.int64(), firstOffset: a.int64() }));
  r.int32();
  const records = r.slice(Math.max(0, r.int32()));
  return {
    ...{ topic, partition, error, highWatermark, lastStableOffset, logStartOffset },
    ...{ aborted, records },
  };
}

export interface ProducedPartition {
  readonly partition: number;
  readonly error: number;
  readonly baseOffset: bigint;
}

/** Sends one batch; acknowledged by the leader (1) or all in-sync replicas (-1). */
export function produceRequest(
  topic: string,
  partition: number,
  batch: Uint8Array,
  acks: 1 | -1,
  waitMilliseconds: number,
): KafkaRequest<ProducedPartition> {
  const body = new WireWriter()
    .nullableString(null)
    .int16(acks)
    .int32(waitMilliseconds)
    .array([topic], (w, name) =>
      w
        .string(name)
        .array([batch], (v, bytes) => v.int32(partition).int32(bytes.length).raw(bytes)),
    )
    .bytes();
  return { apiKey: apiProduce, apiVersion: 7, name: 'Produce', body, read: readProduce };
}

function readProduce(payload: Uint8Array): ProducedPartition {
  const reader = new WireReader(payload);
  const partitions = reader
    .array((r) => {
      r.string();
      return r.array((p) => {
        const produced = { partition: p.int32(), error: p.int16(), baseOffset: p.int64() };
        p.int64();
        p.int64();
        return produced;
      });
    })
    .flat();
  const [first] = partitions;
  if (first === undefined) return { partition: -1, error: -1, baseOffset: -1n };
  return first;
}
