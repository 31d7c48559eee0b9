/**
 * Columns of the logical language. A column is made once, by the operator that computes it, and is
 * named by its number ever after: moving an expression through joins and projections never shifts
 * anything, and a reference to a column that no operator below provides is a correlated one.
 * Positions appear only when the plan is lowered.
 */
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { SqlType } from '../catalog-view.ts';

export interface Column {
  /** Unique within one planning. */
  readonly id: number;
  /** For EXPLAIN and messages only. */
  readonly name: string;
  readonly type: TypeName;
  /** As in `SqlType`. */
  readonly modifier: number;
}

/** Hands out columns; one per planning, so that plans of equal texts are equal. */
export class ColumnMaker {
  #next = 0;

  make(name: string, type: SqlType): Column {
    return { id: this.#next++, name, type: type.name, modifier: type.modifier };
  }

  /** A new column of the same name and type. */
  like(column: Column): Column {
    return { ...column, id: this.#next++ };
  }
}

/** The type of a column as SQL sees it. */
export function columnSqlType(column: Column): SqlType {
  return { name: column.type, modifier: column.modifier };
}
