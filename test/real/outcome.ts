/**
 * What a server answered to a statement, seen through a real driver and made comparable: values as
 * text, columns with type and modifier, errors with SQLSTATE, message and position.
 */
import pg from 'pg';

export interface Outcome {
  readonly columns: readonly string[];
  /** Each row as JSON; sorted unless their order is part of the answer. */
  readonly rows: readonly string[];
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly position: string;
  } | null;
}

/** Runs one statement. Throws what is no answer of the server, as a broken connection. */
export async function outcomeOf(
  client: pg.Client,
  text: string,
  ordered: boolean,
): Promise<Outcome> {
  try {
    const result = await client.query({
      text,
      rowMode: 'array',
      types: { getTypeParser: () => (value: string) => value },
    });
    const rows = result.rows.map((row) => JSON.stringify(row));
    return {
      columns: result.fields.map(
        ({ name, dataTypeID, dataTypeModifier }) => `${name}:${dataTypeID}:${dataTypeModifier}`,
      ),
      rows: ordered ? rows : rows.sort(),
      error: null,
    };
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    return {
      columns: [],
      rows: [],
      error: { code: error.code ?? '', message: error.message, position: error.position ?? '' },
    };
  }
}

/** An error of data: which of several rows fails first is not part of what SQL means. */
export function ofData(outcome: Outcome): boolean {
  const { code = '', message = '' } = outcome.error ?? {};
  // Postgres calls some numbers that do not convert a feature that is not there.
  return (
    /^22|^21000|^54000/.test(code) ||
    (code === '0A000' && /^(cannot convert|timestamps cannot)/.test(message))
  );
}

/**
 * Of values that are equal and differ in spelling (1.10 and 1.1, a month and thirty days, -0 and 0)
 * any may stand for all in a group, a set operation or a minimum.
 */
export function spelling(rows: readonly string[]): readonly string[] {
  return rows.map((row) =>
    row
      .replace(/(\.\d*?)0+(?=\\?[",}\]])/g, '$1')
      .replace(/\.(?=\\?[",}\]])/g, '')
      .replace(/-0(?=\\?[",}\]])/g, '0')
      .replaceAll('32 days', '1 mon 2 days')
      .replace(/ +"/g, '"'),
  );
}
