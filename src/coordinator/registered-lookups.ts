/**
 * Lookups that the engine knows by number, so that an execution sends only its key. Equal lookups
 * of different sessions share one number, and so their keys travel and are read together.
 *
 * Everything is forgotten when the catalog changes, and the oldest when there are many: whoever
 * still holds one sees that it is not `live` and registers again.
 *
 * After its first use the engine tells how most of them can be read without asking it
 * (direct-lookup.ts).
 */
import type { Finishing, SharedCollection } from '../../dataflow/graph/command.ts';
import { DirectLookup } from '../../dataflow/graph/direct-lookup.ts';
import type { Lookup } from '../../dataflow/plan/plan.ts';
import { defined } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { PlannedQuery } from '../sql/planned.ts';
import type { HostCommand } from './engine-link.ts';

export interface RegisteredLookup {
  readonly template: number;
  readonly live: boolean;
  /** Reads it in shared memory, once that is possible. */
  readonly direct: DirectLookup | null;
}

interface Entry extends RegisteredLookup {
  readonly lookup: Lookup;
  readonly finishing: Finishing;
  live: boolean;
  direct: DirectLookup | null;
}

/** All of them; one per engine. */
export class RegisteredLookups {
  readonly #send: (command: HostCommand) => void;
  /** By the text of the lookup, oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #byTemplate = new Map<number, Entry>();
  #next = 1;
  #version = -1;

  constructor(send: (command: HostCommand) => void) {
    this.#send = send;
  }

  /** The number of a lookup by key; `version` is the catalog's. */
  register(
    template: Pick<PlannedQuery, 'lookup' | 'finishing'>,
    version: number,
  ): RegisteredLookup {
    if (version !== this.#version) this.forgetAll();
    this.#version = version;
    const lookup = defined(template.lookup, 'a template is a lookup');
    const { finishing } = template;
    const text = textOf(lookup, finishing);
    const known = this.#entries.get(text);
    if (known !== undefined) return known;
    if (this.#entries.size >= limits.registeredLookupsMax) this.#forgetOldest();
    const entry = { template: this.#next++, live: true, direct: null, lookup, finishing };
    this.#entries.set(text, entry);
    this.#byTemplate.set(entry.template, entry);
    this.#send({ kind: 'prepareLookup', template: entry.template, lookup, finishing });
    return entry;
  }

  /** The engine has told how to read one directly. */
  share(template: number, shared: SharedCollection): void {
    const entry = this.#byTemplate.get(template);
    if (entry === undefined) return;
    entry.direct = new DirectLookup(shared, entry.lookup, entry.finishing);
  }

  /** The catalog changes: what is known of it, memory of others above all, is let go. */
  forgetAll(): void {
    for (const text of [...this.#entries.keys()]) this.#forget(text);
  }

  #forgetOldest(): void {
    const [text] = this.#entries.keys();
    this.#forget(defined(text, 'there is an oldest one'));
  }

  #forget(text: string): void {
    const entry = defined(this.#entries.get(text), 'what is forgotten is registered');
    entry.live = false;
    entry.direct = null;
    this.#entries.delete(text);
    this.#byTemplate.delete(entry.template);
    this.#send({ kind: 'forgetLookup', template: entry.template });
  }
}

/** Equal texts are equal lookups: plans are plain data, only 64-bit integers need a mark. */
function textOf(lookup: Lookup, finishing: Finishing): string {
  return JSON.stringify([lookup, finishing], (_, value: unknown) => {
    if (typeof value === 'bigint') return { bigint: String(value) };
    if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
      return { number: Object.is(value, -0) ? '-0' : String(value) };
    return value;
  });
}
