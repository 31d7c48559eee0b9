/**
 * The user's mistakes, as Postgres reports them: SQLSTATE, message, detail, hint, position.
 * Messages are lower-case without a full stop, with the object kind, the quoted name and the
 * offending value; details and hints are sentences (Postgres manual, "Error Message Style Guide").
 */

/** What an error carries besides its message; plain data, so it crosses threads. */
export interface ErrorFields {
  /** Five characters of SQLSTATE (Postgres manual, appendix A). */
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /**
   * Where in the data it happened: `COPY t, line 3, column a: "x"`; the wire protocol's field W.
   */
  readonly where?: string;
  /** 1-based position in *code points* of the statement text, as the wire protocol's field P. */
  readonly position?: number;
}

/** A statement that cannot be done; ends the statement, never the process. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  readonly fields: ErrorFields;

  constructor(fields: ErrorFields) {
    super(fields.message);
    this.fields = fields;
  }

  /** The same error with a position, unless it has one already. */
  at(position: number | undefined): SqlError {
    if (position === undefined || this.fields.position !== undefined) return this;
    return new SqlError({ ...this.fields, position });
  }
}

/** Shorthand for the common case. */
export function sqlError(code: string, message: string, more?: Partial<ErrorFields>): SqlError {
  return new SqlError({ ...more, code, message });
}

/** A statement, clause or option that is understood but not offered: refused by name, 0A000. */
export function unsupported(what: string, position?: number, hint?: string): SqlError {
  return sqlError('0A000', `${what} is not supported`, {
    ...(position === undefined ? {} : { position }),
    ...(hint === undefined ? {} : { hint }),
  });
}
