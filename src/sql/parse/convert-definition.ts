/** CREATE TABLE, VIEW and SCHEMA of the grammar's tree to ours. */
import { assert, defined } from '../../base/assert.ts';
import { sqlError } from '../../base/error.ts';
import type { ColumnDefinition, Expression, PrimaryKey, Statement, TypeReference } from '../ast.ts';
import { types } from '../../../dataflow/value/type.ts';
import { isCollation } from '../types/collation.ts';
import { refuse, refuseWords, stringsOf } from './conversion.ts';
import type { Conversion } from './conversion.ts';
import { convertRequired } from './convert-expression.ts';
import { relationName } from './convert-from.ts';
import { convertQueryNode } from './convert-query.ts';
import { convertType } from './convert-type.ts';
import type {
  CollateClause,
  ColumnDef,
  Constraint,
  CreateSchemaStmt,
  CreateStmt,
  ViewStmt,
} from './postgres-grammar.ts';

/**
 * CREATE TABLE: columns with NOT NULL, DEFAULT and PRIMARY KEY; other clauses are refused by name.
 */
export function convertCreateTable(c: Conversion, create: CreateStmt): Statement {
  const relation = defined(create.relation, 'CREATE TABLE names a table');
  refuseTableClauses(c, create);
  if (relation.relpersistence === 'u') throw refuse(c, 'an UNLOGGED table', relation.location);
  return {
    kind: 'createTable',
    name: relationName(c, relation),
    ifNotExists: create.if_not_exists === true,
    columns: convertColumns(c, create),
    primaryKey: primaryKeyOf(c, create),
    temporary: relation.relpersistence === 't',
    position: c.start,
  };
}

function refuseTableClauses(c: Conversion, create: CreateStmt): void {
  if (create.inhRelations !== undefined)
    throw refuseWords(c, create.partbound === undefined ? 'INHERITS' : 'PARTITION OF');
  if (create.partspec !== undefined) throw refuse(c, 'PARTITION BY', create.partspec.location);
  if (create.ofTypename !== undefined)
    throw refuse(c, 'CREATE TABLE … OF', create.ofTypename.location);
  const option = create.options?.[0];
  if (option !== undefined && 'DefElem' in option)
    throw refuse(c, `table option "${option.DefElem.defname ?? ''}"`, option.DefElem.location);
  if (create.oncommit !== undefined && create.oncommit !== 'ONCOMMIT_NOOP')
    throw refuseWords(c, 'ON COMMIT');
  if (create.tablespacename !== undefined) throw refuseWords(c, 'TABLESPACE');
  if (create.accessMethod !== undefined) throw refuseWords(c, 'a table access method', 'using');
}

/**
 * The columns of CREATE TABLE and of a typed CREATE SOURCE, with table-level primary keys applied.
 */
export function convertColumns(c: Conversion, create: CreateStmt): ColumnDefinition[] {
  const columns: ColumnDefinition[] = [];
  const keys: Constraint[] = [];
  for (const node of create.tableElts ?? []) {
    if ('ColumnDef' in node) {
      columns.push(convertColumn(c, node.ColumnDef));
    } else if ('Constraint' in node && node.Constraint.contype === 'CONSTR_PRIMARY') {
      keys.push(node.Constraint);
    } else if ('Constraint' in node) {
      throw refuseConstraint(c, node.Constraint);
    } else {
      throw refuseWords(c, 'LIKE in CREATE TABLE', 'like');
    }
  }
  return withPrimaryKey(c, create, columns, keys);
}

function withPrimaryKey(
  c: Conversion,
  create: CreateStmt,
  columns: ColumnDefinition[],
  keys: readonly Constraint[],
): ColumnDefinition[] {
  const key = keys[0];
  const inColumns = columns.filter((column) => column.primaryKey);
  const second = keys[inColumns.length === 0 ? 1 : 0];
  if (second !== undefined || inColumns.length > 1) {
    const table = defined(create.relation, 'CREATE TABLE names a table').relname ?? '';
    throw sqlError('42P16', `multiple primary keys for table "${table}" are not allowed`, {
      position: second === undefined ? (inColumns[1]?.position ?? c.start) : c.at(second.location),
    });
  }
  if (key === undefined) return columns;
  refuseKeyClauses(c, key);
  const position = c.at(key.location);
  const names = stringsOf(key.keys);
  for (const [i, name] of names.entries()) {
    if (names.indexOf(name) !== i) {
      throw sqlError('42701', `column "${name}" appears twice in primary key constraint`, {
        position,
      });
    }
    if (!columns.some((column) => column.name === name)) {
      throw sqlError('42703', `column "${name}" named in key does not exist`, { position });
    }
  }
  return columns.map((column) =>
    names.includes(column.name) ? { ...column, primaryKey: true, notNull: true } : column,
  );
}

/**
 * The primary key, however it is written; `convertColumns` has checked that there is one at most.
 */
function primaryKeyOf(c: Conversion, create: CreateStmt): PrimaryKey | null {
  for (const node of create.tableElts ?? []) {
    if ('Constraint' in node && node.Constraint.contype === 'CONSTR_PRIMARY') {
      return primaryKey(c, node.Constraint, stringsOf(node.Constraint.keys));
    }
    if (!('ColumnDef' in node)) continue;
    for (const each of node.ColumnDef.constraints ?? []) {
      if ('Constraint' in each && each.Constraint.contype === 'CONSTR_PRIMARY') {
        return primaryKey(c, each.Constraint, [node.ColumnDef.colname ?? '']);
      }
    }
  }
  return null;
}

function primaryKey(c: Conversion, constraint: Constraint, columns: readonly string[]): PrimaryKey {
  return { name: constraint.conname ?? null, columns, position: c.at(constraint.location) };
}

function refuseKeyClauses(c: Conversion, key: Constraint): void {
  if (key.without_overlaps === true) throw refuse(c, 'WITHOUT OVERLAPS', key.location);
  if (key.including !== undefined) throw refuse(c, 'INCLUDE in a primary key', key.location);
  if (key.deferrable === true || key.initdeferred === true)
    throw refuse(c, 'DEFERRABLE', key.location);
  if (key.options !== undefined || key.indexname !== undefined || key.indexspace !== undefined) {
    throw refuse(c, 'an index option of a primary key', key.location);
  }
}

function convertColumn(c: Conversion, column: ColumnDef): ColumnDefinition {
  if (column.compression !== undefined) throw refuse(c, 'COMPRESSION', column.location);
  if (column.storage_name !== undefined || column.storage !== undefined)
    throw refuse(c, 'STORAGE', column.location);
  if (column.fdwoptions !== undefined)
    throw refuse(c, 'OPTIONS in a column definition', column.location);
  const type = column.typeName;
  if (type === undefined) throw refuse(c, 'a column without a type', column.location);
  const reference = convertType(c, type);
  if (column.collClause !== undefined) checkCollation(c, column.collClause, reference);
  let notNull = false;
  let primaryKey = false;
  let value: Expression | null = null;
  let text: string | null = null;
  for (const node of column.constraints ?? []) {
    assert('Constraint' in node, 'a column has constraints');
    const constraint = node.Constraint;
    switch (constraint.contype) {
      case 'CONSTR_NOTNULL':
        notNull = true;
        break;
      case 'CONSTR_NULL':
        break;
      case 'CONSTR_DEFAULT':
        value = convertRequired(c, constraint.raw_expr);
        text = c.textOfDefault(c.at(constraint.location));
        break;
      case 'CONSTR_PRIMARY':
        refuseKeyClauses(c, constraint);
        primaryKey = true;
        notNull = true;
        break;
      default:
        throw refuseConstraint(c, constraint);
    }
  }
  return {
    name: column.colname ?? '',
    type: reference,
    notNull,
    default: value,
    defaultText: text,
    primaryKey,
    position: c.at(column.location),
  };
}

const textTypes = new Set(['text', 'varchar', 'bpchar', 'char', 'name']);

/** COLLATE of a column: text types can have one, and all there are order as code points do. */
function checkCollation(c: Conversion, clause: CollateClause, type: TypeReference): void {
  const position = c.at(clause.location);
  const name = stringsOf(clause.collname).join('.');
  if (!isCollation(stringsOf(clause.collname).at(-1) ?? '')) {
    throw sqlError('42704', `collation "${name}" for encoding "UTF8" does not exist`, { position });
  }
  const typeName = type.name.parts.at(-1) ?? '';
  if (textTypes.has(typeName)) return;
  const shown = types.find((each) => each.name === typeName)?.sqlName ?? typeName;
  throw sqlError('42804', `collations are not supported by type ${shown}`, { position });
}

const constraintNames = new Map<string, string>([
  ['CONSTR_CHECK', 'a CHECK constraint'],
  ['CONSTR_UNIQUE', 'a UNIQUE constraint'],
  ['CONSTR_FOREIGN', 'a FOREIGN KEY constraint'],
  ['CONSTR_EXCLUSION', 'an EXCLUDE constraint'],
  ['CONSTR_GENERATED', 'a generated column'],
  ['CONSTR_IDENTITY', 'an identity column'],
  ['CONSTR_NOTNULL', 'a NOT NULL table constraint'],
]);

function refuseConstraint(c: Conversion, constraint: Constraint): Error {
  const name = constraintNames.get(String(constraint.contype)) ?? 'a constraint attribute';
  return refuse(c, name, constraint.location);
}

/** CREATE VIEW with the text of its query; options, TEMPORARY and RECURSIVE are refused. */
export function convertCreateView(c: Conversion, create: ViewStmt): Statement {
  const view = defined(create.view, 'CREATE VIEW names a view');
  const option = create.options?.[0];
  if (option !== undefined && 'DefElem' in option)
    throw refuse(c, `view option "${option.DefElem.defname ?? ''}"`, option.DefElem.location);
  if (create.withCheckOption !== undefined && create.withCheckOption !== 'NO_CHECK_OPTION')
    throw refuseWords(c, 'WITH CHECK OPTION', 'check option');
  if (view.relpersistence === 't') throw refuse(c, 'a TEMPORARY view', view.location);
  if (isRecursiveView(create)) throw refuse(c, 'CREATE RECURSIVE VIEW', view.location);
  return {
    kind: 'createView',
    name: relationName(c, view),
    ifNotExists: false,
    orReplace: create.replace === true,
    materialized: false,
    columns: stringsOf(create.aliases),
    query: convertQueryNode(c, create.query, c.start),
    queryText: c.textAfterAs(),
    with: [],
    position: c.start,
  };
}

/** The grammar rewrites CREATE RECURSIVE VIEW into a WITH that has no location. */
function isRecursiveView(create: ViewStmt): boolean {
  const query = create.query;
  return (
    query !== undefined && 'SelectStmt' in query && query.SelectStmt.withClause?.location === -1
  );
}

/** CREATE SCHEMA without an owner and without elements. */
export function convertCreateSchema(c: Conversion, create: CreateSchemaStmt): Statement {
  if (create.authrole !== undefined) throw refuse(c, 'AUTHORIZATION', create.authrole.location);
  if (create.schemaElts !== undefined) throw refuse(c, 'an element in CREATE SCHEMA');
  return {
    kind: 'createSchema',
    name: { parts: [create.schemaname ?? ''], position: c.start },
    ifNotExists: create.if_not_exists === true,
    position: c.start,
  };
}
