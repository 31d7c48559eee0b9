/** What decompressors throw on bytes that are not theirs; caught by the record-batch walker. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}

/**
 * Fails with a {@link CodecError} unless `condition` holds: the bytes are broken, not the program.
 */
export function intact(condition: boolean, message: string): asserts condition {
  if (!condition) throw new CodecError(message);
}
