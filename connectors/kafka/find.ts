/**
 * Where partitions begin and end: asks their leaders, and applies what a source says of its start.
 * The same for what is there when a source begins and for what is found later, so that a start is
 * one rule for all partitions.
 */
import type { FoundPartition, StartPosition } from '../connector.ts';
import { defined } from '../../src/base/assert.ts';
import type { Cluster, LedPlace } from './cluster.ts';
import type { TopicMetadata } from './protocol.ts';
import { earliestTimestamp, latestTimestamp } from './protocol.ts';

/** A partition with its leader and the id of its topic. */
export interface LedPartition extends LedPlace {
  readonly topicId: string | null;
}

/** The partitions of a topic, by number; those without leader have -1. */
export function partitionsOf({ name, id, partitions }: TopicMetadata): LedPartition[] {
  return partitions
    .map(({ partition, leader }) => ({ topic: name, topicId: id, partition, leader }))
    .sort((a, b) => a.partition - b.partition);
}

/** What their leaders say of partitions. */
export interface LogRange extends LedPartition {
  readonly earliest: bigint;
  readonly end: bigint;
}

/** First and end offsets now. */
export async function logRanges(
  cluster: Cluster,
  places: readonly LedPartition[],
): Promise<readonly LogRange[]> {
  const [earliest, ends] = await Promise.all([
    cluster.listOffsets(places, earliestTimestamp),
    cluster.listOffsets(places, latestTimestamp),
  ]);
  return places.map((place, i) => ({
    ...place,
    earliest: defined(earliest[i], 'a place has its answer'),
    end: defined(ends[i], 'a place has its answer'),
  }));
}

/** The partitions with the offsets where a source begins to read them. */
export async function findStarts(
  cluster: Cluster,
  places: readonly LedPartition[],
  start: StartPosition,
): Promise<readonly FoundPartition[]> {
  const ranges = await logRanges(cluster, places);
  const found = ({ leader: _, ...range }: LogRange, first: bigint): FoundPartition => ({
    ...range,
    first,
  });
  switch (start.kind) {
    case 'earliest':
      return ranges.map((range) => found(range, range.earliest));
    case 'offsets':
      return ranges.map((range) => found(range, start.offsets[range.partition] ?? range.earliest));
    case 'timestamp': {
      const young = await cluster.listOffsets(places, BigInt(Math.trunc(start.milliseconds)));
      // Where no record is that young the source starts at the end.
      return ranges.map((range, i) => {
        const offset = young[i] ?? -1n;
        return found(range, offset >= 0n ? offset : range.end);
      });
    }
  }
}
