/**
 * Reads the log from its beginning when the program starts: gives every record in order, and finds
 * the place where the next commit goes. A commit that was being written when the machine stopped is
 * cut off; damage to one that was durable is reported, and nothing is served. How the two are told
 * apart is in docs/design/durability.md.
 */
import { assert } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';
import type { SqlError } from '../base/error.ts';
import type { Disk } from '../base/seam.ts';
import type { Place } from './frame.ts';
import { findLaterFrame, isOneBitOff, readFrame, recordsOf } from './frame.ts';
import {
  firstOfLogFile,
  identityBytes,
  logFormat,
  logHeaderBytes,
  readLogHeader,
} from './log-file.ts';

/** Where the log ends. */
export interface LogEnd {
  /** Name of the last file, or null if there is none. */
  readonly file: string | null;
  /** Byte of the next frame in that file. */
  readonly at: number;
  /** Number of the next frame, and the checksum of the one before it. */
  readonly sequence: number;
  readonly previous: number;
  /** Bytes of a torn frame that were found behind the end, to be cut off. */
  readonly torn: number;
}

/** Takes a record. The bytes stay as they are as long as somebody has them. */
export type RecordReader = (payload: Uint8Array) => void | Promise<void>;

function damaged(path: string, at: number, what: string): SqlError {
  return sqlError('XX001', `the log is damaged: ${path}, byte ${at}: ${what}`, {
    detail: 'The disk does not give back what was written and acknowledged.',
    hint: 'Restore the data directory from a backup.',
  });
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

async function readAll(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path);
  try {
    const bytes = new Uint8Array(await file.size());
    const n = await file.read(0, bytes);
    return bytes.subarray(0, n);
  } finally {
    await file.close();
  }
}

/** The names of the log's files in order. Throws XX001 for what is no file of the log. */
async function logFiles(disk: Disk, folder: string): Promise<readonly string[]> {
  const names = await disk.list(folder);
  const foreign = names.find((name) => firstOfLogFile(name) === null);
  if (foreign !== undefined)
    throw sqlError('XX001', `${folder}/${foreign} is not a file of the log`);
  return names;
}

/**
 * Reads all records in order. Throws XX001 for damage, 0A000 for a newer format, 55000
 * for a file of another data directory.
 */
export async function readLog(
  disk: Disk,
  folder: string,
  identity: Uint8Array,
  each: RecordReader,
): Promise<LogEnd> {
  const names = await logFiles(disk, folder);
  let end: LogEnd = { file: null, at: 0, sequence: 0, previous: 0, torn: 0 };
  for (const [i, name] of names.entries()) {
    const path = `${folder}/${name}`;
    const bytes = await readAll(disk, path);
    const last = i === names.length - 1;
    const begun = beginFile(bytes, path, name, { end, first: i === 0, last, identity });
    if (begun === null) return { ...end, torn: 0 };
    end = await readRecords(bytes, path, { ...begun, file: name }, last, each);
  }
  return end;
}

interface Expected {
  readonly end: LogEnd;
  readonly first: boolean;
  readonly last: boolean;
  readonly identity: Uint8Array;
}

/**
 * The place of the first frame in a file; null if the file was being made when the machine
 * stopped, which only the last one can be.
 */
function beginFile(
  bytes: Uint8Array,
  path: string,
  name: string,
  { end, first, last, identity }: Expected,
): LogEnd | null {
  const sequence = first ? (firstOfLogFile(name) ?? 0) : end.sequence;
  const read = readLogHeader(bytes);
  if (read.kind === 'newer') {
    throw sqlError('0A000', `${path} has format ${read.format}, newer than ${logFormat}`, {
      hint: 'Use the release that wrote it, or a later one.',
    });
  }
  if (read.kind === 'damaged') {
    const place = { previous: 0, sequence: (sequence - 1) >>> 0 };
    const used = findLaterFrame(bytes, logHeaderBytes, place) >= 0;
    if (!last || used) throw damaged(path, 0, 'the header does not match its checksum');
    return null;
  }
  const { header } = read;
  if (identity.length === identityBytes && !sameBytes(header.identity, identity))
    throw sqlError('55000', `${path} belongs to another data directory`);
  if (header.first !== sequence)
    throw damaged(path, 0, `it begins with commit ${header.first}, expected ${sequence}`);
  if (!first && header.previous !== end.previous)
    throw damaged(path, 0, 'it does not follow the file before it');
  return { file: null, at: logHeaderBytes, sequence, previous: header.previous, torn: 0 };
}

async function readRecords(
  bytes: Uint8Array,
  path: string,
  begin: LogEnd,
  last: boolean,
  each: RecordReader,
): Promise<LogEnd> {
  let { at, sequence, previous } = begin;
  for (;;) {
    const place: Place = { previous, sequence: sequence >>> 0 };
    const frame = at < bytes.length ? readFrame(bytes, at, place) : null;
    if (frame === null) {
      if (at < bytes.length) requireTorn(bytes, path, at, place, last);
      return { file: begin.file, at, sequence, previous, torn: bytes.length - at };
    }
    for (const record of recordsOf(frame.payload)) await each(record);
    assert(frame.end > at && frame.end <= bytes.length, 'a frame lies in its file');
    at = frame.end;
    ({ previous } = frame.next);
    sequence++;
  }
}

/** Throws unless what lies at `at` can only be a commit that nobody was told of. */
function requireTorn(
  bytes: Uint8Array,
  path: string,
  at: number,
  place: Place,
  last: boolean,
): void {
  const later = findLaterFrame(bytes, at, place);
  if (later >= 0) throw damaged(path, at, `a commit is not whole, and one follows at ${later}`);
  if (!last) throw damaged(path, at, 'a commit is not whole, and another file follows');
  if (isOneBitOff(bytes, at, place)) throw damaged(path, at, 'one bit of a commit has changed');
}
