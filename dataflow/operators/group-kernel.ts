/**
 * The generated loops that find the groups of a batch's rows, one pair of functions per list of key
 * types: hashes of all rows, then probes and comparisons. Between the two the table may touch what
 * will be probed, so that cache misses overlap. The second one stops at a row whose key is new,
 * which the table then makes.
 *
 * Text comes from templates alone; offsets into records and masks are numbers of our own, columns
 * and buffers are arguments. Functions of equality classes are passed in under the name of the
 * class, so that two classes never share a function and calls stay monomorphic.
 */
import { generate } from '../value/codegen.ts';
import type { VarClass } from '../value/equality.ts';
import { varClass } from '../value/equality.ts';
import { hashSeed, mixFloat } from '../value/hash.ts';
import type { Equality, TypeName } from '../value/type.ts';
import { typeInfo } from '../value/type.ts';
import type { Field } from './record-field.ts';

/** What a look-up reads and writes, beside the memory. */
export interface LookupCall {
  readonly directory: Int32Array;
  readonly shift: number;
  /** Word offset of each key column and byte offset of its nulls or -1, in the batch's slab. */
  readonly columns: Int32Array;
  readonly nulls: Int32Array;
  readonly first: number;
  readonly n: number;
  readonly owners: Int32Array;
  readonly out: Int32Array;
  /** hashes[i] is the hash of row first + i. */
  readonly hashes: Int32Array;
}

/** Sets the call's hashes. */
export type HashKeys = (
  slab32: Int32Array,
  slab64: Float64Array,
  slab8: Uint8Array,
  call: LookupCall,
) => void;

/**
 * Sets out[i] for i from `from` on to the record of row first + i, and answers the first i < n
 * whose key has no record, or n. Word 0 of a record is its hash, `ownerWord` its owner.
 */
export type Lookup = (
  i32: Int32Array,
  f64: Float64Array,
  slab32: Int32Array,
  slab64: Float64Array,
  slab8: Uint8Array,
  call: LookupCall,
  from: number,
) => number;

export interface LookupKernel {
  readonly hash: HashKeys;
  readonly lookup: Lookup;
}

type Factory = (float: typeof mixFloat, classes: readonly (VarClass | null)[]) => LookupKernel;

/** `owned`: whether records belong to owners, whose word is `ownerWord`. */
export function lookupKernel(
  fields: readonly Field[],
  owned: boolean,
  ownerWord: number,
): LookupKernel {
  const parts = fields.map((field, k) => keyPart(field, k));
  const columns = fields
    .map((_, k) => `const c${k} = call.columns[${k}], z${k} = call.nulls[${k}];`)
    .join('\n');
  const factory = generate<Factory>(
    ['float', 'classes'],
    `
${fields.map((field, k) => classText(field, k)).join('')}
function hash(w, wd, b, call) {
const first = call.first, n = call.n, owners = call.owners, hashes = call.hashes;
${columns}
for (let i = 0; i < n; i++) {
  const r = first + i;
  let h = ${hashSeed};
  ${parts.map((part) => part.hash).join('\n')}
  h = Math.imul(h ^ (h >>> 16), ${0x85ebca6b});
  h = Math.imul(h ^ (h >>> 13), ${0xc2b2ae35});
  h = h ^ (h >>> 16);
  ${owned ? `const owner = owners[i];\n${mixText('owner')}` : ''}
  hashes[i] = h;
}
}
function lookup(m, d, w, wd, b, call, from) {
const directory = call.directory, shift = call.shift, first = call.first, n = call.n;
const out = call.out, owners = call.owners, hashes = call.hashes;
${columns}
for (let i = from; i < n; i++) {
  const r = first + i;
  const h = hashes[i];
  ${owned ? 'const owner = owners[i];' : ''}
  ${parts.map((part) => part.values).join('\n')}
  const at = (h >>> shift) * 2;
  const slots = directory[at], mask = directory[at + 1];
  let slot = h & mask;
  let g = 0;
  for (;;) {
    g = m[slots + slot * 2 + 1];
    if (g === 0) break;
    if (m[slots + slot * 2] === h) {
      ${parts.map((part) => part.load).join('\n')}
      if (${['true', owned ? `m[g + ${ownerWord}] === owner` : 'true', ...parts.map((part) => part.equal)].join(' && ')}) break;
    }
    slot = (slot + 1) & mask;
  }
  if (g === 0) return i;
  out[i] = g;
}
return n;
}
return { hash, lookup };`,
  );
  return factory(
    mixFloat,
    fields.map(({ physical, column }) => (physical === 'var' ? varClass(column.type) : null)),
  );
}

/** One step of the hash, as `mix` in words.ts. */
function mixText(word: string): string {
  return `h = Math.imul(h ^ ${word}, ${0x9e3779b1}); h = h ^ (h >>> 15);\n`;
}

/** Names the functions of a var column's class. */
function classText(field: Field, k: number): string {
  if (field.physical !== 'var') return '';
  const name = className(field.column.type);
  return `const hash${k}${name} = classes[${k}].hash, equal${k}${name} = classes[${k}].equal;\n`;
}

/** A class as part of a name. Arrays of different elements are different classes. */
function className(type: TypeName): string {
  const { equality }: { equality: Equality } = typeInfo(type);
  return equality === 'array' ? `array${typeInfo(type).oid}` : equality;
}

interface KeyPart {
  readonly hash: string;
  /** Names the row's value. */
  readonly values: string;
  readonly load: string;
  readonly equal: string;
}

function keyPart(field: Field, k: number): KeyPart {
  const part = valuePart(field, k);
  if (field.nullMask === 0) return part;
  const isNull = `(z${k} >= 0 && b[z${k} + r] === 1)`;
  const wasNull = `((m[g + ${field.nullWord}] & ${field.nullMask}) !== 0)`;
  return { ...part, equal: `${isNull} === ${wasNull} && ${part.equal}` };
}

function valuePart(field: Field, k: number): KeyPart {
  const at = `g + ${field.offset}`;
  const pair = `const x${k} = w[c${k} + 2 * r], y${k} = w[c${k} + 2 * r + 1];`;
  switch (field.physical) {
    case 'i32':
      return {
        hash: `const x${k} = w[c${k} + r];\n${mixText(`x${k}`)}`,
        values: `const x${k} = w[c${k} + r];`,
        load: '',
        equal: `m[${at}] === x${k}`,
      };
    case 'i64':
      return {
        hash: `${pair}\n${mixText(`x${k}`)}${mixText(`y${k}`)}`,
        values: pair,
        load: '',
        equal: `m[${at}] === x${k} && m[${at} + 1] === y${k}`,
      };
    case 'f64':
      return {
        hash: `h = float(h, w[c${k} + 2 * r], w[c${k} + 2 * r + 1]);\n`,
        values: '',
        load: `const x${k} = wd[(c${k} >> 1) + r], y${k} = d[(${at}) >> 1];`,
        equal: `(x${k} === y${k} || (x${k} !== x${k} && y${k} !== y${k}))`,
      };
    case 'var': {
      const name = className(field.column.type);
      // A value of no bytes is an empty text or a NULL, which class functions do not take.
      return {
        hash: `${pair}\n${mixText(`hash${k}${name}(w, x${k}, y${k})`)}`,
        values: pair,
        load: `const u${k} = m[${at}], v${k} = m[${at} + 1];`,
        equal: `(y${k} === 0 || v${k} === 0 ? y${k} === v${k} : equal${k}${name}(m, u${k}, v${k}, w, x${k}, y${k}))`,
      };
    }
  }
}
