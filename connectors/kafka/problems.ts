/** What is wrong now with what a reader follows, by its cause; the status is derived from it. */

/** Kinds of causes, the gravest first: what is lost for good, then what carries it. */
const kinds = ['partition', 'topic', 'cluster', 'leader', 'broker', 'fetch'] as const;

/** See the head of this file. */
export class Problems {
  readonly #messages = new Map<(typeof kinds)[number], Map<string, string>>(
    kinds.map((kind) => [kind, new Map()]),
  );

  /** Notes what is wrong with `which` of a kind; null: nothing any more. */
  set(kind: (typeof kinds)[number], which: string | number, message: string | null): void {
    const ofKind = this.#messages.get(kind);
    if (message === null) ofKind?.delete(String(which));
    else ofKind?.set(String(which), message);
  }

  /** Forgets all of a kind but these. */
  keep(kind: (typeof kinds)[number], which: ReadonlySet<string>): void {
    const ofKind = this.#messages.get(kind);
    for (const name of ofKind?.keys() ?? []) if (!which.has(name)) ofKind?.delete(name);
  }

  /** What is wrong with the first of these with which something is; null: with none. */
  first(causes: readonly (readonly [(typeof kinds)[number], string | number])[]): string | null {
    for (const [kind, which] of causes) {
      const message = this.#messages.get(kind)?.get(String(which));
      if (message !== undefined) return message;
    }
    return null;
  }

  /** The gravest, and how many different ones of its kind there are beside it; null: all is well. */
  get worst(): string | null {
    for (const ofKind of this.#messages.values()) {
      const messages = new Set(ofKind.values());
      const [first] = messages;
      if (first !== undefined)
        return messages.size === 1 ? first : `${first} (and ${messages.size - 1} more)`;
    }
    return null;
  }
}
