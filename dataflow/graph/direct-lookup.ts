/**
 * A registered lookup read from another thread than the engine's: the key's rows are copied out of
 * shared memory at a step that is known to be complete, without asking the engine.
 *
 * Exact or not at all. `read` answers null where it cannot tell: the collection is not yet known at
 * the step, has errors, is being written at this very moment (after a few tries), the key is heavy
 * or had a row at the step that has died since. Then the lookup goes to the engine as ever.
 *
 * A lookup can be read so if its answer is columns of the collection as they are: no filter, no
 * expression, no order, no limit.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { VarStart } from '../arrangement/gather.ts';
import { varStarts } from '../arrangement/gather.ts';
import type { RecordSize } from '../arrangement/record-size.ts';
import { recordSize } from '../arrangement/record-size.ts';
import { SharedIndexReader, askOwner } from '../arrangement/shared-index.ts';
import type { Lookup } from '../plan/plan.ts';
import type { Datum, Row } from '../value/datum.ts';
import { valueVar } from '../value/datum-column.ts';
import type { EqualRecords } from '../value/equal.ts';
import { equalRecords } from '../value/equal.ts';
import type { FoundRecords, RecordField } from '../value/found-records.ts';
import type { RecordHash } from '../value/hash.ts';
import { recordHash } from '../value/hash.ts';
import type { RowLayout } from '../value/layout.ts';
import { recordWeight } from '../value/layout.ts';
import { bigintOf, numberOf } from '../value/scalar-words.ts';
import type { TypeName } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import type { Finishing, SharedCollection } from './command.ts';
import { GateReader } from './read-gate.ts';

const triesMax = 3;

/** Whether a lookup is of the kind that can be read directly. */
export function isDirect({ key, program }: Lookup, { order, limit, offset }: Finishing): boolean {
  return (
    key !== null &&
    program.filters.length === 0 &&
    order.length === 0 &&
    limit < 0 &&
    offset === 0 &&
    program.outputs.every((output) => program.nodes[output].kind === 'column')
  );
}

/** Reads one lookup, key after key. */
export class DirectLookup {
  readonly #gate: GateReader;
  readonly #reader: SharedIndexReader;
  readonly #layout: RowLayout;
  readonly #sizeOf: RecordSize;
  readonly #key: readonly number[];
  /** Columns of the key that come first, and in order, in a record's var bytes. */
  readonly #keyVars: readonly number[];
  readonly #hash: RecordHash;
  readonly #equal: EqualRecords;
  /** A record with nothing but the key. */
  #wanted: Int32Array;
  readonly #found: { -readonly [K in keyof FoundRecords]: FoundRecords[K] };

  constructor(shared: SharedCollection, { key, program }: Lookup, { project }: Finishing) {
    assert(key !== null, 'a lookup that is read directly has a key');
    const { layout } = shared.door;
    this.#layout = layout;
    this.#sizeOf = recordSize(layout);
    this.#gate = new GateReader(shared.gate, shared.known, shared.indexesDropped);
    this.#reader = new SharedIndexReader(shared.door);
    this.#key = key.columns;
    this.#keyVars = layout.variable.filter((column) => key.columns.includes(column));
    this.#hash = recordHash(layout, key.columns);
    this.#equal = equalRecords(layout, key.columns);
    this.#wanted = new Int32Array(layout.fixedWords);
    const starts = varStarts(layout);
    const fields = project.map((output) => {
      const node = program.nodes[program.outputs[output]];
      assert(node.kind === 'column', 'a lookup that is read directly answers columns');
      return fieldOf(layout, starts, node.column);
    });
    this.#found = { fields, words: this.#reader.copies, places: this.#reader.places, count: 0 };
  }

  /**
   * The rows of a key (without NULLs) at a step that the engine has reported complete; null if the
   * engine has to be asked.
   */
  read(key: Row, step: number): FoundRecords | null {
    this.#setKey(key);
    const hash = this.#hash(this.#wanted, 0);
    for (let k = 0; k < triesMax; k++) {
      if (!this.#gate.enter(step)) {
        if (this.#gate.busy) continue;
        return null;
      }
      const count = this.#reader.search(hash, step);
      if (!this.#gate.leave()) continue;
      return count === askOwner ? null : this.#matching(count);
    }
    return null;
  }

  /** Those of the copied records whose key is equal; null if one cannot be a row of an answer. */
  #matching(count: number): FoundRecords | null {
    const { copies, places } = this.#reader;
    let kept = 0;
    let words = 0;
    for (let k = 0; k < count; k++) {
      const place = places[k];
      if (!this.#equal(this.#wanted, 0, copies, place)) continue;
      const weight = copies[place + recordWeight];
      // A row that is there many times is an answer that has to be sent in parts.
      words += weight * this.#sizeOf(copies, place);
      if (weight < 1 || words > limits.directReadWordsMax) return null;
      places[kept++] = place;
    }
    this.#found.words = copies;
    this.#found.count = kept;
    return this.#found;
  }

  #setKey(key: Row): void {
    const { physical, offset, fixedWords } = this.#layout;
    let free = fixedWords;
    for (let i = 0; i < this.#key.length; i++) {
      const column = this.#key[i];
      if (physical[column] === 'var') continue;
      setScalar(this.#wanted, offset[column], this.#layout.columns[column].type, key[i]);
    }
    for (const column of this.#keyVars) {
      const { type } = this.#layout.columns[column];
      const { words, bytes } = valueVar(type, key[this.#key.indexOf(column)]);
      const used = (bytes + 3) >> 2;
      if (free + used > this.#wanted.length) this.#growWanted(free + used);
      for (let w = 0; w < used; w++) this.#wanted[free + w] = words[w];
      this.#wanted[offset[column]] = bytes;
      free += used;
    }
  }

  #growWanted(words: number): void {
    const grown = new Int32Array(2 * words);
    grown.set(this.#wanted);
    this.#wanted = grown;
  }
}

const pair = new Int32Array(2);
const pairAsInteger = new BigInt64Array(pair.buffer);
const pairAsDouble = new Float64Array(pair.buffer);

/** Writes a value of fixed width without allocating. */
function setScalar(words: Int32Array, at: number, type: TypeName, value: Datum): void {
  switch (physicalOf(type)) {
    case 'i32':
      words[at] = type === 'bool' ? Number(value) : numberOf(value);
      return;
    case 'i64':
      pairAsInteger[0] = bigintOf(value);
      break;
    case 'f64':
      pairAsDouble[0] = numberOf(value);
      break;
    case 'var':
      assert(false, 'a var value has no fixed width');
  }
  words[at] = pair[0];
  words[at + 1] = pair[1];
}

function fieldOf(layout: RowLayout, starts: readonly VarStart[], column: number): RecordField {
  return {
    physical: layout.physical[column],
    offset: layout.offset[column],
    start: starts[column],
    nullWord: layout.columns[column].nullable ? layout.nullBits + (column >> 5) : -1,
    nullBit: column & 31,
  };
}
