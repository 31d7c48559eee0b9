/**
 * A topic of the simulated cluster, with what its log truly holds: plain batches, transactions of
 * two producers that stay open for a while and then commit or abort, records that go (retention),
 * compaction, and new partitions. What a consumer of committed records may see of a partition is
 * what is committed below the first open transaction, in offset order.
 */
import { RecordBatchBuilder } from '../../connectors/kafka/encode-batch.ts';
import type { PartitionLog } from '../../connectors/kafka/broker/partition-log.ts';
import { defined } from '../../src/base/assert.ts';
import type { Random } from '../support/random.ts';
import type { Marks } from './marks.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { SimRecord, TopicTruth } from './sim-topic.ts';
import { bytesOf, keysPerPartition } from './sim-topic.ts';

const producers = [1n, 2n];
const partitionsMax = 4;

type Fate = 'committed' | 'aborted' | 'open';

interface Batch {
  readonly first: number;
  readonly records: readonly SimRecord[];
  readonly producer: bigint;
  fate: Fate;
}

/** A partition with all that was ever written to it. */
class ClusterPartition {
  readonly log: PartitionLog;
  readonly #batches: Batch[] = [];
  #visible: SimRecord[] | null = null;
  /** Where the log has ever begun. */
  readonly starts = new Set<bigint>([0n]);
  readonly place: string;

  constructor(place: string, log: PartitionLog) {
    this.place = place;
    this.log = log;
  }

  get start(): bigint {
    return BigInt(this.log.start);
  }

  get batches(): readonly Batch[] {
    return this.#batches;
  }

  add(batch: Batch): void {
    this.#batches.push(batch);
    this.#visible = null;
  }

  end(producer: bigint, fate: Fate): void {
    for (const batch of this.#batches)
      if (batch.fate === 'open' && batch.producer === producer) batch.fate = fate;
    this.#visible = null;
  }

  isOpen(producer: bigint): boolean {
    return this.#batches.some((batch) => batch.fate === 'open' && batch.producer === producer);
  }

  /** Committed records below the first open transaction, those that are gone included. */
  get records(): readonly SimRecord[] {
    if (this.#visible !== null) return this.#visible;
    const open = this.#batches.findIndex(({ fate }) => fate === 'open');
    const stable = open < 0 ? this.#batches : this.#batches.slice(0, open);
    this.#visible = stable.flatMap(({ fate, records }) => (fate === 'committed' ? records : []));
    return this.#visible;
  }
}

/** See the head of this file. */
export class ClusterTopic implements TopicTruth {
  readonly keyed: boolean;
  readonly partitions: ClusterPartition[] = [];
  readonly #name: string;
  readonly #letter: string;
  readonly #cluster: SimCluster;
  readonly #random: Random;
  readonly #marks: Marks;
  readonly #builder = new RecordBatchBuilder(1024);
  /** How often old records go instead of new ones coming. */
  readonly #retention: number;

  constructor(
    name: string,
    letter: string,
    keyed: boolean,
    cluster: SimCluster,
    random: Random,
    marks: Marks,
  ) {
    this.#name = name;
    this.#letter = letter;
    this.keyed = keyed;
    this.#cluster = cluster;
    this.#random = random;
    this.#marks = marks;
    this.#retention = random.pick([0.02, 0.1, 0.3]);
    cluster.topics.create(name, 2);
    this.#takePartitions();
  }

  #takePartitions(): void {
    const topic = defined(this.#cluster.topics.get(this.#name), 'the topic is there');
    for (const log of topic.partitions.slice(this.partitions.length))
      this.partitions.push(new ClusterPartition(`${this.#letter}${this.partitions.length}`, log));
  }

  /** Something happens to the topic: mostly that it gets records. */
  produce(): void {
    const random = this.#random;
    if (this.partitions.length < partitionsMax && random.chance(0.02)) {
      this.#cluster.topics.grow(this.#name, this.partitions.length + 1, false);
      this.#takePartitions();
      this.#marks.sometimes('partition appeared');
    }
    const p = random.below(this.partitions.length);
    const partition = defined(this.partitions[p], 'the partition is there');
    const producer = random.pick(producers);
    const open = partition.isOpen(producer);
    if (open && random.chance(0.4)) return this.#end(partition, producer);
    if (this.keyed && random.chance(0.05)) return this.#compact(partition);
    if (!this.keyed && random.chance(this.#retention)) return this.#retain(partition);
    this.#append(partition, open || random.chance(0.3) ? producer : null);
  }

  /** Ends all transactions: from now on everything is decided. */
  settle(): void {
    for (const partition of this.partitions)
      for (const producer of producers)
        if (partition.isOpen(producer)) this.#end(partition, producer);
  }

  #append(partition: ClusterPartition, producer: bigint | null): void {
    const random = this.#random;
    const { log } = partition;
    const first = log.end;
    const records: SimRecord[] = [];
    let delta = 0;
    for (let i = 1 + random.below(4); i > 0; i--) {
      const record = this.#record(partition, records, BigInt(first + delta));
      records.push(record);
      this.#builder.add(bytesOf(record.key), bytesOf(record.value), 0, [], delta);
      delta += random.chance(0.1) ? 3 : 1;
    }
    const transactional = producer !== null;
    const last = Number(defined(records.at(-1), 'there are records').offset);
    const bytes = this.#builder.finish({
      codec: random.pick(['none', 'none', 'lz4'] as const),
      ...(transactional ? { transactional, producerId: producer, producerEpoch: 0 } : {}),
    });
    log.append({
      bytes,
      records: last - first + 1,
      maxTimestamp: 0,
      producerId: producer ?? -1n,
      epoch: transactional ? 0 : -1,
      sequence: -1,
      transactional,
    });
    partition.add({
      first,
      records,
      producer: producer ?? -1n,
      fate: transactional ? 'open' : 'committed',
    });
    if (transactional) this.#marks.sometimes('transaction of a producer open');
  }

  #end(partition: ClusterPartition, producer: bigint): void {
    const commit = this.#random.chance(0.6);
    this.#marks.sometimes(commit ? 'producer committed' : 'producer aborted');
    partition.log.endTransaction(producer, 0, commit, 0);
    partition.end(producer, commit ? 'committed' : 'aborted');
  }

  /** Records that are old go. */
  #retain(partition: ClusterPartition): void {
    const { log } = partition;
    const most = log.lastStable - log.start;
    if (most < 6) return;
    log.deleteBefore(log.start + this.#random.below(Math.ceil(most / 2)));
    partition.starts.add(partition.start);
    this.#marks.sometimes('records removed by retention');
  }

  /** Of what is decided only the last record of each key stays. */
  #compact(partition: ClusterPartition): void {
    const { log } = partition;
    const stable = log.lastStable;
    const last = new Map<string, bigint>();
    const decided = partition.records.filter(({ offset }) => offset < BigInt(stable));
    for (const { key, offset } of decided) last.set(key ?? '', offset);
    const byFirst = new Map(partition.batches.map((batch) => [BigInt(batch.first), batch]));
    log.compact(stable, (bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const batch = byFirst.get(view.getBigInt64(0));
      // Markers stay; so does what is aborted, as long as they do.
      if (batch === undefined || batch.fate !== 'committed') return bytes;
      const kept = batch.records.filter(({ key, offset }) => last.get(key ?? '') === offset);
      if (kept.length === batch.records.length) return bytes;
      return kept.length === 0 ? null : this.#rebuilt(batch, kept);
    });
    this.#marks.sometimes('topic compacted');
  }

  #rebuilt({ first, producer }: Batch, kept: readonly SimRecord[]): Uint8Array {
    for (const { key, value, offset } of kept)
      this.#builder.add(bytesOf(key), bytesOf(value), 0, [], Number(offset) - first);
    const transactional = producer >= 0n;
    return this.#builder.finish({
      baseOffset: BigInt(first),
      ...(transactional ? { transactional, producerId: producer, producerEpoch: 0 } : {}),
    });
  }

  #record(partition: ClusterPartition, batch: readonly SimRecord[], offset: bigint): SimRecord {
    const { place } = partition;
    const value = `${place}:${offset}`;
    if (!this.keyed) return { key: null, value, offset };
    const key = `${place}/${this.#random.below(keysPerPartition)}`;
    if (!this.#random.chance(0.2) || !mayRemove(partition, batch, key))
      return { key, value, offset };
    this.#marks.sometimes('tombstone');
    return { key, value: null, offset };
  }
}

/**
 * A tombstone must not lead back to what was, whatever comes of transactions that are open, so that
 * every prefix gives other rows: nothing is open, and the key is there and was not just written.
 */
function mayRemove(partition: ClusterPartition, batch: readonly SimRecord[], key: string): boolean {
  if (producers.some((producer) => partition.isOpen(producer))) return false;
  const all = [...partition.records, ...batch];
  const before = all.at(-1);
  const lastOfKey = all.findLast((record) => record.key === key);
  if (before === undefined || lastOfKey === undefined) return false;
  return before.value !== null && before.key !== key && lastOfKey.value !== null;
}
