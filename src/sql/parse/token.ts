/**
 * The tokens of a SQL text: three flat columns (kind, start, end), so that a statement of a million
 * tokens costs nine bytes each and no objects. Offsets are UTF-16 units of the text, `end`
 * exclusive; tokens never overlap and ascend.
 */
import { assert } from '../../base/assert.ts';

/** Kinds of token. `word` is an unquoted name or keyword; which of the two, the grammar decides. */
export const tokenKind = {
  word: 1,
  quoted: 2,
  string: 3,
  bits: 4,
  number: 5,
  parameter: 6,
  operator: 7,
  /** One of ( ) [ ] , ; : . and the pairs :: := .. */
  punctuation: 8,
} as const;

export type TokenKind = (typeof tokenKind)[keyof typeof tokenKind];

/** A lexical error ends the tokens: what is wrong, and where the bad token begins and ends. */
export interface LexicalError {
  readonly code: string;
  readonly message: string;
  readonly start: number;
  readonly end: number;
}

/** The tokens of one text. Written by the lexer only, read by index. */
export class Tokens {
  readonly text: string;
  /** Set if the text breaks off in a bad token; the tokens before it stand. */
  error: LexicalError | null = null;
  /**
   * Start and end of each block comment. They are blanked before the grammar sees the text: its
   * scanner looks at everything after a comment's start that could be an operator, again and again.
   */
  readonly comments: number[] = [];
  #count = 0;
  #kinds: Uint8Array;
  #starts: Int32Array;
  #ends: Int32Array;

  constructor(text: string) {
    this.text = text;
    const capacity = Math.max(16, Math.min(text.length >> 2, 1 << 16));
    this.#kinds = new Uint8Array(capacity);
    this.#starts = new Int32Array(capacity);
    this.#ends = new Int32Array(capacity);
  }

  get count(): number {
    return this.#count;
  }

  push(kind: TokenKind, start: number, end: number): void {
    assert(start < end, `a token is not empty, got ${start}..${end}`);
    if (this.#count === this.#kinds.length) this.#grow();
    this.#kinds[this.#count] = kind;
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#count++;
  }

  /** 0 past the last token. */
  kind(index: number): number {
    return index < this.#count ? (this.#kinds[index] ?? 0) : 0;
  }

  /** Past the last token: the end of the text. */
  start(index: number): number {
    return index < this.#count ? (this.#starts[index] ?? 0) : this.text.length;
  }

  end(index: number): number {
    return index < this.#count ? (this.#ends[index] ?? 0) : this.text.length;
  }

  /** The token as written, '' past the last one. */
  spelling(index: number): string {
    return this.text.slice(this.start(index), this.end(index));
  }

  #grow(): void {
    const capacity = this.#kinds.length * 2;
    const kinds = new Uint8Array(capacity);
    const starts = new Int32Array(capacity);
    const ends = new Int32Array(capacity);
    kinds.set(this.#kinds);
    starts.set(this.#starts);
    ends.set(this.#ends);
    this.#kinds = kinds;
    this.#starts = starts;
    this.#ends = ends;
  }
}
