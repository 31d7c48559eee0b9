/**
 * A disk in memory that can do everything that a real one may do to us: stop at any operation with
 * the machine, and then keep all, none, beginnings, any sectors or only the length of what was not
 * synced, in each file as it likes; be full; fail an operation, after which what a failed sync was
 * to write may be gone for good; flip a bit; be slow. Names behave like data: what was created,
 * renamed or removed in a folder and not synced is kept up to some point and lost after it.
 */
import { defined } from '../../src/base/assert.ts';
import type { Disk, DiskFailure, DiskFile } from '../../src/base/seam.ts';
import { DiskError } from '../../src/base/seam.ts';
import type { Random } from './random.ts';

const sectorBytes = 512;

/** Thrown by every operation once the machine has stopped. */
export class MachineStopped extends Error {}

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly size: number };

/** Bytes that grow in place. */
class Bytes {
  #buffer = new Uint8Array(1024);
  length = 0;

  get view(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  apply(change: Change): void {
    if (change.kind === 'truncate') return this.#resize(change.size);
    const end = change.position + change.bytes.length;
    if (end > this.length) this.#resize(end);
    this.#buffer.set(change.bytes, change.position);
  }

  #resize(size: number): void {
    if (size > this.#buffer.length) {
      const wider = new Uint8Array(size * 2);
      wider.set(this.view);
      this.#buffer = wider;
    }
    // What lies behind the end is zero when the file grows again.
    if (size < this.length) this.#buffer.fill(0, size, this.length);
    this.length = size;
  }
}

/** What becomes of changes that were not synced. */
const fates = ['nothing', 'all', 'beginnings', 'sectors', 'length'] as const;
type Fate = (typeof fates)[number];

let nodes = 0;

/** A file's bytes: what is synced, and what came after. */
class Node {
  readonly number = ++nodes;
  durable = new Bytes();
  content = new Bytes();
  unsynced: Change[] = [];
  /** Readers see what is not on the disk and never will be. */
  #lost = false;

  change(change: Change): void {
    this.content.apply(change);
    this.unsynced.push(change);
  }

  sync(): void {
    for (const change of this.unsynced) this.durable.apply(change);
    this.unsynced = [];
  }

  /**
   * A sync that fails: any of the bytes are on the disk, the others never will be, though readers
   * still see them and the next sync succeeds. Lengths are in the journal of the file system, which
   * would not go on without them.
   */
  failSync(random: Random): void {
    const fate = random.pick(fates);
    for (const change of this.unsynced)
      if (change.kind === 'truncate') this.durable.apply(change);
      else this.#keepPart(change, fate === 'nothing' ? 'length' : fate, random);
    this.unsynced = [];
    this.#lost = true;
  }

  /** What a stop leaves: of each write any sectors. */
  stop(random: Random): void {
    if (this.unsynced.length === 0 && !this.#lost) return;
    this.#keepSome(random);
    this.#lost = false;
    this.content = new Bytes();
    this.content.apply({ kind: 'write', position: 0, bytes: this.durable.view });
  }

  /**
   * Of what is not synced nothing, all, beginnings, any sectors, or only its length is on the disk.
   */
  #keepSome(random: Random): void {
    const fate = random.pick(fates);
    for (const change of this.unsynced) this.#keepPart(change, fate, random);
    this.unsynced = [];
  }

  #keepPart(change: Change, fate: Fate, random: Random): void {
    if (fate === 'nothing') return;
    if (fate === 'all') return this.durable.apply(change);
    if (change.kind === 'truncate') {
      if (random.chance(0.5)) this.durable.apply(change);
      return;
    }
    const { position, bytes } = change;
    if (fate === 'length') {
      const size = Math.max(this.durable.length, position + bytes.length);
      return this.durable.apply({ kind: 'truncate', size });
    }
    const kept = fate === 'beginnings' ? random.below(bytes.length + 1) : bytes.length;
    for (let at = 0, next = 0; at < bytes.length; at = next) {
      next = Math.min(bytes.length, at + sectorBytes - ((position + at) % sectorBytes));
      if (fate === 'sectors' ? random.chance(0.5) : at >= kept) continue;
      const part = bytes.subarray(at, next);
      this.durable.apply({ kind: 'write', position: position + at, bytes: part });
    }
  }
}

/** What a failed operation does nevertheless. */
type OnFailure = (random: Random) => void;

type NameChange = { readonly path: string; readonly node: Node | null };

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

export class FakeDisk implements Disk {
  readonly #random: Random;
  #names = new Map<string, Node>();
  readonly #durableNames = new Map<string, Node>();
  #unsyncedNames: NameChange[] = [];
  /** Operations so far. */
  operations = 0;
  /** The operation that the machine stops at, before it is done. */
  stopAt = Infinity;
  /** Bytes that fit in all. */
  capacity = Infinity;
  /** The operation that fails, and how. */
  failAt = Infinity;
  failure: DiskFailure = { kind: 'failed', code: 'EIO' };
  /** What every operation waits for before it is done, on a slow disk. */
  pause: (() => Promise<void>) | null = null;
  #stopped = false;

  constructor(random: Random) {
    this.#random = random;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** The machine stops now, between two operations. */
  stop(): void {
    this.#stopped = true;
  }

  /** Names of all files. */
  get paths(): readonly string[] {
    return [...this.#names.keys()].sort();
  }

  /** Only the process has ended: what it wrote is there, and still not synced. */
  goOn(): void {
    this.#stopped = false;
    this.stopAt = Infinity;
    this.failAt = Infinity;
    this.pause = null;
    this.operations = 0;
  }

  /** The machine starts again: what was not synced is as the stop left it. */
  restart(): void {
    // Folders keep their changes apart: of each some of the first ones are on the disk.
    for (const folder of new Set(this.#unsyncedNames.map(({ path }) => folderOf(path)))) {
      const own = this.#unsyncedNames.filter(({ path }) => folderOf(path) === folder);
      const kept = this.#random.below(own.length + 1);
      for (const change of own.slice(0, kept)) this.#name(this.#durableNames, change);
    }
    this.#unsyncedNames = [];
    this.#names = new Map(this.#durableNames);
    for (const node of new Set(this.#names.values())) node.stop(this.#random);
    this.goOn();
  }

  /** Bytes of a file as a reader gets them. */
  bytesOf(path: string): Uint8Array {
    return defined(this.#names.get(path), `${path} is there`).content.view.slice();
  }

  /** Changes one bit of a file, where it lies: at rest, so all of the file is on the disk. */
  flip(path: string, bit: number): void {
    const node = defined(this.#names.get(path), `${path} is there`);
    node.sync();
    const byte = (node.content.view[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    node.change({ kind: 'write', position: bit >> 3, bytes: Uint8Array.of(byte) });
    node.sync();
  }

  /** An independent disk with the same durable content. */
  copy(random: Random): FakeDisk {
    const other = new FakeDisk(random);
    for (const [path, { durable }] of this.#durableNames) {
      const node = new Node();
      node.change({ kind: 'write', position: 0, bytes: durable.view.slice() });
      node.sync();
      other.#names.set(path, node);
      other.#durableNames.set(path, node);
    }
    return other;
  }

  #name(names: Map<string, Node>, { path, node }: NameChange): void {
    if (node === null) names.delete(path);
    else names.set(path, node);
  }

  #rename(path: string, node: Node | null): void {
    const change = { path, node };
    this.#name(this.#names, change);
    this.#unsyncedNames.push(change);
  }

  /** Counts an operation; throws what is planned for it. */
  async #operate(path: string, onFailure?: OnFailure): Promise<void> {
    await (this.pause?.() ?? Promise.resolve());
    if (this.#stopped) throw new MachineStopped();
    const operation = this.operations++;
    if (operation >= this.stopAt) {
      this.#stopped = true;
      throw new MachineStopped();
    }
    if (operation !== this.failAt) return;
    onFailure?.(this.#random);
    throw new DiskError(this.failure, path);
  }

  /** Bytes of all files. */
  get bytes(): number {
    return [...this.#names.values()].reduce((sum, node) => sum + node.content.length, 0);
  }

  #node(path: string): Node {
    const node = this.#names.get(path);
    if (node === undefined) throw new DiskError({ kind: 'missing' }, path);
    return node;
  }

  async open(path: string): Promise<DiskFile> {
    await this.#operate(path);
    return this.#file(path, this.#node(path));
  }

  async create(path: string): Promise<DiskFile> {
    await this.#operate(path);
    if (this.#names.has(path)) throw new DiskError({ kind: 'exists' }, path);
    const node = new Node();
    this.#rename(path, node);
    return this.#file(path, node);
  }

  #file(path: string, node: Node): DiskFile {
    const operate = (onFailure?: OnFailure): Promise<void> => this.#operate(path, onFailure);
    const failSync: OnFailure = (random) => node.failSync(random);
    const write = async (position: number, bytes: Uint8Array): Promise<void> => {
      await operate((random) => {
        // What was written before the disk failed is there.
        const part = bytes.slice(0, random.below(bytes.length + 1));
        if (part.length > 0) node.change({ kind: 'write', position, bytes: part });
      });
      const grown = Math.max(0, position + bytes.length - node.content.length);
      const room = this.capacity - this.bytes;
      const fits = grown <= room ? bytes.length : Math.max(0, bytes.length - grown + room);
      node.change({ kind: 'write', position, bytes: bytes.slice(0, fits) });
      if (fits < bytes.length) throw new DiskError({ kind: 'full' }, path);
    };
    return {
      size: () => operate().then(() => node.content.length),
      read: async (position, into) => {
        await operate();
        const part = node.content.view.subarray(position, position + into.length);
        into.set(part);
        return part.length;
      },
      write,
      writeSynced: async (position, bytes) => {
        await write(position, bytes);
        await operate(failSync);
        node.sync();
      },
      truncate: (size) => operate().then(() => node.change({ kind: 'truncate', size })),
      sync: () => operate(failSync).then(() => node.sync()),
      close: () => Promise.resolve(),
    };
  }

  async identity(path: string): Promise<string | null> {
    await this.#operate(path);
    const node = this.#names.get(path);
    return node === undefined ? null : String(node.number);
  }

  async list(folder: string): Promise<readonly string[]> {
    await this.#operate(folder);
    return [...this.#names.keys()]
      .filter((path) => folderOf(path) === folder)
      .map((path) => path.slice(folder === '' ? 0 : folder.length + 1))
      .sort();
  }

  makeFolder(path: string): Promise<void> {
    return this.#operate(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#operate(from);
    const node = this.#node(from);
    this.#rename(to, node);
    this.#rename(from, null);
  }

  async link(from: string, to: string): Promise<void> {
    await this.#operate(from);
    if (this.#names.has(to)) throw new DiskError({ kind: 'exists' }, to);
    this.#rename(to, this.#node(from));
  }

  async remove(path: string): Promise<void> {
    await this.#operate(path);
    this.#node(path);
    this.#rename(path, null);
  }

  async syncFolder(folder: string): Promise<void> {
    await this.#operate(folder);
    const [own, others] = [
      this.#unsyncedNames.filter(({ path }) => folderOf(path) === folder),
      this.#unsyncedNames.filter(({ path }) => folderOf(path) !== folder),
    ];
    for (const change of own) this.#name(this.#durableNames, change);
    this.#unsyncedNames = others;
  }
}
