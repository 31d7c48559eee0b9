/**
 * A prepared statement's plan template, kept as long as the catalog and the search path stay what they
 * were. Holds at most one; a statement without a template is remembered as such.
 */
import { fillTemplate, planTemplate } from '../sql/plan-template.ts';
import type { PlannedQuery } from '../sql/planned.ts';
import type { Query } from '../sql/ast.ts';
import type { ExecutionContext } from './statement/context.ts';

/** One prepared statement's template. */
export class TemplateSlot {
  #version = -1;
  #searchPath = '';
  #template: PlannedQuery | null = null;

  /** The plan of one execution, or null if it has to be planned with its values. */
  plan(context: ExecutionContext, query: Query): PlannedQuery | null {
    const { version } = context.coordinator.catalog;
    const searchPath = context.session.settings.get('search_path') ?? '';
    if (version !== this.#version || searchPath !== this.#searchPath) {
      this.#template = planTemplate(query, context.session.catalog(), context.parameters.types);
      this.#version = version;
      this.#searchPath = searchPath;
    }
    return this.#template === null ? null : fillTemplate(this.#template, context.parameters.values);
  }
}
