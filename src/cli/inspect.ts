/**
 * `millrace inspect DIR`: what a data directory holds, read without its lock and without a write,
 * also while a server works on it: what that server writes meanwhile may then look unfinished.
 * Where the log is damaged, what comes before the damage is shown and the damage named.
 */
import { SqlError } from '../base/error.ts';
import type { Disk, Processes } from '../base/seam.ts';
import type { CatalogObject } from '../catalog/object.ts';
import { RecoveredState } from '../coordinator/recovered-state.ts';
import { initializeParser } from '../sql/parse/parse.ts';
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

class Report {
  readonly state = new RecoveredState(null);
  readonly written = new Map<number, Written>();
  records = 0;

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
  line(`owner       ${await ownerOf(parts)}`);
  const damage: string[] = [];
  const note = (error: unknown): null => {
    if (!(error instanceof SqlError)) throw error;
    damage.push(error.fields.message);
    return null;
  };
  const identity = await readIdentity(disk).catch(note);
  line(`identity    ${identity === null ? 'damaged' : Buffer.from(identity).toString('hex')}`);
  const report = new Report();
  const end = await readLog(disk, 'log', identity ?? new Uint8Array(), (bytes) =>
    report.take(decodeStep(bytes)),
  ).catch(note);
  await describeLog(parts, report, end);
  for (const text of objectLines(report)) line(text);
  for (const text of damage) line(`DAMAGED     ${text}`);
  return damage.length === 0;
}

async function ownerOf({ disk, processes }: InspectParts): Promise<string> {
  const owner = await lockOwner(disk);
  if (owner === null) return 'none: no server has it open';
  const [pid = '?'] = owner.split(' ');
  return processes.alive(owner)
    ? `process ${pid}, running`
    : `process ${pid}, which has ended; the next server takes over`;
}

async function describeLog(
  { disk, line }: InspectParts,
  { state, records }: Report,
  end: LogEnd | null,
): Promise<void> {
  let total = 0;
  const files = await disk.list('log');
  for (const name of files) {
    const file = await disk.open(`log/${name}`);
    const bytes = await file.size();
    await file.close();
    total += bytes;
    line(`file        log/${name}  ${bytes} bytes`);
  }
  const { step, time } = state.last;
  line(`log         ${files.length} files, ${total} bytes, ${records} records`);
  if (end !== null) {
    line(
      `commits     ${end.sequence}; ${end.torn} bytes behind the last one are reserved or unfinished`,
    );
  }
  line(`last step   ${step}${step === 0 ? '' : ` at ${new Date(time).toISOString()}`}`);
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
    return `: ${rows} changes of rows in ${steps} writes`;
  }
  if (object.kind !== 'source') return '';
  const { bound } = state.offsets(object.collection);
  if (bound.size === 0) return `: topic "${object.format.topic}", nothing bound yet`;
  const offsets = [...bound].sort(([a], [b]) => a - b).map(([p, offset]) => `${p} up to ${offset}`);
  return `: topic "${object.format.topic}", partition ${offsets.join(', ')}`;
}
