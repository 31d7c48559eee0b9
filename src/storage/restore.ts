/**
 * Makes a data directory of a backup: reads all of the backup first, then copies it under an
 * identity of its own, so that files of the copy and of what was backed up are never taken for each
 * other. The identity comes last: without it a server refuses the folder.
 */
import { assert } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';
import type { Disk, Entropy } from '../base/seam.ts';
import { DiskError } from '../base/seam.ts';
import { copyBytes, ourFolders, requireEmpty } from './backup.ts';
import type { Verified } from './backup-note.ts';
import { verifyBackup, verifyCopy } from './backup-note.ts';
import { checkpointFileName, dataHeaderBytes, writeDataHeader } from './checkpoint-file.ts';
import type { Checkpoint } from './checkpoint-manifest.ts';
import { encodeManifest } from './checkpoint-manifest.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import { writeIdentity } from './data-directory.ts';
import { below } from './folder-disk.ts';
import { identityBytes, logHeaderBytes, readLogHeader, writeLogHeader } from './log-file.ts';

export interface RestoreParts {
  /** Has both folders. */
  readonly disk: Disk;
  /** The backup, and where the data directory is to be: a folder that is empty or not there. */
  readonly backup: string;
  readonly target: string;
  readonly entropy: Entropy;
}

/** What a copy is made of. */
interface Copying {
  readonly from: Disk;
  readonly to: Disk;
  readonly verified: Verified;
  /** Identity of the copy. */
  readonly identity: Uint8Array;
}

/**
 * Restores a backup. Throws 55000 if the target is not empty or the backup is none, XX001 if it is
 * damaged, before anything is written; 53100 and 58030 if the copy cannot be written.
 */
export async function restoreBackup(parts: RestoreParts): Promise<Verified> {
  const { disk, backup, target, entropy } = parts;
  await requireEmpty(disk, target);
  const from = below(disk, backup);
  const to = below(disk, target);
  try {
    const verified = await verifyBackup(from);
    for (const folder of ourFolders) await to.makeFolder(folder);
    const copying = { from, to, verified, identity: entropy.bytes(identityBytes) };
    await copyCheckpoint(copying);
    await copyLog(copying);
    for (const folder of [...ourFolders, '']) await to.syncFolder(folder);
    await writeIdentity(to, copying.identity);
    const copy = await verifyCopy(to);
    assert(copy.commits === verified.commits, 'what is copied is what was read');
    return copy;
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    throw error.failure.kind === 'full'
      ? sqlError('53100', 'could not restore the backup: no space left on the disk')
      : sqlError('58030', `could not restore the backup: ${error.message}`);
  }
}

async function copyCheckpoint(copying: Copying): Promise<void> {
  const { from, verified } = copying;
  const store = await CheckpointStore.look({
    ...{ disk: from, folder: 'checkpoints', identity: verified.identity },
    owned: () => Promise.resolve(false),
    warn: (message) => {
      throw sqlError('XX001', message);
    },
  });
  for (const checkpoint of verified.chain) {
    await copyData(copying, checkpoint);
    const content = await store.content(checkpoint);
    const manifest = encodeManifest(copying.identity, checkpoint, content);
    const name = checkpointFileName({ number: checkpoint.number, kind: 'manifest' });
    await writeWhole(copying.to, `checkpoints/${name}`, manifest);
  }
}

async function copyData({ from, to, identity }: Copying, { number }: Checkpoint): Promise<void> {
  const path = `checkpoints/${checkpointFileName({ number, kind: 'data' })}`;
  const source = await from.open(path);
  try {
    const copy = await to.create(path);
    try {
      await copy.write(0, writeDataHeader(identity, number));
      await copyBytes(source, copy, dataHeaderBytes);
      await copy.sync();
    } finally {
      await copy.close();
    }
  } finally {
    await source.close();
  }
}

async function copyLog({ from, to, identity }: Copying): Promise<void> {
  for (const name of await from.list('log')) {
    const file = await from.open(`log/${name}`);
    const bytes = new Uint8Array(await file.size());
    await file.read(0, bytes);
    await file.close();
    const read = readLogHeader(bytes);
    assert(read.kind === 'header', 'a log that was read has headers');
    bytes.set(writeLogHeader({ ...read.header, identity }).subarray(0, logHeaderBytes));
    await writeWhole(to, `log/${name}`, bytes);
  }
}

async function writeWhole(to: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await to.create(path);
  try {
    await file.write(0, bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
