/**
 * A prepared statement's plan template, kept as long as the catalog and the settings stay what they
 * were. Holds at most one; a statement without a template is remembered as such. If nothing but the
 * key is open, the engine knows the lookup too, and an execution sends no more than its key.
 */
import type { Datum } from '../../dataflow/value/datum.ts';
import { fillKey, fillTemplate, onlyKeyIsOpen, planTemplate } from '../sql/plan-template.ts';
import type { PlannedQuery } from '../sql/planned.ts';
import type { Query } from '../sql/ast.ts';
import type { RegisteredLookup } from './registered-lookups.ts';
import type { ExecutionContext } from './statement/context.ts';

export interface KeyLookup {
  readonly lookup: RegisteredLookup;
  readonly key: readonly Datum[];
}

/** The template of one prepared statement. */
export class TemplateSlot {
  #catalogVersion = -1;
  #settingsVersion = -1;
  #template: PlannedQuery | null = null;
  #registered: RegisteredLookup | null = null;
  #registrable = false;

  /** The plan of one execution, or null if it has to be planned with its values. */
  plan(context: ExecutionContext, query: Query): PlannedQuery | null {
    const template = this.#current(context, query);
    return template === null ? null : fillTemplate(template, context.parameters.values);
  }

  /** The key of one execution and the lookup that takes it, or null if it needs more than that. */
  key(context: ExecutionContext, query: Query): KeyLookup | null {
    const template = this.#current(context, query);
    if (template === null || !this.#registrable) return null;
    const key = fillKey(template, context.parameters.values);
    if (key === null) return null;
    if (this.#registered?.live !== true) {
      this.#registered = context.coordinator.lookups.register(
        template,
        context.coordinator.catalog.version,
      );
    }
    return { lookup: this.#registered, key };
  }

  #current(context: ExecutionContext, query: Query): PlannedQuery | null {
    const catalogVersion = context.coordinator.catalog.version;
    const settingsVersion = context.session.settings.version;
    if (catalogVersion !== this.#catalogVersion || settingsVersion !== this.#settingsVersion) {
      this.#template = planTemplate(query, context.session.catalog(), context.parameters.types);
      this.#registrable = this.#template !== null && onlyKeyIsOpen(this.#template);
      this.#registered = null;
      this.#catalogVersion = catalogVersion;
      this.#settingsVersion = settingsVersion;
    }
    return this.#template;
  }
}
