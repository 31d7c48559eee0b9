/**
 * What runs in the dataflow thread: the engine, and the decoders that feed it. Commands of the
 * coordinator go to the engine as they come, except what belongs to steps: raw records are decoded
 * in slices, in order, and a step is given to the engine when all of its records are decoded. So
 * reads are answered between two slices, however large a step or a chunk is: decoding a chunk stops
 * at the decoder's next pause and goes on in a later turn.
 *
 * A stream is decoded once for all its dataflows, with the union of the columns that they read;
 * what nobody reads is skipped, not decoded. Records that fail are, where some dataflow may not
 * care (host-source.ts), decoded once more.
 *
 * Under ON ERROR = QUARANTINE an error is no error row: it is a row of the collection of errors,
 * of a stream for those who read that, of a source with one row a key by its state (upsert.ts).
 */
import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { RawChunk } from '../../connectors/connector.ts';
import type { DecodeError, Decoded } from '../../connectors/format/decoder.ts';
import { errorRelation, errorRow } from '../../connectors/format/error-relation.ts';
import { Engine } from '../../dataflow/graph/engine.ts';
import type { ListedError, UpsertRows } from '../../dataflow/graph/upsert.ts';
import type { Plan } from '../../dataflow/plan/plan.ts';
import { errorColumns } from '../../dataflow/operators/operator.ts';
import type { Batch } from '../../dataflow/value/batch.ts';
import { batchFromRows } from '../../dataflow/value/datum-column.ts';
import type { HostCommand, HostResponse } from './engine-link.ts';
import type { LiveDecoders, WideDecoder } from './host-source.ts';
import { HostSource, union } from './host-source.ts';

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
  /** Work in slices, each of which hands on what it decodes. */
  readonly steps: Iterator<void>;
  /** Whether somebody still wants it. */
  wanted(): boolean;
  /** All of it was decoded, or nobody wants the rest. */
  end(): void;
}

/** One engine with its decoders; driven by `command` and `run`. */
export class DataflowHost {
  readonly #options: HostOptions;
  readonly #engine: Engine;
  /** By collection, of rows and of errors. */
  readonly #sources = new Map<number, HostSource>();
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
        return this.#createSource(command);
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

  #createSource(command: Extract<HostCommand, { kind: 'createSource' }>): void {
    const { collection, format, errors = null } = command;
    const source = new HostSource(collection, format, errors);
    this.#sources.set(collection, source);
    if (errors !== null) this.#sources.set(errors, source);
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
    const sources = new Set(collections.map((collection) => this.#sources.get(collection)));
    for (const source of sources) source?.renew(this.#demands);
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
    if (wanted && next?.done !== true) return;
    this.#decoding = null;
    decoding.end();
  }

  #ingest(collection: number, chunk: RawChunk): void {
    const source = this.#sources.get(collection);
    if (source === undefined) {
      chunk.release?.();
      return;
    }
    this.#decoding = {
      steps: source.isKeyed ? this.#decodeKeyed(source, chunk) : this.#decodeLive(source, chunk),
      wanted: () => this.#sources.get(collection) === source,
      end: () => chunk.release?.(),
    };
  }

  *#decodeKeyed(source: HostSource, chunk: RawChunk): Generator<void> {
    const { decoder } = source.live.wide;
    const { keyColumns } = source.format;
    for (const decoded of decoder.decode(chunk, this.#engine.pool, 0)) {
      if (decoded !== null) {
        source.count(decoded, 'live');
        this.#engine.upsert(source.collection, keyColumns, listing(source, decoded));
      }
      yield;
    }
  }

  /** Records of a stream for all that read it. */
  *#decodeLive(source: HostSource, chunk: RawChunk): Generator<void> {
    const { live } = source;
    const failed = new Set<number>();
    for (const decoded of live.wide.decoder.decode(chunk, this.#engine.pool, 0)) {
      if (decoded !== null) this.#takeIn(source, live, decoded, failed);
      yield;
    }
    if (failed.size === 0) return;
    for (const group of live.groups) {
      const { wanted, decoder } = source.narrow(group);
      for (const decoded of decoder.decode(chunk, this.#engine.pool, 0, failed)) {
        if (decoded !== null) {
          const errors = this.#errorBatch(ownErrors(source, decoded.errors));
          const rows = widened(decoded, wanted, source);
          this.#engine.input(source.collection, rows, errors, group.dataflows);
        }
        yield;
      }
    }
  }

  /** Hands on what was decoded for all; adds the offsets of records that failed. */
  #takeIn(source: HostSource, live: LiveDecoders, decoded: Decoded, failed: Set<number>): void {
    const { collection } = source;
    source.count(decoded, 'live');
    for (const { record } of decoded.errors) if (record?.single === true) failed.add(record.offset);
    const errors = ownErrors(source, decoded.errors);
    const isOfSome = ({ record }: DecodeError): boolean =>
      live.failing !== null && record?.single === true;
    const rows = widened(decoded, live.wide.wanted, source);
    const ofAll = errors.filter((error) => !isOfSome(error));
    this.#engine.input(collection, rows, this.#errorBatch(ofAll));
    const ofSome = this.#errorBatch(errors.filter(isOfSome));
    if (ofSome !== null) this.#engine.input(collection, null, ofSome, live.failing);
    if (source.errors === null || !live.errorsRead) return;
    const listed = this.#listedBatch(decoded.errors);
    this.#engine.input(source.errors, listed, this.#errorBatch(lostOf(decoded.errors)));
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
      this.#report();
      return;
    }
    const replay = this.#replayDecoder(key, dataflow, collection, source);
    this.#decoding = {
      steps: this.#decodeReplay(source, replay, work, chunk),
      wanted: () => this.#replays.get(key) === replay,
      end: () => {
        chunk.release?.();
        this.#acknowledgements.push({ dataflow, collection });
      },
    };
  }

  /** Records of a stream, or its errors, for one dataflow. */
  *#decodeReplay(
    source: HostSource,
    { wanted, decoder }: WideDecoder,
    { dataflow, collection }: Extract<Work, { kind: 'replay' }>,
    chunk: RawChunk,
  ): Generator<void> {
    for (const decoded of decoder.decode(chunk, this.#engine.pool, 0)) {
      if (decoded !== null) source.count(decoded, 'past');
      if (decoded !== null && collection === source.errors) {
        decoded.batch?.slab.release();
        const errors = this.#errorBatch(lostOf(decoded.errors));
        const listed = this.#listedBatch(decoded.errors);
        this.#engine.replay(dataflow, collection, listed, errors, false);
      } else if (decoded !== null) {
        const errors = this.#errorBatch(ownErrors(source, decoded.errors));
        const rows = widened(decoded, wanted, source);
        this.#engine.replay(dataflow, collection, rows, errors, false);
      }
      yield;
    }
  }

  #replayDecoder(
    key: string,
    dataflow: number,
    collection: number,
    source: HostSource,
  ): WideDecoder {
    const known = this.#replays.get(key);
    if (known !== undefined) return known;
    const demand = this.#demands.get(dataflow)?.get(collection) ?? [];
    const made = source.decoder(collection === source.errors ? source.all : demand);
    this.#replays.set(key, made);
    return made;
  }

  /** Rows of the collection of errors. */
  #listedBatch(errors: readonly DecodeError[]): Batch | null {
    const rows = errors.flatMap((error) => {
      const row = errorRow(error);
      return row === null ? [] : [{ row, weight: 1 }];
    });
    return rows.length === 0 ? null : batchFromRows(this.#engine.pool, errorRelation, rows, 0);
  }

  #errorBatch(errors: readonly DecodeError[]): Batch | null {
    if (errors.length === 0) return null;
    const rows = errors.map(({ code, message }) => ({ row: [code, message], weight: 1 }));
    return batchFromRows(this.#engine.pool, errorColumns, rows, 0);
  }

  #report(): void {
    for (const [collection, source] of this.#sources) {
      if (!source.isNews || collection === source.errors) continue;
      source.isNews = false;
      this.#options.respond({ kind: 'ingested', collection, counts: source.counts });
    }
  }
}

/** What was decoded, with what a quarantine says of each error, if there is one. */
function listing({ quarantines }: HostSource, decoded: Decoded): UpsertRows {
  if (!quarantines) return decoded;
  const listed = (error: DecodeError): ListedError => ({ ...error, listed: errorRow(error) });
  const { errors, unchanged = null } = decoded;
  return {
    ...decoded,
    errors: errors.map(listed),
    unchanged:
      unchanged === null
        ? null
        : { columns: unchanged.columns, error: (row) => listed(unchanged.error(row)) },
  };
}

/** What the log has lost. */
function lostOf(errors: readonly DecodeError[]): readonly DecodeError[] {
  return errors.filter(({ record }) => record === null);
}

/** Errors of those who read the rows. */
function ownErrors(source: HostSource, errors: readonly DecodeError[]): readonly DecodeError[] {
  return source.quarantines ? lostOf(errors) : errors;
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

/** The rows that were decoded, with all columns of the source. */
function widened(
  { batch }: Decoded,
  wanted: readonly number[],
  { format }: HostSource,
): Batch | null {
  return batch === null ? null : widen(batch, wanted, format.columns.length);
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
