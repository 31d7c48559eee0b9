/**
 * ON ERROR of a source: what becomes of records that cannot be decoded. Under QUARANTINE, the
 * default, a relation of errors stands beside the source, is called after it, and lives with it.
 */
import { errorRelation } from '../../../connectors/format/error-relation.ts';
import type { SourceFormat } from '../../../connectors/format/decoder.ts';
import type { SourceObject, SubsourceObject } from '../../catalog/object.ts';
import { sqlError } from '../../base/error.ts';
import type { Option } from '../../sql/ast.ts';
import type { ExecutionContext } from './context.ts';
import { Options } from './option.ts';

export type OnError = NonNullable<SourceFormat['onError']>;

/** What WITH says of records that cannot be decoded; it may say nothing else. Throws 22023. */
export function onErrorOf(statement: string, given: readonly Option[]): OnError {
  const position = given.find(({ name }) => name === 'ON ERROR')?.position;
  const options = new Options(statement, given);
  const word = options.string('ON ERROR')?.toUpperCase() ?? 'QUARANTINE';
  options.rest();
  if (word === 'QUARANTINE' || word === 'FAIL') return word;
  throw sqlError('22023', `ON ERROR takes QUARANTINE or FAIL, not ${word}`, {
    ...(position === undefined ? {} : { position }),
  });
}

/** The name of the relation of errors of a source. Throws 42P07 if it is taken. */
export function errorsName(
  { coordinator: { catalog } }: ExecutionContext,
  source: { readonly schema: string; readonly name: string },
): { readonly schema: string; readonly name: string } {
  const name = `${source.name}_errors`;
  if (catalog.item(source.schema, name) === undefined) return { schema: source.schema, name };
  throw sqlError('42P07', `relation "${name}" already exists`, {
    detail: `Records of "${source.name}" that cannot be decoded would be rows of it.`,
    hint: `Give "${source.name}" another name, or create it WITH (ON ERROR = FAIL).`,
  });
}

/** The relation of the records of a source that cannot be decoded. */
export function errorsOf(
  { coordinator }: ExecutionContext,
  { oid, stored }: SourceObject,
  at: { readonly schema: string; readonly name: string },
): SubsourceObject {
  return {
    kind: 'subsource',
    oid: coordinator.catalog.nextOid(),
    ...at,
    of: oid,
    part: 'errors',
    columns: errorRelation.map(({ name, type, nullable }) => ({
      name,
      type: { name: type, modifier: -1 },
      nullable,
    })),
    collection: coordinator.engine.nextNumber(),
    stored,
  };
}
