/**
 * Reads the log when the program starts, from its beginning or from where a checkpoint says: gives
 * every record in order, and finds the place where the next commit goes. A commit that was being
 * written when the machine stopped is cut off; damage to one that was durable is reported, and
 * nothing is served. How the two are told apart is in docs/design/durability.md.
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
  /** Byte of the last frame in it, or of its header if it has none. */
  readonly last: number;
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
 * Reads the records of frame `from` and of all later ones, in order; files that lie before it may
 * be gone. Throws XX001 for damage, and if the log does not reach back or up to `from`, 0A000 for a
 * newer format, 55000 for a file of another data directory.
 */
export async function readLog(
  disk: Disk,
  folder: string,
  identity: Uint8Array,
  each: RecordReader,
  from = 0,
): Promise<LogEnd> {
  const names = await logFiles(disk, folder);
  const begin = firstOfLogFile(names[0] ?? '') ?? 0;
  if (begin > from) throw gap(folder, `it begins with commit ${begin}, commit ${from} is needed`);
  const start = names.findLastIndex((name) => (firstOfLogFile(name) ?? 0) <= from);
  const parts = { disk, folder, identity, names, from, each };
  let end = await readFiles(parts, Math.max(start, 0));
  // The file that was to go on at `from` was being made when the machine stopped.
  if (end === null && start > 0) end = await readFiles(parts, start - 1);
  end ??= { file: null, at: 0, last: 0, sequence: 0, previous: 0, torn: 0 };
  if (end.sequence < from)
    throw gap(folder, `it ends before commit ${end.sequence}, commit ${from} was there`);
  return end;
}

function gap(folder: string, what: string): SqlError {
  return sqlError('XX001', `the log is incomplete: ${folder}: ${what}`, {
    detail: 'Files of the log are missing.',
    hint: 'Restore the data directory from a backup.',
  });
}

interface Reading {
  readonly disk: Disk;
  readonly folder: string;
  readonly identity: Uint8Array;
  readonly names: readonly string[];
  readonly from: number;
  readonly each: RecordReader;
}

/** Reads from the file at `start` on; null if there is none, or none that was finished. */
async function readFiles(reading: Reading, start: number): Promise<LogEnd | null> {
  const { disk, folder, identity, names } = reading;
  let end: LogEnd | null = null;
  for (let i = start; i < names.length; i++) {
    const name = names[i] ?? '';
    const path = `${folder}/${name}`;
    const bytes = await readAll(disk, path);
    const last = i === names.length - 1;
    const begun = beginFile(bytes, path, name, { end, last, identity });
    if (begun === null) return end === null ? null : { ...end, torn: 0 };
    end = await readRecords(bytes, path, { ...begun, file: name }, last, reading);
  }
  return end;
}

interface Expected {
  /** Where the file before it ends; null if this is the first that is read. */
  readonly end: LogEnd | null;
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
  { end, last, identity }: Expected,
): LogEnd | null {
  const sequence = end?.sequence ?? firstOfLogFile(name) ?? 0;
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
  if (end !== null && header.previous !== end.previous)
    throw damaged(path, 0, 'it does not follow the file before it');
  return { file: null, at: logHeaderBytes, last: 0, sequence, previous: header.previous, torn: 0 };
}

async function readRecords(
  bytes: Uint8Array,
  path: string,
  begin: LogEnd,
  isLast: boolean,
  { from, each }: Reading,
): Promise<LogEnd> {
  let { at, last, sequence, previous } = begin;
  for (;;) {
    const place: Place = { previous, sequence: sequence >>> 0 };
    const frame = at < bytes.length ? readFrame(bytes, at, place) : null;
    if (frame === null) {
      if (at < bytes.length) requireTorn(bytes, path, at, place, isLast);
      return { file: begin.file, at, last, sequence, previous, torn: bytes.length - at };
    }
    if (sequence >= from) for (const record of recordsOf(frame.payload)) await each(record);
    assert(frame.end > at && frame.end <= bytes.length, 'a frame lies in its file');
    last = at;
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
