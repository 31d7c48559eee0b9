/**
 * Goal: the server ends even if its clients do not, and clients that never begin do not stay.
 * Method: real sockets that never close their side, that say nothing, or too little.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { serialize } from 'pg-protocol';
import { expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import { limits } from '../base/limits.ts';
import { realClock } from '../base/real/seam.ts';
import { SessionRegistry } from '../coordinator/session-registry.ts';
import { PostgresServer } from './server.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function until(come: () => boolean): Promise<void> {
  while (!come()) await new Promise((resolve) => setImmediate(resolve));
}

it('ends while a client keeps its side open', async () => {
  const harness = await SessionHarness.open();
  const sessions = new SessionRegistry(harness.coordinator);
  const server = new PostgresServer({
    host: '127.0.0.1',
    port: 0,
    sessions,
    log,
    clock: realClock,
  });
  const socket: Socket = connect({ port: await server.listen(), allowHalfOpen: true });
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(serialize.startup({ user: 'test', database: 'materialize' }));
  await new Promise((resolve) => socket.once('data', resolve));
  await server.close();
  await new Promise((resolve) => socket.once('close', resolve).end());
  expect(socket.destroyed).toBe(true);
  await harness.close();
});

it('does not wait for ever to hear who a client is', async () => {
  const harness = await SessionHarness.open();
  const clock = new FakeClock();
  const sessions = new SessionRegistry(harness.coordinator);
  const server = new PostgresServer({ host: '127.0.0.1', port: 0, sessions, log, clock });
  const port = await server.listen();
  const startup = serialize.startup({ user: 'test', database: 'materialize' });
  const said = [new Uint8Array(0), startup.subarray(0, 9), startup];
  const heard: string[] = [];
  const sockets = await Promise.all(
    said.map(async (bytes, k) => {
      const socket = connect({ port });
      heard.push('');
      socket.on('data', (chunk) => (heard[k] += chunk.toString('latin1')));
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.write(bytes);
      return socket;
    }),
  );
  await until(() => heard[2]?.endsWith('I') === true);
  const ended = sockets.slice(0, 2).map((socket) => new Promise((end) => socket.once('end', end)));
  await clock.advance(limits.startupMillisecondsMax - 1);
  expect(heard.slice(0, 2)).toEqual(['', '']);
  await clock.advance(1);
  await Promise.all(ended);
  for (const text of heard.slice(0, 2)) expect(text).toContain('57014');
  sockets[2]?.write(serialize.query('SELECT 7'));
  await until(() => heard[2]?.includes('SELECT 1') === true);
  for (const socket of sockets) socket.destroy();
  await server.close();
  await harness.close();
});
