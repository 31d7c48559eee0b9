/** Types of workloads.mjs. */
export type Workload = 'W1' | 'W2' | 'W3' | 'W3Z' | 'W4';
export interface Data {
  readonly n: number; readonly batches: number; readonly nc: number; readonly UPD: number; readonly NI: number; readonly ND: number;
  readonly k: Int32Array; readonly v: Int32Array; readonly creg: Int32Array; readonly cust: Int32Array; readonly amt: Int32Array;
  readonly uc: Int32Array; readonly uOld: Int32Array; readonly uNew: Int32Array; readonly auction: Int32Array; readonly price: Int32Array;
  readonly del: Int32Array; readonly user: Int32Array; readonly item: Int32Array; readonly kind: Uint8Array; readonly amount: Int32Array;
  events(batch: number): number;
}
export const BATCH: number;
export const REGIONS: readonly string[];
export const KINDS: readonly string[];
export function gen(workload: Workload): Data;
export function category(item: number): number;
export function expected(workload: Workload, data: Data, batches: number): Map<string, string>;
export function compare(got: Map<string, string>, want: Map<string, string>): { ok: boolean; wrong: number; extra: number; groups: number; example: string };
