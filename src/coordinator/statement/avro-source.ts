/**
 * FORMAT AVRO of CREATE SOURCE: to the schema as which records are read. That schema is fixed here,
 * with everything it refers to, and stays with the source: what the registry gets later changes
 * neither columns nor types.
 */
import { sqlError } from '../../base/error.ts';
import type { AvroReading } from '../../../connectors/format/decoder.ts';
import { AvroSchemaError } from '../../../connectors/format/avro/bounded.ts';
import { parseSchema } from '../../../connectors/format/avro/parse.ts';
import { selfContained } from '../../../connectors/registry/self-contained.ts';
import type { ExecutionContext } from './context.ts';
import type { SchemaClause } from './schema-clause.ts';
import { clauseSchema } from './schema-clause.ts';

/**
 * How a clause reads a part. Throws 22023 for a schema that is none, 42704 for one that does not
 * exist, 08001 if the registry does not answer.
 */
export async function avroReading(
  context: ExecutionContext,
  topic: string | null,
  part: 'key' | 'value',
  clause: SchemaClause,
): Promise<AvroReading> {
  const schema = await clauseSchema(context, topic, part, clause, checked);
  return { schema, framing: clause.registry === null ? 'none' : 'registry' };
}

function checked(text: string, position: number): string {
  try {
    const whole = selfContained(text, []);
    parseSchema(whole);
    return whole;
  } catch (error) {
    if (!(error instanceof AvroSchemaError)) throw error;
    throw sqlError('22023', `invalid Avro schema: ${error.message}`, { position });
  }
}
