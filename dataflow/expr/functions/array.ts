/**
 * Arrays: one dimension, lower bound 1. Construction, subscripts, and comparison with ANY and ALL
 * are entries too (`array`, `array_element`, `= any`), so that the planner treats them like every
 * other call.
 */
import { sqlError } from '../../../src/base/error.ts';
import { array, arrayOf } from '../../value/array.ts';
import { compareDatums } from '../../value/datum-column.ts';
import type { Datum } from '../../value/datum.ts';
import { numberOf, stringOf } from '../../value/scalar-words.ts';
import { formatDatum } from '../../value/text-output.ts';
import type { TypeName } from '../../value/type.ts';
import { typeInfo } from '../../value/type.ts';
import type { CallSite, FunctionEntry, Options, SignatureType } from '../function-entry.ts';
import { entry } from '../function-entry.ts';
import { like, likePattern } from '../like.ts';
import { compareMixed } from './comparison.ts';
import { checkLength } from './string.ts';

function make(
  name: string,
  args: readonly SignatureType[],
  result: SignatureType,
  description: string,
  evaluate: (values: readonly Datum[], site: CallSite) => Datum,
  options: Options = {},
): FunctionEntry {
  return entry('array', name, args, result, description, evaluate, options);
}

const called: Options = { nullHandling: 'called' };
const calledNullable: Options = { nullHandling: 'called', nullable: true };
const nullable: Options = { nullable: true };

function items(value: Datum): readonly Datum[] {
  return value === null ? [] : arrayOf(value).elements;
}

/** The element type of an array type. */
function elementType(type: TypeName): TypeName {
  return typeInfo(type).element ?? type;
}

/** Whether two elements are the same; NULL is the same as NULL. */
function same(type: TypeName, a: Datum, b: Datum): boolean {
  return a === null || b === null ? a === b : compareDatums(type, a, b) === 0;
}

function construction(): FunctionEntry[] {
  const append = 'The array with a value at its end.';
  const prepend = 'The array with a value at its start.';
  const both = 'Both arrays, one after the other.';
  const appended = ([a, e]: readonly Datum[]): Datum => array([...items(a), e]);
  const prepended = ([e, a]: readonly Datum[]): Datum => array([e, ...items(a)]);
  const joined = ([a, b]: readonly Datum[]): Datum =>
    a === null && b === null ? null : array([...items(a), ...items(b)]);
  const arrays: readonly SignatureType[] = ['anycompatiblearray', 'anycompatiblearray'];
  return [
    make(
      'array',
      [],
      'anyarray',
      'An array of the arguments; ARRAY[…].',
      (values) => array(values),
      { ...called, variadic: 'anyelement' },
    ),
    make(
      'array_append',
      ['anycompatiblearray', 'anycompatible'],
      'anycompatiblearray',
      append,
      appended,
      called,
    ),
    make(
      '||',
      ['anycompatiblearray', 'anycompatible'],
      'anycompatiblearray',
      append,
      appended,
      called,
    ),
    make(
      'array_prepend',
      ['anycompatible', 'anycompatiblearray'],
      'anycompatiblearray',
      prepend,
      prepended,
      called,
    ),
    make(
      '||',
      ['anycompatible', 'anycompatiblearray'],
      'anycompatiblearray',
      prepend,
      prepended,
      called,
    ),
    make('array_cat', arrays, 'anycompatiblearray', both, joined, calledNullable),
    make('||', arrays, 'anycompatiblearray', both, joined, calledNullable),
    make(
      'string_to_array',
      ['text', 'text'],
      '_text',
      'The pieces of a text between delimiters (NULL: its characters).',
      ([text, by]) => splitText(text, by, null),
      calledNullable,
    ),
    make(
      'string_to_array',
      ['text', 'text', 'text'],
      '_text',
      'The same; pieces equal to the third text become NULL.',
      ([text, by, none]) => splitText(text, by, none),
      calledNullable,
    ),
  ];
}

function splitText(text: Datum, by: Datum, none: Datum): Datum {
  if (text === null) return null;
  const whole = stringOf(text);
  const pieces =
    whole === ''
      ? []
      : by === null
        ? Array.from(whole)
        : by === ''
          ? [whole]
          : whole.split(stringOf(by));
  return array(pieces.map((piece) => (piece === none ? null : piece)));
}

function sizes(): FunctionEntry[] {
  const bound = (name: string, description: string, of: (count: number) => number): FunctionEntry =>
    make(
      name,
      ['anyarray', 'int4'],
      'int4',
      description,
      ([a, dimension]) => (dimension === 1 && items(a).length > 0 ? of(items(a).length) : null),
      nullable,
    );
  return [
    bound(
      'array_length',
      'Number of elements along a dimension; NULL if there is none.',
      (count) => count,
    ),
    bound('array_upper', 'Largest subscript along a dimension.', (count) => count),
    bound('array_lower', 'Smallest subscript along a dimension.', () => 1),
    make('cardinality', ['anyarray'], 'int4', 'Number of elements.', ([a]) => items(a).length),
    make(
      'array_ndims',
      ['anyarray'],
      'int4',
      'Number of dimensions; NULL for an empty array.',
      ([a]) => (items(a).length === 0 ? null : 1),
      nullable,
    ),
    make(
      'array_dims',
      ['anyarray'],
      'text',
      'Bounds of the dimensions as text.',
      ([a]) => (items(a).length === 0 ? null : `[1:${items(a).length}]`),
      nullable,
    ),
  ];
}

/** Lower bound of an array: the vector types of the catalog count from 0. */
function lowerBound(type: TypeName): number {
  return type === 'int2vector' || type === 'oidvector' ? 0 : 1;
}

/** Positions (1-based) at which an element occurs, from `start` on. */
function positions(a: Datum, e: Datum, start: number, site: CallSite): number[] {
  const type = elementType(site.args[0]);
  return items(a).flatMap((item, k) => (k + 1 >= start && same(type, item, e) ? [k + 1] : []));
}

/** The element at a subscript, and the subscripts of an element. */
function search(): FunctionEntry[] {
  return [
    make(
      'array_element',
      ['anyarray', 'int4'],
      'anyelement',
      'The element at a subscript; NULL outside the bounds.',
      ([a, k], { args }) => items(a)[numberOf(k) - lowerBound(args[0])] ?? null,
      nullable,
    ),
    make(
      'array_position',
      ['anycompatiblearray', 'anycompatible'],
      'int4',
      'Subscript of the first equal element, or NULL.',
      ([a, e], site) => positions(a, e, 1, site)[0] ?? null,
      calledNullable,
    ),
    make(
      'array_position',
      ['anycompatiblearray', 'anycompatible', 'int4'],
      'int4',
      'Subscript of the first equal element from a subscript on, or NULL.',
      ([a, e, start], site) => {
        if (start === null) throw sqlError('22004', 'initial position must not be null');
        return positions(a, e, numberOf(start), site)[0] ?? null;
      },
      calledNullable,
    ),
    make(
      'array_positions',
      ['anycompatiblearray', 'anycompatible'],
      '_int4',
      'Subscripts of all equal elements.',
      ([a, e], site) => (a === null ? null : array(positions(a, e, 1, site))),
      calledNullable,
    ),
  ];
}

/** Arrays with fewer or other elements. */
function replacement(): FunctionEntry[] {
  return [
    make(
      'array_remove',
      ['anycompatiblearray', 'anycompatible'],
      'anycompatiblearray',
      'Without the elements that are equal.',
      ([a, e], { args }) =>
        a === null ? null : array(items(a).filter((item) => !same(elementType(args[0]), item, e))),
      calledNullable,
    ),
    make(
      'array_replace',
      ['anycompatiblearray', 'anycompatible', 'anycompatible'],
      'anycompatiblearray',
      'With another value in the place of equal elements.',
      ([a, from, to], { args }) =>
        a === null
          ? null
          : array(items(a).map((item) => (same(elementType(args[0]), item, from) ? to : item))),
      calledNullable,
    ),
    make(
      'trim_array',
      ['anyarray', 'int4'],
      'anyarray',
      'Without so many elements at the end.',
      ([a, n]) => {
        const count = items(a).length;
        if (numberOf(n) < 0 || numberOf(n) > count) {
          throw sqlError('2202E', `number of elements to trim must be between 0 and ${count}`);
        }
        return array(items(a).slice(0, count - numberOf(n)));
      },
    ),
  ];
}

function toText(): FunctionEntry[] {
  return [
    make(
      'array_to_string',
      ['anyarray', 'text'],
      'text',
      'The elements as text with a delimiter between them; NULLs are left out.',
      ([a, by], { args }) => joinTexts(a, by, null, args[0]),
      nullable,
    ),
    make(
      'array_to_string',
      ['anyarray', 'text', 'text'],
      'text',
      'The elements as text with a delimiter between them and a text for NULLs.',
      ([a, by, none], { args }) =>
        a === null || by === null ? null : joinTexts(a, by, none, args[0]),
      calledNullable,
    ),
  ];
}

function joinTexts(a: Datum, by: Datum, none: Datum, type: TypeName): string {
  const element = elementType(type);
  const texts = items(a).flatMap((item) =>
    item !== null ? [formatDatum(element, item)] : none === null ? [] : [stringOf(none)],
  );
  const delimiter = stringOf(by);
  checkLength(texts.reduce((sum, text) => sum + text.length + delimiter.length, 0));
  return texts.join(delimiter);
}

/** Whether `a` has every element of `b`; NULL is equal to nothing. */
function covers(a: Datum, b: Datum, type: TypeName): boolean {
  return items(b).every(
    (e) => e !== null && items(a).some((own) => own !== null && same(type, own, e)),
  );
}

function sets(): FunctionEntry[] {
  const both: readonly SignatureType[] = ['anyarray', 'anyarray'];
  return [
    make(
      '@>',
      both,
      'bool',
      'Whether the left array has every element of the right one.',
      ([a, b], { args }) => covers(a, b, elementType(args[0])),
    ),
    make(
      '<@',
      both,
      'bool',
      'Whether the right array has every element of the left one.',
      ([a, b], { args }) => covers(b, a, elementType(args[0])),
    ),
    make('&&', both, 'bool', 'Whether the arrays have an element in common.', ([a, b], { args }) =>
      items(a).some(
        (e) =>
          e !== null &&
          items(b).some((other) => other !== null && same(elementType(args[0]), e, other)),
      ),
    ),
  ];
}

const orders: readonly (readonly [string, (order: number) => boolean])[] = [
  ['=', (order) => order === 0],
  ['<>', (order) => order !== 0],
  ['<', (order) => order < 0],
  ['<=', (order) => order <= 0],
  ['>', (order) => order > 0],
  ['>=', (order) => order >= 0],
];

/** The OR (any) or AND (all) of comparing a value with each element, with SQL's NULL. */
function quantified(
  all: boolean,
  value: Datum,
  list: Datum,
  holds: (a: Datum, b: Datum) => boolean,
): boolean | null {
  if (list === null) return null;
  let unknown = false;
  for (const item of items(list)) {
    if (value === null || item === null) unknown = true;
    else if (holds(value, item) !== all) return !all;
  }
  return unknown ? null : all;
}

function quantifiers(): FunctionEntry[] {
  const membership = make(
    'array_contains_element',
    ['anycompatible', 'anycompatiblearray'],
    'bool',
    'Whether the value is equal to any element of the array.',
    ([value, list], { args }) =>
      quantified(
        false,
        value,
        list,
        (a, b) => compareMixed(args[0], elementType(args[1]), a, b) === 0,
      ),
    calledNullable,
  );
  return [membership, ...comparisons()];
}

/** Entries such as `= any` and `~~ all`. */
function comparisons(): FunctionEntry[] {
  return (['any', 'all'] as const).flatMap((quantifier) => {
    const words = quantifier === 'any' ? 'any element' : 'every element';
    return [
      ...orders.map(([name, holds]) =>
        make(
          `${name} ${quantifier}`,
          ['anycompatible', 'anycompatiblearray'],
          'bool',
          `Whether the value compares as ${name} with ${words} of the array.`,
          ([value, list], { args }) =>
            quantified(quantifier === 'all', value, list, (a, b) =>
              holds(compareMixed(args[0], elementType(args[1]), a, b)),
            ),
          calledNullable,
        ),
      ),
      ...(
        [
          ['~~', true, false],
          ['!~~', false, false],
          ['~~*', true, true],
          ['!~~*', false, true],
        ] as const
      ).map(([name, wanted, ignoreCase]) =>
        make(
          `${name} ${quantifier}`,
          ['text', '_text'],
          'bool',
          `Whether the text compares as ${name} with ${words} of the array.`,
          ([value, list]) =>
            quantified(
              quantifier === 'all',
              value,
              list,
              (a, b) => like(stringOf(a), likePattern(stringOf(b), '\\', ignoreCase)) === wanted,
            ),
          calledNullable,
        ),
      ),
    ];
  });
}

function setReturning(): FunctionEntry[] {
  const numbers = (count: number, reverse: boolean): Datum[][] =>
    Array.from({ length: count }, (_, k) => [reverse ? count - k : k + 1]);
  return [
    entry('array', 'unnest', ['anyarray'], 'anyelement', 'The elements, one a row.', undefined, {
      setReturning: true,
      nullable: true,
      rows: ([a]) => items(a).map((item) => [item]),
    }),
    entry(
      'array',
      'generate_subscripts',
      ['anyarray', 'int4'],
      'int4',
      'The subscripts along a dimension, one a row.',
      undefined,
      {
        setReturning: true,
        rows: ([a, dimension]) => numbers(dimension === 1 ? items(a).length : 0, false),
      },
    ),
    entry(
      'array',
      'generate_subscripts',
      ['anyarray', 'int4', 'bool'],
      'int4',
      'The subscripts along a dimension, one a row, backwards if true.',
      undefined,
      {
        setReturning: true,
        rows: ([a, dimension, reverse]) =>
          numbers(dimension === 1 ? items(a).length : 0, reverse === true),
      },
    ),
  ];
}

export const arrayFunctions: readonly FunctionEntry[] = [
  ...construction(),
  ...sizes(),
  ...search(),
  ...replacement(),
  ...toText(),
  ...sets(),
  ...quantifiers(),
  ...setReturning(),
];
