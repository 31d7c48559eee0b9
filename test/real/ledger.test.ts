/**
 * Goal: no output is ever seen that is not the result over one prefix of the input, kills included.
 * Method: the bank of ledger.ts, in short; `node test/real/ledger.ts 10000000 20` is the long form.
 */
import { describe, expect, it } from 'vitest';
import { runLedger } from './ledger.ts';

const transfers = Number(process.env['MILLRACE_TRANSFERS'] ?? 40_000);
const kills = Number(process.env['MILLRACE_LEDGER_KILLS'] ?? 2);

describe('the bank', () => {
  it(
    `has 0 in all at every moment, over ${transfers} transfers and ${kills} kills`,
    async () => {
      const report = await runLedger(transfers, kills);
      expect(report.transfers).toBeGreaterThanOrEqual(transfers);
      expect(report.selects).toBeGreaterThan(kills);
      expect(report.moments).toBeGreaterThan(kills);
    },
    120_000 + transfers / 10 + kills * 60_000,
  );
});
