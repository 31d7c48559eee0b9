/**
 * The one file that touches the grammar library: Postgres' own grammar as WebAssembly. It gives one
 * statement's tree, or Postgres' own message and position as SqlError.
 *
 * The library keeps its work on a stack of its own which a RangeError of the host leaves
 * unbalanced, and its memory only grows. So after either the instance is replaced by a fresh one:
 * in the background, as instantiating is asynchronous; the old one serves until then (it bears some
 * thirty such accidents, and the guard before it lets hardly any through).
 */
import { defined } from '../../base/assert.ts';
import { sqlError } from '../../base/error.ts';
import type { SqlError } from '../../base/error.ts';
import { limits } from '../../base/limits.ts';
import type * as Library from 'libpg-query';
import type { Node, ParseResult } from 'libpg-query';

export type * from 'libpg-query';

/** What we use of the library's module. */
interface Grammar {
  readonly parseSync: (text: string) => ParseResult;
  readonly hasSqlDetails: (
    error: unknown,
  ) => error is { sqlDetails?: { message: string; cursorPosition: number } };
}

let current: Grammar | null = null;
let loading: Promise<void> | null = null;
let generation = 0;

/** Loads the grammar (about 40 ms, once). Must be awaited before the first parse. */
export async function loadGrammar(): Promise<void> {
  if (current !== null) return;
  loading ??= instantiate();
  await loading;
}

/**
 * A new instance of the library: a module is instantiated once for each address it is imported by.
 */
async function instantiate(): Promise<void> {
  const address = new URL(import.meta.resolve('libpg-query/wasm/index.js'));
  if (generation > 0) address.searchParams.set('generation', String(generation));
  generation++;
  const library: typeof Library = await import(address.href);
  await library.loadModule();
  current = library;
  loading = null;
}

function replaceInstance(): void {
  // If it fails the old instance stays in use; the next accident tries again.
  loading ??= instantiate().catch(() => {
    loading = null;
  });
}

/** Where a text for the grammar lies in the client's text. */
export interface Place {
  /** The client's position for a number of code points before it in the text. */
  position(codePoints: number): number;
  /** Code points up to where the client's own text ends; what follows was put there by us. */
  readonly codePointsEnd: number;
  /** What is wrong if the text ends too early: it names the client's next token. */
  endError(): SqlError;
}

/** Parses the text of one statement. null if there is none in it. */
export function parseGrammar(text: string, place: () => Place): Node | null {
  const grammar = defined(current, 'the grammar was loaded before the first parse');
  if (text.length > limits.grammarTextUnitsKept) checkMemory(text);
  try {
    const statements = grammar.parseSync(text).stmts ?? [];
    if (text.length > limits.grammarTextUnitsKept) replaceInstance();
    return statements[0]?.stmt ?? null;
  } catch (error) {
    if (error instanceof RangeError || (error instanceof Error && error.name === 'RuntimeError')) {
      replaceInstance();
      if (error.message.includes('call stack')) {
        throw sqlError('54001', 'stack depth limit exceeded', {
          detail: 'The statement is too complex.',
        });
      }
      throw sqlError('54000', 'statement is too large', {
        detail: 'The parser ran out of memory.',
      });
    }
    if (!grammar.hasSqlDetails(error) || error.sqlDetails === undefined) throw error;
    throw translate(error.sqlDetails.message, error.sqlDetails.cursorPosition, place());
  }
}

/**
 * The library ends its process when its memory does, so a statement that could need too much is
 * refused before. Measured: three times the text for the scanner and the tree, and up to three
 * times the JSON, in which a control character takes six bytes, a quote or backslash two.
 */
function checkMemory(text: string): void {
  let json = 0;
  let bytes = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const width = code < 128 ? 1 : code < 2048 ? 2 : 3;
    bytes += width;
    json += code < 32 || code === 127 ? 6 : code === 34 || code === 92 ? 2 : width;
  }
  if (3 * (bytes + json) > limits.grammarBytesMax) {
    throw sqlError('54000', 'statement is too large', {
      detail: 'The parser would run out of memory.',
    });
  }
}

/** Keeps user's text in messages short. */
export function cutForError(text: string): string {
  const { errorTextUnitsMax: max } = limits;
  return text.length <= max ? text : `${text.slice(0, max).toWellFormed()}…`;
}

function translate(message: string, cursor: number, place: Place): SqlError {
  if (message.startsWith('syntax error') && cursor >= place.codePointsEnd) return place.endError();
  if (message.startsWith('memory exhausted')) {
    return sqlError('54001', 'stack depth limit exceeded', { position: place.position(cursor) });
  }
  return sqlError(codeOf(message), cutForError(message), { position: place.position(cursor) });
}

/** The library gives no SQLSTATE; the few messages of Postgres' grammar that are not 42601: */
const codes: readonly (readonly [RegExp, string])[] = [
  [/not (yet )?(implemented|supported)/, '0A000'],
  [/^invalid Unicode|^unsafe use of|escape string/, '22025'],
  [/^invalid byte sequence/, '22021'],
  [/^out of memory|too (long|large)/, '54000'],
];

function codeOf(message: string): string {
  for (const [pattern, code] of codes) {
    if (pattern.test(message)) return code;
  }
  return '42601';
}
