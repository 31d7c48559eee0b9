/**
 * The Kafka connector against the embedded broker; see `test/support/connector-suite.ts` for what
 * is tested.
 */
import { realClock, realEntropy } from '../../../src/base/real/seam.ts';
import { connectorSuite } from '../../../test/support/connector-suite.ts';
import { EmbeddedBroker } from './broker.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

connectorSuite('embedded broker', () =>
  EmbeddedBroker.start({ clock: realClock, entropy: realEntropy, log: silent }),
);
