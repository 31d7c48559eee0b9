/**
 * The client of a schema registry: schemas by number and by subject, each as one self-contained
 * text. What a number stands for never changes, so answers are kept.
 *
 * A question is asked once: trying again is for the caller, who knows what waits for the answer.
 * What cannot be answered now is `RegistryUnavailable`; what the registry does not have, or has in
 * a form that nobody reads, is an answer without text.
 */
import { sqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import type { Clock } from '../../src/base/seam.ts';
import { AvroSchemaError } from '../format/avro/bounded.ts';
import type { SchemaAnswer, SchemaType } from '../format/avro/writers.ts';
import type { ProtoFile } from '../format/protobuf/parse.ts';
import { bundled } from '../format/protobuf/parse.ts';
import { RegistryHttp, RegistryUnavailable } from './http.ts';
import { selfContained } from './self-contained.ts';

/** What sources ask of a registry. */
export interface SchemaRegistry {
  /** Throws SqlError 08001 if it does not answer. */
  validate(): Promise<void>;
  /** The schema of a number. Rejects with RegistryUnavailable. */
  byId(id: number): Promise<SchemaAnswer>;
  /** The newest schema of a subject. Rejects with RegistryUnavailable. */
  latest(subject: string): Promise<SchemaAnswer>;
  close(): void;
}

interface Reference {
  /** What the schema calls it: for Protobuf, the file that it imports. */
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** What an entry of the registry is, before its references are put in. */
interface Entry {
  readonly text: string;
  readonly type: SchemaType;
  readonly references: readonly Reference[];
}

const statusMissing = 404;

/** A registry by its URL. */
export class RegistryClient implements SchemaRegistry {
  readonly #url: string;
  readonly #http: RegistryHttp;
  /** Answers by number, the oldest first. */
  readonly #known = new Map<number, SchemaAnswer>();
  #knownUnits = 0;

  constructor(url: string, clock: Clock) {
    this.#url = url;
    this.#http = new RegistryHttp(url, clock);
  }

  async validate(): Promise<void> {
    try {
      await this.#ask('/config');
    } catch (error) {
      if (!(error instanceof RegistryUnavailable)) throw error;
      throw sqlError('08001', error.message);
    }
  }

  async byId(id: number): Promise<SchemaAnswer> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const answer = await this.#schema(`/schemas/ids/${id}`);
    if (answer.text !== null) this.#keep(id, answer);
    return answer;
  }

  latest(subject: string): Promise<SchemaAnswer> {
    return this.#schema(`/subjects/${encodeURIComponent(subject)}/versions/latest`);
  }

  close(): void {
    this.#http.close();
  }

  #keep(id: number, answer: SchemaAnswer): void {
    const units = (one: SchemaAnswer): number => one.text?.length ?? 0;
    this.#known.set(id, answer);
    this.#knownUnits += units(answer);
    for (const [oldest, old] of this.#known) {
      const isFull =
        this.#known.size > limits.avroWritersMax || this.#knownUnits > limits.registryKeptUnitsMax;
      if (!isFull || oldest === id) break;
      this.#known.delete(oldest);
      this.#knownUnits -= units(old);
    }
  }

  /** The JSON at a path; null if there is nothing. */
  async #ask(path: string): Promise<unknown> {
    const { status, body } = await this.#http.get(path);
    if (status === statusMissing) return null;
    if (status < 200 || status > 299)
      throw new RegistryUnavailable(`schema registry ${this.#url}: status ${status} for ${path}`);
    try {
      return JSON.parse(body);
    } catch {
      throw new RegistryUnavailable(`schema registry ${this.#url}: ${path} is not JSON`);
    }
  }

  async #schema(path: string): Promise<SchemaAnswer> {
    try {
      const entry = await this.#entry(path);
      if (entry === null)
        return { text: null, reason: `schema registry ${this.#url} does not have it` };
      const files = await this.#follow(entry);
      return { text: wholeText(entry, files), type: entry.type };
    } catch (error) {
      if (error instanceof AvroSchemaError) return { text: null, reason: error.message };
      throw error;
    }
  }

  /** An entry of the registry. Throws AvroSchemaError if nobody reads it. */
  async #entry(path: string): Promise<Entry | null> {
    const json = await this.#ask(path);
    if (json === null) return null;
    if (typeof json !== 'object' || !('schema' in json) || typeof json.schema !== 'string')
      throw new RegistryUnavailable(`schema registry ${this.#url}: ${path} has no schema`);
    const type = 'schemaType' in json ? (json.schemaType ?? 'AVRO') : 'AVRO';
    if (type !== 'AVRO' && type !== 'PROTOBUF' && type !== 'JSON')
      throw new AvroSchemaError(`it is of type ${JSON.stringify(type)}`);
    return {
      text: json.schema,
      type,
      references: 'references' in json ? referencesOf(json.references) : [],
    };
  }

  /** What an entry refers to, and what that refers to, by the names that they have there. */
  async #follow(entry: Entry): Promise<readonly ProtoFile[]> {
    const files = new Map<string, ProtoFile>();
    const open = [...entry.references];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const path = `/subjects/${encodeURIComponent(next.subject)}/versions/${next.version}`;
      const known = `${path} ${next.name}`;
      if (files.has(known)) continue;
      if (files.size >= limits.registryReferencesMax) {
        throw new AvroSchemaError(
          `it refers to more than ${limits.registryReferencesMax} schemas (registryReferencesMax)`,
        );
      }
      const found = await this.#entry(path);
      if (found === null) {
        throw new AvroSchemaError(
          `it refers to version ${next.version} of subject "${next.subject}", which does not exist`,
        );
      }
      files.set(known, [next.name, found.text]);
      open.push(...found.references);
    }
    return [...files.values()];
  }
}

/** An entry with all that it refers to. Throws AvroSchemaError. */
function wholeText(entry: Entry, files: readonly ProtoFile[]): string {
  switch (entry.type) {
    case 'AVRO':
      return selfContained(
        entry.text,
        files.map(([, text]) => text),
      );
    case 'PROTOBUF':
      return bundled(entry.text, onceEach(files));
    case 'JSON':
      return entry.text;
  }
}

/** Two files may import the same one. */
function onceEach(files: readonly ProtoFile[]): readonly ProtoFile[] {
  return [...new Map(files).entries()];
}

function referencesOf(json: unknown): readonly Reference[] {
  if (json === null || json === undefined) return [];
  if (!Array.isArray(json)) throw new AvroSchemaError('its references are malformed');
  const list: readonly unknown[] = json;
  return list.map((one) => {
    if (
      typeof one === 'object' &&
      one !== null &&
      'subject' in one &&
      'version' in one &&
      typeof one.subject === 'string' &&
      typeof one.version === 'number' &&
      Number.isSafeInteger(one.version)
    ) {
      const name = 'name' in one && typeof one.name === 'string' ? one.name : '';
      return { name, subject: one.subject, version: one.version };
    }
    throw new AvroSchemaError('its references are malformed');
  });
}
