/** COPY table FROM STDIN and COPY (query) TO STDOUT. */
import { defined } from '../../base/assert.ts';
import { SqlError, sqlError } from '../../base/error.ts';
import { limits } from '../../base/limits.ts';
import type { DatetimeContext } from '../../../dataflow/value/datetime-text.ts';
import type { Datum, Row } from '../../../dataflow/value/datum.ts';
import { decodeBinary } from '../../../dataflow/value/binary-input.ts';
import { parseDatum } from '../../../dataflow/value/text-input.ts';
import type { Statement } from '../../sql/ast.ts';
import type { RelationColumn } from '../../sql/catalog-view.ts';
import { writableTable } from '../../sql/plan-write.ts';
import { BinaryCopyReader } from '../binary-copy-reader.ts';
import { CopyReader } from '../copy-reader.ts';
import type { CopyRow } from '../copy-reader.ts';
import { planConstant } from '../planning.ts';
import { packDatums } from '../row-stream.ts';
import type { CopyIn, CopyOut } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { runSelect } from './query.ts';
import { subscribe } from './subscribe.ts';
import { gather, requireNotNull } from './write.ts';

type CopyFrom = Extract<Statement, { kind: 'copyFrom' }>;

/** Rows, and UTF-16 units (binary: bytes) of their lines, gathered before they are packed. */
const packRows = 4_096;
const packUnits = 4 * 1024 * 1024;

interface Target {
  readonly column: RelationColumn;
  readonly position: number;
}

function targets(
  context: ExecutionContext,
  statement: CopyFrom,
): { readonly all: readonly RelationColumn[]; readonly named: readonly Target[] } {
  const table = writableTable(statement.table, context.session.catalog(), 'insert');
  if (statement.columns.length === 0) {
    return {
      all: table.columns,
      named: table.columns.map((column, position) => ({ column, position })),
    };
  }
  const seen = new Set<string>();
  const named = statement.columns.map((name) => {
    if (seen.has(name)) throw sqlError('42701', `column "${name}" specified more than once`);
    seen.add(name);
    const position = table.columns.findIndex((column) => column.name === name);
    if (position < 0)
      throw sqlError('42703', `column "${name}" of relation "${table.name}" does not exist`);
    return { column: defined(table.columns[position], 'a column'), position };
  });
  return { all: table.columns, named };
}

/** Functions in a DEFAULT that give another value for each row. */
const changing = /\b(random|gen_random_uuid|clock_timestamp)\b/i;

/** The value of each column that the data does not name, for the next row. */
function defaultsOf(
  context: ExecutionContext,
  statement: CopyFrom,
  named: readonly Target[],
): readonly (() => Datum)[] {
  const oid = writableTable(statement.table, context.session.catalog(), 'insert').oid;
  const object = context.coordinator.catalog.byOid(oid);
  if (object?.kind !== 'table') return [];
  return object.defaults.map((expression, i) => {
    if (expression === null || named.some(({ position }) => position === i)) return () => null;
    const type = object.columns[i]?.type ?? 'text';
    const make = (): Datum => planConstant(context, expression, type, 'DEFAULT', 'fixed');
    if (changing.test(object.defaultTexts[i] ?? '')) return make;
    const value = make();
    return () => value;
  });
}

/**
 * COPY … FROM STDIN: rows become visible together at the end. Throws 22P04 and what a value's type
 * says.
 */
export function copyFrom(context: ExecutionContext, statement: CopyFrom): CopyIn {
  const { session } = context;
  session.transaction.use('insert');
  const table = writableTable(statement.table, session.catalog(), 'insert');
  const { all, named } = targets(context, statement);
  const types = all.map((column) => ({ type: column.type.name, nullable: true }));
  const defaults = defaultsOf(context, statement, named);
  const reader = rowReader(statement, table.name, named, defaults, session.settings.datetime);
  const batches: ReturnType<typeof packDatums>[] = [];
  let rows: Row[] = [];
  let count = 0;
  let units = 0;
  let bytes = 0;

  const pack = (): void => {
    if (rows.length === 0) return;
    const batch = packDatums(types, rows);
    requireNotNull(table, batch);
    bytes += batch.buffer.byteLength;
    if (bytes > limits.transactionBytesMax)
      throw sqlError(
        '54000',
        `a transaction may write at most ${limits.transactionBytesMax} bytes`,
      );
    batches.push(batch);
    rows = [];
    units = 0;
  };
  const add = (row: ReadRow): void => {
    rows.push(row.row);
    count++;
    units += row.units;
    if (rows.length >= packRows || units >= packUnits) pack();
  };
  return {
    kind: 'copyIn',
    options: statement.options,
    columns: named.map(({ column }) => ({
      name: column.name,
      type: column.type,
      nullable: column.nullable,
      tableOid: table.oid,
      attribute: 0,
    })),
    data(chunk) {
      context.cancellation.check();
      for (const row of reader.push(chunk)) add(row);
      return Promise.resolve();
    },
    async done() {
      for (const row of reader.end()) add(row);
      pack();
      await gather(
        context,
        table,
        batches.map((batch) => ({ collection: table.collection, batch })),
      );
      if (!session.transaction.inBlock) await session.transaction.flush();
      return `COPY ${count}`;
    },
    place: () => `COPY ${table.name}, line ${reader.nextLine}`,
    abort() {
      batches.length = 0;
      rows = [];
    },
  };
}

interface ReadRow {
  readonly row: Row;
  readonly units: number;
}

/** The rows of the data, in either kind of format. */
interface RowReader {
  readonly nextLine: number;
  push(bytes: Uint8Array): Iterable<ReadRow>;
  end(): Iterable<ReadRow>;
}

function rowReader(
  { options }: CopyFrom,
  table: string,
  named: readonly Target[],
  defaults: readonly (() => Datum)[],
  datetime: DatetimeContext,
): RowReader {
  if (options.format === 'binary') return binaryReader(table, named, defaults);
  const reader = new CopyReader(options);
  function* read(lines: Iterable<CopyRow>): Iterable<ReadRow> {
    for (const line of lines)
      yield { row: readRow(line, table, named, defaults, datetime), units: line.text.length };
  }
  return {
    get nextLine() {
      return reader.nextLine;
    },
    push: (bytes) => read(reader.push(bytes)),
    end: () => read(reader.end()),
  };
}

function binaryReader(
  table: string,
  named: readonly Target[],
  defaults: readonly (() => Datum)[],
): RowReader {
  const names = named.map(({ column }) => column.name);
  const reader = new BinaryCopyReader(table, names);
  return {
    get nextLine() {
      return reader.nextLine;
    },
    *push(bytes) {
      for (const { line, fields, bytes: units } of reader.push(bytes)) {
        const row = defaults.map((value) => value());
        named.forEach(({ column, position }, i) => {
          const field = fields[i] ?? null;
          const { name, modifier } = column.type;
          const place = `COPY ${table}, line ${line}, column ${column.name}`;
          row[position] =
            field === null
              ? null
              : inPlace(place, () => decodeBinary(name, field.slice(), modifier));
        });
        yield { row, units };
      }
    },
    end() {
      reader.end();
      return [];
    },
  };
}

function readRow(
  copied: CopyRow,
  table: string,
  named: readonly Target[],
  defaults: readonly (() => Datum)[],
  datetime: DatetimeContext,
): Row {
  const { fields, line, text } = copied;
  const where = `COPY ${table}, line ${line}: "${shownText(text)}"`;
  if (fields.length > named.length) {
    throw sqlError('22P04', 'extra data after last expected column', { where });
  }
  const row = defaults.map((value) => value());
  named.forEach(({ column, position }, i) => {
    const field = fields[i];
    if (field === undefined) {
      throw sqlError('22P04', `missing data for column "${column.name}"`, { where });
    }
    row[position] = field === null ? null : readField(field, column, datetime, table, line);
  });
  return row;
}

/** Data is shown up to this many characters. */
const shownCharacters = 100;

function shownText(text: string): string {
  return text.length <= shownCharacters ? text : `${text.slice(0, shownCharacters)}...`;
}

function readField(
  field: string,
  column: RelationColumn,
  datetime: DatetimeContext,
  table: string,
  line: number,
): Datum {
  const { name, modifier } = column.type;
  try {
    return parseDatum(name, field, modifier, datetime);
  } catch (error) {
    throw placed(
      error,
      `COPY ${table}, line ${line}, column ${column.name}: "${shownText(field)}"`,
    );
  }
}

function inPlace(place: string, read: () => Datum): Datum {
  try {
    return read();
  } catch (error) {
    throw placed(error, place);
  }
}

/** The same error of a user, with its place. */
function placed(error: unknown, where: string): unknown {
  return error instanceof SqlError ? new SqlError({ ...error.fields, where }) : error;
}

/** COPY … TO STDOUT of a query or a subscription. */
export async function copyTo(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'copyTo' }>,
): Promise<CopyOut> {
  const rows =
    statement.source.kind === 'select'
      ? await runSelect(context, statement.source.query)
      : await subscribe(context, statement.source);
  return { kind: 'copyOut', options: statement.options, rows };
}
