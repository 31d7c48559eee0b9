/** A whole server for tests of the protocol: any free port, and an error that is logged fails. */
import { realClock, realEntropy } from '../../src/base/real/seam.ts';
import { Millrace } from '../../src/cli/millrace.ts';

/** Starts it; whoever starts it stops it. */
export function startQuietServer(): Promise<Millrace> {
  return Millrace.start({
    host: '127.0.0.1',
    port: 0,
    clock: realClock,
    entropy: realEntropy,
    log: {
      info: () => undefined,
      warn: () => undefined,
      error: (message: string) => {
        throw new Error(message);
      },
    },
  });
}
