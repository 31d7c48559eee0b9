/** The SQL function format: %[position$][-][width](s|I|L). */
import { sqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import type { Datum } from '../value/datum.ts';
import { stringOf } from '../value/scalar-words.ts';
import { formatDatum } from '../value/text-output.ts';
import type { CallSite } from './function-entry.ts';
import { quoteIdentifier, quoteLiteral } from './quoting.ts';

const specifier = /%(?:%|(?:(\d+)\$)?(-)?(\d+|\*(?:(\d+)\$)?)?(.)?)/gsu;

/** Walks the arguments of one call. */
class Arguments {
  readonly #values: readonly Datum[];
  readonly #site: CallSite;
  #next = 1;

  constructor(values: readonly Datum[], site: CallSite) {
    this.#values = values;
    this.#site = site;
  }

  /** The text of the argument at `position`, or of the next one; null for NULL. */
  take(position: string | undefined): string | null {
    if (position !== undefined) {
      if (Number(position) === 0) {
        throw sqlError('22023', 'format specifies argument 0, but arguments are numbered from 1');
      }
      this.#next = Number(position);
    }
    const at = this.#next++;
    if (at >= this.#values.length) throw sqlError('22023', 'too few arguments for format()');
    const value = this.#values[at];
    return value === null ? null : formatDatum(this.#site.args[at], value);
  }
}

function converted(kind: string | undefined, text: string | null): string {
  switch (kind) {
    case 's':
      return text ?? '';
    case 'I':
      if (text === null) {
        throw sqlError('22004', 'null values cannot be formatted as an SQL identifier');
      }
      return quoteIdentifier(text);
    case 'L':
      return text === null ? 'NULL' : quoteLiteral(text);
    default:
      throw sqlError('22023', `unrecognized format() type specifier "${kind ?? ''}"`);
  }
}

/** The text of format(…); the first value is the template, not NULL. */
export function formatText(values: readonly Datum[], site: CallSite): string {
  const args = new Arguments(values, site);
  return stringOf(values[0]).replace(
    specifier,
    (
      whole,
      position: string | undefined,
      minus: string | undefined,
      width: string | undefined,
      widthPosition: string | undefined,
      kind: string | undefined,
    ) => {
      if (whole === '%%') return '%';
      if (kind === undefined) throw sqlError('22023', 'unterminated format() type specifier');
      if (!'sIL'.includes(kind)) return converted(kind, '');
      const size =
        width === undefined
          ? 0
          : width.startsWith('*')
            ? Number(args.take(widthPosition) ?? 0)
            : Number(width);
      if (Math.abs(size) > limits.functionResultBytesMax) {
        throw sqlError('22003', 'number is out of range');
      }
      const text = converted(kind, args.take(position));
      const left = minus !== undefined || size < 0;
      return left ? text.padEnd(Math.abs(size)) : text.padStart(Math.abs(size));
    },
  );
}
