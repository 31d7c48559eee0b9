/**
 * The views of the simulated world, each as SQL and as a naive function of the base rows: arrays and
 * loops, nothing shared with the engine. Cells are texts; NULL is the word.
 */

export type Cells = readonly string[];

/** Rows of the base relations, by name. */
export type Base = ReadonlyMap<string, readonly Cells[]>;

/** SQL for the place of a row of `src`: the letter of its topic, and its partition. */
export const placeOfSrc = "CASE topic WHEN 'src' THEN 'a' ELSE 'b' END || partition";

/** A view: three columns, whatever they mean. */
export interface ViewTemplate {
  readonly name: string;
  /** What CREATE needs; %s is the name. */
  readonly create: string;
  /** A column that an index may be on. */
  readonly column: string;
  /** Whether it is about the stream. */
  readonly passing?: boolean;
  readonly rows: (base: Base) => Cells[];
}

function table(base: Base, name: string): readonly Cells[] {
  return base.get(name) ?? [];
}

function cell(row: Cells, i: number): string {
  return row[i] ?? 'NULL';
}

/** Rows by the text of their column `by`. */
function groups(rows: readonly Cells[], by: number): Map<string, Cells[]> {
  const found = new Map<string, Cells[]>();
  for (const row of rows) {
    const group = found.get(cell(row, by)) ?? [];
    group.push(row);
    found.set(cell(row, by), group);
  }
  return found;
}

function sum(rows: readonly Cells[], of: number): bigint {
  return rows.reduce((total, row) => total + BigInt(cell(row, of)), 0n);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export const viewTemplates: readonly ViewTemplate[] = [
  {
    name: 'sums',
    create:
      'CREATE MATERIALIZED VIEW %s AS SELECT client AS a, count(*) AS b, sum(v) AS c FROM kv GROUP BY client',
    column: 'a',
    rows: (base) =>
      [...groups(table(base, 'kv'), 0)].map(([client, rows]) => [
        client,
        String(rows.length),
        String(sum(rows, 2)),
      ]),
  },
  {
    name: 'joined',
    create:
      'CREATE MATERIALIZED VIEW %s AS SELECT l.client AS a, l.n AS b, k.v AS c FROM log l JOIN kv k ON l.client = k.client AND l.n = k.k',
    column: 'b',
    rows: (base) =>
      table(base, 'log').flatMap(([client = '', n = '']) =>
        table(base, 'kv')
          .filter((row) => cell(row, 0) === client && cell(row, 1) === n)
          .map((row) => [client, n, cell(row, 2)]),
      ),
  },
  {
    name: 'outered',
    create:
      'CREATE MATERIALIZED VIEW %s AS SELECT k.client AS a, k.k AS b, l.n AS c FROM kv k LEFT JOIN log l ON l.client = k.client AND l.n = k.k',
    column: 'a',
    rows: (base) =>
      table(base, 'kv').flatMap(([client = '', k = '']) => {
        const found = table(base, 'log').filter(
          (row) => cell(row, 0) === client && cell(row, 1) === k,
        );
        return found.length === 0 ? [[client, k, 'NULL']] : found.map(() => [client, k, k]);
      }),
  },
  {
    name: 'top',
    create:
      'CREATE MATERIALIZED VIEW %s AS SELECT client AS a, k AS b, v AS c FROM kv ORDER BY v DESC, client, k LIMIT 3',
    column: 'b',
    rows: (base) =>
      [...table(base, 'kv')]
        .sort(
          (x, y) =>
            compare(BigInt(cell(y, 2)), BigInt(cell(x, 2))) ||
            compare(BigInt(cell(x, 0)), BigInt(cell(y, 0))) ||
            compare(BigInt(cell(x, 1)), BigInt(cell(y, 1))),
        )
        .slice(0, 3),
  },
  {
    name: 'plain',
    create: 'CREATE VIEW %s AS SELECT client AS a, k AS b, v AS c FROM kv WHERE k % 2 = 0',
    column: 'a',
    rows: (base) => table(base, 'kv').filter((row) => BigInt(cell(row, 1)) % 2n === 0n),
  },
  {
    name: 'partitions',
    create: `CREATE MATERIALIZED VIEW %s AS SELECT ${placeOfSrc} AS a, count(*) AS b, max("offset") AS c FROM src GROUP BY topic, partition`,
    column: 'a',
    passing: true,
    rows: (base) =>
      [...groups(table(base, 'src'), 1)].map(([partition, rows]) => [
        partition,
        String(rows.length),
        String(rows.map((row) => BigInt(cell(row, 2))).reduce((a, b) => (a > b ? a : b))),
      ]),
  },
  {
    name: 'met',
    create:
      'CREATE VIEW %s AS SELECT u.key AS a, u.text AS b, s."offset" AS c FROM up u JOIN src s ON s.text = u.text',
    column: 'b',
    passing: true,
    rows: (base) =>
      table(base, 'up').flatMap(([key = '', text = '']) =>
        table(base, 'src')
          .filter((row) => cell(row, 0) === text)
          .map((row) => [key, text, cell(row, 2)]),
      ),
  },
  {
    name: 'keys',
    create:
      "CREATE MATERIALIZED VIEW %s AS SELECT split_part(key, '/', 1) AS a, count(*) AS b, min(text) AS c FROM up GROUP BY 1",
    column: 'a',
    rows: (base) => {
      const keyed = table(base, 'up').map(([key = '', text = '']) => [
        key.split('/')[0] ?? '',
        text,
      ]);
      return [...groups(keyed, 0)].map(([partition, rows]) => [
        partition,
        String(rows.length),
        rows.map((row) => cell(row, 1)).reduce((a, b) => (a < b ? a : b)),
      ]);
    },
  },
];
