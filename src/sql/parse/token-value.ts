/**
 * Values of tokens that the front parser reads itself: names folded and unquoted, strings decoded.
 * Everything inside queries is decoded by Postgres' own scanner instead.
 */
import { limits } from '../../base/limits.ts';

const encoder = new TextEncoder();

/** An unquoted name as Postgres folds it: ASCII letters only, then cut to the longest allowed. */
export function foldName(spelling: string): string {
  return cutName(spelling.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()));
}

/** Cuts a name to `identifierBytesMax` bytes, never inside a character. */
export function cutName(name: string): string {
  if (name.length * 3 <= limits.identifierBytesMax) return name;
  let bytes = 0;
  let end = 0;
  for (const character of name) {
    bytes += encoder.encode(character).length;
    if (bytes > limits.identifierBytesMax) break;
    end += character.length;
  }
  return name.slice(0, end);
}

/** The name in `"…"` or `U&"…"`; undefined if a Unicode escape is broken. */
export function quotedNameValue(spelling: string): string | undefined {
  const plain = spelling.startsWith('"');
  const body = spelling.slice(plain ? 1 : 3, -1).replaceAll('""', '"');
  const value = plain ? body : unicodeEscapes(body);
  return value === undefined ? undefined : cutName(value);
}

/** The content of any string token; undefined if an escape is broken. */
export function stringValue(spelling: string): string | undefined {
  if (spelling.startsWith('$')) {
    const tag = spelling.indexOf('$', 1) + 1;
    return spelling.slice(tag, spelling.length - tag);
  }
  const from = spelling.indexOf("'");
  const escaped = spelling[0] === 'e' || spelling[0] === 'E';
  const body = joinParts(spelling.slice(from), escaped);
  if (escaped) return backslashEscapes(body);
  return from === 2 ? unicodeEscapes(body) : body;
}

/** Joins the parts of a continued string and halves doubled quotes. */
function joinParts(text: string, escaped: boolean): string {
  const part = escaped ? /'((?:[^'\\]|\\[\s\S]|'')*)'/g : /'((?:[^']|'')*)'/g;
  let body = '';
  // Between the parts are only blanks.
  let at = 0;
  while (at < text.length) {
    part.lastIndex = at;
    const match = part.exec(text);
    if (match === null) break;
    body += (match[1] ?? '').replaceAll("''", "'");
    at = text.indexOf("'", part.lastIndex);
    if (at < 0) break;
  }
  return body;
}

const namedEscapes = new Map([
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);

/** Escapes of E'…'. Bytes above 127 are not made up from escapes: undefined. */
function backslashEscapes(body: string): string | undefined {
  let broken = false;
  const escape =
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{1,2})|([0-7]{1,3})|([\s\S]))/g;
  const value = body.replace(escape, (_all, ...groups: (string | undefined)[]) => {
    const [short, long, hex, octal, other] = groups;
    const wide = short ?? long;
    if (wide !== undefined) {
      const code = Number.parseInt(wide, 16);
      if (code > 0x10ffff || code === 0) broken = true;
      return broken ? '' : String.fromCodePoint(code);
    }
    const byte = hex === undefined ? octal : hex;
    if (byte !== undefined) {
      const code = Number.parseInt(byte, hex === undefined ? 8 : 16) & 255;
      if (code > 127 || code === 0) broken = true;
      return String.fromCharCode(code);
    }
    if (other === 'u' || other === 'U') broken = true;
    return namedEscapes.get(other ?? '') ?? other ?? '';
  });
  return broken || !value.isWellFormed() ? undefined : value;
}

/** Escapes of U&'…' and U&"…" with the default escape character. */
function unicodeEscapes(body: string): string | undefined {
  let broken = false;
  const value = body.replace(
    /\\(?:([0-9a-fA-F]{4})|\+([0-9a-fA-F]{6})|(\\)|)/g,
    (_all, ...groups: (string | undefined)[]) => {
      const [short, long, slash] = groups;
      if (slash !== undefined) return '\\';
      const code = Number.parseInt(short ?? long ?? 'none', 16);
      if (!(code > 0 && code <= 0x10ffff)) {
        broken = true;
        return '';
      }
      return String.fromCodePoint(code);
    },
  );
  return broken || !value.isWellFormed() ? undefined : value;
}
