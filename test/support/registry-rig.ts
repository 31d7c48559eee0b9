/** A whole product on an embedded broker, as in `KafkaRig`, with a schema registry beside it. */
import { afterAll, beforeAll } from 'vitest';
import { EmbeddedRegistry } from '../../connectors/registry/embedded/server.ts';
import { assert } from '../../src/base/assert.ts';
import { KafkaRig } from './kafka-rig.ts';

/** What the tests of one file have of it, from before the first to after the last. */
export interface RegistryRig {
  rig(): KafkaRig;
  registry(): EmbeddedRegistry;
}

/** Starts and stops it around the tests of the calling file; connection object `r` is the registry. */
export function useRegistryRig(): RegistryRig {
  let running: KafkaRig | null = null;
  let beside: EmbeddedRegistry | null = null;
  const rig = (): KafkaRig => {
    assert(running !== null, 'the product runs');
    return running;
  };
  const registry = (): EmbeddedRegistry => {
    assert(beside !== null, 'the registry runs');
    return beside;
  };
  beforeAll(async () => {
    running = await KafkaRig.start();
    beside = await EmbeddedRegistry.start();
    await running.client.query(
      `CREATE CONNECTION r TO CONFLUENT SCHEMA REGISTRY (URL '${beside.url}')`,
    );
  });
  afterAll(async () => {
    await running?.stop();
    await beside?.down();
  });
  return { rig, registry };
}
