/**
 * Schemas of a registry refer to one another; a decoder wants one text that defines all it names.
 * Each name is replaced, where it is first used, by the definition that another schema has of it,
 * with its full name and namespace, so that the place where it stands changes nothing.
 *
 * On the way two spellings that Avro's own tools take are made plain: `{"type": "Name"}` for a name
 * and a type in a type.
 */
import { AvroSchemaError, requireBounded } from '../format/avro/bounded.ts';

type Json = string | number | boolean | null | readonly Json[] | JsonObject;

interface JsonObject {
  readonly [name: string]: Json;
}

/** A definition and the namespace in which its names are meant. */
interface Definition {
  readonly node: JsonObject;
  readonly space: string;
}

const primitives = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
]);
const namedKinds = new Set(['record', 'error', 'enum', 'fixed']);

/** The schema `text`, which may name types of the schemas `references`. Throws AvroSchemaError. */
export function selfContained(text: string, references: readonly string[]): string {
  const expander = new Expander();
  for (const reference of references) expander.learn(parse(reference), '');
  return JSON.stringify(expander.expand(parse(text), ''));
}

function parse(text: string): Json {
  const trimmed = text.trim();
  if (primitives.has(trimmed)) return trimmed;
  let json: Json;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new AvroSchemaError(
      `the schema is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  requireBounded(json);
  return json;
}

function isList(json: Json | undefined): json is readonly Json[] {
  return Array.isArray(json);
}

function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !isList(json);
}

function qualified(name: string, space: string): string {
  return name.includes('.') || space === '' ? name : `${space}.${name}`;
}

function spaceOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')));
}

/** The full name of a definition. */
function nameOf(node: JsonObject, space: string): string {
  const name = typeof node['name'] === 'string' ? node['name'] : '';
  const own = typeof node['namespace'] === 'string' ? node['namespace'] : space;
  return qualified(name, own);
}

class Expander {
  readonly #definitions = new Map<string, Definition>();
  readonly #defined = new Set<string>();

  /** Notes every definition in a schema. */
  learn(node: Json | undefined, space: string): void {
    if (isList(node)) for (const part of node) this.learn(part, space);
    if (!isObject(node)) return;
    const { type } = node;
    if (typeof type !== 'string') return this.learn(type, space);
    if (!namedKinds.has(type)) {
      this.learn(node['items'], space);
      return this.learn(node['values'], space);
    }
    const name = nameOf(node, space);
    if (!this.#definitions.has(name)) this.#definitions.set(name, { node, space });
    const { fields } = node;
    if (!isList(fields)) return;
    for (const field of fields) if (isObject(field)) this.learn(field['type'], spaceOf(name));
  }

  expand(node: Json | undefined, space: string): Json {
    if (node === undefined) return null;
    if (typeof node === 'string') return this.#name(node, space);
    if (isList(node)) return node.map((part) => this.expand(part, space));
    if (!isObject(node)) return node;
    const { type } = node;
    if (typeof type !== 'string') return this.expand(type, space);
    if (namedKinds.has(type)) return this.#define(node, space);
    if (type === 'array') return { ...node, items: this.expand(node['items'], space) };
    if (type === 'map') return { ...node, values: this.expand(node['values'], space) };
    return primitives.has(type) ? node : this.#name(type, space);
  }

  #name(name: string, space: string): Json {
    if (primitives.has(name)) return name;
    const full = qualified(name, space);
    if (this.#defined.has(full)) return full;
    const definition = this.#definitions.get(full);
    return definition === undefined ? full : this.#define(definition.node, definition.space);
  }

  #define(node: JsonObject, space: string): Json {
    const name = nameOf(node, space);
    if (this.#defined.has(name)) return name;
    this.#defined.add(name);
    const own = spaceOf(name);
    const { fields } = node;
    const made = { ...node, name, namespace: own };
    if (!isList(fields)) return made;
    const expanded = fields.map((field) =>
      isObject(field) ? { ...field, type: this.expand(field['type'], own) } : field,
    );
    return { ...made, fields: expanded };
  }
}
