/**
 * Regular expressions for names of topics. A pattern comes from a statement and is matched against
 * every topic of a cluster on the thread that serves everybody, so matching takes time linear in
 * the name, whatever the pattern: it is a machine with a set of states (Thompson), never one that
 * goes back.
 *
 * Syntax: characters, `.`, `[…]` with ranges and `^`, `\d \w \s \D \W \S`, `\` before anything else
 * for itself, groups `(…)` and `(?:…)`, `|`, `* + ? {n} {n,} {n,m}`. The whole name must match, as
 * with Kafka's own consumers, so `^` at the beginning and `$` at the end change nothing. What names
 * cannot need (lookaround, references, lazy quantifiers) is refused.
 */
import { assert, defined } from '../../src/base/assert.ts';
import { sqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';

/** Codes of characters that a step takes: those of a name's bytes. */
type CharacterSet = ReadonlySet<number>;

const codes = 128;
const repetitionsMax = 255;

/** What a part of a pattern is. */
type Node =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly least: number; readonly most: number };

/** A state: takes one character of a set, or goes on to others without. */
interface State {
  readonly set: CharacterSet | null;
  readonly next: number[];
}

function all(test: (code: number) => boolean): CharacterSet {
  return new Set(Array.from({ length: codes }, (_, code) => code).filter(test));
}

function complement(set: CharacterSet): CharacterSet {
  return all((code) => !set.has(code));
}

const digits = all((code) => code >= 48 && code <= 57);
const words = all((code) => /\w/.test(String.fromCharCode(code)));
const spaces = all((code) => /\s/.test(String.fromCharCode(code)));
const shorthands: ReadonlyMap<string, CharacterSet> = new Map([
  ['d', digits],
  ['D', complement(digits)],
  ['w', words],
  ['W', complement(words)],
  ['s', spaces],
  ['S', complement(spaces)],
]);

function invalid(why: string): Error {
  return sqlError('2201B', `invalid pattern of topics: ${why}`);
}

/** Reads a pattern into a tree. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Node {
    const node = this.#choice(0);
    if (this.#at < this.#text.length) throw invalid('")" without "("');
    return node;
  }

  get #next(): string {
    return this.#text[this.#at] ?? '';
  }

  #accept(text: string): boolean {
    const is = this.#text.startsWith(text, this.#at);
    if (is) this.#at += text.length;
    return is;
  }

  #choice(depth: number): Node {
    if (depth > limits.topicPatternDepthMax)
      throw invalid(`groups are nested more than ${limits.topicPatternDepthMax} deep`);
    const parts = [this.#sequence(depth)];
    while (this.#accept('|')) parts.push(this.#sequence(depth));
    return { kind: 'choice', parts };
  }

  #sequence(depth: number): Node {
    const parts: Node[] = [];
    const first = this.#at;
    while (this.#next !== '' && this.#next !== '|' && this.#next !== ')') {
      if (this.#next === '^' && this.#at === first && depth === 0) this.#at++;
      else if (this.#isEnd(depth)) this.#at++;
      else parts.push(this.#repeated(this.#atom(depth)));
    }
    return { kind: 'sequence', parts };
  }

  /** Whether a `$` is next that says what is so anyway. */
  #isEnd(depth: number): boolean {
    const after = this.#text[this.#at + 1] ?? '';
    return this.#next === '$' && depth === 0 && (after === '' || after === '|');
  }

  #atom(depth: number): Node {
    const c = this.#next;
    this.#at++;
    switch (c) {
      case '(': {
        if (this.#next === '?' && !this.#accept('?:')) throw invalid('"(?" is not supported');
        const node = this.#choice(depth + 1);
        if (!this.#accept(')')) throw invalid('"(" without ")"');
        return node;
      }
      case '[':
        return { kind: 'set', set: this.#bracket() };
      case '.':
        return { kind: 'set', set: all(() => true) };
      case '\\':
        return { kind: 'set', set: this.#escape() };
      case '*':
      case '+':
      case '?':
      case '{':
        throw invalid(`"${c}" has nothing to repeat`);
      case '^':
      case '$':
        throw invalid(`"${c}" is only understood at the ends`);
      default:
        return { kind: 'set', set: new Set([c.charCodeAt(0)]) };
    }
  }

  #escape(): CharacterSet {
    const c = this.#next;
    if (c === '') throw invalid('"\\" at the end');
    this.#at++;
    const known = shorthands.get(c);
    if (known !== undefined) return known;
    if (/[a-z0-9]/i.test(c)) throw invalid(`"\\${c}" is not supported`);
    return new Set([c.charCodeAt(0)]);
  }

  #bracket(): CharacterSet {
    const isNegated = this.#accept('^');
    const set = new Set<number>();
    for (let isFirst = true; isFirst || this.#next !== ']'; isFirst = false) {
      if (this.#next === '') throw invalid('"[" without "]"');
      const from = this.#member();
      const isRange = this.#next === '-' && ![']', ''].includes(this.#text[this.#at + 1] ?? '');
      if (!isRange) {
        for (const code of from) set.add(code);
        continue;
      }
      this.#at++;
      const [low, high] = [from, this.#member()].map((ends) => (ends.size === 1 ? [...ends] : []));
      const [least, most] = [low?.[0] ?? -1, high?.[0] ?? -1];
      if (least < 0 || most < least) throw invalid('a range in "[…]" goes backwards');
      for (let code = least; code <= most; code++) set.add(code);
    }
    this.#at++;
    return isNegated ? complement(set) : set;
  }

  #member(): CharacterSet {
    const c = this.#next;
    if (c === '[' && this.#text[this.#at + 1] === ':') throw invalid('"[:" is not supported');
    this.#at++;
    return c === '\\' ? this.#escape() : new Set([c.charCodeAt(0)]);
  }

  #repeated(part: Node): Node {
    const bounds = this.#bounds();
    if (bounds === null) return part;
    if (['*', '+', '?', '{'].includes(this.#next)) throw invalid('a quantifier follows another');
    return { kind: 'repeat', part, ...bounds };
  }

  #bounds(): { readonly least: number; readonly most: number } | null {
    if (this.#accept('*')) return { least: 0, most: Infinity };
    if (this.#accept('+')) return { least: 1, most: Infinity };
    if (this.#accept('?')) return { least: 0, most: 1 };
    if (this.#next !== '{') return null;
    const found = /^\{(\d{1,3})(,(\d{0,3}))?\}/.exec(this.#text.slice(this.#at, this.#at + 9));
    const least = Number(found?.[1] ?? Infinity);
    const upper = found?.[3] === '' ? Infinity : Number(found?.[3] ?? least);
    if (found === null || least > repetitionsMax || upper < least) throw invalid('bad "{…}"');
    if (upper !== Infinity && upper > repetitionsMax) throw invalid('bad "{…}"');
    this.#at += found[0].length;
    return { least, most: upper };
  }
}

/** See the head of this file. Throws 2201B for what is no pattern, 54000 for one that is too large. */
export class TopicPattern {
  readonly #states: State[] = [];
  readonly #start: number;
  readonly #end: number;

  constructor(text: string) {
    if (text.length > limits.topicPatternUnitsMax) {
      throw sqlError(
        '54000',
        `a pattern of topics has at most ${limits.topicPatternUnitsMax} characters`,
      );
    }
    this.#end = this.#state(null);
    this.#start = this.#build(new Reader(text).read(), this.#end);
  }

  #state(set: CharacterSet | null, ...next: number[]): number {
    if (this.#states.length >= limits.topicPatternStatesMax)
      throw sqlError('54000', 'a pattern of topics repeats too much');
    return this.#states.push({ set, next }) - 1;
  }

  /** Adds the states of a part that goes on to `to`; answers its first. */
  #build(node: Node, to: number): number {
    switch (node.kind) {
      case 'set':
        return this.#state(node.set, to);
      case 'sequence':
        return node.parts.reduceRight((next, part) => this.#build(part, next), to);
      case 'choice':
        return this.#state(null, ...node.parts.map((part) => this.#build(part, to)));
      case 'repeat':
        return this.#repeat(node, to);
    }
  }

  #repeat({ part, least, most }: Extract<Node, { kind: 'repeat' }>, to: number): number {
    let first = to;
    if (most === Infinity) {
      const again = this.#state(null, to);
      defined(this.#states[again], 'it was just made').next.push(this.#build(part, again));
      first = again;
    } else {
      for (let n = least; n < most; n++) first = this.#state(null, to, this.#build(part, first));
    }
    for (let n = 0; n < least; n++) first = this.#build(part, first);
    return first;
  }

  /** Whether a whole name matches. */
  matches(name: string): boolean {
    let current = this.#closure([this.#start]);
    for (let i = 0; i < name.length && current.size > 0; i++) {
      const code = name.charCodeAt(i);
      const next: number[] = [];
      for (const state of current) {
        const { set, next: to } = defined(this.#states[state], 'a state is there');
        if (set?.has(code) === true) next.push(...to);
      }
      current = this.#closure(next);
    }
    return current.has(this.#end);
  }

  /** What can be reached from states without a character. */
  #closure(from: readonly number[]): Set<number> {
    const reached = new Set(from);
    // What is added while the set is walked is walked too.
    for (const state of reached) {
      const { set, next } = defined(this.#states[state], 'a state is there');
      if (set === null) for (const to of next) reached.add(to);
    }
    assert(reached.size <= this.#states.length, 'no state is reached twice');
    return reached;
  }
}
