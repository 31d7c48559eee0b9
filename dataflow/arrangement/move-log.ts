/**
 * Which dead records have a successor that is the same row with the same weight: a row that moved
 * out of a thin segment, or one that was retracted and added again in one step. To readers of
 * changes such a death and birth must look like nothing.
 *
 * An entry is needed until the original is reclaimed: by then no hold lies before its death. There
 * are few, so plain maps by address do; an address is not reused while it has an entry.
 */
/** Records that replace others without a change. */
export class MoveLog {
  readonly #copyOf = new Map<number, number>();
  readonly #originalOf = new Map<number, number>();
  readonly #bornAt = new Map<number, number>();

  /** The row born at `birth` in `from` lies in `to` now. */
  moved(from: number, to: number, birth: number): void {
    this.#copyOf.set(from, to);
    this.#originalOf.set(to, from);
    this.#bornAt.set(to, this.birth(from, birth));
  }

  /** The record `to` is no longer the same as its original. */
  changed(to: number): void {
    if (this.#originalOf.size === 0) return;
    const from = this.#originalOf.get(to);
    if (from !== undefined) this.forget(from);
  }

  /** The step at which the row of a record came, if it moved; else `birth`, the record's own. */
  birth(record: number, birth: number): number {
    if (this.#bornAt.size === 0) return birth;
    return this.#bornAt.get(record) ?? birth;
  }

  /** Where the row of a record lies now: the last of its copies. */
  latest(record: number): number {
    if (this.#copyOf.size === 0) return record;
    let at = record;
    for (let next = this.#copyOf.get(at); next !== undefined; next = this.#copyOf.get(at))
      at = next;
    return at;
  }

  /** The original in `from` is reclaimed. */
  forget(from: number): void {
    if (this.#copyOf.size === 0) return;
    const copy = this.#copyOf.get(from);
    if (copy === undefined) return;
    this.#copyOf.delete(from);
    this.#originalOf.delete(copy);
    this.#bornAt.delete(copy);
  }

  bytes(): number {
    return this.#copyOf.size * 120;
  }
}
