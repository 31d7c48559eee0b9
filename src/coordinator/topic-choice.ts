/** Which topics a source reads, as its connection asks. */
import { TopicPattern } from '../../connectors/kafka/topic-pattern.ts';
import type { TopicChoice } from '../../connectors/connector.ts';
import { topicsNamed } from '../../connectors/connector.ts';
import type { SourceObject } from '../catalog/object.ts';

/** The choice of a source. */
export function topicChoice({
  topics,
  start,
}: Pick<SourceObject, 'topics' | 'start'>): TopicChoice {
  if (topics.kind === 'names') return topicsNamed(topics.names, start);
  const pattern = new TopicPattern(topics.pattern);
  return {
    names: null,
    matches: (topic) => pattern.matches(topic),
    start,
    text: `topics that match '${topics.pattern}'`,
  };
}
