/**
 * What an embedded registry holds: schemas by number, and for each subject its versions. Equal
 * schemas (same text, same references) have one number, whatever their subjects. A new version must
 * be compatible with those before it, as the subject's level says.
 */
import { assert } from '../../../src/base/assert.ts';
import { limits } from '../../../src/base/limits.ts';
import { AvroSchemaError } from '../../format/avro/bounded.ts';
import { parseSchema, unreadable } from '../../format/avro/parse.ts';
import type { SchemaType } from '../../format/avro/writers.ts';
import { unreadableProtobuf } from '../../format/protobuf/compatibility.ts';
import type { ProtoFile } from '../../format/protobuf/parse.ts';
import { ProtobufSchemaError, bundled, parseProtobuf } from '../../format/protobuf/parse.ts';
import { selfContained } from '../self-contained.ts';

/** Which schemas must be able to read which. */
export const compatibilityLevels = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const;

export type CompatibilityLevel = (typeof compatibilityLevels)[number];

export interface Reference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** A schema as it was registered. */
export interface RegisteredSchema {
  readonly id: number;
  readonly type: SchemaType;
  readonly schema: string;
  readonly references: readonly Reference[];
  /** With everything that it refers to. */
  readonly whole: string;
}

export interface Version {
  readonly subject: string;
  readonly version: number;
  readonly schema: RegisteredSchema;
}

/** A request that cannot be done: HTTP's status and the code that registries give. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

interface Subject {
  readonly versions: Version[];
  level: CompatibilityLevel | null;
  /** The number of the next version; those of deleted ones are not used again. */
  next: number;
}

/** See the head of this file. */
export class RegistryStore {
  readonly #byId = new Map<number, RegisteredSchema>();
  readonly #byText = new Map<string, RegisteredSchema>();
  readonly #subjects = new Map<string, Subject>();
  level: CompatibilityLevel = 'BACKWARD';

  subjects(): readonly string[] {
    return [...this.#subjects].filter(([, { versions }]) => versions.length > 0).map(([s]) => s);
  }

  /** Throws RegistryError 40403. */
  byId(id: number): RegisteredSchema {
    const found = this.#byId.get(id);
    if (found === undefined) throw new RegistryError(404, 40403, `Schema ${id} not found`);
    return found;
  }

  /** Versions of a subject, the oldest first. Throws RegistryError 40401. */
  versions(subject: string): readonly Version[] {
    const versions = this.#subjects.get(subject)?.versions ?? [];
    if (versions.length === 0)
      throw new RegistryError(404, 40401, `Subject '${subject}' not found.`);
    return versions;
  }

  /** A version by number; 'latest' is the newest. Throws RegistryError 40401, 40402. */
  version(subject: string, which: number | 'latest'): Version {
    const versions = this.versions(subject);
    const found =
      which === 'latest' ? versions.at(-1) : versions.find(({ version }) => version === which);
    if (found === undefined) throw new RegistryError(404, 40402, `Version ${which} not found.`);
    return found;
  }

  /** The version of a subject that has this schema. Throws RegistryError 40401, 40403. */
  lookUp(subject: string, text: string, references: readonly Reference[]): Version {
    const key = keyOf(text, references);
    const found = this.versions(subject).find(
      ({ schema }) => keyOf(schema.schema, schema.references) === key,
    );
    if (found === undefined) throw new RegistryError(404, 40403, 'Schema not found');
    return found;
  }

  /** Why a schema does not fit the versions of a subject; null if it does. */
  incompatibility(
    subject: string,
    text: string,
    references: readonly Reference[],
    type: SchemaType = 'AVRO',
    against?: Version,
  ): string | null {
    const level = this.levelOf(subject);
    const whole = this.#whole(text, references, type);
    const versions = this.#subjects.get(subject)?.versions ?? [];
    const isTransitive = level.endsWith('_TRANSITIVE');
    const others = against !== undefined ? [against] : isTransitive ? versions : versions.slice(-1);
    for (const { schema } of others) {
      const reason =
        schema.type === type
          ? conflict(level, type, whole, schema.whole)
          : `it was of type ${schema.type}`;
      if (reason !== null) return reason;
    }
    return null;
  }

  levelOf(subject: string): CompatibilityLevel {
    return this.#subjects.get(subject)?.level ?? this.level;
  }

  setLevel(subject: string, level: CompatibilityLevel): void {
    this.#subject(subject).level = level;
  }

  /** Adds a version; answers the schema. Throws RegistryError 42201, 409. */
  register(
    subject: string,
    text: string,
    references: readonly Reference[],
    type: SchemaType = 'AVRO',
  ): RegisteredSchema {
    const key = keyOf(text, references);
    const entry = this.#subject(subject);
    const known = entry.versions.find(
      ({ schema }) => keyOf(schema.schema, schema.references) === key,
    );
    if (known !== undefined) return known.schema;
    const reason = this.incompatibility(subject, text, references, type);
    if (reason !== null) {
      throw new RegistryError(
        409,
        409,
        `Schema being registered is incompatible with an earlier schema for subject "${subject}": ${reason}`,
      );
    }
    const schema = this.#byText.get(key) ?? this.#add(key, text, references, type);
    entry.versions.push({ subject, version: entry.next++, schema });
    return schema;
  }

  /** Takes versions away; answers their numbers. Schemas stay known by number. */
  remove(subject: string, which: number | 'latest' | 'all'): readonly number[] {
    const entry = this.#subjects.get(subject);
    const gone = which === 'all' ? this.versions(subject) : [this.version(subject, which)];
    assert(entry !== undefined, 'a subject with versions exists');
    const numbers = gone.map(({ version }) => version);
    const left = entry.versions.filter(({ version }) => !numbers.includes(version));
    entry.versions.splice(0, entry.versions.length, ...left);
    return numbers;
  }

  /** Every version that has a schema. */
  uses(id: number): readonly Version[] {
    return [...this.#subjects.values()].flatMap(({ versions }) =>
      versions.filter(({ schema }) => schema.id === id),
    );
  }

  #subject(name: string): Subject {
    const known = this.#subjects.get(name);
    if (known !== undefined) return known;
    if (this.#subjects.size >= limits.registrySubjectsMax)
      throw new RegistryError(500, 50001, 'The registry is full (registrySubjectsMax)');
    const made: Subject = { versions: [], level: null, next: 1 };
    this.#subjects.set(name, made);
    return made;
  }

  #add(
    key: string,
    text: string,
    references: readonly Reference[],
    type: SchemaType,
  ): RegisteredSchema {
    if (this.#byId.size >= limits.avroWritersMax)
      throw new RegistryError(500, 50001, 'The registry is full (avroWritersMax)');
    const whole = this.#whole(text, references, type);
    const schema = { id: this.#byId.size + 1, type, schema: text, references, whole };
    this.#byId.set(schema.id, schema);
    this.#byText.set(key, schema);
    return schema;
  }

  /** The self-contained text. Throws RegistryError 42201. */
  #whole(text: string, references: readonly Reference[], type: SchemaType): string {
    try {
      const files = this.#files(references);
      if (type === 'PROTOBUF') {
        const whole = bundled(text, [...new Map(files).entries()]);
        parseProtobuf(whole);
        return whole;
      }
      if (type === 'JSON') return JSON.stringify(JSON.parse(text));
      const texts = files.map(([, file]) => file);
      const whole = selfContained(text, texts);
      parseSchema(whole);
      return whole;
    } catch (error) {
      const isExpected =
        error instanceof AvroSchemaError ||
        error instanceof ProtobufSchemaError ||
        error instanceof SyntaxError;
      if (!isExpected) throw error;
      throw new RegistryError(422, 42201, `Invalid schema: ${error.message}`);
    }
  }

  /** What references lead to, and what that refers to. */
  #files(references: readonly Reference[]): readonly ProtoFile[] {
    return references.flatMap(({ name, subject, version }): readonly ProtoFile[] => {
      const { schema } = this.version(subject, version);
      return [[name, schema.schema], ...this.#files(schema.references)];
    });
  }
}

function keyOf(text: string, references: readonly Reference[]): string {
  return JSON.stringify([text, references.map(({ subject, version }) => [subject, version])]);
}

/** Why two versions of a subject do not go together; null if they do. */
function conflict(
  level: CompatibilityLevel,
  type: SchemaType,
  newer: string,
  older: string,
): string | null {
  if (type === 'JSON') return null;
  const cannot = type === 'AVRO' ? unreadable : unreadableProtobuf;
  const [direction] = level.split('_');
  const backward = direction === 'BACKWARD' || direction === 'FULL';
  const forward = direction === 'FORWARD' || direction === 'FULL';
  return (backward ? cannot(newer, older) : null) ?? (forward ? cannot(older, newer) : null);
}
