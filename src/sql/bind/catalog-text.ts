/**
 * Texts that only the catalog knows, for values that a query computes: the name of a relation's
 * oid, the definition of a view or index. System relations are read once, at one time, so the
 * answers are put into the expression as a choice among the oids there are.
 */
import { functionByKey, operatorsNamed } from '../../../dataflow/expr/function-table.ts';
import { quoteIdentifier } from '../../../dataflow/expr/quoting.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { defined } from '../../base/assert.ts';
import type { Scalar } from '../logical/scalar.ts';
import { caseOf, constant, isNull, nullConstant } from '../logical/scalar.ts';
import type { BindContext } from './context.ts';

/** The rows of a system relation, as lookups by column name. */
function systemRows(context: BindContext, name: string): readonly ((column: string) => Datum)[] {
  context.repeatable = false;
  const relation = context.catalog.relation(['pg_catalog', name]);
  if (relation?.rows === undefined || relation.rows === null) return [];
  const positions = new Map(relation.columns.map((column, i) => [column.name, i]));
  return relation.rows().map(
    (row) =>
      (column: string): Datum =>
        row[positions.get(column) ?? -1] ?? null,
  );
}

function asText(value: Datum): string {
  return typeof value === 'string' ? value : '';
}

/** Picks the text of an oid; `otherwise` for the ones that are not there. */
function choose(
  arg: Scalar,
  texts: ReadonlyMap<bigint, string>,
  otherwise: Scalar,
  type: TypeName,
): Scalar {
  if (arg.kind === 'constant') {
    const found = typeof arg.value === 'bigint' ? texts.get(arg.value) : undefined;
    return found === undefined ? otherwise : constant(found, type);
  }
  if (texts.size === 0) return otherwise;
  const oid: Scalar = { ...arg, type: 'oid' };
  return caseOf(
    [...texts].map(([value, text]): readonly [Scalar, Scalar] => [
      isEqual(oid, constant(value, 'oid')),
      constant(text, type),
    ]),
    otherwise,
    type,
  );
}

/** Both of one type. */
function isEqual(left: Scalar, right: Scalar): Scalar {
  const equal = defined(
    operatorsNamed('=').find((entry) => entry.args.every((each) => each === left.type)),
    `values of ${left.type} can be compared`,
  );
  return {
    kind: 'call',
    fn: equal.key,
    name: '=',
    args: [left, right],
    position: 0,
    type: 'bool',
    modifier: -1,
  };
}

/** A relation's oid cast to text is its name. undefined if it is not such a cast. */
export function relationText(
  context: BindContext,
  scalar: Scalar,
  target: TypeName,
): Scalar | undefined {
  if (
    scalar.type !== 'regclass' ||
    (target !== 'text' && target !== 'varchar' && target !== 'name')
  )
    return undefined;
  const names = new Map<bigint, string>();
  for (const row of systemRows(context, 'pg_class')) {
    const oid = row('oid');
    const name = typeof oid === 'bigint' ? context.catalog.relationName(Number(oid)) : undefined;
    if (typeof oid === 'bigint' && name !== undefined) names.set(oid, name);
  }
  if (scalar.kind === 'constant' && typeof scalar.value === 'bigint') {
    const name = context.catalog.relationName(Number(scalar.value));
    if (name !== undefined) names.set(scalar.value, name);
  }
  const cast = functionByKey(`cast(regclass,${target})`);
  if (cast === undefined) return undefined;
  const digits: Scalar = {
    kind: 'call',
    fn: cast.key,
    name: cast.name,
    args: [scalar],
    position: 0,
    type: target,
    modifier: -1,
  };
  return choose(scalar, names, digits, target);
}

/** Definitions by oid, from a relation with schema, name and text columns. */
function definitions(
  context: BindContext,
  relation: string,
  name: string,
  text: string,
): ReadonlyMap<bigint, string> {
  const found = new Map<bigint, string>();
  for (const row of systemRows(context, relation)) {
    const oid = context.catalog.relationOid([asText(row('schemaname')), asText(row(name))]);
    if (oid !== undefined) found.set(BigInt(oid), asText(row(text)));
  }
  return found;
}

/** Definitions of constraints by oid: PRIMARY KEY and its columns. */
function constraints(context: BindContext): ReadonlyMap<bigint, string> {
  const names = new Map(
    systemRows(context, 'pg_attribute').map((row) => [
      `${String(row('attrelid'))} ${String(row('attnum'))}`,
      asText(row('attname')),
    ]),
  );
  return new Map(
    systemRows(context, 'pg_constraint').flatMap((row): readonly (readonly [bigint, string])[] => {
      const oid = row('oid');
      const key = row('conkey');
      if (
        typeof oid !== 'bigint' ||
        key === null ||
        typeof key !== 'object' ||
        !('elements' in key)
      )
        return [];
      const columns = key.elements.map((number) =>
        quoteIdentifier(names.get(`${String(row('conrelid'))} ${String(number)}`) ?? ''),
      );
      return [[oid, `PRIMARY KEY (${columns.join(', ')})`]];
    }),
  );
}

/** The columns of indexes by number, then by the oid of the index. */
function indexColumns(context: BindContext): ReadonlyMap<number, ReadonlyMap<bigint, string>> {
  const isIndex = new Set(systemRows(context, 'pg_index').map((row) => row('indexrelid')));
  const found = new Map<number, Map<bigint, string>>();
  for (const row of systemRows(context, 'pg_attribute')) {
    const oid = row('attrelid');
    const number = row('attnum');
    if (typeof oid !== 'bigint' || typeof number !== 'number' || !isIndex.has(oid)) continue;
    const names = found.get(number) ?? new Map<bigint, string>();
    found.set(number, names.set(oid, quoteIdentifier(asText(row('attname')))));
  }
  return found;
}

/** A column of an index by its number; the whole definition for 0. */
function indexColumn(context: BindContext, oid: Scalar, number: Scalar, whole: Scalar): Scalar {
  const none = nullConstant('text');
  const columns = [...indexColumns(context)].map(([at, names]): readonly [Scalar, Scalar] => [
    isEqual(number, constant(at, 'int4')),
    choose(oid, names, none, 'text'),
  ]);
  return caseOf([[isEqual(number, constant(0, 'int4')), whole], ...columns], none, 'text');
}

/** Relations that their bare name finds. */
function visibleRelations(context: BindContext): ReadonlyMap<bigint, string> {
  const found = new Map<bigint, string>();
  for (const row of systemRows(context, 'pg_class')) {
    const oid = row('oid');
    const name = asText(row('relname'));
    if (typeof oid === 'bigint' && context.catalog.relationOid([name]) === Number(oid))
      found.set(oid, name);
  }
  return found;
}

/** The catalog's functions that take an oid; undefined if the name is none of them. */
export function catalogFunction(
  context: BindContext,
  name: string,
  args: readonly Scalar[],
): Scalar | undefined {
  const [oid] = args;
  if (oid === undefined) return undefined;
  switch (name) {
    case 'pg_get_userbyid':
      return caseOf(
        [[isNull(oid), nullConstant('name')]],
        constant(context.catalog.currentUser, 'name'),
        'name',
      );
    case 'pg_get_viewdef': {
      const views = new Map([
        ...definitions(context, 'pg_views', 'viewname', 'definition'),
        ...definitions(context, 'pg_matviews', 'matviewname', 'definition'),
      ]);
      return choose(oid, views, nullConstant('text'), 'text');
    }
    case 'pg_table_is_visible': {
      const visible = choose(oid, visibleRelations(context), nullConstant('text'), 'text');
      return { kind: 'not', arg: isNull(visible), type: 'bool', modifier: -1 };
    }
    case 'pg_get_indexdef': {
      const whole = choose(
        oid,
        definitions(context, 'pg_indexes', 'indexname', 'indexdef'),
        nullConstant('text'),
        'text',
      );
      return args[1] === undefined ? whole : indexColumn(context, oid, args[1], whole);
    }
    case 'pg_get_constraintdef':
      return choose(oid, constraints(context), nullConstant('text'), 'text');
    default:
      return undefined;
  }
}
