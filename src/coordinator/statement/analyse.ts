/**
 * Analysis without execution: the parameters and result columns of a statement, for Parse, Describe
 * and PREPARE.
 */
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { Statement } from '../../sql/ast.ts';
import type { ResultColumn } from '../../sql/planned.ts';
import { checkLiterals } from '../../sql/plan-literals.ts';
import { describeQuery } from '../../sql/plan-query.ts';
import type { Described } from '../../sql/plan-query.ts';
import { describeWrite } from '../../sql/plan-write.ts';
import { InsertSlot } from '../insert-slot.ts';
import { resultColumn } from '../row-stream.ts';
import { subscribeColumns } from '../subscribe-rows.ts';
import { TemplateSlot } from '../template-slot.ts';
import type { Analysed } from './analysed.ts';
import { preparedNamed } from './analysed.ts';
import type { ExecutionContext } from './context.ts';
import { fetchColumns } from './cursor.ts';
import { showColumns } from './setting.ts';
import { objectColumns } from './show-objects.ts';

/** EXPLAIN's one column. */
export const explainColumns: readonly ResultColumn[] = [resultColumn('QUERY PLAN')];

function noRows(): Described {
  return { parameters: [], columns: null };
}

function rows(columns: readonly ResultColumn[]): Described {
  return { parameters: [], columns };
}

function describe(
  context: ExecutionContext,
  statement: Statement,
  declared: readonly (TypeName | null)[],
): Described {
  switch (statement.kind) {
    case 'select':
      return describeQuery(statement.query, context.session.catalog(), declared, 'once');
    case 'subscribe': {
      const described = describeQuery(
        statement.query,
        context.session.catalog(),
        declared,
        'subscribed',
      );
      return {
        ...described,
        columns: subscribeColumns(described.columns ?? [], statement.progress),
      };
    }
    case 'insert':
    case 'update':
    case 'delete':
      if (declared.length === 0 && checkLiterals(statement, context.session.catalog()))
        return noRows();
      return describeWrite(statement, context.session.catalog(), declared);
    case 'execute':
      return { parameters: [], columns: preparedNamed(context, statement.name).columns };
    case 'fetch':
      return statement.move === true ? noRows() : rows(fetchColumns(context, statement.name));
    case 'show':
      return rows(showColumns(context, statement.name));
    case 'showObjects':
      return rows(objectColumns(statement.object));
    case 'explain':
      return rows(explainColumns);
    default:
      return noRows();
  }
}

/** Throws what Postgres would say about the statement. */
export function analyse(
  context: ExecutionContext,
  statement: Statement | null,
  declared: readonly (TypeName | null)[],
  text: string,
): Analysed {
  const described = statement === null ? noRows() : describe(context, statement, declared);
  const plans = { template: new TemplateSlot(), insert: new InsertSlot() };
  return { ...described, statement, declared, text, ...plans };
}
