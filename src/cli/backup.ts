/**
 * `millrace backup DIR TARGET` and `millrace restore BACKUP DIR`: what the user gave, checked; what
 * was done, in lines.
 */
import { sqlError } from '../base/error.ts';
import type { Clock, Disk, Entropy } from '../base/seam.ts';
import { makeBackup } from '../storage/backup.ts';
import type { Verified } from '../storage/backup-note.ts';
import { restoreBackup } from '../storage/restore.ts';

/** What the commands work with. */
export interface BackupCommandParts {
  /** Paths are below its root. */
  readonly disk: Disk;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Takes a line of the report. */
  readonly line: (text: string) => void;
}

/** Copies the data directory `source` to the folder `target`. Throws what `makeBackup` does. */
export async function backup(
  { disk, clock, line }: BackupCommandParts,
  source: string,
  target: string,
): Promise<void> {
  requireApart(source, target);
  const made = await makeBackup({ disk, source, target, time: clock.now() });
  describe(line, made);
  line(
    `files       ${made.copied} copied, ${made.bytes} bytes; ${made.linked} shared by a hard link`,
  );
  line('the backup was read back and is whole');
}

/** Makes the data directory `target` of a backup. Throws what `restoreBackup` does. */
export async function restore(
  { disk, entropy, line }: BackupCommandParts,
  source: string,
  target: string,
): Promise<void> {
  requireApart(source, target);
  const made = await restoreBackup({ disk, backup: source, target, entropy });
  describe(line, made);
  line(`identity    ${Buffer.from(made.identity).toString('hex')}, new`);
  line('the data directory was read back and is whole');
}

function describe(
  line: (text: string) => void,
  { chain, from, commits }: Pick<Verified, 'chain' | 'from' | 'commits'>,
): void {
  const last = chain.at(-1);
  if (last === undefined) line('checkpoint  none');
  else {
    const bytes = chain.reduce((sum, { bytes: size }) => sum + size, 0);
    const when = `step ${last.step} at ${new Date(last.time).toISOString()}`;
    line(`checkpoint  ${last.number}: ${when}, ${bytes} bytes in ${chain.length} files`);
  }
  line(`log         ${commits - from} commits behind it, the last is ${commits - 1}`);
}

/** Throws 55000 if one folder lies in the other. */
function requireApart(source: string, target: string): void {
  const [a, b] = [`${source}/`, `${target}/`];
  if (a.startsWith(b) || b.startsWith(a))
    throw sqlError('55000', 'one folder must not lie in the other');
}
