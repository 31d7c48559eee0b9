/**
 * What one act of binding carries around: the catalog, the columns handed out, the parameters
 * found, the relations read, and the mode. One object per statement.
 */
import type { Datum } from '../../../dataflow/value/datum.ts';
import type { Zone } from '../../../dataflow/value/timezone.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { sqlError } from '../../base/error.ts';
import { limits } from '../../base/limits.ts';
import type { CatalogView } from '../catalog-view.ts';
import type { Effect } from '../planned.ts';
import { ColumnMaker } from '../logical/column.ts';
import type { Definition, Rel } from '../logical/rel.ts';
import { columnsOf } from '../logical/rel.ts';
import { formatType } from '../types/type-name.ts';
import { sessionZone } from './session-zone.ts';

/**
 * A query answered once at one time, one kept up to date for the session that asked, or one kept up
 * to date for everybody.
 */
export type Mode = 'once' | 'subscribed' | 'maintained';

/** Parameters of a statement as the caller knows them. */
export interface ParameterTypes {
  /** Types of $1, $2, …; null leaves it to inference; beyond the end likewise. */
  readonly types: readonly (TypeName | null)[];
  /** Their values, or null when the statement is only described. */
  readonly values: readonly Datum[] | null;
}

/** Types of parameters, found while binding: the first context that asks for a type decides. */
export class ParameterInference {
  readonly #types = new Map<number, TypeName>();
  readonly #seen = new Set<number>();

  constructor(declared: readonly (TypeName | null)[]) {
    declared.forEach((type, i) => {
      if (type !== null && type !== 'unknown') this.#types.set(i + 1, type);
    });
  }

  /** The type of $n so far; `unknown` if nothing has decided. */
  typeOf(number: number, position: number): TypeName {
    if (number < 1 || number > limits.parametersMax) {
      throw sqlError('42P02', `there is no parameter $${number}`, { position });
    }
    this.#seen.add(number);
    return this.#types.get(number) ?? 'unknown';
  }

  /** A context wants $n to be of a type. */
  decide(number: number, type: TypeName, position: number): void {
    const before = this.#types.get(number);
    if (before === undefined) this.#types.set(number, type);
    else if (before !== type) {
      const [one, other] = [before, type].map((name) => formatType({ name, modifier: -1 }));
      throw sqlError('42P08', `inconsistent types deduced for parameter $${number}`, {
        detail: `${one} versus ${other}`,
        position,
      });
    }
  }

  /** All types, $1 first. Throws 42P18 for one that nothing has decided. */
  all(): readonly TypeName[] {
    const count = Math.max(0, ...this.#seen, ...this.#types.keys());
    return Array.from({ length: count }, (_, i) => {
      const type = this.#types.get(i + 1);
      if (type !== undefined) return type;
      throw sqlError('42P18', `could not determine data type of parameter $${i + 1}`);
    });
  }
}

/** See `BindContext.literals`. */
export type LiteralMeaning = 'session' | 'fixing' | 'fixed';

/** The state of one act of binding; see above. */
export class BindContext {
  readonly catalog: CatalogView;
  readonly mode: Mode;
  readonly columns: ColumnMaker;
  readonly parameters: ParameterInference;
  /** Oids of relations read, views included. */
  readonly dependencies: Set<number>;
  /** What the query does besides answering. */
  readonly effects: Effect[];
  readonly #counter: { definitions: number; views: number; depth: number };
  /**
   * False once the plan depends on the session, the time or a parameter's value: it serves one
   * execution.
   */
  repeatable = true;

  /** The zone of the session if it is not UTC. */
  readonly zone: Zone | null;

  /**
   * How literals of dates and times are read: as the session means them; or, in a DEFAULT, in UTC
   * and without a clock, and with 'fixing' refused where the session means something else.
   */
  literals: LiteralMeaning = 'session';

  /** Values of $1, $2, …, or null if the statement is only described. */
  readonly values: readonly Datum[] | null;

  constructor(catalog: CatalogView, mode: Mode, parameters: ParameterTypes, parent?: BindContext) {
    this.catalog = catalog;
    this.mode = mode;
    // A view's text means the same in every zone.
    this.zone = parent === undefined ? sessionZone(catalog) : null;
    this.columns = parent?.columns ?? new ColumnMaker();
    this.parameters =
      parent === undefined ? new ParameterInference(parameters.types) : new ParameterInference([]);
    this.values = parent === undefined ? parameters.values : [];
    this.dependencies = parent?.dependencies ?? new Set();
    this.effects = parent?.effects ?? [];
    this.#counter = parent === undefined ? { definitions: 0, views: 0, depth: 0 } : parent.#counter;
  }

  /** The context in which a view's text means what it meant when the view was made. */
  inside(catalog: CatalogView): BindContext {
    if (++this.#counter.views > limits.viewsExpandedMax) {
      throw sqlError('54001', `a statement expands at most ${limits.viewsExpandedMax} views`);
    }
    return new BindContext(catalog, this.mode, { types: [], values: [] }, this);
  }

  /** Runs `bind` one query deeper. */
  nested<T>(bind: () => T): T {
    if (this.#counter.depth >= limits.queryDepthMax) {
      throw sqlError('54001', 'stack depth limit exceeded', {
        hint: `Queries may be nested ${limits.queryDepthMax} deep.`,
      });
    }
    this.#counter.depth++;
    try {
      return bind();
    } finally {
      this.#counter.depth--;
    }
  }

  /** Gives a plan a number, so that it can be used several times. */
  define(name: string, rel: Rel, columns = columnsOf(rel)): Definition {
    return { id: this.#counter.definitions++, name, rel, columns };
  }

  /** A use of a definition, with columns of its own. */
  use(definition: Definition): Extract<Rel, { kind: 'shared' }> {
    return {
      kind: 'shared',
      definition,
      columns: definition.columns.map((column) => this.columns.like(column)),
    };
  }
}
