/**
 * gzip and zstd in steps, by Node's own decompressors, and the only file that decompresses with
 * `node:zlib`.
 *
 * Node's synchronous functions do not stop in the middle, and its streams go on only when the event
 * loop gets a turn, which the dataflow thread does not give away. Between the two lies what both
 * are made of: the handle of a stream, whose `writeSync` fills at most the room it is given and
 * leaves what is left of room and input in `_writeState`. It is not documented (though packages
 * have relied on it for years), so it is looked for with care: where it is missing, a batch is one
 * step, as large as its limit allows. A test says if it is.
 *
 * Invariant: a step gives at most `stepBytes` bytes, the output never takes more than twice what it
 * holds (or what gzip says that comes), and no more than `bytesMax + 1` bytes.
 */
import type { Zlib } from 'node:zlib';
import { createGunzip, createZstdDecompress, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { assert } from '../../src/base/assert.ts';
import { CodecError } from './codec-error.ts';
import type { Steps } from './codec-steps.ts';
import { copySteps, stepBytes } from './codec-steps.ts';

/** The codecs that Node itself has. */
export type NativeCodec = 'gzip' | 'zstd';

interface Handle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputBytes: number,
    output: Uint8Array,
    outputAt: number,
    outputBytes: number,
  ): void;
  onerror: (message: string) => void;
}

/** What a step needs of a stream. */
export interface Door {
  readonly handle: Handle;
  /** Bytes of room that the last call left, and bytes of input. */
  readonly state: Uint32Array;
  /** That no input comes after this. */
  readonly finish: number;
  close(): void;
}

function isHandle(value: unknown): value is Handle {
  return (
    typeof value === 'object' &&
    value !== null &&
    'writeSync' in value &&
    typeof value.writeSync === 'function' &&
    'onerror' in value &&
    typeof value.onerror === 'function'
  );
}

/** Opens a decompressor; null if this Node has another one than we know. */
export function openDoor(codec: NativeCodec): Door | null {
  const stream: Zlib & { close(): void } =
    codec === 'gzip' ? createGunzip() : createZstdDecompress();
  const handle: unknown = Reflect.get(stream, '_handle');
  const state: unknown = Reflect.get(stream, '_writeState');
  const finish: unknown = Reflect.get(stream, '_finishFlushFlag');
  if (isHandle(handle) && state instanceof Uint32Array && typeof finish === 'number')
    return { handle, state, finish, close: () => stream.close() };
  stream.close();
  return null;
}

/** Bytes that one byte of gzip gives at most. */
const gzipRatioMax = 1032;

/**
 * Bytes to begin with: gzip says at its end how many come out; zstd is guessed. A lie costs little:
 * memory that is never written to is address space.
 */
function expectedBytes(codec: NativeCodec, bytes: Uint8Array, bytesMax: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const said = codec === 'gzip' && bytes.length >= 4 ? view.getUint32(bytes.length - 4, true) : 0;
  const guess = Math.max(Math.min(said, bytes.length * gzipRatioMax), 4 * bytes.length);
  return Math.min(guess, bytesMax) + 1;
}

/** Decompresses in steps; throws `CodecError` if the bytes are broken or give too much. */
export function* nativeSteps(codec: NativeCodec, bytes: Uint8Array, bytesMax: number): Steps {
  const door = openDoor(codec);
  if (door === null) return atOnce(codec, bytes, bytesMax);
  const { handle, state, finish } = door;
  let failure: string | null = null;
  handle.onerror = (message) => {
    failure = message;
  };
  let out = new Uint8Array(expectedBytes(codec, bytes, bytesMax));
  let end = 0;
  try {
    for (let at = 0; ;) {
      const room = Math.min(stepBytes, out.length - end);
      assert(room > 0, `there is room behind byte ${end}`);
      handle.writeSync(finish, bytes, at, bytes.length - at, out, end, room);
      if (failure !== null) throw new CodecError(`${codec}: ${String(failure)}`);
      const [roomLeft = 0, inputLeft = 0] = state;
      assert(roomLeft <= room && inputLeft <= bytes.length - at, 'a step goes forward');
      end += room - roomLeft;
      at = bytes.length - inputLeft;
      if (end > bytesMax)
        throw new CodecError(`${codec}: it gives more than the ${bytesMax} bytes that it may`);
      if (roomLeft > 0) return out.subarray(0, end);
      if (end === out.length) {
        const narrow = out;
        out = new Uint8Array(Math.min(end * 2, bytesMax + 1));
        yield* copySteps(narrow, end, out);
      }
      yield null;
    }
  } finally {
    door.close();
  }
}

/** The whole in one step. */
export function atOnce(codec: NativeCodec, bytes: Uint8Array, bytesMax: number): Uint8Array {
  const decompress = codec === 'gzip' ? gunzipSync : zstdDecompressSync;
  try {
    return decompress(bytes, { maxOutputLength: bytesMax });
  } catch (error) {
    throw new CodecError(`${codec}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
