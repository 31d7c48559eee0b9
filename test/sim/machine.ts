/**
 * One life of the machine: the product from its sessions to the disk in the calling thread, on a
 * clock, entropy, disk and topics that all come from the seed. A life that has ended is never run
 * again: its clock stands still, and its promises stay as they are.
 */
import { systemRelations } from '../../src/catalog/system/all.ts';
import { DurableCoordinator } from '../../src/coordinator/durable-coordinator.ts';
import { InlineLink } from '../../src/coordinator/inline-link.ts';
import type { SourceConnection } from '../../connectors/connector.ts';
import { limits } from '../../src/base/limits.ts';
import type { Entropy } from '../../src/base/seam.ts';
import { SessionRegistry } from '../../src/coordinator/session-registry.ts';
import { initializeParser } from '../../src/sql/parse/parse.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { FakeDisk } from '../support/fake-disk.ts';
import type { Random } from '../support/random.ts';
import { SqlSession } from '../support/session-harness.ts';

/** Connects a machine to topics. */
export type Connect = (clock: FakeClock, entropy: Entropy) => () => SourceConnection;

/** What lives on between machines. */
export interface Surroundings {
  readonly disk: FakeDisk;
  /** How the product reaches topics. */
  readonly connect: Connect;
  readonly random: Random;
  /** Limits that this seed sets smaller than any run would need: files, pauses, pieces. */
  readonly limits: SimLimits;
  /** By how much the monotonic clock goes on when it is read: how small slices of work are. */
  readonly readingMilliseconds: number;
}

/** Limits of the product that differ from seed to seed. */
export interface SimLimits {
  readonly logFileBytesMax: number;
  readonly checkpointPauseMilliseconds: number;
  readonly checkpointMillisecondsMax: number;
  readonly checkpointPatchesMax: number;
  readonly checkpointPieceBytesMax: number;
}

/** Lives are short, so all pauses are. */
const pauses = {
  topicRefreshMillisecondsMax: 150,
  brokerRetryMillisecondsMax: 100,
  checkpointLookMilliseconds: 15,
  checkpointBufferBytes: 64 * 1024,
  checkpointSyncBytes: 8 * 1024,
};

/** Entropy that comes from the seed. */
export function seededEntropy(random: Random): Entropy {
  return {
    bytes: (length) => Uint8Array.from({ length }, () => random.below(256)),
    below: (bound) => random.below(bound),
  };
}

/** What it told its operator. */
interface Told {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** A running product. */
export class Machine {
  readonly clock: FakeClock;
  readonly #disk: FakeDisk;
  readonly #durable: DurableCoordinator;
  readonly #sessions: SessionRegistry;
  readonly #told: Told;
  #over = false;

  private constructor(clock: FakeClock, disk: FakeDisk, durable: DurableCoordinator, told: Told) {
    this.clock = clock;
    this.#disk = disk;
    this.#durable = durable;
    this.#told = told;
    this.#sessions = new SessionRegistry(durable.coordinator);
    void durable.failed.then(() => this.end());
  }

  /** Starts the product. Throws what its start throws. */
  static async start(life: number, now: number, around: Surroundings): Promise<Machine> {
    await initializeParser();
    const { disk, random } = around;
    Object.assign(limits, pauses, around.limits);
    const clock = new FakeClock(now, around.readingMilliseconds);
    const errors: string[] = [];
    const warnings: string[] = [];
    const log = {
      info: () => undefined,
      warn: (message: string) => void warnings.push(message),
      error: (message: string) => void errors.push(message),
    };
    const entropy = seededEntropy(random);
    const self = `${life + 1} begun booted`;
    const processes = { self: () => self, alive: (name: string) => name === self };
    const connect = around.connect(clock, entropy);
    disk.pause = null;
    const durable = await clock.until(
      DurableCoordinator.open(
        () => ({
          link: new InlineLink(clock),
          clock,
          entropy,
          log,
          system: systemRelations,
          connect,
        }),
        { disk, processes },
      ),
    );
    return new Machine(clock, disk, durable, { errors, warnings });
  }

  /** Whether what comes from it still reaches anybody. */
  get alive(): boolean {
    return !this.#over && !this.#disk.stopped;
  }

  /** Errors that it reported to its operator. */
  get errors(): readonly string[] {
    return this.#told.errors;
  }

  get warnings(): readonly string[] {
    return this.#told.warnings;
  }

  /** From now on nobody hears of it. */
  end(): void {
    this.#over = true;
  }

  session(): SqlSession {
    return new SqlSession(
      this.#sessions.open(
        new Map([
          ['user', 'test'],
          ['database', 'materialize'],
        ]),
        '',
      ),
    );
  }

  /** Stops it as SIGTERM does. */
  async close(): Promise<void> {
    this.end();
    await this.clock.until(this.#durable.close());
  }
}
