/**
 * Names of catalog objects as values: `'orders'::regclass`. The catalog is asked while binding, so
 * that nothing in the engine needs to know it; only literals can be read this way.
 */
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { sqlError } from '../../base/error.ts';
import type { Scalar } from '../logical/scalar.ts';
import { constant } from '../logical/scalar.ts';
import { typeNamed } from '../types/type-name.ts';
import type { BindContext } from './context.ts';
import { listedFunctions } from './function-list.ts';

/**
 * The constant that a text literal denotes as regclass, regtype or regproc; undefined if it is not
 * such a case.
 */
export function registeredName(
  context: BindContext,
  scalar: Scalar,
  target: TypeName,
  position: number,
): Scalar | undefined {
  if (target !== 'regclass' && target !== 'regtype' && target !== 'regproc') return undefined;
  if (scalar.kind === 'parameter') context.repeatable = false;
  if (scalar.kind !== 'constant' || typeof scalar.value !== 'string') return undefined;
  if (/^\d+$/.test(scalar.value)) return constant(BigInt(scalar.value), target, -1, position);
  const parts = identifierParts(scalar.value, position);
  if (target === 'regtype') {
    const found = typeNamed(parts[parts.length - 1] ?? '') ?? typeNamed(scalar.value.toLowerCase());
    if (found === undefined)
      throw sqlError('42704', `type "${scalar.value}" does not exist`, { position });
    return constant(BigInt(typeInfo(found).oid), target, -1, position);
  }
  if (target === 'regproc') return constant(functionOid(parts, position), target, -1, position);
  const oid = context.catalog.relationOid(parts);
  if (oid === undefined)
    throw sqlError('42P01', `relation "${parts.join('.')}" does not exist`, { position });
  return constant(BigInt(oid), target, -1, position);
}

/** The number of the only function of a name. Throws 42883 or 42725. */
function functionOid(parts: readonly string[], position: number): bigint {
  const name = parts[parts.length - 1] ?? '';
  const isSystem = parts.length === 1 || parts[parts.length - 2] === 'pg_catalog';
  const found = isSystem ? listedFunctions.filter((each) => each.name === name) : [];
  const shown = parts.join('.');
  if (found.length > 1)
    throw sqlError('42725', `more than one function named "${shown}"`, { position });
  const [only] = found;
  if (only === undefined)
    throw sqlError('42883', `function "${shown}" does not exist`, { position });
  return BigInt(only.oid);
}

/** Splits `a."B".c` as SQL reads identifiers. */
export function identifierParts(text: string, position: number): readonly string[] {
  const parts: string[] = [];
  const pattern = /\s*(?:"((?:[^"]|"")+)"|([\p{L}_][\p{L}\p{N}_$]*))\s*(\.|$)/uy;
  for (;;) {
    const match = pattern.exec(text);
    if (match === null) throw sqlError('42602', 'invalid name syntax', { position });
    parts.push(
      match[1] === undefined ? (match[2] ?? '').toLowerCase() : match[1].replaceAll('""', '"'),
    );
    if (match[3] !== '.') return parts;
  }
}
