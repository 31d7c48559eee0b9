/**
 * What runs in the dataflow thread: the engine, and the decoders that feed it. Commands of the
 * coordinator go to the engine as they come, except what belongs to steps: raw records are decoded
 * in slices, in order, and a step is given to the engine when all of its records are decoded. So
 * reads are answered between two slices, however large a step or a chunk is: decoding a chunk stops
 * at the decoder's next pause and goes on in a later turn.
 *
 * A stream is decoded once for all its dataflows, with the union of the columns that they read;
 * what nobody reads is skipped, not decoded.
 */
import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { RawChunk } from '../../connectors/connector.ts';
import type {
  DecodeError,
  Decoded,
  Decoder,
  SourceFormat,
} from '../../connectors/format/decoder.ts';
import { WriterSchemas } from '../../connectors/format/avro/writers.ts';
import { makeDecoder } from '../../connectors/format/make-decoder.ts';
import { Engine } from '../../dataflow/graph/engine.ts';
import type { Plan } from '../../dataflow/plan/plan.ts';
import { errorColumns } from '../../dataflow/operators/operator.ts';
import type { Batch } from '../../dataflow/value/batch.ts';
import { batchFromRows } from '../../dataflow/value/datum-column.ts';
import type { HostCommand, HostResponse } from './engine-link.ts';

export interface HostOptions {
  respond(response: HostResponse): void;
  /** Milliseconds, monotonic. */
  now(): number;
}

type StepCommand = Extract<HostCommand, { kind: 'step' }>;

type Work =
  | { readonly kind: 'chunk'; readonly collection: number; readonly chunk: RawChunk }
  | { readonly kind: 'step'; readonly command: StepCommand }
  | {
      readonly kind: 'replay';
      readonly dataflow: number;
      readonly collection: number;
      readonly chunk: RawChunk | null;
      readonly last: boolean;
    };

/** A chunk that is being decoded. */
interface Decoding {
  readonly steps: Iterator<Decoded | null>;
  /** Whether somebody still wants it. */
  wanted(): boolean;
  take(decoded: Decoded): void;
  /** All of it was decoded, or nobody wants the rest. */
  end(): void;
}

/** A source that decodes. */
interface Source {
  readonly format: SourceFormat;
  readonly writers: WriterSchemas;
  decoder: WideDecoder;
  records: number;
  failed: number;
  lastError: string | null;
  reported: number;
}

/** A decoder of some columns whose batches have all of them: those not wanted point nowhere. */
interface WideDecoder {
  readonly wanted: readonly number[];
  readonly decoder: Decoder;
}

/** One engine with its decoders; driven by `command` and `run`. */
export class DataflowHost {
  readonly #options: HostOptions;
  readonly #engine: Engine;
  readonly #sources = new Map<number, Source>();
  /** Columns that each dataflow reads, by collection. */
  readonly #demands = new Map<number, ReadonlyMap<number, readonly number[]>>();
  readonly #replays = new Map<string, WideDecoder>();
  readonly #work: Work[] = [];
  /** The chunk that came before all that is in `#work`. */
  #decoding: Decoding | null = null;
  /** Replayed chunks to be acknowledged once their dataflow has room for more. */
  #acknowledgements: { readonly dataflow: number; readonly collection: number }[] = [];

  constructor(options: HostOptions) {
    this.#options = options;
    this.#engine = new Engine({
      respond: (response) => options.respond(response),
      now: () => options.now(),
    });
  }

  command(command: HostCommand): void {
    switch (command.kind) {
      case 'createSource':
        return this.#createSource(command.collection, command.format);
      case 'writerSchema':
        this.#sources.get(command.collection)?.writers.set(command.id, command.answer);
        return;
      case 'ingest':
        for (const { collection, chunks } of command.inputs) {
          for (const chunk of chunks) this.#work.push({ kind: 'chunk', collection, chunk });
        }
        return;
      case 'step':
        this.#work.push({ kind: 'step', command });
        return;
      case 'replayChunks':
        return this.#queueReplay(command);
      case 'createDataflow':
        this.#engine.command(command);
        this.#demands.set(command.dataflow, demandOf(command.plan));
        return this.#renewDecoders(command.dataflow);
      case 'dropDataflow':
        this.#engine.command(command);
        return this.#forgetDemand(command.dataflow);
      case 'dropCollection':
        this.#sources.delete(command.collection);
        return this.#engine.command(command);
      default:
        return this.#engine.command(command);
    }
  }

  /** Works for about `milliseconds`; true if there is more to do. */
  run(milliseconds: number): boolean {
    const end = this.#options.now() + milliseconds;
    let more = true;
    while (more) {
      const decoded = this.#next();
      more = this.#engine.run(milliseconds / 2) || decoded || this.#work.length > 0;
      this.#acknowledge();
      if (this.#options.now() >= end) break;
    }
    return more;
  }

  /** Lets a replay go on whose dataflow is not far behind with what it got. */
  #acknowledge(): void {
    if (this.#acknowledgements.length === 0) return;
    this.#acknowledgements = this.#acknowledgements.filter(({ dataflow, collection }) => {
      if (this.#engine.replayBytes(dataflow) > limits.replayBytesInFlightMax) return true;
      this.#options.respond({ kind: 'replayed', dataflow, collection });
      return false;
    });
  }

  #createSource(collection: number, format: SourceFormat): void {
    const wanted = format.envelope !== 'none' ? format.columns.map((_, c) => c) : [];
    const writers = new WriterSchemas();
    const decoder = { wanted, decoder: makeDecoder(format, wanted, writers) };
    this.#sources.set(collection, {
      format,
      writers,
      decoder,
      records: 0,
      failed: 0,
      lastError: null,
      reported: 0,
    });
  }

  #forgetDemand(dataflow: number): void {
    const collections = [...(this.#demands.get(dataflow)?.keys() ?? [])];
    this.#demands.delete(dataflow);
    for (const collection of collections) this.#replays.delete(`${dataflow} ${collection}`);
    this.#renewDecodersOf(collections);
  }

  /** A dataflow reads streams: their decoders must give what it wants. */
  #renewDecoders(dataflow: number): void {
    this.#renewDecodersOf([...(this.#demands.get(dataflow)?.keys() ?? [])]);
  }

  #renewDecodersOf(collections: readonly number[]): void {
    for (const collection of collections) {
      const source = this.#sources.get(collection);
      if (source === undefined || source.format.envelope !== 'none') continue;
      const wanted = union(
        [...this.#demands.values()].map((demand) => demand.get(collection) ?? []),
      );
      if (String(wanted) === String(source.decoder.wanted)) continue;
      source.decoder = { wanted, decoder: makeDecoder(source.format, wanted, source.writers) };
    }
  }

  #queueReplay(command: Extract<HostCommand, { kind: 'replayChunks' }>): void {
    const { dataflow, collection, chunks, last } = command;
    for (const chunk of chunks)
      this.#work.push({ kind: 'replay', dataflow, collection, chunk, last: false });
    if (last) this.#work.push({ kind: 'replay', dataflow, collection, chunk: null, last });
  }

  /** Does one piece of queued work; false if there was none. */
  #next(): boolean {
    if (this.#decoding !== null) {
      this.#decodeOn(this.#decoding);
      return true;
    }
    const work = this.#work.shift();
    if (work === undefined) return false;
    switch (work.kind) {
      case 'chunk':
        this.#ingest(work.collection, work.chunk);
        return true;
      case 'step':
        this.#engine.command(work.command);
        this.#report();
        return true;
      case 'replay':
        this.#replay(work);
        return true;
    }
  }

  /** Decodes up to the next pause. */
  #decodeOn(decoding: Decoding): void {
    const wanted = decoding.wanted();
    const next = wanted ? decoding.steps.next() : decoding.steps.return?.();
    if (!wanted || next === undefined || next.done === true) {
      this.#decoding = null;
      decoding.end();
    } else if (next.value !== null) decoding.take(next.value);
  }

  #ingest(collection: number, chunk: RawChunk): void {
    const source = this.#sources.get(collection);
    if (source === undefined) {
      chunk.release?.();
      return;
    }
    const { wanted, decoder } = source.decoder;
    this.#decoding = {
      steps: decoder.decode(chunk, this.#engine.pool, 0)[Symbol.iterator](),
      wanted: () => this.#sources.get(collection) === source,
      take: (decoded) => this.#takeIn(collection, source, wanted, decoded),
      end: () => chunk.release?.(),
    };
  }

  #takeIn(collection: number, source: Source, wanted: readonly number[], decoded: Decoded): void {
    source.records += decoded.records;
    source.failed += decoded.errors.length;
    source.lastError = decoded.errors.at(-1)?.message ?? source.lastError;
    if (source.format.envelope !== 'none') {
      this.#engine.upsert(collection, source.format.keyColumns, decoded);
      return;
    }
    const errors = this.#errorBatch(decoded.errors);
    const batch =
      decoded.batch === null ? null : widen(decoded.batch, wanted, source.format.columns.length);
    this.#engine.input(collection, batch, errors);
  }

  #replay(work: Extract<Work, { kind: 'replay' }>): void {
    const { dataflow, collection, chunk, last } = work;
    // Who asked for it has ended.
    if (!this.#demands.has(dataflow)) {
      chunk?.release?.();
      return;
    }
    const source = this.#sources.get(collection);
    const key = `${dataflow} ${collection}`;
    if (source === undefined || chunk === null) {
      chunk?.release?.();
      this.#replays.delete(key);
      this.#engine.replay(dataflow, collection, null, null, last);
      return;
    }
    const replay = this.#replayDecoder(key, dataflow, collection, source);
    const columns = source.format.columns.length;
    this.#decoding = {
      steps: replay.decoder.decode(chunk, this.#engine.pool, 0)[Symbol.iterator](),
      wanted: () => this.#replays.get(key) === replay,
      take: ({ batch, errors }) => {
        const wide = batch === null ? null : widen(batch, replay.wanted, columns);
        this.#engine.replay(dataflow, collection, wide, this.#errorBatch(errors), false);
      },
      end: () => {
        chunk.release?.();
        this.#acknowledgements.push({ dataflow, collection });
      },
    };
  }

  #replayDecoder(
    key: string,
    dataflow: number,
    collection: number,
    { format, writers }: Source,
  ): WideDecoder {
    const known = this.#replays.get(key);
    if (known !== undefined) return known;
    const wanted = this.#demands.get(dataflow)?.get(collection) ?? [];
    const made = { wanted, decoder: makeDecoder(format, wanted, writers) };
    this.#replays.set(key, made);
    return made;
  }

  #errorBatch(errors: readonly DecodeError[]): Batch | null {
    if (errors.length === 0) return null;
    const rows = errors.map(({ code, message }) => ({ row: [code, message], weight: 1 }));
    return batchFromRows(this.#engine.pool, errorColumns, rows, 0);
  }

  #report(): void {
    for (const [collection, source] of this.#sources) {
      if (source.reported === source.records) continue;
      source.reported = source.records;
      const { records, failed, lastError } = source;
      this.#options.respond({ kind: 'ingested', collection, records, failed, lastError });
    }
  }
}

/** Columns read of each collection. */
function demandOf(plan: Plan): ReadonlyMap<number, readonly number[]> {
  const demand = new Map<number, readonly number[]>();
  for (const node of plan.nodes) {
    if (node.kind !== 'get') continue;
    demand.set(node.collection, union([demand.get(node.collection) ?? [], node.demand]));
  }
  return demand;
}

function union(lists: readonly (readonly number[])[]): readonly number[] {
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}

/** The batch with `columns` columns, those at `wanted` being its own. Others may not be read. */
function widen(batch: Batch, wanted: readonly number[], columns: number): Batch {
  assert(batch.column.length === wanted.length, 'a decoded batch has the wanted columns');
  if (wanted.length === columns) return batch;
  const column = new Int32Array(columns);
  const nulls = new Int32Array(columns).fill(-1);
  wanted.forEach((position, c) => {
    column[position] = batch.column[c] ?? 0;
    nulls[position] = batch.nulls[c] ?? -1;
  });
  return { ...batch, column, nulls };
}
