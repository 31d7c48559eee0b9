/**
 * `millrace inspect DIR`: what a data directory holds, read without its lock and without a write,
 * also while a server works on it: what that server writes meanwhile may then look unfinished.
 * Where the log is damaged, what comes before the damage is shown and the damage named.
 */
import { defined } from '../base/assert.ts';
import { SqlError } from '../base/error.ts';
import type { Disk, Processes } from '../base/seam.ts';
import { DiskError } from '../base/seam.ts';
import type { CatalogObject } from '../catalog/object.ts';
import { decodeContent } from '../coordinator/checkpoint-content.ts';
import { RecoveredState } from '../coordinator/recovered-state.ts';
import { topicChoice } from '../coordinator/topic-choice.ts';
import { initializeParser } from '../sql/parse/parse.ts';
import type { Checkpoint } from '../storage/checkpoint-manifest.ts';
import { CheckpointStore } from '../storage/checkpoint-store.ts';
import { readIdentity } from '../storage/data-directory.ts';
import { lockOwner } from '../storage/directory-lock.ts';
import { logFormat } from '../storage/log-file.ts';
import type { LogEnd } from '../storage/log-reader.ts';
import { readLog } from '../storage/log-reader.ts';
import type { StepRecord } from '../storage/step-record.ts';
import { decodeStep } from '../storage/step-record.ts';

/** What the command works with. */
export interface InspectParts {
  readonly disk: Disk;
  readonly processes: Processes;
  /** Takes a line of the report. */
  readonly line: (text: string) => void;
}

/** Counts of what the log says of one collection. */
interface Written {
  rows: number;
  steps: number;
}

/** What was read: a checkpoint, if there is one, and the log after it. */
class Report {
  readonly state: RecoveredState;
  readonly written = new Map<number, Written>();
  records = 0;

  constructor(state: RecoveredState) {
    this.state = state;
  }

  take(record: StepRecord): void {
    this.state.take(record);
    this.records++;
    const collections = new Set<number>();
    for (const { collection, batch } of record.tables) {
      const known = this.written.get(collection) ?? { rows: 0, steps: 0 };
      known.rows += batch.rows;
      if (!collections.has(collection)) known.steps++;
      collections.add(collection);
      this.written.set(collection, known);
    }
  }
}

/** A look at everything, and what is wrong with it. */
class Look {
  readonly lines: string[] = [];
  readonly damage: string[] = [];
  readonly #parts: InspectParts;

  constructor(parts: InspectParts) {
    this.#parts = parts;
  }

  /** Notes damage; any other failure is thrown. */
  readonly #note = (error: unknown): null => {
    if (!(error instanceof SqlError)) throw error;
    this.damage.push(error.fields.message);
    return null;
  };

  async run(): Promise<void> {
    const { disk } = this.#parts;
    const identity = await readIdentity(disk).catch(this.#note);
    const hex = identity === null ? 'damaged' : Buffer.from(identity).toString('hex');
    this.lines.push(`identity    ${hex}`);
    const begin = identity === null ? null : await this.#checkpoints(identity);
    const content = begin && (await begin.store.content(begin.checkpoint));
    const report = new Report(new RecoveredState(content && decodeContent(content)));
    const end = await readLog(
      disk,
      'log',
      identity ?? new Uint8Array(),
      (bytes) => report.take(decodeStep(bytes)),
      begin?.checkpoint.logPosition ?? 0,
    ).catch(this.#note);
    this.lines.push(...(await logLines(disk, report, end)), ...objectLines(report));
  }

  /** Describes the checkpoints; answers the newest that is sound. */
  async #checkpoints(identity: Uint8Array): Promise<SoundCheckpoint | null> {
    const { disk } = this.#parts;
    const store = await CheckpointStore.look({
      ...{ disk, folder: 'checkpoints', identity },
      owned: () => Promise.resolve(false),
      warn: (message) => void this.damage.push(message),
    }).catch(this.#note);
    if (store === null) return null;
    for (const checkpoint of store.usable) {
      const sound = await store.check(checkpoint).then(() => true, this.#note);
      this.lines.push(checkpointLine(checkpoint, sound === true));
    }
    const { newest } = store;
    return newest && { store, checkpoint: newest };
  }
}

interface SoundCheckpoint {
  readonly store: CheckpointStore;
  readonly checkpoint: Checkpoint;
}

function checkpointLine(
  { number, base, bytes, images, pieces, step, time, logPosition }: Checkpoint,
  sound: boolean,
): string {
  const kind = base === null ? 'full' : `patch on ${base}`;
  const size = `${bytes} bytes, ${pieces} pieces of ${images} images`;
  const when = `step ${step} at ${new Date(time).toISOString()}, log from commit ${logPosition}`;
  return `checkpoint  ${number}, ${kind}: ${size}; ${when}; ${sound ? 'sound' : 'DAMAGED'}`;
}

/** Looks at a directory that a server may change meanwhile, before damage is believed. */
const looksMax = 3;

/** Writes the report; answers whether the directory is sound. Throws 55000 if it is none. */
export async function inspect(parts: InspectParts): Promise<boolean> {
  const { disk, line } = parts;
  await initializeParser();
  const names = await disk.list('');
  if (!names.includes('identity') && (await disk.list('log')).length === 0) {
    line('no data directory: there is no identity and no log');
    return false;
  }
  line(`format      ${logFormat} at most`);
  const owner = await lockOwner(disk);
  line(`owner       ${ownerText(parts, owner)}`);
  // A running server removes files that it does not need any more.
  const looks = owner !== null && parts.processes.alive(owner) ? looksMax : 1;
  let look = new Look(parts);
  for (let i = 1; ; i++) {
    const missing = await look.run().then(() => null, missingFile);
    if (missing === null && (look.damage.length === 0 || i === looks)) break;
    if (missing !== null && i === looks) throw missing;
    look = new Look(parts);
  }
  for (const text of look.lines) line(text);
  for (const text of look.damage) line(`DAMAGED     ${text}`);
  return look.damage.length === 0;
}

/** The failure, if it is that of a file that is not there; any other is thrown. */
function missingFile(error: unknown): DiskError {
  if (error instanceof DiskError && error.failure.kind === 'missing') return error;
  throw error;
}

function ownerText({ processes }: InspectParts, owner: string | null): string {
  if (owner === null) return 'none: no server has it open';
  const [pid = '?'] = owner.split(' ');
  return processes.alive(owner)
    ? `process ${pid}, running`
    : `process ${pid}, which has ended; the next server takes over`;
}

async function logLines(
  disk: Disk,
  { state, records }: Report,
  end: LogEnd | null,
): Promise<readonly string[]> {
  let total = 0;
  const lines: string[] = [];
  const files = await disk.list('log');
  for (const name of files) {
    const file = await disk.open(`log/${name}`);
    const bytes = await file.size();
    await file.close();
    total += bytes;
    lines.push(`file        log/${name}  ${bytes} bytes`);
  }
  const { step, time } = state.last;
  const since = state.checkpoint === null ? '' : ' since the checkpoint';
  lines.push(`log         ${files.length} files, ${total} bytes, ${records} records${since}`);
  if (end !== null) {
    lines.push(
      `commits     ${end.sequence}; ${end.torn} bytes behind the last one are reserved or unfinished`,
    );
  }
  lines.push(`last step   ${step}${step === 0 ? '' : ` at ${new Date(time).toISOString()}`}`);
  return lines;
}

function objectLines({ state, written }: Report): readonly string[] {
  const objects = state.objects();
  return [
    `objects     ${objects.length}`,
    ...objects.map(
      (object) => `  ${object.kind} ${nameOf(object)}${detailOf(object, state, written)}`,
    ),
  ];
}

function nameOf(object: CatalogObject): string {
  return object.kind === 'schema' ? object.name : `${object.schema}.${object.name}`;
}

function detailOf(
  object: CatalogObject,
  state: RecoveredState,
  written: ReadonlyMap<number, Written>,
): string {
  if (object.kind === 'table') {
    const { rows, steps } = written.get(object.collection) ?? { rows: 0, steps: 0 };
    const since = state.checkpoint === null ? '' : ' since the checkpoint';
    return `: ${rows} changes of rows in ${steps} writes${since}`;
  }
  if (object.kind !== 'source') return '';
  const { bound, places } = state.offsets(object);
  if (bound.size === 0) return `: ${topicChoice(object).text}, nothing bound yet`;
  const topics = new Map<string, string[]>();
  for (const [slot, offset] of [...bound].sort(([a], [b]) => a - b)) {
    const { topic, partition } = defined(places.get(slot), 'a slot that is bound has its place');
    topics.set(topic, [...(topics.get(topic) ?? []), `${partition} up to ${offset}`]);
  }
  const texts = [...topics].map(
    ([topic, list]) => `topic "${topic}", partition ${list.join(', ')}`,
  );
  return `: ${texts.join('; ')}`;
}
