/** Cuts a stream of bytes into frames: four bytes of length, then so many bytes. */

/** Gathers the frames of one connection. */
export class Frames {
  static readonly prefixBytes = 4;
  readonly #bytesMax: number;
  /** Unused bytes, in order, and how many there are. */
  #parts: Uint8Array[] = [];
  #bytes = 0;
  /** Length of the frame that is awaited, -1 if that is not known yet. */
  #wanted = -1;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Takes bytes in and appends the frames that they complete; false if a length is out of bounds.
   */
  push(data: Uint8Array, frames: Uint8Array[]): boolean {
    this.#parts.push(data);
    this.#bytes += data.length;
    for (;;) {
      if (this.#wanted < 0) {
        if (this.#bytes < Frames.prefixBytes) return true;
        const prefix = this.#take(Frames.prefixBytes);
        this.#wanted = new DataView(prefix.buffer, prefix.byteOffset).getInt32(0);
        if (this.#wanted < 0 || this.#wanted > this.#bytesMax) return false;
      }
      if (this.#bytes < this.#wanted) return true;
      frames.push(this.#take(this.#wanted));
      this.#wanted = -1;
    }
  }

  /** The first `length` bytes: a view if one part has them, else a copy. */
  #take(length: number): Uint8Array {
    this.#bytes -= length;
    const first = this.#parts[0] ?? new Uint8Array(0);
    if (first.length > length) {
      this.#parts[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    if (first.length === length) {
      this.#parts.shift();
      return first;
    }
    const taken = new Uint8Array(length);
    let at = 0;
    let used = 0;
    while (at < length) {
      const part = this.#parts[used] ?? new Uint8Array(0);
      const piece = part.subarray(0, length - at);
      taken.set(piece, at);
      at += piece.length;
      if (piece.length < part.length) this.#parts[used] = part.subarray(piece.length);
      else used++;
    }
    this.#parts.splice(0, used);
    return taken;
  }
}
