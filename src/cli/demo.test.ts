/**
 * Goal: the demo runs the main job, says what it sees, and ends without a trace. Method: the
 * command itself as a child for a few seconds, as a user would start it; and its parts by
 * themselves.
 */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { assert } from '../base/assert.ts';
import { OrderTraffic } from './demo-traffic.ts';
import { colours, curve, grouped, noColours, screenLines, tableLines } from './terminal-view.ts';

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command; `interrupt` sends Ctrl-C once the output has that text. */
function demo(args: readonly string[], interrupt: string | null = null): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), 'demo', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    let interrupted = false;
    child.stdout.on('data', (data: Buffer) => {
      out += data.toString();
      if (interrupt === null || interrupted || !out.includes(interrupt)) return;
      interrupted = true;
      child.kill('SIGINT');
    });
    child.stderr.on('data', (data: Buffer) => {
      err += data.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

describe('the command', () => {
  test('runs two seconds, shows what comes, ends with 0 and leaves no port open', async () => {
    const { code, out, err } = await demo(['--seconds', '2', '--port', '0', '--rate', '500']);
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toContain('in memory');
    expect(out).toContain('create materialized view revenue');
    expect(out).toMatch(
      /\d s {2}in [\d,]+ records\/s {2}lag \d+ {2}revenue: [\d,]+ orders, [\d,.]+ ordered, [\d,.]+ open {2}first customer: \w+ \w+/,
    );
    expect(out).toMatch(/^[1-9]\d* records in \d+ seconds/m);
    expect(out).toContain('The demo has ended; broker, producer and engine are stopped.');
    const ports = [...out.matchAll(/127\.0\.0\.1:(\d+)/g)].map((match) => Number(match[1]));
    expect(ports.length).toBe(2);
    for (const port of ports) expect(await listens(port)).toBe(false);
  });

  test('ends at Ctrl-C', async () => {
    const { code, out } = await demo(['--port', '0'], 'records/s');
    expect(code).toBe(0);
    expect(out).toContain('The demo has ended');
  });

  test('says what is wrong with its options', async () => {
    const { code, err } = await demo(['--rate', 'fast']);
    expect(code).toBe(1);
    expect(err).toContain('invalid --rate "fast"');
    const refused = await demo(['--brokers', '127.0.0.1:1', '--port', '0']);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('could not reach Kafka broker "127.0.0.1:1"');
  });
});

describe('the traffic', () => {
  test('is that of a shop: orders change and go, payments follow, some late', () => {
    const random = new Random(5);
    const traffic = new OrderTraffic((bound) => random.below(bound));
    const orders = new Map<string, Record<string, unknown>>();
    const seen = {
      updates: 0,
      withdrawn: 0,
      cancelled: 0,
      latePayments: 0,
      lateOrders: 0,
      payments: 0,
    };
    const start = 1_700_000_000_000;
    for (let k = 0; k < 60_000; k++) {
      const now = start + k;
      const { topic, key, value } = traffic.next(now);
      if (value === null) {
        assert(key !== null && orders.delete(key), 'an order that is withdrawn was there');
        seen.withdrawn++;
        continue;
      }
      const record: Record<string, unknown> = JSON.parse(value);
      if (topic === 'payments') {
        seen.payments++;
        if (Date.parse(String(record.paid_at)) < now - 5_000) seen.latePayments++;
        continue;
      }
      assert(key !== null && key === String(record.order_id), 'the key is the order');
      if (orders.has(key)) seen.updates++;
      if (record.status === 'cancelled') seen.cancelled++;
      if (Date.parse(String(record.placed_at)) < now - 60_000) seen.lateOrders++;
      orders.set(key, record);
    }
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
    expect(seen.payments).toBeGreaterThan(orders.size / 2);
  });
});

describe('the screen', () => {
  test('groups digits and aligns columns', () => {
    expect(['0', '999', '1000', '-1234567.5', 'north', '12a'].map(grouped)).toEqual([
      '0',
      '999',
      '1,000',
      '-1,234,567.5',
      'north',
      '12a',
    ]);
    expect(curve([0, 5, 10])).toBe('▁▄█');
    expect(
      tableLines(
        {
          names: ['region', 'orders'],
          rows: [
            ['north', '12345'],
            ['overseas', '7'],
          ],
        },
        noColours,
      ),
    ).toEqual([
      'region          orders',
      '──────────  ──────────',
      'north           12,345',
      'overseas             7',
    ]);
  });

  test('is the same with colours and without', () => {
    const figures = {
      seconds: 3_725,
      broker: 'b:1',
      port: 6875,
      regions: { names: ['region'], rows: [['x']] },
      customers: { names: ['customer'], rows: [] },
      rates: [1, 2],
      records: 1_234,
      lag: 5,
      changes: 6,
      latencyMedian: 1.4,
      latencyHigh: 20,
      trouble: 'the producer waits: no answer',
    };
    const plain = screenLines(figures, noColours);
    expect(screenLines(figures, colours).map((line) => line.replaceAll(/\x1b\[\d+m/g, ''))).toEqual(
      plain,
    );
    expect(plain.join('\n')).toContain('01:02:05');
    expect(plain.at(-1)).toBe('the producer waits: no answer');
  });
});
