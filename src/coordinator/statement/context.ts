/**
 * What a statement gets to run with. One file per statement kind beside this one exports a function
 * `(context, statement) => Promise<Outcome>`; `execute.ts` chooses among them.
 */
import type { Datum } from '../../../dataflow/value/datum.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { Statement } from '../../sql/ast.ts';
import type { Cancellation } from '../cancellation.ts';
import type { Coordinator } from '../coordinator.ts';
import type { Outcome } from '../session.ts';
import type { SessionState } from '../session-state.ts';
import type { TemplateSlot } from '../template-slot.ts';

export interface Parameters {
  readonly types: readonly TypeName[];
  readonly values: readonly Datum[];
}

export interface ExecutionContext {
  readonly coordinator: Coordinator;
  readonly session: SessionState;
  readonly parameters: Parameters;
  readonly cancellation: Cancellation;
  /** The plan template of the prepared statement that runs; null for a statement that runs once. */
  readonly template: TemplateSlot | null;
  /** Runs another statement in its place: what EXECUTE does. */
  execute(context: ExecutionContext, statement: Statement): Promise<Outcome>;
}

export const noParameters: Parameters = { types: [], values: [] };

/** The outcome of a statement that only has a tag. */
export function command(tag: string): Outcome {
  return { kind: 'command', tag };
}
