/**
 * One seed: the same disk and topics through several lives of the machine. In each, clients write,
 * define, read and subscribe at once while topics grow; then the machine stops, at an operation of
 * its disk or at a moment, or its disk fails, or it is stopped in good order. The next life first
 * looks at what is left. In the end everything comes to rest and is compared once more.
 */
import { createHash } from 'node:crypto';
import { defined } from '../../src/base/assert.ts';
import { SqlError } from '../../src/base/error.ts';
import { DiskError } from '../../src/base/seam.ts';
import { FakeDisk, MachineStopped } from '../support/fake-disk.ts';
import { Random } from '../support/random.ts';
import type { SqlSession } from '../support/session-harness.ts';
import type { Ending, Shared } from './client.ts';
import { Client } from './client.ts';
import { Bank, bankSetUp } from './bank.ts';
import { Definer } from './definer.ts';
import { heal } from './heal.ts';
import { demand, History, Violation } from './history.ts';
import { Losses } from './losses.ts';
import type { SimLimits } from './machine.ts';
import { Machine } from './machine.ts';
import { Marks } from './marks.ts';
import type { World } from './world.ts';
import { clusterWorld, plainWorld } from './world.ts';
import type { Watched } from './observer.ts';
import { follow, readAll } from './observer.ts';
import { Rivals, rivalsSetUp } from './rivals.ts';
import { Deeds, Transactor, transactorSetUp } from './transactor.ts';

const begin = 1_700_000_000_000;
const startsMax = 40;
const lifeMilliseconds = [150, 400, 400, 1_500];
/** All that may lie in a data directory of which nothing is under way. */
const files = /^(lock|identity|log\/\d+\.log|checkpoints\/\d+\.(data|manifest))$/;
const clientNames = ['0', '1', '2'];

const setUp = [
  "CREATE CONNECTION IF NOT EXISTS k TO KAFKA (BROKER 'nowhere:9092')",
  'CREATE TABLE IF NOT EXISTS kv (client int4, k int8, v int8, PRIMARY KEY (client, k))',
  'CREATE TABLE IF NOT EXISTS log (client int4, n int8)',
  'CREATE TABLE IF NOT EXISTS counter (n int8)',
  "CREATE SOURCE IF NOT EXISTS src FROM KAFKA CONNECTION k (TOPIC PATTERN 'src2?') FORMAT TEXT INCLUDE TOPIC, PARTITION, OFFSET ENVELOPE NONE",
  "CREATE SOURCE IF NOT EXISTS up FROM KAFKA CONNECTION k (TOPIC 'up') KEY FORMAT TEXT VALUE FORMAT TEXT ENVELOPE UPSERT",
];

/** What a seed gave. */
export interface Result {
  /** Of all that happened, in order. */
  readonly hash: string;
  readonly milliseconds: number;
  readonly stops: number;
  /** Whether the first life came to the operation of the plan. */
  readonly cameToStop: boolean;
  readonly marks: Marks;
}

/** How a life may go wrong. */
export interface Plan {
  readonly lives: number;
  /**
   * Stops at this operation of the disk in the first life, and at that one in the second, which is
   * mostly while it starts; lives are short then. With a stop in neither the plan is at its end.
   */
  readonly stopsAt?: readonly [number, number];
  /** Kinds of faults other than stops. */
  readonly faults: boolean;
}

/** Does something over and over, with pauses of up to so many milliseconds. */
type Repeat = (
  longest: number,
  act: (sql: SqlSession) => Promise<Ending | null | ReadonlyMap<string, number> | undefined | void>,
) => Promise<void>;

/** See the head of this file. */
export class Simulation {
  readonly marks = new Marks();
  readonly #random: Random;
  readonly #disk: FakeDisk;
  readonly #world: World;
  readonly #plan: Plan;
  readonly #hash = createHash('sha256');
  readonly #shared: Shared;
  readonly #watched: Watched;
  readonly #clients: readonly Client[];
  readonly #definer: Definer;
  readonly #deeds = new Deeds();
  readonly #transactors: readonly Transactor[];
  readonly #bank: Bank | null;
  readonly #rivals: Rivals | null;
  readonly #limits: SimLimits;
  readonly #readingMilliseconds: number;
  #isSetUp = false;
  #lives = 0;
  #now = begin;
  #milliseconds = 0;
  #stops = 0;
  #cameToStop = false;
  #fresh = 100;
  #failure: unknown = null;
  /** Tasks of this life that have not ended, by their place in the list. */
  readonly #waiting = new Set<number>();
  /** Lines of all that happened, if asked for. */
  readonly lines: string[] | null;

  constructor(seed: number, plan: Plan, keepLines = false) {
    const random = new Random(seed);
    const { marks } = this;
    this.lines = keepLines ? [] : null;
    this.#random = random;
    this.#plan = plan;
    this.#disk = new FakeDisk(random);
    this.#readingMilliseconds = random.pick([0.05, 0.05, 0.5, 3]);
    this.#limits = {
      logFileBytesMax: random.pick([3_000, 20_000, 1_000_000]),
      checkpointPauseMilliseconds: random.pick([20, 100, 400, 1_000_000]),
      checkpointMillisecondsMax: random.pick([30, 30_000]),
      checkpointPatchesMax: random.pick([1, 3, 64]),
      checkpointPieceBytesMax: random.pick([65_536, 1_048_576]),
    };
    this.#world = random.chance(0.5) ? clusterWorld(random, marks) : plainWorld(random, marks);
    const history = new History();
    this.#shared = {
      history,
      random,
      marks,
      losses: new Losses(defined(this.#world.topics.get('src'), 'topic src'), marks),
      fresh: () => this.#fresh++,
      counterAsked: 0,
      counterDone: 0,
      note: (text) => this.#note(text),
    };
    const shared = this.#shared;
    this.#definer = new Definer(shared);
    this.#clients = clientNames.map((name) => new Client(name, shared));
    const names = random.chance(0.6) ? ['t0', 't1', 't2'] : [];
    this.#transactors = names.map((name) => new Transactor(name, shared, this.#deeds));
    this.#bank = random.chance(0.3) ? new Bank(shared) : null;
    this.#rivals = random.chance(0.4) ? new Rivals(shared) : null;
    const known = {
      history,
      topics: this.#world.topics,
      clients: clientNames,
      counterAsked: () => shared.counterAsked,
    };
    this.#watched = { known, shared, definer: this.#definer, readers: 0, followers: 0 };
  }

  #note(text: string): void {
    this.#hash.update(`${text}\n`);
    this.lines?.push(text);
  }

  async run(): Promise<Result> {
    while (this.#lives < this.#plan.lives) await this.#life(this.#lives === this.#plan.lives - 1);
    this.#deeds.check();
    this.#note(`${this.#deeds.count} transactions`);
    return {
      hash: this.#hash.digest('hex'),
      milliseconds: this.#milliseconds,
      stops: this.#stops,
      cameToStop: this.#cameToStop,
      marks: this.marks,
    };
  }

  /** Starts the machine, however often that is interrupted; looks at what is left. */
  async #start(): Promise<Machine> {
    const random = this.#random;
    for (let tries = 0; tries < startsMax; tries++) {
      const fragile = tries < 5 && this.#plan.faults;
      const stopAt = this.#plan.stopsAt?.[this.#lives];
      if (stopAt !== undefined) this.#disk.stopAt = this.#disk.operations + stopAt;
      if (fragile && random.chance(0.15)) this.#disk.stopAt = random.below(60);
      if (fragile && random.chance(0.1)) this.#disk.failAt = random.below(60);
      try {
        if (fragile && random.chance(0.15)) await this.#tryFlipped();
        const machine = await this.#boot();
        await this.#drive(machine, this.#lookAround(machine, true));
        if (machine.alive) return machine;
        this.#now = machine.clock.now();
        if (!this.#disk.stopped) continue;
      } catch (error) {
        if (error instanceof Violation || !(this.#disk.stopped || this.#diskFailed(error)))
          throw error;
      }
      this.marks.sometimes(
        this.#disk.stopped ? 'machine stopped while it started' : 'disk failed while it started',
      );
      this.#restart();
    }
    throw new Violation('the machine does not start');
  }

  #setUp(): readonly string[] {
    return [
      ...setUp,
      ...(this.#transactors.length > 0 ? transactorSetUp : []),
      ...(this.#bank === null ? [] : bankSetUp),
      ...(this.#rivals === null ? [] : rivalsSetUp),
    ];
  }

  /** Whether a start failed because an operation of the disk did. */
  #diskFailed(error: unknown): boolean {
    if (this.#disk.operations <= this.#disk.failAt) return false;
    if (error instanceof DiskError) return true;
    // A file that cannot be read is as good as damaged.
    return error instanceof SqlError && ['58030', 'XX001'].includes(error.fields.code);
  }

  async #boot(): Promise<Machine> {
    const backwards = this.#lives > 0 && this.#random.chance(0.2);
    if (backwards) this.marks.sometimes('clock went back over a restart');
    const now =
      this.#now + (backwards ? -this.#random.below(3_600_000) : this.#random.below(5_000));
    this.#lives++;
    this.#disk.capacity = Infinity;
    this.#note(`life ${this.#lives} at ${now}`);
    const before = this.#disk.paths;
    const machine = await Machine.start(this.#lives, now, {
      disk: this.#disk,
      connect: this.#world.connect,
      random: this.#random,
      limits: this.#limits,
      readingMilliseconds: this.#readingMilliseconds,
    });
    this.#lookAtFiles(machine, before);
    return machine;
  }

  /** What lies on the disk after a start, and what it was before. */
  #lookAtFiles({ warnings }: Machine, before: readonly string[]): void {
    const { marks } = this;
    const paths = this.#disk.paths;
    const left = paths.filter((path) => !files.test(path));
    demand(left.length === 0, () => `files are left behind: ${left.join(' ')}`);
    const log = paths.filter((path) => path.startsWith('log/'));
    if (log.length > 1) marks.sometimes('new file of the log');
    if (!log.includes('log/0000000000000000.log')) marks.sometimes('log was cut');
    const manifests = before.filter((path) => path.endsWith('.manifest'));
    if (manifests.length > 0) marks.sometimes('started with checkpoints');
    const unfinished = before.some(
      (path) => path.endsWith('.data') && !before.includes(path.replace('.data', '.manifest')),
    );
    if (unfinished) marks.sometimes('stopped while a checkpoint was made');
    for (const warning of warnings) {
      this.#note(warning);
      if (warning.includes('passed over') || warning.includes('damaged'))
        marks.sometimes('checkpoint passed over');
    }
  }

  /** Flips a bit at rest: nothing may be served then, unless the bit means nothing. */
  async #tryFlipped(): Promise<void> {
    const all = this.#disk.paths.filter((path) => /^(identity|log\/|checkpoints\/)/.test(path));
    if (all.length === 0) return;
    const path = this.#random.pick(all);
    const bits = this.#disk.bytesOf(path).length * 8;
    if (bits === 0) return;
    const bit = this.#random.below(bits);
    this.#disk.flip(path, bit);
    try {
      const machine = await this.#boot();
      await machine.close();
    } catch (error) {
      if (this.#disk.stopped || this.#diskFailed(error)) this.#restart();
      else if (error instanceof SqlError && error.fields.code === 'XX001')
        this.marks.sometimes('bit flip refused');
      else throw error;
      // A file that was being made may be gone.
      if (this.#disk.paths.includes(path)) this.#disk.flip(path, bit);
      return;
    }
    await this.#afterHarmlessFlip();
  }

  /** The machine started in spite of a flipped bit: what it shows must be right all the same. */
  async #afterHarmlessFlip(): Promise<void> {
    const machine = await this.#boot();
    await this.#drive(machine, this.#lookAround(machine, true));
    if (machine.alive) await machine.close();
  }

  #restart(): void {
    this.#stops++;
    if (this.#lives === 1) this.#cameToStop = true;
    if (this.#plan.faults && this.#random.chance(0.3)) {
      this.marks.sometimes('process ended and the machine did not');
      this.#disk.goOn();
    } else this.#disk.restart();
    this.#disk.capacity = Infinity;
  }

  /** Runs the machine until the work is done or the machine is not. */
  async #drive(machine: Machine, work: Promise<void>): Promise<void> {
    let done = false;
    work.then(
      () => {
        done = true;
      },
      (error: unknown) => {
        done = true;
        if (machine.alive || error instanceof Violation) this.#fail(error);
      },
    );
    const { clock } = machine;
    const started = clock.now();
    const late = started + 600_000;
    while (machine.alive && this.#failure === null) {
      await Promise.resolve();
      if (done) break;
      if (!(await clock.next(late)) && !done) {
        const waiting = [...this.#waiting].join();
        if (machine.alive)
          throw new Violation(`nothing goes on, and somebody waits: tasks ${waiting}`);
      }
    }
    this.#milliseconds += clock.now() - started;
    if (this.#failure !== null) throw this.#failure;
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** What every life begins and ends with: what must be there is; what was in doubt is so no more. */
  async #lookAround(machine: Machine, begins: boolean): Promise<void> {
    const sql = machine.session();
    if (!this.#isSetUp) {
      for (const text of this.#setUp()) await sql.run(text);
      const counters = await sql.rows('SELECT n FROM counter');
      if (counters.length === 0) await sql.run('INSERT INTO counter VALUES (0)');
      if (!machine.alive) return;
      this.#isSetUp = true;
    }
    await this.#definer.pin(sql, machine);
    if (!machine.alive) return;
    await heal(machine, sql, this.#shared, { definer: this.#definer, bank: this.#bank });
    if (!machine.alive) return;
    if (begins) this.#shared.losses.settle();
    const vector = await readAll(this.#watched, machine, sql);
    if (!machine.alive) return;
    const found = defined(vector ?? undefined, 'nobody drops anything now');
    for (const client of this.#clients) client.pin(found.get(`client${client.name}`) ?? 0);
    await this.#transactors[0]?.read(machine, sql);
    if (machine.alive) await this.#bank?.read(machine, sql);
    if (machine.alive) await this.#rivals?.settle(machine, sql);
    if (!machine.alive) return;
    const counter = found.get('counter') ?? 0;
    this.#shared.counterAsked = this.#shared.counterDone = counter;
    this.#shared.history.counted.set('counter', counter);
    if ([...found].some(([name, n]) => name.startsWith('up') && n > 0) && this.#lives > 1)
      this.marks.sometimes('upsert source restored');
  }

  async #life(last: boolean): Promise<void> {
    const machine = await this.#start();
    const { clock } = machine;
    const swept = this.#plan.stopsAt !== undefined;
    const until = clock.now() + this.#length();
    const on = (): boolean => machine.alive && clock.now() < until && this.#failure === null;
    this.#watched.readers = this.#watched.followers = 0;
    this.#waiting.clear();
    const tasks = this.#tasks(machine, on);
    if (!last && !swept) this.#prepareEnd(machine, until);
    if (this.#plan.faults) this.#prepareTrouble(machine);
    const work = Promise.all(tasks).then(async () => {
      this.#disk.capacity = Infinity;
      await this.#lookAround(machine, false);
    });
    await this.#drive(machine, work);
    demand(
      !machine.alive || machine.errors.length === 0,
      () => `the program reports ${machine.errors.join('; ')}`,
    );
    this.#now = clock.now();
    if (machine.warnings.some((text) => text.startsWith('no checkpoint was made')))
      this.marks.sometimes('checkpoint given up');
    if (!machine.alive) {
      if (this.#watched.followers > 0) this.marks.sometimes('subscription ended by a stop');
      // Also if only its disk has failed: what was not synced may be gone.
      return this.#restart();
    }
    try {
      await machine.close();
    } catch (error) {
      if (!(error instanceof DiskError) && !this.#disk.stopped) throw error;
      return this.#restart();
    }
    this.#disk.stopAt = this.#disk.failAt = Infinity;
    this.marks.sometimes('clean stop');
    demand(!this.#disk.paths.includes('lock'), () => 'the lock is left behind');
  }

  /** Milliseconds of a life: many are short, as most mistakes need a stop and few a long history. */
  #length(): number {
    const random = this.#random;
    if (this.#plan.stopsAt === undefined) return 50 + random.below(random.pick(lifeMilliseconds));
    return this.#lives === 1 ? 100 + random.below(150) : 10 + random.below(30);
  }

  /** Plans how this life ends. */
  #prepareEnd(machine: Machine, until: number): void {
    const random = this.#random;
    const disk = this.#disk;
    const choice = random.below(10);
    if (choice <= 4) {
      disk.stopAt = disk.operations + random.below(300);
      this.marks.sometimes('machine stopped at an operation of the disk');
    } else if (choice <= 6) {
      const { clock } = machine;
      this.marks.sometimes('machine stopped at a moment');
      clock.after(random.below(Math.max(1, until - clock.now())), () => disk.stop());
    } else if (choice <= 8 && this.#plan.faults) {
      disk.failAt = disk.operations + random.below(200);
      this.marks.sometimes('operation of the disk failed');
    }
  }

  /** Plans what goes wrong meanwhile. */
  #prepareTrouble({ clock }: Machine): void {
    const random = this.#random;
    const disk = this.#disk;
    if (random.chance(0.3)) {
      this.marks.sometimes('slow disk');
      const most = 1 + random.below(random.chance(0.2) ? 400 : 20);
      disk.pause = () => new Promise((resolve) => void clock.after(random.below(most), resolve));
    }
    for (let n = random.below(3); n > 0; n--)
      clock.after(random.below(1_000), () => this.#world.trouble());
    if (!random.chance(0.3)) return;
    clock.after(random.below(300), () => {
      // What the log has reserved may be all that is left of it.
      disk.capacity = disk.bytes + 2_000 - random.below(300_000);
      clock.after(200 + random.below(3_000), () => {
        disk.capacity = Infinity;
        this.marks.sometimes('writes went on with room');
      });
    });
  }

  #tasks(machine: Machine, on: () => boolean): Promise<void>[] {
    const watched = this.#watched;
    const repeat: Repeat = async (longest, act) => {
      const sql = machine.session();
      while (on()) {
        await this.#wait(machine, 1 + this.#random.below(longest));
        if (!on() || (await act(sql)) === 'gone') return;
      }
    };
    const guarded = (task: Promise<void>, place: number): Promise<void> => {
      this.#waiting.add(place);
      return task
        .finally(() => this.#waiting.delete(place))
        .catch((error: unknown) => {
          const stop = error instanceof MachineStopped || error instanceof DiskError;
          if (error instanceof Violation || (machine.alive && !stop)) this.#fail(error);
        });
    };
    return [
      ...this.#clients.map((client) => repeat(60, (sql) => client.act(machine, sql))),
      ...this.#transactors.map((client) => repeat(80, (sql) => client.act(machine, sql))),
      ...this.#bankTasks(machine, on, repeat),
      repeat(80, () => this.#rivals?.act(machine) ?? Promise.resolve(undefined)),
      repeat(100, (sql) => this.#definer.act(machine, sql)),
      repeat(150, (sql) => readAll(watched, machine, sql)),
      repeat(300, (sql) => readAll(watched, machine, sql)),
      repeat(200, (sql) =>
        follow(watched, machine, sql, { moments: 1 + this.#random.below(8), on }),
      ),
      repeat(40, () => {
        this.#random.pick([...this.#world.topics.values()]).produce();
        return Promise.resolve(undefined);
      }),
    ].map(guarded);
  }

  #bankTasks(machine: Machine, on: () => boolean, repeat: Repeat): readonly Promise<void>[] {
    const bank = this.#bank;
    if (bank === null) return [];
    return [
      repeat(60, (sql) => bank.act(machine, sql)),
      repeat(120, (sql) => bank.read(machine, sql)),
      repeat(200, (sql) => bank.follow(machine, sql, { moments: 1 + this.#random.below(8), on })),
    ];
  }

  #wait({ clock }: Machine, milliseconds: number): Promise<void> {
    return new Promise((resolve) => void clock.after(milliseconds, resolve));
  }
}
