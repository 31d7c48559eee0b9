/**
 * A coordinator with what its data directory holds: reads the log, makes the coordinator, restores
 * it. Without a data directory it is a new one, and nothing survives it.
 */
import { defined } from '../base/assert.ts';
import type { Disk, Processes } from '../base/seam.ts';
import { DataDirectory } from '../storage/data-directory.ts';
import { decodeStep } from '../storage/step-record.ts';
import { decodeContent } from './checkpoint-content.ts';
import type { CoordinatorParts } from './coordinator.ts';
import { Coordinator } from './coordinator.ts';
import { RecoveredState } from './recovered-state.ts';
import { recover } from './recovery.ts';

/** Where everything is kept that must survive the process. */
export interface DataPlace {
  readonly disk: Disk;
  readonly processes: Processes;
}

/** What was opened together and is closed together. */
export class DurableCoordinator {
  readonly coordinator: Coordinator;
  readonly #directory: DataDirectory | null;

  private constructor(coordinator: Coordinator, directory: DataDirectory | null) {
    this.coordinator = coordinator;
    this.#directory = directory;
  }

  /** Throws what `DataDirectory.open` throws, and 42601 if the text of a view cannot be read now. */
  static async open(
    makeParts: () => Omit<CoordinatorParts, 'durable'>,
    data: DataPlace | null,
  ): Promise<DurableCoordinator> {
    if (data === null) return new DurableCoordinator(new Coordinator(makeParts()), null);
    for (let without: ReadonlySet<number> = new Set(); ;) {
      const opened = await DurableCoordinator.#open(makeParts(), data, without);
      if (opened instanceof DurableCoordinator) return opened;
      without = opened;
    }
  }

  /** Answers the numbers of checkpoints to do without if one turns out to be damaged. */
  static async #open(
    parts: Omit<CoordinatorParts, 'durable'>,
    data: DataPlace,
    without: ReadonlySet<number>,
  ): Promise<DurableCoordinator | ReadonlySet<number>> {
    let state = new RecoveredState(null);
    const warn = (message: string): void => parts.log.warn(message);
    const { entropy, clock } = parts;
    const place = { ...data, entropy, clock, warn, without };
    const directory = await DataDirectory.open(place, (begin) => {
      state = new RecoveredState(begin === null ? null : decodeContent(begin.content));
      return (record) => state.take(decodeStep(record));
    });
    const { log, checkpoints } = directory;
    const { newest } = checkpoints;
    const coordinator = new Coordinator({ ...parts, durable: { log, store: checkpoints } });
    const opened = new DurableCoordinator(coordinator, directory);
    try {
      await recover(coordinator, state, {
        replay: (each) => log.replay(each),
        readPieces: (each) => checkpoints.read(defined(newest, 'there is a checkpoint'), each),
      });
      coordinator.keepCheckpoints(newest?.step ?? 0);
      return opened;
    } catch (error) {
      await opened.close();
      if (checkpoints.damaged.size === without.size) throw error;
      warn(error instanceof Error ? error.message : String(error));
      return checkpoints.damaged;
    }
  }

  /** Resolves with the reason if nothing can be made durable any more: the process must end. */
  get failed(): Promise<Error> {
    return this.#directory === null ? new Promise(() => undefined) : this.#directory.log.failed;
  }

  async close(): Promise<void> {
    await this.coordinator.close();
    await this.#directory?.close();
  }
}
