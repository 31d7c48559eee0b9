/**
 * Which steps an operator that reads arrangements stands between: the state before is the state at
 * `from`, the state after is the state at `to`. `from` is -1 while a dataflow hydrates: before it
 * there was nothing. The dataflow moves its clock; operators only read it.
 */
export interface StepClock {
  from: number;
  to: number;
}

/** `from` of a dataflow that has seen nothing yet. */
export const never = -1;
