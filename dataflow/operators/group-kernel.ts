/**
 * The generated loops that find the groups of a batch's rows, one pair of functions per list of key
 * types. The first hashes each row and takes the first record with that hash as its candidate; the
 * loads of different rows do not wait for each other. Then the table touches the candidates, so
 * that their cache misses overlap too. The second compares keys, and only where the candidate is of
 * another key, or there is none, it probes. It makes the record of a new key itself while there is
 * room for it; else it stops at the row, and the table makes it.
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
import { slotsHeader } from './group-index.ts';
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
  /** By row: first its candidate or 0, then its record. */
  readonly out: Int32Array;
  /** hashes[i] is the hash of row first + i. */
  readonly hashes: Int32Array;
  /** Where records may be made: the address of the first one, and how many there may be. */
  next: number;
  room: number;
  /** By record that a call makes: the address of its slot, and of the sub-table's first word. */
  readonly slots: Int32Array;
  readonly tables: Int32Array;
}

/**
 * Sets the call's hashes, and candidates in `out`. The hashes and the first slots have loops of
 * their own: short ones, so that more misses are under way at once. The answer keeps the loads.
 */
export type FindCandidates = (
  i32: Int32Array,
  slab32: Int32Array,
  slab64: Float64Array,
  slab8: Uint8Array,
  call: LookupCall,
) => number;

/**
 * Sets out[i] for i from `from` on to the record of row first + i, and answers the first i < n
 * whose key has no record and whose record cannot be made here, or n. Makes at most `room` records
 * and takes them off `next` and `room`.
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
  readonly candidates: FindCandidates;
  readonly lookup: Lookup;
}

type Factory = (float: typeof mixFloat, classes: readonly (VarClass | null)[]) => LookupKernel;

/** How the records of a table lie; word 0 is the hash. */
export interface RecordShape {
  readonly fields: readonly Field[];
  /** The word of the owner, or -1 if records have none. */
  readonly owner: number;
  readonly words: number;
}

/** The loops for records of this shape. */
export function lookupKernel(shape: RecordShape): LookupKernel {
  const { fields } = shape;
  const parts = fields.map((field, k) => keyPart(field, k));
  const factory = generate<Factory>(
    ['float', 'classes'],
    `
${fields.map((field, k) => classText(field, k)).join('')}
${candidatesText(shape, parts)}
${lookupText(shape, parts)}
return { candidates, lookup };`,
  );
  return factory(
    mixFloat,
    fields.map(({ physical, column }) => (physical === 'var' ? varClass(column.type) : null)),
  );
}

function columnsText(fields: readonly Field[]): string {
  return fields
    .map((_, k) => `const c${k} = call.columns[${k}], z${k} = call.nulls[${k}];`)
    .join('\n');
}

function candidatesText({ fields, owner }: RecordShape, parts: readonly KeyPart[]): string {
  return `
function candidates(m, w, wd, b, call) {
const { directory, shift, first, n, owners, hashes, out } = call;
${columnsText(fields)}
let seen = 0;
for (let i = 0; i < n; i++) {
  const r = first + i;
  let h = ${hashSeed};
  ${parts.map((part) => part.hash).join('\n')}
  h = Math.imul(h ^ (h >>> 16), ${0x85ebca6b});
  h = Math.imul(h ^ (h >>> 13), ${0xc2b2ae35});
  h = h ^ (h >>> 16);
  ${owner >= 0 ? `const owner = owners[i];\n${mixText('owner')}` : ''}
  hashes[i] = h;
}
for (let i = 0; i < n; i++) {
  const h = hashes[i];
  const at = (h >>> shift) * 2;
  seen ^= m[directory[at] + (h & directory[at + 1]) * 2];
}
for (let i = 0; i < n; i++) {
  const h = hashes[i];
  const at = (h >>> shift) * 2;
  const slots = directory[at], mask = directory[at + 1];
  let slot = h & mask;
  let g = m[slots + slot * 2 + 1];
  while (g !== 0 && m[slots + slot * 2] !== h) {
    slot = (slot + 1) & mask;
    g = m[slots + slot * 2 + 1];
  }
  out[i] = g;
}
return seen;
}`;
}

function lookupText(shape: RecordShape, parts: readonly KeyPart[]): string {
  const { fields, owner } = shape;
  const loads = parts.map((part) => part.load).join('\n');
  const equalKeys = parts.map((part) => part.equal);
  const equal = ['true', owner >= 0 ? `m[g + ${owner}] === owner` : 'true', ...equalKeys];
  const found = equal.join(' && ');
  return `
function lookup(m, d, w, wd, b, call, from) {
const { directory, shift, first, n, owners, hashes, out } = call;
const made = call.slots, tables = call.tables;
let next = call.next, room = call.room, i = from, k = 0;
${columnsText(fields)}
for (; i < n; i++) {
  const r = first + i;
  ${owner >= 0 ? 'const owner = owners[i];' : ''}
  ${parts.map((part) => part.values).join('\n')}
  let g = out[i];
  if (g !== 0) {
    ${loads}
    if (${found}) continue;
  }
  const h = hashes[i];
  const at = (h >>> shift) * 2;
  const slots = directory[at], mask = directory[at + 1];
  let slot = h & mask;
  for (;;) {
    g = m[slots + slot * 2 + 1];
    if (g === 0) break;
    if (m[slots + slot * 2] === h) {
      ${loads}
      if (${found}) break;
    }
    slot = (slot + 1) & mask;
  }
  if (g === 0) {
    ${makeText(shape)}
  }
  out[i] = g;
}
call.next = next;
call.room = room;
return i;
}`;
}

/**
 * Makes the record of row r at `next` and enters it at the slot where the search ended; leaves the
 * loop where there is no room, or the sub-table is full, or does not exist (its mask is 0).
 */
function makeText({ fields, owner, words }: RecordShape): string {
  if (fields.some(({ physical }) => physical === 'var')) return 'break;';
  const store = fields.map(({ physical, offset, nullMask, nullWord }, k) => {
    const value =
      physical === 'i32'
        ? `m[g + ${offset}] = w[c${k} + r];`
        : `m[g + ${offset}] = w[c${k} + 2 * r]; m[g + ${offset + 1}] = w[c${k} + 2 * r + 1];`;
    if (nullMask === 0) return value;
    return `${value} if (z${k} >= 0 && b[z${k} + r] === 1) m[g + ${nullWord}] |= ${nullMask};`;
  });
  return `
    if (room === 0 || mask === 0) break;
    if (m[slots - ${slotsHeader}] >= mask + 1 - ((mask + 1) >> 3)) break;
    g = next;
    next += ${words};
    room--;
    for (let z = g; z < g + ${words}; z++) m[z] = 0;
    m[g] = h;
    ${owner >= 0 ? `m[g + ${owner}] = owner;` : ''}
    ${store.join('\n')}
    m[slots + slot * 2] = h;
    m[slots + slot * 2 + 1] = g;
    m[slots - ${slotsHeader}]++;
    made[k] = slots + slot * 2;
    tables[k++] = slots - ${slotsHeader};`;
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
      const equal = `equal${k}${name}(m, u${k}, v${k}, w, x${k}, y${k})`;
      // A value of no bytes is an empty text or a NULL, which class functions do not take.
      return {
        hash: `${pair}\n${mixText(`hash${k}${name}(w, x${k}, y${k})`)}`,
        values: pair,
        load: `const u${k} = m[${at}], v${k} = m[${at} + 1];`,
        equal: `(y${k} === 0 || v${k} === 0 ? y${k} === v${k} : ${equal})`,
      };
    }
  }
}
