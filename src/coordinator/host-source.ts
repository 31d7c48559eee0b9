/**
 * One source in the dataflow thread: who reads which of its columns, and the decoders for that.
 *
 * Live records are decoded once for all dataflows, with the union of the columns that they read. A
 * record that fails there may be whole for a dataflow that does not read the broken column: such
 * records are decoded again, for each other set of columns that somebody reads. Who reads the
 * errors wants all columns.
 */
import type { Decoded, Decoder, SourceFormat } from '../../connectors/format/decoder.ts';
import { WriterSchemas } from '../../connectors/format/avro/writers.ts';
import { makeDecoder } from '../../connectors/format/make-decoder.ts';
import type { IngestCounts } from './engine-link.ts';
import { FailedOffsets } from './failed-offsets.ts';

/** A decoder of some columns whose batches have all of them: those not wanted point nowhere. */
export interface WideDecoder {
  readonly wanted: readonly number[];
  readonly decoder: Decoder;
}

/** Dataflows that read the same columns. */
interface Group {
  readonly wanted: readonly number[];
  readonly dataflows: ReadonlySet<number>;
}

/** How records are decoded for those who read them live. */
export interface LiveDecoders {
  readonly wide: WideDecoder;
  /** Dataflows for which a record that fails has failed; null if that is all of them. */
  readonly failing: ReadonlySet<number> | null;
  /** The others. */
  readonly groups: readonly Group[];
  /** Whether somebody reads the errors. */
  readonly errorsRead: boolean;
}

/** Columns that each dataflow reads, by collection. */
export type Demands = ReadonlyMap<number, ReadonlyMap<number, readonly number[]>>;

/** A source that decodes. */
export class HostSource {
  readonly collection: number;
  /** The collection of its errors, or null if it has none. */
  readonly errors: number | null;
  readonly format: SourceFormat;
  readonly writers = new WriterSchemas();
  readonly all: readonly number[];
  #live: LiveDecoders;
  readonly #narrow = new Map<string, WideDecoder>();
  /** Whether counts have changed since they were told. */
  isNews = false;
  #counts: IngestCounts = { records: 0, replayed: 0, failed: 0, quarantined: 0, lastError: null };
  readonly #failedOffsets = new FailedOffsets();

  constructor(collection: number, format: SourceFormat, errors: number | null) {
    this.collection = collection;
    this.format = format;
    this.errors = errors;
    this.all = format.columns.map((_, c) => c);
    const wide = this.decoder(this.isKeyed ? this.all : []);
    this.#live = { wide, failing: null, groups: [], errorsRead: this.isKeyed };
  }

  /** It keeps one row a key. */
  get isKeyed(): boolean {
    return this.format.envelope !== 'none';
  }

  get quarantines(): boolean {
    return this.format.onError === 'QUARANTINE';
  }

  get live(): LiveDecoders {
    return this.#live;
  }

  get counts(): IngestCounts {
    return this.#counts;
  }

  /** Counts what was decoded, live or of the past. */
  count({ records, errors }: Decoded, from: 'live' | 'past'): void {
    if (records === 0 && errors.length === 0) return;
    const fresh = errors.filter(
      ({ record }) =>
        record === null || this.#failedOffsets.add(record.topic, record.partition, record.offset),
    );
    const quarantined = this.quarantines ? fresh.filter(({ record }) => record !== null) : [];
    const before = this.#counts;
    this.isNews = true;
    this.#counts = {
      records: before.records + (from === 'live' ? records : 0),
      replayed: before.replayed + (from === 'past' ? records : 0),
      failed: before.failed + fresh.length,
      quarantined: before.quarantined + quarantined.length,
      lastError: fresh.at(-1)?.message ?? before.lastError,
    };
  }

  /** A new decoder of these columns. */
  decoder(wanted: readonly number[]): WideDecoder {
    return { wanted, decoder: makeDecoder(this.format, wanted, this.writers) };
  }

  /** The decoder of what a group reads. */
  narrow({ wanted }: Group): WideDecoder {
    const key = String(wanted);
    const known = this.#narrow.get(key) ?? this.decoder(wanted);
    this.#narrow.set(key, known);
    return known;
  }

  /** Others read it than before, or other columns. */
  renew(demands: Demands): void {
    if (this.isKeyed) return;
    const groups = new Map<string, { wanted: readonly number[]; dataflows: Set<number> }>();
    let errorsRead = false;
    for (const [dataflow, demand] of demands) {
      if (this.errors !== null && demand.has(this.errors)) errorsRead = true;
      const wanted = demand.get(this.collection);
      if (wanted === undefined) continue;
      const group = groups.get(String(wanted)) ?? { wanted, dataflows: new Set() };
      group.dataflows.add(dataflow);
      groups.set(String(wanted), group);
    }
    const wanted = errorsRead ? this.all : union([...groups.values()].map((one) => one.wanted));
    const { wide } = this.#live;
    const failing = groups.get(String(wanted))?.dataflows ?? new Set();
    groups.delete(String(wanted));
    for (const key of this.#narrow.keys()) if (!groups.has(key)) this.#narrow.delete(key);
    this.#live = {
      wide: String(wide.wanted) === String(wanted) ? wide : this.decoder(wanted),
      failing: groups.size === 0 ? null : failing,
      groups: [...groups.values()],
      errorsRead,
    };
  }
}

/** All of some lists, in ascending order. */
export function union(lists: readonly (readonly number[])[]): readonly number[] {
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}
