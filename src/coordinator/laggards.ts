/**
 * Tells the operator which views are slower than the sources that they read. One that is detached
 * catches up, and if it is slower for good it is detached again soon: that is one episode, which
 * begins with a line in the log and ends with another when the view has kept pace for a while.
 */
import { limits } from '../base/limits.ts';
import type { Clock, Log } from '../base/seam.ts';

interface Episode {
  /** The reader and its sources, in words. */
  readonly reader: string;
  readonly sources: string;
  /** Ends the wait for its end. */
  stopWait: () => void;
}

/** Dataflows that are behind their streams, or were a moment ago. */
export class Laggards {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #episodes = new Map<number, Episode>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** A dataflow has fallen behind. */
  detached(dataflow: number, reader: string, sources: readonly string[]): void {
    const known = this.#episodes.get(dataflow);
    if (known !== undefined) return known.stopWait();
    const names = sources.map((name) => `"${name}"`).join(', ');
    const episode = { reader, sources: `source ${names}`, stopWait: () => undefined };
    this.#episodes.set(dataflow, episode);
    this.#log.warn(
      `${reader} is slower than ${episode.sources}: it is behind and takes what it missed in ` +
        'larger steps; everything else goes on',
    );
  }

  /** It has caught up. */
  attached(dataflow: number): void {
    const episode = this.#episodes.get(dataflow);
    if (episode === undefined) return;
    episode.stopWait();
    episode.stopWait = this.#clock.after(limits.laggardQuietMilliseconds, () => {
      this.#episodes.delete(dataflow);
      this.#log.info(`${episode.reader} has caught up with ${episode.sources}`);
    });
  }

  /** It is gone. */
  forget(dataflow: number): void {
    this.#episodes.get(dataflow)?.stopWait();
    this.#episodes.delete(dataflow);
  }

  close(): void {
    for (const { stopWait } of this.#episodes.values()) stopWait();
    this.#episodes.clear();
  }
}
