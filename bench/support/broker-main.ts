/**
 * An embedded broker as a process of its own, so that its work is on neither side's account: names
 * its address.
 */
import { realClock, realEntropy, stderrLog } from '../../src/base/real/seam.ts';
import { EmbeddedBroker } from '../../connectors/kafka/broker/broker.ts';

const keptBytesMax = 4 * 2 ** 30;

const broker = await EmbeddedBroker.start({
  clock: realClock,
  entropy: realEntropy,
  log: stderrLog,
  keptBytesMax,
});
process.stdout.write(`brokers ${broker.brokers}\n`);
process.once('SIGTERM', () => process.exit(0));
process.stdin.resume();
process.stdin.once('close', () => process.exit(0));
