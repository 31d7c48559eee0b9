/**
 * The dataflow thread: one host, driven in slices so that messages are seen between activations.
 *
 * While it has nothing to do it sleeps on a shared counter that the main thread raises with every
 * message: waking it that way takes a fifth of the time that waking an event loop takes. The event
 * loop still gets a turn now and then, for what the runtime itself has to do.
 *
 * An exception here is a bug of ours: it ends the thread, and the main thread reports it.
 */
import { MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { TransferListItem } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { setRuntimeFlags } from '../base/real/runtime-flags.ts';
import { realClock } from '../base/real/seam.ts';
import { DataflowHost } from '../coordinator/dataflow-host.ts';
import type { HostCommand } from '../coordinator/engine-link.ts';
import { keepCompiled } from './compile-cache.ts';
import type { ThreadResponse } from './message.ts';
import { transferOfResponse, unpackCommand } from './message.ts';

/** What the main thread hands over. */
function threadEnds(data: unknown): { readonly port: MessagePort; readonly signal: Int32Array } {
  assert(
    typeof data === 'object' && data !== null && 'port' in data && 'signal' in data,
    'the thread is given its ends',
  );
  const { port, signal } = data;
  assert(
    port instanceof MessagePort && signal instanceof Int32Array,
    'the ends are a port and a counter',
  );
  return { port, signal };
}

setRuntimeFlags();
const { port, signal } = threadEnds(workerData);
let outgoing: ThreadResponse[] = [];
/** Receipts of chunks that were read since the last message. */
const read: number[] = [];

const host = new DataflowHost({
  respond: (response) => void outgoing.push(response),
  now: () => realClock.monotonic(),
});

function flush(): void {
  if (read.length > 0) outgoing.push({ kind: 'released', receipts: read.splice(0) });
  if (outgoing.length === 0) return;
  const responses = outgoing;
  outgoing = [];
  const transfer = new Set<TransferListItem>();
  for (const response of responses) transferOfResponse(response, transfer);
  port.postMessage(responses, [...transfer]);
}

/** Takes every message that has come; small reads are answered on the spot. */
function take(): void {
  for (
    let next = receiveMessageOnPort(port);
    next !== undefined;
    next = receiveMessageOnPort(port)
  ) {
    const commands: readonly HostCommand[] = next.message;
    for (const command of commands) host.command(unpackCommand(command, read));
  }
  flush();
}

function turn(): void {
  const end = realClock.monotonic() + limits.threadTurnMillisecondsMax;
  for (let now = 0; now < end; now = realClock.monotonic()) {
    const seen = Atomics.load(signal, 0);
    take();
    const more = host.run(limits.turnMillisecondsMax);
    flush();
    // A message that came after `seen` was read has raised the counter: then this does not wait.
    if (!more) Atomics.wait(signal, 0, seen, limits.threadTurnMillisecondsMax);
  }
  realClock.soon(turn);
}

keepCompiled(realClock);
turn();
