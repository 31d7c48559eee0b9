/**
 * What names mean at one place of a query. A scope is the namespace of one SELECT: the items of its
 * FROM clause, and behind it the scope of the surrounding query. Postgres' rules: an item may be
 * visible as a relation (`t.a`), by its columns (`a`), or both; a join hides the columns of its
 * sides behind its own; inner scopes shadow outer ones; two hits in one scope are ambiguous.
 */
import { sqlError, unsupported } from '../../base/error.ts';
import type { ErrorFields, SqlError } from '../../base/error.ts';
import type { QualifiedName } from '../ast.ts';
import type { Column } from '../logical/column.ts';

/** A column that can be named. */
export interface ScopeColumn {
  readonly name: string;
  readonly column: Column;
  /** Oid and 1-based attribute of a relation's column, else 0 and 0. */
  readonly tableOid: number;
  readonly attribute: number;
}

/** A table, subquery, function or join of a FROM clause. */
export interface ScopeItem {
  /** '' for joins and subqueries without alias. */
  readonly name: string;
  /** Schema of a relation without alias, so that `s.t.a` works. */
  readonly schema: string | null;
  /** The relation's own name, which an alias hides. */
  readonly relation?: string;
  readonly columns: readonly ScopeColumn[];
  readonly relationVisible: boolean;
  readonly columnsVisible: boolean;
}

/** Where an expression stands: decides what may occur in it and how messages name the place. */
export interface Scope {
  readonly parent: Scope | null;
  readonly items: readonly ScopeItem[];
  /** Items that exist but may not be named from here (LATERAL was not written). */
  readonly hidden: readonly ScopeItem[];
}

export const emptyScope: Scope = { parent: null, items: [], hidden: [] };

export interface FoundColumn {
  readonly found: ScopeColumn;
  /** 0 for the innermost scope. */
  readonly depth: number;
}

/** Resolves `a`, `t.a`, `s.t.a` or `d.s.t.a`. Throws 42702, 42703, 42P01 with position. */
export function resolveColumn(name: QualifiedName, scope: Scope): FoundColumn {
  const parts = name.parts;
  const column = parts[parts.length - 1] ?? '';
  if (parts.length === 1) return unqualified(column, name, scope);
  const { item, depth } = resolveItem(parts.slice(0, -1), name, scope);
  const matches = item.columns.filter((each) => each.name === column);
  if (matches.length > 1) throw ambiguous(column, name.position);
  const [found] = matches;
  if (found === undefined) {
    throw sqlError('42703', `column ${item.name}.${column} does not exist`, {
      position: name.position,
      ...hintFor(column, scope, item.name),
    });
  }
  return { found, depth };
}

function ambiguous(column: string, position: number): SqlError {
  return sqlError('42702', `column reference "${column}" is ambiguous`, { position });
}

function unqualified(column: string, name: QualifiedName, scope: Scope): FoundColumn {
  let depth = 0;
  for (let at: Scope | null = scope; at !== null; at = at.parent, depth++) {
    const matches = at.items
      .filter((item) => item.columnsVisible)
      .flatMap((item) => item.columns.filter((each) => each.name === column));
    if (matches.length > 1) throw ambiguous(column, name.position);
    const [found] = matches;
    if (found !== undefined) return { found, depth };
  }
  for (let at: Scope | null = scope; at !== null; at = at.parent) {
    if (at.items.some((item) => item.relationVisible && item.name === column)) {
      throw unsupported('a whole row as a value', name.position);
    }
  }
  throw sqlError('42703', `column "${column}" does not exist`, {
    position: name.position,
    ...hintFor(column, scope, ''),
  });
}

/** Resolves the relation part of a qualified name or of `t.*`. */
export function resolveItem(
  parts: readonly string[],
  name: QualifiedName,
  scope: Scope,
): { readonly item: ScopeItem; readonly depth: number } {
  const table = parts[parts.length - 1] ?? '';
  const schema = parts.length > 1 ? parts[parts.length - 2] : undefined;
  let depth = 0;
  for (let at: Scope | null = scope; at !== null; at = at.parent, depth++) {
    const matches = at.items.filter(
      (item) =>
        item.relationVisible &&
        item.name === table &&
        (schema === undefined || item.schema === schema),
    );
    if (matches.length > 1) {
      throw sqlError('42P09', `table reference "${table}" is ambiguous`, {
        position: name.position,
      });
    }
    const [item] = matches;
    if (item !== undefined) return { item, depth };
  }
  throw missingItem(table, name.position, scope);
}

const outOfReach = 'but it cannot be referenced from this part of the query.';

function missingItem(table: string, position: number, scope: Scope): SqlError {
  for (let at: Scope | null = scope; at !== null; at = at.parent) {
    const named = [...at.items, ...at.hidden].find((item) => item.name === table);
    const aliased = at.items.find((item) => item.relation === table);
    if (named === undefined && aliased === undefined) continue;
    return sqlError('42P01', `invalid reference to FROM-clause entry for table "${table}"`, {
      position,
      hint:
        named !== undefined || aliased === undefined
          ? `There is an entry for table "${table}", ${outOfReach}`
          : `Perhaps you meant to reference the table alias "${aliased.name}".`,
    });
  }
  return sqlError('42P01', `missing FROM-clause entry for table "${table}"`, { position });
}

/** Most edits that still make a column look like a misspelled one. */
const editsMax = 3;

/**
 * The hint of a missing column: a hidden one of that name, or one or two that are spelled alike.
 */
function hintFor(column: string, scope: Scope, item: string): Partial<ErrorFields> {
  for (let at: Scope | null = scope; at !== null; at = at.parent) {
    const hidden = at.hidden.find(
      (each) =>
        (item === '' || each.name === item) &&
        each.columns.some((candidate) => candidate.name === column),
    );
    if (hidden !== undefined) {
      return {
        hint: `There is a column named "${column}" in table "${hidden.name}", ${outOfReach}`,
      };
    }
  }
  const near = nearColumns(column, scope, item);
  const [first, second] = near;
  if (first === undefined || near.length > 2) return {};
  return second === undefined
    ? { hint: `Perhaps you meant to reference the column "${first}".` }
    : { hint: `Perhaps you meant to reference the column "${first}" or the column "${second}".` };
}

/** Qualified names of the closest columns, by edit distance. */
function nearColumns(column: string, scope: Scope, table: string): readonly string[] {
  let best = editsMax;
  let names: string[] = [];
  for (let at: Scope | null = scope; at !== null; at = at.parent) {
    for (const item of [...at.items, ...at.hidden]) {
      if (item.name === '') continue;
      const penalty = table === '' || table === item.name ? 0 : 1;
      for (const candidate of item.columns) {
        const distance = editDistance(column, candidate.name) + penalty;
        if (distance > best || distance > column.length / 2) continue;
        if (distance < best) names = [];
        best = distance;
        names.push(`${item.name}.${candidate.name}`);
      }
    }
  }
  return names;
}

/** Levenshtein's distance; names have at most 63 bytes. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
