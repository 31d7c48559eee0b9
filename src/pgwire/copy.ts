/**
 * COPY over the wire: the client's data into a CopyIn, a row stream out as CopyData. Formats as in
 * the Postgres manual, "COPY", sections "Text Format", "CSV Format" and "Binary Format".
 */
import { sqlError } from '../base/error.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import { unpackBatch } from '../../dataflow/graph/packed-batch.ts';
import { readDatum } from '../../dataflow/value/datum-column.ts';
import type { DatetimeContext } from '../../dataflow/value/datetime-text.ts';
import { formatDatum } from '../../dataflow/value/text-output.ts';
import { copySignature } from '../coordinator/binary-copy-reader.ts';
import type { CopyIn, CopyOut, RowStream } from '../coordinator/session.ts';
import type { CopyOptions } from '../sql/ast.ts';
import type { ResultColumn } from '../sql/planned.ts';
import type { Connection } from './connection.ts';
import type { FrontendMessage } from './frontend.ts';
import { sendRows } from './rows.ts';

const utf8 = new TextEncoder();

/**
 * Asks for data and takes it until CopyDone; an error of a row is thrown after the client was told
 * to stop.
 */
export async function runCopyIn(connection: Connection, copy: CopyIn): Promise<void> {
  const format = copy.options.format === 'binary' ? 1 : 0;
  connection.writer.copyResponse('G', copy.columns.length, format);
  await connection.flush();
  // The client may send nothing at all, so a timeout wakes who waits for it.
  let forget: () => void = () => undefined;
  const cancelled = new Promise<never>((_, reject) => {
    forget = copy.onCancel?.(reject) ?? forget;
  });
  cancelled.catch(() => undefined);
  try {
    const tag = await takeData(connection, copy, cancelled);
    connection.writer.commandComplete(tag);
  } catch (error) {
    connection.stopWaiting();
    copy.abort();
    throw error;
  } finally {
    forget();
  }
}

/** Type bytes of the messages that cannot come while data is expected. */
const typeBytes: Readonly<Partial<Record<FrontendMessage['kind'], string>>> = {
  query: '51',
  parse: '50',
  bind: '42',
  describe: '44',
  execute: '45',
  close: '43',
  functionCall: '46',
};

async function takeData(
  connection: Connection,
  copy: CopyIn,
  cancelled: Promise<never>,
): Promise<string> {
  for (;;) {
    const message = await Promise.race([connection.nextMessage(), cancelled]);
    if (message === null) throw sqlError('08006', 'the client is gone');
    switch (message.kind) {
      case 'copyData':
        await copy.data(message.bytes);
        break;
      case 'copyDone':
        return await copy.done();
      case 'copyFail':
        throw sqlError('57014', `COPY from stdin failed: ${message.message}`, {
          where: copy.place(),
        });
      case 'flush':
      case 'sync':
        break; // Sent by clients that pipeline; ignored during COPY (Postgres manual, 55.2.6).
      case 'terminate':
        throw sqlError('08006', 'unexpected EOF on client connection during COPY');
      default:
        connection.loseTrack();
        throw sqlError(
          '08P01',
          `unexpected message type 0x${typeBytes[message.kind] ?? '??'} during COPY from stdin`,
        );
    }
  }
}

/** Sends a row stream as CopyData, one message a row. */
export async function runCopyOut(connection: Connection, copy: CopyOut): Promise<void> {
  const { rows, options } = copy;
  if (options.format === 'binary') return runBinaryCopyOut(connection, rows);
  const { writer } = connection;
  writer.copyResponse('H', rows.columns.length, 0);
  const write = lineWriter(rows.columns, options, connection.datetime);
  let sent = 0;
  try {
    if (options.header) writer.copyData(utf8.encode(headerLine(rows.columns, options)));
    for (;;) {
      if (rows.live) await connection.flush();
      const batch = await rows.next();
      if (batch === null) break;
      for (const { line, copies } of write(batch)) {
        const bytes = utf8.encode(line);
        for (let i = 0; i < copies; i++) writer.copyData(bytes);
        sent += copies;
        await connection.flushWhenLarge();
      }
    }
  } finally {
    rows.close();
  }
  writer.plain('c');
  writer.commandComplete(`COPY ${sent}`);
}

/** Signature, no flags, no extension; what ends the rows. */
const binaryHeader = Uint8Array.of(...copySignature, 0, 0, 0, 0, 0, 0, 0, 0);
const binaryTrailer = Uint8Array.of(0xff, 0xff);

/** The rows are those of a result in binary, under another name. */
async function runBinaryCopyOut(connection: Connection, rows: RowStream): Promise<void> {
  const { writer } = connection;
  const formats = rows.columns.map(() => 1);
  writer.copyResponse('H', formats.length, 1);
  writer.copyData(binaryHeader);
  const sent = await sendRows(connection, rows, formats, 'copyData');
  writer.copyData(binaryTrailer);
  writer.plain('c');
  writer.commandComplete(`COPY ${sent}`);
}

interface Line {
  readonly line: string;
  readonly copies: number;
}

function lineWriter(
  columns: readonly ResultColumn[],
  options: CopyOptions,
  datetime: DatetimeContext,
): (batch: PackedBatch) => Iterable<Line> {
  const types = columns.map((column) => ({ type: column.type.name, nullable: column.nullable }));
  const csv = options.format === 'csv';
  const delimiter = options.delimiter ?? (csv ? ',' : '\t');
  const nullText = options.null ?? (csv ? '' : '\\N');
  return function* lines(packed) {
    const batch = unpackBatch(packed, types, 0);
    for (let row = 0; row < batch.rows; row++) {
      const fields = columns.map(({ type }, c) => {
        const datum = readDatum(batch, c, row, type.name);
        if (datum === null) return nullText;
        const text = formatDatum(type.name, datum, type.modifier, datetime);
        return csv
          ? quoteCsv(text, delimiter, nullText, options, columns.length === 1)
          : escapeText(text, delimiter);
      });
      yield {
        line: `${fields.join(delimiter)}\n`,
        copies: batch.slab.i32[batch.weight + row] ?? 0,
      };
    }
  };
}

function headerLine(columns: readonly ResultColumn[], options: CopyOptions): string {
  const csv = options.format === 'csv';
  const delimiter = options.delimiter ?? (csv ? ',' : '\t');
  const names = columns.map(({ name }) =>
    csv ? quoteCsv(name, delimiter, '', options, false) : escapeText(name, delimiter),
  );
  return `${names.join(delimiter)}\n`;
}

const textEscapes = new Map([
  ['\\', '\\\\'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
]);

function escapeText(text: string, delimiter: string): string {
  let escaped = '';
  for (const character of text) {
    escaped +=
      textEscapes.get(character) ?? (character === delimiter ? `\\${character}` : character);
  }
  return escaped;
}

function quoteCsv(
  text: string,
  delimiter: string,
  nullText: string,
  options: CopyOptions,
  single: boolean,
): string {
  const quote = options.quote ?? '"';
  const escape = options.escape ?? quote;
  const needed =
    text === nullText ||
    text.includes(delimiter) ||
    text.includes(quote) ||
    /[\r\n]/.test(text) ||
    (single && text === '\\.');
  if (!needed) return text;
  let body = '';
  for (const character of text) {
    body += character === quote || character === escape ? escape + character : character;
  }
  return quote + body + quote;
}
