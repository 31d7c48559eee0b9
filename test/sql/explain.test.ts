/**
 * Goal: typical queries keep their plans. Method: the file beside this one holds tables, and
 * queries with the text that EXPLAIN gives; a plan that changes for the better is written down
 * anew.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SessionHarness } from '../support/session-harness.ts';

const text = readFileSync(new URL('./explain.txt', import.meta.url), 'utf8');
const blocks = text
  .replace(/^#.*\n/gm, '')
  .trim()
  .split(/\n\n+/)
  .map((block) => block.split('\n'));

test('typical queries have the plans that are written down', async () => {
  const harness = await SessionHarness.open();
  try {
    const session = harness.session();
    let plans = 0;
    for (const [kind, sql = '', , ...lines] of blocks) {
      if (kind === 'statement') await session.run(sql);
      else {
        plans++;
        expect(await session.list(`explain ${sql}`), sql).toEqual(lines);
      }
    }
    expect(plans).toBeGreaterThanOrEqual(10);
  } finally {
    await harness.close();
  }
});
