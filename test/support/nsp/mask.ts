/**
 * Before node-sql-parser reads a query: literals and quoted names are replaced by plain ones (it
 * processes backslashes, keeps doubled quotes, sends decimals through floats, forgets quoting), and
 * operators get blanks around them (it reads `x-t.b` as a column of table "x-t"). `restore` undoes
 * it.
 */
import { tokenize } from '../../../src/sql/parse/lexer.ts';
import { foldName, quotedNameValue, stringValue } from '../../../src/sql/parse/token-value.ts';
import { tokenKind } from '../../../src/sql/parse/token.ts';

export interface Masked {
  readonly text: string;
  string(value: string): string;
  number(value: string): string;
  name(value: string): string;
}

const firstNumber = 7_000_000;

/** undefined for what cannot be masked: bit strings and broken escapes. */
export function mask(sql: string): Masked | undefined {
  const tokens = tokenize(sql);
  const strings: string[] = [];
  const numbers: string[] = [];
  const names: string[] = [];
  const parts: string[] = [];
  for (let at = 0; at < tokens.count; at++) {
    const spelling = tokens.spelling(at);
    const gap = at > 0 && tokens.start(at) === tokens.end(at - 1) ? '' : ' ';
    switch (tokens.kind(at)) {
      case tokenKind.string: {
        const value = stringValue(spelling);
        if (value === undefined) return undefined;
        parts.push(` 'L${strings.push(value) - 1}x'`);
        break;
      }
      case tokenKind.quoted: {
        const value = quotedNameValue(spelling);
        if (value === undefined) return undefined;
        parts.push(`${gap}q${names.push(value) - 1}x`);
        break;
      }
      case tokenKind.number:
        parts.push(`${gap}${firstNumber + numbers.push(spelling) - 1}`);
        break;
      case tokenKind.bits:
        return undefined;
      case tokenKind.operator:
        parts.push(` ${spelling} `);
        break;
      default:
        parts.push(gap, spelling);
    }
  }
  return {
    text: parts.join('').trim(),
    string: (value) => restored(strings, /^L(\d+)x$/.exec(value)?.[1]) ?? value,
    number: (value) =>
      restored(numbers, /^7\d{6}$/.test(value) ? String(Number(value) - firstNumber) : undefined) ??
      value,
    name: (value) => restored(names, /^q(\d+)x$/.exec(value)?.[1]) ?? foldName(value),
  };
}

function restored(list: readonly string[], index: string | undefined): string | undefined {
  return index === undefined ? undefined : list[Number(index)];
}
