/** What this process holds, after everything that can be collected was. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

/** Bytes of the JavaScript heap and of buffers outside it, after a full collection. */
export function liveBytes(): number {
  if (typeof collect !== 'function') throw new Error('the runtime lends its collector');
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Bytes of memory that the system gave this process. */
export function residentBytes(): number {
  return process.memoryUsage.rss();
}
