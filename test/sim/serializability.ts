/**
 * Whether a history of transactions can be told as one after the other, in an order that keeps to
 * real time (strict serializability), in the manner of Elle (Kingsbury and Alvaro, 2020). Values
 * are written once, so what a read shows tells whose writes it saw:
 *
 * - of lists the longest one read gives the order of all appends, and every other one must be a
 *   beginning of it; an append that was acknowledged and is in no list comes after all of them;
 * - of registers a version comes before another if a transaction that wrote or read the one had
 *   ended when the one that wrote the other began, or if one transaction read the one and wrote the
 *   other; the first of all versions is 0.
 *
 * From the order of versions follow edges between transactions (see cycles.ts); real time is a
 * chain of nodes, one for each end, so that it takes as many edges as there are transactions. A
 * cycle is an anomaly, and has the name of the kinds of its edges. A transaction of unknown fate
 * has happened if anybody saw anything of it; it may end at any time.
 */
import { defined } from '../../src/base/assert.ts';
import type { Edge, EdgeKind } from './cycles.ts';
import { Graph } from './cycles.ts';

/** What a transaction did, in order. Keys name lists or registers. */
export type Operation =
  | { readonly kind: 'append' | 'write'; readonly key: string; readonly value: number }
  | { readonly kind: 'list'; readonly key: string; readonly value: readonly number[] }
  | { readonly kind: 'read'; readonly key: string; readonly value: number };

/** A transaction as its client saw it. */
export interface Deed {
  readonly client: string;
  /** Moments, counted over all clients; a deed of unknown fate ends at Infinity. */
  readonly began: number;
  readonly ended: number;
  readonly fate: 'committed' | 'aborted' | 'unknown';
  readonly operations: readonly Operation[];
}

/** What is wrong with a history. */
export interface Anomaly {
  readonly name: string;
  readonly story: string;
}

type ListRead = Extract<Operation, { kind: 'list' }>;
type RegisterOperation = Extract<Operation, { value: number }>;

/** What a deed has to do with one register. */
interface RegisterUse {
  readonly i: number;
  readonly deed: Deed;
  readonly read: number | undefined;
  readonly write: number | undefined;
}

/** Values that were written, and by whom. */
interface Writers {
  readonly byValue: ReadonlyMap<string, number>;
  /** Values of one deed for one key, in order. */
  readonly ofDeed: ReadonlyMap<string, readonly number[]>;
}

function place(key: string, value: number): string {
  return `${key}=${value}`;
}

function tell(deed: Deed): string {
  const texts = deed.operations.map(({ kind, key, value }) => `${kind} ${key} ${String(value)}`);
  return `${deed.client}@${deed.began}-${deed.ended} ${deed.fate}: ${texts.join('; ')}`;
}

/** Answers what is wrong; nothing if the history is strictly serializable. */
export function anomaliesOf(history: readonly Deed[]): readonly Anomaly[] {
  return new Check(history).run();
}

class Check {
  readonly #all: readonly Deed[];
  readonly #found: Anomaly[] = [];
  readonly #allWriters: Writers;
  /** Deeds that have happened. */
  readonly #deeds: readonly Deed[];
  readonly #writers: Writers;
  readonly #graph: Graph;

  constructor(history: readonly Deed[]) {
    this.#all = history;
    this.#allWriters = writersOf(history);
    const seen = this.#seen();
    this.#deeds = history.filter(
      (deed, i) => deed.fate === 'committed' || (deed.fate === 'unknown' && seen.has(i)),
    );
    this.#writers = writersOf(this.#deeds);
    this.#graph = new Graph(2 * this.#deeds.length);
  }

  run(): readonly Anomaly[] {
    this.#requireKnownValues();
    this.#orderLists();
    this.#orderRegisters();
    this.#findLostUpdates();
    this.#orderByTime();
    this.#findCycles();
    return this.#found;
  }

  #report(name: string, story: string): void {
    this.#found.push({ name, story });
  }

  /** Deeds of which somebody else saw something. */
  #seen(): ReadonlySet<number> {
    const seen = new Set<number>();
    for (const deed of this.#all) {
      if (deed.fate !== 'committed') continue;
      for (const { key, value } of readsOf(deed)) {
        const writer = this.#allWriters.byValue.get(place(key, value));
        if (writer !== undefined) seen.add(writer);
      }
    }
    return seen;
  }

  /** What was read was written, by who has happened, and is the last of what they wrote. */
  #requireKnownValues(): void {
    for (const deed of this.#deeds) {
      for (const { key, value, last } of readsOf(deed)) {
        const writer = this.#allWriters.byValue.get(place(key, value));
        if (writer === undefined) {
          this.#report('garbage', `${place(key, value)} was never written: ${tell(deed)}`);
          continue;
        }
        const other = defined(this.#all[writer], 'a writer is in the history');
        if (other.fate === 'aborted')
          this.#report('G1a', `${tell(deed)} saw what was undone: ${tell(other)}`);
        const written = this.#allWriters.ofDeed.get(`${writer} ${key}`);
        if (last && other !== deed && written?.at(-1) !== value)
          this.#report('G1b', `${tell(deed)} saw a part of ${tell(other)}`);
      }
    }
  }

  // Lists.

  #orderLists(): void {
    const reads = new Map<string, { readonly deed: number; readonly list: readonly number[] }[]>();
    for (const [i, deed] of this.#deeds.entries()) {
      for (const { key, value } of deed.operations.filter(isList)) {
        const list = this.#withoutOwn(i, deed, key, value);
        const known = reads.get(key) ?? [];
        known.push({ deed: i, list });
        reads.set(key, known);
      }
    }
    for (const key of this.#keysOf('append', reads.keys())) {
      const ofKey = reads.get(key) ?? [];
      const longest = this.#longest(key);
      for (const { deed, list } of ofKey) {
        if (list.every((value, at) => longest[at] === value))
          this.#orderRead(key, longest, deed, list);
        else
          this.#report(
            'incompatible order',
            `list ${key} was read as ${list.join()} and as ${longest.join()}`,
          );
      }
      this.#orderAppends(key, longest, ofKey);
    }
  }

  #keysOf(kind: 'append' | 'write', more: Iterable<string>): ReadonlySet<string> {
    const keys = new Set(more);
    for (const deed of this.#deeds)
      for (const operation of deed.operations) if (operation.kind === kind) keys.add(operation.key);
    return keys;
  }

  #longest(key: string): readonly number[] {
    let longest: readonly number[] = [];
    for (const deed of this.#deeds)
      for (const operation of deed.operations)
        if (isList(operation) && operation.key === key && operation.value.length > longest.length)
          longest = operation.value;
    if (new Set(longest).size < longest.length)
      this.#report('duplicate', `list ${key} has a value twice: ${longest.join()}`);
    return longest;
  }

  /** What a deed read, without what it appended itself before. */
  #withoutOwn(index: number, deed: Deed, key: string, list: readonly number[]): readonly number[] {
    const own = this.#writers.ofDeed.get(`${index} ${key}`) ?? [];
    const at = list.findIndex((value) => own.includes(value));
    if (at < 0) {
      const before = deed.operations.findIndex((o) => o.key === key && o.kind === 'append');
      const read = deed.operations.findIndex((o) => o.kind === 'list' && o.value === list);
      if (before >= 0 && before < read)
        this.#report('internal', `it does not see its own append: ${tell(deed)}`);
      return list;
    }
    if (!list.slice(at).every((value, i) => own[i] === value))
      this.#report('internal', `others are among its own appends: ${tell(deed)}`);
    return list.slice(0, at);
  }

  #writer(key: string, value: number | undefined): number | undefined {
    return value === undefined ? undefined : this.#writers.byValue.get(place(key, value));
  }

  #orderRead(key: string, longest: readonly number[], deed: number, list: readonly number[]): void {
    const before = this.#writer(key, list.at(-1));
    if (before !== undefined) this.#graph.add(before, deed, 'wr', key);
    const after = this.#writer(key, longest[list.length]);
    if (after !== undefined) this.#graph.add(deed, after, 'rw', key);
  }

  #orderAppends(
    key: string,
    longest: readonly number[],
    reads: readonly { readonly deed: number; readonly list: readonly number[] }[],
  ): void {
    for (let i = 1; i < longest.length; i++) {
      const [a, b] = [this.#writer(key, longest[i - 1]), this.#writer(key, longest[i])];
      if (a !== undefined && b !== undefined) this.#graph.add(a, b, 'ww', key);
    }
    const listed = new Set(longest);
    const last = this.#writer(key, longest.at(-1));
    for (const [i, deed] of this.#deeds.entries()) {
      const unlisted = deed.operations.some(
        (o) => o.kind === 'append' && o.key === key && !listed.has(o.value),
      );
      if (!unlisted) continue;
      if (last !== undefined) this.#graph.add(last, i, 'ww', key);
      for (const { deed: reader, list } of reads)
        if (list.length === longest.length) this.#graph.add(reader, i, 'rw', key);
    }
  }

  // Registers.

  #orderRegisters(): void {
    const byKey = new Map<string, RegisterUse[]>();
    for (const [i, deed] of this.#deeds.entries()) {
      const keys = new Set(deed.operations.filter(isOfRegister).map(({ key }) => key));
      for (const key of keys) {
        const own = deed.operations.filter(isOfRegister).filter((o) => o.key === key);
        const read = own.find((o) => o.kind === 'read')?.value;
        const write = own.findLast((o) => o.kind === 'write')?.value;
        const uses = byKey.get(key) ?? [];
        uses.push({ i, deed, read, write });
        byKey.set(key, uses);
      }
    }
    for (const [key, uses] of byKey) this.#orderRegister(key, uses);
  }

  #orderRegister(key: string, uses: readonly RegisterUse[]): void {
    const readers = new Map<number, number[]>();
    for (const { i, read } of uses) {
      if (read === undefined) continue;
      readers.set(read, [...(readers.get(read) ?? []), i]);
      const writer = this.#writer(key, read);
      if (writer !== undefined) this.#graph.add(writer, i, 'wr', key);
    }
    for (const after of uses) {
      if (after.write === undefined) continue;
      const before = new Set([0, after.read ?? 0]);
      for (const { deed, read, write } of uses)
        if (deed.ended < after.deed.began) before.add(write ?? read ?? 0);
      before.delete(after.write);
      for (const version of before) {
        const writer = this.#writer(key, version);
        if (writer !== undefined) this.#graph.add(writer, after.i, 'ww', key);
        for (const reader of readers.get(version) ?? [])
          this.#graph.add(reader, after.i, 'rw', key);
      }
    }
  }

  /** Two that read the same version and both wrote the next one. */
  #findLostUpdates(): void {
    const updaters = new Map<string, Deed>();
    for (const [i, deed] of this.#deeds.entries()) {
      for (const operation of deed.operations) {
        const { key } = operation;
        if (operation.kind === 'append' || operation.kind === 'write') continue;
        if (this.#writers.ofDeed.get(`${i} ${key}`) === undefined) continue;
        const version = isList(operation)
          ? this.#withoutOwn(i, deed, key, operation.value).join()
          : operation.value;
        const other = updaters.get(`${key} ${version}`);
        updaters.set(`${key} ${version}`, deed);
        if (other !== undefined && other !== deed)
          this.#report('lost update', `${tell(other)} and ${tell(deed)}`);
      }
    }
  }

  // Time and cycles.

  #orderByTime(): void {
    const n = this.#deeds.length;
    const ends = [...this.#deeds.keys()]
      .filter((i) => Number.isFinite(this.#deeds[i]?.ended))
      .sort((a, b) => (this.#deeds[a]?.ended ?? 0) - (this.#deeds[b]?.ended ?? 0));
    for (const [place, i] of ends.entries()) {
      this.#graph.add(i, n + place, 'time');
      if (place > 0) this.#graph.add(n + place - 1, n + place, 'time');
    }
    const begins = [...this.#deeds.keys()].sort(
      (a, b) => (this.#deeds[a]?.began ?? 0) - (this.#deeds[b]?.began ?? 0),
    );
    let ended = 0;
    for (const i of begins) {
      const began = this.#deeds[i]?.began ?? 0;
      while ((this.#deeds[ends[ended] ?? -1]?.ended ?? Infinity) < began) ended++;
      if (ended > 0) this.#graph.add(n + ended - 1, i, 'time');
    }
  }

  #findCycles(): void {
    for (const members of this.#graph.components()) {
      for (const { name, first, others } of shapes) {
        const cycle = this.#graph.cycle(members, first, others);
        if (cycle === null) continue;
        this.#report(name, this.#tellCycle(cycle));
        break;
      }
    }
  }

  #tellCycle(cycle: readonly Edge[]): string {
    return cycle
      .filter(({ from }) => from < this.#deeds.length)
      .map(({ from, kind, key }) => {
        const deed = defined(this.#deeds[from], 'a node is a deed');
        return `${tell(deed)} —${kind} ${key}→`;
      })
      .join('\n  ');
  }
}

/** Names of cycles, the gravest first: an edge of one kind, and back by others. */
const shapes = ['', '-realtime'].flatMap((suffix) => {
  const time: EdgeKind[] = suffix === '' ? [] : ['time'];
  const shape = (name: string, first: EdgeKind, ...others: EdgeKind[]) => ({
    name: `${name}${suffix}`,
    first,
    others: new Set<EdgeKind>([...others, ...time]),
  });
  return [
    shape('G0', 'ww', 'ww'),
    shape('G1c', 'wr', 'ww', 'wr'),
    shape('G-single', 'rw', 'ww', 'wr'),
    shape('G2', 'rw', 'ww', 'wr', 'rw'),
  ];
});

function isList(operation: Operation): operation is ListRead {
  return operation.kind === 'list';
}

function isOfRegister(operation: Operation): operation is RegisterOperation {
  return operation.kind === 'read' || operation.kind === 'write';
}

/** Values that a deed read; `last` is what tells the version. */
function readsOf(
  deed: Deed,
): readonly { readonly key: string; readonly value: number; readonly last: boolean }[] {
  return deed.operations.flatMap((operation) => {
    const { key } = operation;
    if (isList(operation)) {
      const { value: list } = operation;
      return list.map((value, i) => ({ key, value, last: i === list.length - 1 }));
    }
    if (operation.kind !== 'read' || operation.value === 0) return [];
    return [{ key, value: operation.value, last: true }];
  });
}

function writersOf(history: readonly Deed[]): Writers {
  const byValue = new Map<string, number>();
  const ofDeed = new Map<string, number[]>();
  for (const [i, deed] of history.entries()) {
    for (const operation of deed.operations) {
      if (operation.kind !== 'append' && operation.kind !== 'write') continue;
      const { key, value } = operation;
      byValue.set(place(key, value), i);
      const values = ofDeed.get(`${i} ${key}`) ?? [];
      values.push(value);
      ofDeed.set(`${i} ${key}`, values);
    }
  }
  return { byValue, ofDeed };
}
