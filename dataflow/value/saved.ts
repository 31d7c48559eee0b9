/**
 * Plain data that outlives the program: what a part of the engine keeps beside its memories, for
 * checkpoints. Whoever saves decides what it means and checks it when it loads: a checkpoint may
 * come from another release (saved-parts.ts). Numbers are finite and not -0; whoever has others
 * takes a Float64Array.
 */
export type Saved = null | number | string | Int32Array | Float64Array | readonly Saved[];
