/**
 * Reading of saved data (saved.ts) by those who saved it: each of these answers the part that must
 * be there, or throws SqlError XX001 with what is wrong. Files carry checksums, so this does not
 * happen but to a checkpoint of another release, or by a mistake of ours.
 *
 * Numbers in saved data are finite, and whole ones below 2^53 in size where `savedInteger` reads
 * them; what is larger is text (`savedBig`), and doubles that may be anything are in a Float64Array.
 */
import type { SqlError } from '../../src/base/error.ts';
import { sqlError } from '../../src/base/error.ts';
import type { Saved } from './saved.ts';

/** The error of saved data that are not what they should be. */
export function damaged(what: string): SqlError {
  return sqlError('XX001', `a checkpoint cannot be read: ${what} is damaged`);
}

/** A whole number from `least` to `most`. */
export function savedInteger(
  saved: Saved | undefined,
  least = Number.MIN_SAFE_INTEGER,
  most = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof saved !== 'number' || !Number.isInteger(saved)) throw damaged('a number');
  if (saved < least || saved > most) throw damaged(`the number ${saved}`);
  return saved;
}

/** A text. */
export function savedText(saved: Saved | undefined): string {
  if (typeof saved !== 'string') throw damaged('a text');
  return saved;
}

/** An integer of any size, as `bigText` wrote it. */
export function savedBig(saved: Saved | undefined): bigint {
  const text = savedText(saved);
  if (!/^-?[0-9a-f]+$/.test(text)) throw damaged('a large number');
  return text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`);
}

/** The text of an integer of any size. */
export function bigText(value: bigint): string {
  return value.toString(16);
}

/** Words, as many as `length` says if it is given. */
export function savedWords(saved: Saved | undefined, length?: number): Int32Array {
  if (!(saved instanceof Int32Array)) throw damaged('a list of words');
  if (length !== undefined && saved.length !== length) throw damaged(`a list of ${length} words`);
  return saved;
}

/** A list, of as many parts as `length` says if it is given. */
export function savedList(saved: Saved | undefined, length?: number): readonly Saved[] {
  if (!isList(saved)) throw damaged('a list');
  if (length !== undefined && saved.length !== length) throw damaged(`a list of ${length} parts`);
  return saved;
}

function isList(saved: Saved | undefined): saved is readonly Saved[] {
  return Array.isArray(saved);
}
