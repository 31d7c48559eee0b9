/** Bounds on the JSON of a schema, looked at before anything walks it by recursion. */
import { limits } from '../../../src/base/limits.ts';

/** Why a text is no schema that can be read. */
export class AvroSchemaError extends Error {
  override readonly name = 'AvroSchemaError';
}

/** Looks at depth and number of parts without recursion. Throws AvroSchemaError. */
export function requireBounded(json: unknown): void {
  let level: unknown[] = [json];
  let parts = 0;
  for (let depth = 0; level.length > 0; depth++) {
    parts += level.length;
    if (depth > limits.avroSchemaDepthMax) {
      throw new AvroSchemaError(
        `the schema is nested deeper than ${limits.avroSchemaDepthMax} levels (avroSchemaDepthMax)`,
      );
    }
    if (parts > limits.avroSchemaPartsMax) {
      throw new AvroSchemaError(
        `the schema has more than ${limits.avroSchemaPartsMax} parts (avroSchemaPartsMax)`,
      );
    }
    level = level.flatMap((part) =>
      typeof part === 'object' && part !== null ? Object.values(part) : [],
    );
  }
}
