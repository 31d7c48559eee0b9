/**
 * LIKE: patterns with % (any run of characters) and _ (any one character). A pattern is split once
 * into the pieces between its %, and matched greedily from the left: the first piece at the start,
 * the last at the end, the others where they first occur. That is linear in text × piece and never
 * backtracks, so no pattern can make it hang.
 */
import { sqlError } from '../../src/base/error.ts';

/** One character of a piece: text, or null for _. */
type Piece = readonly (string | null)[];

export interface LikePattern {
  readonly pieces: readonly Piece[];
  readonly ignoreCase: boolean;
}

/** In the place of the character after an escape that is the last; an error if it is reached. */
const danglingEscape = '';

/** Prepares a pattern; `escape` is one character, or empty for none. */
export function likePattern(pattern: string, escape: string, ignoreCase: boolean): LikePattern {
  const pieces: (string | null)[][] = [[]];
  const characters = Array.from(ignoreCase ? pattern.toLowerCase() : pattern);
  for (let k = 0; k < characters.length; k++) {
    const c = characters[k];
    const piece = pieces[pieces.length - 1];
    if (escape !== '' && c === escape) {
      piece.push(characters[++k] ?? danglingEscape);
    } else if (c === '%') pieces.push([]);
    else piece.push(c === '_' ? null : c);
  }
  return { pieces, ignoreCase };
}

function matchesAt(characters: readonly string[], at: number, piece: Piece): boolean {
  if (at < 0 || at + piece.length > characters.length) return false;
  for (let k = 0; k < piece.length; k++) {
    if (piece[k] === danglingEscape) {
      throw sqlError('22025', 'LIKE pattern must not end with escape character');
    }
    if (piece[k] !== null && piece[k] !== characters[at + k]) return false;
  }
  return true;
}

/** Whether `text` matches. */
export function like(text: string, pattern: LikePattern): boolean {
  const characters = Array.from(pattern.ignoreCase ? text.toLowerCase() : text);
  const { pieces } = pattern;
  const last = pieces.length - 1;
  if (!matchesAt(characters, 0, pieces[0])) return false;
  if (last === 0) return characters.length === pieces[0].length;
  let at = pieces[0].length;
  for (let p = 1; p < last; p++) {
    while (!matchesAt(characters, at, pieces[p])) if (at++ >= characters.length) return false;
    at += pieces[p].length;
  }
  const tail = characters.length - pieces[last].length;
  return tail >= at && matchesAt(characters, tail, pieces[last]);
}
