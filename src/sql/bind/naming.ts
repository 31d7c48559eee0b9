/** The name of a result column that has no alias, as Postgres finds it (`FigureColname`). */
import type { Expression, Query } from '../ast.ts';

/** How sure a name is: a weak one (of a cast, of CASE) gives way to one found further inside. */
interface Found {
  readonly name: string;
  readonly strong: boolean;
}

export const unnamed = '?column?';

/** The name of a select item without alias. */
export function columnName(expression: Expression): string {
  return find(expression)?.name ?? unnamed;
}

function strong(name: string): Found {
  return { name, strong: true };
}

function find(expression: Expression): Found | undefined {
  switch (expression.kind) {
    case 'column':
      return strong(expression.name.parts[expression.name.parts.length - 1] ?? unnamed);
    case 'call':
      return strong(expression.name.parts[expression.name.parts.length - 1] ?? unnamed);
    case 'coalesce':
    case 'greatest':
    case 'least':
    case 'nullif':
    case 'row':
    case 'array':
      return strong(expression.kind);
    case 'keywordFunction':
      return strong(expression.name);
    case 'field':
      return strong(expression.field);
    case 'subscript':
    case 'collate':
      return find(expression.operand);
    case 'cast': {
      const inner = find(expression.operand);
      const parts = expression.type.name.parts;
      return inner?.strong === true
        ? inner
        : { name: parts[parts.length - 1] ?? unnamed, strong: false };
    }
    case 'case': {
      const inner = expression.otherwise === null ? undefined : find(expression.otherwise);
      return inner?.strong === true ? inner : { name: 'case', strong: false };
    }
    case 'subquery':
      return subqueryName(expression.form, expression.query);
    default:
      return undefined;
  }
}

function subqueryName(form: 'scalar' | 'exists' | 'array', query: Query): Found | undefined {
  if (form !== 'scalar') return strong(form);
  let body = query.body;
  while (body.kind === 'setOperation') body = body.left.body;
  if (body.kind === 'values') return strong('column1');
  const [item] = body.items;
  if (item === undefined) return undefined;
  return item.alias === null ? find(item.expression) : strong(item.alias);
}
