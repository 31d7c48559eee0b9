/** Whether records of one Protobuf schema can be read with another: what a registry checks. */
import { parseProtobuf } from './parse.ts';
import { family } from './plan.ts';
import type { ProtoMessage } from './schema.ts';
import { typeLabel } from './schema.ts';

/**
 * Why records written with `writer` cannot be read as `reader`; null if they can. Throws
 * ProtobufSchemaError if one of them is no schema.
 */
export function unreadableProtobuf(reader: string, writer: string): string | null {
  const read = parseProtobuf(reader);
  for (const message of parseProtobuf(writer).byName.values()) {
    const own = read.byName.get(message.name);
    if (own === undefined) return `the message ${message.name} is missing`;
    const reason = unreadableMessage(own, message);
    if (reason !== null) return `${message.name}: ${reason}`;
  }
  return null;
}

function unreadableMessage(reader: ProtoMessage, writer: ProtoMessage): string | null {
  for (const field of reader.fields) {
    const written = writer.fields.find(({ number }) => number === field.number);
    if (written === undefined) {
      if (field.label === 'required') return `the required field ${field.name} is new`;
    } else if (family(field) !== family(written)) {
      const types = `${typeLabel(written.type)} to ${typeLabel(field.type)}`;
      return `the type of field ${field.number} changes from ${types}`;
    }
  }
  return null;
}
