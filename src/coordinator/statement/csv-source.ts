/**
 * The CSV clauses of CREATE SOURCE: from `CSV WITH n COLUMNS`, `WITH HEADER (…)` or a column list to
 * the fields of a line. Fields that nobody gave a type are text.
 */
import { sqlError } from '../../base/error.ts';
import { limits } from '../../base/limits.ts';
import type { CsvReading, SourceColumn } from '../../../connectors/format/decoder.ts';
import type { Format, Option } from '../../sql/ast.ts';
import { Options } from './option.ts';

/** One ASCII character, or the default. Throws 22023. */
function character(options: Options, name: string, standard: string, position: number): string {
  const text = options.string(name);
  if (text === undefined) return standard;
  const code = text.charCodeAt(0);
  if (text.length === 1 && code < 0x80 && code !== 10 && code !== 13 && code !== 0) return text;
  throw sqlError('22023', `CSV ${name.toLowerCase()} must be a single one-byte character`, {
    position,
  });
}

/** Names in HEADER, or undefined where it has none. */
function headerNames(header: Option | undefined): readonly string[] | undefined {
  if (header?.value.kind !== 'list') return undefined;
  return header.value.items.map((item) => ('text' in item ? item.text : ''));
}

function namesOf(
  options: Options,
  declared: readonly string[],
  position: number,
): readonly string[] {
  const header = options.take('HEADER');
  const count = options.integer('COLUMNS');
  const names =
    headerNames(header) ??
    (count === undefined || declared.length > 0
      ? declared
      : Array.from(
          { length: Number(count < 0n ? 0n : count < 1_000_000n ? count : 1_000_000n) },
          (_, k) => `column${k + 1}`,
        ));
  if (names.length === 0) {
    throw sqlError('42601', 'FORMAT CSV needs columns', {
      hint: 'Say WITH n COLUMNS or WITH HEADER (names), or declare the columns of the source.',
      position,
    });
  }
  if (declared.length > 0) {
    const isCounted = count !== undefined && count !== BigInt(declared.length);
    const other = names.findIndex((name, k) => name !== declared[k]);
    if (isCounted || other >= 0 || names.length !== declared.length) {
      throw sqlError('42601', 'the columns of FORMAT CSV are not those of the source', {
        hint: 'Each field of a line has its column, in the same order.',
        position,
      });
    }
  }
  if (names.length > limits.relationColumnsMax) {
    throw sqlError('54011', `FORMAT CSV has ${names.length} columns`, {
      detail: `A source has at most ${limits.relationColumnsMax} columns.`,
      position,
    });
  }
  const twice = names.find((name, k) => names.indexOf(name) < k);
  if (twice === undefined) return names;
  throw sqlError('42701', `column "${twice}" specified more than once`, { position });
}

/**
 * What a CSV clause says; `declared` are the columns of the source that are fields of the line.
 * Throws 42601, 42701, 22023, 54011.
 */
export function csvReading(format: Format, declared: readonly string[]): CsvReading {
  const { position } = format;
  const options = new Options('FORMAT CSV', format.options);
  const names = namesOf(options, declared, position);
  const old = options.take('DELIMITED BY');
  const given = old === undefined ? [] : [{ ...old, name: 'DELIMITER' }];
  const delimiter =
    old === undefined
      ? character(options, 'DELIMITER', ',', position)
      : character(new Options('FORMAT CSV', given), 'DELIMITER', ',', position);
  const quote = character(options, 'QUOTE', '"', position);
  const escape = character(options, 'ESCAPE', quote, position);
  const nullText = options.string('NULL') ?? '';
  options.rest();
  if (delimiter === quote || delimiter === escape) {
    throw sqlError('22023', 'CSV delimiter and quote must be different', { position });
  }
  if (nullText.includes(delimiter) || nullText.includes(quote) || /[\r\n]/.test(nullText)) {
    throw sqlError('22023', 'CSV NULL must be free of delimiters, quotes and line ends', {
      position,
    });
  }
  return { names, delimiter, quote, escape, null: nullText };
}

/** The columns of a line whose fields have no types. */
export function csvColumns(reading: CsvReading, of: 'key' | 'value'): readonly SourceColumn[] {
  return reading.names.map((name) => ({
    name,
    type: 'text',
    modifier: -1,
    nullable: true,
    origin: { kind: 'field', of, name },
  }));
}
