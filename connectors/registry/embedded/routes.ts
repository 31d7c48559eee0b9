/**
 * The embedded registry's paths: method, path and body to an answer as JSON. Each route is a
 * pattern whose parts in braces are handed to its handler.
 */
import type { SchemaType } from '../../format/avro/writers.ts';
import { RegistryError, compatibilityLevels } from './store.ts';
import type { CompatibilityLevel, Reference, RegistryStore, Version } from './store.ts';

type Handler = (parts: readonly string[], body: unknown) => unknown;

interface Route {
  readonly method: string;
  readonly path: readonly string[];
  readonly handle: Handler;
}

/** See the head of this file. */
export class Routes {
  readonly #store: RegistryStore;
  readonly #routes: readonly Route[];

  constructor(store: RegistryStore) {
    this.#store = store;
    this.#routes = [
      ...this.#reading(),
      ...this.#writing(),
      ...this.#levels(),
      route('POST', 'compatibility/subjects/{}/versions/{}', ([subject, which], body) => {
        const { schema, references, type } = schemaOf(body);
        const against = store.version(subject ?? '', versionOf(which));
        const reason = store.incompatibility(subject ?? '', schema, references, type, against);
        return reason === null
          ? { is_compatible: true }
          : { is_compatible: false, messages: [reason] };
      }),
    ];
  }

  /** What a request gives, as JSON. Throws RegistryError. */
  answer(method: string, url: string, body: string): unknown {
    const [path = ''] = url.split('?');
    const segments = path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decoded);
    for (const candidate of this.#routes) {
      if (candidate.method !== method || candidate.path.length !== segments.length) continue;
      const fits = candidate.path.every((part, k) => part === '{}' || part === segments[k]);
      if (!fits) continue;
      const parts = segments.filter((_, k) => candidate.path[k] === '{}');
      return candidate.handle(parts, body === '' ? null : parsed(body));
    }
    throw new RegistryError(404, 404, `HTTP 404 Not Found`);
  }

  #reading(): readonly Route[] {
    const store = this.#store;
    return [
      route('GET', '', () => ({})),
      route('GET', 'schemas/types', () => schemaTypes),
      route('GET', 'schemas/ids/{}', ([id]) => {
        const { schema, type, references } = store.byId(Number(id));
        return {
          schema,
          ...(type === 'AVRO' ? {} : { schemaType: type }),
          ...(references.length === 0 ? {} : { references }),
        };
      }),
      route('GET', 'schemas/ids/{}/versions', ([id]) =>
        store.uses(store.byId(Number(id)).id).map(({ subject, version }) => ({ subject, version })),
      ),
      route('GET', 'subjects', () => store.subjects()),
      route('GET', 'subjects/{}/versions', ([subject]) =>
        store.versions(subject ?? '').map(({ version }) => version),
      ),
      route('GET', 'subjects/{}/versions/{}', ([subject, which]) =>
        versionText(store.version(subject ?? '', versionOf(which))),
      ),
    ];
  }

  #writing(): readonly Route[] {
    const store = this.#store;
    return [
      route('POST', 'subjects/{}/versions', ([subject], body) => {
        const { schema, references, type } = schemaOf(body);
        return { id: store.register(subject ?? '', schema, references, type).id };
      }),
      route('POST', 'subjects/{}', ([subject], body) => {
        const { schema, references } = schemaOf(body);
        return versionText(store.lookUp(subject ?? '', schema, references));
      }),
      route('DELETE', 'subjects/{}', ([subject]) => store.remove(subject ?? '', 'all')),
      route('DELETE', 'subjects/{}/versions/{}', ([subject, which]) => {
        const [version] = store.remove(subject ?? '', versionOf(which));
        return version;
      }),
    ];
  }

  #levels(): readonly Route[] {
    const store = this.#store;
    return [
      route('GET', 'config', () => ({ compatibilityLevel: store.level })),
      route('GET', 'config/{}', ([subject]) => ({
        compatibilityLevel: store.levelOf(subject ?? ''),
      })),
      route('PUT', 'config', (_, body) => {
        store.level = levelOf(body);
        return { compatibility: store.level };
      }),
      route('PUT', 'config/{}', ([subject], body) => {
        store.setLevel(subject ?? '', levelOf(body));
        return { compatibility: store.levelOf(subject ?? '') };
      }),
    ];
  }
}

const schemaTypes = ['AVRO', 'PROTOBUF', 'JSON'] as const;

function route(method: string, path: string, handle: Handler): Route {
  return { method, path: path.split('/').filter((part) => part !== ''), handle };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new RegistryError(400, 400, 'the path is malformed');
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new RegistryError(400, 400, 'the body is not JSON');
  }
}

function versionText({ subject, version, schema }: Version): object {
  const { id, schema: text, references, type } = schema;
  return {
    subject,
    version,
    id,
    schema: text,
    ...(type === 'AVRO' ? {} : { schemaType: type }),
    ...(references.length === 0 ? {} : { references }),
  };
}

function versionOf(text: string | undefined): number | 'latest' {
  if (text === 'latest' || text === '-1') return 'latest';
  const version = Number(text);
  if (!Number.isInteger(version) || version < 1)
    throw new RegistryError(422, 42202, `The specified version '${text}' is not valid.`);
  return version;
}

function levelOf(body: unknown): CompatibilityLevel {
  const named = typeof body === 'object' && body !== null && 'compatibility' in body;
  const level = compatibilityLevels.find((one) => named && one === body.compatibility);
  if (level === undefined) throw new RegistryError(422, 42203, 'Invalid compatibility level');
  return level;
}

function schemaOf(body: unknown): {
  schema: string;
  references: readonly Reference[];
  type: SchemaType;
} {
  if (
    typeof body !== 'object' ||
    body === null ||
    !('schema' in body) ||
    typeof body.schema !== 'string'
  )
    throw new RegistryError(422, 42201, 'Empty schema');
  const given = 'schemaType' in body ? (body.schemaType ?? 'AVRO') : 'AVRO';
  const type = schemaTypes.find((one) => one === given);
  if (type === undefined)
    throw new RegistryError(422, 42201, 'the type of the schema is not known');
  const list: readonly unknown[] =
    'references' in body && Array.isArray(body.references) ? body.references : [];
  return { schema: body.schema, references: list.map(referenceOf), type };
}

function referenceOf(one: unknown): Reference {
  if (
    typeof one === 'object' &&
    one !== null &&
    'subject' in one &&
    'version' in one &&
    typeof one.subject === 'string' &&
    typeof one.version === 'number'
  ) {
    const name = 'name' in one && typeof one.name === 'string' ? one.name : '';
    return { name, subject: one.subject, version: one.version };
  }
  throw new RegistryError(422, 42201, 'Invalid references');
}
