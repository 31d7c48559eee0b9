/**
 * A prepared INSERT's template, kept as long as the catalog and the settings stay what they were.
 * Holds at most one; a statement without a template is remembered as such.
 */
import type { Row } from '../../dataflow/value/datum.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';
import type { Relation } from '../sql/catalog-view.ts';
import type { InsertTemplate } from '../sql/insert-template.ts';
import { fillInsert, planInsertTemplate } from '../sql/insert-template.ts';
import type { InsertStatement } from '../sql/plan-write.ts';
import type { ExecutionContext } from './statement/context.ts';

/** Rows that one execution adds. */
export interface InsertedRows {
  readonly table: Relation;
  /** Of the table's columns; each may hold NULL in a batch on its way. */
  readonly types: readonly ColumnType[];
  readonly rows: readonly Row[];
}

/** The template of one prepared statement. */
export class InsertSlot {
  #catalogVersion = -1;
  #settingsVersion = -1;
  #template: InsertTemplate | null = null;
  #types: readonly ColumnType[] = [];

  /** The rows of one execution; null if it has to go the way of every other statement. */
  rows(context: ExecutionContext, statement: InsertStatement): InsertedRows | null {
    const template = this.#current(context, statement);
    if (template === null) return null;
    const rows = fillInsert(template, context.parameters.values);
    if (rows === null || !keepsNotNull(template.table, rows)) return null;
    return { table: template.table, types: this.#types, rows };
  }

  #current(context: ExecutionContext, statement: InsertStatement): InsertTemplate | null {
    const catalogVersion = context.coordinator.catalog.version;
    const settingsVersion = context.session.settings.version;
    if (catalogVersion !== this.#catalogVersion || settingsVersion !== this.#settingsVersion) {
      const { types } = context.parameters;
      this.#template = planInsertTemplate(statement, context.session.catalog(), types);
      this.#types = this.#template === null ? [] : rowTypes(this.#template.table);
      this.#catalogVersion = catalogVersion;
      this.#settingsVersion = settingsVersion;
    }
    return this.#template;
  }
}

/** Types of a table's rows on their way to it: whether they keep NOT NULL was seen before. */
export function rowTypes({ columns }: Relation): readonly ColumnType[] {
  return columns.map(({ type }) => ({ type: type.name, nullable: true }));
}

/** Whether no column that may not be NULL holds one. */
export function keepsNotNull({ columns }: Relation, rows: readonly Row[]): boolean {
  for (let c = 0; c < columns.length; c++) {
    if (columns[c]?.nullable === true) continue;
    for (const row of rows) if (row[c] === null) return false;
  }
  return true;
}
