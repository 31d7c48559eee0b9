/**
 * Prepared statements as statements see them: the protocol's `PreparedStatement` with its syntax
 * tree.
 */
import { assert } from '../../base/assert.ts';
import { sqlError } from '../../base/error.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { Statement } from '../../sql/ast.ts';
import type { PreparedStatement } from '../session.ts';
import type { InsertSlot } from '../insert-slot.ts';
import type { TemplateSlot } from '../template-slot.ts';
import type { ExecutionContext } from './context.ts';

/** A prepared statement with what is needed to run it. */
export interface Analysed extends PreparedStatement {
  readonly statement: Statement | null;
  readonly declared: readonly (TypeName | null)[];
  readonly template: TemplateSlot;
  readonly insert: InsertSlot;
}

/** Prepared statements come from `analyse`, whatever protocol kept them in between. */
export function asAnalysed(prepared: PreparedStatement): Analysed {
  assert(isAnalysed(prepared), 'a prepared statement was made by analyse');
  return prepared;
}

function isAnalysed(prepared: PreparedStatement): prepared is Analysed {
  return 'statement' in prepared && 'declared' in prepared;
}

/** The prepared statement of a name. Throws 26000. */
export function preparedNamed(context: ExecutionContext, name: string): Analysed {
  const prepared = context.session.statements.get(name);
  if (prepared === undefined)
    throw sqlError('26000', `prepared statement "${name}" does not exist`);
  return asAnalysed(prepared);
}
