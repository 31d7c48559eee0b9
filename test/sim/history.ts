/**
 * What clients did, and what a read may therefore show. Each client owns its rows and works alone on
 * them, one statement at a time, so that its rows pass through a list of states, all different, one
 * a write. A read of everything at one step then names one *version* of each client (and one prefix
 * of each partition): a vector. The history is strictly serializable if
 * - each version lies between what was acknowledged when the read began and what was asked for when
 *   it ended;
 * - all vectors form a chain: of two, one is nowhere behind the other;
 * - a read that began after another had ended is nowhere behind it;
 * - a write that was asked for after another was acknowledged, or read, is never seen without it.
 */

/** By component: a version, or how many records of a partition are there. */
export type Vector = ReadonlyMap<string, number>;

/** Thrown by every checker. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Throws unless `holds`. */
export function demand(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new Violation(what());
}

function show(vector: Vector): string {
  return [...vector].map(([name, version]) => `${name}=${version}`).join(' ');
}

/** Whether `a` is nowhere behind `b`, where both say something. */
export function covers(a: Vector, b: Vector): boolean {
  for (const [name, version] of b) if ((a.get(name) ?? version) < version) return false;
  return true;
}

function join(a: Map<string, number>, b: Vector): void {
  for (const [name, version] of b) a.set(name, Math.max(a.get(name) ?? 0, version));
}

interface Version {
  readonly state: string;
  /** What must be seen by whoever sees this version. */
  readonly after: Vector;
}

/** The versions of one client's rows. */
export class Versions {
  readonly name: string;
  readonly #versions: Version[] = [{ state: '', after: new Map() }];
  acknowledged = 0;
  /** The greatest version that a read has shown. */
  seen = 0;

  constructor(name: string) {
    this.name = name;
  }

  get asked(): number {
    return this.#versions.length - 1;
  }

  ask(state: string, after: Vector): void {
    this.#versions.push({ state, after });
  }

  /** The last write was acknowledged. */
  acknowledge(): void {
    this.acknowledged = this.asked;
  }

  /** The last write was refused: it must not be seen, now or later. */
  refuse(): void {
    demand(this.seen < this.asked, () => `${this.name}: a write was seen and then refused`);
    this.#versions.pop();
  }

  /** After a restart: what is there is what there is. */
  pin(version: number): void {
    this.#versions.length = version + 1;
    this.acknowledged = version;
  }

  /** The version that a read shows. */
  find(state: string, from: number): number {
    for (let i = from; i < this.#versions.length; i++)
      if (this.#versions[i]?.state === state) return i;
    const earlier = this.#versions.findIndex((version) => version.state === state);
    throw new Violation(
      earlier >= 0
        ? `${this.name}: a read shows version ${earlier}, but ${from} was acknowledged or read before`
        : `${this.name}: a read shows what never was after ${from}: ${state}`,
    );
  }

  after(version: number): Vector {
    return this.#versions[version]?.after ?? new Map<string, number>();
  }
}

/** A read that is under way. */
export interface ReadToken {
  readonly floor: Vector;
  /** Reads that had ended when it began. */
  readonly ended: number;
}

/** All clients and all reads. */
export class History {
  readonly clients = new Map<string, Versions>();
  /** Vectors of all reads that have ended. */
  readonly #reads: Vector[] = [];
  /** What every read from now on must show. */
  readonly #floor = new Map<string, number>();
  readonly #times = new Map<number, Vector>();
  /** Acknowledged additions to counters that all clients share. */
  readonly counted = new Map<string, number>();
  #lastTime = 0;

  client(name: string): Versions {
    const known = this.clients.get(name);
    if (known !== undefined) return known;
    const made = new Versions(name);
    this.clients.set(name, made);
    return made;
  }

  /** What has been acknowledged or read. */
  floor(): Vector {
    const floor = new Map(this.#floor);
    join(floor, this.counted);
    for (const { name, acknowledged } of this.clients.values())
      floor.set(name, Math.max(floor.get(name) ?? 0, acknowledged));
    return floor;
  }

  begin(): ReadToken {
    return { floor: this.floor(), ended: this.#reads.length };
  }

  /** A read has ended with this vector. */
  end(token: ReadToken, vector: Vector): void {
    demand(
      covers(vector, token.floor),
      () => `a read shows ${show(vector)}, but before it were ${show(token.floor)}`,
    );
    this.#place(vector, token.ended);
    join(this.#floor, vector);
    this.#reads.push(vector);
  }

  /** A subscription shows this vector at a time; it need not be the newest. */
  at(time: number, vector: Vector): void {
    const known = this.#times.get(time);
    demand(
      known === undefined || (covers(known, vector) && covers(vector, known)),
      () => `at time ${time} was ${show(known ?? vector)}, and is ${show(vector)}`,
    );
    this.#times.set(time, vector);
    this.#lastTime = Math.max(this.#lastTime, time);
    this.#place(vector, 0);
    join(this.#floor, vector);
  }

  /** The last time that anybody was told of. */
  get lastTime(): number {
    return this.#lastTime;
  }

  /** Checks a vector against reads from the `first` on, and against the order of writes. */
  #place(vector: Vector, first: number): void {
    for (let i = first; i < this.#reads.length; i++) {
      const other = this.#reads[i] ?? vector;
      demand(
        covers(vector, other) || covers(other, vector),
        () => `two reads cross: ${show(vector)} and ${show(other)}`,
      );
    }
    for (const versions of this.clients.values()) {
      const version = vector.get(versions.name);
      if (version === undefined) continue;
      versions.seen = Math.max(versions.seen, version);
      const after = versions.after(version);
      demand(
        covers(vector, after),
        () =>
          `${versions.name}=${version} is seen without what was before it: ${show(vector)}, ${show(after)}`,
      );
    }
  }
}
