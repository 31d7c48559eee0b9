/**
 * The one door to generated code: the only `new Function` of the project.
 *
 * A generator passes parameter names and a body that it put together from closed templates: names
 * are made up by the generator, numbers are its own offsets and counts. Constants and anything that
 * came from outside arrive as arguments at run time, never as text; the check below refuses
 * characters that templates have no business with, so that a slip cannot become an injection.
 *
 * Functions are cached by their text: two arrangements or fragments of the same shape share one
 * function, and so one piece of warm machine code. The cache keeps `generatedFunctionsMax` texts
 * and forgets the oldest; a forgotten function lives on with whoever holds it.
 */
import { assert } from '../../src/base/assert.ts';

/** Functions kept by text. */
const generatedFunctionsMax = 4_096;

const cache = new Map<string, unknown>();
/**
 * Letters, digits, the operators of arithmetic and control flow; no quotes, backslash or backtick.
 */
const allowed = /^[\w\s$()[\]{}+\-*/%&|^~!<>=?:;,.]*$/;

/**
 * The function with these parameters and this body, compiled once per text. `F` is the caller's
 * claim about its signature; a body that reads `arguments` or globals is the caller's bug.
 */
export function generate<F extends (...values: never[]) => unknown>(
  parameters: readonly string[],
  body: string,
): F {
  const text = `${parameters.join(',')}\n${body}`;
  const known = cache.get(text);
  // The text determines the function, and the caller's generator determines the text's signature.
  if (known !== undefined) return known as F;
  assert(allowed.test(text), 'generated code holds names, numbers and operators only');
  if (cache.size >= generatedFunctionsMax) {
    for (const oldest of cache.keys()) {
      cache.delete(oldest);
      break;
    }
  }
  const made: unknown = new Function(...parameters, `'use strict';\n${body}`);
  cache.set(text, made);
  return made as F;
}
