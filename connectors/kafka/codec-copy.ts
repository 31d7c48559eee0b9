/**
 * The inner copies of LZ4 and snappy, four bytes at a time. Outputs have `copySlackBytes` spare
 * bytes behind their end, so that a copy may write up to three bytes too many; the next one
 * overwrites them.
 */

/** Spare bytes that every output has. */
export const copySlackBytes = 8;

/** Runs from this length on are worth a call of `set` or `copyWithin`. */
const longRunBytes = 96;

/** An output with its view. */
export interface Output {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** An output for `length` bytes. */
export function outputFor(length: number): Output {
  const bytes = new Uint8Array(length + copySlackBytes);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** Copies `length` bytes of input at `from` to the output at `to`. */
export function copyLiteral(
  source: Uint8Array,
  sourceView: DataView,
  from: number,
  out: Output,
  to: number,
  length: number,
): void {
  if (length > longRunBytes) {
    out.bytes.set(source.subarray(from, from + length), to);
    return;
  }
  if (from + length + 3 <= source.length) {
    const { view } = out;
    for (let k = 0; k < length; k += 4)
      view.setInt32(to + k, sourceView.getInt32(from + k, true), true);
    return;
  }
  const { bytes } = out;
  for (let k = 0; k < length; k++) bytes[to + k] = source[from + k];
}

/** Repeats the output from `offset` bytes before `to` for `length` bytes; the two may overlap. */
export function copyMatch(out: Output, to: number, offset: number, length: number): void {
  const from = to - offset;
  if (offset >= 4) {
    if (length > longRunBytes && offset >= length) {
      out.bytes.copyWithin(to, from, from + length);
      return;
    }
    const { view } = out;
    for (let k = 0; k < length; k += 4) view.setInt32(to + k, view.getInt32(from + k, true), true);
    return;
  }
  const { bytes } = out;
  for (let k = 0; k < length; k++) bytes[to + k] = bytes[from + k];
}
