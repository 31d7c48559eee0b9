/**
 * The extended query protocol: Parse, Bind, Describe, Execute, Close. Errors are thrown; the
 * connection reports them and skips to Sync.
 */
import { defined } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';
import { decodeBinary } from '../../dataflow/value/binary-input.ts';
import type { DatetimeContext } from '../../dataflow/value/datetime-text.ts';
import type { FoundRecords } from '../../dataflow/value/found-records.ts';
import type { Datum } from '../../dataflow/value/datum.ts';
import { parseDatum } from '../../dataflow/value/text-input.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import { typeByOid, typeInfo } from '../../dataflow/value/type.ts';
import { RowWindow } from '../coordinator/row-window.ts';
import type {
  Outcome,
  Portal,
  PreparedStatement,
  RowRange,
  RowStream,
  Session,
} from '../coordinator/session.ts';
import type { ResultColumn } from '../sql/planned.ts';
import { BackendWriter } from './backend.ts';
import type { Connection } from './connection.ts';
import { runCopyIn, runCopyOut } from './copy.ts';
import type { Bind, FrontendMessage } from './frontend.ts';
import { decodeText } from './frontend.ts';
import { RecordFormat } from './records.ts';
import { RowEncoder, RowFormat } from './rows.ts';

type ExtendedMessage = Extract<
  FrontendMessage,
  { kind: 'parse' | 'bind' | 'describe' | 'execute' | 'close' }
>;

/** What the protocol knows of a portal besides what the session does. */
class PortalState {
  readonly portal: Portal;
  readonly formats: readonly number[];
  readonly shape: Shape | null;
  encoder: RowEncoder | null = null;
  /** It ran and is not to be run again. */
  done = false;
  /** All of its rows were sent the short way. */
  exhausted = false;

  constructor(portal: Portal, formats: readonly number[], shape: Shape | null) {
    this.portal = portal;
    this.formats = formats;
    this.shape = shape;
  }

  /** The state of a portal, if it has one. */
  static of({ kept }: Portal): PortalState | undefined {
    return kept instanceof PortalState ? kept : undefined;
  }
}

/** What results of the same columns and formats share. */
interface Shape {
  readonly formats: readonly number[];
  readonly format: RowFormat;
  /** What texts of moments are in; another zone makes another shape. */
  readonly datetime: DatetimeContext;
  /** The RowDescription message. */
  readonly description: Uint8Array;
  /** How rows are written that were last read as records. */
  records: RecordFormat | null;
}

/** The extended protocol of one connection. */
export class ExtendedProtocol {
  readonly #connection: Connection;
  readonly #session: Session;
  /** The shape that each prepared statement was last bound with. */
  readonly #shapes = new WeakMap<PreparedStatement, Shape>();

  constructor(connection: Connection, session: Session) {
    this.#connection = connection;
    this.#session = session;
  }

  /** Does what the message asks for; a promise only if there is something to wait for. */
  handle(message: ExtendedMessage): Promise<void> | undefined {
    switch (message.kind) {
      case 'parse':
        this.#parse(message);
        return undefined;
      case 'bind':
        this.#bind(message);
        return undefined;
      case 'describe':
        if (message.target === 'statement') this.#describeStatement(message.name);
        else this.#describePortal(message.name);
        return undefined;
      case 'execute':
        return this.#execute(message.portal, message.rowsMax);
      case 'close':
        if (message.target === 'statement') this.#session.setStatement(message.name, null);
        else this.#session.setPortal(message.name, null);
        this.#connection.writer.plain('3');
        return undefined;
    }
  }

  #parse(message: Extract<ExtendedMessage, { kind: 'parse' }>): void {
    if (message.name !== '' && this.#session.statement(message.name) !== undefined) {
      throw sqlError('42P05', `prepared statement "${message.name}" already exists`);
    }
    const declared = message.types.map((oid): TypeName | null => {
      if (oid === 0 || oid === typeInfo('unknown').oid) return null;
      const type = typeByOid(oid >>> 0);
      if (type === undefined) throw sqlError('42704', `type with OID ${oid >>> 0} does not exist`);
      return type.name;
    });
    const prepared = this.#session.prepare(message.text, declared);
    this.#session.setStatement(message.name, prepared);
    this.#connection.writer.plain('1');
  }

  #statement(name: string): PreparedStatement {
    const statement = this.#session.statement(name);
    if (statement !== undefined) return statement;
    throw sqlError(
      '26000',
      name === ''
        ? 'unnamed prepared statement does not exist'
        : `prepared statement "${name}" does not exist`,
    );
  }

  #portal(name: string): Portal {
    const portal = this.#session.portal(name);
    if (portal === undefined) throw sqlError('34000', `portal "${name}" does not exist`);
    return portal;
  }

  #bind(message: Bind): void {
    const statement = this.#statement(message.statement);
    if (message.portal !== '' && this.#session.portal(message.portal) !== undefined) {
      throw sqlError('42P03', `cursor "${message.portal}" already exists`);
    }
    const values = readParameters(message, statement, this.#session.datetime);
    const portal = this.#session.bind(statement, values);
    const shape = this.#shapeOf(statement, message.resultFormats);
    portal.kept = new PortalState(portal, shape?.formats ?? [], shape);
    this.#session.setPortal(message.portal, portal);
    this.#connection.writer.plain('2');
  }

  /** null if the statement returns no rows. */
  #shapeOf(statement: PreparedStatement, given: readonly number[]): Shape | null {
    const { columns } = statement;
    const known = this.#shapes.get(statement);
    const { datetime } = this.#session;
    if (known?.datetime === datetime && matches(known.formats, given)) return known;
    const formats = resultFormats(given, columns?.length ?? 0);
    if (columns === null) return null;
    const writer = new BackendWriter();
    writer.rowDescription(columns, formats);
    const format = new RowFormat(columns, formats, datetime);
    const shape = { formats, format, datetime, description: writer.take(), records: null };
    this.#shapes.set(statement, shape);
    return shape;
  }

  #describeStatement(name: string): void {
    const { writer } = this.#connection;
    const { parameters, columns } = this.#statement(name);
    writer.parameterDescription(parameters.map((type) => typeInfo(type).oid));
    if (columns === null) writer.plain('n');
    else
      writer.rowDescription(
        columns,
        columns.map(() => 0),
      );
  }

  #describePortal(name: string): void {
    const { writer } = this.#connection;
    const portal = this.#portal(name);
    const state = PortalState.of(portal);
    const formats = state?.formats;
    const description = state?.shape?.description;
    if (description !== undefined) writer.raw(description);
    else if (portal.columns === null) writer.plain('n');
    else writer.rowDescription(portal.columns, formats ?? portal.columns.map(() => 0));
  }

  /** The state of a portal; one made by DECLARE gets text formats. */
  #stateOf(portal: Portal): PortalState {
    const known = PortalState.of(portal);
    if (known !== undefined) return known;
    const formats = (portal.columns ?? []).map(() => 0);
    const state = new PortalState(portal, formats, null);
    portal.kept = state;
    return state;
  }

  #execute(name: string, rowsMax: number): Promise<void> | undefined {
    const portal = this.#portal(name);
    const state = this.#stateOf(portal);
    if (state.done && portal.window === undefined) {
      throw sqlError('55000', `portal "${name}" cannot be run`);
    }
    if (state.exhausted) {
      this.#connection.writer.commandComplete('SELECT 0');
      return undefined;
    }
    const tag = portal.insert?.() ?? null;
    if (tag !== null) {
      state.done = true;
      this.#notices();
      this.#connection.writer.commandComplete(tag);
      return undefined;
    }
    const rows = rowsMax <= 0 && portal.window === undefined ? (portal.lookup?.() ?? null) : null;
    if (rows instanceof Promise) return rows.then((ranges) => this.#ranges(state, ranges));
    if (rows !== null) return this.#records(state, rows);
    return this.#run(state, rowsMax);
  }

  /** Sends rows that are records; there are few of them. */
  #records(state: PortalState, found: FoundRecords): undefined {
    state.exhausted = true;
    const { writer } = this.#connection;
    const shape = defined(state.shape, 'a portal with rows has a shape');
    if (shape.records?.fields !== found.fields) {
      shape.records = new RecordFormat(found.fields, shape.format.writers);
    }
    const sent = shape.records.write(writer, found);
    writer.commandComplete(sent === 1 ? 'SELECT 1' : `SELECT ${sent}`);
    return undefined;
  }

  /** Sends rows that are all here. */
  #ranges(state: PortalState, ranges: readonly RowRange[]): Promise<void> | undefined {
    state.exhausted = true;
    const { writer } = this.#connection;
    const encoder = this.#encoderOf(state, state.portal.columns ?? []);
    let sent = 0;
    for (let i = 0; i < ranges.length; i++) {
      const range = defined(ranges[i], 'a range of the list');
      encoder.open(range.batch, range.first, range.rows);
      if (!encoder.write(writer)) return this.#manyRanges(encoder, ranges, i, sent);
      sent += encoder.sent;
    }
    writer.commandComplete(`SELECT ${sent}`);
    return undefined;
  }

  /** Goes on within range `from`, waiting for the client to take what is written. */
  async #manyRanges(
    encoder: RowEncoder,
    ranges: readonly RowRange[],
    from: number,
    before: number,
  ): Promise<void> {
    const { writer } = this.#connection;
    let sent = before;
    for (let i = from; i < ranges.length; i++) {
      const range = defined(ranges[i], 'a range of the list');
      if (i > from) encoder.open(range.batch, range.first, range.rows);
      while (!encoder.write(writer)) await this.#connection.flush();
      sent += encoder.sent;
    }
    writer.commandComplete(`SELECT ${sent}`);
  }

  #encoderOf(state: PortalState, columns: readonly ResultColumn[]): RowEncoder {
    return (state.encoder ??= new RowEncoder(
      state.shape?.format ?? new RowFormat(columns, state.formats, this.#session.datetime),
    ));
  }

  async #run(state: PortalState, rowsMax: number): Promise<void> {
    const outcome = await state.portal.execute();
    return this.#answer(state, outcome, rowsMax);
  }

  async #answer(state: PortalState, outcome: Outcome, rowsMax: number): Promise<void> {
    const { writer } = this.#connection;
    switch (outcome.kind) {
      case 'empty':
        return writer.plain('I');
      case 'command':
        state.done = true;
        this.#notices();
        return writer.commandComplete(outcome.tag);
      case 'rows':
        return this.#rows(state, outcome, rowsMax);
      case 'copyIn':
        state.done = true;
        return runCopyIn(this.#connection, outcome);
      case 'copyOut':
        state.done = true;
        return runCopyOut(this.#connection, outcome);
    }
  }

  #notices(): void {
    for (const notice of this.#session.notices())
      this.#connection.writer.report('N', notice.severity, notice);
  }

  async #rows(state: PortalState, stream: RowStream, rowsMax: number): Promise<void> {
    const { writer } = this.#connection;
    const window = (state.portal.window ??= new RowWindow(stream));
    const encoder = this.#encoderOf(state, stream.columns);
    let sent = 0;
    while (rowsMax <= 0 || sent < rowsMax) {
      if (!window.here && stream.live) await this.#connection.flush();
      if (!(await window.fill())) {
        this.#notices();
        return writer.commandComplete(stream.tag(sent));
      }
      const batch = window.take(rowsMax <= 0 ? 2 ** 30 : rowsMax - sent);
      encoder.open(batch);
      while (!encoder.write(writer)) await this.#connection.flush();
      sent += encoder.sent;
    }
    writer.plain('s');
  }
}

/** Whether formats given by a client mean these. */
function matches(formats: readonly number[], given: readonly number[]): boolean {
  if (given.length > 1 && given.length !== formats.length) return false;
  for (let c = 0; c < formats.length; c++) {
    if (formats[c] !== (given.length === 0 ? 0 : given.length === 1 ? given[0] : given[c]))
      return false;
  }
  return formats.length > 0;
}

/** One format by column: none given is text, one is for all. */
function resultFormats(given: readonly number[], columns: number): readonly number[] {
  const formats =
    given.length === 0
      ? new Array<number>(columns).fill(0)
      : given.length === 1
        ? new Array<number>(columns).fill(given[0] ?? 0)
        : given;
  if (formats.length !== columns) {
    throw sqlError(
      '08P01',
      `bind message has ${formats.length} result formats but query has ${columns} columns`,
    );
  }
  requireFormats(formats);
  return formats;
}

function requireFormats(formats: readonly number[]): void {
  const bad = formats.find((format) => format !== 0 && format !== 1);
  if (bad !== undefined) throw sqlError('22023', `unsupported format code: ${bad}`);
}

function readParameters(
  message: Bind,
  statement: PreparedStatement,
  datetime: DatetimeContext,
): readonly Datum[] {
  const { parameters, parameterFormats } = message;
  const count = statement.parameters.length;
  if (parameters.length !== count) {
    throw sqlError(
      '08P01',
      `bind message supplies ${parameters.length} parameters, ` +
        `but prepared statement "${message.statement}" requires ${count}`,
    );
  }
  if (parameterFormats.length > 1 && parameterFormats.length !== count) {
    throw sqlError(
      '08P01',
      `bind message has ${parameterFormats.length} parameter formats but ${count} parameters`,
    );
  }
  requireFormats(parameterFormats);
  return parameters.map((bytes, i) => {
    if (bytes === null) return null;
    const type = statement.parameters[i] ?? 'text';
    const format = parameterFormats.length === 1 ? parameterFormats[0] : parameterFormats[i];
    return format === 1
      ? decodeBinary(type, bytes)
      : parseDatum(type, decodeText(bytes), -1, datetime);
  });
}
