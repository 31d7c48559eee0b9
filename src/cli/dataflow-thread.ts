/**
 * The dataflow thread as the main thread sees it: the worker, the port that messages go through and
 * the counter on which the worker sleeps. It imports next to nothing, so that a server starts the
 * thread before it has loaded its own modules: the two threads then load theirs side by side.
 */
import type { MessagePort } from 'node:worker_threads';
import { MessageChannel, Worker } from 'node:worker_threads';
import { compileCacheEnvironment } from './compile-cache.ts';

/** A thread that was started. */
export interface DataflowThread {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** Raised with every message; the worker sleeps on it. */
  readonly signal: Int32Array<SharedArrayBuffer>;
}

/** The one that was started ahead and is not in use yet. */
let ahead: DataflowThread | null = null;

function start(): DataflowThread {
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const file = import.meta.url.endsWith('.ts') ? './dataflow-worker.ts' : './dataflow-worker.js';
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL(file, import.meta.url), {
    name: 'millrace-dataflow',
    workerData: { port: port2, signal },
    transferList: [port2],
    env: compileCacheEnvironment(),
  });
  return { worker, port: port1, signal };
}

/** Starts a thread for whoever needs the first one. */
export function startAhead(): void {
  ahead ??= start();
}

/** A thread for one engine; its events have not been seen by anybody. */
export function takeThread(): DataflowThread {
  const thread = ahead ?? start();
  ahead = null;
  return thread;
}
