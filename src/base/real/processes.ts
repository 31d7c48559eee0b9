/**
 * Processes by number, time of their beginning and boot of the machine, as Linux tells them. Where
 * it does not, the number alone must do: a lock may then seem held by another process that was
 * given the number of its dead owner.
 */
import { readFileSync } from 'node:fs';
import type { Processes } from '../seam.ts';

const unknown = '-';
/** Position of the time of the beginning among the fields behind the name (proc(5), field 22). */
const beginningField = 19;

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function bootOf(): string {
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? unknown;
}

function beginningOf(pid: number): string {
  const text = read(`/proc/${pid}/stat`);
  // The name in parentheses may contain anything.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields?.[beginningField] ?? unknown;
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

export const realProcesses: Processes = {
  self: () => `${process.pid} ${beginningOf(process.pid)} ${bootOf()}`,
  alive(name) {
    const [number, beginning, boot] = name.split(' ');
    const pid = Number(number);
    if (!Number.isInteger(pid) || pid <= 0 || boot !== bootOf() || !runs(pid)) return false;
    return beginningOf(pid) === beginning;
  },
};
