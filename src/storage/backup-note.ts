/**
 * The file `backup` in a backup: written last, so a backup without it is unfinished; it says where
 * the log in it ends, which a log that was cut off at the end of a commit does not tell by itself.
 * A line of JSON, and a line with its CRC-32, to be read by eye.
 */
import { crc32 } from 'node:zlib';
import { sqlError } from '../base/error.ts';
import type { Disk } from '../base/seam.ts';
import type { Checkpoint } from './checkpoint-manifest.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import { readIdentity } from './data-directory.ts';
import { readLog } from './log-reader.ts';

/** Its name; a data directory has no file of that name. */
export const notePath = 'backup';
/** The format that is written; newer ones are refused. */
const noteFormat = 1;
const noteBytesMax = 64 * 1024;

/** What a backup is a copy of. */
export interface BackupNote {
  readonly format: number;
  /** Identity of the data directory, in hexadecimal. */
  readonly identity: string;
  /** When it was made, milliseconds since the epoch. */
  readonly time: number;
  /** Number of the checkpoint in it; null if all is in the log. */
  readonly checkpoint: number | null;
  /** Commits in its log: the first, the one after the last, and the checksum of the last. */
  readonly from: number;
  readonly commits: number;
  readonly previous: number;
}

/** What was found to be whole. */
export interface Verified {
  /** The checkpoint, and those that it is a patch on before it; none if all is in the log. */
  readonly chain: readonly Checkpoint[];
  readonly identity: Uint8Array;
  readonly from: number;
  readonly commits: number;
  readonly previous: number;
}

/** Writes the note. */
export async function writeNote(
  disk: Disk,
  { chain, identity, from, commits, previous }: Verified,
  time: number,
): Promise<void> {
  const note: BackupNote = {
    ...{ format: noteFormat, identity: Buffer.from(identity).toString('hex'), time },
    ...{ checkpoint: chain.at(-1)?.number ?? null, from, commits, previous },
  };
  const text = JSON.stringify(note);
  const draft = `${notePath}.new`;
  const file = await disk.create(draft);
  try {
    await file.write(0, new TextEncoder().encode(`${text}\n${crc32(text)}\n`));
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(draft, notePath);
  await disk.syncFolder('');
}

/** Reads the note. Throws 55000 if there is none, XX001 if it is damaged, 0A000 for a newer one. */
async function readNote(disk: Disk): Promise<BackupNote> {
  if ((await disk.identity(notePath)) === null)
    throw sqlError('55000', 'the folder is no finished backup: it has no file "backup"');
  const file = await disk.open(notePath);
  const bytes = new Uint8Array(noteBytesMax);
  const [text = '', checksum = ''] = new TextDecoder()
    .decode(bytes.subarray(0, await file.read(0, bytes)))
    .split('\n');
  await file.close();
  if (checksum !== String(crc32(text)))
    throw sqlError('XX001', 'the backup is damaged: backup: it does not match its checksum');
  const note = JSON.parse(text) as BackupNote;
  if (note.format > noteFormat)
    throw sqlError('0A000', `the backup has format ${note.format}, newer than ${noteFormat}`, {
      hint: 'Use the release that wrote it, or a later one.',
    });
  return note;
}

/**
 * Reads everything in a copy of a data directory: its newest checkpoint and the log after that.
 * Throws XX001 if anything is not whole.
 */
export async function verifyCopy(disk: Disk): Promise<Verified> {
  const identity = await readIdentity(disk);
  const store = await CheckpointStore.look({
    ...{ disk, folder: 'checkpoints', identity },
    owned: () => Promise.resolve(false),
    warn: (message) => {
      throw sqlError('XX001', message);
    },
  });
  const { newest } = store;
  const chain = newest === null ? [] : store.chain(newest);
  for (const checkpoint of chain) await store.check(checkpoint);
  const from = newest?.logPosition ?? 0;
  const end = await readLog(disk, 'log', identity, () => undefined, from);
  if (end.torn > 0) throw sqlError('XX001', 'the log of the backup ends within a commit');
  return { chain, identity, from, commits: end.sequence, previous: end.previous };
}

/** Reads all of a backup. Throws 55000 if it is none, XX001 if it is damaged. */
export async function verifyBackup(disk: Disk): Promise<Verified> {
  const note = await readNote(disk);
  const found = await verifyCopy(disk);
  const same =
    note.identity === Buffer.from(found.identity).toString('hex') &&
    note.checkpoint === (found.chain.at(-1)?.number ?? null) &&
    note.from === found.from &&
    note.commits === found.commits &&
    note.previous === found.previous;
  if (same) return found;
  throw sqlError('XX001', 'the backup is damaged: something is missing or does not belong to it', {
    detail: `It has commits ${found.from} to ${found.commits}, and had ${note.from} to ${note.commits}.`,
  });
}
