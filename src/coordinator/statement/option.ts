/**
 * Options in parentheses: each statement takes the ones it knows, and `rest` refuses every other by
 * name, so that none is ever ignored.
 */
import { sqlError, unsupported } from '../../base/error.ts';
import type { Option, OptionValue } from '../../sql/ast.ts';

/** The options of one clause, taken one by one. */
export class Options {
  readonly #left: Map<string, Option>;
  readonly #statement: string;

  /** Throws 42601 if an option is given twice. */
  constructor(statement: string, options: readonly Option[]) {
    this.#statement = statement;
    this.#left = new Map();
    for (const option of options) {
      if (this.#left.has(option.name)) {
        throw sqlError('42601', `${option.name} specified more than once`, {
          position: option.position,
        });
      }
      this.#left.set(option.name, option);
    }
  }

  take(name: string): Option | undefined {
    const option = this.#left.get(name);
    this.#left.delete(name);
    return option;
  }

  /** A text value, or undefined if the option was not given. */
  string(name: string): string | undefined {
    const option = this.take(name);
    if (option === undefined) return undefined;
    const { value } = option;
    if (value.kind !== 'string' && value.kind !== 'identifier')
      throw this.#wrong(option, 'a string');
    return value.text;
  }

  /** One text or a list of them. */
  strings(name: string): readonly string[] | undefined {
    const option = this.take(name);
    if (option === undefined) return undefined;
    const items = option.value.kind === 'list' ? option.value.items : [option.value];
    return items.map((item) => {
      if (item.kind !== 'string' && item.kind !== 'identifier')
        throw this.#wrong(option, 'strings');
      return item.text;
    });
  }

  boolean(name: string): boolean | undefined {
    const option = this.take(name);
    if (option === undefined) return undefined;
    const { value } = option;
    if (value.kind === 'none') return true;
    const word = 'text' in value ? value.text.toLowerCase() : '';
    if (['true', 'on', '1'].includes(word)) return true;
    if (['false', 'off', '0'].includes(word)) return false;
    throw this.#wrong(option, 'a Boolean');
  }

  integer(name: string): bigint | undefined {
    const option = this.take(name);
    return option === undefined ? undefined : this.#integer(option, option.value);
  }

  /** A list of integers, with or without parentheses. */
  integers(name: string): readonly bigint[] | undefined {
    const option = this.take(name);
    if (option === undefined) return undefined;
    const items = option.value.kind === 'list' ? option.value.items : [option.value];
    return items.map((item) => this.#integer(option, item));
  }

  #integer(option: Option, value: OptionValue): bigint {
    if (value.kind !== 'number' || !/^-?\d{1,19}$/.test(value.text))
      throw this.#wrong(option, 'an integer');
    const integer = BigInt(value.text);
    if (BigInt.asIntN(64, integer) !== integer) throw this.#wrong(option, 'an integer of 64 bits');
    return integer;
  }

  #wrong(option: Option, what: string): Error {
    return sqlError('22023', `${this.#statement}: ${option.name} takes ${what}`, {
      position: option.position,
    });
  }

  /** Refuses whatever was not taken. */
  rest(): void {
    for (const option of this.#left.values()) {
      throw unsupported(`${this.#statement} option ${option.name}`, option.position);
    }
  }
}
