/** Statements of the grammar's tree to ours: the dispatch. */
import { defined } from '../../base/assert.ts';
import type { Statement } from '../ast.ts';
import { refuse } from './conversion.ts';
import type { Conversion } from './conversion.ts';
import { convertDelete, convertInsert, convertUpdate } from './convert-change.ts';
import {
  convertCreateSchema,
  convertCreateTable,
  convertCreateView,
} from './convert-definition.ts';
import { convertQuery } from './convert-query.ts';
import {
  convertCopy,
  convertDiscard,
  convertExecute,
  convertSet,
  convertTransaction,
} from './convert-session.ts';
import { convertType } from './convert-type.ts';
import type { Node, PrepareStmt } from './postgres-grammar.ts';

/** null for a statement that we do not have: the caller names it from its text. */
export function convertStatement(c: Conversion, node: Node): Statement | null {
  if ('SelectStmt' in node)
    return { kind: 'select', query: convertQuery(c, node.SelectStmt, c.start), position: c.start };
  if ('InsertStmt' in node) return convertInsert(c, node.InsertStmt);
  if ('UpdateStmt' in node) return convertUpdate(c, node.UpdateStmt);
  if ('DeleteStmt' in node) return convertDelete(c, node.DeleteStmt);
  if ('CreateStmt' in node) return convertCreateTable(c, node.CreateStmt);
  if ('ViewStmt' in node) return convertCreateView(c, node.ViewStmt);
  if ('CreateSchemaStmt' in node) return convertCreateSchema(c, node.CreateSchemaStmt);
  if ('VariableSetStmt' in node) return convertSet(c, node.VariableSetStmt);
  if ('TransactionStmt' in node) return convertTransaction(c, node.TransactionStmt);
  if ('PrepareStmt' in node) return convertPrepare(c, node.PrepareStmt);
  if ('ExecuteStmt' in node) return convertExecute(c, node.ExecuteStmt);
  if ('DeallocateStmt' in node)
    return { kind: 'deallocate', name: node.DeallocateStmt.name ?? null, position: c.start };
  if ('CheckPointStmt' in node) return { kind: 'checkpoint', position: c.start };
  if ('DiscardStmt' in node) return convertDiscard(c, node.DiscardStmt);
  if ('ClosePortalStmt' in node)
    return { kind: 'close', name: node.ClosePortalStmt.portalname ?? null, position: c.start };
  if ('CopyStmt' in node) return convertCopy(c, node.CopyStmt);
  if ('CreateTableAsStmt' in node) throw refuse(c, 'CREATE TABLE AS');
  return null;
}

function convertPrepare(c: Conversion, prepare: PrepareStmt): Statement {
  const types = (prepare.argtypes ?? []).map((node) => {
    if ('TypeName' in node) return convertType(c, node.TypeName);
    throw refuse(c, 'a parameter type of this kind');
  });
  const statement = convertStatement(c, defined(prepare.query, 'PREPARE has a statement'));
  if (statement === null) throw refuse(c, 'PREPARE of this statement');
  return { kind: 'prepare', name: prepare.name ?? '', types, statement, position: c.start };
}
