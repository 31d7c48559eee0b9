/**
 * A coordinator with what its data directory holds: reads the log, makes the coordinator, restores
 * it. Without a data directory it is a new one, and nothing survives it.
 */
import type { Disk, Processes } from '../base/seam.ts';
import { DataDirectory } from '../storage/data-directory.ts';
import { decodeStep } from '../storage/step-record.ts';
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

  /** Throws what `DataDirectory.open` throws, and 42601 or 0A000 for a view that has no plan now. */
  static async open(
    makeParts: () => Omit<CoordinatorParts, 'durable'>,
    data: DataPlace | null,
  ): Promise<DurableCoordinator> {
    if (data === null) return new DurableCoordinator(new Coordinator(makeParts()), null);
    const parts = makeParts();
    const state = new RecoveredState();
    const warn = (message: string): void => parts.log.warn(message);
    const place = { ...data, entropy: parts.entropy, warn };
    const directory = await DataDirectory.open(
      place,
      () => (record) => state.take(decodeStep(record)),
    );
    const { log } = directory;
    const coordinator = new Coordinator({ ...parts, durable: log });
    const opened = new DurableCoordinator(coordinator, directory);
    try {
      await recover(coordinator, state, (each) => log.replay(each));
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
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
