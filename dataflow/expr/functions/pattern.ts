/** Pattern matching: LIKE and ILIKE (like.ts), regular expressions (regex.ts). */
import { sqlError, unsupported } from '../../../src/base/error.ts';
import { limits } from '../../../src/base/limits.ts';
import { array } from '../../value/array.ts';
import type { Datum, Row } from '../../value/datum.ts';
import { bytesOf, numberOf, stringOf } from '../../value/scalar-words.ts';
import type { TypeName } from '../../value/type.ts';
import type { FunctionEntry, Options, Template } from '../function-entry.ts';
import { entry } from '../function-entry.ts';
import { utf8 } from '../../value/words.ts';
import { likeMatcher } from '../kernels.ts';
import type { LikePattern } from '../like.ts';
import { like, likePattern } from '../like.ts';
import { compileRegex, matches, occurs } from '../regex.ts';
import { checkLength, sliceCharacters, characters } from './string.ts';

const cache = new Map<string, LikePattern>();

function prepared(pattern: string, ignoreCase: boolean): LikePattern {
  const key = (ignoreCase ? 'i' : 'c') + pattern;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = likePattern(pattern, '\\', ignoreCase);
  if (cache.size >= limits.regexCacheMax) cache.clear();
  cache.set(key, made);
  return made;
}

/** Bytes as characters 0–255, so that one matcher serves both. */
function binaryText(value: Datum): string {
  return Array.from(bytesOf(value), (byte) => String.fromCharCode(byte)).join('');
}

const likes = [
  ['~~', false, false, 'matches the LIKE pattern'],
  ['!~~', false, true, 'does not match the LIKE pattern'],
  ['~~*', true, false, 'matches the LIKE pattern, whatever the case'],
  ['!~~*', true, true, 'does not match the LIKE pattern, whatever the case'],
] as const;

const regexes = [
  ['~', '', false, 'matches the regular expression'],
  ['!~', '', true, 'does not match the regular expression'],
  ['~*', 'i', false, 'matches the regular expression, whatever the case'],
  ['!~*', 'i', true, 'does not match the regular expression, whatever the case'],
] as const;

const texts: readonly TypeName[] = ['text', 'name', 'bpchar'];

/** LIKE a constant runs over the bytes, if the pattern allows it. */
function likeTemplate(ignoreCase: boolean, negated: boolean): Template {
  return {
    total: false,
    emit: ([text, pattern], emitter) => {
      if (typeof pattern.constant !== 'string') return undefined;
      const matcher = likeMatcher(prepared(pattern.constant, ignoreCase), utf8);
      if (matcher === undefined) return undefined;
      const call = `X.matchers[${emitter.matcher(matcher)}](${text.words}, ${text.value}, ${text.bytes})`;
      return negated ? `!${call}` : call;
    },
  };
}

function operators(): FunctionEntry[] {
  return [
    ...likes.flatMap(([name, ignoreCase, negated, words]) =>
      texts.map((type) =>
        entry(
          'pattern',
          name,
          [type, 'text'],
          'bool',
          `Whether the text ${words}.`,
          ([text, pattern]) =>
            like(stringOf(text), prepared(stringOf(pattern), ignoreCase)) !== negated,
          { template: likeTemplate(ignoreCase, negated) },
        ),
      ),
    ),
    ...likes
      .slice(0, 2)
      .map(([name, , negated, words]) =>
        entry(
          'pattern',
          name,
          ['bytea', 'bytea'],
          'bool',
          `Whether the bytes ${words}.`.replace('matches', 'match').replace('does', 'do'),
          ([text, pattern]) =>
            like(binaryText(text), prepared(binaryText(pattern), false)) !== negated,
        ),
      ),
    ...regexes.flatMap(([name, flags, negated, words]) =>
      texts.map((type) =>
        entry(
          'pattern',
          name,
          [type, 'text'],
          'bool',
          `Whether the text ${words}.`,
          ([text, pattern]) =>
            occurs(compileRegex(stringOf(pattern), flags), stringOf(text)) !== negated,
        ),
      ),
    ),
  ];
}

/** The pattern rewritten for the escape character \, as LIKE … ESCAPE needs it. */
function likeEscape(pattern: string, escape: string): string {
  if (characters(escape) > 1) throw sqlError('22025', 'invalid escape string');
  let result = '';
  let escaped = false;
  for (const c of pattern) {
    if (escaped) {
      result += `\\${c}`;
      escaped = false;
    } else if (c === escape) escaped = true;
    else result += c === '\\' && escape !== '\\' ? '\\\\' : c;
  }
  return escaped ? `${result}\\` : result;
}

/** SIMILAR TO as a regular expression. */
function similarTo(pattern: string, escape: string): string {
  if (characters(escape) > 1) throw sqlError('22019', 'invalid escape string');
  let result = '';
  let escaped = false;
  let inBracket = false;
  for (const c of pattern) {
    if (escaped) {
      if (c === '"') throw unsupported('SIMILAR TO with separators');
      result += `\\${c}`;
      escaped = false;
    } else if (c === escape) escaped = true;
    else if (inBracket) {
      result += c === '\\' ? '\\\\' : c;
      inBracket = c !== ']';
    } else if (c === '[') {
      result += c;
      inBracket = true;
    } else if (c === '%') result += '.*';
    else if (c === '_') result += '.';
    else if (c === '(') result += '(?:';
    else result += '\\.^$'.includes(c) ? `\\${c}` : c;
  }
  return `^(?:${result})$`;
}

type Args = readonly Datum[];

function flagsOf(args: Args, at: number): string {
  const flags = args[at];
  return flags === undefined ? '' : stringOf(flags);
}

/** The flags of a function that gives one answer, so that `g` has no place. */
function plainFlags(name: string, args: Args): string {
  const flags = flagsOf(args, 2);
  if (flags.includes('g')) {
    throw sqlError('22023', `${name}() does not support the "global" option`);
  }
  return flags;
}

/** Groups of a match, or the whole match if the pattern has none. */
function groups(match: RegExpExecArray): Datum {
  const parts = match.length > 1 ? match.slice(1) : match.slice(0, 1);
  return array(parts.map((part: string | undefined) => part ?? null));
}

/** A replacement: \1 … \9 are groups, \& is the match. */
function expanded(replacement: string, match: RegExpExecArray): string {
  return replacement.replace(/\\(.)/gs, (whole, c: string) => {
    if (c === '&') return match[0];
    if (c >= '1' && c <= '9') return match[Number(c)] ?? '';
    return c === '\\' ? '\\' : whole;
  });
}

/** Replaces match number `nth` of those from character `start` on, or all if `nth` is 0. */
function regexReplace(
  text: string,
  pattern: string,
  replacement: string,
  start: number,
  nth: number,
  flags: string,
): string {
  const regex = compileRegex(pattern, flags, true);
  const from = sliceCharacters(text, 0, start - 1).length;
  const found = matches(regex, text, nth === 0 ? Infinity : nth, from);
  const chosen = nth === 0 ? found : found.slice(nth - 1, nth);
  let result = '';
  let at = 0;
  for (const match of chosen) {
    result += text.slice(at, match.index) + expanded(replacement, match);
    checkLength(result.length);
    at = match.index + match[0].length;
  }
  return result + text.slice(at);
}

function positive(value: Datum, name: string, least: number): number {
  if (numberOf(value) < least) {
    throw sqlError('22023', `invalid value for parameter "${name}": ${numberOf(value)}`);
  }
  return numberOf(value);
}

function replacements(): FunctionEntry[] {
  const description =
    'Replaces matches of a regular expression; \\1 to \\9 stand for groups, \\& for the match.';
  const make = (args: readonly TypeName[], of: (args: Args) => Datum): FunctionEntry =>
    entry('pattern', 'regexp_replace', args, 'text', description, of);
  return [
    make(['text', 'text', 'text'], ([t, p, r]) =>
      regexReplace(stringOf(t), stringOf(p), stringOf(r), 1, 1, ''),
    ),
    make(['text', 'text', 'text', 'text'], ([t, p, r, f]) => {
      const flags = stringOf(f);
      if (/^[0-9]/.test(flags)) {
        throw sqlError('22023', `invalid regular expression option: "${flags[0]}"`);
      }
      return regexReplace(
        stringOf(t),
        stringOf(p),
        stringOf(r),
        1,
        flags.includes('g') ? 0 : 1,
        flags,
      );
    }),
    make(['text', 'text', 'text', 'int4'], ([t, p, r, s]) =>
      regexReplace(stringOf(t), stringOf(p), stringOf(r), positive(s, 'start', 1), 1, ''),
    ),
    make(['text', 'text', 'text', 'int4', 'int4'], ([t, p, r, s, n]) =>
      regexReplace(
        stringOf(t),
        stringOf(p),
        stringOf(r),
        positive(s, 'start', 1),
        positive(n, 'n', 0),
        '',
      ),
    ),
    make(['text', 'text', 'text', 'int4', 'int4', 'text'], ([t, p, r, s, n, f]) =>
      regexReplace(
        stringOf(t),
        stringOf(p),
        stringOf(r),
        positive(s, 'start', 1),
        positive(n, 'n', 0),
        stringOf(f),
      ),
    ),
  ];
}

/** The pieces of a text between the matches; an empty match at the start or end cuts nothing. */
function pieces(text: string, pattern: string, flags: string): string[] {
  const result: string[] = [];
  let at = 0;
  for (const match of matches(compileRegex(pattern, flags), text)) {
    const end = match.index + match[0].length;
    if (match[0] === '' && (match.index >= text.length || match.index === at)) continue;
    result.push(text.slice(at, match.index));
    at = end;
  }
  return [...result, text.slice(at)];
}

/** Both forms of a function: without and with flags as last argument. */
function withFlags(
  name: string,
  result: TypeName,
  description: string,
  of: (text: string, pattern: string, flags: string) => Datum,
  options: Options = {},
): FunctionEntry[] {
  return [['text', 'text'] as const, ['text', 'text', 'text'] as const].map((args) =>
    entry(
      'pattern',
      name,
      args,
      result,
      description,
      (values) => of(stringOf(values[0]), stringOf(values[1]), plainFlags(name, values)),
      options,
    ),
  );
}

function rowsWithFlags(
  name: string,
  result: TypeName,
  description: string,
  of: (text: string, pattern: string, flags: string) => readonly Row[],
): FunctionEntry[] {
  return [['text', 'text'] as const, ['text', 'text', 'text'] as const].map((args) =>
    entry('pattern', name, args, result, description, undefined, {
      setReturning: true,
      rows: (values) => of(stringOf(values[0]), stringOf(values[1]), flagsOf(values, 2)),
    }),
  );
}

function firstMatch(text: string, pattern: string, flags: string): RegExpExecArray | undefined {
  return matches(compileRegex(pattern, flags), text, 1)[0];
}

function matchGroups(text: string, pattern: string, flags: string): Datum {
  const match = firstMatch(text, pattern, flags);
  return match === undefined ? null : groups(match);
}

function allGroups(text: string, pattern: string, flags: string): Row[] {
  const compiled = compileRegex(pattern, flags, true);
  return matches(compiled, text, compiled.global ? Infinity : 1).map((match) => [groups(match)]);
}

/** Matches from the `start`th character on, 1 being the first. */
function countFrom(text: string, pattern: string, start: number, flags: string): number {
  if (start < 1) throw sqlError('22023', `invalid value for parameter "start": ${start}`);
  const compiled = compileRegex(pattern, plainFlags('regexp_count', [text, pattern, flags]));
  const from = sliceCharacters(text, 0, start - 1).length;
  return start - 1 > characters(text) ? 0 : matches(compiled, text, Infinity, from).length;
}

export const patternFunctions: readonly FunctionEntry[] = [
  ...operators(),
  entry(
    'pattern',
    'like_escape',
    ['text', 'text'],
    'text',
    'A LIKE pattern rewritten for another escape character.',
    ([pattern, escape]) => likeEscape(stringOf(pattern), stringOf(escape)),
  ),
  entry(
    'pattern',
    'similar_to_escape',
    ['text'],
    'text',
    'A SIMILAR TO pattern as a regular expression.',
    ([pattern]) => similarTo(stringOf(pattern), '\\'),
  ),
  entry(
    'pattern',
    'similar_to_escape',
    ['text', 'text'],
    'text',
    'A SIMILAR TO pattern as a regular expression, with its escape character.',
    ([pattern, escape]) => similarTo(stringOf(pattern), stringOf(escape)),
  ),
  ...replacements(),
  ...withFlags(
    'regexp_match',
    '_text',
    'Groups of the first match, or NULL if there is none.',
    matchGroups,
    { nullable: true },
  ),
  ...rowsWithFlags(
    'regexp_matches',
    '_text',
    'Groups of the first match, or of each one with the flag g.',
    allGroups,
  ),
  ...withFlags(
    'regexp_split_to_array',
    '_text',
    'The pieces of the text between matches.',
    (text, pattern, flags) => array(pieces(text, pattern, flags)),
  ),
  ...rowsWithFlags(
    'regexp_split_to_table',
    'text',
    'The pieces of the text between matches, one a row.',
    (text, pattern, flags) => pieces(text, pattern, flags).map((piece) => [piece]),
  ),
  ...withFlags(
    'regexp_like',
    'bool',
    'Whether the pattern occurs in the text.',
    (text, pattern, flags) => occurs(compileRegex(pattern, flags), text),
  ),
  entry(
    'pattern',
    'regexp_count',
    ['text', 'text'],
    'int4',
    'How often the pattern occurs in the text.',
    ([text, pattern]) => matches(compileRegex(stringOf(pattern)), stringOf(text)).length,
  ),
  entry(
    'pattern',
    'regexp_count',
    ['text', 'text', 'int4'],
    'int4',
    'How often the pattern occurs in the text from a position on.',
    ([text, pattern, start]) => countFrom(stringOf(text), stringOf(pattern), numberOf(start), ''),
  ),
  entry(
    'pattern',
    'regexp_count',
    ['text', 'text', 'int4', 'text'],
    'int4',
    'How often the pattern occurs in the text from a position on, with flags.',
    ([text, pattern, start, flags]) =>
      countFrom(stringOf(text), stringOf(pattern), numberOf(start), stringOf(flags)),
  ),
  entry(
    'pattern',
    'regexp_substr',
    ['text', 'text'],
    'text',
    'The first match of the pattern, or NULL.',
    ([text, pattern]) => firstMatch(stringOf(text), stringOf(pattern), '')?.[0] ?? null,
    { nullable: true },
  ),
  entry(
    'pattern',
    'regexp_instr',
    ['text', 'text'],
    'int4',
    'Position of the first match of the pattern, or 0.',
    ([text, pattern]) => {
      const match = firstMatch(stringOf(text), stringOf(pattern), '');
      return match === undefined ? 0 : characters(stringOf(text).slice(0, match.index)) + 1;
    },
  ),
  entry(
    'pattern',
    'substring',
    ['text', 'text'],
    'text',
    'The first group, or the whole, of the first match of a regular expression.',
    ([text, pattern]) => {
      const match = firstMatch(stringOf(text), stringOf(pattern), '');
      if (match === undefined) return null;
      const [whole, group]: (string | undefined)[] = match;
      return match.length > 1 ? (group ?? null) : (whole ?? null);
    },
    { nullable: true },
  ),
];
