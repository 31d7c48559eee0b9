/**
 * Which rows have moved, for as long as somebody may ask what changed across the move. A move is a
 * death of the original and a birth of its copy; to readers of changes it must look like nothing.
 *
 * An entry is needed until the original is reclaimed: by then no hold lies before the move. Rows
 * move rarely, so plain maps by address do; an address is not reused while it has an entry.
 */
export class MoveLog {
  readonly #copyOf = new Map<number, number>();
  readonly #bornAt = new Map<number, number>();

  /** The row born at `birth` in `from` lies in `to` now. */
  moved(from: number, to: number, birth: number): void {
    this.#copyOf.set(from, to);
    this.#bornAt.set(to, this.birth(from, birth));
  }

  /** The step at which the row of a record came, if it moved; else `birth`, the record's own. */
  birth(record: number, birth: number): number {
    return this.#bornAt.get(record) ?? birth;
  }

  /** Where the row of a record lies now: the last of its copies. */
  latest(record: number): number {
    let at = record;
    for (let next = this.#copyOf.get(at); next !== undefined; next = this.#copyOf.get(at)) at = next;
    return at;
  }

  /** The original in `from` is reclaimed. */
  forget(from: number): void {
    if (this.#copyOf.size === 0) return;
    const copy = this.#copyOf.get(from);
    if (copy === undefined) return;
    this.#copyOf.delete(from);
    this.#bornAt.delete(copy);
  }

  bytes(): number {
    return (this.#copyOf.size + this.#bornAt.size) * 40;
  }
}
