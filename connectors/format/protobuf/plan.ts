/**
 * What becomes of each field of a writer's message: the wanted columns, by field number. Fields are
 * read as the writer wrote them, and stored as the reader's column has them, so a change of type
 * that loses nothing is no matter, and one that cannot be is refused.
 */
import type { TypeName } from '../../../dataflow/value/type.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { SourceColumn } from '../decoder.ts';
import type { ProtoField, ProtoMessage } from './schema.ts';
import { isMessage, typeLabel, wellKnown } from './schema.ts';

/** A column, and its place among the columns that are read. */
export interface WantedColumn {
  readonly column: SourceColumn;
  readonly place: number;
}

/** A column with its field as the reader and as the writer have it. */
export interface Slot {
  /** -1 for a field that nobody reads, but whose presence takes others of its oneof away. */
  readonly place: number;
  readonly type: TypeName;
  readonly reader: ProtoField;
  readonly writer: ProtoField;
}

/** A writer's message for a set of columns. */
export interface MessagePlan {
  readonly slots: readonly Slot[];
  /** Columns whose field the writer does not have. */
  readonly missing: readonly { readonly place: number; readonly reader: ProtoField }[];
  readonly refusal: { readonly field: string; readonly reason: string } | null;
}

/** Fields of one family can be read as each other. */
export function family({ type, label }: ProtoField): string {
  const plural = label === 'repeated' ? 'repeated ' : label === 'map' ? 'map ' : '';
  if (isMessage(type)) {
    const known = wellKnown(type);
    return plural + (known === null ? 'message' : `google.protobuf.${known}`);
  }
  if (typeof type !== 'string') return `${plural}integer`;
  if (type === 'float' || type === 'double') return `${plural}number`;
  return `${plural}${type === 'string' || type === 'bytes' ? 'text' : 'integer'}`;
}

function describe(field: ProtoField): string {
  const plural = field.label === 'repeated' || field.label === 'map' ? `${field.label} ` : '';
  return plural + typeLabel(field.type);
}

/** Arrays are of the writer's elements, which must be the reader's. */
function fits(reader: ProtoField, writer: ProtoField, type: TypeName): boolean {
  if (family(reader) !== family(writer)) return false;
  const isExact = typeInfo(type).element !== undefined;
  if (!isExact) return true;
  return typeof reader.type === 'string'
    ? reader.type === writer.type
    : typeof writer.type !== 'string';
}

/** The plan for messages written as `writer` and read as `reader`. */
export function messagePlan(
  writer: ProtoMessage,
  reader: ProtoMessage,
  wanted: readonly WantedColumn[],
): MessagePlan {
  const slots: Slot[] = [];
  const missing: { place: number; reader: ProtoField }[] = [];
  let refusal: MessagePlan['refusal'] = null;
  for (const { column, place } of wanted) {
    const { origin, type } = column;
    const own = reader.fields.find(({ name }) => origin.kind === 'field' && name === origin.name);
    if (own === undefined) continue;
    const written = writer.fields.find(({ number }) => number === own.number);
    if (written === undefined) missing.push({ place, reader: own });
    else if (fits(own, written, type)) slots.push({ place, type, reader: own, writer: written });
    else {
      const reason = `it is ${describe(written)}, which cannot be read as ${describe(own)}`;
      refusal ??= { field: column.name, reason };
    }
  }
  const oneofs = new Set(slots.flatMap((slot) => slot.writer.oneof ?? []));
  for (const field of writer.fields) {
    const isRead = slots.some((slot) => slot.writer === field);
    if (!isRead && field.oneof !== null && oneofs.has(field.oneof))
      slots.push({ place: -1, type: 'bool', reader: field, writer: field });
  }
  return { slots, missing, refusal };
}
