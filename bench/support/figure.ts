/** What a benchmark measures: one figure a line, both sides from one run. */
import { readFileSync } from 'node:fs';

export interface Figure {
  readonly name: string;
  readonly ours: number;
  readonly baseline: number;
  /** Above 1 is better for us. */
  readonly ratio: number;
  readonly unit: string;
  /** What the issue of the project asks for, as a ratio. */
  readonly target?: number;
}

export function figure(
  name: string,
  ours: number,
  baseline: number,
  unit: string,
  target?: number,
): Figure {
  const lowerIsBetter = unit === 'ms' || unit.startsWith('bytes') || unit.startsWith('µs');
  const ratio = lowerIsBetter ? baseline / ours : ours / baseline;
  return { name, ours, baseline, ratio, unit, ...(target === undefined ? {} : { target }) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

/** The value below which a share `p` of the values lies. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? NaN;
}

/** CPU milliseconds of this process so far. */
export function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Hundredths of a second are what Linux counts another process's CPU time in. */
const tickMilliseconds = 10;

/** CPU milliseconds of another process so far, all its threads. */
export function cpuMillisecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * tickMilliseconds;
}

function rounded(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** A table for people. */
export function printTable(figures: readonly Figure[]): void {
  const rows = figures.map((f) => [
    f.name,
    rounded(f.ours),
    rounded(f.baseline),
    rounded(f.ratio),
    f.target === undefined ? '' : rounded(f.target),
    f.unit,
  ]);
  const all = [['figure', 'ours', 'baseline', 'ratio', 'must', 'unit'], ...rows];
  const widths = (all[0] ?? []).map((_, c) => Math.max(...all.map((row) => (row[c] ?? '').length)));
  for (const row of all) {
    process.stdout.write(
      `${row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c] ?? 0) : cell.padStart(widths[c] ?? 0))).join('  ')}\n`,
    );
  }
}

export function printJson(figures: readonly Figure[]): void {
  for (const f of figures) process.stdout.write(`${JSON.stringify(f)}\n`);
}
