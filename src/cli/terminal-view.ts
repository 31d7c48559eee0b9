/**
 * Draws the demo's screen, as text: tables with aligned columns, a line of figures, a small curve
 * of the rate. Pure; the caller writes it to a terminal.
 */

/** What the screen shows. */
export interface DemoFigures {
  readonly seconds: number;
  readonly broker: string;
  readonly port: number;
  readonly regions: Table;
  readonly customers: Table;
  /** Records per second, the newest last. */
  readonly rates: readonly number[];
  readonly records: number;
  readonly lag: number;
  /** Changes pushed in the last second. */
  readonly changes: number;
  readonly latencyMedian: number;
  readonly latencyHigh: number;
  /** What goes wrong at the moment. */
  readonly trouble: string | null;
}

/** Rows of texts under names; columns that hold numbers only stand to the right. */
export interface Table {
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Wraps a text in a colour, or leaves it. */
export interface Paint {
  strong(text: string): string;
  faint(text: string): string;
  accent(text: string): string;
  alarm(text: string): string;
}

function wrap(code: number): (text: string) => string {
  return (text) => `\x1b[${code}m${text}\x1b[0m`;
}

export const colours: Paint = {
  strong: wrap(1),
  faint: wrap(2),
  accent: wrap(36),
  alarm: wrap(33),
};
const same = (text: string): string => text;
export const noColours: Paint = { strong: same, faint: same, accent: same, alarm: same };

const marks = '▁▂▃▄▅▆▇█';
const numberShape = /^-?\d+(\.\d+)?$/;

/** 1234567.50 → 1,234,567.50; anything that is not a number stays. */
export function grouped(text: string): string {
  if (!numberShape.test(text)) return text;
  const [whole = '', fraction] = text.split('.');
  const digits = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? digits : `${digits}.${fraction}`;
}

/** A curve of one character a value, relative to the greatest. */
export function curve(values: readonly number[]): string {
  const most = Math.max(...values, 1);
  return values
    .map(
      (value) =>
        marks[Math.min(marks.length - 1, Math.floor((value / most) * (marks.length - 1)))] ?? '',
    )
    .join('');
}

/** Lines of a table: names, a rule, rows. The first column is accented. */
export function tableLines(table: Table, paint: Paint): readonly string[] {
  const { names, rows } = table;
  const right = names.map(
    (_, c) => rows.length > 0 && rows.every((row) => numberShape.test(row[c] ?? '')),
  );
  const shown = rows.map((row) => row.map(grouped));
  const widths = names.map((name, c) =>
    Math.max(name.length, 10, ...shown.map((row) => row[c]?.length ?? 0)),
  );
  const cell = (text: string, c: number): string =>
    right[c] === true ? text.padStart(widths[c] ?? 0) : text.padEnd(widths[c] ?? 0);
  const line = (cells: readonly string[]): string => cells.map(cell).join('  ');
  return [
    paint.strong(line(names)),
    paint.faint(widths.map((width) => '─'.repeat(width)).join('  ')),
    ...shown.map((row) =>
      [
        paint.accent(cell(row[0] ?? '', 0)),
        ...row.slice(1).map((text, c) => cell(text, c + 1)),
      ].join('  '),
    ),
  ];
}

function clock(seconds: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function figureLines(figures: DemoFigures, paint: Paint): readonly string[] {
  const { rates, records, lag, changes, latencyMedian, latencyHigh } = figures;
  const figure = (name: string, value: string): string =>
    `${paint.faint(name)} ${paint.strong(value)}`;
  const rate = rates.at(-1) ?? 0;
  return [
    [
      figure('in', `${grouped(String(rate))} records/s`),
      figure('all', grouped(String(records))),
      figure('lag', `${grouped(String(lag))} records`),
      paint.accent(curve(rates)),
    ].join('   '),
    [
      figure('out', `${grouped(String(changes))} changes/s`),
      figure('pushed after', `${latencyMedian.toFixed(0)} ms`),
      figure('99 of 100 within', `${latencyHigh.toFixed(0)} ms`),
    ].join('   '),
  ];
}

/** The whole screen. */
export function screenLines(figures: DemoFigures, paint: Paint): readonly string[] {
  const { trouble } = figures;
  const psql = `psql -h localhost -p ${figures.port} -c`;
  const what = `orders and payments from Kafka (${figures.broker}), as SQL views, live`;
  const lines = [
    `${paint.strong('Millrace')}  ${paint.faint(what)}  ${clock(figures.seconds)}`,
    '',
    paint.faint('SUBSCRIBE revenue'),
    ...tableLines(figures.regions, paint),
    '',
    paint.faint('SUBSCRIBE top_customers'),
    ...tableLines(figures.customers, paint),
    '',
    ...figureLines(figures, paint),
    '',
    `Ask it anything:  ${paint.accent(`${psql} 'SELECT * FROM revenue ORDER BY region'`)}`,
    `See each change:  ${paint.accent(`${psql} 'COPY (SUBSCRIBE top_customers) TO STDOUT'`)}`,
    paint.faint('Ctrl-C ends the demo and everything that it started.'),
  ];
  return trouble === null ? lines : [...lines, '', paint.alarm(trouble)];
}

/** One line for where no screen is. */
export function plainLine(figures: DemoFigures): string {
  const column = (table: Table, name: string): number => {
    const at = table.names.indexOf(name);
    return table.rows.reduce((sum, row) => sum + Number(row[at] ?? 0), 0);
  };
  const { regions, customers, lag } = figures;
  const money = (name: string): string => grouped(column(regions, name).toFixed(2));
  const first = customers.rows[0]?.[0] ?? 'nobody';
  const seconds = figures.seconds.toFixed(0).padStart(4);
  const rate = grouped(String(figures.rates.at(-1) ?? 0));
  const orders = grouped(String(column(regions, 'orders')));
  const text =
    `${seconds} s  in ${rate} records/s  lag ${grouped(String(lag))}  ` +
    `revenue: ${orders} orders, ${money('ordered')} ordered, ${money('open')} open  ` +
    `first customer: ${first}  pushed after ${figures.latencyMedian.toFixed(0)} ms`;
  return figures.trouble === null ? text : `${text}  (${figures.trouble})`;
}
