/**
 * The tables that recorded queries read: small, with NULLs, duplicates and keys that meet and miss.
 * The same rows are loaded into Postgres when answers are recorded.
 */
import { castBetween, functionByKey } from '../../../dataflow/expr/function-table.ts';
import type { Datum, Update } from '../../../dataflow/value/datum.ts';
import { defined } from '../../../src/base/assert.ts';
import { TestCatalog } from './catalog.ts';

/** A cell as it is typed in SQL: text is read by the column's type. */
type Cell = string | number | bigint | boolean | null;

interface TestTable {
  readonly columns: string;
  readonly rows: readonly (readonly Cell[])[];
}

export const testTables: ReadonlyMap<string, TestTable> = new Map<string, TestTable>([
  [
    't',
    {
      columns: 'a int4 not null, b text, c int8',
      rows: [
        [1, 'x', 10n],
        [2, 'y', null],
        [3, null, 30n],
        [4, 'x', 40n],
        [4, 'x', 40n],
        [5, 'z', -5n],
        [6, 'y', 60n],
      ],
    },
  ],
  [
    's',
    {
      columns: 'a int4, d varchar(5), e numeric(10,2)',
      rows: [
        [1, 'x', '1.50'],
        [2, 'q', '2.25'],
        [2, 'y', null],
        [null, 'x', '9.99'],
        [4, null, '4.00'],
        [7, 'z', '-7.00'],
      ],
    },
  ],
  [
    'u',
    {
      columns: 'k int8, v float8, w bool',
      rows: [
        [1n, 1.5, true],
        [2n, null, false],
        [3n, -2.5, null],
        [30n, 0, true],
        [null, 4, false],
      ],
    },
  ],
  [
    'd',
    {
      columns: 'id int4 not null, at timestamp, day date, j jsonb, tags text[]',
      rows: [
        [1, '2024-01-02 03:04:05', '2024-01-02', '{"a": 1, "b": [1, 2]}', '{x,y}'],
        [2, null, '2023-12-31', '{"a": null}', '{}'],
        [3, '2024-02-29 23:59:59.5', null, null, null],
      ],
    },
  ],
  ['e', { columns: 'z int4', rows: [] }],
]);

/** A catalog with the tables; each has an index on its first column. */
export function testCatalog(): TestCatalog {
  const catalog = new TestCatalog();
  for (const [name, { columns }] of testTables) catalog.table(name, columns, [[0]]);
  return catalog;
}

/** The rows of the tables, by collection. */
export function testRows(catalog: TestCatalog): ReadonlyMap<number, readonly Update[]> {
  const contents = new Map<number, readonly Update[]>();
  for (const [name, { rows }] of testTables) {
    const relation = defined(catalog.relation([name]), `table ${name} exists`);
    contents.set(
      relation.collection,
      rows.map((row): Update => ({
        weight: 1,
        row: row.map((cell, i) =>
          datum(cell, defined(relation.columns[i], 'a cell per column').type.name),
        ),
      })),
    );
  }
  return contents;
}

function datum(cell: Cell, type: Parameters<typeof castBetween>[1]): Datum {
  if (typeof cell !== 'string' || type === 'text' || type === 'varchar') return cell;
  const cast = defined(castBetween('text', type), `text can be read as ${type}`);
  const { evaluate } = defined(functionByKey(cast.key), 'casts are in the table');
  return defined(evaluate, 'casts are evaluated')([cell], { args: ['text'], result: type });
}
