/**
 * A read of everything at one step, and what it must be: each client's rows a version of the
 * history, each source a prefix of each partition, each view what its naive function makes of the
 * base rows that were read with it.
 */
import { defined } from '../../src/base/assert.ts';
import type { History, Vector } from './history.ts';
import { demand, Violation } from './history.ts';
import type { TopicTruth } from './sim-topic.ts';
import type { Base, Cells, ViewTemplate } from './views.ts';
import { placeOfSrc } from './views.ts';

/** A view that exists. */
export interface LivingView {
  readonly name: string;
  readonly template: ViewTemplate;
}

const baseSelects: readonly string[] = [
  "SELECT 'kv' AS tag, client::text AS a, k::text AS b, v::text AS c FROM kv",
  "SELECT 'log', client::text, n::text, '' FROM log",
  "SELECT 'counter', n::text, '', '' FROM counter",
  `SELECT 'src', text, ${placeOfSrc}, "offset"::text FROM src`,
  "SELECT 'up', key, text, '' FROM up",
];

/** The parts of a read of everything: each a SELECT of four texts; with or without the stream. */
export function everything(views: readonly LivingView[], streams: boolean): readonly string[] {
  return [
    ...baseSelects.filter((select) => streams || !select.includes('FROM src')),
    ...views.map(({ name }) => `SELECT '${name}', a::text, b::text, c::text FROM ${name}`),
  ];
}

/** How a client's rows are written as one text. */
export function clientState(kv: readonly Cells[], log: readonly Cells[]): string {
  const texts = (rows: readonly Cells[]): string =>
    rows
      .map((row) => row.join(' '))
      .sort()
      .join(',');
  return kv.length === 0 && log.length === 0 ? '' : `${texts(kv)} | ${texts(log)}`;
}

/** What the world knows. */
export interface Known {
  readonly history: History;
  readonly topics: ReadonlyMap<string, TopicTruth>;
  readonly clients: readonly string[];
  /** Whether the stream was read. */
  readonly streams: boolean;
  /** Additions to the counter that were asked for. */
  readonly counterAsked: () => number;
}

/** Checks rows (tag, a, b, c); answers the vector. `floor` is what they must show. */
export function vectorOf(
  known: Known,
  rows: readonly Cells[],
  views: readonly LivingView[],
  floor: Vector,
): Vector {
  const base = new Map<string, Cells[]>();
  const width = new Map([
    ['kv', 3],
    ['log', 2],
    ['counter', 1],
    ['src', 3],
    ['up', 2],
  ]);
  for (const row of rows) {
    const tag = row[0] ?? '';
    const list = base.get(tag) ?? [];
    list.push(row.slice(1, 1 + (width.get(tag) ?? 3)));
    base.set(tag, list);
  }
  const vector = new Map<string, number>();
  for (const client of known.clients) {
    const own = (tag: string): Cells[] => (base.get(tag) ?? []).filter((row) => row[0] === client);
    const name = `client${client}`;
    const versions = known.history.client(name);
    vector.set(name, versions.find(clientState(own('kv'), own('log')), floor.get(name) ?? 0));
  }
  const counter = Number(base.get('counter')?.[0]?.[0] ?? -1);
  demand(counter <= known.counterAsked(), () => `the counter is ${counter}, more than was added`);
  vector.set('counter', counter);
  if (known.streams) streamPrefixes(known.topics, base, vector);
  keyedPrefixes(known.topics, base, vector);
  for (const { name, template } of views) {
    const rows = base.get(name) ?? [];
    const [found, wanted] = [canonical(rows), canonical(template.rows(base))];
    const holds =
      found === wanted ||
      (template.passing === true && mayHaveSeenMore(known, base, template, rows));
    demand(holds, () => `view ${name} is\n  ${found}\nand should be\n  ${wanted}`);
  }
  return vector;
}

function canonical(rows: readonly Cells[]): string {
  return rows
    .map((row) => row.join('|'))
    .sort()
    .join(' ');
}

/**
 * Whether a view over the stream is what it would be of more: it may have seen records that are gone
 * from the topic since. Its rows lie then between those of what is there and those of all there was,
 * or, if they are counts by partition, count all that is there and perhaps some that is gone.
 */
function mayHaveSeenMore(
  known: Known,
  base: Base,
  template: ViewTemplate,
  rows: readonly Cells[],
): boolean {
  const { partitions } = defined(known.topics.get('src'), 'topic src');
  if (partitions.every(({ starts }) => starts.size === 1)) return false;
  const offsets = new Map<string, bigint>();
  for (const [, p = '', offset = '0'] of base.get('src') ?? []) {
    const most = offsets.get(p) ?? -1n;
    offsets.set(p, most > BigInt(offset) ? most : BigInt(offset));
  }
  if (template.name === 'partitions') {
    return rows.every(([p = '', count, most]) => {
      const partition = partitions.find(({ place }) => place === p);
      const { starts, records } = defined(partition, 'a partition is there');
      const last = offsets.get(p);
      const start = [...starts].reduce((a, b) => (a > b ? a : b));
      const known = records.filter(({ offset }) => offset <= (last ?? 0n));
      const least = known.filter(({ offset }) => offset >= start).length;
      const right = Number(count) >= least && Number(count) <= known.length;
      return last === undefined || (most === String(last) && right);
    });
  }
  const all = partitions.flatMap(({ place, records }) =>
    records
      .filter(({ offset }) => offset <= (offsets.get(place) ?? -1n))
      .map(({ value, offset }) => [value ?? '', place, String(offset)]),
  );
  const most = new Set(template.rows(new Map([...base, ['src', all]])).map((row) => row.join('|')));
  const found = new Set(rows.map((row) => row.join('|')));
  const least = template.rows(base).map((row) => row.join('|'));
  // Of a partition of which nothing is left it is not known how far it was read.
  const isKnown = (row: string): boolean => offsets.has(row.split('/')[0] ?? '');
  return (
    found.size === rows.length &&
    least.every((row) => found.has(row)) &&
    [...found].every((row) => most.has(row) || !isKnown(row))
  );
}

/**
 * Of each partition of the stream a run of its records is there, and what comes before the run is
 * gone from its log: whoever reads the past while records go begins anywhere before where the log
 * begins then.
 */
function streamPrefixes(
  topics: ReadonlyMap<string, TopicTruth>,
  base: Base,
  vector: Map<string, number>,
): void {
  const stream = defined(topics.get('src'), 'topic src');
  for (const { place: p, records, starts } of stream.partitions) {
    const found = (base.get('src') ?? []).filter((row) => row[1] === p);
    const offsets = found.map((row) => BigInt(row[2] ?? 0));
    const least = offsets.reduce((a, b) => (a < b ? a : b), offsets[0] ?? 0n);
    const first = records.filter(({ offset }) => offset < least).length;
    const run = records.slice(first, first + found.length);
    const wanted = run.map(({ value }) => `${value}|${p}|${value?.split(':')[1]}`);
    demand(
      canonical(found) === wanted.sort().join(' '),
      () =>
        `partition ${p} of src is not its records ${first} to ${first + found.length}: ${canonical(found)}`,
    );
    const before = records[first - 1]?.offset ?? -1n;
    demand(
      first <= 0 || [...starts].some((start) => start > before),
      () => `partition ${p} of src begins at offset ${least}, and its log has what comes before`,
    );
    // All may be gone.
    if (found.length > 0 || starts.size === 1) vector.set(`src${p}`, first + found.length);
  }
}

function keyedPrefixes(
  topics: ReadonlyMap<string, TopicTruth>,
  base: Base,
  vector: Map<string, number>,
): void {
  const keyed = defined(topics.get('up'), 'topic up');
  for (const { place: p, records } of keyed.partitions) {
    const found = canonical((base.get('up') ?? []).filter((row) => row[0]?.startsWith(`${p}/`)));
    const rows = new Map<string, string>();
    let prefix = found === '' ? 0 : -1;
    for (const [i, { key, value }] of records.entries()) {
      if (prefix >= 0) break;
      if (value === null) rows.delete(key ?? '');
      else rows.set(key ?? '', value);
      if (found === canonical([...rows])) prefix = i + 1;
    }
    if (prefix < 0)
      throw new Violation(`partition ${p} of up is no prefix of its records: ${found}`);
    vector.set(`up${p}`, prefix);
  }
}
