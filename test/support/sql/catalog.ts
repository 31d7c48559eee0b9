/**
 * A catalog for tests: tables declared in one line each, views by their text.
 */
import type { Query } from '../../../src/sql/ast.ts';
import type {
  CatalogView,
  Relation,
  RelationColumn,
  SqlType,
} from '../../../src/sql/catalog-view.ts';
import { defined } from '../../../src/base/assert.ts';
import { parseOne } from '../../../src/sql/parse/parse.ts';
import { typeNamed } from '../../../src/sql/types/type-name.ts';

/** 2024-05-06 07:08:09.123456 UTC, µs since 2000-01-01. */
const nowMicroseconds = 768_294_489_123_456n;

/** `numeric(10,2)` → its type and modifier. */
function typeOf(text: string): SqlType {
  const match = /^(\w+?)(?:\((\d+)(?:,(\d+))?\))?(\[\])?$/.exec(text);
  const base = defined(match?.[1], `type ${text} can be read`);
  const first = match?.[2];
  const name = defined(
    typeNamed(match?.[4] === undefined ? base : `_${typeNamed(base)}`),
    `type ${text} exists`,
  );
  if (first === undefined) return { name, modifier: -1 };
  const modifier =
    name === 'numeric'
      ? ((Number(first) << 16) | Number(match?.[3] ?? 0)) + 4
      : name === 'varchar' || name === 'bpchar'
        ? Number(first) + 4
        : Number(first);
  return { name, modifier };
}

/** A catalog held in memory; `table` and `view` add to it. */
export class TestCatalog implements CatalogView {
  readonly #relations = new Map<string, Relation>();
  readonly currentDatabase = 'materialize';
  readonly currentSchema = 'public';
  readonly searchPath = ['public'];
  readonly currentUser = 'tester';
  readonly nowMicroseconds = nowMicroseconds;

  /** `table('t', 'a int4 not null, b text', [[0]])`: a stored table with indexes. */
  table(
    name: string,
    columns: string,
    indexes: readonly (readonly number[])[] = [],
    more: Partial<Relation> = {},
  ): this {
    const list = columns.split(/,(?![^(]*\))/).map((column): RelationColumn => {
      const [columnName = '', type = '', ...rest] = column.trim().split(/\s+/);
      return {
        name: columnName,
        type: typeOf(type),
        nullable: !rest.join(' ').includes('not null'),
      };
    });
    const oid = 16_384 + this.#relations.size;
    this.#relations.set(name, {
      oid,
      schema: 'public',
      name,
      kind: 'table',
      columns: list,
      collection: oid,
      stored: true,
      definition: null,
      searchPath: [],
      indexes,
      rows: null,
      ...more,
    });
    return this;
  }

  /** A view by the text of its query; `columns` are its column declarations. */
  view(name: string, columns: string, text: string): this {
    return this.table(name, columns, [], {
      kind: 'view',
      collection: -1,
      stored: false,
      definition: parseQuery(text),
      searchPath: ['public'],
    });
  }

  relation(parts: readonly string[]): Relation | undefined {
    const [schema, name] = parts.length > 1 ? parts.slice(-2) : ['public', parts[0]];
    return schema === 'public' && name !== undefined ? this.#relations.get(name) : undefined;
  }

  similar(): readonly string[] {
    return [];
  }

  setting(): string | undefined {
    return undefined;
  }

  relationOid(parts: readonly string[]): number | undefined {
    return this.relation(parts)?.oid;
  }

  relationName(oid: number): string | undefined {
    return [...this.#relations.values()].find((relation) => relation.oid === oid)?.name;
  }
}

/** The query of a SELECT text. */
export function parseQuery(text: string): Query {
  const statement = defined(parseOne(text), 'a statement').statement;
  if (statement.kind !== 'select') throw new Error(`a query is expected, not ${statement.kind}`);
  return statement.query;
}
