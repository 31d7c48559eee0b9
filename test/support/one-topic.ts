/** One topic whose partitions are their own slots: how most tests of connectors see the world. */
import type {
  FoundPartition,
  Positions,
  SlotPositions,
  SourceConnection,
  StartPosition,
} from '../../connectors/connector.ts';
import { topicsNamed } from '../../connectors/connector.ts';

/** Positions of partitions of a topic as those of slots. */
export function slotsOf(topic: string, positions: Positions): SlotPositions {
  return new Map(
    [...positions].map(([partition, offset]) => [
      partition,
      { topic, partition, topicId: null, offset },
    ]),
  );
}

/** Gives each partition its own number. */
export function ownSlots(found: readonly FoundPartition[]): number[] {
  return found.map(({ partition }) => partition);
}

/** A partition as it is found. */
export function foundPartition(
  topic: string,
  partition: number,
  first: bigint,
  end: bigint,
): FoundPartition {
  return { topic, partition, topicId: null, first, earliest: first, end };
}

/** Where a source of a topic would begin, by partition. */
export async function startOffsets(
  connection: SourceConnection,
  topic: string,
  start: StartPosition = { kind: 'earliest' },
): Promise<Map<number, bigint>> {
  const found = await connection.survey(topicsNamed([topic], start));
  return new Map(found.map(({ partition, first }) => [partition, first]));
}

/** Where the partitions of a topic end. */
export async function endOffsets(
  connection: SourceConnection,
  topic: string,
): Promise<Map<number, bigint>> {
  const found = await connection.survey(topicsNamed([topic]));
  return new Map(found.map(({ partition, end }) => [partition, end]));
}
