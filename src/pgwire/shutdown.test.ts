/**
 * Goal: the server ends even if its clients do not. Method: a real socket that never closes its side.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { serialize } from 'pg-protocol';
import { expect, it } from 'vitest';
import { SessionHarness } from '../../test/support/session-harness.ts';
import { SessionRegistry } from '../coordinator/session-registry.ts';
import { PostgresServer } from './server.ts';

it('ends while a client keeps its side open', async () => {
  const harness = await SessionHarness.open();
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const sessions = new SessionRegistry(harness.coordinator);
  const server = new PostgresServer({ host: '127.0.0.1', port: 0, sessions, log });
  const socket: Socket = connect({ port: await server.listen(), allowHalfOpen: true });
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(serialize.startup({ user: 'test', database: 'materialize' }));
  await new Promise((resolve) => socket.once('data', resolve));
  await server.close();
  await new Promise((resolve) => socket.once('close', resolve).end());
  expect(socket.destroyed).toBe(true);
  await harness.close();
});
