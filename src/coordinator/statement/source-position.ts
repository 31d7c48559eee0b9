/** Which topics a source reads, and from where on: the options of CREATE SOURCE that say so. */
import { sqlError } from '../../base/error.ts';
import type { StartPosition } from '../../../connectors/connector.ts';
import { TopicPattern } from '../../../connectors/kafka/topic-pattern.ts';
import type { SourceTopics } from '../../catalog/object.ts';
import type { Options } from './option.ts';

/** START OFFSET or START TIMESTAMP; `now` in ms since the epoch. Throws 42601, 22023. */
export function startPosition(options: Options, now: number): StartPosition {
  const offsets = options.integers('START OFFSET');
  const timestamp = options.integer('START TIMESTAMP');
  if (offsets !== undefined && timestamp !== undefined) {
    throw sqlError('42601', 'START OFFSET and START TIMESTAMP exclude each other');
  }
  if (offsets !== undefined) {
    const bad = offsets.find((offset) => offset < 0n);
    if (bad !== undefined) throw sqlError('22023', `START OFFSET ${bad} is negative`);
    return { kind: 'offsets', offsets };
  }
  if (timestamp === undefined) return { kind: 'earliest' };
  const milliseconds = Number(timestamp);
  return {
    kind: 'timestamp',
    milliseconds: milliseconds < 0 ? Math.max(0, Math.floor(now) + milliseconds) : milliseconds,
  };
}

/** The topics of TOPIC or TOPIC PATTERN, or null. Throws 42601, and 2201B for what is no pattern. */
export function sourceTopics(options: Options): SourceTopics | null {
  const names = options.strings('TOPIC');
  const pattern = options.string('TOPIC PATTERN');
  if (names !== undefined && pattern !== undefined)
    throw sqlError('42601', 'TOPIC and TOPIC PATTERN exclude each other');
  if (pattern !== undefined) {
    // Whether it is one is said now.
    new TopicPattern(pattern);
    return { kind: 'pattern', pattern };
  }
  if (names === undefined || names.length === 0) return null;
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw sqlError('42601', `topic "${twice}" is given twice`);
  return { kind: 'names', names };
}

/** Throws 42601 if offsets are given for several topics. */
export function requireOneTopic(topics: SourceTopics, start: StartPosition): void {
  if (start.kind !== 'offsets' || (topics.kind === 'names' && topics.names.length === 1)) return;
  throw sqlError('42601', 'START OFFSET is not understood for several topics', {
    detail: 'It gives offsets by partition, and does not say of which topic.',
    hint: 'Use START TIMESTAMP, or a source for each topic.',
  });
}
