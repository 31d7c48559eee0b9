/**
 * The dataflow thread: one host, driven in slices so that messages are seen between activations.
 * An exception here is a bug of ours: it ends the thread, and the main thread reports it.
 */
import { parentPort } from 'node:worker_threads';
import type { TransferListItem } from 'node:worker_threads';
import { defined } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { guardRegularExpressions } from '../base/real/regex-guard.ts';
import { realClock } from '../base/real/seam.ts';
import { DataflowHost } from '../coordinator/dataflow-host.ts';
import type { HostCommand, HostResponse } from '../coordinator/engine-link.ts';
import { transferOfResponse } from './message.ts';

guardRegularExpressions();
const port = defined(parentPort, 'this file runs in a worker thread');
let outgoing: HostResponse[] = [];
let running = false;

const host = new DataflowHost({
  respond: (response) => void outgoing.push(response),
  now: () => realClock.monotonic(),
});

function flush(): void {
  if (outgoing.length === 0) return;
  const responses = outgoing;
  outgoing = [];
  const transfer = new Set<TransferListItem>();
  for (const response of responses) transferOfResponse(response, transfer);
  port.postMessage(responses, [...transfer]);
}

function turn(): void {
  running = host.run(limits.turnMillisecondsMax);
  flush();
  if (running) realClock.soon(turn);
}

port.on('message', (commands: readonly HostCommand[]) => {
  for (const command of commands) host.command(command);
  flush();
  if (!running) turn();
});
