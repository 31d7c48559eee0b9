/**
 * Registers: what is kept beside a memory of words and must outlive the program with it. Each part
 * of an operator that keeps something saves and restores it itself; an operator's registers are
 * those of its parts, in a fixed order.
 */
import type { Saved } from '../value/saved.ts';
import { savedList } from '../value/saved-parts.ts';
import type { OperatorState } from './operator.ts';
import type { StateMemory } from './state-memory.ts';

export interface Registers {
  /** As plain data; between steps only. */
  save(): Saved;
  /** Takes over what `save` answered. Throws SqlError XX001 if that cannot be. */
  restore(saved: Saved): void;
}

/** The registers of several parts, as those of one; null is a part without any. */
export function together(parts: readonly (Registers | null)[]): Registers {
  const some = parts.filter((part) => part !== null);
  return {
    save: () => some.map((part) => part.save()),
    restore: (saved) => {
      const list = savedList(saved, some.length);
      some.forEach((part, p) => {
        part.restore(list[p]);
      });
    },
  };
}

/** The state of an operator with these memories, whose parts keep something beside them. */
export function stateOf(
  memories: readonly StateMemory[],
  parts: readonly (Registers | null)[],
): OperatorState {
  return { memories, ...together(parts) };
}
