import type { Statement } from '../../sql/ast.ts';
import type { Outcome } from '../session.ts';
import { rowStream } from '../row-stream.ts';
import { planRead } from '../planning.ts';
import { explainColumns } from './analyse.ts';
import type { ExecutionContext } from './context.ts';
export function explain(context: ExecutionContext, statement: Extract<Statement, { kind: 'explain' }>): Outcome {
  const inner = statement.statement;
  const text = inner.kind === 'select' ? JSON.stringify(planRead(context, inner.query, 'once').plan, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v), 1) : '';
  return rowStream(explainColumns, text.split('\n').map((line) => [line]), 'EXPLAIN');
}
