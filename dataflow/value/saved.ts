/**
 * Plain data that outlives the program: what a part of the engine keeps beside its memories, for
 * checkpoints. Whoever saves decides what it means and checks it when it loads: a checkpoint may
 * come from another release.
 */
export type Saved = null | number | string | Int32Array | Float64Array | readonly Saved[];
