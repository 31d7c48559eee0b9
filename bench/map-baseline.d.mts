/** Types of map-baseline.mjs. */
import type { Data } from './workloads.mjs';
export interface Program { batch(batch: number): void; result(): Map<string, string> }
declare const programs: Readonly<Record<'W1' | 'W2' | 'W3' | 'W4', (data: Data) => Program>>;
export default programs;
