/**
 * FORMAT PROTOBUF of CREATE SOURCE: to the schema and the message as which records are read. Both
 * are fixed here and stay with the source.
 */
import { sqlError } from '../../base/error.ts';
import type { ProtobufReading } from '../../../connectors/format/decoder.ts';
import { messageOf } from '../../../connectors/format/protobuf/columns.ts';
import { ProtobufSchemaError, parseProtobuf } from '../../../connectors/format/protobuf/parse.ts';
import type { ExecutionContext } from './context.ts';
import type { SchemaClause } from './schema-clause.ts';
import { clauseSchema } from './schema-clause.ts';

/**
 * How a clause reads a part. Throws 22023 for a schema that is none or has not the message, 42704
 * for one that does not exist, 08001 if the registry does not answer.
 */
export async function protobufReading(
  context: ExecutionContext,
  topic: string | null,
  part: 'key' | 'value',
  clause: SchemaClause,
): Promise<ProtobufReading> {
  let message = '';
  const checked = (text: string, position: number): string => {
    try {
      message = messageOf(parseProtobuf(text), clause.message ?? null).name;
      return text;
    } catch (error) {
      if (!(error instanceof ProtobufSchemaError)) throw error;
      throw sqlError('22023', `invalid Protobuf schema: ${error.message}`, { position });
    }
  };
  const schema = await clauseSchema(context, topic, part, clause, checked);
  return { schema, message, framing: clause.registry === null ? 'none' : 'registry' };
}
